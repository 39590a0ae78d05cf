/** That a call's key exchange lay in two key periods: which message was of which, and when it was sent. */
import { readIMessage1, readIMessage2, readRMessage1, readRMessage2 } from '../../../ibake/messages.ts';
import { DATA_TYPE } from '../../../mikey/registry.ts';
import { SessionDescription } from '../../../sip/sdp.ts';
import type { SentMessage } from '../../network/signalling.ts';
import type { TimelineEntry } from '../../timeline.ts';
import type { PeriodEnd } from '../period-end.ts';
import type { Check } from './check.ts';

const READERS = {
  I_MESSAGE_1: readIMessage1,
  R_MESSAGE_1: readRMessage1,
  I_MESSAGE_2: readIMessage2,
  R_MESSAGE_2: readRMessage2,
} as const;

type MessageName = keyof typeof READERS;

/**
 * I_MESSAGE_1 is of the period that ended, R_MESSAGE_1 was sent after that and answers in the same period (its T is I_MESSAGE_1's),
 * I_MESSAGE_2 and R_MESSAGE_2 are of the new one.
 * @param began Unix milliseconds at which the timeline begins
 */
export function twoPeriodsChecks(
  messages: readonly SentMessage[],
  timeline: readonly TimelineEntry[],
  { end, began }: Pick<PeriodEnd, 'end'> & { readonly began: number },
): Check[] {
  const answeredAt = sentAt(timeline, 'bob', 'R_MESSAGE_1', began);
  const before = timeOf(messages, 'I_MESSAGE_1');
  const answered = timeOf(messages, 'R_MESSAGE_1');
  const [second, verified] = [timeOf(messages, 'I_MESSAGE_2'), timeOf(messages, 'R_MESSAGE_2')];
  return [
    {
      name: 'the key period ended between I_MESSAGE_1 and R_MESSAGE_1',
      passed: before !== null && before < end && answeredAt !== null && answeredAt > end,
      detail: `T of I_MESSAGE_1 ${fromEnd(before, end)}; R_MESSAGE_1 sent ${fromEnd(answeredAt, end)}`,
    },
    {
      name: 'R_MESSAGE_1 is under the old period, I_MESSAGE_2 and R_MESSAGE_2 under the new one',
      passed:
        before !== null && answered === before && second !== null && second >= end && verified === second,
      detail: `T of R_MESSAGE_1 ${fromEnd(answered, end)}, of I_MESSAGE_2 ${fromEnd(second, end)}, of R_MESSAGE_2 ${fromEnd(verified, end)}`,
    },
  ];
}

/** Unix seconds of T, of the only message of that name; `null`: there is none, or there are several that differ. */
function timeOf(messages: readonly SentMessage[], name: MessageName): number | null {
  const times = messages
    .flatMap(({ octets }) => SessionDescription.salvage(octets).mikeyMessages)
    .filter((octets) => octets?.[1] === DATA_TYPE[name])
    .flatMap((octets) => (octets === null ? [] : READERS[name](octets).t.seconds));
  const [one] = times;
  return one !== undefined && times.every((time) => time === one) ? one : null;
}

/** Unix seconds at which a phone first sent it. */
function sentAt(
  timeline: readonly TimelineEntry[],
  phone: string,
  name: MessageName,
  began: number,
): number | null {
  const entry = timeline.find(({ from, what }) => from === phone && what.includes(`[${name}]`));
  return entry === undefined ? null : (began + entry.at) / 1000;
}

function fromEnd(time: number | null, end: number): string {
  if (time === null) return 'is not there';
  const seconds = (time - end).toFixed(1);
  return time < end ? `${seconds.replace('-', '')} s before its end` : `${seconds} s after`;
}
