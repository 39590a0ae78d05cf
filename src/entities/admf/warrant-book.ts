/**
 * The warrants on record, and what follows from them without asking anybody: what each element must hold, and when time
 * decides next. On record first (audit log, then store), then in effect.
 */
import type { Random } from '../../bytes/ports.ts';
import { TimeQueue } from '../../bytes/time-queue.ts';
import { recordAll } from '../../evidence/log.ts';
import type { AuditLog } from '../../evidence/log.ts';
import { randomUuid } from '../../x1/requester.ts';
import { AdmfError } from './errors.ts';
import { nextTime } from './life.ts';
import { ElementPlan, requestsFor } from './plan.ts';
import type { AdmfState, AdmfStore } from './ports.ts';
import { requireWarrant } from './warrants.ts';
import type { HostPort, WarrantRecord, WarrantState } from './warrants.ts';

export interface WarrantBookOptions {
  /** Where the DF takes X2 and X3. */
  readonly x2x3: HostPort;
  readonly store: AdmfStore;
  readonly audit: AuditLog;
  readonly random: Random;
}

/** What a change of warrants may concern at the elements, and those for which interception has just ended. */
export interface BookChange {
  readonly xids: ReadonlySet<string>;
  readonly dids: ReadonlySet<string>;
  /** XIDs. */
  readonly draining: readonly string[];
}

const EVENTS: Readonly<Record<WarrantState, string>> = {
  approved: 'warrant-accepted',
  provisioning: 'warrant-begun',
  active: 'warrant-activated',
  ending: 'warrant-withdrawn',
  ended: 'warrant-ended',
  failed: 'warrant-failed',
};

export class WarrantBook {
  /** What each element must hold. */
  readonly plan: ElementPlan;
  /** LIIDs by when time alone next decides about them. */
  readonly times = new TimeQueue();
  readonly #options: WarrantBookOptions;
  readonly #byLiid = new Map<string, WarrantRecord>();
  readonly #byXid = new Map<string, WarrantRecord>();
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

  /** Gives every destination of a warrant a DID on record, and checks the warrant by what it leads to. */
  async prepare(record: WarrantRecord, now: number): Promise<void> {
    const { random, store, x2x3 } = this.#options;
    const fresh = new Map<string, string>();
    const didOf = (key: string): string => {
      const did = this.#dids.get(key) ?? fresh.get(key) ?? randomUuid(random);
      if (!this.#dids.has(key)) fresh.set(key, did);
      return did;
    };
    requireWarrant(record.warrant, requestsFor(record, { x2x3, didOf }), now);
    for (const [key, did] of fresh) {
      await store.saveDid(key, did);
      this.#dids.set(key, did);
    }
  }

  async put(records: readonly WarrantRecord[]): Promise<BookChange> {
    recordAll(this.#options.audit, records.map(eventOf));
    await this.#options.store.saveWarrants(records);
    const xids = new Set<string>();
    const dids = new Set<string>();
    const draining: string[] = [];
    for (const record of records) {
      const old = this.#byLiid.get(record.warrant.liid);
      for (const did of this.#enter(record)) dids.add(did);
      for (const { xid } of old === undefined ? [record] : [old, record]) xids.add(xid);
      if (record.state === 'ending' && old?.state !== 'ending') draining.push(record.xid);
    }
    return { xids, dids, draining };
  }

  /** Gives the DIDs that this may concern. */
  #enter(record: WarrantRecord): Set<string> {
    const { liid } = record.warrant;
    const old = this.#byLiid.get(liid);
    if (old !== undefined) this.#byXid.delete(old.xid);
    this.#byLiid.set(liid, record);
    this.#byXid.set(record.xid, record);
    this.times.set(liid, nextTime(record));
    return this.plan.put(old ?? null, record);
  }

  #didOf(key: string): string {
    const did = this.#dids.get(key);
    if (did === undefined) throw new AdmfError('invalid-warrant', `no DID was given to ${key}`);
    return did;
  }
}

function eventOf({ warrant, xid, state, from }: WarrantRecord) {
  return {
    kind: EVENTS[state],
    liid: warrant.liid,
    xid,
    delivery: warrant.delivery,
    start: new Date(from).toISOString(),
    end: new Date(warrant.endTime).toISOString(),
    targets: warrant.targets.map(({ name, value }) => `${name}=${value}`).join(' '),
  };
}
