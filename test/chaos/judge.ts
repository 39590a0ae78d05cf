/**
 * What must hold of what LEMFs have in their files, however often processes were killed: of each LIID and CIN the numbers
 * on HI2 and on HI3 are 0…n−1, each once; a call has one CIN; the payloads are those of a DF in one process with the same
 * input, its CIN and times of mediation aside; each key is there, once; of content there is as much as was reported; and of
 * each warrant it was told what has become of it, once and in order (HI1).
 */
import { handedOverIn, payloadTexts, REFERENCES } from './lemf-files.ts';
import type { Delivered, HandedOver, Notice, Payloads, Reference } from './lemf-files.ts';

/** What there is to judge by. */
export interface Expectation {
  /** What the LEMF of the run in one process has. */
  readonly theirs: HandedOver;
  /** How many packets were reported, by LIID. */
  readonly packets: ReadonlyMap<string, number>;
  /** What is told of each warrant, by LIID, alarms aside. */
  readonly notices: ReadonlyMap<string, readonly string[]>;
}

export interface Judgement {
  readonly faults: readonly Fault[];
  /** PDUs of calls, and those that tell of warrants. */
  readonly delivered: number;
  readonly notices: number;
  /** Alarms that say that a destination could not be served for a while. */
  readonly alarms: number;
}

/** What does not hold. */
export interface Fault {
  readonly text: string;
  /** A payload that shows it. */
  readonly such?: { readonly folder: string; readonly reference: Reference; readonly hash: string };
}

/** How many of a kind are named in one fault. */
const TOLD = 5;

/** @param folder of the LEMF @throws HiError where one of its files is damaged */
export function judge(folder: string, { theirs, packets, notices }: Expectation): Judgement {
  const own = handedOverIn(folder);
  const told = [...notices.keys(), ...own.notices.map(({ liid }) => liid)];
  const faults = [
    ...own.unfinished.map((reference) => `${reference}: ends in the middle of a PDU`),
    ...own.delivered.flatMap(numberFaults),
    ...own.delivered.flatMap(keyFaults),
    ...callFaults(own.delivered),
    ...[...packets].flatMap(([liid, count]) => packetFaults(own.delivered, liid, count)),
    ...[...new Set(told)].flatMap((liid) =>
      noticeFaults(
        liid,
        own.notices.filter((notice) => notice.liid === liid),
        notices.get(liid) ?? [],
      ),
    ),
  ];
  return {
    faults: [...faults.map((text) => ({ text })), ...payloadFaults(own, theirs)],
    delivered: own.delivered.reduce((sum, { numbers: { hi2, hi3 } }) => sum + hi2.length + hi3.length, 0),
    notices: own.notices.length,
    alarms: own.notices.filter(({ kind }) => kind === 'alarm').length,
  };
}

/** Faults in words, with the payloads that show them. */
export function faultTexts(faults: readonly Fault[]): string[] {
  const places = new Map<string, { folder: string; reference: Reference; hashes: Set<string> }>();
  for (const { such } of faults) {
    if (such === undefined) continue;
    const key = `${such.folder} ${such.reference}`;
    const place = places.get(key) ?? { ...such, hashes: new Set<string>() };
    places.set(key, place);
    place.hashes.add(such.hash);
  }
  const texts = new Map(
    [...places].map(([key, { folder, reference, hashes }]) => [key, payloadTexts(folder, reference, hashes)]),
  );
  return faults.map(({ text, such }) => {
    if (such === undefined) return text;
    return `${text}, as ${brief(texts.get(`${such.folder} ${such.reference}`)?.get(such.hash) ?? '?')}`;
  });
}

/* ---------------------------------------------------------------- helpers */

function nameOf({ liid, cin }: Delivered): string {
  return `${liid}, CIN ${cin}`;
}

function numberFaults(delivered: Delivered): string[] {
  return REFERENCES.flatMap((reference) => {
    const numbers = delivered.numbers[reference].toSorted((a, b) => a - b);
    const seen = new Set(numbers);
    const twice = numbers.filter((number, at) => number === numbers[at - 1]);
    const lacking = Array.from({ length: numbers.at(-1) ?? 0 }, (_, n) => n).filter((n) => !seen.has(n));
    const told = (what: string, list: readonly number[]): string[] =>
      list.length === 0
        ? []
        : [`${nameOf(delivered)}, ${reference}: ${what} ${list.slice(0, TOLD).join(', ')} (${list.length})`];
    return [...told('twice: number', twice), ...told('not there: number', lacking)];
  });
}

function keyFaults(delivered: Delivered): string[] {
  const { keys } = delivered;
  if (keys.length === 0) return [`${nameOf(delivered)}: no key`];
  const twice = keys.filter((key, at) => keys.indexOf(key) !== at);
  return twice.length === 0 ? [] : [`${nameOf(delivered)}: ${twice.length} keys more than once`];
}

function callFaults(all: readonly Delivered[]): string[] {
  const seen = new Map<string, Delivered>();
  return all.flatMap((delivered) => {
    const [call = '', ...others] = delivered.calls;
    if (delivered.calls.size !== 1)
      return [
        `${nameOf(delivered)}: of ${delivered.calls.size} calls (${[call, ...others].slice(0, TOLD).join(', ')})`,
      ];
    const key = `${delivered.liid} ${call}`;
    const other = seen.get(key);
    seen.set(key, delivered);
    return other === undefined ? [] : [`call ${call}: ${nameOf(other)} and ${nameOf(delivered)}`];
  });
}

function packetFaults(all: readonly Delivered[], liid: string, reported: number): string[] {
  const own = all.filter((each) => each.liid === liid);
  const count = own.reduce((sum, { numbers }) => sum + numbers.hi3.length, 0);
  return count === reported ? [] : [`${liid}: ${count} packets delivered of ${reported} that were reported`];
}

/** What a destination's alarm says that nothing else is behind: a LEMF was not served for a while, or is again. */
const DESTINATION = /^destination \S+: /;

function noticeFaults(liid: string, own: readonly Notice[], expected: readonly string[]): string[] {
  const numbers = own.map(({ number }) => number);
  const kinds = own.flatMap(({ kind }) => (kind === 'alarm' ? [] : [kind]));
  const inOrder = numbers.every((number, at) => number === at);
  const asExpected = kinds.join(', ') === expected.join(', ');
  return [
    ...(inOrder ? [] : [`${liid}, HI1: numbers are ${numbers.join(', ')}`]),
    ...(asExpected
      ? []
      : [`${liid}, HI1: told ${kinds.join(', ') || 'nothing'}, not ${expected.join(', ') || 'nothing'}`]),
    ...own
      .filter(({ kind, text }) => kind === 'alarm' && !DESTINATION.test(text))
      .map(({ text }) => `${liid}, HI1: alarm: ${text}`),
  ];
}

function payloadFaults(own: HandedOver, theirs: HandedOver): Fault[] {
  const [mine, expected] = [byCall(own), byCall(theirs)];
  const keys = [...new Set([...mine.keys(), ...expected.keys()])];
  return keys.flatMap((key) =>
    REFERENCES.flatMap((reference) => {
      const got = mine.get(key)?.payloads[reference] ?? new Map<string, number>();
      const wanted = expected.get(key)?.payloads[reference] ?? new Map<string, number>();
      const where = `${key}, CIN ${mine.get(key)?.cin ?? 'none'}, ${reference}`;
      const told = (what: string, list: readonly string[], folder: string): Fault[] => {
        const [hash] = list;
        if (hash === undefined) return [];
        return [{ text: `${where}: ${list.length} ${what}`, such: { folder, reference, hash } }];
      };
      return [
        ...told('payloads of the run in one process are not there', less(wanted, got), theirs.folder),
        ...told('payloads that the run in one process has not', less(got, wanted), own.folder),
      ];
    }),
  );
}

function byCall({ delivered }: HandedOver): Map<string, Delivered> {
  return new Map(delivered.map((each) => [`${each.liid}, call ${[...each.calls][0] ?? '?'}`, each]));
}

function less(one: Payloads, other: Payloads): string[] {
  return [...one].flatMap(([hash, count]) => (count > (other.get(hash) ?? 0) ? [hash] : []));
}

/** Without long octets. */
function brief(text: string): string {
  return text.replaceAll(/[0-9a-f]{48,}/g, '…').slice(0, 240);
}
