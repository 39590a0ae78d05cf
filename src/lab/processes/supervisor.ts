/**
 * Entities as processes, and the engines that they need: started in order, watched, stopped in the reverse order. One that
 * ends by itself is started again, where that is wanted:
 *
 *     ended ──► pause, each twice the one before ──► started ──► ready
 *       ▲                                               │
 *       └─── not ready, or ended within `calmMs` ◄──────┘      `most` times in a row; then it is given up
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { BackOff } from '../../bytes/back-off.ts';
import { present } from '../../bytes/present.ts';
import { LabError } from '../errors.ts';
import type { LabFolder } from '../folder/lab-folder.ts';
import { SERVICE_ORDER } from '../network/home.ts';
import type { Service } from '../network/home.ts';
import { startEntityProcess } from './entity-process.ts';
import type { EntityStart } from './entity-process.ts';
import { LabProcess } from './lab-process.ts';
import type { Launch } from './lab-process.ts';
import type { RunNote, RunState } from './run-note.ts';
import { removeNote, writeNote } from './run-note.ts';

/** How long an entity may take until it is ready. */
const READY_MS = 60_000;
/** How long all of them may take to end. */
const END_MS = 9_500;

/** An entity by its configuration. */
export interface SupervisedEntity {
  readonly kind: Service;
  /** `kms.home1` */
  readonly name: string;
  readonly file: string;
}

/** A program of others that entities need, and that is started before them. */
export interface SupervisedEngine {
  readonly kind: 'engine';
  /** `postgresql.engine` */
  readonly name: string;
  /** What its command line has, by which it is known again. */
  readonly file: string;
  /** Makes ready what it needs, each time before it is started. */
  launch(): Launch | Promise<Launch>;
}

export type Supervised = SupervisedEntity | SupervisedEngine;

/** Engines before all, and after all when they end. */
const ORDER: readonly Supervised['kind'][] = ['engine', ...SERVICE_ORDER];

/** How often an entity that ends by itself is started again. */
export interface RestartPolicy {
  /** Without having run for `calmMs` in between; then it is given up. */
  readonly most: number;
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
  readonly calmMs: number;
}

export const USUAL_RESTARTS: RestartPolicy = {
  ...{ most: 5, firstPauseMs: 1_000, longestPauseMs: 30_000, calmMs: 60_000 },
};

export interface SupervisorOptions extends Pick<EntityStart, 'script' | 'args' | 'onMessage'> {
  /** Told of each line that an entity logs. */
  readonly onLine: (name: string, line: string) => void;
  /** Told of each restart. */
  readonly onRestart?: (line: string) => void;
  /** `null`: what ends by itself is given up. */
  readonly restarts: RestartPolicy | null;
  /** Where it is noted what runs; `null`: nowhere. */
  readonly note: { readonly lab: LabFolder; readonly since: string } | null;
}

interface Slot {
  readonly what: Supervised;
  readonly backOff: BackOff;
  /** `null`: it does not run, or was told to end. */
  process: LabProcess | null;
  begun: number;
  /** Restarts in all, and since it last ran for a while. */
  restarts: number;
  inARow: number;
}

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #slots = new Map<string, Slot>();
  readonly #over = new AbortController();
  /** Each until its process has ended, and was started again or not. */
  readonly #watches: Promise<void>[] = [];
  readonly #failed: Promise<LabError>;
  #fail: (error: LabError) => void = () => undefined;
  #state: RunState = 'ready';

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#failed = new Promise((resolve) => (this.#fail = resolve));
  }

  /** Of those that run, in the order in which they were started. */
  get names(): string[] {
    return this.#running.map(({ name }) => name);
  }

  /** Starts all, each kind when the one before is ready. @throws LabError `process`; then those that had started are stopped */
  async start(all: readonly Supervised[]): Promise<void> {
    this.#enter('starting');
    try {
      for (const kind of ORDER) {
        const outcomes = await Promise.allSettled(
          all.filter((each) => each.kind === kind).map((each) => this.startOne(each)),
        );
        const failed = outcomes.find((each) => each.status === 'rejected');
        if (failed !== undefined) throw failed.reason;
        if (this.#isStopping) return;
        const gone = this.#running.find((each) => !each.runs);
        if (gone !== undefined) throw gone.failure(await gone.ended);
      }
    } catch (error) {
      await this.stop();
      throw error;
    }
    this.#enter('ready');
  }

  /** Starts one, again where it ran before. @throws LabError `process` */
  async startOne(what: Supervised): Promise<LabProcess> {
    const { firstPauseMs = 0, longestPauseMs = 0 } = this.#options.restarts ?? {};
    const slot = this.#slots.get(what.name) ?? {
      ...{ what, backOff: new BackOff(firstPauseMs, longestPauseMs) },
      ...{ process: null, begun: 0, restarts: 0, inARow: 0 },
    };
    return this.#start(slot);
  }

  /** The process of one; `null`: it does not run just now. */
  processOf(name: string): LabProcess | null {
    const process = this.#slots.get(name)?.process ?? null;
    return process?.runs === true ? process : null;
  }

  /** Stops one, which is no failure of it, and leaves its state. */
  async stopOne(name: string): Promise<void> {
    const slot = this.#slots.get(name);
    const running = slot?.process ?? null;
    if (slot === undefined || running === null) return;
    slot.process = null;
    await running.end(END_MS);
  }

  /** Resolves with the failure of the first that is given up; never once they are being stopped. */
  async firstFailure(): Promise<LabError> {
    const failure = await this.#failed;
    return this.#isStopping ? new Promise<never>(() => undefined) : failure;
  }

  /** SIGTERM in the reverse order, so that what is under way is delivered; all of it within ten seconds. */
  async stop(): Promise<void> {
    if (this.#isStopping) return;
    this.#enter('stopping');
    this.#over.abort();
    const end = performance.now() + END_MS;
    for (const kind of ORDER.toReversed()) {
      const of = [...this.#slots.values()].filter(({ what }) => what.kind === kind);
      const left = Math.max(0, end - performance.now());
      await Promise.all(of.flatMap(({ process }) => process?.end(left) ?? []));
    }
    const late = sleep(Math.max(0, end - performance.now()), undefined, { ref: false });
    await Promise.race([Promise.allSettled(this.#watches), late]);
    if (this.#options.note !== null) removeNote(this.#options.note.lab);
  }

  /** At once, whatever is under way. */
  kill(): void {
    this.#over.abort();
    for (const each of this.#running) each.signal('SIGKILL');
  }

  get #isStopping(): boolean {
    return this.#state === 'stopping';
  }

  get #running(): LabProcess[] {
    return [...this.#slots.values()].flatMap(({ process }) => process ?? []);
  }

  async #start(slot: Slot): Promise<LabProcess> {
    const { name } = slot.what;
    const started = await this.#launch(slot);
    slot.process = started;
    slot.begun = performance.now();
    this.#slots.delete(name);
    this.#slots.set(name, slot);
    this.#watches.push(this.#watch(slot, started));
    if (this.#isStopping) await started.end(END_MS);
    else this.#enter(this.#state);
    return started;
  }

  async #launch({ what, restarts }: Slot): Promise<LabProcess> {
    const { script, args, onLine: tell, onMessage } = this.#options;
    const { kind, name, file } = what;
    const onLine = (line: string): void => tell(name, line);
    if (kind === 'engine') return LabProcess.launch({ ...(await what.launch()), onLine });
    return startEntityProcess({
      ...{ entity: kind, name, file, script, restarts, readyMs: READY_MS, onLine },
      ...present({ args, onMessage }),
    });
  }

  /** One that ends while all are being started is told of by `start`. */
  async #watch(slot: Slot, started: LabProcess): Promise<void> {
    const status = await started.ended;
    if (this.#state !== 'ready' || slot.process !== started) return;
    if (performance.now() - slot.begun >= (this.#options.restarts?.calmMs ?? Infinity)) {
      slot.inARow = 0;
      slot.backOff.reset();
    }
    await this.#again(slot, started.failure(status));
  }

  async #again(slot: Slot, first: LabError): Promise<void> {
    const { restarts: policy, onRestart } = this.#options;
    let failure = first;
    while (policy !== null && slot.inARow < policy.most) {
      slot.inARow += 1;
      slot.restarts += 1;
      const pause = slot.backOff.next();
      onRestart?.(
        `${failure.message}\nit is started again in ${pause / 1000} s (${slot.inARow} of ${policy.most} in a row, ${slot.restarts} in all)`,
      );
      await sleep(pause, undefined, { signal: this.#over.signal }).catch(() => undefined);
      if (this.#over.signal.aborted) return;
      try {
        await this.#start(slot);
        onRestart?.(`${slot.what.name} is ready again`);
        return;
      } catch (error) {
        if (!(error instanceof LabError)) throw error;
        failure = error;
      }
    }
    const times = policy === null ? '' : `, and was started again ${policy.most} times in vain`;
    const [what = '', ...rest] = failure.message.split('\n');
    this.#fail(new LabError('process', [what.replace(/(?=; the last|$)/, times), ...rest].join('\n')));
  }

  #enter(state: RunState): void {
    this.#state = state;
    const { note } = this.#options;
    if (note === null) return;
    const entities: RunNote['entities'] = [...this.#slots.values()].flatMap(
      ({ what: { name, file }, process, restarts }) =>
        process === null ? [] : [{ name, pid: process.pid, file, restarts }],
    );
    writeNote(note.lab, { pid: process.pid, since: note.since, state, entities });
  }
}
