/**
 * The mediations that a process has: of all calls, or of those of some partitions, which come and go. What is asked about a
 * call goes to the one that has it; what is about tasks and warrants, to all.
 */
import { fromHex } from '../../bytes/octets.ts';
import type { Clock, Logger, Timer } from '../../bytes/ports.ts';
import { TroubleLog } from '../../bytes/trouble-log.ts';
import type { GetKeysRequest, GetKeysResponse } from '../../wire/xk/get-keys.ts';
import { partitionOf } from './call-partition.ts';
import type { Questions } from './key-requests.ts';
import type { Mediation } from './mediation.ts';
import type { DfTask } from './ports.ts';
import { WarrantWatch } from './warrant-watch.ts';

/** What mediations have come to since the process began, those that have gone among them. */
export type MediationCounts = Pick<Mediation, 'losses' | 'received' | 'gaveWay' | 'decryption'>;

interface Part {
  readonly mediation: Mediation;
  readonly watch: WarrantWatch;
  alarms: Timer | null;
}

export interface MediationsOptions {
  /** In how many partitions calls are. */
  readonly partitions: number;
  /** Warrants of which there may be something to tell. */
  readonly liids: () => Iterable<string>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How often it is looked for alarms that other partitions have passed on, milliseconds. */
const ALARMS_MS = 1_000;
const UNTOLD = {
  begins: 'alarms of other partitions could not be told for now',
  over: 'alarms of other partitions are told again',
} as const;

export class Mediations implements Questions, MediationCounts {
  readonly #options: MediationsOptions;
  /** By partition; one that is being opened is waited for. */
  readonly #parts = new Map<number, Promise<Part>>();
  readonly #there = new Map<number, Part>();
  /** Questions that were found to be another process's, until they are given up here. */
  readonly #elsewhere = new Set<string>();
  /** Of those that have gone. */
  #base: Sums = EMPTY;

  readonly #untold: TroubleLog;

  constructor(options: MediationsOptions) {
    this.#options = options;
    const { clock, logger } = options;
    this.#untold = new TroubleLog(UNTOLD, { logger, now: () => clock.now() });
  }

  /** @param open makes the mediation of the partition's calls @throws what it throws */
  async add(partition: number, open: () => Promise<Mediation>): Promise<Mediation> {
    const opening = this.#open(open);
    this.#parts.set(partition, opening);
    try {
      const part = await opening;
      this.#there.set(partition, part);
      if (partition === 0 && this.#options.partitions > 1) this.#tellAlarmsSoon(part);
      return part.mediation;
    } catch (error) {
      this.#parts.delete(partition);
      throw error;
    }
  }

  /** Resolves when it does nothing more. */
  async remove(partition: number): Promise<void> {
    const part = this.#there.get(partition);
    this.#parts.delete(partition);
    this.#there.delete(partition);
    if (part === undefined) return;
    part.alarms?.cancel();
    part.watch.stop();
    await part.mediation.stop();
    const { decryption, ...counts } = sumsOf(part.mediation);
    // What waits there is counted by whoever has it next.
    const opened = decryption === null ? null : { ...decryption, waiting: 0 };
    this.#base = sumOf([this.#base, { ...counts, decryption: opened }]);
  }

  /** Partitions whose mediations are there. */
  get partitions(): number[] {
    return [...this.#there.keys()].sort((a, b) => a - b);
  }

  /* ------------------------------------------------- tasks and warrants */

  /** Something has changed of these warrants, or may have. */
  touch(liids: Iterable<string>): void {
    const all = [...liids];
    for (const { watch } of this.#there.values()) watch.touch(all);
  }

  /** Resolves when all is told that has changed until now, or could not be. */
  async told(): Promise<void> {
    await Promise.all([...this.#there.values()].map(({ watch }) => watch.told()));
  }

  tasksChanged(): void {
    this.#each('held PDUs could not go on', (mediation) => mediation.tasksChanged());
  }

  taskEnds(task: DfTask): void {
    this.#each('content that waited for its key could not go on', (mediation) => mediation.taskEnds(task));
  }

  /** Something is wrong of warrants, whatever the call. */
  alarm(...alarm: Parameters<Mediation['alarm']>): void {
    const [first] = this.partitions;
    const part = first === undefined ? undefined : this.#there.get(first);
    if (alarm[0].length === 0) return;
    part?.mediation.alarm(...alarm).catch((error: unknown) => {
      this.#options.logger.warn({ error }, 'LEMFs could not be told of an alarm');
    });
  }

  /** No more is told of warrants; what was is told. */
  async stopTelling(): Promise<void> {
    await this.told();
    for (const { watch, alarms } of this.#there.values()) {
      watch.stop();
      alarms?.cancel();
    }
  }

  async stop(): Promise<void> {
    for (const partition of this.partitions) await this.remove(partition);
  }

  /* ------------------------------- questions; those of no mediation of this process are another's */

  async question(correlation: string, xid: string, id: string): Promise<GetKeysRequest | null> {
    const mediation = await this.#of(correlation);
    if (mediation === undefined) {
      this.#elsewhere.add(`${correlation} ${xid} ${id}`);
      return null;
    }
    return mediation.question(correlation, xid, id);
  }

  async answered(
    correlation: string,
    xid: string,
    id: string,
    asked: GetKeysRequest,
    answer: GetKeysResponse,
  ): Promise<void> {
    await (await this.#of(correlation))?.answered(correlation, xid, id, asked, answer);
  }

  async overdue(correlation: string, xid: string, id: string): Promise<void> {
    await (await this.#of(correlation))?.overdue(correlation, xid, id);
  }

  async abandoned(correlation: string, xid: string, id: string): Promise<void> {
    // It is not given up for whoever has the call next, and may be this process by now.
    if (this.#elsewhere.delete(`${correlation} ${xid} ${id}`)) return;
    await (await this.#of(correlation))?.abandoned(correlation, xid, id);
  }

  /* ---------------------------------------------------------------- counts */

  get losses(): Mediation['losses'] {
    return this.#sums().losses;
  }

  get received(): Mediation['received'] {
    return this.#sums().received;
  }

  get gaveWay(): Mediation['gaveWay'] {
    return this.#sums().gaveWay;
  }

  get decryption(): Mediation['decryption'] {
    return this.#sums().decryption;
  }

  #sums(): Sums {
    return sumOf([this.#base, ...[...this.#there.values()].map(({ mediation }) => sumsOf(mediation))]);
  }

  /* --------------------------------------------------------------- helpers */

  async #open(open: () => Promise<Mediation>): Promise<Part> {
    const mediation = await open();
    const watch = new WarrantWatch(mediation, this.#options);
    watch.touch([...mediation.toldWarrants(), ...this.#options.liids()]);
    return { mediation, watch, alarms: null };
  }

  async #of(correlation: string): Promise<Mediation | undefined> {
    const partition = partitionOf(fromHex(correlation), this.#options.partitions);
    return (await this.#parts.get(partition))?.mediation;
  }

  #each(trouble: string, deed: (mediation: Mediation) => Promise<void>): void {
    for (const { mediation } of this.#there.values())
      deed(mediation).catch((error: unknown) => this.#options.logger.error({ error }, trouble));
  }

  #tellAlarmsSoon(part: Part): void {
    const { clock } = this.#options;
    part.alarms = clock.after(ALARMS_MS, () => {
      part.mediation
        .tellPassedAlarms()
        .then(
          () => this.#untold.worked(),
          (error: unknown) => this.#untold.failed({ error }),
        )
        .finally(() => {
          if (this.#there.get(0) === part) this.#tellAlarmsSoon(part);
        });
    });
  }
}

type Sums = { readonly [K in keyof MediationCounts]: MediationCounts[K] };

const EMPTY: Sums = {
  losses: { dropped: 0, setAside: 0, callsGivenUp: 0, streamsForgotten: 0 },
  received: { x2: 0, x3: 0 },
  gaveWay: { hi2: 0, hi3: 0 },
  decryption: null,
};

function sumsOf({ losses, received, gaveWay, decryption }: MediationCounts): Sums {
  return { losses, received, gaveWay, decryption };
}

function sumOf(all: readonly Sums[]): Sums {
  const decryptions = all.flatMap(({ decryption }) => decryption ?? []);
  return {
    losses: added(
      all.map(({ losses }) => losses),
      EMPTY.losses,
    ),
    received: added(
      all.map(({ received }) => received),
      EMPTY.received,
    ),
    gaveWay: added(
      all.map(({ gaveWay }) => gaveWay),
      EMPTY.gaveWay,
    ),
    decryption: decryptions.length === 0 ? null : added(decryptions, NO_DECRYPTION),
  };
}

const NO_DECRYPTION = { decrypted: 0, waited: 0, undecrypted: 0, waiting: 0 };

function added<T extends { readonly [K in keyof T]: number }>(all: readonly T[], none: T): T {
  const sums: Record<keyof T, number> = { ...none };
  for (const one of all) for (const name of Object.keys(none) as (keyof T)[]) sums[name] += one[name];
  return sums as T;
}
