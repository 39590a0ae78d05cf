/**
 * The tasks and destinations of one network element, as X1 provisions them (TS 103 221-1 clauses 6.2 and 6.3): the
 * CSCF, the media gateway, the DF and the KMS each keep one such table.
 *
 * Every change is made durable before it takes effect and before anybody is told, in order; so after a restart the
 * element intercepts exactly what it had acknowledged. Changes that wait for the disk at one time are stored together.
 * What a change must not break: an XID or DID exists once, a task names destinations that exist, a destination in use
 * is not removed.
 */
import { SerialQueue } from '../bytes/serial-queue.ts';
import { ClavigerError } from '../bytes/errors.ts';
import type { Clock } from '../bytes/ports.ts';
import type { Destination, InterceptTask, MediationDetails } from '../wire/x1/details.ts';
import { applyChanges, changesTogether, eventsOf } from './task-changes.ts';
import type { TaskEvent, TaskRecord, TaskStore, TaskTableChange, TaskTableState } from './task-changes.ts';

export type TaskErrorCode =
  /** A task with this XID is there already. */
  | 'xid-exists'
  /** There is no task with this XID. */
  | 'xid-unknown'
  /** A destination with this DID is there already. */
  | 'did-exists'
  /** There is no destination with this DID, or a task names one that is not there. */
  | 'did-unknown'
  /** A task delivers to this destination. */
  | 'did-in-use'
  /** Tasks deliver to some of the destinations. */
  | 'dids-in-use';

/** A change that the table refuses; nothing has changed. */
export class TaskError extends ClavigerError<TaskErrorCode> {}

/** Listeners must not throw; what they do must not depend on being called within the change. */
export type TaskListener = (event: TaskEvent) => void;

interface Planned {
  readonly tasks?: ReadonlyMap<string, TaskRecord | null>;
  readonly destinations?: ReadonlyMap<string, Destination | null>;
  readonly events: readonly TaskEvent[];
}

interface Planning {
  readonly tasks: Map<string, TaskRecord>;
  readonly destinations: Map<string, Destination>;
  /** XIDs of the tasks that name a destination, by DID. */
  readonly users: Map<string, Set<string>>;
}

interface WaitingChange {
  readonly plan: () => Planned;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

type PlannedChange = Required<Planned> & Omit<WaitingChange, 'plan'>;

export class TaskTable {
  readonly #clock: Clock;
  readonly #store: TaskStore;
  /** What is in effect. */
  readonly #tasks: Map<string, TaskRecord>;
  readonly #destinations: Map<string, Destination>;
  /** What will be, once the changes that are being stored are: what changes are planned on. */
  #next: Planning;
  readonly #waiting: WaitingChange[] = [];
  readonly #listeners = new Set<TaskListener>();
  /** The end of the queue of changes. */
  readonly #changes = new SerialQueue();
  #version: number;

  private constructor(clock: Clock, store: TaskStore, state: TaskTableState) {
    this.#clock = clock;
    this.#store = store;
    this.#version = store.shared?.version ?? 0;
    this.#tasks = new Map(state.tasks.map((record) => [record.task.xid, record]));
    this.#destinations = new Map(state.destinations.map((destination) => [destination.did, destination]));
    this.#next = this.#inEffect();
  }

  /** The table with what the store holds. */
  static async open(clock: Clock, store: TaskStore): Promise<TaskTable> {
    return new TaskTable(clock, store, await store.load());
  }

  /** The task of an XID, `null` if there is none. */
  task(xid: string): InterceptTask | null {
    return this.#tasks.get(xid)?.task ?? null;
  }

  /** The task with its history, `null` if there is none. */
  record(xid: string): TaskRecord | null {
    return this.#tasks.get(xid) ?? null;
  }

  /** How many tasks there are. */
  get size(): number {
    return this.#tasks.size;
  }

  /** The tasks that name a destination, changes included that are being stored. */
  tasksUsing(did: string): InterceptTask[] {
    const { users, tasks } = this.#next;
    return [...(users.get(did) ?? [])].flatMap((xid) => tasks.get(xid)?.task ?? []);
  }

  tasks(): InterceptTask[] {
    return this.records().map(({ task }) => task);
  }

  /** All tasks with their history, in the order of activation. */
  records(): TaskRecord[] {
    return [...this.#tasks.values()];
  }

  /** The destination of a DID, `null` if there is none. */
  destination(did: string): Destination | null {
    return this.#destinations.get(did) ?? null;
  }

  destinations(): Destination[] {
    return [...this.#destinations.values()];
  }

  /** Whether other processes change the table as well. */
  get isShared(): boolean {
    return this.#store.shared !== undefined;
  }

  /** The number of the newest change that is in effect here, among all that processes have made; 0: nobody else makes any. */
  get version(): number {
    return this.#version;
  }

  /** Takes in what other processes have changed: afterwards the table has all that any of them has acknowledged. */
  refresh(): Promise<void> {
    return this.#changes.run(async () => {
      const { shared } = this.#store;
      if (shared !== undefined) this.#hear(await shared.news());
    });
  }

  /**
   * Calls `use` while no process changes anything, once what others have changed is in effect here: what it does is done before
   * any further change is acknowledged. @throws where nobody can say what others have changed; it may have been called
   */
  async hold(use: () => void): Promise<void> {
    const { shared } = this.#store;
    if (shared === undefined) {
      use();
      return;
    }
    if (await shared.whileAt(this.#version, use)) return;
    await this.#changes.run(() => shared.whileNewest((news) => this.#hear(news), use));
  }

  /** Calls `listener` after every change; gives the way to stop it. */
  subscribe(listener: TaskListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** @throws TaskError `xid-exists`, `did-unknown` */
  activate(task: InterceptTask): Promise<void> {
    return this.#change(() => {
      if (this.#next.tasks.has(task.xid)) throw new TaskError('xid-exists', `XID ${task.xid} exists`);
      this.#requireDestinations(task);
      const now = this.#clock.now();
      const record = { task, activatedAt: now, modifiedAt: now, modifications: 0 };
      return { tasks: new Map([[task.xid, record]]), events: [{ kind: 'task-activated', task }] };
    });
  }

  /** Replaces all of a task but its XID. @throws TaskError `xid-unknown`, `did-unknown` */
  modify(task: InterceptTask): Promise<void> {
    return this.#change(() => {
      const known = this.#known(task.xid);
      this.#requireDestinations(task);
      const record = {
        task,
        activatedAt: known.activatedAt,
        modifiedAt: this.#clock.now(),
        modifications: known.modifications + 1,
      };
      return {
        tasks: new Map([[task.xid, record]]),
        events: [{ kind: 'task-modified', task, before: known.task }],
      };
    });
  }

  /** @throws TaskError `xid-unknown` */
  deactivate(xid: string): Promise<void> {
    return this.#change(() => {
      const { task } = this.#known(xid);
      return { tasks: new Map([[xid, null]]), events: [{ kind: 'task-deactivated', task }] };
    });
  }

  deactivateAll(): Promise<void> {
    return this.#change(() => ({
      tasks: new Map([...this.#next.tasks.keys()].map((xid) => [xid, null])),
      events: [...this.#next.tasks.values()].map(({ task }) => ({ kind: 'task-deactivated', task })),
    }));
  }

  /** @throws TaskError `did-exists` */
  createDestination(destination: Destination): Promise<void> {
    return this.#change(() => {
      const { did } = destination;
      if (this.#next.destinations.has(did)) throw new TaskError('did-exists', `DID ${did} exists`);
      return {
        destinations: new Map([[did, destination]]),
        events: [{ kind: 'destination-created', destination }],
      };
    });
  }

  /** Replaces all of a destination but its DID. @throws TaskError `did-unknown` */
  modifyDestination(destination: Destination): Promise<void> {
    return this.#change(() => {
      const before = this.#knownDestination(destination.did);
      return {
        destinations: new Map([[destination.did, destination]]),
        events: [{ kind: 'destination-modified', destination, before }],
      };
    });
  }

  /** @throws TaskError `did-unknown`, `did-in-use` */
  removeDestination(did: string): Promise<void> {
    return this.#change(() => {
      const destination = this.#knownDestination(did);
      if (this.#next.users.has(did)) throw new TaskError('did-in-use', `DID ${did} is in use`);
      return {
        destinations: new Map([[did, null]]),
        events: [{ kind: 'destination-removed', destination }],
      };
    });
  }

  /** Removes all destinations, or none. @throws TaskError `dids-in-use` */
  removeAllDestinations(): Promise<void> {
    return this.#change(() => {
      if (this.#next.users.size > 0) throw new TaskError('dids-in-use', 'destinations are in use');
      return {
        destinations: new Map([...this.#next.destinations.keys()].map((did) => [did, null])),
        events: [...this.#next.destinations.values()].map((destination) => ({
          kind: 'destination-removed',
          destination,
        })),
      };
    });
  }

  /** Planned on the state that the ones before it will leave, stored with those that wait, applied, told. */
  #change(plan: () => Planned): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ plan, resolve, reject });
      if (this.#waiting.length === 1) void this.#changes.run(() => this.#carryOut(this.#waiting.splice(0)));
    });
  }

  async #carryOut(waiting: readonly WaitingChange[]): Promise<void> {
    const planned: PlannedChange[] = [];
    // Where the store cannot even be asked, none is planned.
    const failing = new Set<Pick<WaitingChange, 'reject'>>(waiting);
    try {
      await this.#decided(() => {
        planned.push(...waiting.flatMap((change) => this.#plan(change)));
        failing.clear();
        for (const change of planned) failing.add(change);
        return planned.length === 0 ? null : changesTogether(planned);
      });
    } catch (error) {
      this.#next = this.#inEffect();
      for (const { reject } of failing) reject(error);
      return;
    }
    this.#version = this.#store.shared?.version ?? 0;
    for (const { tasks, destinations, events, resolve, reject } of planned) {
      applyChanges(this.#tasks, tasks);
      applyChanges(this.#destinations, destinations);
      try {
        for (const event of events) for (const listener of this.#listeners) listener(event);
        resolve();
      } catch (error) {
        reject(error);
      }
    }
  }

  /** Plans on what holds, that of others too, and has it stored. */
  async #decided(plan: () => TaskTableChange | null): Promise<void> {
    const { shared } = this.#store;
    if (shared !== undefined) {
      await shared.decide((news) => {
        this.#hear(news);
        return plan();
      });
      return;
    }
    const change = plan();
    if (change !== null) await this.#store.commit(change);
  }

  /** Takes in what others have changed, and tells of it. Not while changes of this process are being stored. */
  #hear(news: TaskTableChange): void {
    this.#version = this.#store.shared?.version ?? 0;
    const events = eventsOf(news, this.#tasks, this.#destinations);
    if (events.length === 0) return;
    applyChanges(this.#tasks, news.tasks);
    applyChanges(this.#destinations, news.destinations);
    this.#next = this.#inEffect();
    for (const event of events) for (const listener of this.#listeners) listener(event);
  }

  /** Nothing if it is refused. */
  #plan({ plan, resolve, reject }: WaitingChange): PlannedChange[] {
    try {
      const { tasks = new Map(), destinations = new Map(), events } = plan();
      follow(this.#next, tasks);
      applyChanges(this.#next.tasks, tasks);
      applyChanges(this.#next.destinations, destinations);
      return [{ tasks, destinations, events, resolve, reject }];
    } catch (error) {
      reject(error);
      return [];
    }
  }

  #inEffect(): Planning {
    const planning: Planning = {
      tasks: new Map(),
      destinations: new Map(this.#destinations),
      users: new Map(),
    };
    follow(planning, this.#tasks);
    applyChanges(planning.tasks, this.#tasks);
    return planning;
  }

  #known(xid: string): TaskRecord {
    const record = this.#next.tasks.get(xid);
    if (record === undefined) throw new TaskError('xid-unknown', `XID ${xid} does not exist`);
    return record;
  }

  #knownDestination(did: string): Destination {
    const destination = this.#next.destinations.get(did);
    if (destination === undefined) throw new TaskError('did-unknown', `DID ${did} does not exist`);
    return destination;
  }

  #requireDestinations(task: InterceptTask): void {
    for (const did of destinationsOf(task)) this.#knownDestination(did);
  }
}

/** Every DID that a task names, its own and those of its MediationDetails. */
export function destinationsOf(task: InterceptTask): Set<string> {
  return new Set([...task.dids, ...task.mediation.flatMap(({ dids }) => dids)]);
}

/** Whether a warrant's part is in force at a time (Unix milliseconds): start inclusive, end exclusive. */
export function inForce({ startTime, endTime }: MediationDetails, at: number): boolean {
  return (startTime === undefined || at >= startTime) && (endTime === undefined || at < endTime);
}

/** Brings the users of destinations to what they will be after changes of tasks. */
function follow({ tasks, users }: Planning, changes: ReadonlyMap<string, TaskRecord | null>): void {
  for (const [xid, record] of changes) {
    const before = tasks.get(xid);
    for (const did of before === undefined ? [] : destinationsOf(before.task)) {
      const of = users.get(did);
      of?.delete(xid);
      if (of?.size === 0) users.delete(did);
    }
    for (const did of record === null ? [] : destinationsOf(record.task))
      users.set(did, (users.get(did) ?? new Set()).add(xid));
  }
}
