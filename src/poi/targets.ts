/**
 * Matching targets of X1 tasks with the identities that SIP carries: a P-Asserted-Identity, a From, a tel: URI
 * and a SIP URI with `user=phone` can all name one subscriber. Both sides are reduced to keys, and a target is met
 * where a key is equal:
 *
 *     sip:Alice@Home1.Example:5060;transport=tcp   sip:Alice@home1.example
 *     sips:+1-212-555-0101@home1.example;user=phone   sip:+1-212-555-0101@home1.example, tel:+12125550101
 *     tel:+1-212-555-0101                          tel:+12125550101
 *     tel:0101;phone-context=home1.example         tel:0101;phone-context=home1.example
 *     urn:gsma:imei:35693803-564398-0              imei:35693803564398
 *
 * A SIP URI stands for a telephone number only with `user=phone` (RFC 3261 section 19.1.6): digits alone may be any
 * user's name, and intercepting another subscriber is worse than being told the number as well. Host names compare
 * without case, user parts with case and with escapes undone (section 19.1.4); ports and parameters say where, not
 * who. Local numbers count within their context only (RFC 3966 section 5.1.5).
 *
 * Several identifiers in one task: those that name a subscriber are names of the one target, and any of them will do;
 * the standard leaves what combinations mean to the element. Equipment (IMEI) beside them narrows the task: only that
 * device of the subscriber. Elements refuse other combinations (error 3020).
 */
import { addressOfRecord, parseUri, telNumber } from '../sip/uri.ts';
import type { Uri } from '../sip/uri.ts';
import type { InterceptTask, TargetIdentifier } from '../wire/x1/details.ts';
import type { TaskEvent, TaskTable } from '../x1/tasks.ts';

/** What an identifier says: who the subscriber is, or which equipment. */
export type TargetKind = 'subscriber' | 'equipment';

interface Rule {
  readonly kind: TargetKind;
  readonly keys: (value: string) => string[];
}

/** Target identifiers of X1 that can be recognised in SIP, by their element names. */
const RULES: Readonly<Record<string, Rule>> = {
  sipUri: { kind: 'subscriber', keys: identityKeys },
  telUri: { kind: 'subscriber', keys: identityKeys },
  impu: { kind: 'subscriber', keys: identityKeys },
  e164Number: { kind: 'subscriber', keys: (value) => [`tel:+${value}`] },
  gpsiMsisdn: { kind: 'subscriber', keys: (value) => [`tel:+${value}`] },
  impi: { kind: 'subscriber', keys: privateIdentityKeys },
  imei: { kind: 'equipment', keys: (value) => [`imei:${value}`] },
  peiImei: { kind: 'equipment', keys: (value) => [`imei:${value}`] },
  peiImeiCheckDigit: { kind: 'equipment', keys: (value) => [`imei:${value.slice(0, 14)}`] },
  peiImeisv: { kind: 'equipment', keys: (value) => [`imei:${value.slice(0, 14)}`] },
};

/** The names of identifiers that can be recognised in SIP. */
export const SIP_TARGETS: readonly string[] = Object.keys(RULES);

/** A task that identities matched, and the identifier by which. */
export interface TargetMatch {
  readonly task: InterceptTask;
  readonly matched: TargetIdentifier;
}

/** Keys of a SIP, SIPS or tel URI or IMEI URN, with or without angle brackets; of any other text, itself. */
export function identityKeys(text: string): string[] {
  const bare = text.trim().replace(/^<([^<>]*)>$/, '$1');
  const uri = uriOf(bare);
  if (uri === null) return [bare];
  if (uri.kind === 'tel') return [telKey(uri)];
  if (uri.kind === 'other') return instanceKeys(uri.text) ?? [uri.text];
  return [addressOfRecord(uri), ...phoneKeys(uri)];
}

/** Key of a private identity (the user name of digest credentials). */
export function privateIdentityKeys(impi: string): string[] {
  const at = impi.lastIndexOf('@');
  return [`impi:${at < 0 ? impi : impi.slice(0, at + 1) + impi.slice(at + 1).toLowerCase()}`];
}

/** Key of an instance identifier (`+sip.instance`, RFC 7254), `null` if it names no IMEI. */
export function instanceKeys(urn: string): string[] | null {
  const match = /^<?urn:gsma:imei(?:sv)?:([0-9]{8})-([0-9]{6})-[0-9]{1,2}(?:;[^>]*)?>?$/i.exec(urn.trim());
  return match === null ? null : [`imei:${match[1] ?? ''}${match[2] ?? ''}`];
}

/** What kind of identifier it is; `null` if SIP cannot show it. */
export function targetKind(target: TargetIdentifier): TargetKind | null {
  return rule(target.name)?.kind ?? null;
}

/** Keys of a target identifier; none if SIP cannot show it. */
export function targetKeys(target: TargetIdentifier): string[] {
  return rule(target.name)?.keys(target.value) ?? [];
}

/** Whether one of the identities is one of the task's, and which; `null`: not this task's target. */
export function matchTask(task: InterceptTask, keys: ReadonlySet<string>): TargetIdentifier | null {
  let matched: TargetIdentifier | null = null;
  for (const kind of ['equipment', 'subscriber'] as const) {
    const targets = task.targets.filter((target) => targetKind(target) === kind);
    const met = targets.find((target) => targetKeys(target).some((key) => keys.has(key)));
    if (met === undefined && targets.length > 0) return null;
    matched = met ?? matched;
  }
  return matched;
}

/** The tasks of an element by the identities of their targets, kept up with the table. */
export class TargetIndex {
  readonly #byKey = new Map<string, Set<string>>();
  readonly #table: TaskTable;
  #revision = 0;

  constructor(table: TaskTable) {
    this.#table = table;
    for (const task of table.tasks()) this.#add(task);
    table.subscribe((event) => this.#follow(event));
  }

  /** Grows with every change of a task: matches found before may hold no more. */
  get revision(): number {
    return this.#revision;
  }

  /** Tasks whose target is among the identities: SIP and tel URIs, IMEI URNs; private identities as `impi:…` keys. */
  match(identities: Iterable<string>): TargetMatch[] {
    return this.matchKeys(new Set([...identities].flatMap(identityKeys)));
  }

  /** The same by keys that are at hand. */
  matchKeys(keys: ReadonlySet<string>): TargetMatch[] {
    const xids = new Set([...keys].flatMap((key) => [...(this.#byKey.get(key) ?? [])]));
    const matches: TargetMatch[] = [];
    for (const xid of xids) {
      const task = this.#table.task(xid);
      const matched = task === null ? null : matchTask(task, keys);
      if (task !== null && matched !== null) matches.push({ task, matched });
    }
    return matches;
  }

  #follow(event: TaskEvent): void {
    this.#revision += 1;
    if (event.kind === 'task-activated') this.#add(event.task);
    if (event.kind === 'task-deactivated') this.#remove(event.task);
    if (event.kind === 'task-modified') {
      this.#remove(event.before);
      this.#add(event.task);
    }
  }

  #add(task: InterceptTask): void {
    for (const key of task.targets.flatMap(targetKeys)) {
      const xids = this.#byKey.get(key) ?? new Set();
      this.#byKey.set(key, xids.add(task.xid));
    }
  }

  #remove(task: InterceptTask): void {
    for (const key of task.targets.flatMap(targetKeys)) {
      const xids = this.#byKey.get(key);
      xids?.delete(task.xid);
      if (xids?.size === 0) this.#byKey.delete(key);
    }
  }
}

function rule(name: string): Rule | null {
  return Object.hasOwn(RULES, name) ? (RULES[name] ?? null) : null;
}

function uriOf(text: string): Uri | null {
  try {
    return parseUri(text);
  } catch {
    return null;
  }
}

function telKey(uri: Extract<Uri, { kind: 'tel' }>): string {
  const number = telNumber(uri);
  return number.startsWith('+') ? `tel:${number}` : `tel:${number}${contextOf(uri.params)}`;
}

/** The telephone number of a SIP URI with `user=phone`; its user part is a telephone-subscriber (RFC 3966). */
function phoneKeys(uri: Extract<Uri, { kind: 'sip' }>): string[] {
  const isPhone = uri.params.some(
    ({ name, value }) => name.toLowerCase() === 'user' && value?.toLowerCase() === 'phone',
  );
  const tel = isPhone && uri.user !== null ? uriOf(`tel:${uri.user}`) : null;
  return tel?.kind === 'tel' ? [telKey(tel)] : [];
}

function contextOf(params: readonly { readonly name: string; readonly value: string | null }[]): string {
  const context = params.find(({ name }) => name.toLowerCase() === 'phone-context')?.value ?? '';
  const normal = context.startsWith('+') ? context.replace(/[-.()]/g, '') : context.toLowerCase();
  return `;phone-context=${normal}`;
}
