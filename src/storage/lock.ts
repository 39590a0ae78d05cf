/**
 * State belongs to one process. Beside what it works with (a folder, or a file) a process keeps a SQLite database under
 * an exclusive lock, which the operating system drops with the process however it ends; a text next to it says who has
 * it. Two processes on one state would fork its audit log, give one CIN twice and cut each other's files.
 *
 *     state/kms           state/kms/lock.db, state/kms/lock.json
 *     cscf-audit.jsonl    cscf-audit.jsonl.lock.db, cscf-audit.jsonl.lock.json
 *
 * The database stays when the lock is given up: whoever removes it could remove the next one's. State must not lie on a
 * file system without POSIX locks.
 */
import { readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { isoTime } from '../bytes/iso-time.ts';
import { opening } from '../bytes/opened.ts';
import type { Opened } from '../bytes/opened.ts';
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

/* ---------------------------------------------------------------- helpers */

interface Holder {
  readonly entity: string;
  readonly pid: number;
  readonly since: string;
}

function lock(base: string, holder: Holder): StateLock {
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
  writeFileSync(`${note}.new`, `${JSON.stringify(holder)}\n`, { mode: 0o600 });
  renameSync(`${note}.new`, note);
  return {
    release: () => {
      rmSync(note, { force: true });
      database.close();
    },
  };
}

/** As the note says it; it is for people, and any text will do. */
function holderOf(note: string): string {
  let text = '';
  try {
    text = readFileSync(note, 'utf8');
  } catch {
    return 'another process';
  }
  const [, entity, pid, since] =
    /^\{"entity":"([\w-]+)","pid":(\d+),"since":"([\w.:-]+)"\}$/m.exec(text) ?? [];
  return entity === undefined ? 'another process' : `${entity}, process ${pid ?? ''}, since ${since ?? ''}`;
}

/** Of a file that need not be there: one file has one lock, by whatever link it is named. */
function resolved(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return path.resolve(file);
  }
}
