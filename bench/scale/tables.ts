/** What `bench:scale` found, as lines for people. */
import { middle, quantile } from '../statistics.ts';
import type { DividedDfFigures } from './divided-df.ts';
import { inWords } from './layout.ts';
import type { FailoverFigures } from './failover.ts';
import { FAILOVER_WORDS } from './failovers.ts';
import type { RoleGrowthFigures } from './role-growth.ts';
import type { AnswerFigures, SharedKmsFigures } from './shared-kms.ts';

export interface Figures {
  readonly df: readonly DividedDfFigures[];
  readonly growth: readonly RoleGrowthFigures[];
  readonly kms: readonly SharedKmsFigures[];
  readonly takeover: { readonly leaseMs: number; readonly ms: readonly number[] } | null;
  readonly failover: readonly FailoverFigures[];
}

const PHASES = {
  laying: 'laid down as fast as they are taken',
  draining: 'mediated and delivered as fast as it goes',
  steady: 'all of the way at the steady rate',
} as const;

export function linesOf({ df, growth, kms, takeover, failover }: Figures): string[] {
  return [
    ...(df.length === 0 ? [] : dfLines(df)),
    ...(growth.length === 0 ? [] : growthLines(growth)),
    ...(kms.length === 0 ? [] : kmsLines(kms)),
    ...(takeover === null && failover.length === 0 ? [] : leaseLines(takeover, failover)),
  ];
}

function dfLines(df: readonly DividedDfFigures[]): string[] {
  const lines: string[] = [];
  for (const [phase, words] of Object.entries(PHASES) as [keyof typeof PHASES, string][]) {
    lines.push(
      `DF in processes, ${words}: PDUs a second, µs of processor time for a PDU, others’ cores; intakes / mediators / deliverers`,
    );
    const heads = ['intake', 'mediation', 'delivery', 'LEMF', 'NATS', 'database', 'benchmark', 'others'];
    lines.push(row('', 'PDUs/s', ...heads));
    for (const figures of df) {
      const { pdus, seconds, othersCores, cost } = figures[phase];
      const costs = [cost.intake, cost.mediation, cost.delivery, cost.lemf, cost.nats, cost.database];
      const name = `${figures.kind}, ${inWords(figures)}`;
      lines.push(row(name, pdus / seconds, ...costs, cost.source, othersCores));
    }
  }
  lines.push('octets of a PDU:', row('', 'X2, X3', 'in stream', 'HI2, HI3'));
  for (const { pduOctets, streamOctets, handedOverOctets, ...figures } of df)
    lines.push(row(`${figures.kind}, ${inWords(figures)}`, pduOctets, streamOctets, handedOverOctets));
  return [...lines, ''];
}

function growthLines(growth: readonly RoleGrowthFigures[]): string[] {
  const lines = ['one process of a role and two, each with a share of a core:'];
  const heads = ['share', 'had', 'held up', 'PDUs/s', 'times', 'µs', 'NATS', 'database', 'busy cores'];
  lines.push(row('', ...heads));
  for (const { role, processes, share, had, heldUp, pdus, seconds, cost, busyCores, isLimit } of growth) {
    const rate = pdus / seconds;
    const one = growth.find((each) => each.role === role && each.processes === 1);
    // What was not the limit says nothing of how it grows.
    const times = one?.isLimit === true && isLimit ? (rate * one.seconds) / one.pdus : '–';
    const cells = [share, had, heldUp, rate, times, cost[role], cost.nats, cost.database, busyCores];
    lines.push(row(`${role}, ${processes}${isLimit ? '' : ' (not the limit)'}`, ...cells));
  }
  return [...lines, ''];
}

function kmsLines(kms: readonly SharedKmsFigures[]): string[] {
  const lines = ['KMSs on one database, for an answer:'];
  lines.push(
    row('', 'answers/s', 'KMS µs', 'database µs', 'statements', 'commits', 'WAL', 'octets', 'busy cores'),
  );
  const cells = ({ rate, kms: cost, database, busyCores }: AnswerFigures): number[] => [
    ...[rate, cost, database.seconds * 1e6, database.statements],
    ...[database.transactions, database.walOctets, database.octets, busyCores],
  ];
  for (const { processes, requestKey, getKeys, limited } of kms) {
    const { share } = limited;
    lines.push(row(`REQUEST_KEY, ${processes}`, ...cells(requestKey)));
    lines.push(row(`get_keys, ${processes}`, ...cells(getKeys)));
    lines.push(row(`REQUEST_KEY, ${processes} of ${share}`, ...cells(limited.requestKey)));
    lines.push(row(`get_keys, ${processes} of ${share}`, ...cells(limited.getKeys)));
  }
  return [...lines, ''];
}

function leaseLines(takeover: Figures['takeover'], failover: readonly FailoverFigures[]): string[] {
  const lines = ['had by nobody, ms:', row('', 'times', 'least', 'median', '90 %', 'most')];
  const cells = (ms: readonly number[]): number[] => [
    ...[ms.length, Math.min(...ms), middle(ms), quantile(ms, 0.9), Math.max(...ms)],
  ];
  if (takeover !== null) lines.push(row(`a lease of ${takeover.leaseMs} ms`, ...cells(takeover.ms)));
  for (const { kind, leaseMs, restartMs, ms } of failover) {
    const again = restartMs.length === 0 ? '' : ` after ${middle(restartMs).toFixed(0)} ms`;
    lines.push(row(`of ${leaseMs} ms, ${FAILOVER_WORDS[kind]}${again}`, ...cells(ms)));
  }
  return lines;
}

function row(first: string, ...cells: readonly (string | number)[]): string {
  return first.padEnd(52) + cells.map((cell) => shown(cell).padStart(11)).join('');
}

function shown(cell: string | number): string {
  if (typeof cell === 'string') return cell;
  return cell >= 100 ? cell.toFixed(0) : cell.toPrecision(3);
}
