/** The record of a run as a ladder: SIP, the questions for keys, what came of them. */
import type { Ladder, LadderBand, LadderStep } from '../../views/ladder.ts';
import type { DemoReport } from '../scenarios/report.ts';
import type { TimelineEntry } from '../timeline.ts';
import { startOf } from './facts.ts';
import { homesOf } from './parties.ts';
import { TEXTS } from './texts.ts';

/** Steps that are drawn; all are counted. */
const MOST_STEPS = 240;
/** Of what comes after a call's end, milliseconds. */
const AFTER_MS = 500;

/** A SIP message of the record, with the number of its file. */
export interface NumberedMessage {
  readonly entry: TimelineEntry;
  /** From 1, in the order of sending. */
  readonly number: number;
}

/** SIP messages in the order in which the record has them as files. */
export function numberedMessages(timeline: readonly TimelineEntry[]): NumberedMessage[] {
  return timeline.filter(isSip).map((entry, at) => ({ entry, number: at + 1 }));
}

/** Those of the calls: from the first dialling to the last hanging up. */
export function messagesOfCalls({
  calls,
  timeline,
}: Pick<DemoReport, 'calls' | 'timeline'>): NumberedMessage[] {
  const isWithin = spanOf(calls);
  return numberedMessages(timeline).filter(({ entry }) => isWithin(entry));
}

/** `null`: there is nothing to draw. */
export function callLadder(report: Pick<DemoReport, 'calls' | 'timeline'>): Ladder | null {
  const { calls, timeline } = report;
  const numbers = new Map(numberedMessages(timeline).map(({ entry, number }) => [entry, number]));
  const isWithin = spanOf(calls);
  const shown = timeline.filter((entry) => isWithin(entry) && (isSip(entry) || isOfKeys(entry)));
  if (!shown.some(isSip)) return null;
  const { parties, bands } = columnsOf(timeline, shown);
  const columns = new Map(parties.map((party, column) => [party, column]));
  const steps = shown.slice(0, MOST_STEPS).map((entry): LadderStep => {
    const { at, from, to } = entry;
    const ends = { from: columns.get(from) ?? 0, to: columns.get(to) ?? 0 };
    const number = numbers.get(entry);
    return { at, ...ends, ...describe(entry), ...(number === undefined ? {} : { step: stepName(number) }) };
  });
  return { parties, bands, steps, further: shown.length - steps.length };
}

/** Names a SIP message on the page. */
export function stepName(number: number): string {
  return `m${String(number).padStart(3, '0')}`;
}

function describe(entry: TimelineEntry): Pick<LadderStep, 'kind' | 'label' | 'marks'> {
  const { reference, what } = entry;
  if (isSip(entry)) {
    const { message, marks } = startOf(entry);
    return { kind: 'message', label: message, marks };
  }
  const marks = [reference];
  if (reference === 'HI2') return { kind: 'key', label: what.replace(/^[^,]*, /, 'key, '), marks };
  if (what.startsWith('no keys')) return { kind: 'failure', label: what, marks };
  return { kind: 'interception', label: what.replace(/ (?:for|of) .*$/, '').replace(/:.*$/, ''), marks };
}

/** Phones and CSCFs of both homes around the line between them; then those who intercept. */
function columnsOf(
  timeline: readonly TimelineEntry[],
  shown: readonly TimelineEntry[],
): { readonly parties: string[]; readonly bands: LadderBand[] } {
  const used = new Set(shown.flatMap(({ from, to }) => [from, to]));
  const homes = homesOf(timeline);
  const [first, second] = homes.map(({ name, ends }) => [...ends, `cscf.${name}`]);
  const groups = [
    { label: homes[0]?.name ?? '', parties: first ?? [] },
    { label: homes[1]?.name ?? '', parties: second?.toReversed() ?? [] },
    ...homes.map(({ name }) => ({
      label: TEXTS.ladder.interception(name),
      parties: ['kms', 'df', 'lemf'].map((element) => `${element}.${name}`),
    })),
  ].map(({ label, parties }) => ({ label, parties: parties.filter((party) => used.has(party)) }));
  const known = new Set(groups.flatMap(({ parties }) => parties));
  const others = [...used].filter((party) => !known.has(party));
  const parties = [...groups.flatMap((group) => group.parties), ...others];
  const bands: LadderBand[] = [];
  let from = 0;
  for (const { label, parties: own } of groups) {
    if (own.length > 0) bands.push({ label, from, to: from + own.length - 1 });
    from += own.length;
  }
  return { parties, bands };
}

function spanOf(calls: DemoReport['calls']): (entry: TimelineEntry) => boolean {
  const from = Math.min(...calls.map(({ times }) => times.dialled));
  const to = Math.max(...calls.map(({ times }) => times.ended)) + AFTER_MS;
  return ({ at }) => at >= from && at <= to;
}

function isSip({ reference }: TimelineEntry): boolean {
  return reference === 'Gm' || reference === 'Mw';
}

/** Questions and answers over Xk, keys at a LEMF, the first packets of content. */
function isOfKeys({ reference, what }: TimelineEntry): boolean {
  if (reference === 'Xk') return true;
  if (reference === 'HI2') return what.startsWith('decryptionKeysAvailable');
  return reference === 'HI3' && what.startsWith('first packet');
}
