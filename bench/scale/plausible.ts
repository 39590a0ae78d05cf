/** What of a run of `bench:scale` is not there, or cannot be: nothing is told by such a run. */
import { UNIT_COSTS } from '../../src/capacity/unit-costs.ts';
import type { CostName } from '../../src/capacity/unit-costs.ts';
import { isKmsLimit } from './at-once.ts';
import type { DividedDfFigures } from './divided-df.ts';
import type { DfRole, PduCost, PduKind, Phase } from './df-run.ts';
import type { DatabaseWork } from './engines.ts';
import { FAILOVERS } from './failovers.ts';
import { inWords, layoutsOf } from './layout.ts';
import type { Layout } from './layout.ts';
import type { RoleGrowthFigures } from './role-growth.ts';
import type { SharedKmsFigures } from './shared-kms.ts';
import type { Figures } from './tables.ts';
import { MEASURED_KINDS, unitCostsOf } from './unit-costs.ts';

export const GROUPS = ['df', 'growth', 'kms', 'leases'] as const;

/** What a run was to measure. */
export interface Asked {
  readonly only: readonly (typeof GROUPS)[number][];
  readonly kinds: readonly PduKind[];
  readonly layouts: readonly Layout[];
  readonly kms: readonly number[];
  readonly kills: number;
}

/** What is told in `docs/scale.md`: all that is measured where nothing else is asked for. */
export const WHOLE_RUN: Asked = {
  only: GROUPS,
  kinds: MEASURED_KINDS,
  layouts: layoutsOf([1, 1, 1, 2], [0, 0, 1, 2], [0, 1, 1, 2]),
  kms: [1, 2],
  kills: 8,
};

/** What is counted in ticks is more than there was by so much at most. */
const BEYOND_CORES = 1.05;
/** Of its share that a process has, at most: what it had too much is held back afterwards. */
const BEYOND_SHARE = 1.1;
/** Of processes of a role one has had so many times as much processor time as another, at most: who had more was not warm. */
const MOST_APART = 1.5;
/** Two processes of a role do so many times as much as one, at most: who has more to do has more that comes together. */
const MOST_TIMES = 2.5;
/** Leases for which nobody has one, at most. */
const MOST_LEASES = 10;
const WHOLE_PHASE_SECONDS = 1;

const DF_ROLES: Readonly<Record<DfRole, true>> = { intake: true, mediation: true, delivery: true };

/** In words, each; none: it can be told. */
export function faultsOf(
  figures: Figures & { readonly machine: { readonly cores: number } },
  asked: Asked,
): string[] {
  const { cores } = figures.machine;
  const { only } = asked;
  return [
    ...(only.includes('df') ? dfFaults(figures.df, asked, cores) : []),
    ...(only.includes('growth') ? growthFaults(figures.growth, cores) : []),
    ...(only.includes('kms') ? kmsFaults(figures.kms, asked, cores) : []),
    ...(only.includes('leases') ? leaseFaults(figures, asked) : []),
    ...(isWhole(asked) ? costFaults(figures) : []),
  ];
}

/** Whether it has what all costs are from. */
function isWhole({ only, kinds, layouts, kms }: Asked): boolean {
  const has = <T>(all: readonly T[], some: readonly T[]): boolean => some.every((each) => all.includes(each));
  const words = (of: readonly Layout[]): string[] => of.map(inWords);
  const whole = WHOLE_RUN;
  return (
    has(only, ['df', 'growth', 'kms']) &&
    has(kinds, whole.kinds) &&
    has(words(layouts), words(whole.layouts)) &&
    kms.includes(1)
  );
}

function costFaults(figures: Figures): string[] {
  const costs: Partial<Record<CostName, number>> = unitCostsOf(figures);
  return Object.entries(UNIT_COSTS).flatMap(([name, { run }]) =>
    run === 'scale' ? positive(name, costs[name as CostName]) : [],
  );
}

function dfFaults(df: readonly DividedDfFigures[], { kinds, layouts }: Asked, cores: number): string[] {
  return kinds.flatMap((kind) =>
    layouts.flatMap((layout) => {
      const what = `${kind}, ${inWords(layout)}`;
      const found = df.find((each) => each.kind === kind && inWords(each) === inWords(layout));
      if (found === undefined) return [`${what}: missing`];
      const { laying, draining, steady, database } = found;
      const downstream: (keyof PduCost)[] = [
        ...(['mediation', 'lemf'] as const),
        ...(layout.deliverers > 0 ? (['delivery'] as const) : []),
        ...(layout.mediators > 0 ? (['database'] as const) : []),
      ];
      return [
        ...phaseFaults(`${what}, laid down`, laying, ['intake', 'nats'], cores),
        ...phaseFaults(`${what}, delivered`, draining, downstream, cores),
        ...apartFaults(`${what}, delivered`, draining),
        ...phaseFaults(`${what}, at the steady rate`, steady, ['intake', 'nats', ...downstream], cores),
        ...positive(`${what}: octets of a PDU`, found.pduOctets),
        ...positive(`${what}: octets in its stream`, found.streamOctets),
        ...positive(`${what}: octets handed over`, found.handedOverOctets),
        // What stays of a PDU may be nothing: what is delivered goes.
        ...(layout.mediators > 0 ? databaseFaults(what, database) : []),
      ];
    }),
  );
}

function growthFaults(growth: readonly RoleGrowthFigures[], cores: number): string[] {
  return (Object.keys(DF_ROLES) as DfRole[]).flatMap((role) => {
    const rates: number[] = [];
    const faults = [1, 2].flatMap((processes) => {
      const what = `growth of ${role}, ${processes}`;
      const found = growth.find((each) => each.role === role && each.processes === processes);
      if (found === undefined) return [`${what}: missing`];
      const { had, share, heldUp, isLimit, pdus, seconds } = found;
      rates.push(pdus / seconds);
      return [
        ...phaseFaults(what, found, [role], cores),
        ...(isLimit
          ? []
          : [`${what}: not the limit: had ${shown(had)} of ${share}, held up ${shown(heldUp)} of the time`]),
        ...(had <= BEYOND_SHARE * share ? [] : [`${what}: had ${shown(had)} of ${share}`]),
        ...(seconds >= WHOLE_PHASE_SECONDS ? [] : [`${what}: measured for ${shown(seconds)} s`]),
      ];
    });
    const [one = NaN, two = NaN] = rates;
    return [...faults, ...(two / one > MOST_TIMES ? [`growth of ${role}: ${shown(two / one)} times`] : [])];
  });
}

function kmsFaults(kms: readonly SharedKmsFigures[], asked: Asked, cores: number): string[] {
  return asked.kms.flatMap((processes) => {
    const found = kms.find((each) => each.processes === processes);
    if (found === undefined) return [`KMSs, ${processes}: missing`];
    return (['requestKey', 'getKeys'] as const).flatMap((what) => {
      const name = `${what}, ${processes} ${processes === 1 ? 'KMS' : 'KMSs'}`;
      const { rate, kms: cost, database, busyCores, questionOctets } = found[what];
      return [
        ...positive(`${name}: a second`, rate),
        ...positive(`${name}: µs`, cost),
        ...positive(`${name}: octets`, questionOctets),
        ...databaseFaults(name, database),
        ...positive(`${name}: database, octets`, database.octets),
        ...(busyCores <= BEYOND_CORES * cores ? [] : [`${name}: ${shown(busyCores)} busy cores`]),
        ...(isKmsLimit(found, what) ? [] : [`${name}, with a share of a core: not the limit`]),
      ];
    });
  });
}

function leaseFaults({ takeover, failover }: Figures, { kills }: Asked): string[] {
  const timesFaults = (what: string, leaseMs: number, ms: readonly number[], least: number): string[] => [
    ...(ms.length >= least ? [] : [`${what}: ${ms.length} times, not ${least}`]),
    ...ms
      .filter((each) => !(each > 0 && each <= MOST_LEASES * leaseMs))
      .map((each) => `${what}: nobody for ${shown(each)} ms`),
  ];
  return [
    ...(takeover === null
      ? ['leases: missing']
      : timesFaults('a lease', takeover.leaseMs, takeover.ms, kills)),
    ...FAILOVERS.flatMap((kind) => {
      const found = failover.find((each) => each.kind === kind);
      return found === undefined ? [`${kind}: missing`] : timesFaults(kind, found.leaseMs, found.ms, 1);
    }),
  ];
}

/** But for what stays in it. */
function databaseFaults(what: string, database: DatabaseWork): string[] {
  const of = ['seconds', 'statements', 'transactions', 'walOctets'] as const;
  return of.flatMap((each) => positive(`${what}: database, ${each}`, database[each]));
}

/** @param busy whose part in it cannot be nothing */
function phaseFaults(what: string, phase: Phase, busy: readonly (keyof PduCost)[], cores: number): string[] {
  const { pdus, seconds, cost, busyCores } = phase;
  if (pdus === 0) return [`${what}: no PDUs`];
  return [
    ...positive(`${what}: a second`, pdus / seconds),
    ...busy.flatMap((of) => positive(`${what}: µs of ${of}`, cost[of])),
    ...(busyCores <= BEYOND_CORES * cores ? [] : [`${what}: ${shown(busyCores)} busy cores`]),
  ];
}

/** Of a run that tells what each process had. */
function apartFaults(what: string, { each }: Phase): string[] {
  if (each === undefined) return [];
  return (['mediation', 'delivery'] as const).flatMap((role) => {
    const [least, most] = [Math.min(...each[role]), Math.max(...each[role])];
    return most <= MOST_APART * least || each[role].length < 2
      ? []
      : [`${what}: of two for ${role} one had ${shown(most)} s, another ${shown(least)} s`];
  });
}

/** Nothing takes nothing, or less. */
function positive(what: string, value: number | undefined): string[] {
  if (value === undefined) return [`${what}: missing`];
  return Number.isFinite(value) && value > 0 ? [] : [`${what}: ${value}`];
}

function shown(value: number): string {
  if (!Number.isFinite(value)) return 'what is not known';
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
