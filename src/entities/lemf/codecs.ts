/**
 * What a payload type means. Each end numbers what it is willing to receive (RFC 3264 section 5.1), so that packets are
 * read by the description of the end that they go to, as it held at their time; a sender that uses its own numbers is
 * understood where the receiver has none. Static types (RFC 3551) mean the same to all.
 */
import type { Description, TargetSide } from './negotiation.ts';
import { receiverText, STATIC_CODECS } from './sdp.ts';

/** The stream that payload types are asked for. */
export interface CodecScope {
  /** The end that receives; `null`: not known. */
  readonly receiver: TargetSide | null;
  /** Crypto session: 2k−1 and 2k are those of the k-th m= line. */
  readonly csId: number | null;
  /** `source>destination`. */
  readonly path: string | null;
}

/** The codec's name in the SDP's words; `null`: nothing tells, or two descriptions differ. */
export type CodecOf = (payloadType: number, time: number | null) => string | null;

export function codecLookup(descriptions: readonly Description[], scope: CodecScope): CodecOf {
  const [receivers, others] = sorted(descriptions, scope);
  const known = new Map<number, NamesOfType>();
  return (payloadType, time) => {
    const names = known.get(payloadType) ?? namesOf(receivers, others, scope, payloadType);
    known.set(payloadType, names);
    const at = time ?? Infinity;
    const own = nameAt(names.receivers, at);
    // Not said by anybody in particular: only what all agree upon.
    const certain =
      scope.receiver === null && others.length === 0 && !isUnanimous(names.receivers, own) ? null : own;
    return certain ?? nameAt(names.others, at) ?? STATIC_CODECS.get(payloadType) ?? null;
  };
}

/** A name, and from when on it holds, ascending. */
type TimedNames = readonly { readonly from: number; readonly name: string }[];

/** What the descriptions of either end call a payload type. */
interface NamesOfType {
  readonly receivers: TimedNames;
  readonly others: TimedNames;
}

function namesOf(
  receivers: readonly Description[],
  others: readonly Description[],
  scope: CodecScope,
  payloadType: number,
): NamesOfType {
  const named = (descriptions: readonly Description[]) => {
    const names = descriptions.flatMap((description) => {
      const name = nameBy(description, scope, payloadType);
      return name === null ? [] : [{ from: description.from, name }];
    });
    // What says again the same, says nothing.
    return names.filter(({ name }, at) => name !== names[at - 1]?.name);
  };
  return { receivers: named(receivers), others: named(others) };
}

/** The descriptions of the receiving end, and those of the other. */
function sorted(
  descriptions: readonly Description[],
  { receiver, path }: CodecScope,
): [Description[], Description[]] {
  const byTime = [...descriptions].sort((a, b) => a.from - b.from || a.seen - b.seen);
  const destination = path?.split('>')[1] ?? null;
  const isReceiver = ({ side, media }: Description) =>
    receiver === null
      ? media.some((medium) => receiverText(medium) === destination)
      : side === receiver || side === null;
  const receivers = byTime.filter(isReceiver);
  if (receivers.length === 0 && receiver === null) return [byTime, []];
  return [receivers, byTime.filter((description) => !receivers.includes(description))];
}

/** In the newest description that held at that time, else in the first after it: media may come before the answer. */
function nameAt(names: TimedNames, time: number): string | null {
  return (names.findLast(({ from }) => from <= time) ?? names[0])?.name ?? null;
}

function isUnanimous(names: TimedNames, name: string | null): boolean {
  return names.every((other) => other.name.toLowerCase() === name?.toLowerCase());
}

function nameBy({ media }: Description, { csId }: CodecScope, payloadType: number): string | null {
  const own = csId === null ? undefined : media[Math.ceil(csId / 2) - 1];
  const audioFirst = [...media].sort((a, b) => Number(b.media === 'audio') - Number(a.media === 'audio'));
  for (const line of [...(own === undefined ? [] : [own]), ...audioFirst]) {
    const name = line.codecs.get(payloadType);
    if (name !== undefined) return name;
  }
  return null;
}
