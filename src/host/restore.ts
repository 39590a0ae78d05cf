/**
 * Putting a copy (`backup.ts`) back into an empty place. All is read and checked before anything is written; the log says
 * that it was done, and of when the copy is.
 */
import { createReadStream, createWriteStream, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Decrypter } from 'age-encryption';
import type { Clock } from '../bytes/ports.ts';
import { Form } from '../bytes/schema.ts';
import { whyOf } from '../bytes/system-errors.ts';
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

/** One file of a copy, and where it goes. */
interface Piece {
  readonly copy: BackupManifest['stores'][number];
  readonly to: string;
}

/** @throws BackupError, StorageError `locked`: then nothing was changed */
export async function restoreBackup(order: RestoreOrder): Promise<void> {
  const pieces = piecesOf(order);
  for (const { copy } of pieces) await check(order, copy);
  const folders = Object.values(order.kept.folders ?? {});
  const made = [...pieces.map(({ to }) => path.dirname(to)), ...folders].flatMap((folder) =>
    makeFolder(folder, 0o700),
  );
  try {
    await putBack(order, pieces);
  } catch (error) {
    removeEmpty(made);
    throw error;
  }
}

/** All that is put back, and where. @throws BackupError `unfit-copy` if that is not what the entity keeps */
function piecesOf({ manifest, kept }: RestoreOrder): Piece[] {
  const { stores, files, audit, entity } = manifest;
  const unfit = (): BackupError =>
    new BackupError('unfit-copy', `the copy does not have what a ${entity} keeps`);
  const names = stores.map(({ name }) => name);
  if (Object.keys(kept.stores).some((name) => !names.includes(name))) throw unfit();
  if ((audit === null) !== (kept.audit === null)) throw unfit();
  const at = (places: Readonly<Record<string, string>>, name: string): string => {
    const place = Object.hasOwn(places, name) ? places[name] : undefined;
    if (place === undefined) throw unfit();
    return place;
  };
  return [
    ...stores.map((copy) => ({ copy, to: at(kept.stores, copy.name) })),
    ...files.map((copy) => ({ copy, to: path.join(at(kept.folders ?? {}, copy.folder), copy.name) })),
    ...(audit === null || kept.audit === null ? [] : [{ copy: audit, to: kept.audit }]),
  ];
}

async function putBack(order: RestoreOrder, pieces: readonly Piece[]): Promise<void> {
  const { manifest, kept, clock, prepare } = order;
  const held = lockState(kept.place, clock.now());
  const written: string[] = [];
  try {
    for (const folder of Object.values(kept.folders ?? {})) {
      const [first] = readdirSync(folder);
      if (first !== undefined) throw inTheWay(path.join(folder, first));
    }
    for (const { to } of pieces)
      for (const beside of [to, `${to}-wal`, `${to}.head`]) if (existsSync(beside)) throw inTheWay(beside);
    for (const { copy, to } of pieces) {
      written.push(to, `${to}-wal`, `${to}-shm`, `${to}.head`);
      const target = createWriteStream(to, { mode: 0o600, flags: 'wx', flush: true });
      await pipeline(await opened(order, copy), target);
    }
    const said = await prepare(kept, clock.now());
    if (kept.audit !== null) putOnRecord(kept.audit, clock, { copyOf: manifest.made, ...said });
  } catch (error) {
    for (const file of written) rmSync(file, { force: true });
    throw error;
  } finally {
    held.release();
  }
}

function putOnRecord(file: string, clock: Clock, said: Readonly<Record<string, string | number>>): void {
  const log = new AuditFile(file);
  try {
    new HashChainLog(log, clock).append({ kind: 'restored', ...said });
  } finally {
    log.close();
  }
}

function inTheWay(file: string): BackupError {
  return new BackupError('in-the-way', `${file} is there already: a copy goes into an empty place`);
}

/** Whether a file is what was copied, and can be decrypted to its end. */
async function check(order: RestoreOrder, copy: BackupManifest['stores'][number]): Promise<void> {
  const { file, sha256: expected } = copy;
  let digest: string;
  try {
    digest = await digestOfFile(path.join(order.from, file));
  } catch (cause) {
    throw new BackupError('unfit-copy', `${file} of the copy cannot be read: ${whyOf(cause)}`, { cause });
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
  { file }: BackupManifest['stores'][number],
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
