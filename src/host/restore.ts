/**
 * Putting a copy (`backup.ts`) back into an empty place. All is read and checked before anything is written; the log says
 * that it was done, and of when the copy is.
 */
import { createReadStream, createWriteStream, existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Decrypter } from 'age-encryption';
import type { Clock } from '../bytes/ports.ts';
import { Form } from '../bytes/schema.ts';
import { messageOf } from '../bytes/errors.ts';
import { AuditFile } from '../evidence/audit-file.ts';
import { HashChainLog } from '../evidence/log.ts';
import { makeFolder, removeEmpty } from '../storage/files.ts';
import { lockState } from '../storage/lock.ts';
import { BackupError, digestOfFile, fromWeb, MANIFEST, MANIFEST_FILE } from './backup.ts';
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
  const { manifest, kept } = order;
  const targets = new Map(manifest.stores.map(({ name }) => [name, kept.stores[name]]));
  const lacking = Object.keys(kept.stores).filter((name) => !targets.has(name));
  if (lacking.length > 0 || [...targets.values()].includes(undefined))
    throw new BackupError('unfit-copy', `the copy does not have what a ${manifest.entity} keeps`);
  const copies = new Map([...manifest.stores, manifest.audit].map((each) => [each.name, each]));
  for (const copy of copies.values()) await check(order, copy);
  const all: [string, string][] = [...Object.entries(kept.stores), [manifest.audit.name, kept.audit]];
  const made = all.flatMap(([, file]) => makeFolder(path.dirname(file), 0o700));
  try {
    await putBack(order, all, copies);
  } catch (error) {
    removeEmpty(made);
    throw error;
  }
}

type Copies = ReadonlyMap<string, BackupManifest['audit']>;

/** @param all what is put where */
async function putBack(
  order: RestoreOrder,
  all: readonly (readonly [string, string])[],
  copies: Copies,
): Promise<void> {
  const { manifest, kept, clock, prepare } = order;
  const held = lockState(kept.place, clock.now());
  const written: string[] = [];
  try {
    for (const [, file] of all)
      for (const beside of [file, `${file}-wal`, `${file}.head`])
        if (existsSync(beside))
          throw new BackupError('in-the-way', `${beside} is there already: a copy goes into an empty place`);
    for (const [name, file] of all) {
      written.push(file, `${file}-wal`, `${file}-shm`, `${file}.head`);
      const copy = copies.get(name);
      const target = createWriteStream(file, { mode: 0o600, flags: 'wx', flush: true });
      if (copy !== undefined) await pipeline(await opened(order, copy), target);
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

/** Whether a file is what was copied, and can be decrypted to its end. */
async function check(order: RestoreOrder, copy: BackupManifest['audit']): Promise<void> {
  const { file, sha256: expected } = copy;
  let digest: string;
  try {
    digest = await digestOfFile(path.join(order.from, file));
  } catch (cause) {
    throw new BackupError('unfit-copy', `${file} of the copy cannot be read: ${messageOf(cause)}`, { cause });
  }
  if (digest !== expected) throw new BackupError('unfit-copy', `${file} is not what was copied`);
  if (!order.manifest.encrypted) return;
  try {
    for await (const _ of await opened(order, copy));
  } catch (error) {
    if (error instanceof BackupError) throw error;
    throw undecipherable(file);
  }
}

/** What a file holds. */
async function opened(
  { from, manifest, identity }: RestoreOrder,
  { file }: BackupManifest['audit'],
): Promise<Readable> {
  const octets = createReadStream(path.join(from, file));
  if (!manifest.encrypted) return octets;
  if (identity === null)
    throw new BackupError('unfit-copy', 'the copy is encrypted: name the file of the key by --identity');
  try {
    const decrypter = new Decrypter();
    decrypter.addIdentity(identity);
    const encrypted = Readable.toWeb(octets) as globalThis.ReadableStream<Uint8Array>;
    return fromWeb(await decrypter.decrypt(encrypted));
  } catch {
    octets.destroy();
    throw undecipherable(file);
  }
}

/** The reason could quote the key. */
function undecipherable(file: string): BackupError {
  return new BackupError('unfit-copy', `${file} cannot be decrypted by this key`);
}
