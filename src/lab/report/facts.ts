/** What the explanation of a run is made of: figures and names, each read from the record. */
import type { DemoReport } from '../scenarios/report.ts';
import type { ReferencePoint, TimelineEntry } from '../timeline.ts';
import { userIn } from './parties.ts';

/** Which SIP message carried a MIKEY message first, and whose it was. */
export interface MikeyCarrier {
  readonly from: string;
  /** Method, or status and reason. */
  readonly message: string;
}

export interface RunFacts {
  readonly caller: string | null;
  readonly callee: string | null;
  /** Request-URI of the first INVITE. */
  readonly called: string | null;
  /** Whether whoever answered is whom I_MESSAGE_1 was encrypted to, and so sent its share back; `null`: nothing says it. */
  readonly isEchoed: boolean | null;
  readonly calls: number;
  readonly sipMessages: number;
  readonly keyRequests: number;
  readonly ignoresSeed: readonly string[];
  readonly carriers: Readonly<Record<MikeyName, MikeyCarrier | null>>;
  readonly cryptoSessions: number;
  readonly suites: readonly string[];
  readonly mediaPackets: number;
  readonly sas: string | null;
  readonly warrants: DemoReport['warrants'];
  /** Messages or PDUs by reference point, in all homes. */
  readonly counts: Readonly<Record<ReferencePoint, number>>;
  readonly questions: number;
  /** Questions that were answered with keys, by home of the KMS. */
  readonly keyAnswers: number;
  readonly refusals: readonly string[];
  /** Homes whose KMS was asked, and those whose was not. */
  readonly asked: readonly string[];
  readonly notAsked: readonly string[];
  readonly keyRecords: number;
  readonly millisecondsToKeyRecord: number | null;
  /** Recordings that a LEMF wrote, and packets in them. */
  readonly recordings: number;
  readonly authenticated: number;
  readonly decryptedInNetwork: boolean;
  /** Why calls were not recovered, each reason once. */
  readonly explanations: readonly string[];
  readonly checks: { readonly passed: number; readonly all: number };
}

export type MikeyName = 'I_MESSAGE_1' | 'R_MESSAGE_1' | 'I_MESSAGE_2' | 'R_MESSAGE_2';

const REFERENCES: readonly ReferencePoint[] = [
  ...(['Gm', 'Mw', 'Iq', 'X1', 'X2', 'X3', 'Xk', 'HI1', 'HI2', 'HI3'] as const),
  ...(['PPS', 'REQUEST_KEY', 'media', 'lab'] as const),
];

export function factsOf(report: DemoReport): RunFacts {
  const { calls, timeline, links, checks } = report;
  const first = calls.toSorted((a, b) => a.times.dialled - b.times.dialled)[0];
  const since = timeline.filter(({ at }) => at >= (first?.times.dialled ?? 0));
  const xk = timeline.filter(({ reference }) => reference === 'Xk');
  const told = (start: string): TimelineEntry[] => xk.filter(({ what }) => what.startsWith(start));
  const homes = [
    ...new Set(
      timeline.flatMap(({ from, to }) =>
        [from, to].flatMap((party) => /^kms\.(\w+)$/.exec(party)?.[1] ?? []),
      ),
    ),
  ].sort();
  const asked = [...new Set(told('get_keys for').map(({ to }) => to.replace(/^kms\./, '')))].sort();
  const recoveries = calls.flatMap(({ recovery }) => recovery);
  const streams = recoveries.flatMap((call) => call.streams).filter(({ file }) => file !== null);
  const counts = REFERENCES.map((reference) => [
    reference,
    links.reduce((sum, link) => sum + (link.reference === reference ? link.count : 0), 0),
  ]);
  return {
    caller: first?.caller ?? null,
    callee: first?.callee ?? null,
    called: calledIn(since),
    isEchoed: isEchoed(since, first?.caller ?? null),
    calls: new Set(calls.map(({ callId }) => callId)).size,
    sipMessages: since.filter(({ reference }) => reference === 'Gm' || reference === 'Mw').length,
    keyRequests: timeline.filter(({ reference }) => reference === 'REQUEST_KEY').length,
    ignoresSeed: report.faults.flatMap((fault) => /^ue-ignores-seed=(.+)$/.exec(fault)?.[1] ?? []),
    carriers: {
      I_MESSAGE_1: carrierIn(answeredOffer(since)),
      R_MESSAGE_1: carrierOf(since, 'R_MESSAGE_1'),
      I_MESSAGE_2: carrierOf(since, 'I_MESSAGE_2'),
      R_MESSAGE_2: carrierOf(since, 'R_MESSAGE_2'),
    },
    cryptoSessions: first?.cryptoSessions.length ?? 0,
    suites: [...new Set(calls.flatMap(({ cryptoSessions }) => cryptoSessions.map(({ suite }) => suite)))],
    mediaPackets: links.reduce((sum, { reference, count }) => sum + (reference === 'media' ? count : 0), 0),
    sas: first !== undefined && first.sas.caller === first.sas.callee ? first.sas.caller : null,
    warrants: report.warrants,
    counts: Object.fromEntries(counts) as RunFacts['counts'],
    questions: told('get_keys for').length,
    keyAnswers: told('get_keys_response').length,
    refusals: [...new Set(told('no keys: ').map(({ what }) => what.replace('no keys: ', '')))],
    asked,
    notAsked: homes.filter((home) => !asked.includes(home)),
    keyRecords: timeline.filter(({ what }) => what.startsWith('decryptionKeysAvailable')).length,
    millisecondsToKeyRecord:
      calls.map((call) => call.millisecondsToKeyRecord).find((time) => time !== null) ?? null,
    recordings: new Set(streams.map(({ file }) => file)).size,
    authenticated: streams.reduce((sum, { authenticated }) => sum + authenticated, 0),
    decryptedInNetwork: streams.some((stream) => stream.decryptedInNetwork),
    explanations: [
      ...new Set(recoveries.filter(({ recovered }) => !recovered).map(({ explanation }) => explanation)),
    ],
    checks: { passed: checks.filter(({ passed }) => passed).length, all: checks.length },
  };
}

/** The start line of a message as the timeline has it, without what it carries. */
export function startOf({ what }: Pick<TimelineEntry, 'what'>): {
  readonly message: string;
  readonly marks: string[];
} {
  const [, start = what, mark] = /^(.*?)(?: {2}\[(.*)\])?$/s.exec(what) ?? [];
  const isResponse = /^\d{3} /.test(start);
  const message = isResponse ? start.replace(/ \([^()]*\)$/, '') : (start.split(' ', 1)[0] ?? start);
  return { message, marks: mark === undefined ? [] : [mark] };
}

function carrierOf(entries: readonly TimelineEntry[], name: MikeyName): MikeyCarrier | null {
  return carrierIn(entries.find((entry) => carries(entry, name)));
}

function carrierIn(entry: TimelineEntry | undefined): MikeyCarrier | null {
  return entry === undefined ? null : { from: entry.from, message: startOf(entry).message };
}

/** The I_MESSAGE_1 that the first R_MESSAGE_1 answers: the last that an end has sent before it, after a redirection too. */
function answeredOffer(entries: readonly TimelineEntry[]): TimelineEntry | undefined {
  const answer = entries.findIndex((entry) => carries(entry, 'R_MESSAGE_1'));
  const before = answer < 0 ? entries : entries.slice(0, answer);
  const offers = before.filter((entry) => carries(entry, 'I_MESSAGE_1') && !entry.from.startsWith('cscf.'));
  return answer < 0 ? offers[0] : offers.at(-1);
}

/** An offer in a request is for whom it is sent to, one in a response for the caller. */
function isEchoed(entries: readonly TimelineEntry[], caller: string | null): boolean | null {
  const offer = answeredOffer(entries);
  const answer = entries.find((entry) => carries(entry, 'R_MESSAGE_1'));
  if (offer === undefined || answer === undefined) return null;
  const uri = offer.what.split(' ')[1] ?? '';
  const meant = offer.what.startsWith('INVITE ') ? userIn(uri) : caller;
  return meant === null ? null : meant === (answer.from.split('.', 1)[0] ?? '');
}

function carries({ reference, what }: TimelineEntry, name: MikeyName): boolean {
  return isSip(reference) && what.endsWith(`[${name}]`);
}

function calledIn(entries: readonly TimelineEntry[]): string | null {
  const invite = entries.find(({ reference, what }) => isSip(reference) && what.startsWith('INVITE '));
  return invite?.what.split(' ')[1] ?? null;
}

function isSip(reference: ReferencePoint): boolean {
  return reference === 'Gm' || reference === 'Mw';
}
