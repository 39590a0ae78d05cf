/**
 * What a payload type means. Each end numbers what it is willing to receive (RFC 3264 section 5.1), so that packets are
 * read by the description of the end that they go to, as it held at their time; a sender that uses its own numbers is
 * understood where the receiver has none. Static types (RFC 3551) mean the same to all.
 */
import type { Description, TargetSide } from './negotiation.ts';
import { STATIC_CODECS } from './sdp.ts';

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
  return (payloadType, time) => {
    const own = nameIn(receivers, scope, payloadType, time ?? Infinity);
    // Not said by anybody in particular: only what all agree upon.
    const certain =
      scope.receiver === null && others.length === 0 ? unanimous(receivers, scope, payloadType, own) : own;
    return (
      certain ??
      nameIn(others, scope, payloadType, time ?? Infinity) ??
      STATIC_CODECS.get(payloadType) ??
      null
    );
  };
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
      ? media.some(({ address, port }) => `${address ?? ''}:${port}` === destination)
      : side === receiver || side === null;
  const receivers = byTime.filter(isReceiver);
  if (receivers.length === 0 && receiver === null) return [byTime, []];
  return [receivers, byTime.filter((description) => !receivers.includes(description))];
}

/** In the newest description that held at that time, else in the first after it: media may come before the answer. */
function nameIn(
  descriptions: readonly Description[],
  scope: CodecScope,
  payloadType: number,
  time: number,
): string | null {
  const named = descriptions.flatMap((description) => {
    const name = nameBy(description, scope, payloadType);
    return name === null ? [] : [{ from: description.from, name }];
  });
  return (named.findLast(({ from }) => from <= time) ?? named[0])?.name ?? null;
}

function unanimous(
  descriptions: readonly Description[],
  scope: CodecScope,
  payloadType: number,
  name: string | null,
): string | null {
  const names = descriptions.map(
    (description) => nameBy(description, scope, payloadType)?.toLowerCase() ?? null,
  );
  return names.every((other) => other === null || other === name?.toLowerCase()) ? name : null;
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
