/** UDP sockets for media. An error of one socket is logged and stays with it. */
import type { NetworkAddress } from '../bytes/network-address.ts';
import { viewOf } from '../bytes/octets.ts';
import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Logger } from '../bytes/ports.ts';
import type { Datagrams, DatagramSocket } from '../media/datagrams.ts';

/** Of so many datagrams to one place, it is heard what became of one. */
const HEARD_OF = 256;

export function udpDatagrams(logger: Logger): Datagrams {
  return { bind: (address, port) => bindUdp(address, port, logger) };
}

/** Broadcast addresses of the IPv4 networks that this machine is in (RFC 919). */
export function broadcastAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ family, cidr }) => family === 'IPv4' && cidr !== null && !/[/]3[12]$/.test(cidr))
    .map(({ address, netmask }) => {
      const mask = netmask.split('.').map(Number);
      return address
        .split('.')
        .map((octet, at) => Number(octet) | (~(mask[at] ?? 255) & 0xff))
        .join('.');
    });
}

function bindUdp(address: string, port: number, logger: Logger): Promise<DatagramSocket | null> {
  const family = isIPv6(address) ? 6 : 4;
  const socket = createSocket({
    type: family === 6 ? 'udp6' : 'udp4',
    // Destinations are addresses, never names: resolving at once lets `send` reach the system before it returns.
    lookup: (host, _options, done) => done(null, host, family),
  });
  return new Promise((resolve, reject) => {
    socket.once('error', (error: NodeJS.ErrnoException) => {
      socket.close();
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(null);
      else reject(error);
    });
    socket.bind({ address, port, exclusive: true }, () => {
      socket.removeAllListeners('error');
      resolve(new UdpSocket(socket, { address, port: socket.address().port }, logger));
    });
  });
}

/**
 * One object, and not a handful of closures: of thousands of sockets each has few packets a second, so that a packet
 * waits for memory mostly, and for every further place that has something of its socket.
 */
class UdpSocket implements DatagramSocket {
  readonly local: NetworkAddress;
  readonly #socket: Socket;
  #isOpen = true;
  /** Where the last datagram went, and how many there before it, modulo `HEARD_OF`. */
  #last: NetworkAddress | null = null;
  #since = 0;
  readonly #logger: Logger;

  constructor(socket: Socket, local: NetworkAddress, logger: Logger) {
    this.#socket = socket;
    this.local = local;
    this.#logger = logger;
    socket.on('error', (error) => logger.warn({ local, error }, 'a media socket reported an error'));
  }

  onDatagram(listener: (octets: Uint8Array, from: NetworkAddress) => void): void {
    this.#socket.removeAllListeners('message');
    if (!this.#isOpen) return;
    this.#socket.on('message', (octets, from) => {
      // Each datagram has memory of its own: what is handed on is that, and not a copy.
      listener(viewOf(octets), { address: from.address, port: from.port });
    });
  }

  send(octets: Uint8Array, to: NetworkAddress): void {
    if (!this.#isOpen) return;
    const last = this.#last;
    const isSame = to === last || (last?.port === to.port && last.address === to.address);
    this.#since = isSame ? (this.#since + 1) % HEARD_OF : 0;
    this.#last = to;
    // A callback for each would be a turn of its own.
    if (this.#since > 0) this.#socket.send(octets, to.port, to.address);
    else this.#socket.send(octets, to.port, to.address, (error) => this.#sent(to, error));
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#socket.removeAllListeners('message');
    this.#socket.close();
  }

  #sent(to: NetworkAddress, error: Error | null): void {
    if (error !== null) this.#logger.debug({ local: this.local, to, error }, 'a datagram could not be sent');
  }
}
