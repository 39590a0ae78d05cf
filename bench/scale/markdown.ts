/** Tables of `docs/scale.md` by a run of `bench:scale`, each by its name in the page. */
import type { Estimate } from '../../src/capacity/estimate.ts';
import { offBy } from '../model/reproduced.ts';
import type { Point } from '../model/reproduced.ts';
import type { NetworkRun } from '../model/terms.ts';
import type { DividedDfFigures } from './divided-df.ts';
import { inWords } from './layout.ts';
import type { PduKind } from './df-run.ts';
import type { RoleGrowthFigures } from './role-growth.ts';
import { isKmsLimit } from './at-once.ts';
import type { SharedKmsFigures } from './shared-kms.ts';
import type { Figures } from './tables.ts';

export interface RunMachine {
  readonly processor: string;
  readonly cores: number;
  readonly load: number;
  readonly date: string;
}

const KIND_WORDS: Readonly<Record<PduKind, string>> = {
  sip: 'SIP message of 666 octets',
  g711: 'packet of 172 octets',
  video: 'packet of 1,200 octets',
};

/** A run alone makes a load of so much more than the cores, at most. */
const OWN_LOAD = 4;
const FULL =
  ' The machine had much else to do: costs are above those of a machine that has not, rates are below, and two that follow one another are not alike.';

/** Of what was measured, without the model. */
export function measuredTables(
  figures: Figures & { readonly machine: RunMachine; readonly loadAfter: number },
): Record<string, string> {
  const { machine, loadAfter, df, growth, kms } = figures;
  const { cores, processor, date } = machine;
  const loads = [machine.load, loadAfter].map((load) => load.toFixed(1));
  return {
    run: `The figures are of one run: ${cores} cores, ${processor}, ${date}, load ${loads.join(' before and ')} after.${loadAfter > cores + OWN_LOAD ? FULL : ''}`,
    costs: costsTable(df),
    most: mostTable(df),
    growth: growthTable(growth, kms),
    kms: kmsTable(kms),
    engines: enginesTable(df, kms),
  };
}

/** Of the capacity of a network. */
export function capacityTable({ roles }: Estimate): string {
  return table(
    ['role', 'cores', 'processes', 'machines of 16 cores'],
    roles.map(({ role, cores, processes, machines }) => [role, cores, processes, machines]),
  );
}

/** What the model makes of the points that were measured. */
export function pointsTable(points: readonly Point[]): string {
  return table(
    ['point', 'by', 'measured', 'simulated', 'off by, %'],
    points.map((point) => [
      ...[`${point.what}, ${point.unit}`, point.by, point.measured, point.simulated],
      (100 * offBy(point)).toFixed(0),
    ]),
  );
}

/** Runs of the whole way, a column each. */
export function networksTable(networks: readonly NetworkRun[]): string {
  const rows: readonly (readonly [string, (network: NetworkRun) => string])[] = [
    ['intakes, mediators, deliverers', ({ terms }) => list(terms.intakes, terms.mediators, terms.deliverers)],
    ['partitions, destinations', ({ terms }) => list(terms.partitions, terms.destinations)],
    ['cores of the database', ({ terms }) => cell(terms.databaseCores)],
    ['PDUs a second, offered', ({ terms }) => cell(terms.pdusPerSecond)],
    ['… delivered meanwhile', ({ figures }) => cell(figures.throughput)],
    ['a PDU, ms: median, 99 %', ({ figures: { pduMs } }) => list(pduMs.p50, pduMs.p99)],
    [
      'a question, ms: median, 99 %',
      ({ figures: { questionMs } }) => list(questionMs?.p50 ?? 0, questionMs?.p99 ?? 0),
    ],
    ['killed, ended in order', ({ figures }) => list(figures.kills, figures.ends)],
    ...(['mediation', 'delivery', 'ended'] as const).map(
      (of) =>
        [
          `nobody for s, ${NOBODY_WORDS[of]}: median, at most`,
          ({ figures }: NetworkRun) => {
            const spread = figures.takeoverSeconds[of];
            return spread === null ? '–' : list(spread.p50, spread.most);
          },
        ] as const,
    ),
    [
      'most that waits: in a partition, for a destination, in all',
      ({ figures }) => list(figures.mostInPartition, figures.mostInDestination, figures.mostBacklog),
    ],
    ['all delivered after the last came, s', ({ figures }) => cell(figures.drainedAfter ?? NaN)],
  ];
  return table(
    ['', ...networks.map(({ size, terms }) => `size ${size}${terms.endShare > 0 ? ', in order' : ''}`)],
    rows.map(([words, of]) => [words, ...networks.map(of)]),
  );
}

const NOBODY_WORDS = { mediation: 'partitions', delivery: 'destinations', ended: 'after an end in order' };

function costsTable(df: readonly DividedDfFigures[]): string {
  return table(
    [
      'µs for a PDU',
      'processes',
      'a second',
      'intake',
      'mediation',
      'delivery',
      'LEMF',
      'nats-server',
      'PostgreSQL',
    ],
    df.map(({ kind, steady: { cost, pdus, seconds }, ...layout }) => [
      ...[KIND_WORDS[kind], inWords(layout), pdus / seconds, cost.intake, cost.mediation],
      ...[layout.deliverers === 0 ? '–' : cost.delivery, cost.lemf, cost.nats],
      layout.mediators === 0 ? '–' : cost.database,
    ]),
  );
}

function mostTable(df: readonly DividedDfFigures[]): string {
  return table(
    [
      ...['as fast as it goes', 'processes', 'laid down a second', 'µs of an intake', 'delivered a second'],
      'cores that others had',
    ],
    df.map(({ kind, laying, draining, ...layout }) => [
      ...[KIND_WORDS[kind], inWords(layout), laying.pdus / laying.seconds, laying.cost.intake],
      // All may have come before the last process was there.
      draining.pdus === 0 ? '–' : draining.pdus / draining.seconds,
      ...[list(laying.othersCores, draining.othersCores)],
    ]),
  );
}

function growthTable(growth: readonly RoleGrowthFigures[], kms: readonly SharedKmsFigures[]): string {
  const heads = [
    ...[
      'role',
      'share of a core',
      'one, a second',
      'two',
      'times',
      'µs, one',
      'µs, two',
      'held up, one, two',
    ],
    'busy cores',
  ];
  // What was not the limit says nothing of how it grows.
  const row = (role: string, share: number, one: Grown, two: Grown): (string | number)[] =>
    one.isLimit && two.isLimit
      ? [
          ...[role, share, one.rate, two.rate, two.rate / one.rate, one.cost, two.cost],
          ...[list(...[one.heldUp, two.heldUp].flatMap((part) => part ?? [])) || '–', two.busyCores],
        ]
      : [`${role}${NOT_THE_LIMIT}`, share, ...heads.slice(2).map(() => '–')];
  const rows = growth.flatMap((one) => {
    const two = growth.find((each) => each.role === one.role && each.processes === 2);
    if (one.processes !== 1 || two === undefined) return [];
    const grown = (of: RoleGrowthFigures): Grown => ({
      ...{ rate: of.pdus / of.seconds, cost: of.cost[of.role], busyCores: of.busyCores },
      ...{ heldUp: of.heldUp, isLimit: of.isLimit },
    });
    return [row(one.role, one.share, grown(one), grown(two))];
  });
  const [one, two] = [1, 2].map((count) => kms.find(({ processes }) => processes === count));
  if (one === undefined || two === undefined) return table(heads, rows);
  const { share } = one.limited;
  for (const [what, words] of [
    ['requestKey', 'REQUEST_KEY'],
    ['getKeys', 'get_keys'],
  ] as const) {
    const grown = (of: SharedKmsFigures): Grown => {
      const { rate, kms: cost, busyCores } = of.limited[what];
      return { rate, cost, busyCores, heldUp: null, isLimit: isKmsLimit(of, what) };
    };
    rows.push(row(`KMS, ${words}`, share, grown(one), grown(two)));
  }
  return table(heads, rows);
}

const NOT_THE_LIMIT = ' (not the limit)';

interface Grown {
  readonly rate: number;
  readonly cost: number;
  readonly busyCores: number;
  /** `null`: it was not looked at. */
  readonly heldUp: number | null;
  readonly isLimit: boolean;
}

function kmsTable(kms: readonly SharedKmsFigures[]): string {
  return table(
    ['answer', 'KMSs', 'a second', 'ms of a KMS', 'ms of the database', 'cores that others had'],
    (['requestKey', 'getKeys'] as const).flatMap((what) =>
      kms.map(({ processes, [what]: found }) => [
        ...[what === 'requestKey' ? 'REQUEST_KEY' : 'get_keys', processes, found.rate, found.kms / 1000],
        ...[found.database.seconds * 1000, found.othersCores],
      ]),
    ),
  );
}

function enginesTable(df: readonly DividedDfFigures[], kms: readonly SharedKmsFigures[]): string {
  const divided = df.filter(({ mediators, deliverers, intakes }) => mediators * deliverers * intakes === 1);
  const columns = [
    ...kms
      .filter(({ processes }) => processes === 1)
      .flatMap(({ requestKey, getKeys }) => [
        { head: 'REQUEST_KEY', database: requestKey.database, nats: null },
        { head: 'get_keys', database: getKeys.database, nats: null },
      ]),
    ...divided.map(({ kind, database, steady }) => ({
      ...{ head: KIND_WORDS[kind], nats: steady.cost.nats },
      database: { ...database, seconds: steady.cost.database / 1e6 },
    })),
  ];
  const row = (words: string, of: (column: (typeof columns)[number]) => number | string) => [
    words,
    ...columns.map(of),
  ];
  return table(
    ['for each', ...columns.map(({ head }) => head)],
    [
      row('PostgreSQL, µs', ({ database }) => database.seconds * 1e6),
      row('statements, BEGIN and COMMIT too', ({ database }) => database.statements),
      row('transactions', ({ database }) => database.transactions),
      row('write-ahead log, octets', ({ database }) => database.walOctets),
      // Where more went than came there is nothing to tell.
      row('rows and indexes, octets', ({ database }) => (database.octets > 0 ? database.octets : '–')),
      row('nats-server, µs', ({ nats }) => nats ?? '–'),
    ],
  );
}

function list(...values: readonly number[]): string {
  return values.map(cell).join(', ');
}

/** To three digits, or whole. */
function cell(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (value !== 0 && Math.abs(value) < 0.01) return '< 0.01';
  const rounded = Number(value.toPrecision(3));
  return Math.abs(value) >= 100 ? Math.round(value).toLocaleString('en-US') : String(rounded);
}

function table(heads: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]): string =>
    `| ${cells.map((each) => (typeof each === 'number' ? cell(each) : each)).join(' | ')} |`;
  const rule = heads.map((_, at) => (at === 0 ? '---' : '---:'));
  return [line(heads), line(rule), ...rows.map(line)].join('\n');
}
