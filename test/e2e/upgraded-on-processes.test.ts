/**
 * An upgrade, as an operator makes one: what version 0.1.0 left on disk (test/vectors/stores-0.1.0), and the processes of
 * today. It speaks a call, and so runs with `CLAVIGER_SLOW` alone, in the gate as a step of its own.
 *
 * In those files time stands still at 2027-03-19T07:17:20Z: what they say of when warrants begin and end is moved to the
 * time of the test, as if that version had been stopped a minute ago.
 */
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RecoveryReport } from '../../src/entities/lemf/recover.ts';
import { decodeWav, encodeWav } from '../../src/media/wav.ts';
import { deliveredOf } from '../support/handed-over.ts';
import { COMMAND_MS, LabShell } from '../support/lab-shell.ts';

const STORES = path.resolve(import.meta.dirname, '../vectors/stores-0.1.0/home1');
const STOOD_STILL = Date.UTC(2027, 2, 19, 7, 17, 20);
const LIID = 'LIID-ALICE';
/** Tables and columns that say when warrants begin, end and changed, as milliseconds, seconds, or within JSON. */
const TIMES = {
  'admf.db': [['warrant', 'body']],
  'cscf-tasks.db': [['task', 'activated_at', 'modified_at']],
  'gateway-tasks.db': [['task', 'activated_at', 'modified_at']],
  'df-tasks.db': [['task', 'body', 'activated_at', 'modified_at']],
  'kms/tasks.db': [['task', 'body', 'activated_at', 'modified_at']],
  'kms/kms.db': [['warrant', 'start', 'end']],
} as const;

/** Moves times of a day and a half around that moment; other numbers are none. */
function moved(value: unknown, by: number): unknown {
  const near = (ms: number): boolean => Math.abs(ms - STOOD_STILL) < 130_000_000;
  if (typeof value === 'number') {
    if (near(value)) return value + by;
    return near(value * 1000) ? value + Math.round(by / 1000) : value;
  }
  return typeof value === 'string'
    ? value.replace(/\b18\d{11}\b/g, (digits) => String(moved(Number(digits), by)))
    : value;
}

function moveTimes(home: string, by: number): void {
  for (const [file, tables] of Object.entries(TIMES)) {
    const database = new Database(path.join(home, file));
    for (const [table, ...columns] of tables)
      for (const row of database.prepare(`SELECT * FROM ${table}`).all() as Record<string, unknown>[])
        for (const column of columns) {
          const value = moved(row[column], by);
          database.prepare(`UPDATE ${table} SET "${column}" = ? WHERE xid = ?`).run(value, row['xid']);
        }
    database.close();
  }
}

describe('R-94: an upgrade from version 0.1.0 (slow)', () => {
  let shell: LabShell;

  const upgrades = (): string[] =>
    readFileSync(shell.at('lab/lab.log'), 'utf8')
      .split('\n')
      .filter((line) => line.includes('a store was brought to the present version'));

  beforeAll(async () => {
    shell = await LabShell.open();
    await shell.must('claviger init lab');
    const home = shell.at('lab/state/home1');
    cpSync(STORES, home, { recursive: true });
    moveTimes(home, Date.now() - 60_000 - STOOD_STILL);
    await shell.must('claviger up lab --detach');
  }, 2 * COMMAND_MS);
  afterAll(async () => {
    await shell.close();
  }, COMMAND_MS);

  it(
    'R-94: every store is brought to the present version at the first start, and only then',
    { timeout: 2 * COMMAND_MS },
    async () => {
      const files = [
        'kms.db',
        'cscf-tasks.db',
        'gateway-tasks.db',
        'df.db',
        'df-tasks.db',
        'admf.db',
        'tasks.db',
      ];
      for (const file of files)
        expect(
          upgrades().filter((line) => line.includes(`/${file}"`)),
          file,
        ).toHaveLength(1);
      await shell.must('claviger down lab');
      await shell.must('claviger up lab --detach');
      expect(upgrades()).toEqual([]);
      for (const log of ['admf-audit', 'cscf-audit', 'gateway-audit', 'df-audit', 'kms/audit'])
        expect(await shell.must(`claviger audit verify lab/state/home1/${log}.jsonl`)).toContain('unbroken');
    },
  );

  it(
    'R-94: the warrant that was in force is, what waited for the LEMF is delivered, and the next call is intercepted',
    { timeout: 4 * COMMAND_MS },
    async () => {
      const listed = await shell.must('claviger warrant list --config lab/home1/officer-1.json');
      expect(listed).toMatch(new RegExp(`${LIID} .*active`));
      expect(listed).toMatch(/LIID-ENDED .*ended/);
      writeFileSync(
        shell.at('short.wav'),
        encodeWav(
          decodeWav(new Uint8Array(readFileSync(shell.at('assets/speech/alice.wav')))).slice(8000, 20_000),
        ),
      );
      const bob = shell.begin(
        'claviger ue run --config lab/home2/bob.json --play short.wav --record bob-heard.wav',
      );
      try {
        await bob.until('it is registered', () => bob.output.includes('registered;'), COMMAND_MS);
        await shell.must(
          'claviger ue run --config lab/home1/alice.json --call sip:bob@home2.example --play short.wav --record alice-heard.wav',
        );
        await bob.until('the call is over', () => bob.output.includes('call ended'), COMMAND_MS);
      } finally {
        await bob.stop();
      }
      await shell.must('claviger drain --state lab/state/home1');
      const hi2 = 'lab/state/home1/lemf/hi2.ber';
      const waited = deliveredOf(shell.at(hi2)).filter(
        ({ header: { liid, cin } }) => liid === LIID && cin === 2,
      );
      // Ten records of SIP that waited; what becomes of the question that was open may follow.
      expect(waited.length).toBeGreaterThanOrEqual(10);
      expect(waited.map(({ header }) => header.sequenceNumber)).toEqual([...Array(waited.length).keys()]);
      const recover = `claviger lemf recover --hi2 ${hi2} --hi3 lab/state/home1/lemf/hi3.ber --out audio`;
      const recovered = await shell.enter(recover);
      // A phone of version 0.1.0 drew its secret in a context that no KMS redraws any more: of that call there are no keys.
      expect(recovered, recovered.err).toMatchObject({ status: 1 });
      expect(recovered.err).toContain('1 of 3 calls not recovered');
      const { calls } = JSON.parse(readFileSync(shell.at('audio/recover.json'), 'utf8')) as RecoveryReport;
      const last = calls.filter(({ packets }) => packets > 0).at(-1);
      expect(last).toMatchObject({ liid: LIID, recovered: true, absent: 0, conflicts: 0 });
      const file = last?.streams.find((each) => each.file?.endsWith('-alice.wav') === true)?.file ?? '';
      const read = (name: string): Int16Array => decodeWav(new Uint8Array(readFileSync(shell.at(name))));
      expect(read(`audio/${file}`)).toEqual(read('bob-heard.wav'));
      await shell.must(`claviger warrant withdraw ${LIID} --config lab/home1/officer-1.json --reason over`);
      await shell.must('claviger down lab');
    },
  );
});
