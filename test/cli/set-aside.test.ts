/** what is set aside can be looked at while its element runs, and goes only where it is named. */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { fromHex, utf8 } from '../../src/bytes/octets.ts';
import { createProgram } from '../../src/cli/program.ts';
import { SetAsideFile, setAsideBeside } from '../../src/storage/set-aside.ts';
import { ATTRIBUTE } from '../../src/wire/x2x3/attributes.ts';
import { DIRECTION, encodePdu, PAYLOAD_FORMAT, PDU_TYPE, X2X3_VERSION } from '../../src/wire/x2x3/pdu.ts';
import { delivered, InterceptedCall } from '../entities/lemf/call.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-set-aside-'));
const store = path.join(folder, 'df.db');
const file = setAsideBeside(store);
const running = new SetAsideFile(file, { pdus: 5, octets: 1 << 20 });
const XID = '11111111-0000-4000-8000-000000000001';
const DID = '00000000-0000-4000-8000-000000000001';
const ESCAPE = '\u001b]0;owned\u0007';

const x2 = encodePdu({
  version: X2X3_VERSION,
  type: PDU_TYPE.x2,
  payloadFormat: PAYLOAD_FORMAT.sip,
  direction: DIRECTION.fromTarget,
  xid: XID,
  correlation: new Uint8Array(8).fill(0xab),
  attributes: [{ kind: 'text', type: ATTRIBUTE.nfid, value: 'cscf.home1.example' }],
  payload: utf8('INVITE sip:bob@home2.example SIP/2.0\r\nSubject: \u009b31m\u202e red\r\n\r\n'),
});
const call = new InterceptedCall();
const [keys] = delivered(call.keys.slice(0, 1));

beforeAll(async () => {
  writeFileSync(store, '');
  const time = Date.UTC(2026, 5, 27, 9);
  const pdus = [
    { reference: 'x2', did: DID, subject: XID, octets: x2 },
    { reference: 'hi2', did: DID, subject: `LIID-1${ESCAPE}`, octets: keys! },
    { reference: 'x3', did: '', subject: XID, octets: fromHex('0005000200') },
  ] as const;
  for (const pdu of pdus) await running.keep({ ...pdu, reason: 'refused twice' }, time);
});
afterAll(async () => {
  await running.close();
  rmSync(folder, { recursive: true });
});

/** What a command prints, or the error that it ends with. */
async function claviger(...args: string[]): Promise<string> {
  let printed = '';
  const spy = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += String(text);
    return true;
  });
  try {
    await (await createProgram(['set-aside'])).parseAsync(['set-aside', ...args], { from: 'user' });
  } finally {
    spy.mockRestore();
  }
  return printed;
}

describe('R-68: claviger set-aside', () => {
  it('of a store beside which nothing is, says so; of what is not a store, that', async () => {
    const other = path.join(folder, 'other.db');
    new Database(other).exec('CREATE TABLE other (a INTEGER)').close();
    expect(await claviger('list', other)).toBe('nothing is set aside\n');
    expect(await claviger('list', other, '--json')).toBe('');
    await expect(claviger('show', other, '1')).rejects.toThrow(/nothing is set aside beside/);
    writeFileSync(other, 'no database, and long enough to look at: '.repeat(40));
    await expect(claviger('list', other)).rejects.toThrow(/is not a database/);
  });

  it('lists what is kept while the element runs, by its file or by the store beside it', async () => {
    const lines = (await claviger('list', file)).trim().split('\n');
    expect(lines).toEqual([
      `1  2026-06-27T09:00:00.000Z  X2 to ${DID}, of ${XID}: refused twice, ${x2.length} octets`,
      expect.stringMatching(/^2 {2}\S+ {2}HI2 to \S+, of LIID-1\\u001b\]0;owned\\u0007: refused twice/),
      `3  2026-06-27T09:00:00.000Z  X3, of ${XID}: refused twice, 5 octets`,
    ]);
    const json = (await claviger('list', store, '--json')).trim().split('\n');
    expect(json.map((line) => JSON.parse(line) as object)).toMatchObject([
      { number: 1, reference: 'x2', did: DID, subject: XID, octets: x2.length },
      { number: 2, reference: 'hi2' },
      { number: 3, reference: 'x3', did: '' },
    ]);
  });

  it('shows every field as the wire’s readers read it, and nothing that speaks to a terminal', async () => {
    const shown = await claviger('show', file, '1');
    for (const line of [
      '  version: 0.5',
      '  type: x2',
      '  payloadFormat: sip',
      '  direction: fromTarget',
      `  correlation: ${'ab'.repeat(8)}`,
      '      name: NFID',
      '      value: cscf.home1.example',
      '    | INVITE sip:bob@home2.example SIP/2.0',
      '    | Subject: \\u009b31m\\u202e red',
    ])
      expect(shown.split('\n')).toContain(line);
    const all = await claviger('show', file);
    expect(all).toMatch(/^3 .*\n {2}unreadable: .+/m);
    expect(all).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  });

  it('says that there are keys, and not which; their octets go to a file where that is asked for', async () => {
    const [record] = call.keys;
    if (record?.kind !== 'keys-available') throw new Error('not a record of keys');
    const secret = Buffer.from(record.keyInfo.key.expose());
    for (const output of [await claviger('show', file, '2'), await claviger('show', file, '2', '--json')]) {
      expect(output).toMatch(/"?key"?: ?"?secret, 16 octets/);
      expect(output).not.toContain(secret.toString('hex'));
      expect(output).not.toContain(secret.toString('base64'));
    }
    const out = path.join(folder, 'two.ber');
    await claviger('show', file, '2', '--out', out);
    expect(new Uint8Array(readFileSync(out))).toEqual(keys);
    expect(statSync(out).mode & 0o077).toBe(0);
    await expect(claviger('show', file, '2', '--out', out)).rejects.toMatchObject({ code: 'in-the-way' });
    await expect(claviger('show', file, '--out', out)).rejects.toMatchObject({ code: 'usage' });
  });

  it.each([
    ['a number that is not there', ['show', file, '1', '7'], 'input'],
    ['what is not a number', ['show', file, '1x'], 'usage'],
    ['a negative number', ['delete', file, '--', '-1'], 'usage'],
    ['a file that is not there', ['list', path.join(folder, 'none')], 'unreadable'],
    ['another store', ['list', path.join(folder, 'other.db')], 'damaged'],
    ['one of two that is not there', ['delete', file, '1', '9'], 'input'],
  ])('%s is refused, and nothing is changed', async (_, args, code) => {
    writeFileSync(path.join(folder, 'other.db'), 'this is not a database, and long enough to tell');
    await expect(claviger(...args)).rejects.toMatchObject({ code });
    expect((await running.list()).map(({ number }) => number)).toEqual([1, 2, 3]);
    expect(existsSync(path.join(folder, 'none'))).toBe(false);
  });

  it('deletes what is named, and the element then forgets nothing for the sake of it', async () => {
    expect(await claviger('delete', file, '1')).toMatch(/^1 .*\n1 deleted\n$/);
    expect(JSON.parse(await claviger('delete', file, '3', '--json'))).toEqual({ deleted: [3] });
    const next = { reference: 'x2', did: DID, subject: XID, reason: 'refused twice', octets: x2 } as const;
    for (let n = 0; n < 4; n++) await running.keep(next, 0);
    expect((await running.list()).map(({ number }) => number)).toEqual([2, 4, 5, 6, 7]);
    expect(running.forgotten).toBe(0);
    await running.keep(next, 0);
    expect((await running.list()).map(({ number }) => number)).toEqual([4, 5, 6, 7, 8]);
  });
});
