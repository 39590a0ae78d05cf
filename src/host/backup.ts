/**
 * A consistent copy of what a running entity keeps: each store by SQLite itself, then the audit log up to the record that
 * was its newest by then, so that no store remembers a record that the log of the copy lacks.
 *
 *     FOLDER/manifest.json    what it is of, when it was made, and a SHA-256 of each file
 *     FOLDER/NAME.db          a store          encrypted: NAME.db.age
 *     FOLDER/audit.jsonl      the log          encrypted: audit.jsonl.age
 *
 * Encrypted copies (age, for a recipient's key) are made in memory: nothing of them is on disk in the clear.
 */
import { createHash } from 'node:crypto';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Encrypter } from 'age-encryption';
import Database from 'better-sqlite3';
import Type from 'typebox';
import type { Static } from 'typebox';
import { ClavigerError } from '../bytes/errors.ts';
import { strict } from '../bytes/schema.ts';
import type { AuditTrail } from '../evidence/trail.ts';
import { makeFolder } from '../storage/files.ts';
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
  /** Path of the audit log. */
  readonly audit: string;
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
  audit: FILE,
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
  trail: AuditTrail,
  { entity, name, version, now }: BackupSubject,
  { to, recipient }: BackupOrder,
): Promise<BackupManifest> {
  if (kept.secret && recipient === undefined)
    throw new BackupError(
      'recipient-missing',
      `a copy of what a ${entity} keeps is made for a recipient's key alone`,
    );
  const encrypter = recipient === undefined ? null : encrypterFor(recipient);
  if ([...Object.values(kept.stores), kept.audit].includes(':memory:'))
    throw new BackupError('nothing-kept', `this ${entity} keeps its state in memory alone`);
  if (existsSync(to)) throw new BackupError('in-the-way', `${to} is there already`);
  trail.record({ kind: 'operator-backup', encrypted: encrypter !== null });
  makeFolder(to, 0o700);
  try {
    const put = async (what: string, file: string, octets: Uint8Array): Promise<BackupManifest['audit']> => {
      const written = encrypter === null ? octets : await encrypter.encrypt(octets);
      const called = encrypter === null ? file : `${file}.age`;
      writeFileSync(path.join(to, called), written, { mode: 0o600, flag: 'wx', flush: true });
      return { name: what, file: called, sha256: digestHex(written) };
    };
    const stores = [];
    for (const [what, file] of Object.entries(kept.stores))
      stores.push(await put(what, `${what}.db`, storeOctets(file)));
    const lastRecord = trail.last()?.sequence ?? -1;
    const lines = (await trail.lines(0, lastRecord + 1)).map((line) => `${line}\n`);
    const audit = await put(AUDIT_COPY, 'audit.jsonl', Buffer.from(lines.join('')));
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
    throw error;
  }
}

export function digestHex(octets: Uint8Array): string {
  return createHash('sha256').update(octets).digest('hex');
}

/** A store as it is at one moment, whoever writes to it. */
function storeOctets(file: string): Uint8Array {
  const database = new Database(file, { readonly: true, fileMustExist: true });
  try {
    return database.serialize();
  } finally {
    database.close();
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
