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
import type { CallMaterial, DeliveredPacket } from './calls.ts';
import type { CodecOf } from './codecs.ts';
import type { Negotiation } from './negotiation.ts';
import type { NumberedPacket } from './runs.ts';
import { g711Law } from './sdp.ts';
import type { DescribedMedia } from './sdp.ts';
import type { Keying } from '../../sip/media-protection.ts';
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
  readonly #keyedOnTheWay: boolean;

  constructor(call: CallMaterial, { negotiations }: Signalling) {
    this.#agreements = negotiations.flatMap(agreementsOf);
    const { handshakes, other } = call;
    this.#keyedOnTheWay =
      handshakes.size > 1 || (handshakes.has(null) && other.handshake >= ENOUGH_HANDSHAKES);
  }

  /** Where nothing is described, nothing is known. */
  of({ header, time }: DeliveredPacket): ProtectionState {
    if (this.#keyedOnTheWay) return 'encrypted';
    const own = this.#agreements.filter(({ formats }) => formats.has(header.payloadType));
    const agreements = own.length > 0 ? own : this.#agreements;
    const states = new Set(agreements.map(({ state }) => state));
    const [only] = states;
    if (states.size <= 1) return only ?? 'unknown';
    if (time === null || agreements.some(({ from }) => Math.abs(from - time) < TRANSITION)) return 'unknown';
    const before = agreements.filter(({ from }) => from <= time);
    const newest = before.reduce((most, { from }) => Math.max(most, from), -Infinity);
    const inForce = new Set(before.filter(({ from }) => from === newest).map(({ state }) => state));
    const [state] = inForce;
    return inForce.size === 1 && state !== undefined ? state : 'unknown';
  }
}

/** Whether packets of G.711 have more octets than samples, by the same number: then there is a tag behind them. */
export function looksProtected(packets: readonly NumberedPacket[], codecOf: CodecOf): boolean {
  const excess = new Map<number, number>();
  let pairs = 0;
  for (const [at, { index, rtp, time }] of packets.entries()) {
    const next = packets[at + 1];
    if (next?.index !== index + 1 || next.rtp.payloadType !== rtp.payloadType) continue;
    if (g711Law(codecOf(rtp.payloadType, time) ?? '') === null) continue;
    const more = rtp.payload.length - ((next.rtp.timestamp - rtp.timestamp) | 0);
    excess.set(more, (excess.get(more) ?? 0) + 1);
    pairs++;
  }
  return [...excess].some(
    ([more, count]) => more >= TAG.min && more <= TAG.max && pairs >= ENOUGH_PAIRS && 2 * count > pairs,
  );
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
