/**
 * What the CREATEs and UPDATEs of one message make of an agency's objects. Nothing is stored here: the plan looks at
 * the store through what it has changed itself, and whoever made it stores all of it or nothing.
 */
import { HI1_ERRORS } from '../../../wire/hi1/error-codes.ts';
import type { DictionaryEntry, Hi1Endpoint } from '../../../wire/hi1/common.ts';
import { FINAL_STATUSES } from '../../../wire/hi1/dictionaries.ts';
import type { Hi1KnownObject, Hi1Object, Hi1ObjectOf } from '../../../wire/hi1/objects.ts';
import { AdmfError } from '../errors.ts';
import { isOpen } from '../warrants.ts';
import type { Warrant, WarrantRecord } from '../warrants.ts';
import type { Agency, Hi1Store, StoredObject, TaskWish } from './ports.ts';
import { Hi1Refusal } from './refusal.ts';
import { spanOf, warrantOf, wordOf } from './task-warrants.ts';
import type { AuthorisationMembers, DeliverySetting, TaskMembers } from './task-warrants.ts';

export interface PlanContext {
  readonly agency: Agency;
  /** Who sends. */
  readonly sender: Hi1Endpoint;
  /** The one reading of the clock, Unix milliseconds. */
  readonly now: number;
  readonly store: Hi1Store;
  readonly setting: DeliverySetting;
  /** Warrants on record, by LIID; `null`: none. */
  readonly findWarrant: (liid: string) => WarrantRecord | null;
  /** @throws AdmfError `invalid-warrant` if it is not one that could be carried out */
  readonly checkWarrant: (warrant: Warrant, now: number) => void;
}

/** Objects of an agency at most. */
const MOST_OBJECTS = 200_000;

export class ChangePlan {
  readonly #context: PlanContext;
  readonly #changed = new Map<string, StoredObject>();
  /** Identifiers of objects whose creation was refused. */
  readonly #refused = new Set<string>();
  #created = 0;

  constructor(context: PlanContext) {
    this.#context = context;
  }

  /** The agency's name. */
  get agency(): string {
    return this.#context.agency.name;
  }

  /** What is to be stored. */
  get objects(): StoredObject[] {
    return [...this.#changed.values()];
  }

  /** @throws Hi1Refusal */
  async create(object: Hi1Object): Promise<StoredObject> {
    try {
      const stored = await this.#create(requireOurs(object));
      this.#changed.set(object.identifier, stored);
      return stored;
    } catch (error) {
      this.#refused.add(object.identifier);
      throw error;
    }
  }

  /** @param extending whether an authorisation is to end later by it @throws Hi1Refusal */
  async update(object: Hi1Object, { extending = false } = {}): Promise<StoredObject> {
    const { now } = this.#context;
    const current = await this.find(object.identifier);
    if (current === null) throw new Hi1Refusal('unknownForUpdate');
    if (current.object.kind !== object.kind)
      throw new Hi1Refusal('improperValue', `this object is a ${current.object.kind}`);
    const { Generation } = object.members;
    if (Generation !== undefined && BigInt(Generation) !== BigInt(current.generation))
      throw new Hi1Refusal('staleGeneration', `the object’s generation is ${current.generation}`);
    if (current.status !== null && FINAL_STATUSES.includes(current.status))
      throw new Hi1Refusal('finalState', `the object is ${current.status}`);
    requireUnchanged(current, object);
    requireCarriedOut(object, membersIn(current.object));
    if (extending) requireLater(current.object, object);
    await this.#requireLinks(object);
    const merged = {
      ...current.object,
      members: { ...current.object.members, ...withoutOurs(object) },
      unknown: object.unknown.length > 0 ? object.unknown : current.object.unknown,
    } as Hi1KnownObject;
    const next = { ...current, object: merged, generation: current.generation + 1, lastChanged: now };
    this.#changed.set(object.identifier, next);
    if (merged.kind === 'LITaskObject') {
      const task = await this.#wanted(merged.members, next);
      const stored = { ...next, task };
      this.#changed.set(object.identifier, stored);
      return stored;
    }
    if (merged.kind === 'AuthorisationObject') await this.#updateTasks(next, merged.members);
    return next;
  }

  /** The object as it is with what is planned; `null`: none of this agency's. */
  async find(identifier: string): Promise<StoredObject | null> {
    const { store, agency } = this.#context;
    return this.#changed.get(identifier) ?? (await store.find(agency.name, identifier));
  }

  async #create(object: Hi1KnownObject): Promise<StoredObject> {
    const { agency, sender, now, store } = this.#context;
    if (object.kind === 'NotificationObject')
      throw new Hi1Refusal('unsupported', 'notifications are made here, not there');
    if ((await this.find(object.identifier)) !== null) throw new Hi1Refusal('exists');
    this.#created += 1;
    if ((await store.count(agency.name)) + this.#created > MOST_OBJECTS)
      throw new Hi1Refusal(
        'general',
        `there are ${MOST_OBJECTS} objects of this agency, which is as many as are kept`,
      );
    requireOursAbsent(object);
    requireCarriedOut(object, {});
    const { CountryCode = sender.CountryCode, OwnerIdentifier = sender.UniqueIdentifier } = object.members;
    if (
      !agency.endpoints.some(
        (each) => each.CountryCode === CountryCode && each.UniqueIdentifier === OwnerIdentifier,
      )
    )
      throw new Hi1Refusal('improperValue', 'the owner is not the sender');
    await this.#requireLinks(object);
    const members = { CountryCode, OwnerIdentifier, ...withoutOurs(object) };
    const whole = { ...object, members } as Hi1KnownObject;
    const base = { agency: agency.name, object: whole, generation: 1, lastChanged: now, reason: null };
    if (whole.kind === 'DocumentObject') return { ...base, status: null, task: null };
    if (whole.kind === 'AuthorisationObject') {
      this.#requireAuthorisation(whole.members);
      return { ...base, status: 'AwaitingApproval', task: null };
    }
    const fresh: StoredObject = { ...base, status: 'AwaitingApproval', task: null };
    if (whole.kind !== 'LITaskObject') return fresh;
    const task = await this.#wanted(whole.members, fresh);
    await this.#requireFree(task.wish.warrant.liid);
    return { ...fresh, task };
  }

  /** What an agency wants of a task, from the task and its authorisation. */
  async #wanted(members: TaskMembers, stored: StoredObject): Promise<NonNullable<StoredObject['task']>> {
    const { now, setting, checkWarrant, findWarrant } = this.#context;
    const authorisation = await this.#authorisationOf(members, stored);
    const of = authorisation.object.members;
    const before = stored.task?.wish ?? null;
    const began = before?.warrant.startTime ?? now;
    const warrant = warrantOf(members, of, { began, setting });
    const own = desiredOf(members.DesiredStatus, 'TaskDesiredStatus');
    const all = desiredOf(of.AuthorisationDesiredStatus, 'AuthorisationDesiredStatus');
    const desired = strictest(own, all);
    const wish: TaskWish = { warrant, desired, emergency: isEmergency(of, members) };
    if (desired !== 'Cancelled' && differs(before, wish)) {
      const record = before === null ? null : findWarrant(warrant.liid);
      if (record !== null && record.pending !== null)
        throw new Hi1Refusal('changeNotAllowed', 'a change of this task waits for approval');
      try {
        checkWarrant(warrant, now);
      } catch (cause) {
        if (cause instanceof AdmfError) throw new Hi1Refusal('improperValue', cause.message, { cause });
        throw cause;
      }
    }
    return { authorisation: authorisation.object.identifier, wish, due: 'all' };
  }

  async #authorisationOf(
    { AssociatedObjects = [] }: TaskMembers,
    stored: StoredObject,
  ): Promise<StoredObject & { readonly object: Hi1ObjectOf<'AuthorisationObject'> }> {
    const found: StoredObject[] = [];
    for (const identifier of AssociatedObjects) {
      const object = await this.find(identifier);
      if (object?.object.kind === 'AuthorisationObject') found.push(object);
    }
    const [authorisation, ...others] = found;
    if (authorisation?.object.kind !== 'AuthorisationObject')
      throw new Hi1Refusal('elementMissing', 'AssociatedObjects does not name the task’s authorisation');
    if (others.length > 0) throw new Hi1Refusal('improperValue', 'a task has one authorisation');
    const { object } = authorisation;
    if (stored.task !== null && stored.task.authorisation !== object.identifier)
      throw new Hi1Refusal('changeNotAllowed', 'a task stays with its authorisation');
    return { ...authorisation, object };
  }

  /** What changes of an authorisation changes its tasks. */
  async #updateTasks(authorisation: StoredObject, members: AuthorisationMembers): Promise<void> {
    const { agency, store } = this.#context;
    this.#requireAuthorisation(members);
    for (const each of await store.tasksOf(agency.name, authorisation.object.identifier)) {
      const task = (await this.find(each.object.identifier)) ?? each;
      if (task.object.kind !== 'LITaskObject') continue;
      if (task.status !== null && FINAL_STATUSES.includes(task.status)) continue;
      const wanted = await this.#wanted(task.object.members, task);
      this.#changed.set(task.object.identifier, { ...task, task: wanted });
    }
  }

  #requireAuthorisation(members: AuthorisationMembers): void {
    const { end } = spanOf(members.AuthorisationTimespan);
    const desired = desiredOf(members.AuthorisationDesiredStatus, 'AuthorisationDesiredStatus');
    if (desired !== 'Cancelled' && end !== null && end <= this.#context.now)
      throw new Hi1Refusal('improperValue', 'the authorisation has ended');
  }

  /** LIIDs of tasks that may still come to something, here or with officers, are taken. */
  async #requireFree(liid: string): Promise<void> {
    const { store, findWarrant } = this.#context;
    const record = findWarrant(liid);
    const isFree = record === null || record.state === 'rejected' || record.state === 'failed';
    const waiting = [...(await store.tasksWith(liid)), ...this.#changed.values()].some(
      ({ task }) => task?.wish.warrant.liid === liid && task.due !== 'nothing',
    );
    if (!isFree || waiting || (record !== null && isOpen(record)))
      throw new Hi1Refusal('improperValue', 'Reference: this LIID is taken');
  }

  async #requireLinks({ members: { AssociatedObjects = [] } }: Hi1KnownObject): Promise<void> {
    for (const identifier of AssociatedObjects) {
      if (this.#refused.has(identifier)) throw new Hi1Refusal('linkRefused');
      const linked = await this.find(identifier);
      if (linked === null)
        throw new Hi1Refusal('linkUnresolved', `${identifier}: ${HI1_ERRORS.linkUnresolved.text}`);
      if (linked.status !== null && FINAL_STATUSES.includes(linked.status))
        throw new Hi1Refusal('linkExpired', `${identifier} is ${linked.status}`);
    }
  }
}

function requireOurs(object: Hi1Object): Hi1KnownObject {
  if (object.kind !== 'other') return object;
  throw new Hi1Refusal(
    'unsupported',
    `objects of type ${object.element.type?.name ?? '?'} are not supported`,
  );
}

/** Members that only we set. */
const OURS = [
  'Generation',
  'LastChanged',
  'AuthorisationStatus',
  'AuthorisationInvalidReason',
  'Status',
  'InvalidReason',
];
const STATUSES = OURS.slice(2);

function membersIn(object: Hi1KnownObject): Readonly<Record<string, unknown>> {
  return object.members;
}

function withoutOurs(object: Hi1KnownObject): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(membersIn(object)).filter(([name]) => !OURS.includes(name)));
}

function requireOursAbsent(object: Hi1KnownObject): void {
  const found = [...STATUSES, 'Generation'].find((name) => membersIn(object)[name] !== undefined);
  if (found !== undefined) throw new Hi1Refusal('improperValue', `${found} is set here, not there`);
}

/** What narrows a task and is not carried out here: who passed it over would intercept more than was authorised. */
const NARROWING: Readonly<Record<string, (task: TaskMembers) => unknown>> = {
  ServiceType: ({ TargetIdentifier }) => TargetIdentifier?.ServiceType,
  ListOfTrafficPolicyReferences: (task) => task.ListOfTrafficPolicyReferences,
};

/** @param before what is on record of it, and goes on as it was taken then @throws Hi1Refusal `unsupported` */
function requireCarriedOut(object: Hi1KnownObject, before: TaskMembers): void {
  if (object.kind !== 'LITaskObject') return;
  for (const [name, of] of Object.entries(NARROWING)) {
    const wanted = of(object.members);
    if (wanted !== undefined && JSON.stringify(wanted) !== JSON.stringify(of(before)))
      throw new Hi1Refusal('unsupported', `${name}: a task is not narrowed by it here`);
  }
}

/** Members of a task and of all objects that stay as they were created. */
const FIXED = ['CountryCode', 'OwnerIdentifier', 'Reference', 'TargetIdentifier'];

/** @throws Hi1Refusal `changeNotAllowed` */
function requireUnchanged(current: StoredObject, object: Hi1Object): asserts object is Hi1KnownObject {
  if (object.kind === 'other') throw new Hi1Refusal('unsupported');
  const before = membersIn(current.object);
  for (const [name, value] of Object.entries(membersIn(object))) {
    const isStatus = STATUSES.includes(name) && valueOf(value) !== current.status;
    const isOther = JSON.stringify(value) !== JSON.stringify(before[name]);
    const isFixed = FIXED.includes(name) && isOther;
    if (isStatus || isFixed) throw new Hi1Refusal('changeNotAllowed', `${name} cannot be changed`);
    const isOfNotice =
      object.kind === 'NotificationObject' && !OURS.includes(name) && name !== 'NewNotification';
    if (isOfNotice && isOther) throw noticeIsFixed();
  }
  for (const span of ['AuthorisationTimespan', 'Timespan']) {
    const [was, is] = [startOf(before[span]), startOf(membersIn(object)[span])];
    if (is !== undefined && is !== was)
      throw new Hi1Refusal('changeNotAllowed', `${span}: StartTime cannot be changed`);
  }
}

/** @throws Hi1Refusal `improperValue` */
function requireLater(before: Hi1KnownObject, after: Hi1KnownObject): void {
  if (before.kind !== 'AuthorisationObject' || after.kind !== 'AuthorisationObject') return;
  const [was, is] = [before, after].map(
    ({ members }) => spanOf({ ...members.AuthorisationTimespan, StartTime: undefined }).end,
  );
  if (was !== null && (is ?? 0) <= (was ?? 0))
    throw new Hi1Refusal('improperValue', 'an extension ends later than the authorisation does');
}

function valueOf(entry: unknown): unknown {
  return typeof entry === 'object' && entry !== null && 'Value' in entry ? entry.Value : entry;
}

function startOf(span: unknown): unknown {
  return typeof span === 'object' && span !== null && 'StartTime' in span ? span.StartTime : undefined;
}

/** @throws Hi1Refusal `improperValue` */
function desiredOf(entry: DictionaryEntry | undefined, dictionary: string): TaskWish['desired'] {
  if (entry === undefined) return 'Active';
  switch (wordOf(entry, dictionary)) {
    case 'Active':
    case 'Approved':
      return 'Active';
    case 'Suspended':
      return 'Suspended';
    case 'Cancelled':
      return 'Cancelled';
    default:
      throw new Hi1Refusal('improperValue', `${dictionary} is Active or Approved, Suspended or Cancelled`);
  }
}

function strictest(...wishes: readonly TaskWish['desired'][]): TaskWish['desired'] {
  return (['Cancelled', 'Suspended'] as const).find((each) => wishes.includes(each)) ?? 'Active';
}

function isEmergency(authorisation: AuthorisationMembers, task: TaskMembers): boolean {
  const { AuthorisationFlags = [], AuthorisationApprovalDetails = [] } = authorisation;
  const flags = [...AuthorisationFlags, ...(task.Flags ?? [])];
  const approvals = [...AuthorisationApprovalDetails, ...(task.ApprovalDetails ?? [])];
  return (
    flags.some(({ Value }) => Value === 'IsEmergency') ||
    approvals.some(({ ApprovalIsEmergency }) => ApprovalIsEmergency === true)
  );
}

function differs(before: TaskWish | null, after: TaskWish): boolean {
  return JSON.stringify(before?.warrant) !== JSON.stringify(after.warrant);
}

function noticeIsFixed(): Hi1Refusal {
  return new Hi1Refusal('changeNotAllowed', 'of a notification, NewNotification alone can be changed');
}
