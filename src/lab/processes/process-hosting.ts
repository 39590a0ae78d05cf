/** Entities of a laboratory's network as processes that it watches, each in one of its own. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeFolder, writeWhole } from '../../storage/files.ts';
import { LabError } from '../errors.ts';
import type { LabEntity, EntitySighting, TaskName, Tasks } from '../network/entities.ts';
import type { Entity, HomeName } from '../network/home.ts';
import type { Hosting } from '../network/network.ts';
import type { LabProcess } from './lab-process.ts';
import { machineMs, EventSequence } from './sequence.ts';
import { Supervisor } from './supervisor.ts';
import type { FromWatched, ToWatched } from './watched-messages.ts';

/** The program of an entity that is watched. */
const SCRIPT = fileURLToPath(new URL('./watched-main.js', import.meta.url));

export interface ProcessHostingOptions {
  /** Folder for the configurations. */
  readonly folder: string;
  /** What the entities log; by default nothing. */
  readonly log?: string;
  /** Whether gateways tell of every datagram that they send. */
  readonly media?: boolean;
  /** Whether nobody wants to know what entities do, so that telling takes no time of whoever is measured. */
  readonly blind?: boolean;
  /** Told of each line that an entity logs. */
  readonly onLine?: (name: string, line: string) => void;
  readonly script?: string;
}

interface Answer {
  readonly name: string;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: LabError) => void;
}

export class ProcessHosting implements Hosting {
  readonly sequence = new EventSequence();
  readonly #folder: string;
  readonly #supervisor: Supervisor;
  readonly #running = new Map<string, LabProcess>();
  readonly #sees = new Map<string, (sighting: EntitySighting) => void>();
  readonly #answers = new Map<number, Answer>();
  #next = 0;

  constructor({ folder, log, media, blind, onLine, script = SCRIPT }: ProcessHostingOptions) {
    this.#folder = folder;
    this.#supervisor = new Supervisor({
      ...{ script, restarts: null, note: null },
      args: [
        ...(log === undefined ? [] : ['--log', log]),
        ...(media === true ? ['--media'] : []),
        ...(blind === true ? ['--blind'] : []),
      ],
      onLine: (name, line) => onLine?.(name, line),
      onMessage: (name, message) => this.#heard(name, message as FromWatched),
    });
  }

  /** Process numbers, by name. */
  get pids(): ReadonlyMap<string, number> {
    return new Map([...this.#running].map(([name, { pid }]) => [name, pid]));
  }

  /** Rejects with the failure of the first entity that ends although nobody told it to. */
  async broken(): Promise<never> {
    throw await this.#supervisor.firstFailure();
  }

  async start(
    entity: Entity,
    home: HomeName,
    config: Record<string, unknown>,
    sees: (sighting: EntitySighting) => void,
  ): Promise<LabEntity> {
    const name = `${entity}.${home}`;
    const file = path.join(this.#folder, `${name}.json`);
    makeFolder(this.#folder, 0o700);
    writeWhole(file, JSON.stringify(config), { mode: 0o600 });
    this.#sees.set(name, sees);
    const started = await this.#supervisor.startOne({ kind: entity, name, file });
    this.#running.set(name, started);
    return {
      perform: async <T extends TaskName>(task: T, given: Tasks[T]['with']) =>
        (await this.#ask(name, { kind: 'task', task, given })) as Tasks[T]['gives'],
      stop: async () => {
        await this.#supervisor.stopOne(name);
        this.#running.delete(name);
      },
    };
  }

  inOrder(tell: () => void): void {
    this.sequence.add(machineMs(), tell);
  }

  /** What a process tells comes in the order in which it told it; one that ends meanwhile has told all. */
  async settled(): Promise<void> {
    await Promise.allSettled([...this.#running.keys()].map((name) => this.#ask(name, { kind: 'sync' })));
    this.sequence.flush();
  }

  /** At once, whatever is under way. */
  kill(): void {
    this.#supervisor.kill();
  }

  #ask(
    name: string,
    message: Omit<ToWatched & { kind: 'task' }, 'id'> | Omit<ToWatched & { kind: 'sync' }, 'id'>,
  ): Promise<unknown> {
    const running = this.#running.get(name);
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      const gone = (): void => {
        this.#answers.delete(id);
        reject(new LabError('process', `${name} has ended`));
      };
      if (running === undefined || !running.tell({ ...message, id })) {
        gone();
        return;
      }
      this.#answers.set(id, { name, resolve, reject });
      void running.ended.then(() => this.#answers.has(id) && gone());
    });
  }

  #heard(name: string, message: FromWatched): void {
    if (message.kind === 'seen') {
      const { at, sighting } = message;
      this.sequence.add(at, () => this.#sees.get(name)?.(sighting));
      return;
    }
    const answer = this.#answers.get(message.id);
    this.#answers.delete(message.id);
    if (message.kind === 'done') answer?.resolve(message.result);
    else answer?.reject(new LabError('process', `${name}: ${message.message}`));
  }
}
