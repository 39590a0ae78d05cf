/**
 * Certificate, key and authorities that may be replaced while connections stand: new connections take the new ones,
 * whoever is connected stays so.
 *
 *     LiveTls ──► servers: setSecureContext        X2/X3 and HI clients: read at each connect
 *             └─► HTTPS clients: a new agent; the old one ends with its last request
 */
import { X509Certificate } from 'node:crypto';
import type { SecureContextOptions, Server } from 'node:tls';
import type { TlsMaterial } from './tls.ts';

export class LiveTls implements TlsMaterial {
  #material: TlsMaterial;
  readonly #followers = new Set<() => void>();

  constructor(material: TlsMaterial) {
    this.#material = material;
  }

  get certificate(): string {
    return this.#material.certificate;
  }

  get privateKey(): string {
    return this.#material.privateKey;
  }

  get authorities(): string {
    return this.#material.authorities;
  }

  get roles(): TlsMaterial['roles'] {
    return this.#material.roles;
  }

  /** Subject and end of validity (Unix milliseconds) of the certificate in force. */
  get inForce(): { readonly subject: string; readonly notAfter: number } {
    const certificate = new X509Certificate(this.#material.certificate);
    const subject = certificate.subject || (certificate.subjectAltName ?? '');
    return { subject: subject.replaceAll('\n', ', '), notAfter: Date.parse(certificate.validTo) };
  }

  /** Puts material in force that has been checked; whether it is other than before. */
  replace(material: TlsMaterial): boolean {
    const isOther = (['certificate', 'privateKey', 'authorities', 'roles'] as const).some(
      (part) => JSON.stringify(material[part]) !== JSON.stringify(this.#material[part]),
    );
    this.#material = material;
    if (isOther) for (const follower of this.#followers) follower();
    return isOther;
  }

  /** Calls `follower` after each change; gives the way to stop it. */
  follow(follower: () => void): () => void {
    this.#followers.add(follower);
    return () => void this.#followers.delete(follower);
  }
}

/** Has a server take what is in force, from now on until it closes. @param context made from the material */
export function followTls(
  server: Pick<Server, 'setSecureContext' | 'once'>,
  tls: TlsMaterial,
  context: () => SecureContextOptions,
): void {
  if (!(tls instanceof LiveTls)) return;
  const stop = tls.follow(() => server.setSecureContext(context()));
  server.once('close', stop);
}
