/**
 * One stream of a session, anchored: four legs, and what arrives on one goes out on the opposite one of the same
 * component, octet for octet, whatever it is.
 *
 *     party A ⇄ a.rtp  │ b.rtp  ⇄ party B
 *     party A ⇄ a.rtcp │ b.rtcp ⇄ party B
 */
import type { NetworkAddress } from '../../bytes/network-address.ts';
import type { SocketPair } from '../../media/datagrams.ts';
import type { MediaAddress, Side, WantedStream } from '../../wire/iq/sessions.ts';
import { SIDES, otherSide } from '../../wire/iq/sessions.ts';
import type { Clock } from '../../bytes/ports.ts';
import { RtcpContinuity, RtpContinuity } from './continuity.ts';
import { MediaLeg } from './leg.ts';
import type { LegCounts, LegParts, LegUser } from './leg.ts';

export interface RelayedPacket {
  readonly octets: Uint8Array;
  /** When it came, Unix milliseconds. */
  readonly at: number;
  /** The side that it came from. */
  readonly side: Side;
  readonly source: NetworkAddress;
  /** Where the gateway received it. */
  readonly destination: NetworkAddress;
}

export interface StreamParts {
  readonly clock: Clock;
  readonly allows: LegParts['allows'];
  /** Packets that are handed on in a second, from either side and component. */
  readonly maxRate: number;
  readonly user: {
    /** Whether anybody wants packets of a side; asked of each, after it has been handed on. */
    isWanted(side: Side): boolean;
    /** Called with each packet that is wanted. */
    relayed(packet: RelayedPacket): void;
  };
  /** The sockets are whoever's gave them again. */
  readonly closed: () => void;
}

interface Legs {
  readonly rtp: MediaLeg;
  readonly rtcp: MediaLeg;
}

export class Stream {
  readonly #sides: Readonly<Record<Side, Legs>>;
  readonly #legs: readonly MediaLeg[];
  readonly close: () => void;

  constructor(pairs: Readonly<Record<Side, SocketPair>>, { user, closed, ...parts }: StreamParts) {
    this.close = closed;
    const legs = (pair: SocketPair): Legs => {
      const rtp = new MediaLeg(pair.rtp, { ...parts, continuity: new RtpContinuity() });
      const continuity = new RtcpContinuity(() => rtp.source);
      return { rtp, rtcp: new MediaLeg(pair.rtcp, { ...parts, continuity }) };
    };
    this.#sides = { a: legs(pairs.a), b: legs(pairs.b) };
    this.#legs = SIDES.flatMap((side) => [this.#sides[side].rtp, this.#sides[side].rtcp]);
    for (const side of SIDES) {
      for (const component of ['rtp', 'rtcp'] as const) {
        const from = this.#sides[side][component];
        const to = this.#sides[otherSide(side)][component];
        from.receive(new Crossing(from, to, side, user));
      }
    }
  }

  /** Where the gateway receives the RTP of either side. */
  get local(): { readonly a: NetworkAddress; readonly b: NetworkAddress } {
    return { a: this.#sides.a.rtp.local, b: this.#sides.b.rtp.local };
  }

  /** Over all legs. */
  get counts(): LegCounts {
    const counts = this.#legs.map((leg) => leg.counts);
    const sum = (of: keyof LegCounts) => counts.reduce((total, each) => total + each[of], 0);
    return { received: sum('received'), refused: sum('refused'), excess: sum('excess') };
  }

  /** When a packet came last, Unix milliseconds; `-Infinity`: none has. */
  get lastPacket(): number {
    return Math.max(...this.#legs.map((leg) => leg.lastPacket));
  }

  /** Another second has begun. */
  newSecond(): void {
    for (const leg of this.#legs) leg.newSecond();
  }

  signal(wanted: WantedStream): void {
    for (const side of SIDES) {
      this.#sides[side].rtp.signal(endpointOf(wanted[side]));
      this.#sides[side].rtcp.signal(rtcpOf(wanted[side]));
    }
  }
}

/** From a leg to the opposite one. */
class Crossing implements LegUser {
  readonly #to: MediaLeg;
  readonly #user: StreamParts['user'];
  readonly #side: Side;
  readonly #from: MediaLeg;

  constructor(from: MediaLeg, to: MediaLeg, side: Side, user: StreamParts['user']) {
    this.#from = from;
    this.#to = to;
    this.#side = side;
    this.#user = user;
  }

  taken(octets: Uint8Array, source: NetworkAddress, at: number): void {
    this.#to.send(octets);
    if (!this.#user.isWanted(this.#side)) return;
    this.#user.relayed({ octets, at, side: this.#side, source, destination: this.#from.local });
  }
}

/** Everywhere that media of a stream would go. */
export function wantedAddresses(wanted: WantedStream): NetworkAddress[] {
  return SIDES.flatMap((side) => [endpointOf(wanted[side]) ?? [], rtcpOf(wanted[side]) ?? []].flat());
}

function endpointOf(address: MediaAddress | null): NetworkAddress | null {
  return address === null ? null : { address: address.address, port: address.port };
}

/** Port 65535 has none after it: RTCP then goes where the party's own comes from, if it sends any. */
function rtcpOf(address: MediaAddress | null): NetworkAddress | null {
  if (address === null || address.rtcp !== undefined) return address?.rtcp ?? null;
  return address.port === 65535 ? null : { address: address.address, port: address.port + 1 };
}
