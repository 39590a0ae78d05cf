/**
 * What the model of the whole way is run with, by default at the size that was measured and at 100 times that: costs of the
 * run of `bench:scale` that it is given, and of each role as many processes as have the same load.
 */
import type { CostName, PacketCost } from '../../src/capacity/unit-costs.ts';
import { simulateNetwork } from './network.ts';
import type { NetworkFigures, NetworkTerms } from './network.ts';

/** Processes at the size that was measured: two that have leases, so that there is one that takes over. */
const MEASURED = { intakes: 1, mediators: 2, deliverers: 2, kms: 2, kmsThreads: 2, cores: 2 };
/** LEMFs for each process that delivers. */
const DESTINATIONS = 4;
/** Of the setting `streams.partitions`. */
const MOST_PARTITIONS = 256;
/** Octets of a message in a stream are read at once: PDUs of so much are mediated in one go. */
const BATCH = 64;
/** Seconds of a word to a server on another machine and back. */
const TRIP_SECONDS = 0.002;

export const MODEL_DEFAULTS = {
  ...{ tolerance: 0.25, size: 100, seed: 1, seconds: 60, load: 0.6, together: 25, partitions: 8 },
  ...{ lease: 10, 'kill-every': 10, restart: 5, ended: 0, 'database-cores': 0 },
};

export type ModelOptions = Readonly<Record<keyof typeof MODEL_DEFAULTS, number>>;

/** A run of the whole way. */
export interface NetworkRun {
  readonly size: number;
  readonly terms: NetworkTerms;
  readonly figures: NetworkFigures;
}

/** At the size that was measured and at so many times that; with kills, and where all of those end in order instead. */
export function networkRuns(
  kind: 'sip' | 'packet',
  options: ModelOptions,
  costs: Partial<Record<CostName, number>>,
): NetworkRun[] {
  return [...new Set([1, options.size])].flatMap((size) =>
    [...new Set([options.ended, 1])].map((ended) => {
      const terms = termsOf(size, kind, { ...options, ended }, costs);
      return { size, terms, figures: simulateNetwork(terms) };
    }),
  );
}

/** @throws Error where the run has no such cost */
export function termsOf(
  size: number,
  kind: 'sip' | 'packet',
  options: ModelOptions,
  costs: Partial<Record<CostName, number>>,
): NetworkTerms {
  const costOf = (name: CostName): number => {
    const value = costs[name];
    if (value === undefined || value === 0) throw new Error(`the run of bench:scale has no ${name}`);
    return value;
  };
  const of = (role: PacketCost): number => costOf(`${role}${kind === 'sip' ? 'Sip' : 'SmallPacket'}`);
  const { intakes, mediators, kms, kmsThreads, cores } = MEASURED;
  const microseconds = {
    ...{ intake: of('intake'), mediation: of('dividedMediation'), delivery: of('delivery') },
    ...{ kms: costOf('kmsGetKeys'), database: costOf('databaseGetKeys'), databasePdu: of('database') },
  };
  const { seed, seconds, load, together } = options;
  // As many of the others as there must be for them to have the load of mediators.
  const beside = (cost: number, least: number): number =>
    Math.max(least, Math.ceil((mediators * size * cost) / microseconds.mediation));
  const deliverers = beside(microseconds.delivery, MEASURED.deliverers);
  const pdusPerSecond = (load * mediators * size * 1e6) / microseconds.mediation;
  const questionsPerSecond = (load * kms * size * 1e6) / microseconds.kms;
  const ofDatabase = pdusPerSecond * microseconds.databasePdu + questionsPerSecond * microseconds.database;
  const killEvery = options['kill-every'];
  return {
    ...{ seed, seconds, together, microseconds, pdusPerSecond, questionsPerSecond },
    ...{ mediators: mediators * size, deliverers, destinations: DESTINATIONS * deliverers },
    intakes: beside(microseconds.intake, intakes),
    partitions: Math.min(MOST_PARTITIONS, options.partitions * size),
    ...{ kms: kms * size, kmsThreads, cores },
    databaseCores: options['database-cores'] || Math.ceil(ofDatabase / 1e6 / load),
    ...{ batch: BATCH, leaseSeconds: options.lease, tripSeconds: TRIP_SECONDS },
    killSeconds: killEvery === 0 ? Infinity : killEvery,
    ...{ restartSeconds: options.restart, endShare: options.ended },
  };
}
