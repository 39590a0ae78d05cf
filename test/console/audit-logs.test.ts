/** Audit logs as the console's page reads them: in pieces, each record verified, and again what was read before. */
import { describe, expect, it } from 'vitest';
import { AskRefusal } from '../../src/console/page/ask-refusal.ts';
import { ALL_RECORDS, kindsIn, listedEntries } from '../../src/console/page/audit-list.ts';
import { AuditLogs } from '../../src/console/page/audit-logs.ts';
import type { LogSource } from '../../src/console/page/audit-logs.ts';
import { nextRecord } from '../../src/evidence/log.ts';
import type { AuditEvent, ChainHead } from '../../src/evidence/log.ts';

const KMS = { name: 'kms.home1.example', kind: 'kms' };
const DF = { name: 'df.home1.example', kind: 'df' };
const START = 1_805_440_640_000;

/** Lines of a log, each a second after the one before. */
function linesOf(events: readonly AuditEvent[], from = START): string[] {
  let head: ChainHead | null = null;
  return events.map((event, at) => {
    const record = nextRecord(head, from + at * 1000, event);
    head = { sequence: record.sequence, hash: record.hash };
    return JSON.stringify(record);
  });
}

function numbered(count: number): AuditEvent[] {
  return Array.from({ length: count }, (_, at) => ({ kind: `k${at % 3}`, at }));
}

/** Gives what a log has now. */
function sourceOf(logs: Readonly<Record<string, readonly string[]>>): LogSource {
  return {
    keeps: (name) => Promise.resolve(name in logs),
    lines: (name, from, most) => Promise.resolve((logs[name] ?? []).slice(from, from + most)),
  };
}

describe('R-93: audit logs in the page', () => {
  it('are read whole, in pieces, and verified record by record', async () => {
    const lines = linesOf(numbered(2_500));
    const asked: number[] = [];
    const source = sourceOf({ [KMS.name]: lines });
    const logs = new AuditLogs([KMS], {
      ...source,
      lines: (name, from, most) => {
        asked.push(from);
        return source.lines(name, from, most);
      },
    });
    expect(await logs.update()).toBe(true);
    expect(logs.logs[0]).toMatchObject({ state: 'verified', why: '', verified: 2_500 });
    expect(asked).toEqual([0, 999, 1_998]);
    expect(await logs.update()).toBe(false);
    lines.push(...linesOf(numbered(2_502)).slice(2_500));
    expect(await logs.update()).toBe(true);
    expect(logs.logs[0]).toMatchObject({ state: 'verified', verified: 2_502 });
  });

  it.each([
    ['a record that was altered', (l: string[]) => l.with(3, (l[3] ?? '').replace('"at":3', '"at":4')), 3],
    ['a record that was removed', (l: string[]) => l.toSpliced(2, 1), 2],
    ['records that were swapped', (l: string[]) => l.with(4, l[5] ?? '').with(5, l[4] ?? ''), 4],
    ['a line that is not a record', (l: string[]) => l.with(1, '{"hash":"x"}'), 1],
  ])('%s breaks the chain there, and nothing after it is shown', async (_, tamper, good) => {
    const logs = new AuditLogs([KMS], sourceOf({ [KMS.name]: tamper(linesOf(numbered(8))) }));
    await logs.update();
    expect(logs.logs[0]).toMatchObject({ state: 'broken', verified: good });
    expect(logs.logs[0]?.records).toHaveLength(good);
    expect(logs.logs[0]?.why).toContain(`record ${good}`);
  });

  it('what was read before must be there still, and the same', async () => {
    const lines = linesOf(numbered(5));
    const cut = new AuditLogs([KMS], sourceOf({ [KMS.name]: lines }));
    const changed = new AuditLogs([KMS], sourceOf({ [KMS.name]: lines }));
    await cut.update();
    await changed.update();
    const other = linesOf(numbered(5), START + 1);
    lines.splice(0, 5, ...other);
    await changed.update();
    expect(changed.logs[0]?.state).toBe('broken');
    expect(changed.logs[0]?.why).toContain('record 4');
    lines.splice(3);
    await cut.update();
    expect(cut.logs[0]?.state).toBe('broken');
    expect(cut.logs[0]?.why).toContain('ends before');
  });

  it('who asks for them twice at once, as whoever goes from view to view does, breaks none', async () => {
    const lines = linesOf(numbered(2_500));
    const logs = new AuditLogs([KMS], sourceOf({ [KMS.name]: lines }));
    await Promise.all([logs.update(), logs.update()]);
    expect(logs.logs[0]).toMatchObject({ state: 'verified', why: '', verified: 2_500 });
    lines.push(...linesOf(numbered(2_600)).slice(2_500));
    await Promise.all([logs.update(), logs.update()]);
    expect(logs.logs[0]).toMatchObject({ state: 'verified', why: '', verified: 2_600 });
  });

  it('one that cannot be read is told of with what was read before, and one that is not kept is no fault', async () => {
    const lines = linesOf(numbered(2));
    let refusal: AskRefusal | null = null;
    const source = sourceOf({ [KMS.name]: lines });
    const logs = new AuditLogs([KMS, DF], {
      ...source,
      lines: (name, from, most) =>
        refusal === null ? source.lines(name, from, most) : Promise.reject(refusal),
    });
    await logs.update();
    refusal = new AskRefusal('unreachable', 502, 'kms.home1.example does not answer');
    await logs.update();
    expect(logs.logs).toMatchObject([
      { state: 'verified', verified: 2, why: 'kms.home1.example does not answer' },
      { state: 'none' },
    ]);
    refusal = null;
    await logs.update();
    expect(logs.logs[0]?.why).toBe('');
  });

  it('are one timeline, the newest first, of the entity, kind, words and time that are wished for', async () => {
    const kms = linesOf([{ kind: 'get-keys', xid: 'x1' }, { kind: 'keys-issued' }]);
    const df = linesOf([{ kind: 'x1-request', peer: 'admf.home1.example' }], START + 500);
    const logs = new AuditLogs([KMS, DF], sourceOf({ [KMS.name]: kms, [DF.name]: df }));
    await logs.update();
    const told = (wishes: Partial<typeof ALL_RECORDS>): string[] =>
      listedEntries(logs.logs, { ...ALL_RECORDS, ...wishes }).map(({ record }) => record.event.kind);
    expect(told({})).toEqual(['keys-issued', 'x1-request', 'get-keys']);
    expect(told({ entity: KMS.name })).toEqual(['keys-issued', 'get-keys']);
    expect(told({ kind: 'x1-request' })).toEqual(['x1-request']);
    expect(told({ search: 'ADMF.home1' })).toEqual(['x1-request']);
    expect(told({ from: START + 500, until: START + 1000 })).toEqual(['x1-request']);
    expect(kindsIn(logs.logs)).toEqual(['get-keys', 'keys-issued', 'x1-request']);
  });
});
