/**
 * Keys in the mediation: what signalling says of them, the questions that this opens, and the records that answers, or
 * their absence, lead to. All of it happens within turns of the mediation, on its state.
 *
 * Keys go to warrants that are to have content; a warrant for intercept related information alone gets none, since keys
 * are of use for content only. Where content is decrypted here, they go to that instead, and to no LEMF.
 */
import type { Clock } from '../../bytes/ports.ts';
import { fromBase64, fromHex, toHex } from '../../bytes/octets.ts';
import type { Pdu } from '../../wire/x2x3/pdu.ts';
import { isGetKeysFailure } from '../../wire/xk/get-keys.ts';
import type { GetKeysAnswer, GetKeysRequest, GetKeysResponse } from '../../wire/xk/get-keys.ts';
import { fingerprint } from '../../xk/seen-messages.ts';
import { sightingIn } from './extraction.ts';
import type { Sighting } from './extraction.ts';
import type { KeySession, QuestionState } from './session-state.ts';
import { afterWaiting, openOnes, questionOf, withQuestion, withSighting } from './key-session.ts';
import type { DfTasks } from './ports.ts';
import { contenderOf, isToldOf, withReasons } from './question-plan.ts';
import type { HandoverInterface, HandoverRecord, ObservedIdentity } from './records.ts';
import { neededMessages } from './retained.ts';
import type { RecordRecipient } from './tasks.ts';
import { recipients, takesKeys } from './tasks.ts';
import type { WorkingState } from './working-state.ts';

/** Numbers a record and lays it into the outbox of each destination. */
export type DeliverRecord = (
  recipient: RecordRecipient,
  kind: HandoverInterface,
  correlation: Uint8Array,
  make: (liid: string, cin: number) => HandoverRecord,
) => void;

/** Who takes keys in place of the LEMFs. */
export interface KeySink {
  takeKeys(session: KeySession, asked: GetKeysRequest, answer: GetKeysAnswer): void;
}

export interface KeyMediationOptions {
  readonly tasks: DfTasks;
  readonly clock: Clock;
  /** Absent: keys go to the LEMFs. */
  readonly sink?: KeySink | undefined;
}

/** Questions that are put again where their keys are gone: the latest. */
const MOST_RECALLED = 8;

export class KeyMediation {
  readonly #options: KeyMediationOptions;
  readonly #currentState: () => WorkingState;
  readonly #deliver: DeliverRecord;

  /** @param currentState asked in each turn: after a failure it is another */
  constructor(options: KeyMediationOptions, currentState: () => WorkingState, deliver: DeliverRecord) {
    this.#options = options;
    this.#currentState = currentState;
    this.#deliver = deliver;
  }

  /** Whether keys are asked for a warrant: one that has both keys and content, or content that is decrypted here. */
  takes(recipient: RecordRecipient): boolean {
    return this.#options.sink === undefined ? takesKeys(recipient) : recipient.hi3.length > 0;
  }

  /** keys that were given are not here any more: their questions are put again, the latest of them. */
  recall(correlation: string, xid: string): void {
    const before = this.#state.session(correlation, xid);
    const task = this.#options.tasks.find(xid);
    const now = this.#options.clock.now();
    const only =
      task === null
        ? []
        : recipients(task, now)
            .filter(this.#takes)
            .map(({ liid }) => liid);
    if (only.length === 0) return;
    const answered = before.questions
      .filter(({ id, state }) => state === 'answered' && contenderOf(before, id) !== null)
      .toSorted((a, b) => a.eventTime - b.eventTime);
    const again = { state: 'open', since: now, from: now, overdue: false, only } as const;
    const session = answered
      .slice(-MOST_RECALLED)
      .reduce((after, { id }) => withQuestion(after, id, again, now), before);
    if (session !== before) this.#put(session);
  }

  /** content of a call went out as it came: each warrant is told once. */
  tellUndecrypted(correlation: string, xid: string, warranted: readonly RecordRecipient[]): void {
    const before = this.#state.session(correlation, xid);
    const session = withReasons(before, ['undecrypted']);
    if (session !== before) this.#put(session);
    this.#tellUnasked(session, warranted);
  }

  noteKeyManagement(
    pdu: Pick<Pdu, 'correlation' | 'xid'>,
    seen: Sighting,
    warranted: readonly RecordRecipient[],
    observed: readonly ObservedIdentity[],
  ): void {
    const before = this.#state.session(toHex(pdu.correlation), pdu.xid);
    const session = withSighting(before, seen, observed, this.#options.clock.now());
    if (session !== before) this.#put(session);
    this.#tell(session, warranted);
  }

  /**
   * warrants that came while the call stands get its keys: the question about those in force is put again, for them
   * alone, with what is retained of the call where nothing was asked before.
   */
  bring(
    correlation: string,
    xid: string,
    late: readonly RecordRecipient[],
    observed: readonly ObservedIdentity[],
  ): void {
    const takers = late.filter(this.#takes);
    if (takers.length === 0) return;
    const now = this.#options.clock.now();
    const before = this.#state.session(correlation, xid);
    const known = before.questions;
    const retained = before.retained === undefined ? [] : neededMessages(before.retained);
    let session = retained.reduce((after, { sip, direction }) => {
      const fromTarget = direction === 'unknown' ? null : direction === 'fromTarget';
      return withSighting(after, sightingIn(fromBase64(sip), fromTarget, now), observed, now);
    }, before);
    const answered = known.filter(({ state }) => state === 'answered');
    const [latest] = answered.toSorted((a, b) => b.eventTime - a.eventTime);
    if (latest !== undefined) {
      const only = takers.map(({ liid }) => liid);
      const again = { state: 'open', since: now, from: now, overdue: false, only } as const;
      session = withQuestion(session, latest.id, again, now);
    }
    if (session !== before) this.#put(session);
    const isHopeless =
      latest === undefined && known.some(({ state, overdue }) => state === 'failed' || overdue);
    if (isHopeless) this.#deliverFailure(session, takers);
    this.#tell(session, takers);
  }

  /** What was waited for and did not come is given up. */
  giveUpWaiting(): void {
    for (const before of this.#state.sessions()) {
      const session = afterWaiting(before, this.#options.clock.now());
      if (session === before) continue;
      this.#put(session);
      const task = this.#options.tasks.find(session.xid);
      const time = session.media?.settled?.eventTime ?? session.messages.at(-1)?.time;
      if (task !== null && time !== undefined) this.#tell(session, recipients(task, time));
    }
  }

  /** What is to be asked for an open question now; `null` if it is not open any more, or nobody is to know. */
  question(correlation: string, xid: string, id: string): GetKeysRequest | null {
    const session = this.#state.session(correlation, xid);
    const question = openOnes(session).find((open) => open.id === id);
    const task = this.#options.tasks.find(xid);
    if (question === undefined || task === null) return null;
    if (this.#keyRecipients(session, question).length === 0) return null;
    return questionOf(session, question, task.targets);
  }

  /** The KMS has answered: key records, or a failure record; the question is closed. */
  answered(
    correlation: string,
    xid: string,
    id: string,
    asked: GetKeysRequest,
    answer: GetKeysResponse,
  ): void {
    const session = this.#state.session(correlation, xid);
    const question = openOnes(session).find((open) => open.id === id);
    if (question === undefined) return;
    const now = this.#options.clock.now();
    if (isGetKeysFailure(answer)) {
      // One that is made up, or is of another exchange, must not spoil what the others prove.
      if (answer.failureIndication === 'messages-inconsistent' && asked.rMessage2 !== null) {
        this.#put(withQuestion(session, id, { bare: true, withRMessage2: false }, now));
        return;
      }
      this.#tellFailure(session, question);
      this.#conclude(
        withQuestion(session, id, { state: 'failed', overdue: true, only: undefined }, now),
        question,
      );
      return;
    }
    const { sink } = this.#options;
    const delivered = sink === undefined ? this.#deliverKeys(session, question, answer) : session.delivered;
    const change = {
      state: 'answered',
      verified: answer.verified,
      withRMessage2: asked.rMessage2 !== null,
      only: undefined,
    } as const;
    this.#conclude(withQuestion({ ...session, delivered }, id, change, now), question);
    sink?.takeKeys(this.#state.session(correlation, xid), asked, answer);
  }

  /** the timer of a question has run out; the failure record goes out once, the question stays open. */
  overdue(correlation: string, xid: string, id: string): void {
    const session = this.#state.session(correlation, xid);
    const question = openOnes(session).find((open) => open.id === id);
    if (question === undefined || question.overdue) return;
    this.#tellFailure(session, question);
    this.#conclude(withQuestion(session, id, { overdue: true }, this.#options.clock.now()), question);
  }

  /** A question that nobody will answer any more. */
  abandoned(correlation: string, xid: string, id: string): void {
    const session = this.#state.session(correlation, xid);
    const question = openOnes(session).find((open) => open.id === id);
    if (question === undefined) return;
    this.#conclude(withQuestion(session, id, { state: 'failed' }, this.#options.clock.now()), question);
  }

  /* ------------------------------------------------------------- records */

  /** Once for all that contend for one place. */
  #tellFailure(session: KeySession, question: QuestionState): void {
    if (question.overdue || isToldOf(session, question.id)) return;
    this.#deliverFailure(session, this.#keyRecipients(session, question));
  }

  /** What a question has come to may be the end of others. */
  #conclude(session: KeySession, question: QuestionState): void {
    this.#put(session);
    this.#tellUnasked(session, this.#keyRecipients(session, question));
  }

  #tell(session: KeySession, warranted: readonly RecordRecipient[]): void {
    this.#tellUnkeyed(session, warranted);
    this.#tellUnasked(this.#state.session(session.correlation, session.xid), warranted);
  }

  /** something is not asked: each LIID that would get the keys is told once, and for each reason. */
  #tellUnasked(session: KeySession, warranted: readonly RecordRecipient[]): void {
    const { unasked = [] } = session;
    const takers = warranted.filter(this.#takes);
    const after = unasked.map((one) => {
      const fresh = takers.filter(({ liid }) => !one.told.includes(liid));
      if (fresh.length === 0) return one;
      this.#deliverFailure(session, fresh);
      return { ...one, told: [...one.told, ...fresh.map(({ liid }) => liid)] };
    });
    if (after.some((one, at) => one !== unasked[at])) this.#put({ ...session, unasked: after });
  }

  /** media are encrypted and keys for them were not seen: each LIID that would get them is told once. */
  #tellUnkeyed(session: KeySession, warranted: readonly RecordRecipient[]): void {
    const { media } = session;
    if (media?.unkeyed !== true) return;
    const untold = warranted.filter((one) => this.takes(one) && !media.told.includes(one.liid));
    if (untold.length === 0) return;
    this.#deliverFailure(session, untold);
    this.#put({ ...session, media: { ...media, told: [...media.told, ...untold.map(({ liid }) => liid)] } });
  }

  #deliverKeys(session: KeySession, question: QuestionState, answer: GetKeysAnswer): string[] {
    const delivered = new Set(session.delivered);
    for (const recipient of this.#keyRecipients(session, question)) {
      for (const { csId, sessionKey, salt } of answer.cryptoSessions) {
        const mark = fingerprint(
          recipient.liid,
          String(csId),
          toHex(sessionKey.expose()),
          toHex(salt.expose()),
        );
        if (delivered.has(mark)) continue;
        delivered.add(mark);
        this.#deliver(recipient, 'hi2', fromHex(session.correlation), (liid, cin) => ({
          kind: 'keys-available',
          liid,
          cin,
          time: this.#options.clock.now(),
          correlation: fromHex(session.correlation),
          observed: session.observed,
          keyInfo: { csId, key: sessionKey, salt },
        }));
      }
    }
    return [...delivered];
  }

  #deliverFailure(session: KeySession, to: readonly RecordRecipient[]): void {
    for (const recipient of to) {
      this.#deliver(recipient, 'hi2', fromHex(session.correlation), (liid, cin) => ({
        kind: 'key-failure',
        liid,
        cin,
        time: this.#options.clock.now(),
        correlation: fromHex(session.correlation),
        observed: session.observed,
      }));
    }
  }

  #keyRecipients(session: KeySession, { eventTime, since, only }: QuestionState): readonly RecordRecipient[] {
    const task = this.#options.tasks.find(session.xid);
    if (task === null) return [];
    const inForce = recipients(task, only === undefined ? eventTime : since).filter(this.#takes);
    return inForce.filter(({ liid }) => only === undefined || only.includes(liid));
  }

  #put(session: KeySession): void {
    this.#state.putSession(session, this.#options.clock.now());
  }

  readonly #takes = (recipient: RecordRecipient): boolean => this.takes(recipient);

  get #state(): WorkingState {
    return this.#currentState();
  }
}
