import { describe, expect, it } from 'vitest';
import { kinds, start } from './delivery-function.ts';
import { call, handedOver, keysOf, task, vector, XID } from './support.ts';
import { settle } from '../../support/manual-clock.ts';
import { silent } from '../../support/silent.ts';

describe('Keys that do not come (R-30)', () => {
  it('R-30: a failure indication becomes a failure record', async () => {
    const { mediation, poi, kms, store, clock } = await start();
    kms.answer = () => ({ failureIndication: 'endpoint-not-compliant' });
    await mediation.accept(call().map((step) => poi.x2(step)));
    await clock.pass(60_000);
    expect(kms.asked).toHaveLength(1);
    expect(kinds(await handedOver(store)).filter((kind) => kind !== 'sip-message')).toEqual(['key-failure']);
  });

  it('R-30: when the timer ends the failure record goes out once; keys that come later still go', async () => {
    const { mediation, poi, kms, store, clock } = await start([task(XID, 'LIID-1')], {}, { timerMs: 4_000 });
    kms.answer = () => {
      throw new Error('connection refused');
    };
    await mediation.accept(call().map((step) => poi.x2(step)));
    await clock.pass(3_900);
    expect(kinds(await handedOver(store))).not.toContain('key-failure');
    expect(kms.asked.length).toBeGreaterThan(3);
    await clock.pass(30_000);
    expect(kinds(await handedOver(store)).filter((kind) => kind === 'key-failure')).toHaveLength(1);
    kms.answer = () => keysOf(vector());
    await clock.pass(10_000);
    const keys = (await handedOver(store)).filter((record) => record.kind === 'keys-available');
    expect(keys).toHaveLength(vector().keys.cryptoSessions.length);
  });

  it('that the KMS is away is logged once a minute, however often it is asked, and when it is back', async () => {
    const lines: string[] = [];
    const put = (_: object, message: string): void => void lines.push(message);
    const logger = { ...silent, warn: put, info: put, error: put };
    const { mediation, poi, kms, clock } = await start([task(XID, 'LIID-1')], { logger });
    kms.answer = () => {
      throw new Error('connection refused');
    };
    await mediation.accept(call().map((step) => poi.x2(step)));
    await clock.pass(59_000);
    expect(kms.asked.length).toBeGreaterThan(10);
    expect(lines).toEqual(['Xk: no answer']);
    await clock.pass(59_000);
    expect(lines).toEqual(['Xk: no answer', 'Xk: no answer']);
    kms.answer = () => keysOf(vector());
    await clock.pass(10_000);
    expect(lines).toEqual(['Xk: no answer', 'Xk: no answer', 'Xk: the KMS answers again']);
  });

  it('temporarily-unavailable is asked again', async () => {
    const { mediation, poi, kms, store, clock } = await start();
    let busy = 3;
    kms.answer = () => (busy-- > 0 ? { failureIndication: 'temporarily-unavailable' } : keysOf(vector()));
    await mediation.accept(call().map((step) => poi.x2(step)));
    await clock.pass(5_000);
    expect(kms.asked).toHaveLength(4);
    expect(kinds(await handedOver(store))).not.toContain('key-failure');
    expect(kinds(await handedOver(store))).toContain('keys-available');
  });

  it('a question that was open when the DF was killed is put again, with its timer', async () => {
    const df = await start([task(XID, 'LIID-1')], {}, { timerMs: 4_000 });
    df.kms.answer = () => {
      throw new Error('connection refused');
    };
    await df.mediation.accept(call().map((step) => df.poi.x2(step)));
    await df.clock.pass(2_000);
    await df.kill();
    await df.clock.pass(2_500);
    expect(kinds(await handedOver(df.store)).filter((kind) => kind === 'key-failure')).toHaveLength(1);
    await df.kill();
    df.kms.answer = () => keysOf(vector());
    await df.clock.pass(20_000);
    const records = await handedOver(df.store);
    expect(kinds(records).filter((kind) => kind === 'key-failure')).toHaveLength(1);
    expect(kinds(records).filter((kind) => kind === 'keys-available')).toHaveLength(
      vector().keys.cryptoSessions.length,
    );
    const asked = df.kms.asked.length;
    await df.kill();
    await df.clock.pass(20_000);
    expect(df.kms.asked).toHaveLength(asked);
  });

  it('R-30: a question that a commit announces while its answer is being stored is not put again', async () => {
    const { mediation, requests, poi, kms, store, clock } = await start();
    let asked = 0;
    const question = mediation.question.bind(mediation);
    mediation.question = (...args) => {
      asked++;
      return question(...args);
    };
    let answer: (() => void) | null = null;
    kms.answer = () => new Promise((resolve) => (answer = () => resolve(keysOf(vector()))));
    const pdus = call().map((step) => poi.x2(step));
    await mediation.accept(pdus.slice(0, 3));
    // It waits for R_MESSAGE_2, for a while.
    await clock.pass(5_000);
    expect(asked).toBe(1);
    // R_MESSAGE_2 changes the session whose question is open, and is being committed when the answer comes.
    const commit = store.commit.bind(store);
    let disk: (() => void) | null = null;
    store.commit = async (changes) => {
      store.commit = commit;
      await new Promise<void>((resolve) => (disk = resolve));
      await commit(changes);
    };
    const committed = mediation.accept(pdus.slice(3));
    await settle();
    answer!();
    await settle();
    disk!();
    await committed;
    await clock.pass(60_000);
    expect([asked, kms.asked.length, requests.open]).toEqual([1, 1, 0]);
  });

  it('R-30: a question that its answer opens otherwise is put otherwise', async () => {
    const { mediation, requests, poi, kms, store, clock } = await start();
    kms.answer = ({ rMessage2 }) =>
      rMessage2 === null ? keysOf(vector()) : { failureIndication: 'messages-inconsistent' };
    await mediation.accept(call().map((step) => poi.x2(step)));
    await clock.pass(1_000);
    expect(kms.asked.map(({ rMessage2 }) => rMessage2 === null)).toEqual([false, true]);
    expect(kinds(await handedOver(store))).toContain('keys-available');
    expect(requests.open).toBe(0);
  });

  it('a task that was taken back gets no keys', async () => {
    const { mediation, poi, kms, store, clock, tasks } = await start();
    kms.answer = () => {
      throw new Error('connection refused');
    };
    await mediation.accept(call().map((step) => poi.x2(step)));
    await settle();
    tasks.known.delete(XID);
    kms.answer = () => keysOf(vector());
    await clock.pass(30_000);
    expect(kinds(await handedOver(store))).toEqual(Array(4).fill('sip-message'));
  });
});
