/** The ADMF's door for officers over real sockets and certificates: who may do what, what is refused, what is on record. */
import { X509Certificate } from 'node:crypto';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadTls, secureContext } from '../../../../src/net/tls.ts';
import { askedBothWays } from '../../../support/http-versions.ts';
import type { Answer, Asking } from './asking.ts';
import { PEOPLE } from './door.ts';
import type { OfficersHome } from './door.ts';
import { OfficersDoor, WARRANT, warrantOf } from './knocking.ts';

let door: OfficersDoor;
let home: OfficersHome;

const ask = (who: string, call: string, asking?: Asking): Promise<Answer> => door.ask(who, call, asking);
const enter = (liid: string, who?: string): Promise<number> => door.enter(liid, who);
const stateOf = (liid: string): Promise<Answer['json']> => door.stateOf(liid);
const { endTime, lemf } = WARRANT;

beforeAll(async () => {
  door = await OfficersDoor.open();
  ({ home } = door);
}, 60_000);

afterAll(() => door.close());

describe('R-93: each role against each route', { timeout: 30_000 }, () => {
  const reason = { reason: 'because' };
  const CALLS: readonly (readonly [call: string, who: string, body?: object])[] = [
    ['GET /v1/warrants', 'anna ben both cleo'],
    ['GET /v1/warrants/NONE', 'anna ben both cleo'],
    ['GET /v1/warrants/NONE/state', 'anna ben both cleo'],
    ['POST /v1/warrants', 'anna both', {}],
    ['POST /v1/imports', 'anna both', {}],
    ['POST /v1/warrants/NONE/submit', 'anna both', {}],
    ['POST /v1/warrants/NONE/approve', 'ben both', { generation: 1 }],
    ['POST /v1/warrants/NONE/reject', 'ben both', { generation: 1, ...reason }],
    ['POST /v1/warrants/NONE/amend', 'anna both', { changes: { location: true }, ...reason }],
    ['POST /v1/warrants/NONE/extend', 'anna both', { endTime, ...reason }],
    ['POST /v1/warrants/NONE/suspend', 'anna both', reason],
    ['POST /v1/warrants/NONE/resume', 'anna both', reason],
    ['POST /v1/warrants/NONE/withdraw', 'anna both', reason],
    ['GET /v1/self', 'anna ben both cleo dora'],
    ['GET /v1/status', 'anna ben both cleo dora'],
    ['GET /v1/elements', 'anna ben both cleo dora'],
    ['GET /v1/elements/differences', 'anna ben both cleo dora'],
    ['GET /v1/alarms', 'anna ben both cleo dora'],
    ['GET /v1/audit?limit=1', 'cleo'],
  ];

  const cases = CALLS.map(([call, allowed, body]) => ({ call, allowed, body }));

  it.each(cases)('$call is for $allowed', async ({ call, allowed, body }) => {
    for (const who of Object.keys(PEOPLE)) {
      const { status, json } = await ask(who, call, body === undefined ? {} : { body });
      const mayAsk = allowed.split(' ').includes(who);
      expect([who, json['code'] === 'role' ? 'refused' : 'asked']).toEqual([
        who,
        mayAsk ? 'asked' : 'refused',
      ]);
      if (!mayAsk) expect(status).toBe(403);
      else expect(status).toBe(call.includes('NONE') ? 404 : body === undefined ? 200 : 400);
    }
  });

  it.each([
    ['eve', 'another name'],
    ['df', 'the role of an entity'],
    ['nobody', 'neither name nor role'],
    ['roleless', 'a name without a role of a person'],
    ['two', 'the names of two people, who could approve what they entered'],
  ])('%s, with %s, gets nothing, and not even whether there is such a thing', async (who) => {
    for (const call of ['GET /v1/status', 'GET /v1/warrants/NONE', 'POST /v1/warrants', 'GET /no/such'])
      expect(await ask(who, call)).toMatchObject({ status: 403, json: { code: 'not-admitted' } });
  });

  it('an operator sees how the system is, and nothing that says whom a warrant is about', async () => {
    await enter('SEEN');
    const answers = [];
    for (const at of ['status', 'elements', 'elements/differences', 'alarms'])
      answers.push((await ask('dora', `GET /v1/${at}`)).json);
    expect(answers[0]).toMatchObject({ pending: 1, degraded: 0, warrants: { submitted: 1 } });
    expect(answers[1]).toMatchObject({
      elements: [{ kind: 'cscf', answers: true }, {}, {}, { identifier: 'kms.home1.example', answers: true }],
    });
    expect(JSON.stringify(answers)).not.toContain('alice');
    expect(JSON.stringify(answers)).not.toContain('SEEN');
  });
});

describe('R-90: two officers', { timeout: 60_000 }, () => {
  it('one enters, another approves, and it is active; a withdrawal ends it', async () => {
    const generation = await enter('L1');
    expect(await ask('ben', 'POST /v1/warrants/L1/approve', { body: { generation } })).toMatchObject({
      status: 200,
      json: { approvals: ['ben'], authors: ['anna'] },
    });
    await expect.poll(() => stateOf('L1'), { timeout: 30_000 }).toMatchObject({ state: 'active' });
    const order = { body: { reason: 'order 12' } };
    expect(await ask('anna', 'POST /v1/warrants/L1/withdraw', order)).toMatchObject({ status: 200 });
    await expect.poll(() => stateOf('L1'), { timeout: 30_000 }).toMatchObject({ state: 'ended' });
    const { json } = await ask('cleo', 'GET /v1/warrants/L1');
    expect(json['history']).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ act: 'entered', by: 'anna' }),
        expect.objectContaining({ act: 'approved', by: 'ben' }),
        expect.objectContaining({ act: 'withdrawn', by: 'anna', reason: 'order 12' }),
      ]),
    );
  });

  it('nobody approves what they entered, whatever their roles', async () => {
    const generation = await enter('L2', 'both');
    expect(await ask('both', 'POST /v1/warrants/L2/approve', { body: { generation } })).toMatchObject({
      status: 403,
      json: { code: 'own-act' },
    });
    expect(await stateOf('L2')).toMatchObject({ state: 'submitted', generation });
  });

  it('an approver approves what they saw: what was changed since is not approved', async () => {
    const generation = await enter('L3');
    const approve = (asking: Asking) => ask('ben', 'POST /v1/warrants/L3/approve', asking);
    expect(await approve({ body: {} })).toMatchObject({ status: 428, json: { code: 'generation-required' } });
    const changes = { targets: [{ name: 'sipUri', value: 'sip:carol@home1.example' }] };
    const amended = await ask('anna', 'POST /v1/warrants/L3/amend', { body: { changes, reason: 'another' } });
    expect(amended).toMatchObject({ status: 200, json: { state: 'submitted' } });
    for (const stale of [{ body: { generation } }, { body: {}, headers: { 'if-match': `"${generation}"` } }])
      expect(await approve(stale)).toMatchObject({ status: 412, json: { code: 'stale' } });
    const seen = await ask('ben', 'GET /v1/warrants/L3/state');
    const tag = seen.headers['etag'] as string;
    expect(tag).toBe(amended.headers['etag']);
    for (const wrong of ['3', 'W/"3"', '*', '"3", "4"', '"03"'])
      expect(await approve({ body: {}, headers: { 'if-match': wrong } })).toMatchObject({ status: 400 });
    const two = { body: { generation }, headers: { 'if-match': tag } };
    expect(await approve(two)).toMatchObject({ status: 400, json: { code: 'if-match' } });
    expect(await stateOf('L3')).toMatchObject({ state: 'submitted', approvals: [] });
    expect(await approve({ body: {}, headers: { 'if-match': tag } })).toMatchObject({ status: 200 });
  });

  it('what widens a warrant waits for an approver, and can be rejected', async () => {
    await expect.poll(() => stateOf('L3'), { timeout: 30_000 }).toMatchObject({ state: 'active' });
    const later = new Date(Date.now() + 7_200_000).toISOString();
    const extended = await ask('anna', 'POST /v1/warrants/L3/extend', {
      body: { endTime: later, reason: 'more' },
    });
    expect(extended).toMatchObject({
      status: 200,
      json: { state: 'active', endTime, pending: { by: 'anna' } },
    });
    expect((await ask('ben', 'GET /v1/warrants?pending=true&state=active')).json).toMatchObject({
      warrants: [{ liid: 'L3' }],
    });
    const { generation } = extended.json as { generation: number };
    const rejected = await ask('ben', 'POST /v1/warrants/L3/reject', {
      body: { generation, reason: 'enough' },
    });
    expect(rejected).toMatchObject({ status: 200, json: { state: 'active', endTime } });
    expect(rejected.json).not.toHaveProperty('pending');
  });
});

describe('R-93: what is refused changes nothing', { timeout: 30_000 }, () => {
  const good = warrantOf('BAD');
  const rest = { delivery: 'CC', endTime, lemf };

  it.each([
    ['no JSON', '{', 400, ''],
    ['no object', '[]', 400, 'the entry is not an object'],
    ['no warrant', {}, 400, 'warrant is missing'],
    [
      'a member too many',
      { warrant: { ...good, lemff: 1 } },
      400,
      'warrant.lemff: no such member; did you mean lemf?',
    ],
    [
      'all faults at once',
      { warrant: rest, submit: 1 },
      400,
      /warrant\.liid is missing.*warrant\.targets is missing.*delivery is not one of IRI, IRI\+CC.*submit is not true or false/,
    ],
    ['a bad LIID', { warrant: { ...good, liid: 'a b' } }, 400, 'warrant.liid is not'],
    ['a LIID that no path has', { warrant: { ...good, liid: '..' } }, 400, 'warrant.liid is not'],
    [
      'a time without zone',
      { warrant: { ...good, endTime: '2099-01-01T00:00:00' } },
      400,
      'warrant.endTime is not a time with zone',
    ],
    [
      'a day that is not',
      { warrant: { ...good, endTime: '2099-02-30T00:00:00Z' } },
      400,
      'warrant.endTime is not a time',
    ],
    ['no target', { warrant: { ...good, targets: [] } }, 400, 'warrant.targets is not a list of 1 to'],
    [
      'a target that nobody knows',
      { warrant: { ...good, targets: [{ name: 'shoe', value: '43' }] } },
      422,
      'cannot be carried out',
    ],
    [
      'an end in the past',
      { warrant: { ...good, endTime: '2020-01-01T00:00:00Z' } },
      422,
      'cannot be carried out',
    ],
    ['content without HI3', { warrant: { ...good, lemf: { hi2: lemf.hi2 } } }, 422, 'content needs an HI3'],
    ['a reason of two lines', { warrant: good, reason: 'a\nb' }, 422, 'a reason is a line'],
    ['an empty reference', { warrant: good, reference: ' ' }, 422, 'a reference has'],
  ] as readonly (readonly [string, unknown, number, string | RegExp])[])(
    '%s',
    async (_, body, status, detail) => {
      const answer = await ask('anna', 'POST /v1/warrants', { body });
      expect([answer.status, answer.headers['content-type']]).toEqual([status, 'application/problem+json']);
      expect(answer.json['detail']).toMatch(detail);
      expect(await ask('anna', 'GET /v1/warrants/BAD')).toMatchObject({ status: 404 });
    },
  );

  it('neither a body of another type, nor one that is too large, nor none', async () => {
    const headers = { 'content-type': 'text/plain' };
    expect(await ask('anna', 'POST /v1/warrants', { body: 'x', headers })).toMatchObject({ status: 415 });
    const huge = { reason: 'x'.repeat(5 << 20) };
    expect(await ask('anna', 'POST /v1/warrants/L2/withdraw', { body: huge })).toMatchObject({ status: 413 });
    expect(await ask('anna', 'POST /v1/warrants/L2/withdraw')).toMatchObject({ status: 400 });
    expect(await stateOf('L2')).toMatchObject({ state: 'submitted' });
  });

  it('what is on record is not entered again, what is over does not go on, and reasons are needed', async () => {
    const again = { body: { warrant: warrantOf('L2') } };
    expect(await ask('anna', 'POST /v1/warrants', again)).toMatchObject({
      status: 409,
      json: { code: 'warrant-exists' },
    });
    const order = { body: { reason: 'x' } };
    expect(await ask('anna', 'POST /v1/warrants/L1/suspend', order)).toMatchObject({
      status: 409,
      json: { code: 'wrong-state' },
    });
    for (const action of ['suspend', 'resume', 'withdraw'])
      expect(await ask('anna', `POST /v1/warrants/L1/${action}`, { body: {} })).toMatchObject({
        status: 400,
        json: { detail: expect.stringContaining('reason is missing') as string },
      });
  });

  it.each([
    'state=actve',
    'limit=0',
    'limit=1001',
    'limit=x',
    'pending=yes',
    'after=a%20b',
    'colour=red',
    'limit=1&limit=2',
  ])('a query that says %s', async (query) =>
    expect(await ask('cleo', `GET /v1/warrants?${query}`)).toMatchObject({ status: 400 }),
  );

  it.each(['from=-1', 'from=1e9', 'limit=0', 'limit=9999', 'frm=1'])('of the audit log, %s', async (query) =>
    expect(await ask('cleo', `GET /v1/audit?${query}`)).toMatchObject({ status: 400 }),
  );

  it('R-95: over HTTP/1.1 and HTTP/2 the same is answered', async () => {
    const tls = loadTls((await home.officer('cleo')).tls, Date.now());
    const request = {
      port: home.admf.officers!.port,
      name: 'admf.home1.example',
      tls,
      method: 'GET',
    } as const;
    for (const [at, status] of [
      ['/v1/warrants', 200],
      ['/v2/warrants', 404],
    ] as const)
      expect(await askedBothWays({ ...request, path: at })).toEqual({ 'http/1.1': status, h2: status });
  });

  it('R-92: whoever connects after a reload of certificates sees the new one, and who is connected stays', async () => {
    const name = 'admf.home1.example';
    const files = await home.pki.issue({ commonName: name, dnsNames: [name], roles: ['admf'] });
    const renewed = loadTls(files, Date.now());
    const cleo = loadTls((await home.officer('cleo')).tls, Date.now());
    const shown = (): Promise<string> =>
      new Promise((resolve, reject) => {
        const { port } = home.admf.officers!;
        const at = { ...secureContext(cleo, 'TLSv1.2'), host: '127.0.0.1', port, servername: name };
        const socket = connect(at, () => {
          resolve(socket.getPeerCertificate().fingerprint256);
          socket.destroy();
        });
        socket.on('error', reject);
      });
    const before = await shown();
    expect(home.admf.operation.tls.replace(renewed)).toBe(true);
    const { fingerprint256 } = new X509Certificate(renewed.certificate);
    expect(before).not.toBe(fingerprint256);
    expect(await shown()).toBe(fingerprint256);
    expect((await ask('cleo', 'GET /v1/warrants')).status).toBe(200);
  });

  it('paths that are none', async () => {
    for (const call of [
      'GET /',
      'GET /v1',
      'GET /v2/warrants',
      'DELETE /v1/warrants/L1',
      'PUT /v1/warrants/L1',
      'GET /v1/warrants/%',
    ])
      expect([400, 404]).toContain((await ask('cleo', call)).status);
  });
});

describe('R-93: the list', { timeout: 30_000 }, () => {
  it('has pages by LIID, and only what is asked for', async () => {
    const first = await ask('cleo', 'GET /v1/warrants?limit=2');
    expect(first.json).toMatchObject({ warrants: [{ liid: 'L1' }, { liid: 'L2' }], next: 'L2' });
    const second = await ask('cleo', 'GET /v1/warrants?limit=2&after=L2');
    expect(second.json).toMatchObject({ warrants: [{ liid: 'L3' }, { liid: 'SEEN' }] });
    expect(second.json).not.toHaveProperty('next');
    const found = async (query: string) => {
      const { json } = await ask('cleo', `GET /v1/warrants?${query}`);
      return (json['warrants'] as { liid: string }[]).map(({ liid }) => liid).join(' ');
    };
    expect(await found('state=submitted,ended')).toBe('L1 L2 SEEN');
    expect(await found(`target=${encodeURIComponent('sip:carol@HOME1.example')}`)).toBe('L3');
    expect(await found('target=sipUri%3Dsip:alice@home1.example')).toBe('L1 L2 SEEN');
    expect(await found('target=sip:bob@home1.example')).toBe('');
    expect(await found('pending=true')).toBe('L2 SEEN');
    expect(await found('degraded=true')).toBe('');
  });
});

describe('R-93: a file of warrants', { timeout: 30_000 }, () => {
  it('is entered whole or not at all, and never in place of what is on record', async () => {
    for (const liid of ['F2', 'F3']) await enter(liid);
    const changes = { targets: [{ name: 'sipUri', value: 'sip:carol@home1.example' }] };
    await ask('anna', 'POST /v1/warrants/F3/amend', { body: { changes, reason: 'another' } });
    const other = { ...warrantOf('F2'), delivery: 'IRI' };
    const same = { ...warrantOf('F3'), ...changes };
    const late = { ...warrantOf('I2'), endTime: '2020-01-01T00:00:00Z' };
    const post = (warrants: unknown[]) => ask('anna', 'POST /v1/imports', { body: { warrants } });
    expect(await post([warrantOf('I1'), late])).toMatchObject({
      status: 422,
      json: { code: 'invalid-warrant', detail: expect.stringContaining('warrant I2 cannot') as string },
    });
    expect(await post([warrantOf('I1'), warrantOf('I1')])).toMatchObject({
      status: 422,
      json: { code: 'invalid-act' },
    });
    expect(await ask('cleo', 'GET /v1/warrants/I1')).toMatchObject({ status: 404 });
    const outcome = { entered: ['I1'], unchanged: ['F3'], differing: ['F2'] };
    expect(await post([warrantOf('I1'), same, other])).toMatchObject({ status: 200, json: outcome });
    expect(await post([warrantOf('I1')])).toMatchObject({
      json: { entered: [], unchanged: ['I1'], differing: [] },
    });
    expect((await ask('cleo', 'GET /v1/warrants?imported=true')).json).toMatchObject({
      warrants: [{ liid: 'I1', state: 'submitted' }],
    });
    expect(await stateOf('F2')).toMatchObject({ delivery: 'IRI+CC' });
  });
});
