import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { toHex, utf8 } from '../../../src/bytes/octets.ts';
import { StreamOpener } from '../../../src/entities/df/decryption/opener.ts';
import type { RetirementAccount } from '../../../src/entities/df/retention.ts';
import { SetAsideFile } from '../../../src/storage/set-aside.ts';
import { settle } from '../../support/manual-clock.ts';
import { start } from './delivery-function.ts';
import type { Df } from './delivery-function.ts';
import { DIRECTION } from '../../../src/wire/x2x3/pdu.ts';
import { call, handedOver, LEG, sip, START, task, XID, XID_2 } from './support.ts';
import type { Step } from './support.ts';

const HOUR = 3_600_000;
const RETENTION = HOUR;

/** A delivery function with calls under two warrants, the first of which ends now. */
async function ended(more: { readonly refuse?: () => void; readonly shared?: true } = {}) {
  const accounts: RetirementAccount[] = [];
  const record = (account: RetirementAccount) => {
    more.refuse?.();
    accounts.push(account);
  };
  const both = {
    ...task(XID, 'ENDS'),
    mediations: [...task(XID, 'ENDS').mediations, ...task(XID, 'STAYS').mediations],
  };
  const tasks = more.shared === true ? [both] : [task(XID, 'ENDS'), task(XID_2, 'STAYS')];
  const df = await start(tasks, { retention: { ms: RETENTION, record }, sessionMemoryMs: 100 * HOUR });
  // The keys do not come: what was said stays, to be asked about.
  df.kms.answer = () => {
    throw new Error('not there');
  };
  await df.mediation.tellWarrants(['ENDS', 'STAYS']);
  const first = call().map((step) => df.poi.x2(step));
  await df.mediation.accept([...first, df.poi.x3(utf8('content of the warrant that ends'))]);
  const leg = { ...LEG, callId: 'other@home1.example' };
  const other = call(leg).map((step) => df.poi.x2(step, XID_2, leg.callId));
  const content = df.poi.x3(utf8('content of the warrant that stays'), undefined, XID_2, leg.callId);
  if (more.shared !== true) await df.mediation.accept([...other, content]);
  await df.requests.stop();
  if (more.shared === true) df.tasks.known.set(XID, { ...both, mediations: task(XID, 'STAYS').mediations });
  else df.tasks.known.delete(XID);
  await df.mediation.tellWarrants(['ENDS']);
  return { df, accounts };
}

async function left(df: Df): Promise<string[]> {
  const records = await handedOver(df.store);
  return [...new Set(records.map(({ liid, kind }) => `${liid} ${kind}`))].sort();
}

const STAYING = ['STAYS cc', 'STAYS key-failure', 'STAYS li-activated', 'STAYS sip-message'];

/** Every octet of the files of a delivery function. */
function filesOf(df: Df): Buffer {
  const entries = readdirSync(df.folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return Buffer.concat(files.map(({ parentPath, name }) => readFileSync(path.join(parentPath, name))));
}

describe('R-90: retention at the delivery function', () => {
  it('what is kept of a warrant goes when its time is over, not before, and nothing of another', async () => {
    const { df, accounts } = await ended();
    const before = await handedOver(df.store);
    await df.clock.pass(RETENTION - 60_000);
    expect((await handedOver(df.store)).length).toBeGreaterThanOrEqual(before.length);
    expect(accounts).toEqual([]);
    await df.clock.pass(120_000);
    expect((await left(df)).filter((one) => one.startsWith('ENDS'))).toEqual([
      'ENDS li-activated',
      'ENDS li-deactivated',
    ]);
    expect((await left(df)).filter((one) => one.startsWith('STAYS'))).toEqual(
      STAYING.filter((one) => !one.endsWith('failure')),
    );
    const state = await df.store.load();
    expect(state.communications.map(({ liid }) => liid)).toEqual(['STAYS']);
    expect(state.keySessions.map(({ session }) => session.xid)).toEqual([XID_2]);
    expect(state.lastCins.get('ENDS')).toBe(1);
    expect(accounts).toEqual([
      { liid: 'ENDS', endedAt: START, undelivered: 5, communications: 1, keySessions: 1, held: 0 },
    ]);
    await df.clock.pass(2 * HOUR);
    expect(accounts).toHaveLength(1);
  });

  it('the files have no octet of it any more: neither records nor content nor what keys are asked with', async () => {
    const { df } = await ended();
    const marks = [toHex(utf8('content of the warrant that ends')), toHex(utf8(`Call-ID: ${LEG.callId}`))];
    const stays = toHex(utf8('content of the warrant that stays'));
    for (const mark of [...marks, stays]) expect(filesOf(df).includes(mark), mark).toBe(true);
    expect(filesOf(df).includes(LEG.callId)).toBe(true);
    await df.clock.pass(RETENTION + 60_000);
    for (const mark of marks) expect(filesOf(df).includes(mark), mark).toBe(false);
    expect(filesOf(df).includes(LEG.callId)).toBe(false);
    expect(filesOf(df).includes(stays)).toBe(true);
    expect(filesOf(df).includes('other@home1.example')).toBe(true);
  });

  it('R-33: what is retained of a call that stands goes too, and so does what waits for its keys (R-15)', async () => {
    const minutes = 60_000;
    const accounts: RetirementAccount[] = [];
    const df = await start([task(XID, 'ENDS')], {
      retention: { ms: 2 * minutes, record: (account) => void accounts.push(account) },
      sessionMemoryMs: 100 * HOUR,
      decryption: {
        opener: new StreamOpener(),
        hold: { ms: 100 * HOUR, pdus: 10, octets: 1 << 20 },
      },
    });
    df.kms.answer = () => {
      throw new Error('not there');
    };
    await df.mediation.tellWarrants(['ENDS']);
    const accepted: Step = [sip('SIP/2.0 200 OK', LEG, null), DIRECTION.toTarget];
    await df.mediation.accept([...call(), accepted].map((step) => df.poi.x2(step)));
    const packet = Uint8Array.of(0x80, 8, 0, 1, ...utf8('encrypted content that waits'));
    await df.mediation.accept([df.poi.x3(packet)]);
    await df.requests.stop();
    df.tasks.known.delete(XID);
    await df.mediation.tellWarrants(['ENDS']);
    const before = await df.store.load();
    expect(before.keySessions[0]?.session.retained).toMatchObject({ up: true });
    expect(before.held).toHaveLength(1);
    await df.clock.pass(3 * minutes);
    const after = await df.store.load();
    expect([after.keySessions, after.held]).toEqual([[], []]);
    expect(accounts).toMatchObject([{ liid: 'ENDS', keySessions: 1, held: 1 }]);
    expect(filesOf(df).includes(Buffer.from(packet))).toBe(false);
  });

  it('R-33: nothing is retained of a call that has ended, while its warrant runs', async () => {
    const df = await start([task(XID, 'RUNS')]);
    const accepted: Step = [sip('SIP/2.0 200 OK', LEG, null), DIRECTION.toTarget];
    await df.mediation.accept([...call(), accepted].map((step) => df.poi.x2(step)));
    await settle();
    expect((await df.store.load()).keySessions[0]?.session.retained?.messages).toHaveLength(5);
    const bye: Step = [sip('BYE sip:bob@127.0.0.2 SIP/2.0', LEG, null), DIRECTION.fromTarget];
    await df.mediation.accept([df.poi.x2(bye)]);
    expect((await df.store.load()).keySessions[0]?.session.retained).toBeUndefined();
  });

  it('a restart changes nothing of when', async () => {
    const { df, accounts } = await ended();
    await df.clock.pass(RETENTION / 2);
    await df.kill();
    await df.clock.pass(RETENTION / 2 - 60_000);
    expect(accounts).toEqual([]);
    await df.clock.pass(180_000);
    expect(accounts).toMatchObject([{ liid: 'ENDS', undelivered: 5 }]);
  });

  it('of a task that goes on for another warrant, the key management stays', async () => {
    const { df, accounts } = await ended({ shared: true });
    await df.clock.pass(RETENTION + 60_000);
    expect(accounts).toMatchObject([{ liid: 'ENDS', communications: 1, keySessions: 0 }]);
    expect((await df.store.load()).keySessions).toHaveLength(1);
  });

  it('a warrant that is in force again keeps what there is', async () => {
    const { df, accounts } = await ended();
    df.tasks.known.set(XID, { ...task(XID, 'ENDS'), activatedAt: START + 1 });
    await df.mediation.tellWarrants(['ENDS']);
    await df.clock.pass(RETENTION + HOUR);
    expect(accounts).toEqual([]);
    expect(await left(df)).toContain('ENDS sip-message');
  });

  it('what cannot be put on record is not deleted, and tried again', async () => {
    let isFull = true;
    const { df, accounts } = await ended({
      refuse: () => {
        if (isFull) throw new Error('disk is full');
      },
    });
    await df.clock.pass(RETENTION + 60_000);
    expect(await left(df)).toContain('ENDS sip-message');
    isFull = false;
    await df.clock.pass(60_000);
    await settle();
    expect(accounts).toHaveLength(1);
    expect(await left(df)).not.toContain('ENDS sip-message');
  });
});

describe('R-90: retention of PDUs that were set aside', () => {
  it('those of a warrant and its tasks go, those of nobody when they are old, in the file too', async () => {
    const df = await start();
    const file = path.join(df.folder, 'set-aside.db');
    const setAside = new SetAsideFile(file);
    const keep = (subject: string, time: number) => {
      const octets = utf8(`octets of ${subject || 'nobody'} ${time}`);
      return setAside.keep({ reference: 'x2', did: '', subject, reason: 'x', octets }, time);
    };
    await keep('A', 1);
    await keep('B', 1);
    await keep('', 1);
    await keep('', 9);
    await setAside.forget(['A', 'none'], 5);
    expect((await setAside.list()).map(({ subject, time }) => [subject, time])).toEqual([
      ['B', 1],
      ['', 9],
    ]);
    const octets = filesOf(df);
    for (const gone of ['octets of A 1', 'octets of nobody 1'])
      expect(octets.includes(gone), gone).toBe(false);
    for (const kept of ['octets of B 1', 'octets of nobody 9'])
      expect(octets.includes(kept), kept).toBe(true);
    await setAside.close();
  });
});
