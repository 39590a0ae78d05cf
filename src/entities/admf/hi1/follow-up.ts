/**
 * What follows from the objects on record: warrants at the desk, and from what becomes of them statuses and
 * notifications. Each step looks at the store and at the desk, and does what is still to be done: after a crash at any
 * moment it goes on where it was.
 *
 *     a request, stored ─► due ─► enter, amend, suspend, resume, withdraw at the desk ─► not due
 *     a warrant changes ─► status of its task ─► status of its authorisation, each with a notification
 *     a warrant's contents are deleted ─► what it came from is erased (`retention.ts`)
 */
import type { Clock, Logger, Random, Timer } from '../../../bytes/ports.ts';
import { SerialQueue } from '../../../bytes/serial-queue.ts';
import type { AuditEvent } from '../../../evidence/log.ts';
import { FINAL_STATUSES } from '../../../wire/hi1/dictionaries.ts';
import type { Hi1Status } from '../../../wire/hi1/dictionaries.ts';
import { HI1_ERRORS } from '../../../wire/hi1/error-codes.ts';
import { randomUuid } from '../../../x1/requester.ts';
import { differences } from '../changes.ts';
import type { WarrantDesk } from '../desk.ts';
import { AdmfError } from '../errors.ts';
import { isOpen } from '../warrants.ts';
import type { WarrantChanges, WarrantRecord } from '../warrants.ts';
import type { ExchangeBook } from './exchange-book.ts';
import type { Hi1Store, StoredObject, TaskDue } from './ports.ts';
import { notificationOf } from './published.ts';
import { Hi1Retention } from './retention.ts';
import { authorisationStatus, isProvisional, taskStatus } from './statuses.ts';
import { spanOf } from './task-warrants.ts';

export interface FollowUpOptions {
  readonly store: Hi1Store;
  readonly exchanges: Pick<ExchangeBook, 'sweep'>;
  readonly desk: WarrantDesk;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly audit: { append(event: AuditEvent): unknown };
  /** Milliseconds from a warrant's end until its contents are deleted. */
  readonly retentionMs: number;
  /** Milliseconds before what failed is tried again. */
  readonly settleMs: number;
}

/** Between looks at what time alone decides about. */
const SWEEP_MS = 60_000;

export class FollowUp {
  readonly #options: FollowUpOptions;
  /** In which also requests are planned and stored: nothing changes between a look and what follows from it. */
  readonly queue = new SerialQueue();
  /** LIIDs of tasks to be looked at. */
  #touched = new Set<string>();
  #looking = false;
  #retry: Timer | null = null;
  #nextSweep: Timer | null = null;
  readonly #retention: Hi1Retention;
  #stopped = false;
  readonly #unsubscribe: () => void;

  constructor(options: FollowUpOptions) {
    this.#options = options;
    this.#retention = new Hi1Retention({ ...options, recordOf: (task) => this.#recordOf(task) });
    this.#unsubscribe = options.desk.subscribe(({ warrant }) => this.touch([warrant.liid]));
  }

  /** LIIDs that are to be looked at, at once or once more after a failure. */
  get due(): number {
    return this.#touched.size;
  }

  /** Takes up what a crash has left. */
  async begin(): Promise<void> {
    const open = await this.#options.store.openTasks();
    this.touch(open.flatMap(({ task }) => task?.wish.warrant.liid ?? []));
    this.touch(await this.#retention.overdue());
    this.#sweep();
  }

  /** Something may follow for tasks with these LIIDs. */
  touch(liids: Iterable<string>): void {
    for (const liid of liids) this.#touched.add(liid);
    if (this.#stopped || this.#looking || this.#touched.size === 0) return;
    this.#looking = true;
    void this.queue.run(async () => {
      this.#looking = false;
      const touched = this.#touched;
      this.#touched = new Set();
      for (const liid of touched) {
        if (this.#stopped) return;
        await this.#look(liid);
      }
    });
  }

  /** Waits for what is under way and begins nothing more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#unsubscribe();
    this.#retry?.cancel();
    this.#nextSweep?.cancel();
    await this.queue.ended();
  }

  async #look(liid: string): Promise<void> {
    try {
      for (const task of await this.#options.store.tasksWith(liid)) {
        const isFinal = task.status !== null && FINAL_STATUSES.includes(task.status);
        if (isDue(task) || !isFinal) await this.#follow(task);
        await this.#retention.followWarrant(task);
      }
    } catch (error) {
      const { logger, clock, settleMs } = this.#options;
      logger.error({ error, liid }, 'what follows from HI1 could not be done yet');
      this.#touched.add(liid);
      this.#retry ??= clock.after(settleMs, () => {
        this.#retry = null;
        this.touch([]);
      });
    }
  }

  /** Now, and every so often. */
  #sweep(): void {
    const { clock, logger, exchanges } = this.#options;
    if (this.#stopped) return;
    this.#nextSweep = clock.after(SWEEP_MS, () => this.#sweep());
    const sweeping = this.queue.run(async () => {
      const now = clock.now();
      await this.#endAlone(now);
      await this.#retention.sweep(now);
      await exchanges.sweep(now);
    });
    sweeping.catch((error: unknown) => {
      logger.error({ error }, 'what HI1 has no use for any more could not be ended or erased yet');
    });
  }

  /** Authorisations that no task has come of end when their time is over. */
  async #endAlone(now: number): Promise<void> {
    const { store } = this.#options;
    for (const before of await store.authorisationsAlone()) {
      const changes = this.#noted(before, await this.#authorised(before, null, now), now);
      if (changes.length > 0) await store.save(changes, null);
    }
  }

  async #follow(before: StoredObject): Promise<void> {
    const { store, clock, desk } = this.#options;
    const done = isDue(before) && before.task !== null ? await this.#act(before, before.task) : before;
    const { task } = done;
    if (task === null) return;
    const record = this.#recordOf(done);
    const history = record === null ? [] : await desk.history(record.warrant.liid);
    const status = taskStatus(
      done,
      record,
      record === null ? [] : history.filter(({ xid }) => xid === record.xid),
    );
    const now = clock.now();
    const after = { ...done, status };
    const changes = [...this.#noted(before, after, now)];
    const authorisation = await store.find(after.agency, task.authorisation);
    if (authorisation !== null)
      changes.push(...this.#noted(authorisation, await this.#authorised(authorisation, after, now), now));
    if (after !== before && changes.length === 0 && done !== before) changes.push(after);
    if (changes.length > 0) await store.save(changes, null);
  }

  /** Does at the desk what is due about a task. @returns the task, with nothing due, or what cannot be done yet */
  async #act(stored: StoredObject, task: NonNullable<StoredObject['task']>): Promise<StoredObject> {
    const settled = { ...stored, task: { ...task, due: 'nothing' as const } };
    try {
      const due = await this.#decide(stored, task);
      if (due === task.due && stored.reason === null) return stored;
      return { ...stored, task: { ...task, due }, reason: null };
    } catch (error) {
      if (!(error instanceof AdmfError) || error.code === 'stopped') throw error;
      this.#options.logger.warn(
        { error, object: stored.object.identifier },
        'the desk refuses what HI1 asks for',
      );
      const reason = { ErrorCode: HI1_ERRORS.general.code, ErrorDescription: error.message };
      return { ...settled, reason };
    }
  }

  /**
   * One decision after the other, as far as the warrant is in a state for it: it tells of each change, and then it is
   * looked at again.
   * @returns what is left to be done
   */
  async #decide(stored: StoredObject, { wish, due }: NonNullable<StoredObject['task']>): Promise<TaskDue> {
    const { desk } = this.#options;
    const { warrant, desired, emergency } = wish;
    const { liid } = warrant;
    const act = {
      by: `HI1 ${stored.agency}`,
      reason: `task ${stored.object.identifier}, generation ${stored.generation}`,
    };
    const record = this.#recordOf(stored);
    if (record === null) {
      if (desired === 'Cancelled') return 'nothing';
      // An officer approves it; what an agency enters as an emergency has its first approval by that.
      await desk.enter(warrant, act, {
        reference: referenceOf(stored),
        emergency,
        submit: true,
        approves: emergency,
      });
      return desired === 'Suspended' ? 'status' : 'nothing';
    }
    if (!isOpen(record) || record.state === 'ending') return 'nothing';
    if (desired === 'Cancelled') {
      await desk.withdraw(liid, act);
      return 'nothing';
    }
    // What was intercepted before is still delivered: nothing else is done about it meanwhile.
    if (record.state === 'suspending') return due;
    const changes = due === 'all' ? changesOf(record, warrant) : null;
    const { state, pending } = changes === null ? record : await desk.amend(liid, changes, act);
    if (desired === 'Suspended') {
      if (state === 'draft' || state === 'submitted') return 'status';
      if (state !== 'suspended') await desk.suspend(liid, act);
      return 'nothing';
    }
    if (state !== 'suspended' || pending?.change.kind === 'resume') return 'nothing';
    if (pending !== null) return 'status';
    await desk.resume(liid, act);
    return 'nothing';
  }

  /** The task's warrant; `null`: there is none, or the LIID is another's. */
  #recordOf(stored: StoredObject): WarrantRecord | null {
    const record = this.#options.desk.find(stored.task?.wish.warrant.liid ?? '');
    return record?.reference === referenceOf(stored) ? record : null;
  }

  /** @param task one of its tasks, as it is to be stored */
  async #authorised(
    authorisation: StoredObject,
    task: StoredObject | null,
    now: number,
  ): Promise<StoredObject> {
    const { object } = authorisation;
    if (object.kind !== 'AuthorisationObject') return authorisation;
    const tasks = await this.#options.store.tasksOf(authorisation.agency, object.identifier);
    const all = tasks.map((each) =>
      task !== null && each.object.identifier === task.object.identifier ? task : each,
    );
    const { AuthorisationDesiredStatus, AuthorisationTimespan } = object.members;
    const isOver = (spanOf(AuthorisationTimespan).end ?? Infinity) <= now;
    const isCancelled = AuthorisationDesiredStatus?.Value === 'Cancelled';
    const status: Hi1Status = authorisationStatus(
      all.map((each) => each.status),
      all.some((each) => isProvisional(this.#recordOf(each))),
      isCancelled ? 'Cancelled' : isOver ? 'Expired' : null,
    );
    return { ...authorisation, status };
  }

  /** The object and its notification, if its status has changed. */
  #noted(before: StoredObject, after: StoredObject, now: number): StoredObject[] {
    if (before.status === after.status) return [];
    const changed = { ...after, lastChanged: now };
    return [changed, notificationOf(changed, randomUuid(this.#options.random), now)];
  }
}

function isDue({ task }: StoredObject): boolean {
  return task !== null && task.due !== 'nothing';
}

/** The name that the desk has for a task's warrant. */
function referenceOf({ agency, object }: StoredObject): string {
  return `HI1 ${agency} ${object.identifier}`;
}

/** What an agency wants of a warrant that it is not, and nobody has proposed for it yet. */
function changesOf(record: WarrantRecord, wanted: WarrantRecord['warrant']): WarrantChanges | null {
  const isBegun = !['draft', 'submitted'].includes(record.state);
  const members = differences(record.warrant, wanted).filter(
    (member) => !(isBegun && member === 'startTime'),
  );
  if (members.length === 0) return null;
  const changes = Object.fromEntries(members.map((member) => [member, wanted[member]]));
  const { pending } = record;
  const isProposed =
    pending?.change.kind === 'amend' && JSON.stringify(pending.change.changes) === JSON.stringify(changes);
  return isProposed ? null : changes;
}
