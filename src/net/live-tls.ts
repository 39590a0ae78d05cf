/**
 * Certificate, key and authorities that may be replaced while connections stand: new connections take the new ones,
 * whoever is connected stays so.
 *
 *     LiveTls ──► servers: setSecureContext        X2/X3 and HI clients: read at each connect
 *             └─► HTTPS clients: a new agent; the old one ends with its last request
 *
 * Only whoever a new revocation list has goes at once. Phones show no certificate, and trust alone is theirs to replace.
 */
import { X509Certificate } from 'node:crypto';
import type { PeerCertificate, SecureContextOptions, Server, TLSSocket } from 'node:tls';
import type { TlsMaterial, TrustMaterial } from './tls.ts';

export class LiveTrust<M extends TrustMaterial = TrustMaterial> implements TrustMaterial {
  protected material: M;
  readonly #followers = new Set<() => void>();

  constructor(material: M) {
    this.material = material;
  }

  get authorities(): string {
    return this.material.authorities;
  }

  get revocation(): TlsMaterial['revocation'] {
    return this.material.revocation;
  }

  /** Puts material in force that has been checked; whether it is other than before. */
  replace(material: M): boolean {
    const isOther = identityOf(material) !== identityOf(this.material);
    this.material = material;
    if (isOther) for (const follower of this.#followers) follower();
    return isOther;
  }

  /** Calls `follower` after each change; gives the way to stop it. */
  follow(follower: () => void): () => void {
    this.#followers.add(follower);
    return () => void this.#followers.delete(follower);
  }
}

/** The same with what one shows oneself. */
export class LiveTls extends LiveTrust<TlsMaterial> implements TlsMaterial {
  get certificate(): string {
    return this.material.certificate;
  }

  get privateKey(): string {
    return this.material.privateKey;
  }

  get roles(): TlsMaterial['roles'] {
    return this.material.roles;
  }

  /** Subject and end of validity (Unix milliseconds) of the certificate in force. */
  get inForce(): { readonly subject: string; readonly notAfter: number } {
    const certificate = new X509Certificate(this.material.certificate);
    const subject = certificate.subject || (certificate.subjectAltName ?? '');
    return { subject: subject.replaceAll('\n', ', '), notAfter: Date.parse(certificate.validTo) };
  }
}

/** What makes material other than before. */
function identityOf({
  certificate,
  privateKey,
  authorities,
  roles,
  revocation,
}: TrustMaterial & Partial<TlsMaterial>): string {
  return JSON.stringify([certificate, privateKey, authorities, roles, revocation?.digest]);
}

/**
 * Has a server take what is in force, from now on until it closes.
 * @param context made from the material
 * @param taken called after each change
 */
export function followTls(
  server: Pick<Server, 'setSecureContext' | 'once'>,
  tls: TlsMaterial,
  context: () => SecureContextOptions,
  taken: () => void = () => undefined,
): void {
  if (!(tls instanceof LiveTls)) return;
  const stop = tls.follow(() => {
    server.setSecureContext(context());
    taken();
  });
  server.once('close', stop);
}

/** Ends a client's connection when its peer is revoked while it stands. @param end how; by default with an error */
export function endWhenRevoked(
  socket: TLSSocket,
  tls: TrustMaterial,
  end: (reason: string) => void = (reason) => void socket.destroy(new Error(reason)),
): void {
  if (!(tls instanceof LiveTrust)) return;
  const stop = tls.follow(() => {
    if (showsRevoked(socket, tls)) end('the certificate of the peer is revoked');
  });
  socket.once('close', stop);
}

/** Whether a certificate of the chain that the peer has shown is revoked by now. */
export function showsRevoked(socket: TLSSocket, { revocation }: TrustMaterial): boolean {
  if (revocation === undefined || socket.destroyed) return false;
  const seen = new Set<string>();
  // Without a certificate it is an empty object, and the last one is its own issuer.
  let at: Partial<PeerCertificate> & { readonly issuerCertificate?: PeerCertificate } =
    socket.getPeerCertificate(true);
  while (at.raw !== undefined && at.fingerprint256 !== undefined && !seen.has(at.fingerprint256)) {
    if (revocation.revokes({ raw: at.raw })) return true;
    seen.add(at.fingerprint256);
    at = at.issuerCertificate ?? {};
  }
  return false;
}
