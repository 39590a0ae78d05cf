import { describe, expect, it } from 'vitest';
import { fromUtf8, utf8 } from '../../src/bytes/octets.ts';
import { systemRandom } from '../../src/host/runtime.ts';
import { X1Requester } from '../../src/x1/requester.ts';
import { decodeX1Response, encodeX1Request } from '../../src/wire/x1/containers.ts';
import { ADMF, admfPeer, destination, DID, NE, task, XID } from '../poi/support.ts';
import { codeOf, judgeDocuments, NO_DOCUMENT, NOW, open } from './element.ts';

judgeDocuments();

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

  it.each(['v1.13.1', 'v1.13.2', 'v1.14.0', 'v1.22.1', 'v1.23.1'])(
    'R-95: %s is answered in %s',
    async (version) => {
      expect(await refusedAs({ version })).toEqual({ code: 0, version });
    },
  );

  it.each(['v1.13.0', 'v1.1.1', 'v1.6.3', 'v1.٣٠.1', 'v1.23.2', 'v1.24.1'])(
    'R-95: %s gets 1020 in our version',
    async (version) => {
      expect(await refusedAs({ version })).toEqual({ code: 1020, version: 'v1.23.1' });
    },
  );
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

  it.each([
    [1010, 'that is malformed', '</x1RequestMessage>', '<more/></x1RequestMessage>'],
    [1010, 'that is a response', 'GetNEStatusRequest', 'GetNEStatusResponse'],
    [1080, 'that is not known', 'GetNEStatusRequest', 'RebootRequest'],
    [1080, 'of another specification', '"GetNEStatusRequest', '"common:ActivateTaskRequest'],
  ])('%i for one message among others %s, the others are done', async (code, _, from, to) => {
    const { handler } = await open();
    const bodies = [ping, { type: 'GetNEStatus' }, ping] as const;
    const good = fromUtf8(encodeX1Request(bodies.map((body) => ({ header, body }))));
    const message = /<x1RequestMessage xsi:type="GetNE[^]*?<\/x1RequestMessage>/.exec(good)?.[0] ?? '';
    const octets = utf8(good.replace(message, message.replace(from, to)));
    NO_DOCUMENT.add(octets);
    const answer = decodeX1Response(await handler.handle(octets, admfPeer));
    expect(answer).toMatchObject({
      messages: [
        { body: { type: 'Ping' } },
        { header: { transactionId: XID }, body: { type: 'Error', error: { code } } },
        { body: { type: 'Ping' } },
      ],
    });
  });

  it('what the operator’s schema refuses gets 1010', async () => {
    const { XmlDocumentError } = await import('../../src/wire/xml/errors.ts');
    const judge = {
      check: () => {
        throw new XmlDocumentError('schema', 'not valid by the schema');
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

  it('R-75: a hundred tasks in one document are stored at once, each with its answer', async () => {
    const { admf, audit, table, store } = await open();
    await admf.request({ type: 'CreateDestination', destination });
    audit.events.splice(0);
    const before = store.changes.length;
    const xidOf = (k: number) => `${String(k).padStart(8, '0')}-f230-486a-a860-f5a784ab9172`;
    const tasks = Array.from({ length: 100 }, (_, k) => ({ ...task, xid: xidOf(k % 99) }));
    const answers = await admf.requestAll(tasks.map((each) => ({ type: 'ActivateTask', task: each })));
    expect(answers.slice(0, 99).every((answer) => 'ok' in answer)).toBe(true);
    expect(answers[99]).toMatchObject({ error: { code: 2010 } });
    expect(table.tasks().map(({ xid }) => xid)).toEqual(tasks.slice(0, 99).map(({ xid }) => xid));
    expect(store.changes).toHaveLength(before + 1);
    expect(audit.events).toHaveLength(2);
  });

  it('every request is on record with the digest of its document (R-27)', async () => {
    const { admf, audit } = await open();
    await admf.request({ type: 'CreateDestination', destination });
    expect(audit.events).toMatchObject([
      { kind: 'x1-request', request: 'CreateDestination', did: DID, peer: ADMF },
      { kind: 'x1-done', digest: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown },
    ]);
  });

  it('R-72: a document is one record of what it asks and one of what came of it', async () => {
    const { handler, audit } = await open();
    const bodies = [
      ...Array.from({ length: 200 }, () => ping),
      { type: 'CreateDestination', destination },
      { type: 'CreateDestination', destination },
      { type: 'ActivateTask', task },
    ] as const;
    await handler.handle(encodeX1Request(bodies.map((body) => ({ header, body }))), admfPeer);
    const about = {
      requests: 203,
      request: 'Ping×200 CreateDestination×2 ActivateTask×1',
      dids: `${DID} ${DID}`,
      xids: XID,
      peer: ADMF,
    };
    expect(audit.events).toMatchObject([
      { kind: 'x1-request', ...about },
      { kind: 'x1-done', ...about, refused: 1, codes: '201:2030' },
    ]);
  });

  it('R-72: a document of more requests than are taken gets a top-level error, and one record', async () => {
    const { handler, audit } = await open();
    const messages = (count: number) => Array.from({ length: count }, () => ({ header, body: ping }));
    const most = decodeX1Response(await handler.handle(encodeX1Request(messages(256)), admfPeer));
    expect(most.kind === 'response' && most.messages.length).toBe(256);
    const before = audit.events.length;
    const octets = encodeX1Request(messages(257));
    const answer = decodeX1Response(await handler.handle(octets, admfPeer));
    expect(answer.kind).toBe('top-level-error');
    expect(audit.events.slice(before)).toMatchObject([
      { kind: 'x1-malformed', reason: 'more than 256 requests' },
    ]);
  });

  it('R-72: who is not the ADMF cannot fill the log, whatever it sends', async () => {
    const { handler, audit } = await open();
    const stranger = { commonName: 'admf.home2.example', dnsNames: [] };
    const asked = encodeX1Request([
      { header: { ...header, admfIdentifier: stranger.commonName }, body: ping },
    ]);
    for (let n = 0; n < 100; n++) {
      handler.forbidden(stranger);
      const answer = decodeX1Response(await handler.handle(asked, stranger));
      expect(answer).toMatchObject({ messages: [{ body: { error: { code: 1040 } } }] });
    }
    expect(audit.events.map(({ kind }) => kind)).toContain('x1-refused');
    expect(audit.events.length).toBeLessThan(25);
    expect(audit.events.at(-1)).toEqual({ kind: 'refusals-only-counted', peer: stranger.commonName });
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

  it('what cannot be put on record is tried again, and the element lives on (R-27)', async () => {
    const { table, clock, audit } = await open({ keepalive: { timeoutMs: 1000, failClosed: true } });
    await table.createDestination(destination);
    audit.fails = true;
    clock.advance(1000);
    await new Promise((resolve) => setImmediate(resolve));
    expect(table.destinations()).toHaveLength(1);
    audit.fails = false;
    clock.advance(1000);
    await expect.poll(() => table.destinations().length).toBe(0);
  });

  it('where the operator wants it so, tasks stay', async () => {
    const { table, clock } = await open({ keepalive: { timeoutMs: 1000, failClosed: false } });
    await table.createDestination(destination);
    clock.advance(5000);
    await Promise.resolve();
    expect(table.destinations()).toHaveLength(1);
  });
});
