/**
 * The delivery function's end of HI2 and HI3: TLS connections to LEMFs (TS 102 232-1 clause 7: TCP with TLS, opened by
 * the delivery function), certificates on both sides. What is said on them is the handover manager's business.
 */
import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { PeerCertificate } from 'node:tls';
import { checkServerIdentity, connect } from 'node:tls';
import type {
  HandoverAddress,
  HandoverChannel,
  HandoverChannelEvents,
  HandoverTransport,
} from '../handover/ports.ts';
import type { HostMap } from '../../../net/hosts.ts';
import { endWhenRevoked } from '../../../net/live-tls.ts';
import { hasRole, peerOfCertificate, secureContext } from '../../../net/tls.ts';
import type { TlsMaterial } from '../../../net/tls.ts';

export interface HandoverClientOptions {
  readonly tls: TlsMaterial;
  readonly hosts: HostMap;
  /** Milliseconds of silence after which a connection that is not up is given up; default 10 s. */
  readonly connectMs?: number;
}

/** A peer that takes nothing more gets so long to take the rest of a connection that we close, in milliseconds. */
const CLOSING = 2_000;

export class HandoverClient implements HandoverTransport {
  readonly #options: HandoverClientOptions;

  constructor(options: HandoverClientOptions) {
    this.#options = options;
  }

  open({ host, port }: HandoverAddress, events: HandoverChannelEvents): HandoverChannel {
    const { connectMs = 10_000 } = this.#options;
    const endpoint = this.#options.hosts.resolve(host, port);
    const socket = connect({
      ...secureContext(this.#options.tls, 'TLSv1.2'),
      host: endpoint.address,
      port: endpoint.port,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      checkServerIdentity: (_name, certificate) => lemfProblem(host, certificate, this.#options.tls),
    });
    endWhenRevoked(socket, this.#options.tls);
    let reason = 'connection closed';
    let closing = false;
    socket.setNoDelay(true);
    const givenUp = () => socket.destroy(new Error(`no connection within ${connectMs} ms`));
    socket.setTimeout(connectMs, givenUp);
    socket.once('secureConnect', () => {
      socket.setTimeout(0);
      socket.off('timeout', givenUp);
      events.opened();
    });
    socket.on('data', (chunk: Buffer) => events.received(new Uint8Array(chunk)));
    socket.on('error', (error: Error) => (reason = error.message));
    socket.once('close', () => {
      if (!closing) events.closed(reason);
    });
    return {
      send: (octets) => {
        if (!closing && socket.writable) socket.write(octets);
      },
      close: () => {
        closing = true;
        socket.setTimeout(CLOSING, () => socket.destroy());
        if (socket.connecting) socket.destroy();
        else socket.destroySoon();
      },
    };
  }
}

/** The destination must have the role of a LEMF, and bear its name where X1 gave a name and not an address. */
function lemfProblem(host: string, certificate: PeerCertificate, tls: TlsMaterial): Error | undefined {
  const peer = peerOfCertificate(new X509Certificate(certificate.raw), tls);
  if (!hasRole(peer, 'lemf')) return new Error('the destination is no LEMF');
  return isIP(host) === 0 ? checkServerIdentity(host, certificate) : undefined;
}
