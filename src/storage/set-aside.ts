/**
 * PDUs that a receiver refused, or that could not be worked on, kept for inspection: a SQLite file for its owner's eyes.
 * It is bounded in PDUs and octets; the oldest go first, and are counted.
 *
 *     set_aside   number, when, interface, for whom, about whom (XID or LIID), why, the octets
 */
import { existsSync } from 'node:fs';
import type Database from 'better-sqlite3';
import type { SetAside, SetAsidePdu } from '../bytes/ports.ts';
import { SerialQueue } from '../bytes/serial-queue.ts';
import { openReadOnly, openStore } from './sqlite.ts';
import { statements } from './migrations.ts';
import type { StoreSchema } from './migrations.ts';
import {
  countColumn,
  enumColumn,
  octetsColumn,
  TableReader,
  tableReaders,
  textColumn,
  timeColumn,
} from './stored-tables.ts';

export interface SetAsideLimits {
  readonly pdus: number;
  readonly octets: number;
}

export const SET_ASIDE_LIMITS: SetAsideLimits = { pdus: 1_000, octets: 64 << 20 };

const SCHEMA: StoreSchema = {
  store: 'set-aside',
  firstTables: ['set_aside'],
  migrations: [
    statements(
      `CREATE TABLE set_aside (number INTEGER PRIMARY KEY AUTOINCREMENT, time REAL NOT NULL, interface TEXT NOT NULL,
        did TEXT NOT NULL, subject TEXT NOT NULL, reason TEXT NOT NULL, octets BLOB NOT NULL)`,
    ),
  ],
};

const STORED = tableReaders({
  set_aside: {
    number: countColumn,
    time: timeColumn,
    interface: enumColumn<SetAsidePdu['reference']>(['x2', 'x3', 'hi1', 'hi2', 'hi3']),
    did: textColumn,
    subject: textColumn,
    reason: textColumn,
    octets: octetsColumn,
  },
});

const SUMS = new TableReader('set_aside', { pdus: countColumn, octets: countColumn });
const LENGTH = SUMS.pick('octets');

/** A PDU that was set aside, and when, Unix milliseconds. */
export interface KeptPdu extends SetAsidePdu {
  readonly number: number;
  readonly time: number;
}

/** The file is made with the first PDU. */
export class SetAsideFile implements SetAside {
  readonly #file: string;
  readonly #limits: SetAsideLimits;
  readonly #turns = new SerialQueue();
  #db: Database.Database | null = null;
  #pdus = 0;
  #octets = 0;
  #forgotten = 0;

  constructor(file: string, limits: SetAsideLimits = SET_ASIDE_LIMITS) {
    this.#file = file;
    this.#limits = limits;
  }

  /** How many had to go since the start so that others could come. */
  get forgotten(): number {
    return this.#forgotten;
  }

  keep({ reference, did, subject, reason, octets }: SetAsidePdu, now: number): Promise<void> {
    return this.#turns.run(async () => {
      const db = await this.#open();
      db.prepare(
        'INSERT INTO set_aside (time, interface, did, subject, reason, octets) VALUES (?, ?, ?, ?, ?, ?)',
      ).run(now, reference, did, subject, reason, octets);
      this.#pdus++;
      this.#octets += octets.length;
      // Somebody may have removed some: nothing is forgotten for the sake of those.
      if (this.#isOver()) this.#count(db);
      while (this.#pdus > 1 && this.#isOver()) this.#forgetOldest(db);
    });
  }

  forget(subjects: readonly string[], before: number): Promise<void> {
    return this.#turns.run(async () => {
      if (this.#db === null && !existsSync(this.#file)) return;
      const db = await this.#open();
      const ofSubject = db.prepare('DELETE FROM set_aside WHERE subject = ?');
      const ofNobody = db.prepare("DELETE FROM set_aside WHERE subject = '' AND time < ?");
      const gone = [...subjects.map((subject) => ofSubject.run(subject)), ofNobody.run(before)];
      if (gone.every(({ changes }) => changes === 0)) return;
      // Deleted pages are overwritten; so that the log written ahead does not have them, it is emptied.
      db.pragma('wal_checkpoint(TRUNCATE)');
      this.#count(db);
    });
  }

  /** Everything that is kept, oldest first. */
  list(): Promise<KeptPdu[]> {
    return this.#turns.run(async () => {
      const rows = (await this.#open()).prepare('SELECT * FROM set_aside ORDER BY number').all();
      return rows.map(keptOf);
    });
  }

  /** Removes those with these numbers, all of them or, where it fails, none. */
  remove(numbers: readonly number[]): Promise<void> {
    return this.#turns.run(async () => {
      const db = await this.#open();
      const one = db.prepare<[number]>('DELETE FROM set_aside WHERE number = ?');
      db.transaction(() => {
        for (const number of numbers) one.run(number);
      })();
      this.#count(db);
    });
  }

  async close(): Promise<void> {
    await this.#turns.ended();
    this.#db?.close();
    this.#db = null;
  }

  async #open(): Promise<Database.Database> {
    if (this.#db !== null) return this.#db;
    const { sqlite } = await openStore(this.#file, SCHEMA);
    this.#count(sqlite);
    this.#db = sqlite;
    return sqlite;
  }

  #count(db: Database.Database): void {
    const sums = db.prepare(
      'SELECT count(*) AS pdus, ifnull(sum(length(octets)), 0) AS octets FROM set_aside',
    );
    ({ pdus: this.#pdus, octets: this.#octets } = SUMS.read(sums.get()));
  }

  #isOver(): boolean {
    return this.#pdus > this.#limits.pdus || this.#octets > this.#limits.octets;
  }

  #forgetOldest(db: Database.Database): void {
    const oldest = db.prepare(
      'DELETE FROM set_aside WHERE number = (SELECT min(number) FROM set_aside) RETURNING length(octets) AS octets',
    );
    this.#octets -= LENGTH.read(oldest.get()).octets;
    this.#pdus--;
    this.#forgotten++;
  }
}

/** Looks at what is set aside, also while its element runs; changes nothing. */
export class SetAsideReader {
  readonly #db: Database.Database;

  /** @throws StorageError `foreign`, `damaged` */
  constructor(file: string) {
    this.#db = openReadOnly(file, SCHEMA);
  }

  /** Numbers of all, the oldest first. */
  numbers(): number[] {
    const rows = this.#db.prepare('SELECT number FROM set_aside ORDER BY number').all();
    return rows.map((row) => STORED.set_aside.pick('number').read(row).number);
  }

  /** `null`: there is none of that number. @throws StorageError `damaged` */
  get(number: number): KeptPdu | null {
    const row = this.#db.prepare<[number]>('SELECT * FROM set_aside WHERE number = ?').get(number);
    return row === undefined ? null : keptOf(row);
  }

  close(): void {
    this.#db.close();
  }
}

function keptOf(row: unknown): KeptPdu {
  const { interface: reference, ...pdu } = STORED.set_aside.read(row);
  return { ...pdu, reference };
}

/** Where PDUs are set aside: beside a store. */
export function setAsideBeside(store: string): string {
  return store === ':memory:' ? store : `${store}.set-aside.db`;
}
