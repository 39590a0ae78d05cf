/** Folders and files: each written to its end or not at all, and errors that say why not. */
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import {
  appendWhole,
  copyWhole,
  makeFolder,
  removeEmpty,
  replaceFile,
  writeWhole,
} from '../../src/storage/files.ts';
import { tinyDisk } from '../support/tiny-disk.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-files-'));
const at = (...names: string[]): string => path.join(folder, ...names);
afterAll(() => rmSync(folder, { recursive: true }));

describe('a folder', () => {
  it('is made with those above it, for its owner alone if that is asked for', () => {
    expect(makeFolder(at('a', 'b', 'c'), 0o700)).toEqual([at('a'), at('a', 'b'), at('a', 'b', 'c')]);
    for (const made of [at('a'), at('a', 'b'), at('a', 'b', 'c')])
      expect(statSync(made).mode & 0o777).toBe(0o700);
  });

  it('that is there stays as it is', () => {
    makeFolder(at('there'), 0o755);
    expect(makeFolder(at('there'), 0o700)).toEqual([]);
    expect(makeFolder(at('there', '..', 'there', 'new'))).toEqual([at('there', 'new')]);
    expect(statSync(at('there')).mode & 0o777).toBe(0o755);
  });

  it.each(['/proc/x', '/proc/x/y/z', '/proc/self/x', '/proc/self/fd/x'])(
    'R-80: %s cannot be made, and that is the end of it',
    (place) => {
      expect(() => makeFolder(place)).toThrow(
        expect.objectContaining({ name: 'FileError', code: 'missing' }) as Error,
      );
    },
  );

  it.each([['file'], ['file', 'below'], ['file', 'below', 'deep']])(
    'where a file is: refused (%s %s)',
    (...names) => {
      writeFileSync(at('file'), 'kept');
      expect(() => makeFolder(at(...names))).toThrow(
        expect.objectContaining({ name: 'FileError', code: 'in-the-way' }) as Error,
      );
      expect(readFileSync(at('file'), 'utf8')).toBe('kept');
    },
  );

  it('with a name that is too long: refused', () => {
    expect(() => makeFolder(at('n'.repeat(300)))).toThrow(/the name is too long/);
  });

  it('that was made for nothing goes again, unless something is in it', () => {
    const made = makeFolder(at('x', 'y', 'z'));
    writeFileSync(at('x', 'of-others'), '');
    removeEmpty(made);
    expect(readdirSync(at('x'))).toEqual(['of-others']);
  });
});

describe('a file', () => {
  it('of somebody else is not written over with wx, and not removed', () => {
    writeFileSync(at('theirs'), 'theirs');
    expect(() => writeWhole(at('theirs'), 'ours', { flag: 'wx' })).toThrow(
      expect.objectContaining({ name: 'FileError', code: 'in-the-way' }) as Error,
    );
    expect(readFileSync(at('theirs'), 'utf8')).toBe('theirs');
  });

  it('that is copied has the mode of what it was made from', () => {
    writeFileSync(at('secret'), 'keys', { mode: 0o600 });
    copyWhole(at('secret'), at('copy'));
    expect(readFileSync(at('copy'), 'utf8')).toBe('keys');
    expect(statSync(at('copy')).mode & 0o777).toBe(0o600);
  });
});

const disk = tinyDisk(64);
describe.skipIf(disk === null)('on a full disk', () => {
  const large = new Uint8Array(60_000).fill(7);
  const full = { name: 'FileError', code: 'no-space' };
  const onDisk = (name: string): string => disk?.at(name) ?? '';
  afterAll(() => disk?.remove());
  beforeEach(() => {
    for (const name of readdirSync(onDisk('.'))) rmSync(onDisk(name), { recursive: true });
    disk?.fill(16);
  });

  it('R-80: a file that cannot be written to its end is not there', () => {
    expect(() => writeWhole(onDisk('new'), large)).toThrow(expect.objectContaining(full) as Error);
    writeFileSync(at('large'), large);
    expect(() => copyWhole(at('large'), onDisk('copy'))).toThrow(expect.objectContaining(full) as Error);
    expect(readdirSync(onDisk('.'))).toEqual(['filler']);
  });

  it('R-80: what was there before is not removed', () => {
    writeFileSync(at('large'), large);
    for (const write of [
      () => writeWhole(onDisk('old'), large),
      () => copyWhole(at('large'), onDisk('old')),
    ]) {
      writeFileSync(onDisk('old'), '');
      const { ino } = statSync(onDisk('old'));
      expect(write).toThrow(expect.objectContaining(full) as Error);
      expect(statSync(onDisk('old')).ino).toBe(ino);
    }
  });

  it('R-80: a file that cannot be replaced stays as it was', () => {
    replaceFile(onDisk('report'), 'before');
    expect(() => replaceFile(onDisk('report'), large)).toThrow(expect.objectContaining(full) as Error);
    expect(readFileSync(onDisk('report'), 'utf8')).toBe('before');
    expect(existsSync(onDisk('report.new'))).toBe(false);
  });

  it('R-80: what cannot be appended to its end is not appended at all', () => {
    const descriptor = openSync(onDisk('log'), 'a');
    appendWhole(descriptor, 'log', Buffer.from('before'));
    expect(() => appendWhole(descriptor, 'log', large)).toThrow(expect.objectContaining(full) as Error);
    appendWhole(descriptor, 'log', Buffer.from(' after'));
    closeSync(descriptor);
    expect(readFileSync(onDisk('log'), 'utf8')).toBe('before after');
  });
});
