import { describe, expect, it } from 'vitest';
import { AdmfError } from '../../../src/entities/admf/errors.ts';
import type { Warrant } from '../../../src/entities/admf/warrants.ts';
import { EVERYTHING, holdings, judgeDocuments, NOTHING, openHome as open } from './bench.ts';
import { activate, deactivate, modify } from './issue.ts';
import { breathe, HOUR, NOW, warrant } from './support.ts';

judgeDocuments();

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'done',
    (error: unknown) => (error instanceof AdmfError ? error.code : String(error)),
  );

/** What happened at each element, in order; elements that come at one time are asked side by side. */
function ofEach(trace: readonly string[]): Record<string, string[]> {
  const split = trace.map((line) => line.split(':'));
  return Object.fromEntries(
    split.map(([kind = '']) => [
      kind,
      split.filter(([other]) => other === kind).map(([, type = '']) => type),
    ]),
  );
}

describe('a warrant', () => {
  it('is provisioned from the inside out and withdrawn from the outside in', async () => {
    const bench = await open();
    const { admf, trace } = bench;
    expect(await activate(admf, warrant)).toMatchObject({ state: 'active' });
    expect(ofEach(trace.slice(0, 4))).toEqual({
      kms: ['ActivateTask'],
      df: ['CreateDestination', 'CreateDestination', 'ActivateTask'],
    });
    expect(ofEach(trace.slice(4))).toEqual({
      gateway: ['CreateDestination', 'ActivateTask'],
      cscf: ['CreateDestination', 'ActivateTask'],
    });
    expect(holdings(bench)).toBe(EVERYTHING);
    trace.length = 0;
    expect(await deactivate(admf, 'LIID1')).toMatchObject({ state: 'ended' });
    expect(ofEach(trace.slice(0, 4))).toEqual({
      cscf: ['DeactivateTask', 'RemoveDestination'],
      gateway: ['DeactivateTask', 'RemoveDestination'],
    });
    expect(ofEach(trace.slice(4))).toEqual({
      df: ['DeactivateTask', 'RemoveDestination', 'RemoveDestination'],
      kms: ['ModifyTask', 'DeactivateTask'],
    });
    expect(holdings(bench)).toBe(NOTHING);
  });

  it('is at each element what its kind needs, under one XID', async () => {
    const { admf, elements } = await open();
    const { xid } = await activate(admf, { ...warrant, location: true });
    const at = (kind: keyof typeof elements) => elements[kind].table.task(xid);
    const { targets, startTime, endTime } = warrant;
    expect(at('cscf')).toMatchObject({ targets, deliveryType: 'X2Only', mediation: [] });
    expect(at('gateway')).toMatchObject({ targets, deliveryType: 'X3Only', mediation: [] });
    expect(at('kms')).toMatchObject({
      targets,
      deliveryType: 'X2Only',
      dids: [],
      mediation: [{ startTime, endTime }],
    });
    expect(at('df')).toMatchObject({
      deliveryType: 'X2andX3',
      mediation: [
        {
          liid: 'LIID1',
          deliveryType: 'HI2andHI3',
          startTime,
          endTime,
          scoping: [{ location: [{ beginningAndEnd: true }] }],
        },
      ],
    });
    const lemf = elements.df.table
      .destinations()
      .map(({ deliveryType, address }) => ({ deliveryType, address }));
    expect(lemf).toEqual([
      { deliveryType: 'X2Only', address: { kind: 'uri', value: 'tls://lemf.home1.example:8002' } },
      { deliveryType: 'X3Only', address: { kind: 'uri', value: 'tls://lemf.home1.example:8003' } },
    ]);
  });

  it('R-35: on a device of a subscriber is for both where it intercepts, and for the subscriber alone at the KMS', async () => {
    const { admf, elements } = await open();
    const device = { name: 'imei', value: '35693803564398' };
    const targets = [...warrant.targets, device];
    const { xid } = await activate(admf, { ...warrant, targets });
    for (const kind of ['cscf', 'gateway', 'df'] as const)
      expect(elements[kind].table.task(xid)).toMatchObject({ targets });
    expect(elements.kms.table.task(xid)).toMatchObject({ targets: warrant.targets });
  });

  it('R-35: covers location also in between where it says so', async () => {
    const { admf, elements } = await open();
    const { xid } = await activate(admf, { ...warrant, location: 'uponChange' });
    const location = [{ beginningAndEnd: true, uponChange: true }];
    expect(elements.df.table.task(xid)).toMatchObject({ mediation: [{ scoping: [{ location }] }] });
  });

  it('without content gets no task at gateway and KMS, and no location unless covered (R-35)', async () => {
    const bench = await open();
    const { xid } = await activate(bench.admf, {
      ...warrant,
      delivery: 'IRI',
      lemf: { hi2: { host: '::1', port: 8002 } },
    });
    expect(holdings(bench)).toBe('cscf 1/1, gateway 0/0, df 1/1, kms 0/0');
    expect(bench.elements.df.table.task(xid)).toMatchObject({
      deliveryType: 'X2Only',
      mediation: [{ deliveryType: 'HI2Only', scoping: [{ location: 'doNotReport' }] }],
    });
    expect(bench.elements.df.table.destinations()).toMatchObject([
      { address: { address: '0000:0000:0000:0000:0000:0000:0000:0001', transport: 'tcp' } },
    ]);
  });

  it('with one address for HI2 and HI3 gets one destination for both', async () => {
    const { admf, elements } = await open();
    const at = { host: '127.0.0.1', port: 8000 };
    await activate(admf, { ...warrant, lemf: { hi2: at, hi3: at } });
    expect(elements.df.table.destinations()).toMatchObject([
      {
        deliveryType: 'X2andX3',
        address: { kind: 'ipAddressAndPort', address: '127.0.0.1', port: 8000, transport: 'tcp' },
      },
    ]);
  });

  it('beside another on the same target has its own XID, and leaves what they share (R-36)', async () => {
    const bench = await open();
    const { admf } = bench;
    const first = await activate(admf, warrant);
    const second = await activate(admf, { ...warrant, liid: 'LIID2' });
    expect(second.xid).not.toBe(first.xid);
    expect(holdings(bench)).toBe('cscf 2/1, gateway 2/1, df 2/2, kms 2/0');
    await deactivate(admf, 'LIID1');
    expect(holdings(bench)).toBe(EVERYTHING);
    expect(bench.elements.cscf.table.task(second.xid)).not.toBeNull();
  });

  it.each([
    ['no targets', { targets: [] }],
    ['an unknown kind of target', { targets: [{ name: 'shoeSize', value: '44' }] }],
    ['a LIID that X1 cannot carry', { liid: 'no spaces allowed' }],
    ['an end before its start', { endTime: NOW - 1, startTime: NOW - 2 }],
    ['an end at its start', { endTime: NOW + 5, startTime: NOW + 5 }],
    ['times that are none', { endTime: NaN }],
    ['content without HI3', { lemf: { hi2: { host: 'lemf.home1.example', port: 8002 } } }],
    ['a LEMF without host', { lemf: { ...warrant.lemf, hi2: { host: '', port: 8002 } } }],
    ['a LEMF whose name is none', { lemf: { ...warrant.lemf, hi2: { host: 'a%zz', port: 8002 } } }],
  ] as readonly (readonly [string, Partial<Warrant>])[])('with %s is refused', async (_, changes) => {
    const { admf, trace } = await open();
    expect(await codeOf(activate(admf, { ...warrant, ...changes }))).toBe('invalid-warrant');
    expect([...admf.list(), ...trace]).toEqual([]);
  });

  it('is activated once, and what is not there is not changed', async () => {
    const { admf } = await open();
    await activate(admf, warrant);
    expect(await codeOf(activate(admf, warrant))).toBe('warrant-exists');
    expect(await codeOf(deactivate(admf, 'LIID9'))).toBe('warrant-unknown');
    expect(await codeOf(modify(admf, 'LIID9', {}))).toBe('warrant-unknown');
    await deactivate(admf, 'LIID1');
    expect(await codeOf(deactivate(admf, 'LIID1'))).toBe('wrong-state');
    expect(await codeOf(activate(admf, warrant))).toBe('warrant-exists');
  });

  it('every step of it is on record (R-27)', async () => {
    const { admf, audit } = await open();
    await activate(admf, warrant);
    await deactivate(admf, 'LIID1');
    expect(audit.events.map(({ kind }) => kind)).toEqual([
      'warrant-entered',
      'warrant-submitted',
      'warrant-approved',
      'warrant-begun',
      'warrant-activated',
      'warrant-withdrawn',
      'warrant-ended',
    ]);
  });
});

describe('a modification', () => {
  it('changes tasks in place; less content is taken from the outside first', async () => {
    const bench = await open();
    const { admf, trace, elements } = bench;
    const { xid } = await activate(admf, warrant);
    trace.length = 0;
    await modify(admf, 'LIID1', { delivery: 'IRI' });
    expect(trace.slice(0, 2)).toEqual(['gateway:DeactivateTask', 'gateway:RemoveDestination']);
    expect(ofEach(trace.slice(2))).toEqual({
      df: ['ModifyTask', 'RemoveDestination'],
      kms: ['ModifyTask', 'DeactivateTask'],
    });
    trace.length = 0;
    await modify(admf, 'LIID1', { delivery: 'IRI+CC', endTime: NOW + 2 * HOUR });
    expect(new Set(trace.slice(0, 3))).toEqual(
      new Set(['kms:ActivateTask', 'df:CreateDestination', 'df:ModifyTask']),
    );
    expect(holdings(bench)).toBe(EVERYTHING);
    expect(elements.kms.table.task(xid)).toMatchObject({ mediation: [{ endTime: NOW + 2 * HOUR }] });
  });

  it('that an element refuses leaves all as it was', async () => {
    const { admf, elements } = await open();
    const { xid } = await activate(admf, warrant);
    const before = Object.values(elements).map(({ table }) => table.task(xid));
    // A CSCF cannot match an IMSI; KMS and DF come first and would take other changes.
    const targets = [...warrant.targets, { name: 'imsi', value: '262011234567890' }];
    expect(await codeOf(modify(admf, 'LIID1', { targets }))).toBe('provisioning-failed');
    expect(Object.values(elements).map(({ table }) => table.task(xid))).toEqual(before);
    expect(admf.list()).toMatchObject([{ state: 'active', warrant }]);
  });
});

describe('when an element fails', () => {
  it.each(['kms', 'df', 'gateway', 'cscf'] as const)(
    'a refusal by the %s withdraws what the others had taken, and names it',
    async (kind) => {
      const bench = await open();
      bench.elements[kind].fault = 'refuse';
      await expect(activate(bench.admf, warrant)).rejects.toThrow(`${kind}.home1.example`);
      expect(holdings(bench)).toBe(NOTHING);
      expect(bench.admf.list()).toMatchObject([{ state: 'failed' }]);
      bench.elements[kind].fault = null;
      expect(await codeOf(activate(bench.admf, warrant))).toBe('done');
      expect(holdings(bench)).toBe(EVERYTHING);
    },
  );

  it.each(['kms', 'df', 'gateway', 'cscf'] as const)(
    'an answer lost on the way from the %s is made good by asking',
    async (kind) => {
      const bench = await open();
      const admf = await bench.open({ retry: { attempts: 2, pauseMs: 100 } });
      bench.elements[kind].fault = 'lost-answer';
      const activation = activate(admf, warrant);
      await breathe();
      bench.clock.advance(100);
      await activation;
      expect(holdings(bench)).toBe(EVERYTHING);
    },
  );

  it('an element that is away when a warrant is withdrawn is asked until it has done it', async () => {
    const bench = await open();
    const { admf, elements, clock } = bench;
    await activate(admf, warrant);
    elements.cscf.fault = 'lost-request';
    await expect(deactivate(admf, 'LIID1')).rejects.toThrow('cscf.home1.example');
    expect(holdings(bench)).toBe('cscf 1/1, gateway 0/0, df 0/0, kms 0/0');
    clock.advance(1000);
    await breathe();
    expect(holdings(bench)).toBe('cscf 1/1, gateway 0/0, df 0/0, kms 0/0');
    elements.cscf.fault = null;
    clock.advance(2000);
    await breathe();
    expect(holdings(bench)).toBe(NOTHING);
  });

  it('R-75: a warrant that an element does not answer for is not active, and becomes it when the element is back', async () => {
    const bench = await open();
    const { admf, elements, clock, audit } = bench;
    elements.gateway.fault = 'lost-answer';
    expect(await activate(admf, warrant)).toMatchObject({ state: 'provisioning' });
    elements.gateway.fault = 'lost-request';
    clock.advance(1000);
    await breathe();
    expect(admf.list()).toMatchObject([{ state: 'provisioning' }]);
    elements.gateway.fault = null;
    clock.advance(60_000);
    await breathe();
    expect(admf.list()).toMatchObject([{ state: 'active' }]);
    expect(holdings(bench)).toBe(EVERYTHING);
    expect(audit.events.at(-1)).toMatchObject({ kind: 'warrant-activated' });
  });

  it('R-75: an element that was away for half an hour has its warrants within a minute of coming back', async () => {
    const bench = await open();
    const { admf, elements, clock } = bench;
    elements.df.fault = 'lost-request';
    void activate(admf, warrant);
    for (let minute = 0; minute < 30; minute++) {
      clock.advance(60_000);
      await breathe();
    }
    expect(admf.list()).toMatchObject([{ state: 'provisioning' }]);
    elements.df.fault = null;
    clock.advance(60_000);
    await breathe();
    expect(admf.list()).toMatchObject([{ state: 'active' }]);
  });

  it('R-75: an active warrant that an element drops out of is degraded, and restored, once each', async () => {
    const bench = await open();
    const { admf, elements, clock, audit } = bench;
    await activate(admf, warrant);
    await elements.cscf.table.deactivateAll();
    elements.cscf.fault = 'lost-request';
    await admf.reconcile().catch(() => undefined);
    await breathe();
    expect(admf.degraded()).toEqual(['LIID1']);
    elements.cscf.fault = null;
    clock.advance(60_000);
    await breathe();
    expect(admf.degraded()).toEqual([]);
    expect(holdings(bench)).toBe(EVERYTHING);
    const kinds = audit.events.map(({ kind }) => kind).slice(5);
    expect(kinds).toEqual(['warrant-degraded', 'warrant-restored']);
  });

  it('R-75: one that is away holds up nobody else: other warrants start and end at their own times', async () => {
    const bench = await open();
    const { admf, elements, clock } = bench;
    await activate(admf, { ...warrant, startTime: NOW + 1000, endTime: NOW + 2000 });
    elements.gateway.fault = 'lost-request';
    void activate(admf, { ...warrant, liid: 'LIID2' });
    await breathe();
    clock.advance(1000);
    await breathe();
    expect(elements.cscf.table.tasks()).toHaveLength(2);
    clock.advance(1000);
    await breathe();
    expect(elements.cscf.table.tasks()).toHaveLength(1);
  });
});
