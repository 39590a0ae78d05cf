/**
 * Xk at the KMS: whether a question may be answered, and the record of it (`api/xk.openapi.yaml`; profile, section 6). What
 * the answer is, is computed in `get-keys/`.
 *
 * A question is answered only if the client's certificate has the role of a DF, the ADMF has provisioned the XID at this
 * KMS itself, the task covers the target, and the times fit: a stolen DF alone gets nothing. All four failures are one
 * answer, `not-authorised`; the audit log says which. Nothing is answered that is not on record first.
 *
 * Where the configuration has it, a LEMF asks as well, under tasks of its own, by the same rules: a task is either
 * for DFs or for the one LEMF that it names, and neither gets anything by the other's.
 */
import { toHex, utf8 } from '../../bytes/octets.ts';
import type { Clock, Logger } from '../../bytes/ports.ts';
import { TroubleLog } from '../../bytes/trouble-log.ts';
import { recordSoon } from '../../evidence/log.ts';
import type { AuditEvent, AuditLog } from '../../evidence/log.ts';
import { RefusalLog } from '../../evidence/refusals.ts';
import { identityKeys } from '../../sip/identity-keys.ts';
import { isGetKeysFailure, wipeKeys } from '../../wire/xk/get-keys.ts';
import type { FailureIndication, GetKeysRequest, GetKeysResponse } from '../../wire/xk/get-keys.ts';
import { sha256 } from '../../ibake/sealing.ts';
import { likelyRecords, askedQuestion, readQuestion } from './asked-question.ts';
import type { AskedExchange, LikelyRecords, ReadQuestion } from './asked-question.ts';
import { isUnavailable, KmsError } from './errors.ts';
import { UntakenAnswers } from './untaken-answers.ts';
import { coverageOf } from './coverage.ts';
import type { TargetCoverage, WarrantTimes } from './coverage.ts';
import type {
  AskingLemf,
  ClaimStore,
  Holding,
  HoldingTable,
  KnownTask,
  WarrantPeriod,
  WarrantTable,
} from './ports.ts';

/** Distinct questions about one exchange, or one update with IBAKE, of a target at a time (profile, section 6). */
export const MAX_QUESTIONS = 32;
/** Seconds after which one more is answered: decoys that filled the places keep the real question out no longer. */
export const QUESTION_REFILL = 10;

/** Who asks, from the client certificate. */
export interface XkPeer {
  readonly commonName: string;
  readonly roles: readonly string[];
  readonly fingerprint: string;
  /** Whether one of its names is among those that the configuration admits as DFs. */
  readonly admitted: boolean;
  /** Its names that the configuration admits as LEMFs; absent: none. */
  readonly lemfNames?: readonly string[];
}

/** A question that may be answered: the subscriber's id, and those of its addresses that task and question cover. */
export interface PermittedQuestion {
  readonly request: GetKeysRequest;
  readonly subscriber: string;
  readonly covered: ReadonlySet<string>;
  /** What of the KMS's records the answer most likely needs; absent: nobody has looked. */
  readonly likely?: LikelyRecords;
}

/** Computes the answer; never throws for what is wrong with a question. */
export type Computation = (question: PermittedQuestion) => Promise<GetKeysResponse>;

/** Turns for questions, by client. An aborted `signal` withdraws one. Throws KmsError `busy`, `cancelled`. */
export interface QuestionTurns {
  run<T>(client: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T>;
}

/** Why a question was refused, for the audit log. */
type Reason =
  | 'client-role'
  | 'client-name'
  | 'unknown-task'
  /** The task is for others to ask under: a DF's for a LEMF, or the reverse, or another LEMF's. */
  | 'task-of-others'
  | 'target-not-covered'
  | 'messages-unreadable'
  | 'outside-validity'
  | 'too-many-questions'
  /** More questions wait than can be answered in time. */
  | 'busy'
  /** The client is gone. */
  | 'cancelled'
  /** What should compute the answer does not work; the KMS's own log says more. */
  | 'failed';

interface Refusal {
  readonly failure: FailureIndication;
  readonly reason: Reason;
}

const NO_RECORDS = {
  begins: 'get_keys: records cannot be had',
  over: 'get_keys: records can be had again',
  level: 'error',
} as const;

const CANCELLED: Refusal = { failure: 'temporarily-unavailable', reason: 'cancelled' };

/** A response, and what is to be on record of it before it leaves. */
interface Judged<Response extends GetKeysResponse | null> {
  readonly response: Response;
  readonly event: AuditEvent;
}

interface Permission {
  readonly question: PermittedQuestion;
  readonly exchange: AskedExchange;
  /** The LEMF that asks; absent: a DF does. */
  readonly lemf?: AskingLemf;
  /** T lay before the task's start, and `midCall` allowed it. */
  readonly beforeStart: boolean;
}

export interface XkPorts {
  readonly store: WarrantTable & HoldingTable & Pick<ClaimStore, 'claimQuestion'>;
  readonly compute: Computation;
  /** As `readQuestion`, which does it where this is absent; throws KmsError `cancelled`, `unavailable`. */
  readonly read?: (text: string, signal?: AbortSignal) => Promise<ReadQuestion | null>;
  /** Absent: every question has its turn at once. */
  readonly turns?: QuestionTurns;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class XkService {
  readonly #ports: XkPorts;
  readonly #times: WarrantTimes;
  readonly #refusals: RefusalLog;
  readonly #unavailable: TroubleLog;
  /** What is being computed of a question, by whose asker that was; `done` is never rejected. */
  readonly #underWay = new Map<
    string,
    { readonly signal: AbortSignal | undefined; readonly done: Promise<void> }
  >();
  readonly #untaken: UntakenAnswers;
  readonly #outcomes: Record<string, number> = { answered: 0, refused: 0, malformed: 0 };

  constructor(times: WarrantTimes, ports: XkPorts) {
    this.#times = times;
    this.#ports = ports;
    this.#refusals = new RefusalLog(ports.audit, ports.clock);
    const { logger, clock } = ports;
    this.#unavailable = new TroubleLog(NO_RECORDS, { logger, now: () => clock.now() });
    this.#untaken = new UntakenAnswers(ports.clock);
  }

  /** Questions since the start, by what came of them. */
  get outcomes(): Readonly<Record<string, number>> {
    return this.#outcomes;
  }

  /** Answers whose asker was gone when they were there, since the start, by what came of them. */
  get untaken(): UntakenAnswers['counts'] {
    return this.#untaken.counts;
  }

  /** Overwrites what is kept for whoever asks again. */
  close(): void {
    this.#untaken.close();
  }

  /**
   * Reads, judges and answers a question when it is the client's turn, so that one DF makes no other wait for all that it
   * asks; while that is put on record, the next one has its turn. `null`: the body is not a question.
   * @throws only if it cannot be recorded
   */
  async ask(client: XkPeer, text: string, signal?: AbortSignal): Promise<GetKeysResponse | null> {
    const { turns, read = readAtOnce } = this.#ports;
    const work = async (): Promise<Judged<GetKeysResponse | null>> => {
      const asked = await read(text, signal);
      return asked === null
        ? { response: null, event: malformed(client) }
        : this.#judged(client, asked, signal);
    };
    let judged: Judged<GetKeysResponse | null>;
    try {
      judged = await (turns === undefined ? work() : turns.run(turnOf(client), work, signal));
    } catch (error) {
      if (error instanceof KmsError) return this.#unread(client, error);
      throw error;
    }
    return this.#recorded(client, judged);
  }

  /** As `ask`, of a question that has been read, at once. @throws only if it cannot be recorded */
  async answer(client: XkPeer, request: GetKeysRequest, signal?: AbortSignal): Promise<GetKeysResponse> {
    return this.#recorded(client, await this.#judged(client, askedQuestion(request), signal));
  }

  async #judged(
    client: XkPeer,
    asked: ReadQuestion,
    signal: AbortSignal | undefined,
  ): Promise<Judged<GetKeysResponse>> {
    const permission = await this.#permission(client, asked);
    if ('failure' in permission) {
      const response = { failureIndication: permission.failure };
      return { response, event: eventOf(client, asked, refused(permission)) };
    }
    const computed = await this.#computedOnce(permission.question, asked.digest, signal);
    const response = 'failure' in computed ? { failureIndication: computed.failure } : computed;
    const event = eventOf(client, asked, {
      ...('failure' in computed ? refused(computed) : outcome(computed)),
      csbId: permission.exchange.csbId,
      t: toHex(permission.exchange.first.octets),
      ...(permission.lemf === undefined ? {} : { lemf: permission.lemf.name, liid: permission.lemf.liid }),
      beforeStart: permission.beforeStart,
    });
    return { response, event };
  }

  /** A question that was not even read: on record, but not so often that whoever asks too much could fill the log. */
  #unread({ commonName, fingerprint }: XkPeer, error: KmsError): GetKeysResponse {
    const failure = 'temporarily-unavailable';
    const isForTheMoment = error.code === 'busy' || error.code === 'cancelled';
    if (!isForTheMoment) this.#ports.logger.error({ err: error }, 'a question could not be read');
    const reason: Reason = isForTheMoment ? error.code : 'failed';
    const client = { client: commonName, fingerprint };
    const event = { kind: 'get-keys', ...refused({ failure, reason }), ...client };
    this.#count(event);
    this.#refusals.record(commonName, event);
    return { failureIndication: failure };
  }

  /** As `#permit`; where what it needs to know cannot be had, the client is to ask again. */
  async #permission(client: XkPeer, asked: ReadQuestion): Promise<Permission | Refusal> {
    try {
      const permission = await this.#permit(client, asked);
      if ('question' in permission) this.#unavailable.worked();
      return permission;
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      this.#unavailable.failed({ reason: error.message });
      return { failure: 'temporarily-unavailable', reason: 'failed' };
    }
  }

  async #permit(
    client: XkPeer,
    { request, exchange, digest: question }: ReadQuestion,
  ): Promise<Permission | Refusal> {
    const { isDf, lemfNames } = standingOf(client);
    if (!client.roles.includes('df') && lemfNames.length === 0) return notAuthorised('client-role');
    if (!isDf && lemfNames.length === 0) return notAuthorised('client-name');
    const task = await this.#ports.store.warrant(request.xid);
    if (task === null) return notAuthorised('unknown-task');
    const isOwn = ({ lemf }: WarrantPeriod): boolean =>
      lemf === undefined ? isDf : lemfNames.includes(lemf.name);
    const warrant = { ...task, periods: task.periods.filter(isOwn) };
    const lemf = warrant.periods.at(-1)?.lemf;
    if (warrant.periods.length === 0) return notAuthorised('task-of-others');
    if (exchange === null) return { failure: 'messages-inconsistent', reason: 'messages-unreadable' };
    const coverage = await this.#coverage(request, warrant, exchange);
    if (typeof coverage === 'string') return notAuthorised(coverage);
    const { subscriber, covered, beforeStart } = coverage;
    if (!(await this.#isWithinLimit(question, { subscriber, lemf }, exchange)))
      return { failure: 'temporarily-unavailable', reason: 'too-many-questions' };
    const likely = likelyRecords(exchange, covered);
    const permitted = { question: { request, subscriber, covered, likely }, exchange, beforeStart };
    return lemf === undefined ? permitted : { ...permitted, lemf };
  }

  /** What the task covers of what the question names, at the times of its messages. */
  async #coverage(
    { targetKmsIdentity, midCall }: GetKeysRequest,
    warrant: KnownTask,
    { times }: AskedExchange,
  ): Promise<TargetCoverage | 'outside-validity' | 'target-not-covered'> {
    const now = this.#ports.clock.now() / 1000;
    const names = identityKeys(targetKmsIdentity);
    const holdings: Holding[] = [];
    for (const name of names) holdings.push(...(await this.#ports.store.holdings(name)));
    return coverageOf(warrant, { now, names, times, midCall }, holdings, this.#times);
  }

  /**
   * At most so many distinct questions per (target, CSB ID, T of the newest message with IBAKE) at a time: no oracle for
   * trying altered messages. A LEMF has places of its own for each of its warrants, and takes none of the DF's. Each exchange
   * and each update that changes the keys has its own. The party that is observed can fill that with messages of its own, so
   * a place comes back every so often, and whoever finds none is told to ask again.
   */
  #isWithinLimit(
    question: Uint8Array,
    { subscriber, lemf }: { readonly subscriber: string; readonly lemf: AskingLemf | undefined },
    { csbId, newest }: AskedExchange,
  ): Promise<boolean> {
    const own = lemf === undefined ? [] : [lemf.name, lemf.liid];
    const group = sha256(utf8(JSON.stringify([subscriber, csbId, toHex(newest.octets), ...own])));
    const now = this.#ports.clock.now() / 1000;
    const bound = { limit: MAX_QUESTIONS, refill: QUESTION_REFILL, now };
    return this.#ports.store.claimQuestion(group, question, bound);
  }

  /**
   * The answer, computed to its end though the client may give up before: on a slow machine it would be begun again and
   * again else. Whoever asks the same again has that one.
   */
  async #computedOnce(
    question: PermittedQuestion,
    digest: Uint8Array,
    signal: AbortSignal | undefined,
  ): Promise<GetKeysResponse | Refusal> {
    const { subscriber, covered } = question;
    const name = JSON.stringify([toHex(digest), subscriber, [...covered].toSorted()]);
    const before = this.#underWay.get(name);
    if (isGone(before?.signal)) await before?.done;
    if (isGone(signal)) return CANCELLED;
    const untaken = this.#untaken.take(name);
    if (untaken !== null) return untaken;
    const answering = this.#computed(question).then((computed) => {
      if (!isGone(signal) || 'failure' in computed) return computed;
      this.#untaken.keep(name, computed);
      return CANCELLED;
    });
    const own = { signal, done: answering.then(ignore, ignore) };
    this.#underWay.set(name, own);
    return answering.finally(() => {
      if (this.#underWay.get(name) === own) this.#underWay.delete(name);
    });
  }

  /** The answer; what kept it from being computed is one failure, whatever it was. */
  async #computed(question: PermittedQuestion): Promise<GetKeysResponse | Refusal> {
    try {
      return await this.#ports.compute(question);
    } catch (error) {
      const failure = 'temporarily-unavailable';
      if (error instanceof KmsError && (error.code === 'busy' || error.code === 'cancelled'))
        return { failure, reason: error.code };
      const { xid } = question.request;
      this.#ports.logger.error({ err: error, xid }, 'get_keys could not be computed');
      return { failure, reason: 'failed' };
    }
  }

  #count({ outcome: of }: AuditEvent): void {
    const key = String(of);
    this.#outcomes[key] = (this.#outcomes[key] ?? 0) + 1;
  }

  /**
   * The response, once it is on record: in full, unless the client may not ask at all, whose refusals must not fill the log.
   * Keys that cannot be recorded are not given.
   */
  async #recorded<Response extends GetKeysResponse | null>(
    client: XkPeer,
    { response, event }: Judged<Response>,
  ): Promise<Response> {
    this.#count(event);
    const { isDf, lemfNames } = standingOf(client);
    try {
      if (isDf || lemfNames.length > 0) await recordSoon(this.#ports.audit, event);
      else this.#refusals.record(client.commonName, event);
    } catch (error) {
      if (response !== null) wipeKeys(response);
      throw error;
    }
    return response;
  }
}

/** It may go at any time. */
function isGone(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

function ignore(): void {
  // What came of it is for its asker.
}

function readAtOnce(text: string): Promise<ReadQuestion | null> {
  return Promise.resolve(readQuestion(text));
}

/** A request that is not a question: not the JSON of the interface. */
function malformed({ commonName, fingerprint }: XkPeer): AuditEvent {
  return { kind: 'get-keys', outcome: 'malformed', client: commonName, fingerprint };
}

function eventOf(
  { commonName, fingerprint }: XkPeer,
  { request, digest }: ReadQuestion,
  result: Omit<AuditEvent, 'kind'>,
): AuditEvent {
  return {
    ...result,
    kind: 'get-keys',
    client: commonName,
    fingerprint,
    xid: request.xid,
    target: request.targetKmsIdentity,
    midCall: request.midCall,
    question: toHex(digest),
  };
}

/** As what a client may ask. */
function standingOf({ roles, admitted, lemfNames = [] }: XkPeer) {
  return { isDf: admitted && roles.includes('df'), lemfNames: roles.includes('lemf') ? lemfNames : [] };
}

/** Delivery functions and LEMFs by name; all others share a turn. */
function turnOf(client: XkPeer): string {
  const { isDf, lemfNames } = standingOf(client);
  if (isDf) return `df ${client.commonName}`;
  return lemfNames.length > 0 ? `lemf ${client.commonName}` : 'others';
}

function outcome(response: GetKeysResponse): Omit<AuditEvent, 'kind'> {
  if (isGetKeysFailure(response)) return { outcome: 'refused', failure: response.failureIndication };
  return {
    outcome: 'answered',
    verified: response.verified,
    cryptoSessions: response.cryptoSessions.length,
    deferred: response.cryptoSessions.some(({ deferred }) => deferred),
  };
}

function refused({ failure, reason }: Refusal): Omit<AuditEvent, 'kind'> {
  return { outcome: 'refused', failure, reason };
}

function notAuthorised(reason: Reason): Refusal {
  return { failure: 'not-authorised', reason };
}
