/**
 * One UDP socket of the gateway, facing the party of one side for one component (RTP or RTCP) of one stream, and where
 * that party is.
 *
 * The SDP says where a party receives; behind a NAT that is not where its packets come from, nor where answers reach it
 * . So the leg latches to the source of the first packet, sends there from then on, and takes nothing from
 * elsewhere. A packet from the very address of the SDP displaces another latch, so that whoever comes first with a
 * guess does not keep the party out; a new address in the SDP starts over.
 *
 * Two things are not that simple. After a new address in the SDP, packets that left the old place before are
 * still on their way: they are handed on, and do not win the latch. And a NAT may change its mapping in mid-call: packets
 * from a new source that go on with the stream are handed on at once; the leg sends there once the old source has been
 * silent for a second.
 *
 *     from                                     taken   latched to
 *     the latched source                       yes     it is
 *     nobody latched: any but the former       yes     at once
 *     the address of the SDP                   yes     at once, unless the stream has gone on from it to another
 *     a source that goes on with the stream    yes     by two packets in a row, after a second of silence
 *     the former place, for two seconds        yes     only as one that goes on
 *     anywhere else                            no
 */
import { canonicalAddress, sameAddress } from '../../bytes/network-address.ts';
import type { NetworkAddress } from '../../bytes/network-address.ts';
import type { Clock } from '../../bytes/ports.ts';
import type { DatagramSocket } from '../../media/datagrams.ts';
import type { Continuity } from './continuity.ts';

/** Milliseconds of silence after which a stream that goes on elsewhere has moved. */
const SILENCE_MS = 1000;
/** Milliseconds for which stragglers from the former place are taken. */
const FORMER_MS = 2000;

export interface LegParts {
  readonly clock: Clock;
  readonly continuity: Continuity;
  /** Whether media may go to an address at all. */
  readonly allows: (at: NetworkAddress) => boolean;
  /** Packets that are handed on in a second. */
  readonly maxRate: number;
}

export interface LegCounts {
  /** Packets taken from the party. */
  readonly received: number;
  /** Packets of others. */
  readonly refused: number;
  /** Packets beyond the rate. */
  readonly excess: number;
}

/** What becomes of the packets of a leg. */
export interface LegUser {
  /** A packet of the party. */
  taken(octets: Uint8Array, from: NetworkAddress, at: number): void;
}

/** Its times are the lower 32 bits of Unix milliseconds, which need no memory of their own; 24 days of silence count as none. */
export class MediaLeg {
  // What every packet needs stands together, and first.
  #latched: NetworkAddress | null = null;
  #signalled: NetworkAddress | null = null;
  /** When the latched source was last heard, or the party moved. */
  #heard = 0;
  /** When a packet was last taken, if one was. */
  #taken: number | null = null;
  #inSecond = 0;
  readonly #maxRate: number;
  #received = 0;
  #user: LegUser | null = null;
  readonly #continuity: Continuity;
  readonly #clock: Clock;
  readonly #socket: DatagramSocket;
  readonly #allows: LegParts['allows'];
  /** Where the party was before it moved to where it is. */
  #former: NetworkAddress | null = null;
  /** Another source that has gone on with the stream, and when it did last. */
  #candidate: NetworkAddress | null = null;
  #wentOn = 0;
  /** The stream has gone on elsewhere than the SDP says, which does not win any more by itself. */
  #movedOn = false;
  /** When the party moved. */
  #moved = 0;
  #refused = 0;
  #excess = 0;

  constructor(socket: DatagramSocket, { clock, continuity, allows, maxRate }: LegParts) {
    this.#socket = socket;
    this.#clock = clock;
    this.#continuity = continuity;
    this.#allows = allows;
    this.#maxRate = maxRate;
  }

  get local(): NetworkAddress {
    return this.#socket.local;
  }

  /** Where packets for the party go: where its own come from, else where the SDP says; `null` if neither is known. */
  get remote(): NetworkAddress | null {
    return this.#latched ?? this.#signalled;
  }

  /** Where the party's packets come from, as far as it has sent any. */
  get source(): NetworkAddress | null {
    return this.#latched;
  }

  get counts(): LegCounts {
    return { received: this.#received, refused: this.#refused, excess: this.#excess };
  }

  /** When a packet of the party came last, Unix milliseconds; `-Infinity`: none has. */
  get lastPacket(): number {
    if (this.#taken === null) return -Infinity;
    const at = this.#clock.now();
    return Math.floor(at) - passed(this.#taken, shortOf(at));
  }

  /** What the SDP says; the same as before changes nothing. */
  signal(wanted: NetworkAddress | null): void {
    const remote = wanted === null ? null : { ...wanted, address: canonicalAddress(wanted.address) };
    const before = this.#signalled;
    if (remote === null || before === null ? remote === before : sameAddress(remote, before)) return;
    this.#signalled = remote;
    this.#movedOn = false;
    if (remote !== null && this.#latched !== null && sameAddress(remote, this.#latched)) return;
    if (this.#latched !== null) this.#move(this.#latched, null);
  }

  /** Hands every packet of the party to `user`, with when it came. */
  receive(user: LegUser): void {
    this.#user = user;
    this.#socket.onDatagram((octets, from) => this.#arrived(octets, from));
  }

  /** Another second has begun: as many packets again may come. */
  newSecond(): void {
    this.#inSecond = 0;
  }

  /** Sends to the party; before it is known where that is, the packet is lost. */
  send(octets: Uint8Array): void {
    const remote = this.#latched ?? this.#signalled;
    if (remote !== null) this.#socket.send(octets, remote);
  }

  /** Of each packet that is relayed: nothing is made here, and no more looked at than must be. */
  #arrived(octets: Uint8Array, from: NetworkAddress): void {
    const at = this.#clock.now();
    const now = shortOf(at);
    const isLatched = is(from, this.#latched);
    if (!isLatched && !this.#accepts(octets, from, now)) {
      this.#refused++;
      return;
    }
    this.#taken = now;
    if (isLatched) this.#heard = now;
    if (this.#inSecond >= this.#maxRate) {
      this.#excess++;
      return;
    }
    this.#inSecond++;
    this.#received++;
    this.#continuity.note(octets);
    this.#user?.taken(octets, from, at);
  }

  /** Whether a packet from elsewhere than the latched source is the party's. */
  #accepts(octets: Uint8Array, from: NetworkAddress, now: number): boolean {
    if (!this.#allows(from)) return false;
    const former = is(from, this.#former);
    const wins = this.#latched === null ? !former : is(from, this.#signalled) && !this.#movedOn;
    if (wins) {
      this.#latched = from;
      this.#heard = now;
      return true;
    }
    if (this.#continuity.continues(octets, from)) {
      // One packet now and then may be a straggler of the former place; two in a row are a stream.
      const inARow = is(from, this.#candidate) && passed(this.#wentOn, now) < this.#continuity.gapMs;
      this.#candidate = from;
      this.#wentOn = now;
      const isSilent = passed(this.#heard, now) >= SILENCE_MS;
      if (inARow && isSilent) this.#move(this.#latched ?? this.#signalled, from);
      return true;
    }
    return (former && passed(this.#moved, now) < FORMER_MS) || is(from, this.#candidate);
  }

  /** The party, who was at `former`, is at `latched` now, or it will be seen where. */
  #move(former: NetworkAddress | null, latched: NetworkAddress | null): void {
    this.#former = former;
    this.#latched = latched;
    this.#candidate = null;
    this.#movedOn = latched !== null;
    this.#moved = this.#heard = shortOf(this.#clock.now());
  }
}

function is(a: NetworkAddress, b: NetworkAddress | null): boolean {
  return b !== null && sameAddress(a, b);
}

/** A time in Unix milliseconds, in short. */
function shortOf(at: number): number {
  return at | 0;
}

/** Milliseconds from one short time to another; none if the clock has been put back. */
function passed(from: number, to: number): number {
  return Math.max(0, (to - from) | 0);
}
