/** What is marked on the axis of time of a stream that was recovered: where keys take over, keys that were pressed, gaps. */
import type { StreamReport } from '../entities/lemf/recover.ts';
import { keyOfEvent } from '../media/telephone-events.ts';
import type { AxisMark } from './time-axis.ts';

/** Of a kind; there may be thousands, and they could not be told apart. */
const MOST_MARKS = 200;
/** In which a key that is pressed is seen. */
const EVENT_RATE = 8000;

/** @param from seconds on the axis where the stream begins */
export function streamMarks(
  { keys, events, stretches, shortened }: Pick<StreamReport, 'keys' | 'events' | 'stretches' | 'shortened'>,
  from = 0,
): AxisMark[] {
  const of = <T>(list: readonly T[], make: (each: T, nth: number) => AxisMark): AxisMark[] =>
    list.slice(0, MOST_MARKS).map(make);
  return [
    ...of(stretches, ({ kind, at, seconds, packets }) => ({
      ...{ kind, from: from + at, to: from + at + seconds },
      label: `${KINDS[kind](packets)}, ${seconds.toFixed(2)} s of silence at ${at.toFixed(2)} s`,
    })),
    ...of(shortened, ({ at, asked, written }) => ({
      ...{ kind: 'shortened', from: from + at, to: from + at + written },
      label: `silence of ${asked.toFixed(2)} s by its timestamps, shortened to ${written.toFixed(2)} s`,
    })),
    ...of(keys, ({ csId, suite, packets, at }, nth) => ({
      ...{ kind: 'key', from: from + at, to: from + at, sign: `key ${nth + 1}` },
      label: `key ${nth + 1} from ${at.toFixed(2)} s: ${csId === null ? 'of the SDP' : `CS ID ${csId}`}, ${suite}, ${packets} packets`,
    })),
    ...of(events, ({ event, at, duration }) => ({
      ...{ kind: 'event', from: from + at, to: from + at, sign: keyOfEvent(event) ?? `event ${event}` },
      label: `${keyOfEvent(event) ?? `event ${event}`} pressed at ${at.toFixed(2)} s for ${(duration / EVENT_RATE).toFixed(2)} s`,
    })),
  ];
}

const KINDS: Readonly<Record<StreamReport['stretches'][number]['kind'], (packets: number) => string>> = {
  gap: (packets) => `${packets} ${packets === 1 ? 'packet' : 'packets'} missing`,
  undecoded: (packets) => `${packets} ${packets === 1 ? 'packet' : 'packets'} not decoded`,
};
