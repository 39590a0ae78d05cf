/** Whether a call was recovered, why not, and in words what was not decoded: no more is said than was done. */
import type { CallMaterial } from './calls.ts';
import type { RecoveredStream, StreamReason } from './group.ts';

/** Of a stream, and of a call as a whole. */
export type CallReason =
  StreamReason | 'key-retrieval-failed' | 'withheld' | 'too-much' | 'unsupported-content' | 'no-content';

/** What keeps a call from being recovered, in words. */
export const REASON_TEXTS: Readonly<Record<CallReason, string>> = {
  'no-key': 'No key was delivered for a stream of this call.',
  'no-signalling':
    'No session description of this call was delivered: nothing says how its content is protected. Is it the HI2 file ' +
    'that goes with the HI3 file?',
  'key-does-not-verify':
    'Keys were delivered, but no packet of a stream authenticates under them: keys or packets are not what the ' +
    'network sent.',
  'key-retrieval-failed':
    'The delivery function reports that keys of this call could not be retrieved, or that it saw none that can be used.',
  'foreign-stream': 'A stream belongs to no crypto session of this call, and no key of the call opens it.',
  'unsupported-cipher': 'A stream is encrypted in a way that cannot be decrypted here.',
  'encrypted-unannounced': 'A stream is in the clear by its signalling, and its packets look encrypted.',
  'unsupported-codec': 'A stream was decrypted, but its codec cannot be decoded here.',
  'packets-refused': 'Packets that may belong to a stream of this call open under no key.',
  'partly-undecoded': 'Not every packet of the call could be decoded.',
  'unsupported-content': 'Content of this call came in a form that cannot be read here.',
  'too-much': 'There is more of this call than is looked at; what was looked at, was decoded.',
  'no-content': 'No content was delivered for this call.',
  /** Another stream of the call has a key that does not verify. */
  withheld: 'Nothing of the call was written.',
};

/** What is told of each stream. */
export type JudgedStream = Omit<RecoveredStream, 'audio' | 'kept' | 'reason'> & {
  readonly rtp: { readonly file: string } | null;
  readonly reason: CallReason | null;
};

/** What keeps a call from being recovered, gravest first. */
const GRAVITY: readonly StreamReason[] = [
  'key-does-not-verify',
  'no-key',
  'no-signalling',
  'foreign-stream',
  'unsupported-cipher',
  'encrypted-unannounced',
  'unsupported-codec',
  'packets-refused',
  'partly-undecoded',
];

/** What of a call was not looked at, since there was too much of it. */
export interface PassedOver {
  /** RTP sources of the call. */
  readonly sources: number;
  readonly packets: number;
  /** Session descriptions and MIKEY messages. */
  readonly signalling: number;
  readonly keys: number;
}

/** What is told of a call beside its streams. */
type Judged = Pick<CallMaterial, 'other' | 'absent' | 'conflicts' | 'source' | 'unreadInAll'> & {
  readonly passedOver: PassedOver;
};

/** `null`: every packet was decoded, save what nobody of the call sent. */
export function reasonFor(
  { other, conflicts, passedOver }: Judged,
  streams: readonly JudgedStream[],
  keyFailures: number,
): CallReason | null {
  const own = streams.filter(({ disregarded }) => !disregarded);
  if (own.length === 0) return other.unsupported > 0 ? 'unsupported-content' : 'no-content';
  const reason = GRAVITY.find((grave) => own.some((stream) => stream.reason === grave)) ?? null;
  // Where numbers were used again, they do not tell whose a packet is.
  if (reason === null && conflicts > 0 && streams.some(({ rejected }) => rejected > 0))
    return 'packets-refused';
  if (reason === 'no-key' && keyFailures > 0) return 'key-retrieval-failed';
  if (reason !== null) return reason;
  if (other.unsupported > 0) return 'unsupported-content';
  return Object.values(passedOver).some((number) => number > 0) ? 'too-much' : null;
}

/** Sentences for people. */
export function explain(call: Judged, streams: readonly JudgedStream[], reason: CallReason | null): string {
  const { other, absent, conflicts, source, unreadInAll, passedOver } = call;
  return [
    reason === null ? recovered(streams) : REASON_TEXTS[reason],
    ...(streams.some((stream) => stream.reason === 'withheld') ? [REASON_TEXTS.withheld] : []),
    ...streams.flatMap((stream) => detailsOf(stream, conflicts === 0)),
    ...(other.noise > 0 ? [`${count(other.noise, 'payload')} of content not RTP at all.`] : []),
    ...(other.unsupported > 0
      ? [`${count(other.unsupported, 'payload')} of content in a form not read here.`]
      : []),
    ...(conflicts > 0
      ? [`PDUs of equal numbers differ; all were kept${source === null ? '' : ', by source'}.`]
      : []),
    ...(unreadInAll > 0 ? [`${count(unreadInAll, 'value')} of PDUs could not be read.`] : []),
    ...unlooked(passedOver),
    ...(absent > 0 ? [`${count(absent, 'PDU')} never came.`] : []),
  ].join(' ');
}

function unlooked({ sources, packets, signalling, keys }: PassedOver): string[] {
  const parts = [
    ...(packets > 0 ? [`${count(packets, 'packet')} of ${count(sources, 'source')}`] : []),
    ...(signalling > 0 ? [count(signalling, 'session description or MIKEY message')] : []),
    ...(keys > 0 ? [count(keys, 'key')] : []),
  ];
  return parts.length === 0 ? [] : [`Not looked at: ${parts.join('; ')}.`];
}

function recovered(streams: readonly JudgedStream[]): string {
  const own = streams.filter(({ disregarded }) => !disregarded);
  if (own.some(({ decryptedInNetwork }) => decryptedInNetwork))
    return 'Every stream of the call was decoded; the network has decrypted what was encrypted.';
  return own.some(({ encrypted }) => encrypted)
    ? 'Every stream of the call was decrypted and decoded.'
    : 'Every stream of the call was decoded; none was encrypted.';
}

function detailsOf(stream: JudgedStream, numbersTell: boolean): string[] {
  const name = `Stream ${stream.ssrc.toString(16).padStart(8, '0')} (${stream.direction})`;
  const details = [
    ...stream.undecodedTypes.map(
      ({ payloadType, codec, packets }) =>
        `${packets} of ${stream.packets} packets not decoded: payload type ${payloadType}, ${codec ?? 'which nothing explains'}`,
    ),
    ...(stream.rtp === null ? [] : [`these are in ${stream.rtp.file} as they are`]),
    ...refusals(stream, numbersTell),
    ...(stream.missing > 0 ? [`${count(stream.missing, 'packet')} missing`] : []),
    ...shortenings(stream),
    ...(stream.disregarded ? ['not of this call, as far as can be told'] : []),
  ];
  return details.length === 0 ? [] : [`${name}: ${details.join('; ')}.`];
}

function shortenings({ shortened, shortenings: places }: JudgedStream): string[] {
  const [first] = shortened;
  if (first === undefined) return [];
  const asked = `${first.asked.toFixed(0)} s by its timestamps, ${first.written.toFixed(0)} s written`;
  return [`silence shortened at ${count(places, 'place')}, first at ${first.at.toFixed(2)} s (${asked})`];
}

function refusals({ rejected, reason, packets }: JudgedStream, numbersTell: boolean): string[] {
  if (rejected === 0) return [];
  const why =
    rejected === packets
      ? ''
      : reason === 'packets-refused' || !numbersTell
        ? ', some of which may be its own'
        : ', none of which can be its own by its number';
  return [`${count(rejected, 'packet')} refused${why}`];
}

function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? '' : 's'}`;
}
