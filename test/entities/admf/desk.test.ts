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
  const desk = deskOf(admf, { approval: 'two', audit: bench.audit });
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
    ['R-14: a LEMF that asks the KMS itself', { xk: 'lemf.home1.example' }],
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

describe('R-90: an import', () => {
  it('is on record, also one that changes nothing', async () => {
    const { desk, audit } = await open();
    const other = { ...warrant, liid: 'LIID2' };
    await desk.importAll([warrant, other], A, { submit: true });
    await desk.importAll([{ ...warrant, delivery: 'IRI' }, other], B, { submit: true });
    expect(await codeOf(desk.importAll([warrant, warrant], A, { submit: true }))).toBe('invalid-act');
    expect(audit.events.filter(({ kind }) => kind === 'warrants-imported')).toEqual([
      { kind: 'warrants-imported', by: 'anna', entered: 2, unchanged: 0, differing: 0, names: '' },
      { kind: 'warrants-imported', by: 'bert', entered: 0, unchanged: 1, differing: 1, names: 'LIID1' },
    ]);
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
    // Neither resumed nor changed meanwhile, and it says until when.
    const until = `is delivered until ${new Date(NOW + 6000).toISOString()}`;
    for (const act of [desk.resume('LIID1', A), desk.amend('LIID1', { delivery: 'IRI' }, A)])
      await expect(act).rejects.toThrow(until);
    await pass(5000);
    expect([stateOf(), holdings(bench)]).toEqual(['suspended', NOTHING]);
    await desk.amend('LIID1', { delivery: 'IRI' }, A);
    expect(desk.find('LIID1')).toMatchObject({ pending: null, warrant: { delivery: 'IRI' } });
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

describe('R-90: an emergency', () => {
  it('is carried out on one approval, and ends when the second does not follow in time', async () => {
    const bench = await open();
    const { desk, stateOf, admf, pass } = bench;
    await admf.carried(await desk.enter(warrant, A, { submit: true, emergency: true }));
    expect([stateOf(), holdings(bench)]).toEqual(['active', EVERYTHING]);
    expect(await codeOf(desk.approve('LIID1', A))).toBe('own-act');
    expect(await codeOf(desk.amend('LIID1', ended, B))).toBe('wrong-state');
    await pass(HOUR - 1);
    expect(stateOf()).toBe('active');
    await desk.amend('LIID1', { endTime: NOW + HOUR }, A).catch(() => undefined);
    await pass(1);
    await pass(5000);
    expect([stateOf(), holdings(bench)]).toEqual(['ended', NOTHING]);
  });

  it('goes on with the approval of another', async () => {
    const { desk, stateOf, admf, pass } = await open();
    const long = { ...warrant, endTime: NOW + 5 * HOUR };
    await admf.carried(await desk.enter(long, A, { submit: true, emergency: true }));
    await desk.approve('LIID1', B);
    await pass(2 * HOUR);
    expect(stateOf()).toBe('active');
  });

  it('that comes from elsewhere waits for an officer, if who submits it cannot approve', async () => {
    const bench = await open();
    await bench.desk.enter(warrant, A, { submit: true, emergency: true, approves: false });
    await breathe();
    expect([bench.stateOf(), holdings(bench)]).toEqual(['submitted', NOTHING]);
  });
});

describe('R-90: after the end', () => {
  it('an extension is a new period with its own start, and needs a second officer', async () => {
    const bench = await open();
    const { desk, stateOf, active, pass, admf } = bench;
    const { xid } = await active();
    await pass(HOUR);
    await pass(5000);
    await desk.extend('LIID1', { startTime: NOW, endTime: NOW + 4 * HOUR }, A);
    await pass(HOUR);
    expect([stateOf(), await codeOf(desk.approve('LIID1', A))]).toEqual(['ended', 'own-act']);
    await admf.carried(await desk.approve('LIID1', B));
    const from = NOW + 2 * HOUR + 5000;
    expect(desk.find('LIID1')).toMatchObject({
      ...{ xid, state: 'active', from, warrant: { startTime: from, endTime: NOW + 4 * HOUR } },
      periods: [{ from: NOW, until: NOW + HOUR, delivery: 'IRI+CC' }],
    });
  });

  it('what nobody approved in time is at its end, and is not extended', async () => {
    const { desk, stateOf, pass } = await open();
    await desk.enter(warrant, A, { submit: true });
    await pass(HOUR);
    expect(stateOf()).toBe('ended');
    expect(await codeOf(desk.extend('LIID1', { endTime: NOW + 3 * HOUR }, B))).toBe('wrong-state');
  });

  it('its contents are deleted after the set time, from the history too, and the audit log says so', async () => {
    const { desk, active, pass, audit, admf } = await open();
    await active();
    const targets = [...warrant.targets, { name: 'impu', value: 'sip:secret@home1.example' }];
    await desk.amend('LIID1', { targets }, A);
    await admf.carried(await desk.approve('LIID1', B));
    await pass(HOUR);
    await pass(5000);
    await pass(10 * HOUR - 1);
    expect(desk.find('LIID1')?.warrant.targets).toEqual(targets);
    await pass(1);
    expect(desk.find('LIID1')).toMatchObject({ state: 'ended', erased: true, warrant: { targets: [] } });
    expect(JSON.stringify(await desk.history('LIID1'))).not.toContain('secret');
    expect(audit.events.at(-1)).toMatchObject({ kind: 'warrant-erased', liid: 'LIID1', targets: '' });
    expect(await codeOf(desk.extend('LIID1', { endTime: NOW + 99 * HOUR }, A))).toBe('wrong-state');
  });
});

describe('R-90: on record', () => {
  it('is who did what, when and why, in the history and in the audit log; whoever listens is told', async () => {
    const { desk, active, pass, audit } = await open();
    const told: string[] = [];
    const end = desk.subscribe((record, before) => told.push(`${before?.state ?? '-'} ${record.state}`));
    await active();
    await pass(1000);
    await desk.withdraw('LIID1', C);
    end();
    await pass(5000);
    const history = await desk.history('LIID1');
    expect(history.map(({ act, by, state, at }) => [act, by, state, at - NOW])).toEqual([
      ['entered', 'anna', 'draft', 0],
      ['submitted', 'anna', 'submitted', 0],
      ['approved', 'bert', 'approved', 0],
      ['begun', null, 'provisioning', 0],
      ['activated', null, 'active', 0],
      ['withdrawn', 'carl', 'ending', 1000],
      ['ended', null, 'ended', 6000],
    ]);
    expect(history[5]?.reason).toBe(C.reason);
    expect(audit.events[5]).toMatchObject({ kind: 'warrant-withdrawn', by: 'carl', reason: C.reason });
    expect(told).toEqual(['- submitted', 'submitted provisioning', 'provisioning active', 'active ending']);
  });

  it.each([
    ['no officer', { by: ' ', reason: 'why' }],
    ['a reason of two lines', { by: 'anna', reason: 'why\nwarrant-approved' }],
    ['no reason', { by: 'anna' }],
  ])('%s is refused, and nothing changes', async (_, act) => {
    const { desk, active, stateOf } = await open();
    await active();
    for (const attempt of [
      desk.withdraw('LIID1', act),
      desk.suspend('LIID1', act),
      desk.amend('LIID1', ended, act),
    ])
      expect(await codeOf(attempt)).toBe('invalid-act');
    expect(stateOf()).toBe('active');
  });

  it('an act that was decided on an older version is refused', async () => {
    const { desk, active } = await open();
    const { version } = await active();
    expect(await codeOf(desk.withdraw('LIID1', { ...A, version: version - 1 }))).toBe('stale');
    await desk.withdraw('LIID1', { ...A, version });
  });

  it('a warrant is found by the name that whoever entered it has for it, and that name is its own', async () => {
    const { desk } = await open();
    await desk.enter(warrant, A, { reference: 'X/1' });
    expect(desk.findByReference('X/1')?.warrant.liid).toBe('LIID1');
    expect(desk.findByReference('X/2')).toBeNull();
    expect(await codeOf(desk.enter({ ...warrant, liid: 'L2' }, A, { reference: 'X/1' }))).toBe(
      'warrant-exists',
    );
  });
});
