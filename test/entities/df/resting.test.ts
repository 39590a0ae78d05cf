/** What a delivery function keeps in memory of calls: what is in use. All else it knows from its store. */
import { describe, expect, it, vi } from 'vitest';
import { utf8 } from '../../../src/bytes/octets.ts';
import type { RetirementAccount } from '../../../src/entities/df/retention.ts';
import { loadedState } from '../../../src/entities/df/working-state.ts';
import { DIRECTION } from '../../../src/wire/x2x3/pdu.ts';
import type { Df } from './delivery-function.ts';
import { kinds, numbersOf, start } from './delivery-function.ts';
import { call, correlationOf, handedOver, LEG, LEMF_2, sip, task, XID } from './support.ts';
import type { Step } from './support.ts';

const WHILE = 20_000;
const CALL = Buffer.from(correlationOf(LEG.callId)).toString('hex');
const accepted = (): Step[] => [...call(), [sip('SIP/2.0 200 OK', LEG, null), DIRECTION.toTarget]];
const bye: Step = [sip('BYE sip:bob@127.0.0.2 SIP/2.0', LEG, null), DIRECTION.fromTarget];
const ended: Step = [sip('SIP/2.0 200 OK', LEG, null, { cseq: '9 BYE' }), DIRECTION.toTarget];

/** A call that was set up, of which nothing is in memory any more. */
async function silentCall(df: Df): Promise<void> {
  const pdus = [...accepted().map((step) => df.poi.x2(step)), df.poi.x3(utf8('content'))];
  await df.mediation.accept(pdus);
  await df.clock.pass(WHILE);
}

describe('a call that nobody has used for a while', () => {
  it('R-20: is read from the store when it is used again, and goes on with its numbers', async () => {
    const df = await start();
    await silentCall(df);
    const before = await handedOver(df.store);
    const [communications, sessions] = [
      vi.spyOn(df.store.recall, 'communications'),
      vi.spyOn(df.store.recall, 'keySessions'),
    ];
    const pdus = [df.poi.x3(utf8('more')), df.poi.x2(bye), df.poi.x2(ended)];
    await df.mediation.accept(pdus);
    expect([communications.mock.calls, sessions.mock.calls]).toEqual([[[CALL]], [[CALL]]]);
    const records = await handedOver(df.store);
    expect(kinds(records).slice(before.length)).toEqual(['cc', 'sip-message', 'sip-message']);
    expect(new Set(records.map(({ cin }) => cin))).toEqual(new Set([1]));
    expect(numbersOf(records, 'hi3')).toEqual([0, 1]);
    expect(numbersOf(records, 'hi2')).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it('R-23: what its POI sends again is known, and what was lost meanwhile is told', async () => {
    const df = await start();
    const pdus = [...accepted().map((step) => df.poi.x2(step)), df.poi.x3(utf8('content'))];
    await df.mediation.accept(pdus);
    await df.clock.pass(WHILE);
    const before = await handedOver(df.store);
    const stream = vi.spyOn(df.store.recall, 'stream');
    await df.mediation.accept(pdus);
    expect(await handedOver(df.store)).toHaveLength(before.length);
    expect(stream).toHaveBeenCalledTimes(2);
    df.poi.x2(bye);
    await df.mediation.accept([df.poi.x2(ended)]);
    expect(df.issues.log).toEqual([`${XID}: 1 PDUs were lost before they reached the DF`]);
  });

  it('R-25: has its keys when the KMS answers, long after its end', async () => {
    const df = await start();
    df.kms.answer = () => {
      throw new Error('not there');
    };
    await silentCall(df);
    await df.mediation.accept([df.poi.x2(bye), df.poi.x2(ended)]);
    await df.clock.pass(WHILE);
    expect(kinds(await handedOver(df.store))).not.toContain('keys-available');
    const sessions = vi.spyOn(df.store.recall, 'keySessions');
    df.kms.answer = new (df.kms.constructor as new () => typeof df.kms)().answer;
    await df.clock.pass(WHILE);
    expect(sessions).toHaveBeenCalled();
    const keys = (await handedOver(df.store)).filter(({ kind }) => kind === 'keys-available');
    expect(keys.map(({ keyInfo }) => keyInfo?.csId)).toEqual([1, 2]);
  });

  it('R-34: a second warrant is told of it while it stands, after a restart as well, and not when it has ended', async () => {
    const df = await start();
    await silentCall(df);
    const join = async (liid: string): Promise<string[]> => {
      const added = task(XID, liid, { destinations: [{ did: LEMF_2, delivers: 'HI2andHI3' }] });
      const known = df.tasks.known.get(XID)!;
      df.tasks.known.set(XID, { ...known, mediations: [...known.mediations, ...added.mediations] });
      await df.mediation.tellWarrants([liid]);
      await df.clock.pass(1_000);
      const records = await handedOver(df.store, LEMF_2);
      return kinds(records.filter((record) => record.liid === liid && record.kind !== 'li-activated'));
    };
    const told = ['session-start', 'sip-message', 'sip-message', 'keys-available', 'keys-available'];
    expect(await join('SECOND')).toEqual(told);
    await df.kill();
    await df.clock.pass(WHILE);
    expect(await join('THIRD')).toEqual(told);
    await df.mediation.accept([df.poi.x2(bye), df.poi.x2(ended)]);
    await df.clock.pass(WHILE);
    expect(await join('FOURTH')).toEqual([]);
  });

  it('R-90: is counted and goes with its warrant like the others', async () => {
    const accounts: RetirementAccount[] = [];
    const record = (account: RetirementAccount) => void accounts.push(account);
    const df = await start([task(XID, 'LIID-1')], { retention: { ms: 60_000, record } });
    await df.mediation.tellWarrants(['LIID-1']);
    await silentCall(df);
    df.tasks.known.delete(XID);
    await df.mediation.tellWarrants(['LIID-1']);
    await df.clock.pass(180_000);
    expect(accounts).toMatchObject([{ liid: 'LIID-1', communications: 1, keySessions: 1 }]);
    const { communications, keySessions } = await df.store.load();
    expect([communications, keySessions]).toEqual([[], []]);
  });
});

describe('memory', () => {
  it('has nothing of proven calls that nobody uses, and keeps what time alone may change', async () => {
    const df = await start();
    await df.mediation.accept(accepted().map((step) => df.poi.x2(step)));
    await df.clock.pass(WHILE);
    const leg = { ...LEG, callId: 'waits@home1.example' };
    const media = [sip('INVITE sip:bob@home2.example SIP/2.0', { ...leg, toTag: '' }, null)] as const;
    const waiting = [
      [media[0], DIRECTION.fromTarget],
      [sip('SIP/2.0 200 OK', leg, null), DIRECTION.toTarget],
    ] as const;
    await df.mediation.accept(waiting.map((step) => df.poi.x2(step, XID, leg.callId)));
    const state = await loadedState(df.store, {});
    expect(state.sessions().length).toBeGreaterThan(0);
    let rounds = 0;
    while (state.rest()) rounds += 1;
    expect(rounds).toBeLessThan(3);
    expect(state.sessions().every(({ media }) => (media?.settled ?? null) !== null)).toBe(true);
    expect(state.session(CALL, XID).questions).toHaveLength(1);
    expect(state.take()).toBeNull();
  });
});
