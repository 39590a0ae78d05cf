/** What officers decide about warrants: who may, what becomes of it, and what is on record. */
import { describe, expect, it } from 'vitest';
import { AdmfError } from '../../../src/entities/admf/errors.ts';
import type { WarrantState } from '../../../src/entities/admf/warrants.ts';
import { holdings, judgeDocuments, openHome, EVERYTHING, NOTHING } from './bench.ts';
import { deskOf } from './issue.ts';
import { breathe, HOUR, NOW, warrant } from './support.ts';

judgeDocuments();

const A = { by: 'anna', reason: 'ordered by the court' };
const B = { by: 'bert', reason: 'ordered by the court' };
const C = { by: 'carl', reason: 'ordered by the court' };
const ended = { endTime: NOW + 2 * HOUR };

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'done',
    (error: unknown) => (error instanceof AdmfError ? error.code : String(error)),
  );

async function open() {
  const bench = await openHome();
  const admf = await bench.open({ drainMs: 5000, retentionMs: 10 * HOUR });
  const desk = deskOf(admf, { approval: 'two' });
  const stateOf = (): WarrantState | undefined => desk.find('LIID1')?.state;
  /** Entered by A, approved by B, active. */
  const active = async () => {
    await desk.enter(warrant, A, { submit: true });
    return admf.carried(await desk.approve('LIID1', B));
  };
  const pass = async (ms: number): Promise<void> => {
    bench.clock.advance(ms);
    await breathe();
  };
  return { ...bench, admf, desk, stateOf, active, pass };
}

describe('R-90: four eyes', () => {
  it('a draft is nothing but a draft; submitted, it waits; approved by another, it is carried out', async () => {
    const bench = await open();
    const { desk, stateOf, admf } = bench;
    await desk.enter(warrant, A);
    expect([stateOf(), holdings(bench)]).toEqual(['draft', NOTHING]);
    expect(await codeOf(desk.approve('LIID1', B))).toBe('nothing-pending');
    await desk.submit('LIID1', A);
    await breathe();
    expect([stateOf(), holdings(bench)]).toEqual(['submitted', NOTHING]);
    await admf.carried(await desk.approve('LIID1', B));
    expect([stateOf(), holdings(bench)]).toEqual(['active', EVERYTHING]);
  });

  it('nobody approves what they entered, nor what they changed before it was approved', async () => {
    const { desk, stateOf } = await open();
    await desk.enter(warrant, A, { submit: true });
    expect(await codeOf(desk.approve('LIID1', A))).toBe('own-act');
    await desk.amend('LIID1', ended, B);
    for (const own of [A, B]) expect(await codeOf(desk.approve('LIID1', own))).toBe('own-act');
    expect(stateOf()).toBe('submitted');
    await desk.approve('LIID1', C);
    expect(desk.find('LIID1')?.warrant.endTime).toBe(ended.endTime);
  });

  it('what is rejected is done with, and its LIID free again', async () => {
    const bench = await open();
    const { desk, stateOf } = bench;
    await desk.enter(warrant, A, { submit: true });
    expect(await codeOf(desk.reject('LIID1', { by: 'bert' }))).toBe('invalid-act');
    await desk.reject('LIID1', B);
    expect(stateOf()).toBe('rejected');
    expect(await codeOf(desk.approve('LIID1', C))).toBe('nothing-pending');
    expect(await codeOf(desk.submit('LIID1', A))).toBe('wrong-state');
    await desk.enter(warrant, A);
    expect(stateOf()).toBe('draft');
  });

  it.each([
    ['a later end', ended],
    ['another LEMF', { lemf: { ...warrant.lemf, hi2: { host: 'other.example', port: 8002 } } }],
    ['location', { location: true }],
    [
      'another name of the target',
      { targets: [...warrant.targets, { name: 'impu', value: 'sip:x@y.example' }] },
    ],
  ])('%s waits for a second officer, and takes effect when it is approved', async (_, changes) => {
    const { desk, active, admf } = await open();
    await active();
    await desk.amend('LIID1', changes, B);
    expect(desk.find('LIID1')).toMatchObject({ warrant, pending: { by: 'bert', change: { changes } } });
    expect(await codeOf(desk.amend('LIID1', { endTime: NOW + 3 * HOUR }, C))).toBe('change-pending');
    expect(await codeOf(desk.approve('LIID1', B))).toBe('own-act');
    await admf.carried(await desk.approve('LIID1', A));
    expect(desk.find('LIID1')).toMatchObject({ warrant: changes, pending: null, undo: null });
  });

  it('what narrows is immediate, also while a change waits', async () => {
    const bench = await open();
    const { desk, active, elements } = bench;
    const { xid } = await active();
    await desk.amend('LIID1', ended, A);
    await desk.amend('LIID1', { endTime: NOW + HOUR / 2 }, A);
    await desk.amend('LIID1', { delivery: 'IRI' }, B);
    await breathe();
    expect(elements.df.table.task(xid)).toMatchObject({
      mediation: [{ deliveryType: 'HI2Only', endTime: NOW + HOUR / 2 }],
    });
    await desk.reject('LIID1', C);
    expect(desk.find('LIID1')).toMatchObject({ pending: null, warrant: { endTime: NOW + HOUR / 2 } });
  });
});

describe('R-90: withdrawn and suspended', () => {
  it('interception ceases at once, and what was under way is delivered', async () => {
    const bench = await open();
    const { desk, stateOf, active, pass } = bench;
    await active();
    await pass(1000);
    await desk.suspend('LIID1', A);
    await breathe();
    expect([stateOf(), holdings(bench)]).toEqual(['suspending', 'cscf 0/0, gateway 0/0, df 1/2, kms 1/0']);
    expect(await codeOf(desk.resume('LIID1', A))).toBe('wrong-state');
    await pass(5000);
    expect([stateOf(), holdings(bench)]).toEqual(['suspended', NOTHING]);
    await desk.withdraw('LIID1', A);
    expect(stateOf()).toBe('ended');
  });

  it('resumed, it is the same XID, from the second officer’s approval on', async () => {
    const bench = await open();
    const { desk, stateOf, active, pass, admf } = bench;
    const { xid } = await active();
    await pass(1000);
    await desk.suspend('LIID1', A);
    await pass(10_000);
    await desk.resume('LIID1', A);
    await pass(10_000);
    expect(stateOf()).toBe('suspended');
    expect(await admf.carried(await desk.approve('LIID1', B))).toMatchObject({
      xid,
      state: 'active',
      from: NOW + 21_000,
      periods: [{ from: NOW, until: NOW + 1000, delivery: 'IRI+CC' }],
    });
    expect(bench.elements.kms.table.task(xid)).toMatchObject({ mediation: [{ startTime: NOW + 21_000 }] });
  });
});
