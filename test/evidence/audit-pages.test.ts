import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { AuditFile } from '../../src/evidence/audit-file.ts';
import { AuditPages } from '../../src/evidence/audit-pages.ts';
import { HashChainLog, verifyChain } from '../../src/evidence/log.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-audit-pages-'));
afterAll(() => rmSync(folder, { recursive: true }));

const clock = { now: () => 0, after: () => ({ cancel: () => undefined }) };

/** A log of some records, of which some are longer than what is read at once. */
function logOf(name: string, count: number): { file: AuditFile; log: HashChainLog; at: string } {
  const at = path.join(folder, name);
  const file = new AuditFile(at);
  const log = new HashChainLog(file, clock);
  log.appendAll(
    Array.from({ length: count }, (_, n) => ({
      kind: 'test',
      n,
      text: 'é'.repeat(n % 35 === 0 ? 50_000 : 3),
    })),
  );
  return { file, log, at };
}

describe('pages of an audit log (R-27)', () => {
  it('begin at any record, in any order, and are what was written', async () => {
    const { file, at } = logOf('long', 125);
    const pages = new AuditPages(at, 50);
    const whole = [...verifyChain(file.lines())];
    for (const [from, limit] of [
      [120, 500],
      [0, 2],
      [49, 3],
      [50, 1],
      [100, 51],
      [34, 2],
      [124, 9],
    ] as const)
      expect(await pages.page(from, limit)).toEqual(whole.slice(from, from + limit));
    expect(await pages.page(125, 10)).toEqual([]);
    expect(await pages.page(9_000_000, 10)).toEqual([]);
    file.close();
  });

  it('have what was written after an earlier page, and no line that has no end yet', async () => {
    const { file, log, at } = logOf('growing', 50);
    const pages = new AuditPages(at, 50);
    expect(await pages.page(50, 5)).toEqual([]);
    const record = log.append({ kind: 'later' });
    appendFileSync(at, '{"sequence":51,');
    expect(await pages.page(50, 5)).toEqual([record]);
    file.close();
  });

  it('are refused where a line is not a record', async () => {
    const { file, at } = logOf('spoilt', 2);
    appendFileSync(at, '{"sequence":2}\n');
    const pages = new AuditPages(at);
    await expect(pages.page(2, 1)).rejects.toMatchObject({ code: 'malformed' });
    file.close();
  });
});
