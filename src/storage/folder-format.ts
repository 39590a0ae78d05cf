/**
 * Which version the files of a folder have, as a file among them says: an earlier program touches nothing of what a later
 * one has written. A folder without that file has version 1, which did not write it at first.
 *
 *     FOLDER/format.json   {"store":"mailbox","version":1}
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import Type from 'typebox';
import { Form, strict } from '../bytes/schema.ts';
import { StorageError } from './errors.ts';
import { makeFolder, writeWhole } from './files.ts';

const FORMAT_FILE = 'format.json';
const FORM = new Form(strict({ store: Type.String(), version: Type.Integer({ minimum: 1 }) }));

export interface FolderFormat {
  readonly store: string;
  /** The present one; those before it can be read. */
  readonly version: number;
}

/**
 * Makes a folder, or looks whether it is one that this program reads.
 * @returns the version of the files that are there
 * @throws StorageError `newer`, `foreign`, `damaged`; FileError
 */
export function openFolder(folder: string, { store, version }: FolderFormat): number {
  makeFolder(folder, 0o700);
  const file = path.join(folder, FORMAT_FILE);
  if (!existsSync(file)) {
    writeWhole(file, `${JSON.stringify({ store, version: 1 })}\n`, { mode: 0o600 });
    return 1;
  }
  const found = readFormat(file);
  if (found.store !== store)
    throw new StorageError('foreign', `${folder} is a ${found.store} store: is the path right?`);
  if (found.version > version) throw newer(folder, found.version, version);
  return found.version;
}

function readFormat(file: string): FolderFormat {
  const damaged = (cause?: unknown): StorageError =>
    new StorageError('damaged', `${file} does not say which version of a store is there`, { cause });
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw damaged(cause);
  }
  return FORM.readOr(json, () => damaged());
}

function newer(folder: string, found: number, known: number): StorageError {
  return new StorageError(
    'newer',
    `${folder} was written by a later version of Claviger (store version ${found}, known here up to ${known}): run that version, or put back a copy from before the update`,
  );
}
