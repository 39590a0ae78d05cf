/**
 * Certificates for SIP over TLS by RFC 5922: what a certificate proves is SIP domains, by its subject alternative names.
 *
 *     URI sip:DOMAIN, without a user   the domain; if there is one, DNS names are not asked
 *     DNS NAME                         the name, letter by letter: no wildcards
 *
 * Neither its common name nor its place on the network proves anything. Another home's CSCF also needs the role `cscf`,
 * which a certificate of elsewhere has by `tls.roles`.
 */
import 'reflect-metadata'; // @peculiar/x509 needs it before its own import
import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { connect, createServer } from 'node:tls';
import type { Server, TLSSocket } from 'node:tls';
import { SubjectAlternativeNameExtension, X509Certificate as ParsedCertificate } from '@peculiar/x509';
import type { NetworkAddress } from '../bytes/network-address.ts';
import type { SipSecurity } from '../sip/security.ts';
import { endWhenRevoked, followTls } from './live-tls.ts';
import { hasRole, peerOfCertificate, secureContext } from './tls.ts';
import type { Role, TlsMaterial, TrustMaterial } from './tls.ts';

export interface CertifiedSipOptions {
  /** Own certificate and key, if there is one, and the authorities that others chain to. */
  readonly tls: TlsMaterial | TrustMaterial;
  /** What whoever is reached under a host name may be certified as; by default that name alone. */
  readonly namesOf?: (host: string) => readonly string[];
  /** Role without which a certificate proves nothing; absent: none is asked for. */
  readonly role?: Role;
}

export class CertifiedSip implements SipSecurity {
  readonly #options: CertifiedSipOptions;

  constructor(options: CertifiedSipOptions) {
    this.#options = options;
  }

  server(): Server {
    const { tls } = this.#options;
    if (!('certificate' in tls)) throw new RangeError('without a certificate nobody can be served');
    // Phones have none; who shows one that does not chain to the authorities is refused by `identities`.
    const asking = { requestCert: true, rejectUnauthorized: false };
    const server = createServer({ ...secureContext(tls, 'TLSv1.2'), ...asking });
    followTls(server, tls, () => secureContext(tls, 'TLSv1.2'));
    server.on('secureConnection', (socket) => endWhenRevoked(socket, tls));
    return server;
  }

  connect(remote: NetworkAddress, host: string): TLSSocket {
    const { tls, namesOf = (name: string) => [name] } = this.#options;
    const { authorities, revocation } = tls;
    const trusted = { ca: authorities, ...(revocation === undefined ? {} : { crl: [...revocation.pem] }) };
    const own = 'certificate' in tls ? secureContext(tls, 'TLSv1.2') : trusted;
    const socket = connect({
      ...own,
      minVersion: 'TLSv1.2',
      host: remote.address,
      port: remote.port,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      checkServerIdentity: (_name, { raw }) => {
        const proven = this.#provenBy(new X509Certificate(raw));
        if (namesOf(host).some((name) => proven.includes(name.toLowerCase()))) return undefined;
        return new Error(
          `the certificate is not one of ${host}: ${proven.join(', ') || 'it proves no domain'}`,
        );
      },
    });
    endWhenRevoked(socket, tls);
    return socket;
  }

  identities(socket: TLSSocket): readonly string[] | null {
    const certificate = socket.getPeerX509Certificate();
    if (certificate === undefined) return [];
    return socket.authorized ? this.#provenBy(certificate) : null;
  }

  #provenBy(certificate: X509Certificate): string[] {
    const { role, tls } = this.#options;
    const own = 'certificate' in tls ? tls : undefined;
    if (role !== undefined && !hasRole(peerOfCertificate(certificate, own), role)) return [];
    return sipDomains(certificate);
  }
}

/** The SIP domains that a certificate proves, in lower case. */
export function sipDomains(certificate: X509Certificate): string[] {
  const parsed = new ParsedCertificate(certificate.raw);
  const names = parsed.getExtension(SubjectAlternativeNameExtension)?.names.items ?? [];
  const uris = names.filter(({ type }) => type === 'url').map(({ value }) => value);
  const domains = uris.flatMap((uri) => /^sip:([^@:;?]+)$/i.exec(uri)?.[1] ?? []);
  const said =
    domains.length > 0 ? domains : names.filter(({ type }) => type === 'dns').map(({ value }) => value);
  return said.map((name) => name.toLowerCase());
}
