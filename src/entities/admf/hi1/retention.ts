/**
 * What agencies have brought is kept as long as the warrants that came of it:
 *
 *     task            with its warrant's contents; without a warrant, `retentionMs` after its last change
 *     authorisation   with its last task, if it has come to its end; else that long after its last change
 *     document        with the last object that it is associated with; without any, that long after its last change
 *     notification    with what it is about
 *     exchange        with any object of which its answer tells
 *
 * It is on record first.
 */
import type { AuditEvent } from '../../../evidence/log.ts';
import { FINAL_STATUSES } from '../../../wire/hi1/dictionaries.ts';
import type { WarrantRecord } from '../warrants.ts';
import type { Hi1Store, StoredObject } from './ports.ts';

export interface Hi1RetentionOptions {
  readonly store: Hi1Store;
  readonly audit: { append(event: AuditEvent): unknown };
  /** Milliseconds from a warrant's end until its contents are deleted. */
  readonly retentionMs: number;
  /** The task's warrant; `null`: there is none. */
  readonly recordOf: (task: StoredObject) => WarrantRecord | null;
}

/** Of objects, in one record of the audit log. */
const MOST_NAMED = 50;

export class Hi1Retention {
  readonly #options: Hi1RetentionOptions;

  constructor(options: Hi1RetentionOptions) {
    this.#options = options;
  }

  /** LIIDs of tasks whose warrants' contents are deleted, and theirs not yet: a crash has left them. */
  async overdue(): Promise<string[]> {
    const tasks = await this.#options.store.closedTasks();
    return tasks.flatMap((task) =>
      this.#options.recordOf(task)?.erased === true ? (task.task?.wish.warrant.liid ?? []) : [],
    );
  }

  /** Erases the task, if its warrant's contents are deleted, and what was there for it alone. */
  async followWarrant(task: StoredObject): Promise<void> {
    if (this.#options.recordOf(task)?.erased === true) await this.#erase(task);
  }

  /** Erases what no warrant has come of, or is left of one, when its time is over. */
  async sweep(now: number): Promise<void> {
    const { store, retentionMs, recordOf } = this.#options;
    for (const object of await store.leftOver(now - retentionMs)) {
      if (object.task !== null && recordOf(object) !== null) continue;
      // It may have gone with one before it.
      if ((await store.find(object.agency, object.object.identifier)) !== null) await this.#erase(object);
    }
  }

  async #erase(first: StoredObject): Promise<void> {
    const { store, audit } = this.#options;
    const { agency } = first;
    const going = new Map([[first.object.identifier, first]]);
    const authorisation = await this.#endedWith(first);
    if (authorisation !== null) going.set(authorisation.object.identifier, authorisation);
    for (const object of [...going.values()])
      for (const document of await this.#documentsOf(object, going))
        going.set(document.object.identifier, document);
    const named = [...going.values()].map(({ object }) => `${object.kind} ${object.identifier}`);
    for (let begin = 0; begin < named.length; begin += MOST_NAMED)
      audit.append({
        kind: 'hi1-erased',
        agency,
        liid: first.task?.wish.warrant.liid ?? '',
        objects: named.slice(begin, begin + MOST_NAMED).join(', '),
      });
    await store.erase(agency, [...going.keys()]);
  }

  /** The task's authorisation, if it has come to its end and this is its last task. */
  async #endedWith({ agency, object, task }: StoredObject): Promise<StoredObject | null> {
    const { store } = this.#options;
    if (task === null) return null;
    const authorisation = await store.find(agency, task.authorisation);
    const status = authorisation?.status ?? null;
    if (status === null || !FINAL_STATUSES.includes(status)) return null;
    const others = await store.tasksOf(agency, task.authorisation);
    return others.every((each) => each.object.identifier === object.identifier) ? authorisation : null;
  }

  /** Documents that are there for it, through other documents too, and for nothing that stays. */
  async #documentsOf(
    { agency, object }: StoredObject,
    going: ReadonlyMap<string, StoredObject>,
  ): Promise<StoredObject[]> {
    const found: StoredObject[] = [];
    for (const each of await this.#options.store.associated(agency, object.identifier))
      if (each.object.kind === 'DocumentObject') found.push(...(await this.#togetherWith(each, going)));
    return found;
  }

  /** The document and those that are associated with it, however far; none of them if one is there for what stays. */
  async #togetherWith(
    document: StoredObject,
    going: ReadonlyMap<string, StoredObject>,
  ): Promise<StoredObject[]> {
    const found = new Map([[document.object.identifier, document]]);
    // What is added to a map while it is walked comes up, too.
    for (const { agency, object } of found.values())
      for (const each of await this.#options.store.associated(agency, object.identifier)) {
        if (going.has(each.object.identifier)) continue;
        if (each.object.kind !== 'DocumentObject') return [];
        found.set(each.object.identifier, each);
      }
    return [...found.values()];
  }
}
