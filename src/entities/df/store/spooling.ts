/** Spool and database together: what is committed to which, and what the database gets to know of the spool, and when. */
import { SerialQueue } from '../../../bytes/serial-queue.ts';
import type { UnitWriter } from '../../../storage/group-commit.ts';
import type { DfChanges, DfRecall, OutboxEntry } from '../ports.ts';
import type { ContentSpool, SpoolCommit } from './content-spool.ts';
import { changeWrites, progressWrites } from './df-writes.ts';
import type { DfProgress } from './df-writes.ts';
import { appliedWrite, forgottenWrites, goneWrites, markWrites } from './spool-notes.ts';
import type { GoneRange, SpoolDestination, SpoolMark } from './spool-destination.ts';
import type { PlacedContent } from './spool-batch.ts';
import { laneOf } from './spool-lanes.ts';
import { SESSIONS_LANE } from './spooled-sessions.ts';
import type { SpoolSegment } from './spool-segment.ts';
import { Unapplied } from './unapplied.ts';

/** The database gets to know of so many commits to the spool alone, or of those with so many octets of key management. */
const FLUSH_AFTER = { commits: 256, octets: 4 << 20 };

/** Where the spool of a database is. */
export function spoolBeside(file: string): string {
  return `${file}.spool`;
}

/** Segments that nobody needs, since the database knows that. */
interface Done {
  readonly marks: readonly SpoolMark[];
  readonly segments: readonly SpoolSegment[];
}

const NOTHING_DONE: Done = { marks: [], segments: [] };

export class Spooling {
  readonly spool: ContentSpool;
  readonly unapplied = new Unapplied();
  readonly #writer: UnitWriter;
  readonly #recall: DfRecall;
  /** The last position that was given. */
  readonly #position: () => number;
  /** What is written to the database of streams and calls: in the order in which it was so. */
  readonly #database = new SerialQueue();
  /** What overwrites and removes files: it takes long, and no commit waits for it. */
  readonly #files = new SerialQueue();
  /** What it is to know of next. */
  #commits = 0;
  #octets = 0;
  /** How often it is being told, or is to be. */
  #notes = 0;
  /** A commit of which nobody knows whether the database has it. */
  #unsettled: SpoolCommit | null = null;
  /** Why what is in the spool could not be noted in the database. */
  #failure: unknown = null;

  /** @param ahead what the spool has and the database does not @param database what writes to it, and what it has */
  constructor(
    spool: ContentSpool,
    ahead: DfProgress,
    database: { readonly writer: UnitWriter; readonly recall: DfRecall },
    position: () => number,
  ) {
    this.spool = spool;
    this.#writer = database.writer;
    this.#recall = database.recall;
    this.#position = position;
    this.unapplied.put(ahead);
  }

  /**
   * Content and records, with streams, calls and their key management, and nothing else.
   * @param sessions the key management, for its log
   */
  async commitAlone(
    progress: DfProgress,
    content: readonly OutboxEntry[],
    sessions: readonly PlacedContent[],
  ): Promise<void> {
    await this.#settled();
    // What the database does not take, or not as fast as it comes, is not let grow.
    if (this.#failure !== null) await this.flush();
    else if (this.#notes > 1) await this.#database.ended();
    const { streams, communications } = progress;
    const account = { needsDatabase: false, streams, communications };
    const logs = new Map<string, readonly PlacedContent[]>(byDestination(content));
    if (sessions.length > 0) logs.set(SESSIONS_LANE, sessions);
    this.spool.admit(await this.spool.append(account, logs));
    this.unapplied.put(progress);
    this.#commits++;
    for (const { octets } of sessions) this.#octets += octets.length;
    if (this.#commits >= FLUSH_AFTER.commits || this.#octets >= FLUSH_AFTER.octets) this.#flushSoon();
  }

  /**
   * Changes of all sorts, perhaps with content; gives what goes from the outbox's table.
   * @param upTo position up to which the content is that a retired warrant had
   */
  async commitWith(
    changes: DfChanges,
    rows: readonly OutboxEntry[],
    content: readonly OutboxEntry[],
    upTo: number,
  ): Promise<readonly unknown[]> {
    await this.#settled();
    const account = { needsDatabase: true, streams: [], communications: [] };
    const commit = content.length === 0 ? null : await this.spool.append(account, byDestination(content));
    try {
      const gone = await this.#database.run(() => this.#apply(changes, rows, commit, upTo));
      if (commit !== null) this.spool.admit(commit);
      return gone;
    } catch (error) {
      this.#unsettled = commit;
      await this.#settled().catch(() => undefined);
      // It may have been written all the same.
      this.unapplied.yieldTo(this.#recall, changes);
      throw error;
    }
  }

  acknowledge(did: string, upTo: number, after: number): void {
    this.spool.acknowledge(did, upTo, after);
    if (this.spool.destination(did)?.isToBeCleared === true) this.#flushSoon();
  }

  /** The database gets to know of all that is in the spool; what is done with goes. @throws what the writer throws */
  flush(): Promise<void> {
    const noted = this.#note();
    return this.#files.run(async () => this.#clear(await noted));
  }

  /** Nothing is left in the files of what waits no more. @throws FileError, what the writer throws */
  scrub(): Promise<void> {
    return this.#files.run(() => this.spool.scrub(async () => this.#clear(await this.#note())));
  }

  /* ---------------------------------------------------------------- helpers */

  #flushSoon(): void {
    this.#commits = this.#octets = 0;
    this.flush().catch(() => undefined);
  }

  async #apply(
    changes: DfChanges,
    rows: readonly OutboxEntry[],
    commit: SpoolCommit | null,
    upTo: number,
  ): Promise<readonly unknown[]> {
    const progress = this.unapplied.all();
    const reached = this.#sessionsReached;
    const retired = changes.retired.map(({ liid }) => ({ liid, position: upTo }));
    const evicted = this.#rangesOf(changes.evicted);
    const noted = [...progressWrites(progress), ...goneWrites(evicted, retired)];
    const isNoted = commit !== null || noted.length > 0;
    const number = commit?.number ?? this.spool.inForce;
    const gone = await this.#writer.run({
      writes: [
        ...noted,
        ...(isNoted ? [appliedWrite(number, this.#position())] : []),
        ...changeWrites(changes, rows),
      ],
    });
    this.unapplied.applied(progress);
    this.spool.acknowledge(SESSIONS_LANE, reached, 0);
    for (const { liid, position } of retired) this.spool.retire(liid, position);
    for (const position of changes.evicted) this.spool.evict(position);
    return gone;
  }

  /** Whether the database has what it was given last it says itself. @throws what the writer throws: then it is asked again */
  async #settled(): Promise<void> {
    const commit = this.#unsettled;
    if (commit === null) return;
    const [row] = await this.#writer.run({
      writes: [{ text: 'SELECT applied FROM spool WHERE applied >= ?', runs: [[commit.number]] }],
    });
    if (row === undefined) await this.spool.undo(commit);
    else this.spool.admit(commit);
    this.#unsettled = null;
  }

  /** The database gets to know of the spool; gives what of it is done with then. */
  #note(): Promise<Done> {
    this.#notes++;
    const noted = this.#database.run(() => this.#noted());
    // Whoever asked for it may wait for files yet.
    noted.then(
      () => {
        this.#notes--;
        this.#failure = null;
      },
      (error: unknown) => {
        this.#notes--;
        this.#failure = error;
      },
    );
    return noted;
  }

  async #clear({ marks, segments }: Done): Promise<void> {
    try {
      await this.spool.clear(marks, segments);
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  }

  async #noted(): Promise<Done> {
    const { spool } = this;
    const applied = spool.inForce;
    const progress = this.unapplied.all();
    // What the database is given here, or with what it is given next, waits no more.
    spool.acknowledge(SESSIONS_LANE, this.#sessionsReached, 0);
    const all = spool.destinations();
    const marks = all.map((destination) => destination.mark(applied));
    const done = all.flatMap((destination) => destination.close(applied));
    const changed = marks.filter((mark, n) => !isSame(mark, all[n]?.noted ?? null));
    const forgotten = all.filter((destination) => isEmpty(destination) && !changed.some(isOf(destination)));
    const ranges = all.map((destination) => destination.ranges.splice(0));
    const writes = [
      ...progressWrites(progress),
      ...goneWrites(ranges.flat(), []),
      ...(changed.length === 0 ? [] : markWrites(changed, oldestOf(all))),
      ...forgottenWrites(forgotten.map(({ did }) => did)),
    ];
    if (writes.length === 0 && done.every(({ isEmptied }) => isEmptied)) return NOTHING_DONE;
    try {
      await this.#writer.run({ writes: [...writes, appliedWrite(applied, this.#position())] });
    } catch (error) {
      for (const [n, destination] of all.entries()) destination.ranges.unshift(...(ranges[n] ?? []));
      throw error;
    }
    this.unapplied.applied(progress);
    for (const [n, destination] of all.entries()) destination.noted = marks[n] ?? null;
    for (const destination of forgotten) if (isEmpty(destination)) spool.forget(destination.did);
    return { marks, segments: done };
  }

  /** Position of the last record of key management that is in force. */
  get #sessionsReached(): number {
    return this.spool.destination(SESSIONS_LANE)?.segments.at(-1)?.lastPosition ?? 0;
  }

  /** Those of these positions that are in the spool, in as few ranges as there are. */
  #rangesOf(positions: readonly number[]): GoneRange[] {
    const ranges: { did: string; first: number; last: number }[] = [];
    for (const position of positions.toSorted((a, b) => a - b)) {
      const did = this.spool.destinations().find((destination) => destination.at(position) !== null)?.did;
      const last = ranges.at(-1);
      if (did === undefined) continue;
      if (last?.did === did && last.last === position - 1) last.last = position;
      else ranges.push({ did, first: position, last: position });
    }
    return ranges;
  }
}

/** By the name of its log. */
function byDestination(content: readonly OutboxEntry[]): Map<string, OutboxEntry[]> {
  const sorted = new Map<string, OutboxEntry[]>();
  for (const entry of content) {
    const lane = laneOf(entry.did, entry.interface);
    const own = sorted.get(lane);
    if (own === undefined) sorted.set(lane, [entry]);
    else own.push(entry);
  }
  return sorted;
}

function isSame(mark: SpoolMark, noted: SpoolMark | null): boolean {
  return (
    noted !== null &&
    mark.acknowledged === noted.acknowledged &&
    mark.firstSegment === noted.firstSegment &&
    mark.nextSegment === noted.nextSegment &&
    mark.lastBatch === noted.lastBatch
  );
}

function isOf({ did }: SpoolDestination): (mark: SpoolMark) => boolean {
  return (mark) => mark.did === did;
}

function isEmpty({ segments, isWritten }: SpoolDestination): boolean {
  return segments.length === 0 && !isWritten;
}

function oldestOf(destinations: readonly SpoolDestination[]): number {
  return Math.min(Number.MAX_SAFE_INTEGER, ...destinations.map(({ oldest }) => oldest));
}
