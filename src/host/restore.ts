/**
 * Putting a copy (`backup.ts`) back into an empty place. All is read and checked before anything is written; the log says
 * that it was done, and of when the copy is.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Decrypter } from 'age-encryption';
import type { Clock } from '../bytes/ports.ts';
import { Form } from '../bytes/schema.ts';
import { messageOf } from '../bytes/errors.ts';
import { AuditFile } from '../evidence/audit-file.ts';
import { HashChainLog } from '../evidence/log.ts';
import { makeFolder } from '../storage/files.ts';
import { lockState } from '../storage/lock.ts';
import { BackupError, MANIFEST, MANIFEST_FILE, digestHex } from './backup.ts';
import type { BackupManifest, KeptState } from './backup.ts';

const FORM = new Form(MANIFEST);

/** What a folder with a copy says of itself. @throws BackupError `unfit-copy` */
export function readManifest(folder: string): BackupManifest {
  const unfit = (cause?: unknown): BackupError =>
    new BackupError('unfit-copy', `${folder} has no manifest of a copy that this version reads`, { cause });
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path.join(folder, MANIFEST_FILE), 'utf8'));
  } catch (cause) {
    throw unfit(cause);
  }
  return FORM.readOr(json, () => unfit());
}

export interface RestoreOrder {
  readonly from: string;
  readonly manifest: BackupManifest;
  /** `AGE-SECRET-KEY-1…`, for an encrypted copy. */
  readonly identity: string | null;
  /** The state that the configuration names. */
  readonly kept: KeptState;
  readonly clock: Clock;
  /** What an entity does to its stores so that nothing is said twice; gives what is put on record besides. */
  readonly prepare: (kept: KeptState, now: number) => Promise<Readonly<Record<string, string | number>>>;
}

/** @throws BackupError, StorageError `locked`: then nothing was changed */
export async function restoreBackup(order: RestoreOrder): Promise<void> {
  const { manifest, kept, clock, prepare } = order;
  const targets = new Map(manifest.stores.map(({ name }) => [name, kept.stores[name]]));
  const lacking = Object.keys(kept.stores).filter((name) => !targets.has(name));
  if (lacking.length > 0 || [...targets.values()].includes(undefined))
    throw new BackupError('unfit-copy', `the copy does not have what a ${manifest.entity} keeps`);
  const octets = new Map<string, Uint8Array>();
  for (const each of [...manifest.stores, manifest.audit]) octets.set(each.name, await opened(order, each));
  const held = lockState(kept.place, clock.now());
  const written: string[] = [];
  try {
    const all: [string, string][] = [...Object.entries(kept.stores), [manifest.audit.name, kept.audit]];
    for (const [, file] of all)
      for (const beside of [file, `${file}-wal`, `${file}.head`])
        if (existsSync(beside))
          throw new BackupError('in-the-way', `${beside} is there already: a copy goes into an empty place`);
    for (const [name, file] of all) {
      makeFolder(path.dirname(file), 0o700);
      written.push(file, `${file}-wal`, `${file}-shm`, `${file}.head`);
      writeFileSync(file, octets.get(name) ?? new Uint8Array(), { mode: 0o600, flag: 'wx', flush: true });
    }
    const said = await prepare(kept, clock.now());
    const log = new AuditFile(kept.audit);
    try {
      new HashChainLog(log, clock).append({ kind: 'restored', copyOf: manifest.made, ...said });
    } finally {
      log.close();
    }
  } catch (error) {
    for (const file of written) rmSync(file, { force: true });
    throw error;
  } finally {
    held.release();
  }
}

async function opened(
  { from, manifest, identity }: RestoreOrder,
  { file, sha256: expected }: BackupManifest['audit'],
): Promise<Uint8Array> {
  let octets: Uint8Array;
  try {
    octets = new Uint8Array(readFileSync(path.join(from, file)));
  } catch (cause) {
    throw new BackupError('unfit-copy', `${file} of the copy cannot be read: ${messageOf(cause)}`, { cause });
  }
  if (digestHex(octets) !== expected) throw new BackupError('unfit-copy', `${file} is not what was copied`);
  if (!manifest.encrypted) return octets;
  if (identity === null)
    throw new BackupError('unfit-copy', 'the copy is encrypted: name the file of the key by --identity');
  try {
    const decrypter = new Decrypter();
    decrypter.addIdentity(identity);
    return await decrypter.decrypt(octets);
  } catch {
    // The reason could quote the key.
    throw new BackupError('unfit-copy', `${file} cannot be decrypted by this key`);
  }
}
