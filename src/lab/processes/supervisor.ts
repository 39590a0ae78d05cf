/**
 * All entities of a laboratory as processes: started in order, watched, stopped in the reverse order. If one ends, the
 * others are stopped.
 */
import type { LabError } from '../errors.ts';
import type { LabFile, LabFolder } from '../folder/lab-folder.ts';
import { START_ORDER } from '../network/home.ts';
import { EntityProcess } from './entity-process.ts';
import type { RunNote, RunState } from './run-note.ts';
import { removeNote, writeNote } from './run-note.ts';

/** How long an entity may take until it is ready. */
const READY_MS = 60_000;
/** How long all of them may take to end. */
const END_MS = 9_500;

export interface SupervisorOptions {
  /** The command line's own script. */
  readonly script: string;
  /** RFC 3339. */
  readonly since: string;
  /** Told of each line that an entity logs. */
  readonly onLine: (name: string, line: string) => void;
}

export class Supervisor {
  readonly #lab: LabFolder;
  readonly #options: SupervisorOptions;
  readonly #running: EntityProcess[] = [];
  readonly #files = new Map<string, string>();
  #isStopping = false;

  constructor(lab: LabFolder, options: SupervisorOptions) {
    this.#lab = lab;
    this.#options = options;
  }

  get names(): string[] {
    return this.#running.map(({ name }) => name);
  }

  /** Starts all. @throws LabError `process`; then those that had started are stopped */
  async start(): Promise<void> {
    this.#write('starting');
    try {
      const entities = this.#lab.entities();
      for (const kind of START_ORDER) {
        const outcomes = await Promise.allSettled(
          entities.filter((each) => each.kind === kind).map((each) => this.#startOne(each)),
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
    this.#write('ready');
  }

  /** Resolves with the failure of the first that ends although nobody told it to; never once they are being stopped. */
  async firstFailure(): Promise<LabError> {
    const [gone, status] = await Promise.race(
      this.#running.map(async (each) => [each, await each.ended] as const),
    );
    if (this.#isStopping) return new Promise<never>(() => undefined);
    return gone.failure(status);
  }

  /** SIGTERM in the reverse order, so that what is under way is delivered; all of it within ten seconds. */
  async stop(): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#write('stopping');
    const end = performance.now() + END_MS;
    for (const kind of START_ORDER.toReversed()) {
      const of = this.#running.filter(({ name }) => name.startsWith(`${kind}.`));
      await Promise.all(of.map((each) => each.end(Math.max(0, end - performance.now()))));
    }
    removeNote(this.#lab);
  }

  /** At once, whatever is under way. */
  kill(): void {
    for (const each of this.#running) each.signal('SIGKILL');
  }

  async #startOne({ kind, name, file }: LabFile): Promise<void> {
    if (kind === 'ue' || kind === 'officer') return;
    const { script, onLine } = this.#options;
    const started = await EntityProcess.start({
      ...{ entity: kind, name, file, script, readyMs: READY_MS },
      onLine: (line) => onLine(name, line),
    });
    this.#running.push(started);
    this.#files.set(name, file);
    if (this.#isStopping) await started.end(END_MS);
    else this.#write('starting');
  }

  #write(state: RunState): void {
    const entities: RunNote['entities'] = this.#running.map(({ name, pid }) => ({
      ...{ name, pid, file: this.#files.get(name) ?? '' },
    }));
    writeNote(this.#lab, { pid: process.pid, since: this.#options.since, state, entities });
  }
}
