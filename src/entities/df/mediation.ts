/**
 * The mediation function of DF2 and DF3 (TS 33.107 clause 7B.7): from intercepted events to records for the LEMF.
 *
 *     X2/X3 PDU ─► copy? ─► task? ─► each warrant in force ─► record ─► sequence number ─► outbox of each destination
 *                                └─► MIKEY in SDP ─► key session ─► question to the KMS over Xk ─► key record
 *
 * Batches and answers take turns. Each turn works on the state in memory; those that wait while a commit runs share the
 * next one, of all that they changed (`turns.ts`); only then does `accept` resolve, and the POI is told to forget.
 * Content needs no signalling before it: CIN and numbers are given by the correlation ID, whichever of X2 and X3 comes
 * first.
 */
import { Tally } from '../../bytes/tally.ts';
import type { SetAsidePdu } from '../../bytes/ports.ts';
import { ClavigerError, messageOf } from '../../bytes/errors.ts';
import { ATTRIBUTE } from '../../wire/x2x3/attributes.ts';
import type { Pdu } from '../../wire/x2x3/pdu.ts';
import { numberAttribute, PDU_TYPE } from '../../wire/x2x3/pdu.ts';
import type { GetKeysRequest, GetKeysResponse } from '../../wire/xk/get-keys.ts';
import { GivingWay } from './giving-way.ts';
import { intake, StreamNames } from './intake.ts';
import { Housekeeping } from './housekeeping.ts';
import { KeyMediation } from './key-mediation.ts';
import { SessionStarts } from './session-starts.ts';
import type { MediationOptions } from './mediation-options.ts';
import type { KeySession, QuestionState } from './session-state.ts';
import { openOnes } from './key-session.ts';
import { WarrantNotices } from './notices.ts';
import type { NextChange, WarrantAlarmCause } from './notices.ts';
import { receivedEvent } from './pdu-facts.ts';
import { ContentDecryption } from './decryption/content-decryption.ts';
import type { ContentDecryptionSettings } from './decryption/content-decryption.ts';
import { deliverContent, PduMediation } from './pdu-mediation.ts';
import type { DfChanges, DfTask } from './ports.ts';
import { RecordWriter } from './record-writer.ts';
import { Retirement } from './retention.ts';
import { KNOWN_STREAM_LIMITS } from './streams.ts';
import { recipients } from './tasks.ts';
import { Turns } from './turns.ts';
import { WaitingPdus } from './waiting-pdus.ts';
import { loadedState, type WorkingState } from './working-state.ts';

export type MediationErrorCode =
  /** The function is stopping; what was not taken stays at the point of interception. */
  'stopped';

/** Why PDUs were not taken in. */
export class MediationError extends ClavigerError<MediationErrorCode> {}

/** Hears of a question that is open. */
export type QuestionListener = (session: KeySession, question: QuestionState) => void;

/** Alarms of other partitions that are told in a turn. */
const ALARMS_AT_ONCE = 100;

/** One PDU as it came. */
interface Received {
  readonly pdu: Pdu;
  readonly octets: Uint8Array;
  /** Name of the point of interception, by its certificate. */
  readonly peer: string;
}

export class Mediation {
  readonly #options: MediationOptions;
  readonly #onQuestion: QuestionListener;
  readonly #writer: RecordWriter;
  readonly #keys: KeyMediation;
  readonly #starts: SessionStarts;
  readonly #pdus: PduMediation;
  readonly #notices: WarrantNotices;
  readonly #givingWay: GivingWay;
  readonly #retirement: Retirement | null;
  readonly #decryption: ContentDecryption | null;
  readonly #housekeeping: Housekeeping;
  #state: WorkingState;
  readonly #turns: Turns;
  #stopped = false;
  #spoilt = false;
  readonly #streamNames = new StreamNames();
  readonly #tally = new Tally();
  readonly #received = { x2: 0, x3: 0 };
  readonly #waiting: WaitingPdus;
  readonly #losses = { setAside: 0, callsGivenUp: 0, streamsForgotten: 0 };
  /** Of the group of turns under way. */
  #toSetAside: SetAsidePdu[] = [];

  private constructor(options: MediationOptions, state: WorkingState, onQuestion: QuestionListener) {
    this.#options = options;
    const { tasks, clock } = options;
    this.#turns = new Turns((works) => this.#work(works), clock);
    this.#state = state;
    this.#onQuestion = onQuestion;
    const currentState = () => this.#state;
    this.#writer = new RecordWriter(options, currentState);
    this.#decryption = this.#decryptionOf(options.decryption, currentState);
    const sink = this.#decryption ?? undefined;
    this.#keys = new KeyMediation({ tasks, clock, sink }, currentState, this.#writer.deliver);
    this.#decryption?.asks(this.#keys);
    const parts = { currentState, keys: this.#keys, deliver: this.#writer.deliver };
    this.#starts = new SessionStarts({ ...options, ...parts });
    this.#pdus = new PduMediation({
      ...{ ...parts, clock, starts: this.#starts, decryption: this.#decryption },
      refused: (octets, reason) => this.refused(octets, reason),
      gaveUp: (xid) => this.#tellGivenUp(xid),
    });
    this.#waiting = new WaitingPdus(options, currentState, (pdu, octets, task) =>
      this.#mediate(pdu, octets, task),
    );
    this.#notices = new WarrantNotices(options, currentState, this.#writer);
    this.#givingWay = new GivingWay(options, currentState, this.#notices);
    const { retention } = options;
    this.#retirement = retention === undefined ? null : new Retirement(retention, options, currentState);
    this.#housekeeping = this.#housekeepingOf(this.#decryption);
  }

  /** Takes up where the store left off; `onQuestion` hears of every question that is open, then and later. */
  static async open(options: MediationOptions, onQuestion: QuestionListener): Promise<Mediation> {
    const mediation = new Mediation(options, await loadedState(options.store, options), onQuestion);
    mediation.#housekeeping.start();
    for (const session of mediation.#state.sessions()) mediation.#announce(session);
    return mediation;
  }

  /** Takes PDUs in order; resolves when all that they lead to is durable. @throws if it could not be stored */
  async accept(batch: readonly Received[]): Promise<void> {
    const take = () => batch.forEach((received) => this.#take(received));
    const { x2 = 0, x3 = 0 } = this.#options.gatherMs ?? {};
    const isContent = batch.every(({ pdu }) => pdu.type === PDU_TYPE.x3);
    await this.#turn(take, { weight: batch.length, waitMs: isContent ? x3 : x2 });
  }

  /** PDUs that were dropped, their task unknown, or set aside; calls that were given up, and streams forgotten. */
  get losses(): Readonly<Record<'dropped' | 'setAside' | 'callsGivenUp' | 'streamsForgotten', number>> {
    return { ...this.#losses, dropped: this.#waiting.dropped };
  }

  /** PDUs that were taken in since it began, copies apart, by reference point. */
  get received(): Readonly<Record<'x2' | 'x3', number>> {
    return { ...this.#received };
  }

  /** PDUs that gave way to the bound of a destination's backlog. */
  get gaveWay(): Readonly<Record<'hi2' | 'hi3', number>> {
    return this.#givingWay.counts;
  }

  /** what became of packets that were to be opened here; `null`: none are. */
  get decryption(): (ContentDecryption['counts'] & { readonly waiting: number }) | null {
    if (this.#decryption === null) return null;
    return { ...this.#decryption.counts, waiting: this.#state.awaiting.count };
  }

  /** A task goes: what waits under it goes to those whom it was for. */
  async taskEnds(task: DfTask): Promise<void> {
    if (this.#decryption === null || this.#state.awaiting.count === 0) return;
    await this.#turn(() => this.#decryption?.ends(task));
  }

  /** A frame on X2 or X3 that could not be understood. */
  refused(octets: Uint8Array, reason: string): void {
    const { logger, clock, setAside } = this.#options;
    const pdu = this.#unworkable(octets, reason, '');
    setAside?.keep(pdu, clock.now()).catch((error: unknown) => {
      logger.error({ error }, 'a PDU that was set aside could not be kept');
    });
  }

  /** Tasks have changed, or that one: PDUs that waited for them go on. */
  async tasksChanged(xid?: string): Promise<void> {
    await this.#turn(() => {
      for (const known of xid === undefined ? this.#state.held.awaited() : [xid])
        this.#waiting.release(known);
    });
  }

  /** Tells the LEMFs what has changed of warrants; gives when time alone will change each. */
  tellWarrants(liids: readonly string[]): Promise<ReadonlyMap<string, NextChange>> {
    return this.#turn(() => {
      const next = new Map(liids.map((liid) => [liid, this.#notices.update(liid)]));
      this.#starts.lookAt(liids);
      return next;
    });
  }

  /** Warrants of which LEMFs were told that they are in force. */
  toldWarrants(): string[] {
    return [...this.#state.notices()].flatMap(({ liid, told }) => (told === null ? [] : [liid]));
  }

  /** Something is wrong of warrants: their LEMFs are told. */
  async alarm(
    liids: readonly string[],
    cause: WarrantAlarmCause,
    text: string,
    about: string,
  ): Promise<void> {
    await this.#turn(() => {
      for (const liid of liids) this.#notices.alarm(liid, cause, text, about);
    });
  }

  /** Tells alarms that other partitions have passed on; resolves when there are none left that were there. */
  async tellPassedAlarms(): Promise<void> {
    const { passedAlarms } = this.#options.store;
    if (passedAlarms === undefined) return;
    for (;;) {
      const waiting = await passedAlarms.waiting(ALARMS_AT_ONCE);
      if (waiting.length === 0) return;
      await this.#turn(() => {
        for (const alarm of waiting) this.#notices.take(alarm);
      });
    }
  }

  /** Takes nothing more; resolves when the turn under way is done. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#housekeeping.stop();
    await this.#turns.ended();
  }

  /* ------------------------------------------------ questions, each a turn */

  question(correlation: string, xid: string, id: string): Promise<GetKeysRequest | null> {
    return this.#turn(() => this.#keys.question(correlation, xid, id));
  }

  answered(
    correlation: string,
    xid: string,
    id: string,
    asked: GetKeysRequest,
    answer: GetKeysResponse,
  ): Promise<void> {
    return this.#turn(() => this.#keys.answered(correlation, xid, id, asked, answer));
  }

  overdue(correlation: string, xid: string, id: string): Promise<void> {
    return this.#turn(() => this.#keys.overdue(correlation, xid, id));
  }

  abandoned(correlation: string, xid: string, id: string): Promise<void> {
    return this.#turn(() => this.#keys.abandoned(correlation, xid, id));
  }

  /* --------------------------------------------------------------- turns */

  async #turn<T>(work: () => T, how: Parameters<Turns['run']>[1] = {}): Promise<T> {
    const result = await this.#turns.run(work, how);
    this.#housekeeping.restSoon();
    return result;
  }

  /** A group of turns. After a failure the memory may be ahead of the store: it is loaded again before the next. */
  async #work(works: readonly (() => void)[]): Promise<void> {
    const { store, sharedTasks } = this.#options;
    if (this.#stopped) throw new MediationError('stopped', 'the mediation function is stopping');
    if (this.#spoilt) {
      this.#state = await loadedState(store, this.#options);
      for (const told of [this.#notices, this.#givingWay]) told.undone();
    }
    await sharedTasks?.refresh();
    this.#spoilt = true;
    this.#toSetAside = [];
    const decidedOn = sharedTasks?.version;
    for (const work of works) work();
    await this.#givingWay.makeRoom();
    for (const pdu of this.#toSetAside.splice(0)) {
      await this.#options.setAside?.keep(pdu, this.#options.clock.now());
    }
    const changes = this.#state.take();
    if (changes !== null && !(await this.#isCommitted(changes, decidedOn))) {
      // Tasks have changed meanwhile: all of it is done again, by those that there are.
      await this.#work(works);
      return;
    }
    this.#spoilt = false;
    for (const told of [this.#notices, this.#givingWay]) told.kept();
    this.#losses.streamsForgotten += changes?.forgottenStreams.length ?? 0;
    for (const { session } of changes?.keySessions ?? []) this.#announce(session);
  }

  /** `false`: nothing is, since it went by tasks that are not so any more. */
  async #isCommitted(changes: DfChanges, decidedOn: number | undefined): Promise<boolean> {
    try {
      await this.#options.store.commit(changes, decidedOn);
      return true;
    } catch (error) {
      if (this.#options.sharedTasks?.isOutdated(error) === true) return false;
      throw error;
    }
  }

  #announce(session: KeySession): void {
    for (const question of openOnes(session)) this.#onQuestion(session, question);
  }

  #housekeepingOf(decryption: ContentDecryption | null): Housekeeping {
    return new Housekeeping(this.#options, {
      keepHouse: () => this.#keepHouse(),
      rest: () => {
        this.#streamNames.forget();
        return this.#turns.run(() => this.#state.rest());
      },
      sweep: decryption === null ? null : () => this.#turn(() => decryption.sweep()),
    });
  }

  async #keepHouse(): Promise<void> {
    const { clock, store, sessionMemoryMs = 86_400_000 } = this.#options;
    const before = clock.now() - sessionMemoryMs;
    await this.#turn(() => {
      for (const xid of this.#state.held.awaited()) this.#waiting.release(xid);
      this.#waiting.dropOverdue();
      this.#keys.giveUpWaiting();
      this.#notices.catchUp();
      this.#givingWay.tell();
      this.#state.expire(before);
    });
    this.#losses.streamsForgotten += (await store.forgetting?.expire(before, this.#mostStreams)) ?? 0;
    await this.#retireEnded();
  }

  /** All that the store may keep. */
  get #mostStreams(): number {
    const { proven, others } = this.#options.streams ?? KNOWN_STREAM_LIMITS;
    return proven + others;
  }

  #decryptionOf(
    settings: ContentDecryptionSettings | undefined,
    currentState: () => WorkingState,
  ): ContentDecryption | null {
    if (settings === undefined) return null;
    const { tasks, clock, issues } = this.#options;
    return new ContentDecryption({
      ...settings,
      ...{ clock, currentState, find: (xid) => tasks.find(xid) },
      deliver: (pdu, warranted, content) => deliverContent(this.#writer.deliver, pdu, warranted, content),
      undecrypted: (xid) => {
        const told = this.#tally.count(`undecrypted ${xid}`);
        if (told === null) return;
        issues.taskIssue(xid, `packets went out encrypted, since no key opened them (${told} so far)`);
      },
    });
  }

  /** Deletes what is kept of warrants that ended long enough ago. */
  async #retireEnded(): Promise<void> {
    const retirement = this.#retirement;
    const { store, setAside, passedOn } = this.#options;
    if (retirement === null) return;
    const subjects: string[] = [];
    for (const liid of retirement.due()) {
      const here = (await store.forgetting?.undelivered(liid)) ?? 0;
      const undelivered = here + ((await passedOn?.undelivered(liid)) ?? 0);
      subjects.push(...(await this.#turn(() => retirement.retire(liid, undelivered))));
    }
    await setAside?.forget?.(subjects, retirement.before);
    if (subjects.length > 0) await store.forgetting?.scrub();
    // Not those alone of this time: what could not be removed then, or came later, goes now.
    await passedOn?.retire(retirement.retired());
  }

  /* ---------------------------------------------------------------- PDUs */

  #take({ pdu, octets, peer }: Received): void {
    const now = this.#options.clock.now();
    const key = this.#streamNames.of(pdu, peer, this.#state.callOf(pdu.correlation));
    const place = intake(pdu, key, this.#state.stream(key), now);
    if (place.kind === 'copy') return;
    if (place.stream !== null) this.#state.putStream(place.stream);
    if (place.lost > 0) this.#reportLoss(pdu, place.lost);
    const reference = pdu.type === PDU_TYPE.x2 ? 'x2' : 'x3';
    this.#received[reference] += 1;
    this.#options.recorder?.accepted(reference, octets);
    this.#options.onEvent?.(receivedEvent(pdu, now));
    const task = this.#options.tasks.find(pdu.xid);
    if (task === null) this.#waiting.hold(pdu, octets, now);
    else {
      this.#waiting.release(pdu.xid);
      this.#mediate(pdu, octets, task);
    }
  }

  #reportLoss(pdu: Pdu, lost: number): void {
    const number = numberAttribute(pdu, ATTRIBUTE.sequenceNumber);
    this.#options.logger.error({ xid: pdu.xid, lost, number }, 'X2/X3: PDUs were lost before they came here');
    this.#options.issues.taskIssue(pdu.xid, `${lost} PDUs were lost before they reached the DF`);
    const interfaceName = pdu.type === PDU_TYPE.x2 ? 'X2' : 'X3';
    this.#alarmOf(pdu.xid, 'loss', `${lost} ${interfaceName} PDUs were lost before they reached the DF`);
  }

  /** A PDU that cannot be worked on must not hold up all that come after it. */
  #mediate(pdu: Pdu, octets: Uint8Array, task: DfTask): void {
    try {
      this.#pdus.mediate(task, pdu, octets);
    } catch (error) {
      this.#toSetAside.push(this.#unworkable(octets, messageOf(error), pdu.xid));
      this.#alarmOf(pdu.xid, 'set-aside', 'an intercepted PDU was not understood and is set aside');
    }
  }

  /** Of every warrant of a task that is in force. What is wrong with a task must not become worse by telling of it. */
  #alarmOf(xid: string, cause: WarrantAlarmCause, text: string): void {
    try {
      const task = this.#options.tasks.find(xid);
      const inForce = task === null ? [] : recipients(task, this.#options.clock.now());
      for (const { liid } of inForce) this.#notices.alarm(liid, cause, text);
    } catch (error) {
      this.#options.logger.error({ xid, error }, 'LEMFs could not be told of an alarm');
    }
  }

  /** a call that nobody has proven gave way. */
  #tellGivenUp(xid: string): void {
    this.#losses.callsGivenUp++;
    const told = this.#tally.count(`claims ${xid}`);
    if (told !== null)
      this.#options.issues.taskIssue(xid, `calls that nobody has proven gave way (${told} so far)`);
  }

  #unworkable(octets: Uint8Array, reason: string, subject: string): SetAsidePdu {
    const { logger, issues } = this.#options;
    this.#losses.setAside++;
    logger.error({ octets: octets.length, xid: subject, reason }, 'X2/X3: a PDU cannot be worked on');
    const count = this.#tally.count(`unworkable ${subject}`);
    const text = `an X2/X3 PDU was not understood and is set aside: ${reason}`;
    if (count !== null && subject === '') issues.elementIssue(text);
    else if (count !== null) issues.taskIssue(subject, text);
    return { reference: octets[3] === PDU_TYPE.x3 ? 'x3' : 'x2', did: '', subject, reason, octets };
  }
}
