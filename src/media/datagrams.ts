/** What media needs of UDP, as an interface; `net/datagrams.ts` has the sockets. */

import type { NetworkAddress } from '../bytes/network-address.ts';

export interface DatagramSocket {
  readonly local: NetworkAddress;
  /** One listener; the octets are its own to keep. */
  onDatagram(listener: (octets: Uint8Array, from: NetworkAddress) => void): void;
  /** Hands the datagram to the operating system at once; what cannot be sent is lost, as datagrams are. */
  send(octets: Uint8Array, to: NetworkAddress): void;
  /** Nothing is received or sent afterwards. */
  close(): void;
}

export interface Datagrams {
  /** A socket on that address and port (0: any free one), or `null` if the port is taken. */
  bind(address: string, port: number): Promise<DatagramSocket | null>;
}

/** Two sockets on an even port and the next (RFC 3550 section 11). */
export interface SocketPair {
  readonly rtp: DatagramSocket;
  readonly rtcp: DatagramSocket;
}

export interface UdpPortRange {
  readonly address: string;
  readonly from: number;
  readonly to: number;
}

/**
 * The lowest free pair of the range, so that the same run takes the same ports.
 * @returns `null` if all are taken
 */
export async function bindPair(datagrams: Datagrams, range: UdpPortRange): Promise<SocketPair | null> {
  for (let port = range.from + (range.from % 2); port < range.to; port += 2) {
    const rtp = await datagrams.bind(range.address, port);
    if (rtp === null) continue;
    const rtcp = await datagrams.bind(range.address, port + 1);
    if (rtcp !== null) return { rtp, rtcp };
    rtp.close();
  }
  return null;
}
