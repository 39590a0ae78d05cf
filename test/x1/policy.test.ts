import { describe, expect, it } from 'vitest';
import {
  CSCF_POLICY,
  DF_POLICY,
  endpointOf,
  GATEWAY_POLICY,
  KMS_POLICY,
  kmsPolicyFor,
} from '../../src/x1/policy.ts';
import type { NePolicy } from '../../src/x1/policy.ts';
import type { Destination, InterceptTask, MediationDetails } from '../../src/wire/x1/details.ts';
import { keyClientAddress } from '../../src/wire/x1/key-client.ts';
import type { X1RequestBody } from '../../src/wire/x1/requests.ts';
import { destination, DID, OTHER_DID, OTHER_XID, task, XID } from '../poi/support.ts';
import { both, codeOf, HOUR, judgeDocuments, kmsTask, NOW, open, validity, warrant } from './element.ts';

judgeDocuments();

describe('X1 error codes', () => {
  const request = (overrides: Partial<InterceptTask>): X1RequestBody => ({
    type: 'ActivateTask',
    task: { ...task, ...overrides },
  });

  const cases: readonly (readonly [number, string, NePolicy, X1RequestBody])[] = [
    [1000, 'a report', CSCF_POLICY, { type: 'ReportTaskIssue', xid: XID, report: 'Warning' }],
    [1070, 'a keepalive that is not agreed', CSCF_POLICY, { type: 'Keepalive' }],
    [2020, 'an unknown XID deactivated', CSCF_POLICY, { type: 'DeactivateTask', xid: OTHER_XID }],
    [2020, 'an unknown XID asked for', CSCF_POLICY, { type: 'GetTaskDetails', xid: OTHER_XID }],
    [2020, 'an unknown XID modified', CSCF_POLICY, { type: 'ModifyTask', task }],
    [2030, 'a DID created twice', CSCF_POLICY, { type: 'CreateDestination', destination: both }],
    [2040, 'a task for an unknown DID', CSCF_POLICY, request({ dids: [OTHER_DID] })],
    [2040, 'an unknown DID removed', CSCF_POLICY, { type: 'RemoveDestination', did: OTHER_DID }],
    [2040, 'an unknown DID asked for', CSCF_POLICY, { type: 'GetDestinationDetails', did: OTHER_DID }],
    [
      2040,
      'an unknown DID modified',
      CSCF_POLICY,
      { type: 'ModifyDestination', destination: { ...both, did: OTHER_DID } },
    ],
    [2060, 'an object asked for', CSCF_POLICY, { type: 'GetObject', objectId: XID }],
    [2060, 'a destination set', CSCF_POLICY, request({ destinationSets: [OTHER_DID] })],
    [3000, 'an extension', CSCF_POLICY, request({ extensions: [{ owner: '3GPP', content: [] }] })],
    [3000, 'a traffic policy', CSCF_POLICY, request({ trafficPolicies: [XID] })],
    [3000, 'a product ID', CSCF_POLICY, request({ productId: OTHER_XID })],
    [3010, 'an IMSI', CSCF_POLICY, request({ targets: [{ name: 'imsi', value: '262011234567890' }] })],
    [
      3010,
      'a device at a KMS, whose keys are a subscriber’s',
      KMS_POLICY,
      request({
        targets: [{ name: 'imei', value: '35693803564398' }],
        mediation: [validity],
        dids: [],
      }),
    ],
    [
      3020,
      'equipment beside a subscriber where they cannot be combined',
      { ...DF_POLICY, combinesEquipment: false },
      request({
        targets: [...task.targets, { name: 'imei', value: '35693803564398' }],
        mediation: [warrant],
      }),
    ],
    [
      3030,
      'two destinations where one is the most',
      { ...CSCF_POLICY, destinations: { max: 0 } },
      request({}),
    ],
    [3040, 'content from a CSCF', CSCF_POLICY, request({ deliveryType: 'X2andX3' })],
    [3040, 'signalling from a gateway', GATEWAY_POLICY, request({})],
    [3040, 'a task without destination', CSCF_POLICY, request({ dids: [] })],
    [3050, 'a part of what the element intercepts', CSCF_POLICY, request({ serviceTypes: ['voice'] })],
    [5010, 'DeactivateAllTasks', CSCF_POLICY, { type: 'DeactivateAllTasks' }],
    [
      6000,
      'an extension of a destination',
      CSCF_POLICY,
      {
        type: 'CreateDestination',
        destination: { ...both, did: OTHER_DID, extensions: [{ owner: '3GPP', content: [] }] },
      },
    ],
    [
      6020,
      'a destination by e-mail',
      CSCF_POLICY,
      {
        type: 'CreateDestination',
        destination: { ...both, did: OTHER_DID, address: { kind: 'emailAddress', value: 'a@b.example' } },
      },
    ],
    [
      6020,
      'a destination over UDP',
      CSCF_POLICY,
      {
        type: 'CreateDestination',
        destination: {
          ...both,
          did: OTHER_DID,
          address: { kind: 'ipAddressAndPort', address: '127.0.0.1', port: 7, transport: 'udp' },
        },
      },
    ],
    [
      6020,
      'a destination at a KMS',
      KMS_POLICY,
      { type: 'CreateDestination', destination: { ...both, did: OTHER_DID } },
    ],
    [8020, 'RemoveAllDestinations', CSCF_POLICY, { type: 'RemoveAllDestinations' }],
    [8500, 'all objects deleted', CSCF_POLICY, { type: 'DeleteAllObjects' }],
  ];

  it.each(cases)('%i for %s', async (code, _, policy, body) => {
    const { admf, table, audit } = await open({ policy });
    await table.createDestination(both);
    expect(await codeOf(admf, body)).toBe(code);
    expect(audit.events.at(-1)).toMatchObject({ kind: 'x1-refused', code });
    expect(table.tasks()).toEqual([]);
  });

  it('2010 for a task activated twice, which the first one survives', async () => {
    const { admf, table } = await open();
    await admf.request({ type: 'CreateDestination', destination });
    await admf.request({ type: 'ActivateTask', task });
    expect(await codeOf(admf, request({ targets: [{ name: 'imsi', value: '262011234567890' }] }))).toBe(2010);
    expect(table.task(XID)).toEqual(task);
  });

  it('3001 for a modification that cannot be', async () => {
    const { admf, table } = await open();
    await table.createDestination(destination);
    await table.activate(task);
    expect(await codeOf(admf, { type: 'ModifyTask', task: { ...task, productId: OTHER_XID } })).toBe(3001);
  });

  it('3000 and 3001 for IRI policies, which came with v1.23.1', async () => {
    const policies = { iriPolicies: [OTHER_XID] };
    const { admf, table } = await open({ policy: DF_POLICY, recorder: () => undefined });
    await table.createDestination(both);
    const whole = { ...task, deliveryType: 'X2andX3', mediation: [warrant] } as const;
    const part = { ...whole, mediation: [{ ...warrant, ...policies }] };
    for (const narrowed of [{ ...whole, ...policies }, part, { ...whole, iriPolicies: [] }]) {
      expect(await codeOf(admf, { type: 'ActivateTask', task: narrowed })).toBe(3000);
    }
    expect(table.tasks()).toEqual([]);
    await table.activate(whole);
    expect(await codeOf(admf, { type: 'ModifyTask', task: { ...whole, ...policies } })).toBe(3001);
    expect(await codeOf(admf, { type: 'ModifyTask', task: part })).toBe(3001);
    expect(table.task(XID)).toEqual(whole);
  });

  it('3040 for a destination changed so that its task does not fit any more', async () => {
    const { admf, table } = await open();
    await table.createDestination(destination);
    await table.activate(task);
    expect(
      await codeOf(admf, {
        type: 'ModifyDestination',
        destination: { ...destination, deliveryType: 'X3Only' },
      }),
    ).toBe(3040);
  });

  it('6001 for an extension in ModifyDestination', async () => {
    const { admf, table } = await open();
    await table.createDestination(destination);
    expect(
      await codeOf(admf, {
        type: 'ModifyDestination',
        destination: { ...destination, extensions: [{ owner: '3GPP', content: [] }] },
      }),
    ).toBe(6001);
  });

  it('7010 and 8010 for destinations in use', async () => {
    const policy = { ...CSCF_POLICY, removeAllDestinations: true, deactivateAllTasks: true };
    const { admf, table } = await open({ policy });
    await table.createDestination(destination);
    await table.activate(task);
    expect(await codeOf(admf, { type: 'RemoveDestination', did: DID })).toBe(7010);
    expect(await codeOf(admf, { type: 'RemoveAllDestinations' })).toBe(8010);
    expect(await codeOf(admf, { type: 'DeactivateAllTasks' })).toBe(0);
    expect(await codeOf(admf, { type: 'RemoveAllDestinations' })).toBe(0);
    expect(table.destinations()).toEqual([]);
  });

  it('7010 and 8010 for destinations that something waits to go to', async () => {
    let waits = true;
    const policy = { ...CSCF_POLICY, removeAllDestinations: true };
    const { admf, table } = await open({ policy, waitsFor: (did) => Promise.resolve(waits && did === DID) });
    await table.createDestination(destination);
    await table.createDestination({ ...destination, did: OTHER_DID });
    expect(await codeOf(admf, { type: 'RemoveDestination', did: DID })).toBe(7010);
    expect(await codeOf(admf, { type: 'RemoveAllDestinations' })).toBe(8010);
    expect(await codeOf(admf, { type: 'RemoveDestination', did: OTHER_DID })).toBe(0);
    waits = false;
    expect(await codeOf(admf, { type: 'RemoveDestination', did: DID })).toBe(0);
  });

  it('6000 and 6001 where those who deliver could not be told of a destination, which is stored', async () => {
    let fails = true;
    const destinationsTold = () => (fails ? Promise.reject(new Error('away')) : Promise.resolve());
    const { admf, table } = await open({ destinationsTold });
    expect(await codeOf(admf, { type: 'CreateDestination', destination })).toBe(6000);
    expect(await codeOf(admf, { type: 'ModifyDestination', destination })).toBe(6001);
    expect(table.destination(DID)).toEqual(destination);
    fails = false;
    expect(await codeOf(admf, { type: 'ModifyDestination', destination })).toBe(0);
  });

  it.each([
    [3000, { type: 'ActivateTask', task: { ...task, xid: OTHER_XID } }],
    [3001, { type: 'ModifyTask', task }],
    [4000, { type: 'DeactivateTask', xid: XID }],
    [5000, { type: 'DeactivateAllTasks' }],
    [6000, { type: 'CreateDestination', destination: { ...destination, did: OTHER_DID } }],
    [6001, { type: 'ModifyDestination', destination }],
  ] as readonly (readonly [number, X1RequestBody])[])(
    '%i if the store fails, and nothing is said of why',
    async (code, body) => {
      const policy = { ...CSCF_POLICY, deactivateAllTasks: true };
      const { admf, table, store } = await open({ policy });
      await table.createDestination(destination);
      await table.activate(task);
      store.fails = true;
      await expect(admf.request(body as never)).rejects.toMatchObject({
        error: { code, description: expect.not.stringContaining('disk') as unknown },
      });
      expect(table.task(XID)).toEqual(task);
    },
  );

  it('7000 and 8000 if the store fails', async () => {
    const { admf, table, store } = await open({ policy: { ...CSCF_POLICY, removeAllDestinations: true } });
    await table.createDestination(destination);
    store.fails = true;
    expect(await codeOf(admf, { type: 'RemoveDestination', did: DID })).toBe(7000);
    expect(await codeOf(admf, { type: 'RemoveAllDestinations' })).toBe(8000);
  });
});

describe('a DF', () => {
  const open1 = () => open({ policy: DF_POLICY });
  const dfTask: InterceptTask = { ...task, deliveryType: 'X2andX3', dids: [], mediation: [warrant] };
  const activate = (mediation: readonly MediationDetails[], rest: Partial<InterceptTask> = {}) =>
    ({ type: 'ActivateTask', task: { ...dfTask, ...rest, mediation } }) as const;

  it('takes warrants with their own destinations, HI2 and HI3 apart', async () => {
    const { admf } = await open1();
    await admf.request({ type: 'CreateDestination', destination });
    await admf.request({
      type: 'CreateDestination',
      destination: { ...destination, did: OTHER_DID, deliveryType: 'X3Only' },
    });
    expect(await codeOf(admf, activate([{ ...warrant, dids: [DID] }]))).toBe(3040);
    expect(await codeOf(admf, activate([{ ...warrant, dids: [OTHER_DID] }]))).toBe(3040);
    expect(await codeOf(admf, activate([{ ...warrant, deliveryType: 'HI2Only', dids: [OTHER_DID] }]))).toBe(
      3040,
    );
    expect(await codeOf(admf, activate([{ ...warrant, dids: [DID, OTHER_DID] }]))).toBe(0);
  });

  it.each([
    [{ suspendOnOutboundInternationalRoaming: true }, 3000],
    [{ reportPostDialledDigits: true }, 3000],
    [{ location: [{ lals: true }] }, 3000],
    [{ serviceTypes: ['voice' as const] }, 3050],
    [{ serviceTypes: ['voice' as const, 'messaging' as const], location: 'doNotReport' as const }, 0],
    [{ location: [{ beginningAndEnd: true }], reportPostDialledDigits: false }, 0],
  ])('R-35: keeps to a scope, or refuses it: %j gives %i', async (scope, code) => {
    const { admf } = await open1();
    await admf.request({ type: 'CreateDestination', destination: both });
    expect(await codeOf(admf, activate([{ ...warrant, scoping: [scope] }]))).toBe(code);
  });

  it('refuses a task that is no warrant', async () => {
    const { admf } = await open1();
    await admf.request({ type: 'CreateDestination', destination: both });
    expect(await codeOf(admf, activate([]))).toBe(3000);
    expect(await codeOf(admf, activate([{ ...warrant, endTime: NOW }]))).toBe(3000);
    expect(await codeOf(admf, activate([{ ...warrant, liid: 'a'.repeat(27) }]))).toBe(3000);
    expect(await codeOf(admf, activate([warrant], { deliveryType: 'X2Only' }))).toBe(3040);
    expect(await codeOf(admf, activate([{ ...warrant, dids: [OTHER_DID] }]))).toBe(2040);
    expect(
      await codeOf(
        admf,
        activate([{ ...warrant, scoping: [{ suspendOnOutboundInternationalRoaming: true }] }]),
      ),
    ).toBe(3000);
    expect(await codeOf(admf, activate([{ ...warrant, dids: [] }], { dids: [DID] }))).toBe(0);
  });
});

describe('a KMS', () => {
  const tried = async (overrides: Partial<InterceptTask>) =>
    codeOf((await open({ policy: KMS_POLICY })).admf, {
      type: 'ActivateTask',
      task: { ...kmsTask, ...overrides },
    });

  it('takes X2Only without destinations and one validity', async () => {
    expect(await tried({})).toBe(0);
    expect(await tried({ deliveryType: 'X2andX3' })).toBe(3040);
    expect(await tried({ dids: [DID] })).toBe(3040);
    expect(await tried({ mediation: [{ ...validity, dids: [DID] }] })).toBe(3040);
    expect(await tried({ mediation: [] })).toBe(3000);
    expect(await tried({ mediation: [validity, validity] })).toBe(3000);
    const { endTime: _, ...endless } = validity;
    expect(await tried({ mediation: [endless] })).toBe(3000);
    expect(await tried({ mediation: [{ ...validity, startTime: NOW + HOUR }] })).toBe(3000);
  });
});

describe('a KMS that LEMFs may ask', () => {
  const names = ['lemf.home1.example', 'lemf.police.example'];
  const lemf = (name: string, did = DID): Destination => {
    return { did, deliveryType: 'X2Only', address: keyClientAddress(name) };
  };
  const created = async (lemfs: readonly string[], destination: Destination) =>
    codeOf((await open({ policy: kmsPolicyFor(lemfs) })).admf, { type: 'CreateDestination', destination });

  it('R-14: takes tasks for those LEMFs alone, and none where nobody has switched it on', async () => {
    expect(await created(names, lemf('lemf.home1.example'))).toBe(0);
    expect(await created(names, lemf('lemf.home2.example'))).toBe(6000);
    expect(await created([], lemf('lemf.home1.example'))).toBe(6020);
    expect(await created(names, destination)).toBe(6020);
    const elsewhere: Destination = { ...destination, address: { kind: 'uri', value: 'xk:not a name' } };
    expect(await created(names, elsewhere)).toBe(6020);
  });

  it('R-14: a task is for one LEMF, or for DFs', async () => {
    const { admf } = await open({ policy: kmsPolicyFor(names) });
    const tried = (overrides: Partial<InterceptTask>) =>
      codeOf(admf, { type: 'ActivateTask', task: { ...kmsTask, ...overrides } });
    for (const [at, did] of [DID, OTHER_DID].entries())
      expect(await codeOf(admf, { type: 'CreateDestination', destination: lemf(names[at]!, did) })).toBe(0);
    expect(await tried({ dids: [DID, OTHER_DID] })).toBe(3030);
    expect(await tried({ mediation: [{ ...validity, dids: [DID] }] })).toBe(3040);
    expect(await tried({ dids: [OTHER_XID] })).toBe(2040);
    expect(await tried({ dids: [DID] })).toBe(0);
    expect(await tried({ xid: OTHER_XID })).toBe(0);
  });
});

describe('addresses of destinations', () => {
  it.each([
    ['tls://df.home1.example:7001', { host: 'df.home1.example', port: 7001 }],
    ['tls://df.home1.example', null],
    ['tls://df.home1.example:99999', null],
    ['http://df.home1.example:7001', null],
    ['tls://df.home1.example:7001/x', null],
  ])('%s', (value, endpoint) => {
    expect(endpointOf({ ...destination, address: { kind: 'uri', value } })).toEqual(endpoint);
  });
});
