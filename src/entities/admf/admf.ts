/**
 * The ADMF (TS 33.107): warrants come in over HI1, tasks go out over X1.
 *
 *     a command, or time ─► the record, in the store ─► what each element must hold ─► X1, each element for itself
 *                                   ▲                                                      │
 *                                   └── the next step of the warrant's life (`life.ts`) ◄──┘
 *
 * Nobody waits for anybody else: the queue of commands is held for as long as it takes to put them on record, an element
 * is asked by a loop of its own, and what drains is a state of the one warrant that has ended. KMS and DF are told ahead,
 * with the warrant's times; elements that intercept get their task when its time begins and lose it when it ends.
 */
import { BackOff } from '../../bytes/back-off.ts';
import { SerialQueue } from '../../bytes/serial-queue.ts';
import type { Clock, Logger, Timer } from '../../bytes/ports.ts';
import { recordAll } from '../../evidence/log.ts';
import { DegradedWarrants } from './degraded.ts';
import type { RetrySetting } from './element.ts';
import type { IssueBook } from './issues.ts';
import { admfStopped, provisioningFailed, whyTaken, warrantUnknown } from './failures.ts';
import { Keepalives, pingAll } from './keepalives.ts';
import { asksElements, nextStep } from './life.ts';
import { isCarried, isGone, NOTHING_KNOWN } from './outcomes.ts';
import type { AdmfElement, AdmfState } from './ports.ts';
import { Provisioner } from './provisioning.ts';
import type { ElementProgress, ElementState, Failure, Situation } from './provisioning.ts';
import { findingsAt } from './verification.ts';
import type { Finding } from './verification.ts';
import { stateLog } from './state-log.ts';
import { Waiting } from './waiting.ts';
import { WarrantBook } from './warrant-book.ts';
import type { WarrantBookOptions, WarrantListener } from './warrant-book.ts';
import { isDraining } from './warrants.ts';
import type { HistoryEntry, HistoryNote, WarrantChange, WarrantRecord } from './warrants.ts';

export interface AdmfOptions extends WarrantBookOptions {
  readonly elements: readonly AdmfElement[];
  /** What elements report. */
  readonly issues: IssueBook;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Milliseconds between the end of interception and the end of delivery, for what is under way. */
  readonly drainMs: number;
  readonly retry: RetrySetting;
  /** Milliseconds before what failed, at elements or on record, is tried again in the background; doubled each time. */
  readonly settleMs: number;
}

/** The longest time that timers can be set for; longer ones are set in steps. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
/** What is due within that long of the last steps is taken together with it: each turn costs a disk and a look at all. */
const GATHER_MS = 25;
/** Between turns at most while one cannot be put on record. */
const LONGEST_PAUSE_MS = 60_000;
/** What `reconcile` waits for, which is no LIID. */
const IDLE = '';

export class Admf {
  readonly #options: AdmfOptions;
  readonly #book: WarrantBook;
  readonly #provisioner: Provisioner;
  readonly #unsubscribe: () => void;
  readonly #keepalives: Keepalives;
  /** Commands that wait for the elements. */
  readonly #waiting = new Waiting();
  readonly #degraded: DegradedWarrants;
  /** The ends whose timer for what is under way has fired, by XID: at most that long, so early does no harm. */
  readonly #drained = new Map<string, number | null>();
  /** Why warrants have failed, by LIID. */
  readonly #refusals = new Map<string, readonly Failure[]>();
  #nextTurn: Timer | null = null;
  readonly #pauses: BackOff;
  /** No timer fires before, Unix milliseconds: what is due meanwhile is gathered. */
  #gatherUntil = 0;
  /** LIIDs of warrants about which something has changed since the last turn. */
  #touched = new Set<string>();
  #turning = false;
  #stopped = false;
  /** The end of the queue of what goes on record. */
  readonly #commands = new SerialQueue();

  private constructor(options: AdmfOptions, state: AdmfState) {
    this.#options = options;
    this.#book = new WarrantBook(options, state);
    this.#unsubscribe = options.issues.subscribe((element, did) => this.#touchUsers(element, did));
    this.#pauses = new BackOff(options.settleMs, LONGEST_PAUSE_MS);
    this.#keepalives = new Keepalives(options);
    this.#degraded = new DegradedWarrants(options);
    this.#provisioner = new Provisioner({
      ...options,
      plan: this.#book.plan,
      find: (xid) => this.#book.ofXid(xid),
      changed: (xids) => this.#touch(xids),
      left: () => this.#changed(this.#waiting.subjects()),
      idle: () => this.#waiting.look(IDLE),
    });
  }

  /** The ADMF with the warrants on record; elements are brought to them in the background. */
  static async open(options: AdmfOptions): Promise<Admf> {
    const state = await options.store.load();
    const admf = new Admf(options, state);
    admf.subscribe(stateLog(options.logger));
    for (const element of options.elements) admf.#keepalives.begin(element);
    if (state.warrants.length > 0) admf.#provisioner.look([], [], false);
    if (state.warrants.length > 0) admf.#touch(null);
    return admf;
  }

  /** Milliseconds between the end of interception and the end of delivery. */
  get drainMs(): number {
    return this.#options.drainMs;
  }

  /**
   * Puts on record what `decide` makes of a warrant as it is now (`null`: there is none), by one reading of the clock, and
   * resolves when it is; the elements are told then.
   * @throws AdmfError `invalid-warrant`, `stopped`, and what `decide` throws: then nothing has changed
   */
  async change(
    liid: string,
    decide: (record: WarrantRecord | null, now: number) => WarrantChange,
  ): Promise<WarrantRecord> {
    const [record] = await this.changeAll((find, now) => [decide(find(liid), now)]);
    if (record === undefined) throw warrantUnknown(liid);
    return record;
  }

  /** As `change`, of several: all of them or none. */
  changeAll(
    decide: (find: (liid: string) => WarrantRecord | null, now: number) => readonly WarrantChange[],
  ): Promise<WarrantRecord[]> {
    return this.#commands.run(async () => {
      if (this.#stopped) throw admfStopped();
      const now = this.#options.clock.now();
      const due = new Map<string, readonly HistoryNote[]>();
      const find = (liid: string): WarrantRecord | null => {
        const known = this.#book.find(liid);
        if (known === undefined) return null;
        const { record, notes } = this.#afterSteps(known, now, true);
        due.set(liid, notes);
        return record;
      };
      const decided = decide(find, now);
      for (const change of decided) await this.#book.prepare(change, now);
      const changes = decided.map((change): WarrantChange => {
        const { record, notes } = this.#afterSteps(change.record, now, false);
        const before = due.get(record.warrant.liid) ?? [];
        return { ...change, record, notes: [...before, ...change.notes, ...notes] };
      });
      await this.#put(changes, now, true);
      return changes.map(({ record: { warrant } }) => this.#recordOf(warrant.liid));
    });
  }

  /**
   * Resolves when a warrant that was approved is active, and what was changed of it is carried out; or, before its start,
   * when KMS and DF have been told; or when an element that is needed does not answer, which is asked until it does.
   * @param asked what an act has made of it
   * @throws AdmfError `provisioning-failed` if an element has refused it, or the change, which is undone then
   */
  carried(asked: WarrantRecord): Promise<WarrantRecord> {
    const { liid } = asked.warrant;
    return this.#until(liid, (record, situation) => {
      const refusals = this.#refusals.get(liid) ?? [];
      return isCarried({ asked, record, situation, refusals, now: this.#options.clock.now() });
    });
  }

  /**
   * Resolves when nothing is left at any element of a warrant that is ending or suspending.
   * @throws AdmfError `provisioning-failed` if an element has not done it yet: it is asked again
   */
  gone(liid: string): Promise<WarrantRecord> {
    return this.#until(liid, isGone);
  }

  /** @returns `null`: no such warrant */
  find(liid: string): WarrantRecord | null {
    return this.#book.find(liid) ?? null;
  }

  /** @returns `null`: no such warrant */
  findByReference(reference: string): WarrantRecord | null {
    return this.#book.ofReference(reference);
  }

  /** All that has happened under an LIID, in order. */
  history(liid: string): Promise<HistoryEntry[]> {
    return this.#book.history(liid);
  }

  /** Tells of every change of a warrant, after it is on record. @returns ends it */
  subscribe(listener: WarrantListener): () => void {
    return this.#book.subscribe((...change) => {
      try {
        listener(...change);
      } catch (error) {
        this.#options.logger.error({ error }, 'who is told of warrants has failed');
      }
    });
  }

  /** All warrants, ended ones too. */
  list(): WarrantRecord[] {
    return this.#book.list();
  }

  /** LIIDs of active warrants of which an element does not hold what it must, or cannot deliver. */
  degraded(): string[] {
    return this.#degraded.list();
  }

  /** The elements, and whether they answer, as far as they were asked. */
  elements(): ElementState[] {
    return this.#provisioner.elements();
  }

  /** How far each element is with a warrant. */
  progress(record: WarrantRecord): ElementProgress[] {
    return this.#provisioner.progress(record);
  }

  /** Elements by identifier, and whether they answer. */
  ping(): Promise<Map<string, boolean>> {
    return pingAll(this.#options.elements);
  }

  /** Compares what the elements hold with what they must (ListAllDetails); changes nothing. */
  async verify(): Promise<Finding[]> {
    const { elements, audit, logger } = this.#options;
    const found = await Promise.all(elements.map((element) => findingsAt(element, this.#book.plan, logger)));
    const findings = found.flat();
    recordAll(
      audit,
      findings.map((finding) => ({ kind: 'provisioning-difference', ...finding })),
    );
    return findings;
  }

  /** Brings every element to what it must hold, whatever it holds. @throws AdmfError `provisioning-failed` */
  async reconcile(): Promise<void> {
    this.#provisioner.forget();
    await this.#when(IDLE, () => !this.#provisioner.busy);
    const open = this.list().map((record) => this.#provisioner.situation(record));
    const failures = open.flatMap((situation) => [...situation.refusals, ...situation.failures]);
    if (failures.length > 0) throw provisioningFailed('not all elements could be reconciled', failures, []);
  }

  /** Waits for what is under way and takes no more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#unsubscribe();
    this.#nextTurn?.cancel();
    this.#keepalives.stop();
    await this.#provisioner.stop();
    await this.#commands.ended();
    for (const subject of this.#waiting.subjects()) this.#waiting.look(subject);
  }

  /** Something has changed about the tasks of these XIDs; `null`: perhaps about all. */
  #touch(xids: Iterable<string> | null): void {
    if (xids === null) this.#changed(this.#book.liids());
    else this.#changed([...xids].flatMap((xid) => this.#book.ofXid(xid)?.warrant.liid ?? []));
  }

  #touchUsers(element: string, did: string): void {
    const kinds = this.#options.elements.filter(({ identifier }) => identifier === element);
    for (const { kind } of kinds) this.#touch(this.#book.plan.holdings(kind).users.get(did) ?? []);
  }

  /** Something has changed about these: whoever waits looks again, and each takes the steps that it can take. */
  #changed(liids: Iterable<string>): void {
    for (const liid of liids) this.#touched.add(liid);
    if (this.#stopped || this.#turning) return;
    this.#turning = true;
    void this.#exclusively(async () => {
      this.#turning = false;
      await this.#takeTurn();
    });
  }

  /** One reading of the clock for all steps of all warrants that there is something about; they go on record together. */
  async #takeTurn(): Promise<void> {
    const now = this.#options.clock.now();
    const liids = new Set([...this.#touched, ...this.#book.times.due(now)]);
    this.#touched = new Set();
    const stepped: WarrantChange[] = [];
    for (const record of this.#recordsOf(liids)) {
      const after = this.#afterSteps(record, now, true);
      if (after.record !== record) stepped.push(after);
    }
    // In case that something cannot be put on record: what is due stays due until it is done.
    this.#turnAfter(this.#pauses.next());
    try {
      if (stepped.length > 0) {
        this.#gatherUntil = now + GATHER_MS;
        await this.#put(stepped, now, false);
      }
      this.#degraded.watch(this.#recordsOf(liids), (record) => this.#provisioner.situation(record));
    } catch (error) {
      for (const liid of liids) this.#touched.add(liid);
      throw error;
    }
    this.#pauses.reset();
    this.#schedule(now);
    for (const liid of liids) this.#waiting.look(liid);
  }

  #recordsOf(liids: Iterable<string>): WarrantRecord[] {
    return [...liids].flatMap((liid) => this.#book.find(liid) ?? []);
  }

  /**
   * The record after all steps that it can take at this moment; steps that wait for elements, one at a time.
   * @param isKnown whether it is on record, so that it is known what the elements hold for it
   */
  #afterSteps(record: WarrantRecord, now: number, isKnown: boolean): WarrantChange {
    const { drainMs, retentionMs } = this.#options;
    const notes: HistoryNote[] = [];
    let current = record;
    for (;;) {
      const asIs = isKnown && current === record && asksElements(record);
      const { settled, refusals } = asIs ? this.#provisioner.situation(record) : NOTHING_KNOWN;
      const { xid, drainUntil } = current;
      const step = nextStep(current, {
        now,
        held: settled,
        refused: refusals.length > 0,
        drainMs,
        drained: drainUntil !== null && this.#drained.get(xid) === drainUntil,
        retentionMs,
      });
      if (step === null) return { record: current, notes };
      current = step.record;
      if (refusals.length > 0) this.#refusals.set(record.warrant.liid, refusals);
      const reason = whyTaken(step.act, refusals);
      notes.push({ act: step.act, by: null, state: current.state, reason, detail: null });
    }
  }

  /** A timer for each end of interception: one that fires after the warrant was resumed is about nothing any more. */
  #drain(records: readonly WarrantRecord[]): void {
    if (records.length === 0) return;
    this.#options.clock.after(this.#options.drainMs, () => {
      const still = records.filter(({ xid, drainUntil }) => {
        const present = this.#book.ofXid(xid);
        return present !== null && isDraining(present) && present.drainUntil === drainUntil;
      });
      for (const { xid, drainUntil } of still) this.#drained.set(xid, drainUntil);
      if (still.length > 0) this.#touch(still.map(({ xid }) => xid));
    });
  }

  /** A timer that fires early finds nothing to do and sets itself again. */
  #schedule(now: number): void {
    const { next } = this.#book.times;
    // A clock that was set back must not make it gather for longer.
    const gathering = Math.min(Math.max(this.#gatherUntil - now, 0), GATHER_MS);
    this.#turnAfter(Math.max(next - now, gathering));
  }

  /** In place of the turn that was to be next. @param ms `Infinity`: none is to be */
  #turnAfter(ms: number): void {
    this.#nextTurn?.cancel();
    this.#nextTurn = null;
    if (this.#stopped || ms === Infinity) return;
    this.#nextTurn = this.#options.clock.after(Math.min(ms, LONGEST_TIMER_MS), () => this.#changed([]));
  }

  /** Resolves with the warrant as soon as it is far enough. @throws what `enough` throws */
  #until(
    liid: string,
    enough: (record: WarrantRecord, situation: Situation) => boolean,
  ): Promise<WarrantRecord> {
    const current = (): WarrantRecord => this.#recordOf(liid);
    return this.#when(liid, () => enough(current(), this.#provisioner.situation(current()))).then(current);
  }

  /** @throws what `enough` throws; AdmfError `stopped` */
  #when(subject: string, enough: () => boolean): Promise<void> {
    const wait = this.#waiting.until(subject, () => {
      if (!this.#stopped) return enough();
      throw admfStopped();
    });
    this.#changed([subject]);
    return wait;
  }

  #recordOf(liid: string): WarrantRecord {
    const record = this.#book.find(liid);
    if (record === undefined) throw warrantUnknown(liid);
    return record;
  }

  /** On record first, then in effect. @param afresh what elements have refused of it is asked for again */
  async #put(changes: readonly WarrantChange[], now: number, afresh: boolean): Promise<void> {
    const { xids, dids, draining } = await this.#book.put(changes, now);
    for (const { record } of changes) if (!isDraining(record)) this.#drained.delete(record.xid);
    this.#drain(draining);
    this.#provisioner.look(xids, dids, afresh);
    this.#changed(changes.map(({ record: { warrant } }) => warrant.liid));
  }

  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#commands.run(work);
    turn.catch((error: unknown) => {
      this.#options.logger.error({ error }, 'a command of the ADMF failed');
    });
    return turn;
  }
}
