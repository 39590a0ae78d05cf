/**
 * State belongs to one process. Beside what it works with (a folder, or a file) a process keeps a SQLite database under
 * an exclusive lock, which the operating system drops with the process however it ends; a text next to it says who has
 * it. Two processes on one state would fork its audit log, give one CIN twice and cut each other's files.
 *
 *     state/kms           state/kms/lock.db, state/kms/lock.json
 *     cscf-audit.jsonl    cscf-audit.jsonl.lock.db, cscf-audit.jsonl.lock.json
 *
 *     { "entity": "kms", "pid": 4711, "since": "…" }      and "until": "…" when that has given it up
 *
 * The database stays when the lock is given up: whoever removes it could remove the next one's. State must not lie on a
 * file system without POSIX locks.
 */
import { readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import Type from 'typebox';
import type { StaticDecode } from 'typebox';
import { isoTime } from '../bytes/iso-time.ts';
import { jsonOf } from '../bytes/json.ts';
import { opening } from '../bytes/opened.ts';
import type { Opened } from '../bytes/opened.ts';
import { Form } from '../bytes/schema.ts';
import { StorageError } from './errors.ts';
import { makeFolder } from './files.ts';
import { makePrivate } from './sqlite.ts';

/** What one process keeps for itself. */
export interface StatePlace {
  /** Whose state it is, e.g. `kms`; for whoever comes second. */
  readonly entity: string;
  /** A folder that is all the entity's own; made if missing. */
  readonly folders?: readonly string[];
  /** Files in a folder that others use too; `:memory:` is passed over. */
  readonly files?: readonly string[];
}

/** Locks on state, held until `release` or the end of the process. */
export interface StateLock {
  release(): void;
}

/** How long the start waits for a process that is just ending, or that has just begun and not yet said who it is. */
const PATIENCE_MS = 250;

/** @param since now, Unix milliseconds @throws StorageError `locked` */
export function lockState(place: StatePlace, since: number): StateLock {
  const { entity, folders = [], files = [] } = place;
  for (const folder of folders) makeFolder(folder, 0o700);
  const bases = [
    ...folders.map((folder) => path.join(realpathSync(folder), 'lock')),
    ...files.filter((file) => file !== ':memory:').map((file) => `${resolved(file)}.lock`),
  ];
  const held: StateLock[] = [];
  const release = (): void => held.splice(0).forEach((lock) => lock.release());
  try {
    for (const base of new Set(bases))
      held.push(lock(base, { entity, pid: process.pid, since: isoTime(since) }));
  } catch (error) {
    release();
    throw error;
  }
  return { release };
}

/** Starts something that owns state: locked before it begins, given up when it has stopped or cannot start. */
export function holdingState<R extends object>(
  place: StatePlace,
  since: number,
  start: (opened: Opened) => Promise<R>,
): Promise<R & { stop(): Promise<void> }> {
  return opening((opened) => {
    const held = lockState(place, since);
    opened.add(() => held.release());
    return start(opened);
  });
}

/** Whether there is a process of that number: this one, another, perhaps another than was meant. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it is there, and somebody else's.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** What is beside a lock: who has the state, or had it last. */
export type LockNote = StaticDecode<typeof NOTE>;

/** Names of notes: of a folder, and of a file. */
export const LOCK_NOTE = /^(?:.+\.)?lock\.json$/;

/** A note by its path; `null`: it is none. It is for people: of who was killed it says that they have the state still. */
export function readLockNote(file: string): LockNote | null {
  try {
    const read = NOTES.read(jsonOf(readFileSync(file, 'utf8')));
    return 'value' in read ? read.value : null;
  } catch {
    return null;
  }
}

/* ---------------------------------------------------------------- helpers */

const NOTE = Type.Object({
  entity: Type.String({ pattern: '^[\\w-]+$' }),
  pid: Type.Integer({ minimum: 1 }),
  since: Type.String({ pattern: '^[\\w.:-]+$' }),
  /** When it was given up; absent: it was not. */
  until: Type.Optional(Type.String({ pattern: '^[\\w.:-]+$' })),
});
const NOTES = new Form(NOTE);

function lock(base: string, holder: LockNote): StateLock {
  const file = `${base}.db`;
  const note = `${base}.json`;
  makePrivate(file);
  const database = new Database(file, { timeout: PATIENCE_MS });
  try {
    // The transaction is never committed: it is the lock.
    database.pragma('locking_mode = EXCLUSIVE');
    database.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    database.close();
    if (!(cause instanceof Database.SqliteError) || !cause.code.startsWith('SQLITE_BUSY')) throw cause;
    throw new StorageError('locked', `${base.replace(/[./]lock$/, '')} is in use by ${holderOf(note)}`, {
      cause,
    });
  }
  writeNote(note, holder);
  return {
    release: () => {
      try {
        writeNote(note, { ...holder, until: isoTime(Date.now()) });
      } catch {
        // The disk is full, or the folder gone: nothing is better than what is not so any more.
        rmSync(note, { force: true });
      }
      database.close();
    },
  };
}

function writeNote(note: string, holder: LockNote): void {
  writeFileSync(`${note}.new`, `${JSON.stringify(holder)}\n`, { mode: 0o600 });
  renameSync(`${note}.new`, note);
}

function holderOf(note: string): string {
  const holder = readLockNote(note);
  if (holder === null || holder.until !== undefined) return 'another process';
  return `${holder.entity}, process ${holder.pid}, since ${holder.since}`;
}

/** Of a file that need not be there: one file has one lock, by whatever link it is named. */
function resolved(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return path.resolve(file);
  }
}
