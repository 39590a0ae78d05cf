import { appendFileSync, mkdtempSync, readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { HashChainLog, verifyChain } from '../../src/evidence/log.ts';
import { AuditFile } from '../../src/evidence/audit-file.ts';

const clock = { now: () => 1_805_440_640_000, after: () => ({ cancel: () => undefined }) };

function threeEvents(): string[] {
  const lines: string[] = [];
  const log = new HashChainLog({ lines: () => lines, append: (line) => lines.push(line) }, clock);
  for (const answer of ['keys', 'not-authorised', 'keys']) log.append({ kind: 'get-keys', answer });
  return lines;
}

describe('the audit log (R-27)', () => {
  it('is an unbroken chain that can be taken up again', () => {
    const lines = threeEvents();
    expect([...verifyChain(lines)].map((record) => record.sequence)).toEqual([0, 1, 2]);
    const again = new HashChainLog({ lines: () => lines, append: (line) => lines.push(line) }, clock);
    expect(again.append({ kind: 'start' }).sequence).toBe(3);
    expect([...verifyChain(lines)]).toHaveLength(4);
  });

  it('takes several records at once: all of them, or none', () => {
    const written: string[] = [];
    let fails = false;
    const append = (lines: string) => {
      if (fails) throw new Error('disk is full');
      written.push(...lines.split('\n'));
    };
    const log = new HashChainLog({ lines: () => written, append }, clock);
    log.appendAll([]);
    log.appendAll([{ kind: 'a' }, { kind: 'b' }]);
    fails = true;
    expect(() => log.appendAll([{ kind: 'c' }, { kind: 'd' }])).toThrow('disk is full');
    fails = false;
    log.append({ kind: 'e' });
    log.appendAll([{ kind: 'f' }]);
    expect([...verifyChain(written)].map(({ event }) => event.kind)).toEqual(['a', 'b', 'e', 'f']);
  });

  it.each([
    ['altered', (lines: string[]) => lines.with(1, (lines[1] ?? '').replace('not-authorised', 'keys'))],
    ['removed', (lines: string[]) => lines.toSpliced(1, 1)],
    ['swapped', (lines: string[]) => [lines[0] ?? '', lines[2] ?? '', lines[1] ?? '']],
    ['removed from the front', (lines: string[]) => lines.slice(1)],
  ])('shows a record that was %s', (_, tamper) => {
    expect(() => [...verifyChain(tamper(threeEvents()))]).toThrow(/does not continue the chain/);
  });

  it('keeps lines in a file of mode 0600 and drops one that a crash cut short', () => {
    const file = path.join(mkdtempSync(path.join(tmpdir(), 'claviger-audit-')), 'audit.jsonl');
    const first = new AuditFile(file);
    new HashChainLog(first, clock).append({ kind: 'start' });
    first.close();
    expect(statSync(file).mode & 0o777).toBe(0o600);
    appendFileSync(file, '{"sequence":1,"ti');
    const second = new AuditFile(file);
    new HashChainLog(second, clock).append({ kind: 'stop' });
    second.close();
    expect(
      [...verifyChain(readFileSync(file, 'utf8').trimEnd().split('\n'))].map((r) => r.event.kind),
    ).toEqual(['start', 'stop']);
  });
});
