/**
 * The answer to a message of HI1 (TS 103 120), in this order:
 *
 *     1. read; who sends must be one of the agency's end points (else it is not answered at all), we the receiver, and
 *        the version one of ours (3021)
 *     2. on record (audit log): what cannot be recorded is not done
 *     3. a transaction that was answered before gets the same answer (`exchange-book.ts`, which also bounds them)
 *     4. the changes are planned, all of them; if one is refused, none is done
 *     5. objects and answer are stored in one transaction
 *     6. what follows is worked off from the store (`follow-up.ts`), after the answer
 *     7. on record, what came of it
 */
import { createHash } from 'node:crypto';
import type { Clock, Logger } from '../../../bytes/ports.ts';
import { toHex } from '../../../bytes/octets.ts';
import type { AuditEvent } from '../../../evidence/log.ts';
import type { DictionaryEntry, Hi1Endpoint } from '../../../wire/hi1/common.ts';
import { kindOfWord } from '../../../wire/hi1/dictionaries.ts';
import { encodeHi1Message, readHi1Message } from '../../../wire/hi1/messages.ts';
import type {
  Hi1Header,
  Hi1Payload,
  Hi1Reading,
  Hi1Request,
  Hi1Response,
} from '../../../wire/hi1/messages.ts';
import { HI1_ANSWER_LIMIT } from '../../../wire/hi1/names.ts';
import { HI1_OBJECT_KINDS } from '../../../wire/hi1/objects.ts';
import { instantOf } from '../../../wire/xml/simple-types.ts';
import { ChangePlan } from './change-plan.ts';
import type { PlanContext } from './change-plan.ts';
import type { ExchangeBook } from './exchange-book.ts';
import type { FollowUp } from './follow-up.ts';
import type { Agency, Hi1Store, StoredObject } from './ports.ts';
import { listed, published } from './published.ts';
import { HI1_OUTCOMES, Hi1Refusal } from './refusal.ts';
import type { Hi1Outcome } from './refusal.ts';
import { requireWorkflow } from './workflows.ts';

export interface Hi1ServiceOptions extends Pick<PlanContext, 'setting' | 'findWarrant' | 'checkWarrant'> {
  /** Who we are. */
  readonly own: Hi1Endpoint;
  /** The national profile that both ends go by; absent: each request's own, which nothing here depends on. */
  readonly profile?: { readonly owner: string; readonly version: string };
  readonly store: Hi1Store;
  readonly followUp: FollowUp;
  readonly exchanges: ExchangeBook;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly audit: { append(event: AuditEvent): unknown };
}

/** Versions that are answered; the namespaces are the same in all of them. */
const OLDEST = [1, 12, 1];
const NEWEST = [1, 23, 1];
const VERSIONS = 'V1.12.1 to V1.23.1';
/** Records of one answer to LIST. */
const MOST_LISTED = 10_000;
/** Of actions, in one record of the audit log. */
const MOST_SUMMARY = 2000;
const NO_TRANSACTION = '00000000-0000-0000-0000-000000000000';

export class Hi1Service {
  readonly #options: Hi1ServiceOptions;
  readonly #counts = new Map<Hi1Outcome, number>(HI1_OUTCOMES.map((outcome) => [outcome, 0]));

  constructor(options: Hi1ServiceOptions) {
    this.#options = options;
  }

  /** Requests by what has come of them, since the start. */
  get counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }

  /** Counts one that was not answered here. */
  count(outcome: Hi1Outcome): void {
    this.#counts.set(outcome, (this.#counts.get(outcome) ?? 0) + 1);
  }

  /**
   * @param agency whose certificate it is that sends
   * @returns `null`: the sender is not one of the agency's end points
   */
  async answer(octets: Uint8Array, path: string, agency: Agency): Promise<Uint8Array | null> {
    const reading = readHi1Message(octets);
    const { header } = reading;
    if (header !== null && !agency.endpoints.some((each) => isSame(each, header.sender))) return null;
    let outcome: Hi1Outcome = 'not-recorded';
    try {
      const answer = await this.#answerOf(octets, path, agency, reading);
      outcome = answer.outcome;
      return answer.octets;
    } finally {
      this.count(outcome);
    }
  }

  async #answerOf(
    octets: Uint8Array,
    path: string,
    agency: Agency,
    reading: Hi1Reading,
  ): Promise<{ readonly octets: Uint8Array; readonly outcome: Hi1Outcome }> {
    const { header } = reading;
    const digest = digestOf(octets);
    const whose = { agency: agency.name, transaction: header?.transaction ?? '', path, digest };
    const actions =
      'message' in reading && reading.message.payload.kind === 'requests'
        ? reading.message.payload.actions
        : [];
    this.#record({ kind: 'hi1-request', ...whose, actions: summaryOf(actions) });
    const { payload, stored, outcome } = await this.#respond(reading, whose, agency);
    const answer = stored ?? this.#encode(this.#headerFor(header, agency), payload);
    this.#record({ kind: 'hi1-answer', ...whose, outcome: outcomeOf(payload), answer: digestOf(answer) });
    return { octets: answer, outcome };
  }

  async #respond(
    reading: Hi1Reading,
    { path, digest }: { readonly path: string; readonly digest: string },
    agency: Agency,
  ): Promise<Responded> {
    try {
      const { header, actions } = this.#requests(reading);
      requireWorkflow(path, actions);
      if (actions.every(({ action }) => action === 'GET' || action === 'LIST')) {
        const responses = await this.#reads(actions, agency, null);
        const isRefused = responses.some(({ action }) => action === 'ErrorInformation');
        return {
          payload: { kind: 'responses', actions: responses },
          outcome: isRefused ? 'refused' : 'read',
        };
      }
      return await this.#options.followUp.queue.run(() =>
        this.#change(header, actions, { path, digest, agency }),
      );
    } catch (cause) {
      const { information, outcome } = this.#refusalOf(cause, agency.name);
      return { payload: { kind: 'error', error: information }, outcome };
    }
  }

  /** @throws Hi1Refusal if it is not a request that can be answered action by action */
  #requests(reading: Hi1Reading): { readonly header: Hi1Header; readonly actions: readonly Hi1Request[] } {
    if (reading.header !== null) this.#requireHeader(reading.header);
    if ('error' in reading) {
      const { code, message } = reading.error;
      if (code === 'schema') throw new Hi1Refusal('schema', message);
      throw new Hi1Refusal(code === 'too-large' ? 'general' : 'encoding', message);
    }
    const { header, message } = reading;
    if (message.payload.kind !== 'requests') throw new Hi1Refusal('improperValue', 'a request is expected');
    if (message.signature !== undefined)
      throw new Hi1Refusal('unsupported', 'signatures are not checked here: the connection shows who sends');
    return { header, actions: message.payload.actions };
  }

  /** @throws Hi1Refusal `version`, `improperValue` */
  #requireHeader({ version, receiver }: Hi1Header): void {
    const { own, profile } = this.#options;
    if (!isSupported(version.etsi))
      throw new Hi1Refusal('version', `version ${version.etsi} is not supported: ${VERSIONS} are`);
    if (
      profile !== undefined &&
      (version.profileOwner !== profile.owner || version.profileVersion !== profile.version)
    )
      throw new Hi1Refusal('version', `the national profile is ${profile.owner} ${profile.version}`);
    if (!isSame(receiver, own))
      throw new Hi1Refusal(
        'improperValue',
        `the receiver here is ${own.CountryCode} ${own.UniqueIdentifier}`,
      );
  }

  async #change(
    header: Hi1Header,
    actions: readonly Hi1Request[],
    { path, digest, agency }: { readonly path: string; readonly digest: string; readonly agency: Agency },
  ): Promise<Responded> {
    const { store, clock, followUp, exchanges } = this.#options;
    const { transaction, timestamp } = header;
    const before = await exchanges.answered(agency.name, { transaction, digest }, timestamp);
    if (before !== null)
      return { payload: { kind: 'responses', actions: [] }, stored: before, outcome: 'repeated' };
    const plan = new ChangePlan({ ...this.#options, agency, sender: header.sender, now: clock.now() });
    const outcomes = await this.#planned(plan, actions, path);
    const refused = [...outcomes.values()].some((outcome) => outcome instanceof Hi1Refusal);
    const answered = new Map<Hi1Request, Hi1Response>();
    for (const [action, outcome] of outcomes) answered.set(action, responseTo(action, outcome, refused));
    const responses = await this.#reads(actions, agency, refused ? null : plan, answered);
    const payload: Hi1Payload = { kind: 'responses', actions: responses };
    if (refused) return { payload, outcome: 'refused' };
    const answer = this.#encode(this.#headerFor(header, agency), payload);
    await store
      .save(plan.objects, {
        ...{ agency: agency.name, transaction, digest, answer, at: clock.now() },
        objects: [...plan.objects.map(({ object }) => object.identifier), ...shownIn(responses)],
      })
      .catch((cause: unknown) => {
        throw new Hi1Refusal('transient', undefined, { cause, outcome: 'not-stored' });
      });
    exchanges.noted();
    followUp.touch(plan.objects.flatMap(({ task }) => (task === null ? [] : task.wish.warrant.liid)));
    return { payload, stored: answer, outcome: 'done' };
  }

  /** What comes of each change; numbers that stand twice are refused. */
  async #planned(
    plan: ChangePlan,
    actions: readonly Hi1Request[],
    path: string,
  ): Promise<Map<Hi1Request, StoredObject | Hi1Refusal>> {
    const outcomes = new Map<Hi1Request, StoredObject | Hi1Refusal>();
    const seen = new Set<string>();
    for (const action of actions) {
      const isTwice = seen.has(action.id);
      seen.add(action.id);
      if (isTwice) outcomes.set(action, new Hi1Refusal('duplicateAction'));
      else if (action.action !== 'GET' && action.action !== 'LIST')
        outcomes.set(action, await this.#plannedOne(plan, action, path));
    }
    return outcomes;
  }

  async #plannedOne(
    plan: ChangePlan,
    action: Exclude<Hi1Request, { readonly action: 'GET' | 'LIST' }>,
    path: string,
  ): Promise<StoredObject | Hi1Refusal> {
    try {
      switch (action.action) {
        case 'CREATE':
          return await plan.create(action.object);
        case 'UPDATE':
          return await plan.update(action.object, { extending: path === '/li/authorisation/extension' });
        case 'DELIVER':
          return new Hi1Refusal('unsupported', 'DELIVER is not supported');
      }
    } catch (cause) {
      return this.#refusalOf(cause, plan.agency);
    }
  }

  /** The answers in order: those that are known, and GET and LIST. */
  async #reads(
    actions: readonly Hi1Request[],
    agency: Agency,
    plan: ChangePlan | null,
    answered: ReadonlyMap<Hi1Request, Hi1Response> = new Map(),
  ): Promise<Hi1Response[]> {
    const responses: Hi1Response[] = [];
    const seen = new Set<string>();
    for (const action of actions) {
      const isTwice = seen.has(action.id);
      seen.add(action.id);
      const known = answered.get(action);
      if (known !== undefined) responses.push(known);
      else if (isTwice) responses.push(refusedAs(action.id, new Hi1Refusal('duplicateAction')));
      else responses.push(await this.#read(action, agency, plan));
    }
    return responses;
  }

  async #read(action: Hi1Request, agency: Agency, plan: ChangePlan | null): Promise<Hi1Response> {
    const { store } = this.#options;
    const { id } = action;
    try {
      if (action.action === 'GET') {
        const { identifier } = action;
        const found = await (plan === null ? store.find(agency.name, identifier) : plan.find(identifier));
        if (found === null) throw new Hi1Refusal('unknownForGet');
        return { id, action: 'GETResponse', object: published(found) };
      }
      if (action.action !== 'LIST') throw new Hi1Refusal('unsupported');
      const { objectType, lastChanged } = action;
      const filter = {
        kind: kindOf(objectType),
        since: lastChanged === undefined ? null : instantOf(lastChanged),
        most: MOST_LISTED + 1,
      };
      const found = await store.list(agency.name, filter);
      if (found.length > MOST_LISTED)
        throw new Hi1Refusal(
          'general',
          `there are more than ${MOST_LISTED}: ask for one ObjectType, or LastChanged`,
        );
      return { id, action: 'LISTResponse', records: found.map(listed) };
    } catch (cause) {
      return refusedAs(id, this.#refusalOf(cause, agency.name));
    }
  }

  /** The message; where it would be too large, objects and lists have no place in it. */
  #encode(header: Hi1Header, payload: Hi1Payload): Uint8Array {
    const whole = encodeHi1Message({ header, payload });
    if (whole.length <= HI1_ANSWER_LIMIT || payload.kind !== 'responses') return whole;
    const actions = payload.actions.map((action): Hi1Response => {
      if (action.action === 'UPDATEResponse')
        return { id: action.id, action: action.action, identifier: action.identifier };
      if (action.action !== 'GETResponse' && action.action !== 'LISTResponse') return action;
      return refusedAs(
        action.id,
        new Hi1Refusal('general', 'the answer would be too large: ask for less at once'),
      );
    });
    return encodeHi1Message({ header, payload: { kind: 'responses', actions } });
  }

  #headerFor(request: Hi1Header | null, agency: Agency): Hi1Header {
    const { own, clock, profile } = this.#options;
    const [first = own] = agency.endpoints;
    const version = request?.version;
    return {
      sender: own,
      receiver: request?.sender ?? first,
      transaction: request?.transaction ?? NO_TRANSACTION,
      timestamp: clock.now(),
      version: {
        etsi: version !== undefined && isSupported(version.etsi) ? version.etsi : 'V1.12.1',
        profileOwner: profile?.owner ?? version?.profileOwner ?? own.CountryCode,
        profileVersion: profile?.version ?? version?.profileVersion ?? 'none',
      },
    };
  }

  #refusalOf(cause: unknown, agency: string): Hi1Refusal {
    if (!(cause instanceof Hi1Refusal)) {
      this.#options.logger.error({ error: cause }, 'a request of HI1 failed');
      return new Hi1Refusal('general', undefined, { cause, outcome: 'failed' });
    }
    if (cause.outcome === 'not-stored')
      this.#options.logger.error({ error: cause.cause }, 'a request of HI1 could not be stored');
    if (cause.outcome === 'full')
      this.#options.logger.error(
        { agency },
        'as many exchanges of this agency are kept as can be: what it asks for is refused',
      );
    return cause;
  }

  #record(event: AuditEvent): void {
    this.#options.audit.append(event);
  }
}

interface Responded {
  readonly payload: Hi1Payload;
  readonly outcome: Hi1Outcome;
  /** The answer as it is on record. */
  readonly stored?: Uint8Array;
}

function responseTo(action: Hi1Request, outcome: StoredObject | Hi1Refusal, refused: boolean): Hi1Response {
  const { id } = action;
  if (outcome instanceof Hi1Refusal) return refusedAs(id, outcome);
  if (refused)
    return refusedAs(id, new Hi1Refusal('general', 'not done: another action of this message was refused'));
  const { identifier } = outcome.object;
  return action.action === 'UPDATE'
    ? { id, action: 'UPDATEResponse', identifier, object: published(outcome) }
    : { id, action: 'CREATEResponse', identifier };
}

/** Objects that are in an answer. */
function shownIn(responses: readonly Hi1Response[]): string[] {
  return responses.flatMap((each) =>
    each.action === 'GETResponse' && each.object.kind !== 'other' ? each.object.identifier : [],
  );
}

function refusedAs(id: string, refusal: Hi1Refusal): Hi1Response {
  return { id, action: 'ErrorInformation', ...refusal.information };
}

function kindOf(entry: DictionaryEntry | undefined) {
  if (entry === undefined) return null;
  const kind = kindOfWord(entry, HI1_OBJECT_KINDS);
  if (kind === null) throw new Hi1Refusal('unsupported', 'there are no objects of this ObjectType here');
  return kind;
}

function isSame(one: Hi1Endpoint, other: Hi1Endpoint): boolean {
  return one.CountryCode === other.CountryCode && one.UniqueIdentifier === other.UniqueIdentifier;
}

function isSupported(version: string): boolean {
  const [, ...parts] = /^V([0-9]{1,4})\.([0-9]{1,4})\.([0-9]{1,4})$/.exec(version) ?? [];
  const own = parts.map(Number);
  return own.length === 3 && compare(own, OLDEST) >= 0 && compare(own, NEWEST) <= 0;
}

function compare(one: readonly number[], other: readonly number[]): number {
  const at = one.findIndex((part, index) => part !== other[index]);
  return at < 0 ? 0 : (one[at] ?? 0) - (other[at] ?? 0);
}

function digestOf(octets: Uint8Array): string {
  return toHex(createHash('sha256').update(octets).digest());
}

function summaryOf(actions: readonly Hi1Request[]): string {
  const text = actions.map((action) => {
    if ('object' in action) return `${action.action} ${action.object.kind} ${action.object.identifier}`;
    return 'identifier' in action ? `${action.action} ${action.identifier}` : action.action;
  });
  const all = text.join(', ');
  return all.length > MOST_SUMMARY ? `${all.slice(0, MOST_SUMMARY)}…` : all;
}

function outcomeOf(payload: Hi1Payload): string {
  if (payload.kind === 'error') return `error ${payload.error.ErrorCode}`;
  if (payload.kind !== 'responses') return '';
  if (payload.actions.length === 0) return 'as before';
  const codes = payload.actions.flatMap((action) =>
    action.action === 'ErrorInformation' ? action.ErrorCode : [],
  );
  return codes.length === 0 ? 'done' : `errors ${[...new Set(codes)].join(' ')}`;
}
