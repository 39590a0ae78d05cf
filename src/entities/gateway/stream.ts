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
import { MediaLeg } from './leg.ts';

export interface RelayedPacket {
  readonly octets: Uint8Array;
  /** The side that it came from. */
  readonly side: Side;
  readonly source: NetworkAddress;
  /** Where the gateway received it. */
  readonly destination: NetworkAddress;
}

interface Legs {
  readonly rtp: MediaLeg;
  readonly rtcp: MediaLeg;
}

export class Stream {
  readonly #sides: Readonly<Record<Side, Legs>>;

  /** @param relayed is called after each packet has been handed on */
  constructor(pairs: Readonly<Record<Side, SocketPair>>, relayed: (packet: RelayedPacket) => void) {
    const legs = (pair: SocketPair) => ({ rtp: new MediaLeg(pair.rtp), rtcp: new MediaLeg(pair.rtcp) });
    this.#sides = { a: legs(pairs.a), b: legs(pairs.b) };
    for (const side of SIDES) {
      for (const component of ['rtp', 'rtcp'] as const) {
        const from = this.#sides[side][component];
        const to = this.#sides[otherSide(side)][component];
        from.receive((octets, source) => {
          to.send(octets);
          relayed({ octets, side, source, destination: from.local });
        });
      }
    }
  }

  /** Where the gateway receives the RTP of either side. */
  get local(): { readonly a: NetworkAddress; readonly b: NetworkAddress } {
    return { a: this.#sides.a.rtp.local, b: this.#sides.b.rtp.local };
  }

  /** Packets taken and refused over all legs. */
  get counts(): { readonly received: number; readonly refused: number } {
    const counts = SIDES.flatMap((side) => [this.#sides[side].rtp.counts, this.#sides[side].rtcp.counts]);
    return {
      received: counts.reduce((sum, { received }) => sum + received, 0),
      refused: counts.reduce((sum, { refused }) => sum + refused, 0),
    };
  }

  signal(wanted: WantedStream): void {
    for (const side of SIDES) {
      this.#sides[side].rtp.signal(endpointOf(wanted[side]));
      this.#sides[side].rtcp.signal(rtcpOf(wanted[side]));
    }
  }

  close(): void {
    for (const side of SIDES) {
      this.#sides[side].rtp.close();
      this.#sides[side].rtcp.close();
    }
  }
}

function endpointOf(address: MediaAddress | null): NetworkAddress | null {
  return address === null ? null : { address: address.address, port: address.port };
}

/** Port 65535 has none after it: RTCP then goes where the party's own comes from, if it sends any. */
function rtcpOf(address: MediaAddress | null): NetworkAddress | null {
  if (address === null || address.rtcp !== undefined) return address?.rtcp ?? null;
  return address.port === 65535 ? null : { address: address.address, port: address.port + 1 };
}
