import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recoverFolder } from '../../../../src/entities/lemf/store/recovery.ts';
import { tinyDisk } from '../../../support/tiny-disk.ts';
import { delivered, InterceptedCall } from '../call.ts';

const root = mkdtempSync(path.join(tmpdir(), 'claviger-recovery-'));
const paths = { hi2: path.join(root, 'hi2.ber'), hi3: path.join(root, 'hi3.ber') };
const disk = tinyDisk(128);

beforeAll(() => {
  const call = new InterceptedCall('exchange-1.json', { packets: 500 });
  writeFileSync(paths.hi2, Buffer.concat(delivered([...call.signalling, ...call.keys])));
  writeFileSync(paths.hi3, Buffer.concat(delivered(call.content)));
});
afterAll(() => {
  disk?.remove();
  rmSync(root, { recursive: true });
});

/** Files of these folders that this process has open. */
function openIn(...folders: readonly string[]): string[] {
  return readdirSync('/proc/self/fd').flatMap((descriptor) => {
    try {
      const file = readlinkSync(path.join('/proc/self/fd', descriptor));
      return folders.some((folder) => file.startsWith(folder)) ? [file] : [];
    } catch {
      return [];
    }
  });
}

describe.skipIf(process.platform !== 'linux')('a recovery that fails leaves no file open', () => {
  it('that cannot begin', () => {
    const out = path.join(root, 'out');
    mkdirSync(path.join(out, 'recover.json'), { recursive: true });
    expect(() => recoverFolder(paths, out)).toThrow(/EISDIR/);
    expect(openIn(root)).toEqual([]);
    expect(readdirSync(out)).toEqual(['recover.json']);
  });

  it.skipIf(disk === null)(
    'whose audio the disk has no room for: it would keep the room that it took',
    () => {
      expect(() => recoverFolder(paths, disk!.at('out'))).toThrow(/cannot write .*: the disk is full/);
      expect(openIn(root, disk!.path)).toEqual([]);
      expect(readdirSync(disk!.at('out'))).toEqual([]);
    },
  );
});
