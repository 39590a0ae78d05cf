/** What a LEMF's store makes durable before it acknowledges, and that it asks the disk for no more. */
import { mkdtempSync, rmSync } from 'node:fs';
import type * as Fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test, vi } from 'vitest';
import { LemfFiles } from '../../../../src/entities/lemf/store/files.ts';

const synced = vi.hoisted((): string[] => []);
vi.mock('node:fs', async (importOriginal) => {
  const fs = await importOriginal<typeof Fs>();
  const fsync: typeof fs.fsync = Object.assign(
    (descriptor: number, done: (error: NodeJS.ErrnoException | null) => void) => {
      synced.push(fs.readlinkSync(`/proc/self/fd/${descriptor}`).replace(/^.*\//, ''));
      fs.fsync(descriptor, done);
    },
    { __promisify__: fs.fsync.__promisify__ },
  );
  return { ...fs, fsync };
});

test.runIf(process.platform === 'linux')(
  'R-20: who sent what is durable before the PDUs are, and is not synced again while the same sends on',
  async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'claviger-lemf-sync-'));
    const files = new LemfFiles(folder);
    await files.sync();
    synced.length = 0;
    const stored = async (source: string): Promise<string[]> => {
      files.append('hi3', Uint8Array.of(0x30, 0), source);
      await files.sync();
      return synced.splice(0);
    };
    expect(await stored('df.home1.example')).toEqual(['hi3.sources', 'hi3.ber']);
    expect(await stored('df.home1.example')).toEqual(['hi3.ber']);
    expect(await stored('df.home2.example')).toEqual(['hi3.sources', 'hi3.ber']);
    await files.close();
    rmSync(folder, { recursive: true });
  },
);
