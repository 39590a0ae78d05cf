/**
 * Whether a packet is to be taken for speech in the clear. Encrypted content, written as if it were speech, would be
 * noise that passes for evidence; so only what the parties agreed to send in the clear is taken for that:
 *
 *     RTP/SAVP…                                               encrypted
 *     RTP/AVP, keys offered and accepted (RFC 8643, 5939)     encrypted
 *     RTP/AVP, keys offered, the answer has none              in the clear
 *     RTP/AVP, keys offered, no answer seen; anything else    not known
 *
 * Keys that were agreed upon on the media's own way (DTLS, ZRTP) count in both directions only: anybody can send one
 * packet. And what was said to be in the clear can be looked at: a packet of G.711 has as many octets as its time has
 * samples; with a tag behind it, it has more.
 */
import type { CallMaterial } from './calls.ts';
import type { CodecOf } from './codecs.ts';
import type { Negotiation } from './negotiation.ts';
import type { DeliveredPacket, NumberedPacket } from './runs.ts';
import { g711Law } from './sdp.ts';
import type { DescribedMedia } from './sdp.ts';
import type { Keying } from '../../sip/media-protection.ts';
import { NO_DIRECTION } from './scan.ts';
import type { Signalling } from './signalling.ts';

export type ProtectionState = 'clear' | 'encrypted' | 'unknown';

/** What was agreed upon for one medium. */
interface Agreement {
  readonly from: number;
  readonly formats: ReadonlySet<number>;
  readonly state: ProtectionState;
}

/** Packets under way when an agreement changes, in milliseconds: both before and after it. */
const TRANSITION = 2000;

/** Handshake packets without a direction that are taken for both ends'. */
const ENOUGH_HANDSHAKES = 4;

/** Octets that a tag and an MKI take. */
const TAG = { min: 4, max: 32 } as const;

/** Pairs of packets that tell something. */
const ENOUGH_PAIRS = 4;

export class Protection {
  readonly #agreements: readonly Agreement[];
  /** By payload type. */
  readonly #own = new Map<number, OwnAgreements>();
  readonly #keyedOnTheWay: boolean;

  constructor(call: CallMaterial, { negotiations }: Signalling) {
    this.#agreements = negotiations.flatMap(agreementsOf);
    const { handshakes, other } = call;
    this.#keyedOnTheWay =
      handshakes.size > 1 || (handshakes.has(NO_DIRECTION) && other.handshake >= ENOUGH_HANDSHAKES);
  }

  /** Where nothing is described, nothing is known. */
  of({ header, time }: DeliveredPacket): ProtectionState {
    if (this.#keyedOnTheWay) return 'encrypted';
    const { agreements, only } = this.#agreementsOf(header.payloadType);
    if (only !== null) return only;
    if (time === null || agreements.some(({ from }) => Math.abs(from - time) < TRANSITION)) return 'unknown';
    const before = agreements.filter(({ from }) => from <= time);
    const newest = before.reduce((most, { from }) => Math.max(most, from), -Infinity);
    const inForce = new Set(before.filter(({ from }) => from === newest).map(({ state }) => state));
    const [state] = inForce;
    return inForce.size === 1 && state !== undefined ? state : 'unknown';
  }

  #agreementsOf(payloadType: number): OwnAgreements {
    const known = this.#own.get(payloadType);
    if (known !== undefined) return known;
    const own = this.#agreements.filter(({ formats }) => formats.has(payloadType));
    const agreements = own.length > 0 ? own : this.#agreements;
    const states = new Set(agreements.map(({ state }) => state));
    const [only = 'unknown'] = states;
    const found = { agreements, only: states.size <= 1 ? only : null };
    this.#own.set(payloadType, found);
    return found;
  }
}

/** The agreements that a payload type falls under. */
interface OwnAgreements {
  readonly agreements: readonly Agreement[];
  /** Where all say the same. */
  readonly only: ProtectionState | null;
}

/** Whether packets of G.711 have more octets than samples, by the same number: then there is a tag behind them. */
export function looksProtected(packets: Iterable<NumberedPacket>, codecOf: CodecOf): boolean {
  const excess = new Map<number, number>();
  let pairs = 0;
  let last: NumberedPacket | null = null;
  for (const next of packets) {
    const more = last === null ? null : excessOf(last, next, codecOf);
    last = next;
    if (more === null) continue;
    pairs++;
    if (more >= TAG.min && more <= TAG.max) excess.set(more, (excess.get(more) ?? 0) + 1);
  }
  return [...excess.values()].some((count) => pairs >= ENOUGH_PAIRS && 2 * count > pairs);
}

/** Octets of a packet beyond the samples up to the next; `null`: it is not known, or not the next. */
function excessOf(packet: NumberedPacket, next: NumberedPacket, codecOf: CodecOf): number | null {
  const { index, rtp, time } = packet;
  if (next.index !== index + 1 || next.rtp.payloadType !== rtp.payloadType) return null;
  if (g711Law(codecOf(rtp.payloadType, time) ?? '') === null) return null;
  return rtp.payload.length - ((next.rtp.timestamp - rtp.timestamp) | 0);
}

function agreementsOf({ from, offer, answer }: Negotiation): Agreement[] {
  const lines = Math.max(offer?.media.length ?? 0, answer?.media.length ?? 0);
  return Array.from({ length: lines }, (_, at): Agreement[] => {
    const [offered, answered] = [offer?.media[at], answer?.media[at]];
    if (answered?.port === 0) return [];
    const formats = new Set([offered, answered].flatMap((line) => [...(line?.formats ?? [])]));
    return [{ from, formats, state: stateOf(offered, answered) }];
  }).flat();
}

function stateOf(offered: DescribedMedia | undefined, answered: DescribedMedia | undefined): ProtectionState {
  if (offered?.secured === true || answered?.secured === true) return 'encrypted';
  const protocols = [offered, answered].flatMap((line) => line?.protocol ?? []);
  if (!protocols.every((protocol) => /^(?:TCP\/)?RTP\/AVPF?$/i.test(protocol))) return 'unknown';
  const none = (line: DescribedMedia | undefined) => line?.keying.size === 0;
  if (none(offered) || none(answered)) return 'clear';
  if (offered === undefined || answered === undefined) return 'unknown';
  const shared: Keying[] = [...offered.keying].filter((keying) => answered.keying.has(keying));
  return shared.length > 0 ? 'encrypted' : 'unknown';
}
