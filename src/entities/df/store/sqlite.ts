/**
 * The DF's SQLite database: the mediation's state and the outbox in one file, so that one transaction covers what a
 * group of batches of PDUs changes. Write-ahead log with `synchronous = FULL`: what `commit` has returned from survives
 * the loss of the process and of power. A thread of its own writes; what comes meanwhile, acknowledgements of LEMFs too,
 * is written together (`storage/group-commit.ts`).
 *
 * Content is no row: it is in a spool beside the database (`content-spool.ts`), and so are the records of a commit that
 * changes nothing but how far streams and calls are, as most SIP messages do: such a commit does not touch the database.
 * Positions are given here, so that a destination's records and content have one order. A store in memory has
 * no spool, and content that an older version has left in the outbox goes from there.
 *
 *     stream          how far each X2/X3 stream has come, to know copies
 *     communication   (correlation, LIID) → CIN and the next HI2 and HI3 sequence numbers
 *     cin             the last CIN of each LIID
 *     key_session     the MIKEY exchanges of a call under a task, and the questions that are open at Xk
 *     held            PDUs whose task is not known yet, or that wait for a key
 *     outbox          PS-PDUs by destination that are not in the spool, gone when the LEMF has acknowledged them
 *     epoch           above which CIN all new ones are, once the store was put back from a copy
 *     loss            what gave way to the bound of a destination's backlog and was not told of yet
 *     spool…          up to where the database and the LEMFs are with the spool (`spool-notes.ts`)
 *     notice          what the LEMFs were told of each warrant, and the number of its next HI1 PDU
 *
 * The file holds keys of intercepted calls while the LEMF has not acknowledged them: it is made readable by its owner
 * alone, and what is deleted is overwritten (`secure_delete`).
 */
import path from 'node:path';
import type Database from 'better-sqlite3';
import type { Kysely } from 'kysely';
import type {
  Amount,
  ContentFiles,
  DfChanges,
  DfForgetting,
  DfRecall,
  DfState,
  DfStore,
  NewestEntry,
  Outbox,
  OutboxAppend,
  OutboxEntry,
  OutboxPart,
  WaitingShare,
} from '../ports.ts';
import type { Clock } from '../../../bytes/ports.ts';
import { SerialQueue } from '../../../bytes/serial-queue.ts';
import { CommitThread } from '../../../storage/commit-thread.ts';
import { UnitsAtOnce } from '../../../storage/group-commit.ts';
import type { UnitWriter } from '../../../storage/group-commit.ts';
import { StorageError } from '../../../storage/errors.ts';
import { makeFolder, syncFolder } from '../../../storage/files.ts';
import { preparedRows } from '../../../storage/rows.ts';
import type { SegmentWriting } from '../../../storage/segment-file.ts';
import { openStore } from '../../../storage/sqlite.ts';
import type { OpenedStore } from '../../../storage/sqlite.ts';
import { DF_SCHEMA } from './df-schema.ts';
import { keySessionOf, newestRows, pendingRows, storedState, streamOf } from './df-reads.ts';
import { GONE, POSITION, STORED, WAITING } from './df-tables.ts';
import type { DfTables } from './df-tables.ts';
import { acknowledgementWrite, changeWrites, expiryWrites } from './df-writes.ts';
import { beginEpoch } from './epoch.ts';
import { OutboxCount } from './outbox-count.ts';
import type { DestinationShare } from './outbox-count.ts';
import { ContentSpool } from './content-spool.ts';
import { laneOf, ownerOfLane } from './spool-lanes.ts';
import type { SpooledInterface } from './spool-lanes.ts';
import { sessionRecord, SESSIONS_LANE } from './spooled-sessions.ts';
import { spoolBeside, Spooling } from './spooling.ts';
import { knownSpool } from './spool-notes.ts';
import { recoverSpool } from './spool-recovery.ts';
import type { RecoveredSpool } from './spool-recovery.ts';

/** What of it is in the spool, of those who look at a part of what waits. */
const SPOOLED: Readonly<Record<OutboxPart | 'all', readonly SpooledInterface[]>> = {
  records: ['hi2'],
  content: ['hi3'],
  all: ['hi2', 'hi3'],
};

export class SqliteDfStore implements DfStore, DfForgetting, Outbox, ContentFiles {
  readonly forgetting = this;
  readonly spool = this;
  readonly recall: DfRecall;
  /** What is read. */
  readonly #db: Kysely<DfTables>;
  /** What is written: all of it, so that what is written at a time is synced together. */
  readonly #writer: UnitWriter;
  readonly #listeners = new Set<(dids: ReadonlySet<string>) => void>();

  readonly #count: OutboxCount;
  /** `null`: of a store in memory. */
  readonly #spooling: Spooling | null = null;
  readonly #commits = new SerialQueue();
  /** The last position that was given, and the last that is in force. */
  #position: number;
  #inForce: number;
  readonly #damage: string[] = [];
  #damages = 0;
  #onDamage: ((damage: string) => void) | null = null;

  private constructor(
    { kysely, sqlite }: OpenedStore<DfTables>,
    writing: 'at-once' | 'thread',
    position: number,
    spool: { readonly folder: string; readonly recovered: RecoveredSpool } | null,
  ) {
    this.#db = kysely;
    this.#writer = writing === 'thread' ? new CommitThread(sqlite.name) : new UnitsAtOnce(sqlite);
    this.#position = this.#inForce = position;
    const recall = recallOf(sqlite);
    if (spool !== null) {
      const { folder, recovered } = spool;
      const content = new ContentSpool(
        folder,
        spoolWriting(writing),
        recovered,
        (lane, share) => {
          if (lane !== SESSIONS_LANE) this.#count.addContent({ ...ownerOfLane(lane), ...share });
        },
        (damage) => this.#tellDamage(damage),
      );
      this.#spooling = new Spooling(
        content,
        recovered,
        { writer: this.#writer, recall },
        () => this.#position,
      );
      for (const damage of recovered.damage) this.#tellDamage(damage);
    }
    const spooled = this.#spooling?.spool ?? null;
    this.#count = new OutboxCount({
      rows: () => waitingRows(sqlite),
      content: () => (spooled === null ? [] : waitingContent(spooled)),
    });
    this.recall = this.#spooling?.unapplied.over(recall) ?? recall;
  }

  /**
   * @param file path of the database, made if missing; `:memory:` for a store that dies with the process
   * @param writing `thread`: nobody waits for the disk but who has to; not of a store in memory
   * @param clock for a spool that is damaged so that CINs have to go on from another one
   * @throws StorageError `newer`, `foreign`, `damaged`
   */
  static async open(
    file: string,
    writing: 'at-once' | 'thread' = 'at-once',
    clock: Clock | null = null,
  ): Promise<SqliteDfStore> {
    const opened = await openStore<DfTables>(file, DF_SCHEMA);
    const { kysely, sqlite } = opened;
    try {
      const known = await knownSpool(kysely);
      const folder = file === ':memory:' ? null : spoolBeside(file);
      if (folder !== null) makeSpoolFolder(folder);
      const found = folder === null ? null : await recoverSpool(folder, spoolWriting(writing), known);
      const recovered = found?.losesNumbers === true ? await withNewNumbers(file, found, clock) : found;
      const position = Math.max(known.position, recovered?.position ?? 0, lastPosition(sqlite));
      const spool = folder === null || recovered === null ? null : { folder, recovered };
      const store = new SqliteDfStore(opened, writing, position, spool);
      // What an earlier process has deleted, and may not have overwritten.
      await store.#spooling?.scrub();
      return store;
    } catch (error) {
      await kysely.destroy();
      throw error;
    }
  }

  async load(): Promise<DfState> {
    const state = await storedState(this.#db);
    return this.#spooling?.unapplied.overState(state) ?? state;
  }

  async commit(changes: DfChanges): Promise<void> {
    await this.#commits.run(() => this.#count.writing(() => this.#commit(changes)));
    if (changes.outbox.length === 0) return;
    const dids = new Set(changes.outbox.map((entry) => entry.did));
    for (const listener of this.#listeners) listener(dids);
  }

  /** What the spool knows alone comes into the database, and segments that are done with go. */
  async upkeep(): Promise<void> {
    await this.#spooling?.flush();
  }

  async expire(before: number, mostStreams: number): Promise<number> {
    // Also of keys, and of key management that was replaced, in files that others still need.
    await this.#spooling?.scrub();
    const { length } = await this.#writer.run({ writes: expiryWrites(before, mostStreams) });
    // Of what LEMFs have acknowledged meanwhile, too.
    await this.#emptyLog();
    return length;
  }

  undelivered(liid: string): Promise<number> {
    const shares = this.destinations().flatMap((did) => [...this.shares(did)]);
    const own = shares.filter((share) => share.liid === liid && share.interface !== 'hi1');
    return Promise.resolve(own.reduce((sum, { count }) => sum + count, 0));
  }

  /** Deleted pages are overwritten (`secure_delete`); so that the log written ahead does not have them, it is emptied. */
  async scrub(): Promise<void> {
    await this.#spooling?.scrub();
    return this.#emptyLog();
  }

  async pending(did: string, after: number, limit: number, part?: OutboxPart): Promise<OutboxEntry[]> {
    // What comes into force meanwhile is left out: of two that come together, only one might be seen.
    const upTo = this.#inForce;
    const rows = this.#count.mayHaveRows(did) ? await pendingRows(this.#db, did, after, limit, part) : [];
    const waiting = [rows];
    for (const reference of SPOOLED[part ?? 'all'])
      waiting.push((await this.#spooling?.spool.pending(laneOf(did, reference), after, limit)) ?? []);
    const [some = [], ...others] = waiting.filter(({ length }) => length > 0);
    const all = others.length === 0 ? some : [some, ...others].flat().sort(byPosition);
    return all.filter(({ position }) => position <= upTo).slice(0, limit);
  }

  async acknowledge(did: string, upTo: number, after = 0, part?: OutboxPart): Promise<void> {
    const known = Math.min(upTo, this.#inForce);
    if (this.#count.mayHaveRows(did)) {
      const writes = [acknowledgementWrite(did, known, after, part)];
      await this.#count.writing(async () => this.#countGone(await this.#writer.run({ writes })));
    }
    for (const reference of SPOOLED[part ?? 'all'])
      this.#spooling?.acknowledge(laneOf(did, reference), known, after);
  }

  async newest(
    did: string,
    reference: OutboxAppend['interface'],
    liid: string,
    limit: number,
  ): Promise<NewestEntry[]> {
    const rows = await newestRows(this.#db, did, reference, liid, limit);
    const lane = reference === 'hi1' ? null : laneOf(did, reference);
    const spooled = lane === null ? [] : (this.#spooling?.spool.newest(lane, liid, limit) ?? []);
    return [...rows, ...spooled]
      .sort((a, b) => b.cin - a.cin || b.sequenceNumber - a.sequenceNumber)
      .slice(0, limit);
  }

  /** Octets of the spool's files. */
  get spoolOctets(): number {
    return this.#spooling?.spool.octets ?? 0;
  }

  /** Damages of the spool that were found since it was opened. */
  get spoolDamage(): number {
    return this.#damages;
  }

  /** Calls `listener` with each damage of the spool, also those that were found before. */
  watchDamage(listener: (damage: string) => void): void {
    this.#onDamage = listener;
    for (const damage of this.#damage.splice(0)) listener(damage);
  }

  waiting(did: string): Amount {
    return this.#count.waiting.at(did);
  }

  shares(did: string): Iterable<WaitingShare> {
    return this.#count.waiting.shares(did);
  }

  destinations(): string[] {
    return this.#count.waiting.destinations();
  }

  onAppend(listener: (dids: ReadonlySet<string>) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    await this.#commits.ended();
    await this.upkeep().catch(() => undefined);
    await this.#writer.close();
    await this.#spooling?.spool.close();
    await this.#db.destroy();
  }

  /* ---------------------------------------------------------------- commits */

  async #commit(changes: DfChanges): Promise<void> {
    const spooling = this.#spooling;
    const [rows, spooled]: [OutboxEntry[], OutboxEntry[]] = [[], []];
    const isAlone = isProgressAlone(changes);
    for (const entry of changes.outbox) {
      const isSpooled = spooling !== null && (isAlone || entry.interface === 'hi3');
      (isSpooled ? spooled : rows).push({ ...entry, position: ++this.#position });
    }
    if (spooling === null) this.#countGone(await this.#writer.run({ writes: changeWrites(changes, rows) }));
    else if (isAlone && spooled.length > 0) {
      const sessions = changes.keySessions.map((kept) => sessionRecord(kept, ++this.#position));
      await spooling.commitAlone(changes, spooled, sessions);
    } else this.#countGone(await spooling.commitWith(changes, rows, spooled, this.#inForce));
    for (const { did, interface: reference, liid, octets } of rows)
      this.#count.addRow({ did, interface: reference, liid, count: 1, octets: octets.length });
    this.#inForce = this.#position;
  }

  async #emptyLog(): Promise<void> {
    await this.#writer.run({
      writes: [{ text: 'PRAGMA wal_checkpoint(TRUNCATE)', runs: [[]] }],
      alone: true,
    });
  }

  #countGone(rows: readonly unknown[]): void {
    for (const { octets, ...entry } of rows.map(GONE.read))
      this.#count.addRow({ ...entry, count: -1, octets: -octets });
  }

  #tellDamage(damage: string): void {
    this.#damages++;
    if (this.#onDamage === null) this.#damage.push(damage);
    else this.#onDamage(damage);
  }
}

/* ---------------------------------------------------------------- helpers */

function spoolWriting(writing: 'at-once' | 'thread'): SegmentWriting {
  return writing === 'thread' ? 'later' : 'at-once';
}

/** There, also after the loss of power. @throws FileError */
function makeSpoolFolder(folder: string): void {
  for (const made of makeFolder(folder, 0o700)) syncFolder(path.dirname(made));
}

/** Whether nothing is changed but streams, calls with their key management, and what is appended of calls to the outbox. */
function isProgressAlone({
  streams: _,
  communications: _calls,
  keySessions: _sessions,
  outbox,
  ...others
}: DfChanges): boolean {
  const isNothingElse = Object.values(others).every((list: readonly unknown[]) => list.length === 0);
  return isNothingElse && outbox.every(({ interface: reference }) => reference !== 'hi1');
}

function byPosition(a: OutboxEntry, b: OutboxEntry): number {
  return a.position - b.position;
}

/** What waits in the outbox's table. */
function waitingRows(sqlite: Database.Database): DestinationShare[] {
  const counted = sqlite.prepare(
    `SELECT did, interface, liid, count(*) AS count, sum(length(octets)) AS octets FROM outbox
      GROUP BY did, interface, liid`,
  );
  return counted.all().map(WAITING.read);
}

/** What waits in the spool. */
function* waitingContent(content: ContentSpool): Generator<DestinationShare, void> {
  for (const { did: lane, liid, length } of content.all())
    if (lane !== SESSIONS_LANE) yield { ...ownerOfLane(lane), liid, count: 1, octets: length };
}

/** The last position that an entry of the outbox's table ever had. */
function lastPosition(sqlite: Database.Database): number {
  const [row] = sqlite
    .prepare("SELECT seq AS position FROM sqlite_sequence WHERE name = 'outbox'")
    .all()
    .map(POSITION.read);
  return row?.position ?? 0;
}

/**
 * Where numbers that were given may have been lost with the octets that are damaged, calls go on under new CINs, as after a
 * restart from a copy. @throws StorageError `damaged` without a clock
 */
async function withNewNumbers(
  file: string,
  found: RecoveredSpool,
  clock: Clock | null,
): Promise<RecoveredSpool> {
  if (clock === null) throw new StorageError('damaged', found.damage.join('; '));
  await beginEpoch(file, clock.now());
  return { ...found, communications: [] };
}

/** Statements of SQLite itself, since a turn of the mediation does not wait. */
function recallOf(sqlite: Database.Database): DfRecall {
  const stream = preparedRows(sqlite, STORED.stream, 'WHERE key = ?');
  const communications = preparedRows(sqlite, STORED.communication, 'WHERE correlation = ?');
  const keySessions = preparedRows(sqlite, STORED.key_session, 'WHERE correlation = ?');
  const callsOf = preparedRows(sqlite, STORED.communication.pick('correlation'), 'WHERE liid = ?');
  const keyedCallsOf = preparedRows(sqlite, STORED.key_session.pick('correlation'), 'WHERE xid = ?');
  return {
    stream: (key) => stream(key).map(streamOf)[0] ?? null,
    communications: (call) => communications(call),
    keySessions: (call) => keySessions(call).map(keySessionOf),
    callsOf: (liid) => callsOf(liid).map(({ correlation }) => correlation),
    keyedCallsOf: (xid) => keyedCallsOf(xid).map(({ correlation }) => correlation),
  };
}
