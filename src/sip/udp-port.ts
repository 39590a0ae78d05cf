/** A UDP socket that SIP is listened on, and flows over it: an address and port that messages go to from there. */
import { createSocket } from 'node:dgram';
import type { RemoteInfo, Socket } from 'node:dgram';
import { isIPv4, isIPv6 } from 'node:net';
import { canonicalAddress } from '../bytes/network-address.ts';
import type { NetworkAddress } from '../bytes/network-address.ts';
import { messageOf } from '../bytes/errors.ts';
import { viewOf } from '../bytes/octets.ts';
import type { Logger } from '../bytes/ports.ts';
import { whyOf } from '../bytes/system-errors.ts';
import { SipError } from './errors.ts';
import type { Flow } from './flow.ts';

/** RFC 768 less headers of IPv4: octets of a datagram at most. */
const MAX_DATAGRAM = 65507;
/** Octets of datagrams that may wait for the network; where answers to strangers are among them, a quarter of that. */
const MAX_QUEUED = 4 << 20;
const MAX_QUEUED_ONCE = MAX_QUEUED / 4;
/** Octets of datagrams that the system keeps until they are read, if it lets this process have so many: what is lost there is lost unseen. */
const RECEIVE_BUFFER = 4 << 20;

export interface UdpParts {
  readonly logger: Logger;
  /** A datagram has come, from this address in canonical form. The octets are nobody else's. */
  received(octets: Uint8Array, source: NetworkAddress, port: UdpPort): void;
}

export class UdpPort {
  readonly local: NetworkAddress;
  readonly #isIpv6: boolean;
  readonly #socket: Socket;
  readonly #logger: Logger;
  #open = true;
  #unsent = 0;

  private constructor(socket: Socket, parts: UdpParts) {
    this.#socket = socket;
    const { logger } = parts;
    this.#logger = logger;
    const { address, port } = socket.address();
    this.local = { address, port };
    this.#isIpv6 = isIPv6(address);
    socket.on('message', (octets, remote: RemoteInfo) =>
      parts.received(viewOf(octets), { address: canonicalAddress(remote.address), port: remote.port }, this),
    );
    socket.on('error', (error) => logger.warn({ error: messageOf(error) }, 'UDP socket error'));
  }

  /** @throws SipError `unreachable` */
  static async bind(address: string, port: number, parts: UdpParts): Promise<UdpPort> {
    const family = isIPv6(address) ? 6 : 4;
    const socket = createSocket({
      type: family === 6 ? 'udp6' : 'udp4',
      recvBufferSize: RECEIVE_BUFFER,
      // Flows have addresses, never names: so a message is with the system before whoever watches is told of it.
      lookup: (host, _options, done) => done(null, host, family),
    });
    await new Promise<void>((resolve, reject) => {
      socket.once('error', (cause) => {
        socket.close();
        reject(new SipError('unreachable', `cannot listen on UDP ${address}:${port}`, { cause }));
      });
      socket.bind(port, address, resolve);
    });
    socket.removeAllListeners('error');
    return new UdpPort(socket, parts);
  }

  /** Datagrams that were not sent because too many waited. */
  get unsent(): number {
    return this.#unsent;
  }

  /** Whether an address is of a family that is sent to from here. */
  reaches(address: string): boolean {
    const own = this.local.address;
    if (isIPv6(address)) return isIPv6(own);
    return isIPv4(own) || own === '::' || !isIPv4(address);
  }

  /** @param source where its messages come from, if that is another port */
  flowTo(remote: NetworkAddress, source?: NetworkAddress): Flow {
    return new UdpFlow(this, remote, source);
  }

  /** @throws SipError `unreachable`, `too-large` */
  send(octets: Uint8Array, { address, port }: NetworkAddress): void {
    if (octets.length > MAX_DATAGRAM) throw new SipError('too-large', 'the message does not fit a datagram');
    if (!this.#open) throw new SipError('unreachable', 'the transport is closed');
    // The port is whatever a Via or Contact of somebody else says.
    if (port < 1 || port > 65535) throw new SipError('unreachable', `there is no port ${port}`);
    if (this.#isFull(MAX_QUEUED)) return;
    // A socket of IPv6 that takes both families sends to one of IPv4 by its mapped address (RFC 3493 section 3.7).
    const wire = this.#isIpv6 && isIPv4(address) ? `::ffff:${address}` : address;
    this.#socket.send(octets, port, wire, (error) => {
      if (error !== null) this.#logger.warn({ to: address, error: whyOf(error) }, 'datagram not sent');
    });
  }

  /** The same of an answer that is sent once, which needs less to wait. */
  sendOnce(octets: Uint8Array, remote: NetworkAddress): void {
    if (this.#isFull(MAX_QUEUED_ONCE)) return;
    this.send(octets, remote);
  }

  /** Nothing is sent any more. */
  close(): Promise<void> {
    this.#open = false;
    return new Promise((done) => this.#socket.close(() => done()));
  }

  /** Whether too much waits for a datagram to be sent, which is then lost as in a network: who waits for it asks again. */
  #isFull(most: number): boolean {
    if (this.#socket.getSendQueueSize() <= most) return false;
    this.#unsent++;
    return true;
  }
}

class UdpFlow implements Flow {
  readonly protocol = 'UDP';
  readonly open = true;
  readonly remote: NetworkAddress;
  readonly source: NetworkAddress | undefined;
  readonly #port: UdpPort;

  constructor(port: UdpPort, remote: NetworkAddress, source: NetworkAddress | undefined) {
    this.#port = port;
    this.remote = remote;
    this.source = source;
  }

  get local(): NetworkAddress {
    return this.#port.local;
  }

  send(octets: Uint8Array): void {
    this.#port.send(octets, this.remote);
  }

  sendOnce(octets: Uint8Array): void {
    this.#port.sendOnce(octets, this.remote);
  }
}
