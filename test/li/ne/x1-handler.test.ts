import { afterAll, describe, expect, it } from 'vitest';
import { fromUtf8, utf8 } from '../../../src/bytes/octets.ts';
import { systemRandom } from '../../../src/app/runtime.ts';
import {
  CSCF_POLICY,
  DF_POLICY,
  endpointOf,
  GATEWAY_POLICY,
  KMS_POLICY,
} from '../../../src/li/ne/x1-policy.ts';
import type { NePolicy } from '../../../src/li/ne/x1-policy.ts';
import type { X1NeOptions } from '../../../src/li/ne/x1-handler.ts';
import { X1ExchangeError, X1Requester } from '../../../src/li/ne/x1-requester.ts';
import { decodeX1Response, encodeX1Request } from '../../../src/li/wire/x1/containers.ts';
import type { Destination, InterceptTask, MediationDetails } from '../../../src/li/wire/x1/details.ts';
import type { X1RequestBody } from '../../../src/li/wire/x1/requests.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { missingShared, missingTool } from '../../support/shared.ts';
import { SCHEMA, xmllint } from '../wire/x1/support.ts';
import { ADMF, admfPeer, bench, destination, DID, NE, OTHER_DID, OTHER_XID, task, XID } from './support.ts';
import type { Bench } from './support.ts';

/** Every document of this file, for xmllint at the end. */
const documents: Uint8Array[] = [];
const NO_DOCUMENT = new Set<Uint8Array>();

async function open(overrides: Partial<X1NeOptions> = {}): Promise<Bench & { clock: ManualClock }> {
  const clock = new ManualClock();
  const made = await bench(clock, {
    recorder: (_from, _to, octets) => documents.push(octets),
    ...overrides,
  });
  return { ...made, clock };
}

/** The X1 error code of a request, 0 if it is done. */
async function codeOf(admf: Pick<X1Requester, 'request'>, body: X1RequestBody): Promise<number> {
  try {
    await admf.request(body);
    return 0;
  } catch (error) {
    if (error instanceof X1ExchangeError && error.error !== null) return error.error.code;
    throw error;
  }
}

const HOUR = 3_600_000;
const NOW = 1_700_000_000_000;
const warrant: MediationDetails = {
  liid: 'LIID1',
  deliveryType: 'HI2andHI3',
  dids: [DID],
  startTime: NOW,
  endTime: NOW + HOUR,
};
const validity: MediationDetails = { ...warrant, deliveryType: 'HI2Only', dids: [] };
const kmsTask: InterceptTask = { ...task, dids: [], mediation: [validity] };
const both: Destination = { ...destination, deliveryType: 'X2andX3' };

afterAll(() => {
  if (missingShared(SCHEMA) || missingTool('xmllint')) return;
  expect(xmllint(documents.filter((octets) => !NO_DOCUMENT.has(octets)))).toBe('');
});

describe('X1 at a network element', () => {
  it('provisions, reports and withdraws', async () => {
    const { admf, table, audit } = await open();
    await admf.request({ type: 'CreateDestination', destination });
    await admf.request({ type: 'ActivateTask', task });
    expect(table.task(XID)).toEqual(task);
    expect((await admf.request({ type: 'GetTaskDetails', xid: XID })).report).toEqual({
      task,
      status: {
        provisioning: 'complete',
        faults: [],
        timeOfLastModification: NOW,
        numberOfModifications: 0,
      },
    });
    expect(await admf.request({ type: 'ListAllDetails' })).toMatchObject({ xids: [XID], dids: [DID] });
    expect(await admf.request({ type: 'GetAllDetails' })).toMatchObject({
      ne: { status: 'OK', faults: [] },
      tasks: [{ task }],
      destinations: [{ destination, status: { delivery: 'activeAndWorking' } }],
    });
    await admf.request({ type: 'Ping' });
    const wider = { ...task, targets: [...task.targets, { name: 'telUri', value: 'tel:+12125550101' }] };
    await admf.request({ type: 'ModifyTask', task: wider });
    await admf.request({
      type: 'ModifyDestination',
      destination: { ...destination, friendlyName: 'another' },
    });
    expect(await admf.request({ type: 'GetAllTaskDetails' })).toMatchObject({ tasks: [{ task: wider }] });
    expect(await admf.request({ type: 'GetAllDestinationDetails' })).toMatchObject({
      destinations: [{ destination: { friendlyName: 'another' } }],
    });
    expect(await admf.request({ type: 'GetDestinationDetails', did: DID })).toMatchObject({
      report: { destination: { did: DID } },
    });
    expect(await admf.request({ type: 'GetNEStatus' })).toMatchObject({ ne: { status: 'OK' } });
    await admf.request({ type: 'DeactivateTask', xid: XID });
    await admf.request({ type: 'RemoveDestination', did: DID });
    expect(table.tasks()).toEqual([]);
    expect(audit.events.filter(({ kind }) => kind === 'x1-request')).toHaveLength(
      audit.events.filter(({ kind }) => kind === 'x1-done').length,
    );
  });

  it('shows its faults', async () => {
    const fault = { code: 1000, description: 'the DF is away' };
    const { admf } = await open({
      condition: {
        taskFaults: () => [fault],
        destinationFaults: () => [fault],
        elementFaults: () => [fault],
      },
    });
    await admf.request({ type: 'CreateDestination', destination });
    expect(await admf.request({ type: 'GetAllDetails' })).toMatchObject({
      ne: { status: 'Faults', faults: [fault] },
      destinations: [{ status: { delivery: 'deliveryFault', faults: [fault] } }],
    });
  });
});

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

  it('refuses a task that is no warrant', async () => {
    const { admf } = await open1();
    await admf.request({ type: 'CreateDestination', destination: both });
    expect(await codeOf(admf, activate([]))).toBe(3000);
    expect(await codeOf(admf, activate([{ ...warrant, endTime: NOW }]))).toBe(3000);
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

describe('identifiers and versions', () => {
  async function refusedAs(overrides: { admf?: string; ne?: string; peer?: string; version?: string }) {
    const { handler, audit } = await open({ admfs: [ADMF, 'second.home1.example'] });
    const request = encodeX1Request([
      {
        header: {
          admfIdentifier: overrides.admf ?? ADMF,
          neIdentifier: overrides.ne ?? NE,
          timestamp: NOW,
          version: overrides.version ?? 'v1.22.1',
          transactionId: XID,
        },
        body: { type: 'Ping' },
      },
    ]);
    const peer = overrides.peer ?? ADMF;
    const answer = decodeX1Response(await handler.handle(request, { commonName: peer, dnsNames: [] }));
    if (answer.kind !== 'response') throw new Error('top-level error');
    const { header, body } = answer.messages[0]!;
    expect(header.transactionId).toBe(XID);
    const code = body.type === 'Error' ? body.error.code : 0;
    if (code !== 0) expect(audit.events.at(-1)).toMatchObject({ kind: 'x1-refused', code });
    return { code, version: header.version };
  }

  it('an ADMF that is not the one of its certificate gets 1030', async () => {
    expect(await refusedAs({ admf: 'second.home1.example' })).toMatchObject({ code: 1030 });
    expect(await refusedAs({ peer: 'second.home1.example' })).toMatchObject({ code: 1030 });
  });

  it('an ADMF that is not ours gets 1040', async () => {
    expect(await refusedAs({ admf: 'admf.home2.example', peer: 'admf.home2.example' })).toMatchObject({
      code: 1040,
    });
  });

  it('a request for another element gets 1060', async () => {
    expect(await refusedAs({ ne: 'cscf.home2.example' })).toMatchObject({ code: 1060 });
  });

  it.each(['v1.13.1', 'v1.13.2', 'v1.14.0', 'v1.22.1', 'v1.99.0'])(
    '%s is answered in %s',
    async (version) => {
      expect(await refusedAs({ version })).toEqual({ code: 0, version });
    },
  );

  it.each(['v1.13.0', 'v1.1.1', 'v1.6.3', 'v1.٣٠.1'])('%s gets 1020 in our version', async (version) => {
    expect(await refusedAs({ version })).toEqual({ code: 1020, version: 'v1.22.1' });
  });
});

describe('documents', () => {
  const ping = { type: 'Ping' } as const;
  const header = {
    admfIdentifier: ADMF,
    neIdentifier: NE,
    timestamp: NOW,
    version: 'v1.22.1',
    transactionId: XID,
  };

  it('what is not X1 gets a top-level error and an audit record', async () => {
    const { handler, audit } = await open();
    const octets = utf8('<X1Request/>');
    NO_DOCUMENT.add(octets);
    const answer = decodeX1Response(await handler.handle(octets, admfPeer));
    expect(answer).toMatchObject({
      kind: 'top-level-error',
      header: { admfIdentifier: ADMF, neIdentifier: NE },
    });
    expect(audit.events).toMatchObject([{ kind: 'x1-malformed', peer: ADMF }]);
  });

  it('one malformed message among others gets 1010 under its transaction, the others are done', async () => {
    const { handler } = await open();
    const bodies = [ping, { type: 'GetNEStatus' }, ping] as const;
    const good = fromUtf8(encodeX1Request(bodies.map((body) => ({ header, body }))));
    const octets = utf8(good.replace('GetNEStatusRequest', 'RebootRequest'));
    NO_DOCUMENT.add(octets);
    const answer = decodeX1Response(await handler.handle(octets, admfPeer));
    expect(answer).toMatchObject({
      messages: [
        { body: { type: 'Ping' } },
        { header: { transactionId: XID }, body: { type: 'Error', error: { code: 1010 } } },
        { body: { type: 'Ping' } },
      ],
    });
  });

  it('what the operator’s schema refuses gets 1010', async () => {
    const { X1Error } = await import('../../../src/li/wire/x1/errors.ts');
    const judge = {
      check: () => {
        throw new X1Error('schema', 'not valid by the schema');
      },
    };
    const { admf } = await open({ judge });
    expect(await codeOf(admf, ping)).toBe(1010);
  });

  it('what cannot be put on record is not done (R-27)', async () => {
    const { admf, audit, table } = await open();
    audit.fails = true;
    await expect(admf.request({ type: 'CreateDestination', destination })).rejects.toThrow('disk is full');
    expect(table.destinations()).toEqual([]);
  });

  it('every request is on record with the digest of its document (R-27)', async () => {
    const { admf, audit } = await open();
    await admf.request({ type: 'CreateDestination', destination });
    expect(audit.events).toMatchObject([
      { kind: 'x1-request', request: 'CreateDestination', did: DID, peer: ADMF },
      { kind: 'x1-done', digest: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown },
    ]);
  });

  it('an answer to another request is not taken for this one', async () => {
    const { handler, clock } = await open();
    let last: Uint8Array | null = null;
    const replaying = new X1Requester({
      side: 'admf',
      admfIdentifier: ADMF,
      neIdentifier: NE,
      clock,
      random: systemRandom(),
      transport: async (octets) => (last ??= await handler.handle(octets, admfPeer)),
    });
    await replaying.request(ping);
    await expect(replaying.request(ping)).rejects.toMatchObject({ code: 'bad-answer' });
  });
});

describe('keepalives', () => {
  it('where agreed and lost, tasks and destinations go: fail closed', async () => {
    const { admf, table, clock, audit } = await open({ keepalive: { timeoutMs: 1000, failClosed: true } });
    await admf.request({ type: 'CreateDestination', destination });
    await admf.request({ type: 'ActivateTask', task });
    clock.advance(900);
    await admf.request({ type: 'Keepalive' });
    clock.advance(900);
    expect(table.tasks()).toHaveLength(1);
    clock.advance(200);
    await expect.poll(() => table.tasks().length + table.destinations().length).toBe(0);
    expect(audit.events).toContainEqual({ kind: 'x1-fail-closed', tasks: 1 });
  });

  it('where the operator wants it so, tasks stay', async () => {
    const { table, clock } = await open({ keepalive: { timeoutMs: 1000, failClosed: false } });
    await table.createDestination(destination);
    clock.advance(5000);
    await Promise.resolve();
    expect(table.destinations()).toHaveLength(1);
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
