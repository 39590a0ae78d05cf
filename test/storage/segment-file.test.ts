/** A file of a log in segments, whoever works with it at the same time. */
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { SegmentFile } from '../../src/storage/segment-file.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-segment-'));
afterAll(() => rmSync(folder, { recursive: true }));

const FDS = '/proc/self/fd';
const openTimes = (file: string): number =>
  readdirSync(FDS).filter((fd) => {
    try {
      return readlinkSync(path.join(FDS, fd)) === file;
    } catch {
      return false;
    }
  }).length;

describe('a segment', () => {
  it.runIf(existsSync(FDS))('is opened once, by those who read and append at a time', async () => {
    const file = path.join(folder, 'one');
    writeFileSync(file, 'before');
    const segment = new SegmentFile(file, 'later', 6);
    const [octets] = await Promise.all([
      segment.read(0, 6),
      segment.append(Buffer.from(' and after')),
      segment.read(0, 1),
    ]);
    expect(Buffer.from(octets).toString()).toBe('before');
    expect([openTimes(file), readFileSync(file, 'utf8')]).toEqual([1, 'before and after']);
    await segment.close();
    expect(openTimes(file)).toBe(0);
  });

  it.each(['at-once', 'later'] as const)('that could not be opened is tried again: %s', async (writing) => {
    const place = path.join(folder, `missing-${writing}`);
    const segment = new SegmentFile(path.join(place, 'one'), writing);
    await expect(segment.append(Buffer.from('a'))).rejects.toMatchObject({ code: 'missing' });
    writeFileSync(place, '');
    await expect(segment.append(Buffer.from('a'))).rejects.toMatchObject({ code: 'in-the-way' });
    await segment.close();
  });
});
