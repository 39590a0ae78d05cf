/**
 * What a run of the laboratory sends, as packets: SIP and media as they are; X2, X3, HI2 and HI3 as they are within TLS,
 * one PDU a TCP segment, so that whoever reads the capture needs no keys.
 *
 * Segments are made of what was written and read, not taken from the network: each connection begins with a handshake
 * (by whoever is seen first to speak), numbers and acknowledgements are right, and it ends with a FIN from either end.
 */
import type { NetworkAddress } from '../../bytes/network-address.ts';
import { Deframer } from '../../wire/x2x3/deframer.ts';
import { PsPduDeframer } from '../../wire/hi/deframer.ts';
import type { StreamSight } from '../../net/tls-listener.ts';
import type { SentDatagram } from '../network/media-tap.ts';
import { MOST_SEGMENT, TCP_FLAG, tcpPacket, udpPacket } from './packets.ts';
import type { PacketEnds } from './packets.ts';
import { encodePcap } from './pcap.ts';
import type { CapturedPacket } from './pcap.ts';

/** A SIP message as it was sent. */
export interface SentSip extends PacketEnds {
  /** `UDP`, or one that has connections. */
  readonly protocol: string;
  readonly octets: Uint8Array;
}

/** Either direction of a connection: the number of its next octet, and how its PDUs are found. */
interface Way {
  next: number;
  deframer: { push(octets: Uint8Array): Iterable<Uint8Array> } | null;
}

interface Connection {
  readonly client: NetworkAddress;
  readonly server: NetworkAddress;
  readonly ways: Readonly<Record<'up' | 'down', Way>>;
}

/** How PDUs are cut out of the streams of a listener, by its name. */
const DEFRAMERS: Readonly<Record<string, () => Way['deframer']>> = {
  'X2/X3': () => new Deframer(),
  HI: () => new PsPduDeframer(),
};

const NOTHING = new Uint8Array();

export class Capture {
  readonly #now: () => number;
  readonly #packets: CapturedPacket[] = [];
  readonly #connections = new Map<string, Connection>();

  /** @param now Unix milliseconds by a clock that runs */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Packets so far. */
  get packets(): number {
    return this.#packets.length;
  }

  sip({ protocol, from, to, octets }: SentSip): void {
    if (protocol === 'UDP') this.#put(udpPacket({ from, to }, octets));
    else this.#send(this.#connection({ from, to }, null), { from, to }, octets);
  }

  media({ from, to, octets }: Pick<SentDatagram, 'from' | 'to' | 'octets'>): void {
    this.#put(udpPacket({ from, to }, octets));
  }

  /** Octets of a connection within TLS, as they were written or read. */
  stream({ stream, direction, local, remote, octets }: StreamSight): void {
    const ends = direction === 'sent' ? { from: local, to: remote } : { from: remote, to: local };
    const connection = this.#connection(ends, stream);
    for (const pdu of pdusOf(wayOf(connection, ends), octets)) this.#send(connection, ends, pdu);
  }

  /** The whole capture as a file, with the ends of connections that are still open. */
  toFile(): Uint8Array {
    for (const connection of this.#connections.values()) this.#end(connection);
    this.#connections.clear();
    return encodePcap(this.#packets);
  }

  #connection(ends: PacketEnds, stream: string | null): Connection {
    const key = [ends.from, ends.to].map(keyOf).sort().join(' ');
    const known = this.#connections.get(key);
    if (known !== undefined) return known;
    const way = (): Way => ({ next: 0, deframer: DEFRAMERS[stream ?? '']?.() ?? null });
    const connection = { client: ends.from, server: ends.to, ways: { up: way(), down: way() } };
    this.#connections.set(key, connection);
    const back = { from: ends.to, to: ends.from };
    this.#segment(connection, ends, TCP_FLAG.syn);
    this.#segment(connection, back, TCP_FLAG.syn | TCP_FLAG.ack);
    this.#segment(connection, ends, TCP_FLAG.ack);
    return connection;
  }

  #send(connection: Connection, ends: PacketEnds, octets: Uint8Array): void {
    for (let at = 0; at < octets.length; at += MOST_SEGMENT)
      this.#segment(connection, ends, TCP_FLAG.push | TCP_FLAG.ack, octets.subarray(at, at + MOST_SEGMENT));
  }

  #end(connection: Connection): void {
    const { client, server } = connection;
    this.#segment(connection, { from: client, to: server }, TCP_FLAG.fin | TCP_FLAG.ack);
    this.#segment(connection, { from: server, to: client }, TCP_FLAG.fin | TCP_FLAG.ack);
    this.#segment(connection, { from: client, to: server }, TCP_FLAG.ack);
  }

  #segment(connection: Connection, ends: PacketEnds, flags: number, payload: Uint8Array = NOTHING): void {
    const way = wayOf(connection, ends);
    const back = wayOf(connection, { from: ends.to, to: ends.from });
    const acknowledgement = (flags & TCP_FLAG.ack) === 0 ? 0 : back.next;
    this.#put(tcpPacket(ends, { sequence: way.next, acknowledgement, flags }, payload));
    const counted = (flags & (TCP_FLAG.syn | TCP_FLAG.fin)) === 0 ? payload.length : 1;
    way.next = (way.next + counted) >>> 0;
  }

  #put(octets: Uint8Array): void {
    this.#packets.push({ at: this.#now(), octets });
  }
}

/** From where a stream cannot be cut any more, its octets are taken as they come. */
function pdusOf(way: Way, octets: Uint8Array): readonly Uint8Array[] {
  if (way.deframer === null) return [octets];
  try {
    return [...way.deframer.push(octets)];
  } catch {
    way.deframer = null;
    return [octets];
  }
}

function wayOf(connection: Connection, { from }: PacketEnds): Way {
  return connection.ways[keyOf(from) === keyOf(connection.client) ? 'up' : 'down'];
}

function keyOf({ address, port }: NetworkAddress): string {
  return `${address.replace(/^::ffff:/, '')}:${port}`;
}
