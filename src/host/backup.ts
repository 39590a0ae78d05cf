/**
 * A consistent copy of what a running entity keeps: each store by SQLite itself, then the audit log up to the record that
 * was its newest by then, so that no store remembers a record that the log of the copy lacks.
 *
 *     FOLDER/manifest.json    what it is of, when it was made, and a SHA-256 of each file
 *     FOLDER/NAME.db          a store          encrypted: NAME.db.age
 *     FOLDER/audit.jsonl      the log          encrypted: audit.jsonl.age
 *     FOLDER/NAME.FILE        a file of a folder that the entity keeps
 *
 * Stores and logs may be large: they are copied a piece at a time, while the entity goes on. An encrypted copy (age, for a
 * recipient's key) of a store is first made beside the store, which is in the clear itself, and removed when it is done.
 */
import { createHash } from 'node:crypto';
import {
  createReadStream,
  createWriteStream,
  existsSync,
  linkSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { Readable, Transform } from 'node:stream';
import type { TransformCallback } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Encrypter } from 'age-encryption';
import Database from 'better-sqlite3';
import Type from 'typebox';
import type { Static } from 'typebox';
import { ClavigerError } from '../bytes/errors.ts';
import { isSystemError } from '../bytes/system-errors.ts';
import { strict } from '../bytes/schema.ts';
import type { AuditTrail } from '../evidence/trail.ts';
import { fileError, makeFolder } from '../storage/files.ts';
import { makePrivate } from '../storage/sqlite.ts';
import type { StatePlace } from '../storage/lock.ts';

export type BackupErrorCode =
  /** What is to be kept in secret is copied only for a recipient's key. */
  | 'recipient-missing'
  /** The key is not one of age. */
  | 'recipient-unfit'
  /** There is something at the place already. */
  | 'in-the-way'
  /** A copy is not whole, or not of this entity. */
  | 'unfit-copy'
  /** The entity keeps nothing that can be copied so. */
  | 'nothing-kept';

/** A copy that was not made, or not taken back: nothing was changed. */
export class BackupError extends ClavigerError<BackupErrorCode> {}

/** What an entity keeps on disk. */
export interface KeptState {
  /** Paths of stores, by the name that they have in a copy. */
  readonly stores: Readonly<Record<string, string>>;
  /** Paths of folders of files, by the name that they have in a copy. */
  readonly folders?: Readonly<Record<string, string>>;
  /** Brings into the stores what files of the folders alone have, which come and go while stores are copied. */
  readonly settle?: () => Promise<void>;
  /** Path of the audit log; `null`: the entity keeps none. */
  readonly audit: string | null;
  /** What is locked while the entity runs, or its state is put back. */
  readonly place: StatePlace;
  /** Whether a copy must be encrypted. */
  readonly secret: boolean;
}

const FILE = strict({
  name: Type.String(),
  file: Type.String({ pattern: '^[\\w.-]+$' }),
  sha256: Type.String(),
});

export const MANIFEST = strict({
  format: Type.Literal(1),
  entity: Type.String(),
  name: Type.String(),
  version: Type.String(),
  /** ISO 8601: what came after is not in the copy. */
  made: Type.String(),
  encrypted: Type.Boolean(),
  stores: Type.Array(FILE),
  /** Those of folders. */
  files: Type.Array(
    strict({
      folder: Type.String({ pattern: '^\\w+$' }),
      name: Type.String({ pattern: '^\\w[\\w.-]*$' }),
      file: Type.String({ pattern: '^\\w[\\w.-]*$' }),
      sha256: Type.String(),
    }),
    { default: [] },
  ),
  /** `null`: the entity keeps none. */
  audit: Type.Union([FILE, Type.Null()]),
  /** The newest record of the log in the copy. */
  lastRecord: Type.Integer({ minimum: -1 }),
});

export type BackupManifest = Static<typeof MANIFEST>;

export const MANIFEST_FILE = 'manifest.json';
export const AUDIT_COPY = 'audit';

/** Whose copy it is, and when it is made. */
export interface BackupSubject {
  readonly entity: string;
  readonly name: string;
  readonly version: string;
  /** Unix milliseconds. */
  readonly now: number;
}

export interface BackupOrder {
  /** Folder that is made. */
  readonly to: string;
  /** `age1…`; absent: the copy is in the clear, for its owner alone. */
  readonly recipient?: string | undefined;
}

/** @throws BackupError; what writing throws: then nothing is left of the copy */
export async function makeBackup(
  kept: KeptState,
  trail: AuditTrail | null,
  { entity, name, version, now }: BackupSubject,
  { to, recipient }: BackupOrder,
): Promise<BackupManifest> {
  if (kept.secret && recipient === undefined)
    throw new BackupError(
      'recipient-missing',
      `a copy of what a ${entity} keeps is made for a recipient's key alone`,
    );
  const encrypter = recipient === undefined ? null : encrypterFor(recipient);
  if (Object.values(kept.stores).includes(':memory:') || kept.audit === ':memory:')
    throw new BackupError('nothing-kept', `this ${entity} keeps its state in memory alone`);
  if (existsSync(to)) throw new BackupError('in-the-way', `${to} is there already`);
  trail?.record({ kind: 'operator-backup', encrypted: encrypter !== null });
  makeFolder(to, 0o700);
  try {
    const at = (file: string): string => path.join(to, file);
    await kept.settle?.();
    const stores = [];
    for (const [name, file] of Object.entries(kept.stores))
      stores.push({ name, ...(await copyOfStore(file, at(`${name}.db`), encrypter)) });
    const files = [];
    for (const [name, folder] of Object.entries(kept.folders ?? {}))
      files.push(...(await copyOfFolder(name, folder, to, encrypter)));
    const lastRecord = trail?.last()?.sequence ?? -1;
    const audit = trail === null ? null : await copyOfLog(trail, lastRecord, at('audit.jsonl'), encrypter);
    const made = new Date(now).toISOString();
    const encrypted = encrypter !== null;
    const manifest = {
      format: 1 as const,
      entity,
      name,
      version,
      made,
      encrypted,
      stores,
      files,
      audit,
      lastRecord,
    };
    writeFileSync(path.join(to, MANIFEST_FILE), `${JSON.stringify(manifest, null, 2)}\n`, {
      mode: 0o600,
      flag: 'wx',
      flush: true,
    });
    return manifest;
  } catch (error) {
    rmSync(to, { recursive: true, force: true });
    throw isSystemError(error) ? fileError(`cannot write the copy ${to}`, error) : error;
  }
}

type CopiedFile = Omit<BackupManifest['stores'][number], 'name'>;

async function copyOfLog(
  trail: AuditTrail,
  last: number,
  to: string,
  encrypter: Encrypter | null,
): Promise<BackupManifest['audit']> {
  const log = Readable.from(linesUpTo(trail, last));
  return { name: AUDIT_COPY, ...(await written(log, to, encrypter)) };
}

/** A store as it is at one moment, whoever writes to it. */
async function copyOfStore(file: string, to: string, encrypter: Encrypter | null): Promise<CopiedFile> {
  const copy = encrypter === null ? to : `${file}.copying`;
  // Of a process that was killed in the middle of it.
  if (encrypter !== null) rmSync(copy, { force: true });
  try {
    await copyPages(file, copy);
    if (encrypter === null) return { file: path.basename(to), sha256: await digestOfFile(copy) };
    return await written(createReadStream(copy), to, encrypter);
  } finally {
    if (encrypter !== null) rmSync(copy, { force: true });
  }
}

async function copyPages(file: string, to: string): Promise<void> {
  const database = new Database(file, { readonly: true, fileMustExist: true });
  try {
    // What is read is that of one moment: else the copy would begin again with each write of the entity.
    database.exec('BEGIN');
    database.prepare('SELECT count(*) FROM sqlite_schema').get();
    makePrivate(to);
    await database.backup(to);
  } finally {
    database.close();
  }
}

/**
 * The files of a folder as they are at one moment: each gets a second name first, so that what is renamed or removed while
 * they are copied is copied all the same.
 */
async function copyOfFolder(
  folder: string,
  from: string,
  to: string,
  encrypter: Encrypter | null,
): Promise<BackupManifest['files']> {
  const held = `${from}.copying`;
  rmSync(held, { recursive: true, force: true });
  makeFolder(held, 0o700);
  try {
    const names = readdirSync(from, { withFileTypes: true })
      .filter((each) => each.isFile())
      .map(({ name }) => name)
      .sort();
    for (const name of names) linkSync(path.join(from, name), path.join(held, name));
    const files: BackupManifest['files'] = [];
    for (const name of names) {
      const source = createReadStream(path.join(held, name));
      const copied = await written(source, path.join(to, `${folder}.${name}`), encrypter);
      files.push({ folder, name, ...copied });
    }
    return files;
  } finally {
    rmSync(held, { recursive: true, force: true });
  }
}

/** Lines that are asked of the log at once. */
const LINES_AT_ONCE = 1_000;

async function* linesUpTo(trail: AuditTrail, last: number): AsyncGenerator<Buffer, void> {
  for (let from = 0; from <= last;) {
    const lines = await trail.lines(from, Math.min(LINES_AT_ONCE, last + 1 - from));
    if (lines.length === 0) return;
    yield Buffer.from(lines.map((line) => `${line}\n`).join(''));
    from += lines.length;
  }
}

/** Writes what comes to a new file, encrypted to `FILE.age`. */
async function written(source: Readable, to: string, encrypter: Encrypter | null): Promise<CopiedFile> {
  const file = encrypter === null ? to : `${to}.age`;
  const digest = new Digest();
  const target = createWriteStream(file, { mode: 0o600, flags: 'wx', flush: true });
  const octets =
    encrypter === null
      ? source
      : fromWeb(await encrypter.encrypt(Readable.toWeb(source) as globalThis.ReadableStream<Uint8Array>));
  await pipeline(octets, digest, target);
  return { file: path.basename(file), sha256: digest.hex };
}

/** SHA-256 of a file of any size. */
export async function digestOfFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** A stream of the web as one of Node. */
export function fromWeb(stream: globalThis.ReadableStream<Uint8Array>): Readable {
  return Readable.fromWeb(stream);
}

class Digest extends Transform {
  readonly #hash = createHash('sha256');

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#hash.update(chunk);
    done(null, chunk);
  }

  /** To be asked once, at the end. */
  get hex(): string {
    return this.#hash.digest('hex');
  }
}

function encrypterFor(recipient: string): Encrypter {
  const encrypter = new Encrypter();
  try {
    encrypter.addRecipient(recipient);
  } catch (cause) {
    throw new BackupError('recipient-unfit', 'the recipient is not a key of age (age1…)', { cause });
  }
  return encrypter;
}
