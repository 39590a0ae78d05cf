/**
 * Matching targets of X1 tasks with the identities that SIP carries: both sides are reduced to keys
 * (`sip/identity-keys.ts`), and a target is met where a key is equal.
 *
 * Several identifiers in one task: those that name a subscriber are names of the one target, and any of them will do;
 * the standard leaves what combinations mean to the element. Equipment (IMEI) beside them narrows the task: only that
 * device of the subscriber. Elements refuse other combinations (error 3020).
 */
import type { InterceptTask } from '../wire/x1/details.ts';
import type { TargetIdentifier } from '../wire/x1/target-identifiers.ts';
import { targetKeys, targetKind } from '../x1/target-keys.ts';
import type { TaskEvent } from '../x1/task-changes.ts';
import type { TaskTable } from '../x1/tasks.ts';
import { identityKeys } from '../sip/identity-keys.ts';

/** A task that identities matched, and the identifier by which. */
export interface TargetMatch {
  readonly task: InterceptTask;
  readonly matched: TargetIdentifier;
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
