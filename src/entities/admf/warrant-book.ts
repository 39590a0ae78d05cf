/**
 * The warrants on record, and what follows from them without asking anybody: what each element must hold, and when time
 * decides next. On record first (audit log, then store), then in effect.
 */
import type { Random } from '../../bytes/ports.ts';
import { TimeQueue } from '../../bytes/time-queue.ts';
import { present } from '../../bytes/present.ts';
import { recordAll } from '../../evidence/log.ts';
import type { AuditEvent, AuditLog } from '../../evidence/log.ts';
import { randomUuid } from '../../x1/requester.ts';
import { AdmfError } from './errors.ts';
import { nextTime } from './life.ts';
import { ElementPlan, requestsFor } from './plan.ts';
import type { AdmfState, AdmfStore } from './ports.ts';
import { isDraining, isOpen, lemfOf, requireWarrant, xidsOf } from './warrants.ts';
import type { HistoryEntry, HistoryNote, HostPort, WarrantChange, WarrantRecord } from './warrants.ts';

export interface WarrantBookOptions {
  /** Where the DF takes X2 and X3. */
  readonly x2x3: HostPort;
  readonly store: AdmfStore;
  readonly audit: AuditLog;
  readonly random: Random;
  /** Milliseconds from a warrant's end until its contents are deleted. */
  readonly retentionMs: number;
}

/** What a change of warrants may concern at the elements, and those for which interception has just ended. */
export interface BookChange {
  readonly xids: ReadonlySet<string>;
  readonly dids: ReadonlySet<string>;
  readonly draining: readonly WarrantRecord[];
}

/** Tells of a warrant that has changed, after it is on record; `before` is `null` for one that is new. */
export type WarrantListener = (
  record: WarrantRecord,
  before: WarrantRecord | null,
  entries: readonly HistoryEntry[],
) => void;

export class WarrantBook {
  /** What each element must hold. */
  readonly plan: ElementPlan;
  /** LIIDs by when time alone next decides about them. */
  readonly times = new TimeQueue();
  readonly #options: WarrantBookOptions;
  readonly #byLiid = new Map<string, WarrantRecord>();
  readonly #byXid = new Map<string, WarrantRecord>();
  readonly #byReference = new Map<string, WarrantRecord>();
  readonly #listeners = new Set<WarrantListener>();
  readonly #dids: Map<string, string>;

  constructor(options: WarrantBookOptions, { warrants, dids }: AdmfState) {
    this.#options = options;
    this.#dids = new Map(dids);
    this.plan = new ElementPlan({ x2x3: options.x2x3, didOf: (key) => this.#didOf(key) });
    for (const record of warrants) this.#enter(record);
  }

  find(liid: string): WarrantRecord | undefined {
    return this.#byLiid.get(liid);
  }

  /** The warrant of an XID; `null`: none of ours. */
  ofXid(xid: string): WarrantRecord | null {
    return this.#byXid.get(xid) ?? null;
  }

  list(): WarrantRecord[] {
    return [...this.#byLiid.values()];
  }

  liids(): Iterable<string> {
    return this.#byLiid.keys();
  }

  /** @returns `null`: nobody has entered a warrant under that name */
  ofReference(reference: string): WarrantRecord | null {
    return this.#byReference.get(reference) ?? null;
  }

  history(liid: string): Promise<HistoryEntry[]> {
    return this.#options.store.history(liid);
  }

  /** @returns ends it */
  subscribe(listener: WarrantListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Checks what is new of a warrant by what it leads to, and gives its destinations DIDs on record if it is to be
   * carried out.
   * @throws AdmfError `invalid-warrant`
   */
  async prepare({ record, wouldBe }: WarrantChange, now: number): Promise<void> {
    const { store } = this.#options;
    const old = this.#byLiid.get(record.warrant.liid);
    if (wouldBe !== undefined) this.#check(wouldBe, now);
    const wasCarried = old?.xid === record.xid && old.state !== 'draft' && old.state !== 'submitted';
    if (!isOpen(record) || (wasCarried && old.warrant === record.warrant)) return;
    const fresh = this.#check(record, now);
    if (record.state === 'draft' || record.state === 'submitted') return;
    for (const [key, did] of fresh) {
      await store.saveDid(key, did);
      this.#dids.set(key, did);
    }
  }

  /** Puts it on record: first the audit log, then the store, then what follows from it. */
  async put(changes: readonly WarrantChange[], now: number): Promise<BookChange> {
    const numbered = changes.map(({ record, notes }) => {
      const before = this.#byLiid.get(record.warrant.liid) ?? null;
      const after = { ...record, version: (before?.version ?? 0) + 1 };
      return { before, record: after, entries: notes.map((note) => entryOf(after, note, now)) };
    });
    const records = numbered.map(({ record }) => record);
    const { audit, store } = this.#options;
    recordAll(
      audit,
      numbered.flatMap(({ record, entries }) => entries.map((entry) => eventOf(record, entry))),
    );
    await store.saveWarrants(
      records,
      numbered.flatMap(({ entries }) => entries),
    );
    const xids = new Set<string>();
    const dids = new Set<string>();
    const draining: WarrantRecord[] = [];
    for (const { before, record, entries } of numbered) {
      for (const did of this.#enter(record)) dids.add(did);
      for (const each of before === null ? [record] : [before, record])
        for (const xid of xidsOf(each)) xids.add(xid);
      if (isDraining(record) && before?.drainUntil !== record.drainUntil) draining.push(record);
      for (const tell of this.#listeners) tell(record, before, entries);
    }
    return { xids, dids, draining };
  }

  /** The DIDs that it would need besides those that were given. */
  #check(record: WarrantRecord, now: number): ReadonlyMap<string, string> {
    const { random, x2x3 } = this.#options;
    const fresh = new Map<string, string>();
    const didOf = (key: string): string => {
      const did = this.#dids.get(key) ?? fresh.get(key) ?? randomUuid(random);
      if (!this.#dids.has(key)) fresh.set(key, did);
      return did;
    };
    requireWarrant(record.warrant, requestsFor(record, { x2x3, didOf }), now);
    return fresh;
  }

  /** Gives the DIDs that this may concern. */
  #enter(record: WarrantRecord): Set<string> {
    const { liid } = record.warrant;
    const old = this.#byLiid.get(liid);
    if (old !== undefined) for (const xid of xidsOf(old)) this.#byXid.delete(xid);
    if (typeof old?.reference === 'string') this.#byReference.delete(old.reference);
    this.#byLiid.set(liid, record);
    for (const xid of xidsOf(record)) this.#byXid.set(xid, record);
    if (record.reference !== null) this.#byReference.set(record.reference, record);
    this.times.set(liid, nextTime(record, this.#options.retentionMs));
    return this.plan.put(old ?? null, record);
  }

  #didOf(key: string): string {
    const did = this.#dids.get(key);
    if (did === undefined) throw new AdmfError('invalid-warrant', `no DID was given to ${key}`);
    return did;
  }
}

function entryOf({ warrant, xid, version }: WarrantRecord, note: HistoryNote, at: number): HistoryEntry {
  return { liid: warrant.liid, xid, at, version, ...note };
}

function eventOf(
  { warrant, xid, from }: WarrantRecord,
  { act, state, by, reason, detail }: HistoryEntry,
): AuditEvent {
  return {
    kind: `warrant-${act}`,
    liid: warrant.liid,
    xid,
    state,
    ...present({ by, reason, change: detail }),
    delivery: warrant.delivery,
    ...present({ xk: lemfOf(warrant) }),
    start: new Date(from).toISOString(),
    end: new Date(warrant.endTime).toISOString(),
    targets: warrant.targets.map(({ name, value }) => `${name}=${value}`).join(' '),
  };
}
