/** Folders of files whose version a file among them says. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openFolder } from '../../src/storage/folder-format.ts';

describe('R-94: a folder of files', () => {
  let folder: string;
  const note = (): string => path.join(folder, 'format.json');
  const open = (version = 2): number => openFolder(folder, { store: 'mailbox', version });

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'claviger-format-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('of before there was a note has version 1, and says so from then on', () => {
    writeFileSync(path.join(folder, 'one.message'), 'x');
    expect([open(), open(1)]).toEqual([1, 1]);
    expect(JSON.parse(readFileSync(note(), 'utf8'))).toEqual({ store: 'mailbox', version: 1 });
  });

  it.each([
    ['of a later version', '{"store":"mailbox","version":3}', 'newer'],
    ['of something else', '{"store":"letters","version":1}', 'foreign'],
    ['whose note is not one', '{"version":1}', 'damaged'],
    ['whose note is empty', '', 'damaged'],
  ])('%s is refused, and nothing in it is touched', (_, text, code) => {
    writeFileSync(note(), text);
    let thrown: unknown = null;
    try {
      open();
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code });
    expect([readdirSync(folder), readFileSync(note(), 'utf8')]).toEqual([['format.json'], text]);
  });
});
