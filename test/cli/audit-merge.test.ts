/** `claviger audit merge` joins logs that are whole, by time, and what it wrote can be checked by itself. */
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AuditFile, headPath } from '../../src/evidence/audit-file.ts';
import { HashChainLog } from '../../src/evidence/log.ts';
import type { MergedRecord } from '../../src/evidence/merged-log.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { claviger } from './in-process.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'claviger-merge-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const at = (name: string) => path.join(folder, name);

/** A log with a record at each of these times. */
function log(name: string, ...times: number[]): string {
  const store = new AuditFile(at(name));
  const now = { time: 0 };
  const clock = Object.assign(new ManualClock(), { now: () => now.time });
  const chain = new HashChainLog(store, clock);
  for (const time of times) {
    now.time = time;
    chain.append({ kind: 'event', of: name, time });
  }
  store.close();
  return at(name);
}

const merged = (): MergedRecord[] =>
  readFileSync(at('merged'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as MergedRecord);

describe('R-27: claviger audit merge', () => {
  it('joins logs by time, keeps each in the order of its chain, and tells how far each goes', async () => {
    // The clock of b is set back.
    const [a, b] = [log('a', 10, 30, 50), log('b', 20, 60, 40, 70)];
    const { status, out } = await claviger(
      'audit',
      'merge',
      `first=${a}`,
      `second=${b}`,
      '--out',
      at('merged'),
    );
    expect(status).toBe(0);
    expect(merged().map(({ log: name, event }) => [name, event['time']])).toEqual([
      ['first', 10],
      ['second', 20],
      ['first', 30],
      ['first', 50],
      ['second', 60],
      ['second', 40],
      ['second', 70],
    ]);
    expect(out).toMatch(/^first: 3 records, unbroken; last hash [0-9a-f]{64}\nsecond: 4 records, .*\n$/);
    expect(statSync(at('merged')).mode & 0o777).toBe(0o600);
    const verified = await claviger('audit', 'verify', '--merged', at('merged'));
    expect(verified).toMatchObject({ status: 0, out });
  });

  it('prints JSON lines, or a text for people, and the ends apart from them', async () => {
    const [a, b] = [log('a', 10), log('b', 20)];
    const json = await claviger('audit', 'merge', a, b);
    expect(
      json.out
        .trimEnd()
        .split('\n')
        .map((line) => (JSON.parse(line) as MergedRecord).log),
    ).toEqual([a, b]);
    expect(json.err).toContain(`${b}: 1 records, unbroken`);
    const told = JSON.parse((await claviger('audit', 'merge', '--json', `x=${a}`)).err) as unknown;
    expect(told).toMatchObject({ logs: [{ log: 'x', records: 1, unbroken: true }] });
    const { out } = await claviger('audit', 'merge', '--print', `kms=${a}`);
    expect(out).toBe('1970-01-01T00:00:00.010Z kms {"kind":"event","of":"a","time":10}\n');
  });

  it('passes over a line without an end: it was never acknowledged', async () => {
    const [a, b] = [log('a', 10), log('b', 20)];
    appendFileSync(a, '{"sequence":1,"ti');
    const { status, out } = await claviger('audit', 'merge', `a=${a}`, `b=${b}`, '--out', at('merged'));
    expect([status, out]).toEqual([0, expect.stringMatching(/^a: 1 records, unbroken; .*\nb: 1 records/)]);
    expect(merged()).toHaveLength(2);
  });

  it.each([
    ['changed', (text: string) => text.replace('"time":30', '"time":31'), /b: audit record 1 does not/],
    [
      'cut off',
      (text: string) => text.split('\n').slice(0, 2).join('\n') + '\n',
      /b: .* ends before record 2/,
    ],
    ['not one', () => 'text\n', /b: audit record 0 is not JSON/],
  ])('writes nothing where a log is %s, and names it', async (_how, change, why) => {
    const [a, b] = [log('a', 10), log('b', 20, 30, 40)];
    expect(existsSync(headPath(b))).toBe(true);
    writeFileSync(b, change(readFileSync(b, 'utf8')));
    const { status, err } = await claviger('audit', 'merge', a, `b=${b}`, '--out', at('merged'));
    expect([status, err]).toEqual([1, expect.stringMatching(why)]);
    expect(existsSync(at('merged'))).toBe(false);
  });

  it('refuses a log that is given twice, two of one name, and a place that is taken', async () => {
    const [a, b] = [log('a', 10), log('b', 20)];
    expect(await claviger('audit', 'merge', a, `again=${a}`)).toMatchObject({ status: 2 });
    expect(await claviger('audit', 'merge', `x=${a}`, `x=${b}`)).toMatchObject({ status: 2 });
    expect((await claviger('audit', 'merge', a, '--out', b)).status).toBe(1);
    expect(readFileSync(b, 'utf8')).toContain('"time":20');
  });

  it('sees what was changed, removed or put elsewhere in what was merged', async () => {
    const [a, b] = [log('a', 10, 30), log('b', 20, 40)];
    await claviger('audit', 'merge', `a=${a}`, `b=${b}`, '--out', at('merged'));
    const lines = readFileSync(at('merged'), 'utf8').trimEnd().split('\n');
    const [first = '', second = '', third = '', fourth = ''] = lines;
    const wrong = {
      changed: [first, second.replace('"time":20', '"time":21'), third, fourth],
      removed: [second, third, fourth],
      reordered: [third, first, second, fourth],
      renamed: [first, second.replace('"log":"b"', '"log":"a"'), third, fourth],
      foreign: [first, readFileSync(b, 'utf8').split('\n')[0] ?? ''],
    };
    for (const [how, altered] of Object.entries(wrong)) {
      writeFileSync(at('altered'), altered.join('\n'));
      expect((await claviger('audit', 'verify', '--merged', at('altered'))).status, how).toBe(1);
    }
  });
});
