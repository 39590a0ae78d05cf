/** Connections over TLS, with certificates on both sides, to peers of a certain role (X2/X3, HI2/HI3). */
import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { checkServerIdentity, connect } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import type { HostMap } from './hosts.ts';
import { endWhenRevoked } from './live-tls.ts';
import { hasRole, peerOfCertificate, secureContext } from './tls.ts';
import type { Role, TlsMaterial } from './tls.ts';

/** Whom one connects to. */
export interface TlsDestination {
  /** The certificate must bear it, where it is a name and not an address. */
  readonly host: string;
  readonly port: number;
  readonly role: Role;
}

/** @param revoked told when the certificate of the peer is revoked while the connection stands; by default it is ended */
export function connectTo(
  { host, port, role }: TlsDestination,
  { tls, hosts }: { readonly tls: TlsMaterial; readonly hosts: HostMap },
  revoked?: (reason: string) => void,
): TLSSocket {
  const isNamed = isIP(host) === 0;
  const { address, port: at } = hosts.resolve(host, port);
  const socket = connect({
    ...secureContext(tls, 'TLSv1.2'),
    ...{ host: address, port: at, ...(isNamed ? { servername: host } : {}) },
    checkServerIdentity: (_name, certificate) => {
      const peer = peerOfCertificate(new X509Certificate(certificate.raw), tls);
      if (!hasRole(peer, role)) return new Error(`the destination is not a ${role.toUpperCase()}`);
      return isNamed ? checkServerIdentity(host, certificate) : undefined;
    },
  });
  endWhenRevoked(socket, tls, revoked);
  socket.setNoDelay(true);
  return socket;
}
