/**
 * The tables of a recovery in SQLite, and octets put aside in a file, in a folder of its own. What is in it is somebody's
 * conversation: files for their owner alone, which have no name any more once they are open.
 */
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';
import type Database from 'better-sqlite3';
import type { NoticeReport } from '../notices.ts';
import type {
  IriRow,
  PduLocation,
  Owners,
  PacketBench,
  PacketGroup,
  PacketRow,
  PlacedRow,
  RefusedRow,
  SavedResult,
  Workspace,
} from '../workspace.ts';
import { BlockReader } from './handed-over.ts';
import type { HandoverReader } from './handed-over.ts';
import { openScratch, SqliteNumbers } from './numbers.ts';

const TABLES = `
  CREATE TABLE session (id INTEGER PRIMARY KEY, key TEXT, place INTEGER);
  CREATE INDEX keys ON session (key);
  CREATE INDEX places ON session (place);
  CREATE TABLE iri (session INTEGER, count INTEGER, sequenceNumber INTEGER, at INTEGER, length INTEGER, source TEXT,
    PRIMARY KEY (session, count, sequenceNumber, at)) WITHOUT ROWID;
  CREATE TABLE packet (session INTEGER, direction INTEGER, ssrc INTEGER, place INTEGER, at INTEGER, length INTEGER,
    time REAL, source TEXT, path TEXT, decrypted INTEGER, PRIMARY KEY (session, direction, ssrc, place, at)) WITHOUT ROWID;
  CREATE TABLE note (session INTEGER, kind INTEGER, count INTEGER, number INTEGER, source TEXT, note TEXT);
  CREATE INDEX notes ON note (session, kind, count, number);
  CREATE TABLE notice (number INTEGER PRIMARY KEY, liid TEXT, operation TEXT, time TEXT, text TEXT, source TEXT,
    sequenceNumber INTEGER);
  CREATE TABLE name (name TEXT PRIMARY KEY, session INTEGER) WITHOUT ROWID;
  CREATE INDEX names ON name (session);
  CREATE TABLE result (session INTEGER PRIMARY KEY, calls TEXT, otherSessions TEXT, withContent INTEGER,
    recovered INTEGER);
  CREATE TABLE placed (run INTEGER, "index" INTEGER, at INTEGER, length INTEGER, time REAL,
    PRIMARY KEY (run, "index")) WITHOUT ROWID;
  CREATE TABLE refused (list INTEGER, row INTEGER, place INTEGER, sequenceNumber INTEGER, timestamp INTEGER, path TEXT,
    PRIMARY KEY (list, row)) WITHOUT ROWID;
`;

/** Octets put aside that wait to be written. */
const BUFFER = 1 << 18;

export class RecoveryWorkspace extends SqliteNumbers implements Workspace {
  readonly bench: PacketBench;
  readonly #statements: Statements;
  readonly #files: Readonly<Record<'hi2' | 'hi3', HandoverReader>>;
  /** Octets of packets that came in pieces; octets of the packets on the bench. */
  readonly #aside: readonly [kept: AsideFile, bench: AsideFile];

  /** @param folder where there is room */
  static in(folder: string, files: Readonly<Record<'hi2' | 'hi3', HandoverReader>>): RecoveryWorkspace {
    const place = mkdtempSync(path.join(folder, '.recovering-'));
    const opened: { close(): void }[] = [];
    const toClose = <T extends { close(): void }>(each: T): T => {
      opened.push(each);
      return each;
    };
    try {
      const database = toClose(openScratch(path.join(place, 'tables')));
      const aside = [
        toClose(new AsideFile(path.join(place, 'kept'), KEPT)),
        toClose(new AsideFile(path.join(place, 'bench'), ON_BENCH)),
      ] as const;
      return new RecoveryWorkspace(database, files, aside);
    } catch (error) {
      for (const each of opened) each.close();
      throw error;
    } finally {
      rmSync(place, { recursive: true });
    }
  }

  private constructor(
    database: Database.Database,
    files: Readonly<Record<'hi2' | 'hi3', HandoverReader>>,
    aside: readonly [kept: AsideFile, bench: AsideFile],
  ) {
    database.exec(TABLES);
    super(database);
    this.#statements = statementsOf(database);
    this.#files = files;
    this.#aside = aside;
    this.bench = new SqliteBench(this.#statements, aside[ON_BENCH]);
  }

  read({ at, length }: PduLocation): Uint8Array {
    if (at >= 0) return this.#files.hi3.read(at, length);
    const [kept, bench] = this.#aside;
    return ((-1 - at) % 2 === KEPT ? kept : bench).read(at, length);
  }

  readIri({ at, length }: PduLocation): Uint8Array {
    return this.#files.hi2.read(at, length);
  }

  keep(octets: Uint8Array): PduLocation {
    return this.#aside[KEPT].append(octets);
  }

  addSession(id: number, key: string, place: number): void {
    this.#statements.addSession.run(id, key, place);
  }

  sessions(): Iterable<{ readonly id: number; readonly key: string }> {
    return this.#statements.sessions.iterate();
  }

  sessionsBefore(place: number | null, most: number): { id: number; key: string; place: number }[] {
    return this.#statements.sessionsBefore.all(place ?? Number.MAX_SAFE_INTEGER, most);
  }

  sessionId(key: string): number | null {
    return this.#statements.sessionId.get(key)?.id ?? null;
  }

  sessionKey(id: number): string | null {
    return this.#statements.sessionKey.get(id)?.key ?? null;
  }

  addIri({ session, count, sequenceNumber, at, length, source }: IriRow): void {
    this.#statements.addIri.run(session, count, sequenceNumber, at, length, source);
  }

  iri(session: number, owners: Owners): Iterable<IriRow> {
    return owned(this.#statements.iri.iterate(session), owners);
  }

  addPacket({
    session,
    direction,
    ssrc,
    place,
    at,
    length,
    time,
    source,
    path: way,
    decrypted,
  }: PacketRow): void {
    this.#statements.addPacket.run(session, direction, ssrc, place, at, length, time, source, way, decrypted);
  }

  *groups(session: number, owners: Owners): Generator<PacketGroup> {
    for (const { source, ...group } of this.#statements.groups.iterate(session)) {
      if (owners === null || owners.has(source)) yield group;
    }
  }

  packets(
    session: number,
    { direction, ssrc }: Pick<PacketGroup, 'direction' | 'ssrc'>,
    owners: Owners,
  ): Iterable<PacketRow> {
    return owned(this.#statements.packets.iterate(session, direction, ssrc), owners);
  }

  addNote(
    session: number,
    source: string,
    [kind, count, number]: readonly [number, number, number],
    note: string,
  ): void {
    this.#statements.addNote.run(session, kind, count, number, source, note);
  }

  notes(session: number, owners: Owners, most: number): { first: string[]; all: number } {
    const first: string[] = [];
    let all = 0;
    for (const { note } of owned(this.#statements.notes.iterate(session), owners)) {
      if (all++ < most) first.push(note);
    }
    return { first, all };
  }

  forget(session: number, source: string): void {
    for (const statement of this.#statements.forget) statement.run(session, source);
  }

  forgetSession(session: number): void {
    for (const statement of this.#statements.forgetSession) statement.run(session);
  }

  forgetNotices(liid: string, source: string): void {
    this.#statements.forgetNotices.run(liid, source);
  }

  addNotice(notice: NoticeReport): void {
    this.#statements.addNotice.run(notice);
  }

  notices(): Iterable<NoticeReport> {
    return this.#statements.notices.iterate();
  }

  takeName(session: number, name: string): boolean {
    return this.#statements.takeName.run(name, session).changes > 0;
  }

  namesOf(session: number): string[] {
    return this.#statements.namesOf.all(session).map(({ name }) => name);
  }

  freeNames(session: number): string[] {
    return this.#statements.freeNames.all(session).map(({ name }) => name);
  }

  keepResult(session: number, { calls, otherSessions, withContent, recovered }: SavedResult): void {
    this.#statements.keepResult.run(session, calls, otherSessions, withContent, recovered);
  }

  result(session: number): SavedResult | null {
    return this.#statements.result.get(session) ?? null;
  }

  results(): Iterable<SavedResult> {
    return this.#statements.results.iterate();
  }

  totals(): { readonly calls: number; readonly recoveredCalls: number } {
    const totals = this.#statements.totals.get();
    return { calls: totals?.calls ?? 0, recoveredCalls: totals?.recovered ?? 0 };
  }

  override close(): void {
    super.close();
    for (const file of this.#aside) file.close();
  }
}

class SqliteBench implements PacketBench {
  readonly #statements: Statements;
  readonly #aside: AsideFile;
  #runs = 0;
  #rows = 0;

  constructor(statements: Statements, aside: AsideFile) {
    this.#statements = statements;
    this.#aside = aside;
  }

  keep(octets: Uint8Array): PduLocation {
    return this.#aside.append(octets);
  }

  newRun(): number {
    return this.#runs++;
  }

  place(run: number, { index, at, length, time }: PlacedRow): void {
    this.#statements.place.run(run, index, at, length, time);
  }

  at(run: number, index: number): PduLocation | null {
    return this.#statements.placedAt.get(run, index) ?? null;
  }

  run(run: number): Iterable<PlacedRow> {
    return this.#statements.run.iterate(run);
  }

  refuse(list: number, { place, sequenceNumber, timestamp, path: way }: RefusedRow): void {
    this.#statements.refuse.run(list, this.#rows++, place, sequenceNumber, timestamp, way);
  }

  *refused(lists: readonly number[]): Generator<RefusedRow> {
    for (const list of lists) yield* this.#statements.refused.iterate(list);
  }

  refusedFrom(lists: readonly number[], sequenceNumber: number, direction: 1 | -1): Iterable<RefusedRow> {
    const [first = -1, second = -1] = lists;
    return this.#statements.refusedFrom.iterate({ first, second, sequenceNumber, direction });
  }

  clear(): void {
    this.#statements.clearPlaced.run();
    this.#statements.clearRefused.run();
    this.#aside.clear();
  }
}

const KEPT = 0;
const ON_BENCH = 1;

/** Octets one after the other, in a file without a name; offset o is `at` = -1 - 2 o - which. */
class AsideFile {
  readonly #which: 0 | 1;
  readonly #descriptor: number;
  readonly #blocks: BlockReader;
  readonly #buffer = new Uint8Array(BUFFER);
  #buffered = 0;
  #written = 0;

  constructor(file: string, which: 0 | 1) {
    this.#which = which;
    this.#descriptor = openSync(file, 'wx+', 0o600);
    this.#blocks = new BlockReader(this.#descriptor);
  }

  append(octets: Uint8Array): PduLocation {
    const offset = this.#written + this.#buffered;
    if (this.#buffered + octets.length > BUFFER) this.#flush();
    if (octets.length > BUFFER) this.#write(octets);
    else {
      this.#buffer.set(octets, this.#buffered);
      this.#buffered += octets.length;
    }
    return { at: -1 - 2 * offset - this.#which, length: octets.length };
  }

  read(location: number, length: number): Uint8Array {
    const at = Math.floor((-1 - location) / 2);
    if (at >= this.#written) return this.#buffer.subarray(at - this.#written, at - this.#written + length);
    return this.#blocks.read(at, length);
  }

  clear(): void {
    if (this.#written + this.#buffered === 0) return;
    ftruncateSync(this.#descriptor, 0);
    this.#blocks.forget(0);
    this.#written = 0;
    this.#buffered = 0;
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #flush(): void {
    this.#write(this.#buffer.subarray(0, this.#buffered));
    this.#buffered = 0;
  }

  #write(octets: Uint8Array): void {
    for (let at = 0; at < octets.length;) {
      at += writeSync(this.#descriptor, octets, at, octets.length - at, this.#written + at);
    }
    this.#written += octets.length;
  }
}

function* owned<Row extends { readonly source: string }>(
  rows: Iterable<Row>,
  owners: Owners,
): Generator<Row> {
  for (const row of rows) if (owners === null || owners.has(row.source)) yield row;
}

type Statements = ReturnType<typeof statementsOf>;

function statementsOf(database: Database.Database) {
  const distance = '((sequenceNumber - @sequenceNumber) * @direction) & 65535';
  return {
    addSession: database.prepare<[number, string, number]>(
      'INSERT INTO session VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET place = min(place, excluded.place)',
    ),
    sessions: database.prepare<[], { id: number; key: string }>('SELECT id, key FROM session ORDER BY place'),
    sessionsBefore: database.prepare<[number, number], { id: number; key: string; place: number }>(
      'SELECT id, key, place FROM session WHERE place < ? ORDER BY place DESC LIMIT ?',
    ),
    sessionId: database.prepare<[string], { id: number }>('SELECT id FROM session WHERE key = ?'),
    sessionKey: database.prepare<[number], { key: string }>('SELECT key FROM session WHERE id = ?'),
    addIri: database.prepare<[number, number, number, number, number, string]>(
      'INSERT INTO iri VALUES (?, ?, ?, ?, ?, ?)',
    ),
    iri: database.prepare<[number], IriRow>(
      'SELECT * FROM iri WHERE session = ? ORDER BY count, sequenceNumber, at',
    ),
    addPacket: database.prepare<
      [number, number, number, number, number, number, number | null, string, string | null, number | null]
    >('INSERT INTO packet VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'),
    groups: database.prepare<[number], PacketGroup & { source: string }>(
      `SELECT direction, ssrc, source, count(*) AS packets, min(place) AS first FROM packet WHERE session = ?
       GROUP BY direction, ssrc, source ORDER BY first`,
    ),
    packets: database.prepare<[number, number, number], PacketRow>(
      'SELECT * FROM packet WHERE session = ? AND direction = ? AND ssrc = ? ORDER BY place, at',
    ),
    addNote: database.prepare<[number, number, number, number, string, string]>(
      'INSERT INTO note VALUES (?, ?, ?, ?, ?, ?)',
    ),
    notes: database.prepare<[number], { source: string; note: string }>(
      'SELECT source, note FROM note WHERE session = ? ORDER BY kind, count, number, rowid',
    ),
    addNotice: database.prepare<[NoticeReport]>(
      'INSERT INTO notice VALUES (NULL, @liid, @operation, @time, @text, @source, @sequenceNumber)',
    ),
    notices: database.prepare<[], NoticeReport>(
      'SELECT liid, operation, time, text, source, sequenceNumber FROM notice ORDER BY number',
    ),
    forget: ['iri', 'packet', 'note'].map((table) =>
      database.prepare<[number, string]>(`DELETE FROM ${table} WHERE session = ? AND source = ?`),
    ),
    forgetSession: [
      database.prepare<[number]>('DELETE FROM result WHERE session = ?'),
      database.prepare<[number]>('DELETE FROM session WHERE id = ?'),
    ],
    forgetNotices: database.prepare<[string, string]>('DELETE FROM notice WHERE liid = ? AND source = ?'),
    namesOf: database.prepare<[number], { name: string }>('SELECT name FROM name WHERE session = ?'),
    takeName: database.prepare<[string, number]>('INSERT OR IGNORE INTO name VALUES (?, ?)'),
    freeNames: database.prepare<[number], { name: string }>(
      'DELETE FROM name WHERE session = ? RETURNING name',
    ),
    keepResult: database.prepare<[number, string, string, number, number]>(
      'INSERT OR REPLACE INTO result VALUES (?, ?, ?, ?, ?)',
    ),
    result: database.prepare<[number], SavedResult>('SELECT * FROM result WHERE session = ?'),
    results: database.prepare<[], SavedResult>(
      'SELECT result.* FROM session JOIN result ON result.session = session.id ORDER BY session.place',
    ),
    totals: database.prepare<[], { calls: number | null; recovered: number | null }>(
      'SELECT sum(withContent) AS calls, sum(recovered) AS recovered FROM result',
    ),
    place: database.prepare<[number, number, number, number, number | null]>(
      'INSERT INTO placed VALUES (?, ?, ?, ?, ?)',
    ),
    placedAt: database.prepare<[number, number], PduLocation>(
      'SELECT at, length FROM placed WHERE run = ? AND "index" = ?',
    ),
    run: database.prepare<[number], PlacedRow>(
      'SELECT "index", at, length, time FROM placed WHERE run = ? ORDER BY "index"',
    ),
    refuse: database.prepare<[number, number, number, number, number, string | null]>(
      'INSERT INTO refused VALUES (?, ?, ?, ?, ?, ?)',
    ),
    refused: database.prepare<[number], RefusedRow>(
      'SELECT place, sequenceNumber, timestamp, path FROM refused WHERE list = ? ORDER BY row',
    ),
    refusedFrom: database.prepare<
      [{ first: number; second: number; sequenceNumber: number; direction: number }],
      RefusedRow
    >(
      `SELECT place, sequenceNumber, timestamp, path FROM refused WHERE list IN (@first, @second)
       AND ${distance} BETWEEN 1 AND 32767 ORDER BY ${distance}, list, row`,
    ),
    clearPlaced: database.prepare<[]>('DELETE FROM placed'),
    clearRefused: database.prepare<[]>('DELETE FROM refused'),
  };
}
