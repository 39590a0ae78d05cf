/**
 * The audit log: append-only, one JSON line an event, each line bound to all before it by a hash chain, so that a
 * change, a removal or a reordering of what was written is seen by whoever holds a later hash.
 *
 *     hash₀ = SHA-256("claviger audit log v1")
 *     hashₙ = SHA-256(hashₙ₋₁ ‖ UTF-8 of the canonical JSON of { sequence, time, event })
 *
 * A chain alone does not show that the newest lines were cut off; that takes a copy of the last hash elsewhere. A store
 * that can keep one beside the lines does, the entity's own store keeps another (`kept-log.ts`), and a log that
 * ends before one of them, or is gone, is missed.
 *
 * A browser reads logs by this file, too (`console/page/audit-logs.ts`): nothing in it, nor in what it imports, is of
 * Node.js alone.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, concatBytes, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import { ClavigerError, messageOf } from '../bytes/errors.ts';
import type { Clock } from '../bytes/ports.ts';

export type EvidenceErrorCode =
  /** A record does not continue the chain: something was changed, removed or reordered. */
  | 'broken-chain'
  /** A line is not an audit record. */
  | 'malformed'
  /** The log ends before the last record that is known of it: it was removed, or its end was cut off. */
  | 'cut-off'
  /** A record could not be made durable. */
  | 'not-written';

/** An audit log that is not what it claims to be. */
export class EvidenceError extends ClavigerError<EvidenceErrorCode> {}

/** What happened: a kind and flat fields; never a key, seed or password. */
export interface AuditEvent {
  readonly kind: string;
  readonly [field: string]: string | number | boolean | null;
}

export interface AuditRecord {
  readonly sequence: number;
  /** ISO 8601, UTC, milliseconds. */
  readonly time: string;
  readonly event: AuditEvent;
  /** Hex of the chain's hash after this record. */
  readonly hash: string;
}

/**
 * Where lines are kept. `append` takes one or several, and returns only when they are durable, with all that was written
 * before. Where it throws, or `sync` rejects, all lines that were not durable yet are gone.
 */
export interface AuditStore {
  lines(): Iterable<string>;
  append(lines: string): void;
  /** Lines that can be written at once and made durable together with others. */
  readonly later?: {
    write(lines: string): void;
    /** All that was written when it was called is durable when it resolves. */
    sync(): Promise<void>;
  };
  /** What was remembered last; `null`: nothing. */
  head?(): ChainHead | null;
  /** Keeps the end of the chain apart from the lines. It may lag behind them after a crash, never be ahead. */
  remember?(head: ChainHead): void;
}

/** The newest record of a chain. */
export interface ChainHead {
  readonly sequence: number;
  readonly hash: string;
}

/** What the entities see of the log. */
export interface AuditLog {
  /** Records an event; when this returns, it is durable. */
  append(event: AuditEvent): AuditRecord;
  /** Records several, all of them or none; absent: one after the other does. */
  appendAll?(events: readonly AuditEvent[]): void;
  /** Records an event together with those that come meanwhile; when it resolves, it is durable. Nobody else waits for it. */
  appendSoon?(event: AuditEvent): Promise<void>;
}

/** Records an event without holding up others, where the log can do that; it is durable when it resolves. */
export async function recordSoon(
  log: Pick<AuditLog, 'append' | 'appendSoon'>,
  event: AuditEvent,
): Promise<void> {
  if (log.appendSoon === undefined) log.append(event);
  else await log.appendSoon(event);
}

/** Records several events at the cost of one, where the log can do that. */
export function recordAll(log: Pick<AuditLog, 'append' | 'appendAll'>, events: readonly AuditEvent[]): void {
  if (log.appendAll !== undefined && events.length > 1) log.appendAll(events);
  else for (const event of events) log.append(event);
}

const FIRST = bytesToHex(sha256(utf8ToBytes('claviger audit log v1')));

/** How far a chain has come; `time`: of its newest record, ISO 8601. */
interface ChainEnd {
  readonly head: ChainHead | null;
  readonly time: string | null;
}

/** A record that is written, and not known to be durable. */
interface Unsynced {
  readonly sequence: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class HashChainLog implements AuditLog {
  readonly #store: AuditStore;
  readonly #clock: Clock;
  /** What was written; ahead of `#durable` while a sync is under way. */
  #written: ChainEnd = { head: null, time: null };
  #durable: ChainEnd = { head: null, time: null };
  #unsynced: Unsynced[] = [];
  #syncing: Promise<void> | null = null;
  #rollBacks = 0;
  #failure: string | null = null;

  /**
   * @param known a record that is known from elsewhere to have been written
   * @throws EvidenceError if what the store holds is not an unbroken chain, or lacks a record that is known
   */
  constructor(store: AuditStore, clock: Clock, known: ChainHead | null = null) {
    this.#store = store;
    this.#clock = clock;
    for (const record of verifyChain(store.lines(), store.head?.() ?? null, known))
      this.#durable = endOf(record);
    this.#written = this.#durable;
  }

  /** The newest record; `null`: there is none. */
  get head(): ChainHead | null {
    return this.#durable.head;
  }

  /** When the newest record was made, ISO 8601; `null`: there is none. */
  get lastTime(): string | null {
    return this.#durable.time;
  }

  /** Why the last attempt to write failed; `null`: it did not. */
  get failure(): string | null {
    return this.#failure;
  }

  append(event: AuditEvent): AuditRecord {
    const record = nextRecord(this.#written.head, this.#clock.now(), event);
    this.#append([record]);
    return record;
  }

  appendAll(events: readonly AuditEvent[]): void {
    const records: AuditRecord[] = [];
    let last = this.#written.head;
    for (const event of events) {
      const record = nextRecord(last, this.#clock.now(), event);
      records.push(record);
      last = record;
    }
    this.#append(records);
  }

  async appendSoon(event: AuditEvent): Promise<void> {
    const { later } = this.#store;
    if (later === undefined) {
      this.append(event);
      return;
    }
    const record = nextRecord(this.#written.head, this.#clock.now(), event);
    this.#attempt(() => later.write(JSON.stringify(record)));
    this.#written = endOf(record);
    const durable = new Promise<void>((resolve, reject) => {
      this.#unsynced.push({ sequence: record.sequence, resolve, reject });
    });
    this.#syncing ??= this.#sync(() => later.sync()).finally(() => (this.#syncing = null));
    await durable;
  }

  /** Resolves when nothing is on its way to the store. */
  async settled(): Promise<void> {
    await this.#syncing;
  }

  /** What comes while one sync runs is for the next. */
  async #sync(sync: () => Promise<void>): Promise<void> {
    while (this.#unsynced.length > 0) {
      // What comes at the same moment goes together.
      await Promise.resolve();
      const [end, rollBacks] = [this.#written, this.#rollBacks];
      try {
        await sync();
        if (rollBacks === this.#rollBacks) this.#advance(end);
      } catch (error) {
        this.#rollBack(error);
      }
    }
  }

  /** All of them, or nothing. */
  #append(records: readonly AuditRecord[]): void {
    const last = records.at(-1);
    if (last === undefined) return;
    this.#attempt(() => this.#store.append(records.map((record) => JSON.stringify(record)).join('\n')));
    this.#written = endOf(last);
    this.#advance(this.#written);
  }

  #attempt(write: () => void): void {
    try {
      write();
    } catch (error) {
      this.#rollBack(error);
      throw error;
    }
  }

  /** The chain ends where it is known to be durable; what was written after that is not on record. */
  #rollBack(error: unknown): void {
    this.#failure = messageOf(error);
    this.#rollBacks += 1;
    this.#written = this.#durable;
    for (const { reject } of this.#unsynced.splice(0)) reject(error);
  }

  /** All records up to `end` are durable. */
  #advance(end: ChainEnd): void {
    this.#failure = null;
    if (end.head === null || end.head.sequence <= (this.#durable.head?.sequence ?? -1)) return;
    const { sequence } = end.head;
    this.#durable = end;
    this.#store.remember?.(end.head);
    const isDurable = (each: Unsynced): boolean => each.sequence <= sequence;
    for (const { resolve } of this.#unsynced.filter(isDurable)) resolve();
    this.#unsynced = this.#unsynced.filter((each) => !isDurable(each));
  }
}

function endOf({ sequence, hash, time }: AuditRecord): ChainEnd {
  return { head: { sequence, hash }, time };
}

/** The record of an event that continues a chain. @param last `null`: it is the first @param now Unix milliseconds */
export function nextRecord(last: ChainHead | null, now: number, event: AuditEvent): AuditRecord {
  const body = { sequence: (last?.sequence ?? -1) + 1, time: new Date(now).toISOString(), event };
  return { ...body, hash: chained(last?.hash ?? FIRST, body) };
}

/** A chain as far as it has been read: each record is checked against all before it. */
export class ChainReader {
  #hash = FIRST;
  #sequence = 0;

  /** The last record that was read; `null`: none was. */
  get head(): ChainHead | null {
    return this.#sequence === 0 ? null : { sequence: this.#sequence - 1, hash: this.#hash };
  }

  /** The next record. @throws EvidenceError where the line is not it; then it is as if it had not been read */
  read(line: string): AuditRecord {
    const record = readRecord(line, this.#sequence);
    const { hash: claimed, ...body } = record;
    if (record.sequence !== this.#sequence || chained(this.#hash, body) !== claimed) {
      throw new EvidenceError('broken-chain', `audit record ${this.#sequence} does not continue the chain`);
    }
    this.#hash = claimed;
    this.#sequence += 1;
    return record;
  }
}

/**
 * The records of a chain, in order, each checked as it is read.
 * @param known records that it must have
 * @throws EvidenceError at the first that is wrong, `cut-off` at the end if it comes before one that is known
 */
export function* verifyChain(
  lines: Iterable<string>,
  ...known: readonly (ChainHead | null)[]
): Generator<AuditRecord> {
  const chain = new ChainReader();
  for (const line of lines) {
    const record = chain.read(line);
    const { sequence, hash } = record;
    if (known.some((head) => head?.sequence === sequence && head.hash !== hash)) {
      throw new EvidenceError('broken-chain', `audit record ${sequence} is not the one that was written`);
    }
    yield record;
  }
  const end = chain.head?.sequence ?? -1;
  const missing = known.find((head) => head !== null && head.sequence > end);
  if (missing !== undefined && missing !== null) {
    throw new EvidenceError(
      'cut-off',
      `the audit log ends before record ${missing.sequence}, which is known to have been written`,
    );
  }
}

function chained(previous: string, body: Omit<AuditRecord, 'hash'>): string {
  const canonical = JSON.stringify({ sequence: body.sequence, time: body.time, event: sorted(body.event) });
  return bytesToHex(sha256(concatBytes(hexToBytes(previous), utf8ToBytes(canonical))));
}

function sorted(event: AuditEvent): Record<string, unknown> {
  return Object.fromEntries(Object.entries(event).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** A record from its line, by itself. @param place which it should be, for errors @throws EvidenceError `malformed` */
export function readRecord(line: string, place: number): AuditRecord {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new EvidenceError('malformed', `audit record ${place} is not JSON`, { cause });
  }
  if (isRecord(value)) return value;
  throw new EvidenceError('malformed', `audit record ${place} is not of the form that is written`);
}

/**
 * Exactly what is written: a member beside these would not be under the hash. By hand, since forms of JSON are compiled
 * (`bytes/schema.ts`), which the policy of the console's page does not allow.
 */
function isRecord(value: unknown): value is AuditRecord {
  if (!isObject(value)) return false;
  const { sequence, time, event, hash, ...others } = value;
  return (
    Object.keys(others).length === 0 &&
    Number.isInteger(sequence) &&
    Number(sequence) >= 0 &&
    typeof time === 'string' &&
    isEvent(event) &&
    typeof hash === 'string' &&
    /^[0-9a-f]{64}$/.test(hash)
  );
}

function isEvent(value: unknown): value is AuditEvent {
  if (!isObject(value) || typeof value['kind'] !== 'string') return false;
  return Object.values(value).every(
    (field) => field === null || ['string', 'number', 'boolean'].includes(typeof field),
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
