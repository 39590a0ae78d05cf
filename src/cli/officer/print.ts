/** Warrants for people, in lines of a terminal. */
import { jsonOf } from '../../bytes/json.ts';
import type { WarrantEvent, WarrantView } from '../../wire/officers/warrants.ts';

/** A time without milliseconds that say nothing. */
export function shortTime(unixMs: number): string {
  return new Date(unixMs).toISOString().replace('.000Z', 'Z');
}

/** Text from elsewhere, on one line and without what a terminal obeys. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '\ufffd');
}

export function stateText({ state, degraded, changing }: WarrantView): string {
  return [state, ...(degraded ? ['degraded'] : []), ...(changing ? ['changing'] : [])].join(', ');
}

/** What waits for an approver; empty: nothing. */
export function waitingText({ state, pending, lapses }: WarrantView): string {
  if (pending !== undefined) return `${pending.kind} by ${printable(pending.by)}`;
  if (lapses !== undefined) return `second approval, until ${shortTime(lapses)}`;
  return state === 'submitted' ? 'approval' : '';
}

const LOCATIONS: ReadonlyMap<WarrantView['location'], string> = new Map<WarrantView['location'], string>([
  [true, 'covered, where a session begins and ends'],
  ['uponChange', 'covered, whenever it changes'],
]);

function targetText({ name, value }: WarrantView['targets'][number]): string {
  return printable(name === 'sipUri' || name === 'telUri' ? value : `${name}=${value}`);
}

/** One line a warrant, with a head. */
export function listText(warrants: readonly WarrantView[]): string {
  const rows = warrants.map((warrant) => [
    warrant.liid,
    stateText(warrant),
    warrant.delivery,
    shortTime(warrant.endTime),
    waitingText(warrant) || '-',
    warrant.targets.map(targetText).join(' ') || '-',
  ]);
  const table = [['LIID', 'STATE', 'DELIVERY', 'UNTIL', 'WAITS FOR', 'TARGETS'], ...rows];
  const widths =
    table[0]?.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0))) ?? [];
  const lines = table.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return lines.map((line) => `${line}\n`).join('');
}

/** All that a warrant says, for who has to decide about it. */
export function warrantText(warrant: WarrantView): string {
  const { lemf } = warrant;
  const hi3 = lemf.hi3 === undefined ? '' : `, HI3 to ${address(lemf.hi3)}`;
  const rows: [string, string][] = [
    ['targets', warrant.targets.map(targetText).join(', ') || 'deleted'],
    ['delivery', `${warrant.delivery}, HI2 to ${address(lemf.hi2)}${hi3}`],
    ['location', LOCATIONS.get(warrant.location) ?? 'not covered'],
    ...(warrant.xk === false
      ? []
      : [['keys', `${printable(warrant.xk)} may ask the KMS itself`] as [string, string]]),
    ['in force', `${shortTime(warrant.startTime)} to ${shortTime(warrant.endTime)}`],
    ...warrant.covered.map(({ from, until, delivery }): [string, string] => [
      'covers',
      `${shortTime(from)} to ${shortTime(until)}, ${delivery}`,
    ]),
    ['entered by', warrant.authors.map(printable).join(', ')],
    ['approved by', warrant.approvals.map(printable).join(', ') || 'nobody'],
    ...(warrant.reference === undefined
      ? []
      : [['reference', printable(warrant.reference)] as [string, string]]),
    ...pendingRows(warrant),
  ];
  const head = `${warrant.liid}: ${stateText(warrant)} (generation ${warrant.generation})\n`;
  return head + rows.map(([name, text]) => `  ${name.padEnd(12)}${text}\n`).join('');
}

export function historyText(history: readonly WarrantEvent[]): string {
  const lines = history.map(({ at, by, act, state, generation, reason, detail }) => {
    const who = by === undefined ? '' : ` by ${printable(by)}`;
    const why = reason === undefined ? '' : `: ${printable(reason)}`;
    const what = detail === undefined ? '' : ` [${detailText(detail)}]`;
    return `  ${shortTime(at)}  ${String(generation).padStart(3)}  ${act}${who} (${state})${why}${what}\n`;
  });
  return `history\n${lines.join('')}`;
}

/** A change as the ADMF has put it on record: `amend: endTime 2030-01-31T12:00:00Z`; anything else as it is. */
function detailText(detail: string): string {
  const json = jsonOf(detail);
  if (typeof json !== 'object' || json === null || !('kind' in json)) return printable(detail);
  const { kind, changes, ...others } = json as { kind: unknown; changes?: object };
  const members = Object.entries({ ...others, ...changes }).filter(([, value]) => value !== null);
  const what = members.map(([name, value]) => printable(`${name} ${changeText(value)}`)).join(', ');
  return what === '' ? printable(String(kind)) : `${printable(String(kind))}: ${what}`;
}

function pendingRows(warrant: WarrantView): [string, string][] {
  const { pending, lapses } = warrant;
  if (pending === undefined) return lapses === undefined ? [] : [['lapses', shortTime(lapses)]];
  const { kind, by, at, reason, changes = {}, startTime, endTime } = pending;
  const times = [
    ...(startTime === undefined ? [] : [`from ${shortTime(startTime)}`]),
    ...(endTime === undefined ? [] : [`until ${shortTime(endTime)}`]),
  ];
  return [
    ['proposed', [`${kind} by ${printable(by)} at ${shortTime(at)}`, ...times, printable(reason)].join(', ')],
    ...Object.entries(changes).map(([name, value]): [string, string] => [`  ${name}`, changeText(value)]),
  ];
}

function changeText(value: unknown): string {
  if (typeof value === 'string') return printable(value);
  return typeof value === 'number' ? shortTime(value) : printable(JSON.stringify(value));
}

function address({ host, port }: WarrantView['lemf']['hi2']): string {
  return host.includes(':') ? `[${host}]:${port}` : `${printable(host)}:${port}`;
}
