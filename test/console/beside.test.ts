/** What the bridge has beside the officers' interface: who may look at which entity, and a laboratory's calls. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LaboratoryCall } from '../../src/console/beside.ts';
import { startBridge } from '../../src/console/bridge.ts';
import type { Bridge } from '../../src/console/bridge.ts';
import { officerConfig } from '../../src/entities/admf/config-officer.ts';
import { verifyChain } from '../../src/evidence/log.ts';
import { AdminListener } from '../../src/host/admin.ts';
import { EntityStatus } from '../../src/host/entity-status.ts';
import { systemClock, systemRandom } from '../../src/host/runtime.ts';
import { loadTls } from '../../src/net/tls.ts';
import { OfficersHome, PEOPLE } from '../entities/admf/http/door.ts';
import { silent } from '../support/silent.ts';

const ADMF = 'admf.home1.example';
const DOWN = 'kms.home1.example';
const LEMF = { host: 'lemf.home1.example', port: 7512 };

let home: OfficersHome;
let admin: AdminListener;
const bridges: Bridge[] = [];
const ordered: LaboratoryCall[] = [];

const laboratory = {
  state: () => ({ people: ['alice', 'bob'], calls: ordered }),
  call: (caller: string, callee: string) => {
    if (callee === 'nobody') return 'nobody' as const;
    if (ordered.length > 0) return 'busy' as const;
    ordered.push({ caller, callee, at: 0, state: 'under-way', told: '' });
    return 'made' as const;
  },
};

interface Got {
  readonly status: number;
  readonly text: string;
}

type Ask = (path: string, body?: object, headers?: Record<string, string>) => Promise<Got>;

/** A browser with its session at a bridge as somebody. */
async function seenBy(who: string, more: { laboratory?: typeof laboratory } = {}): Promise<Ask> {
  const { tls, hosts, url } = await home.officer(who);
  const officer = officerConfig({
    ...{ url, tls, lemf: { hi2: LEMF } },
    hosts: { ...hosts, [`${ADMF}:9464`]: `127.0.0.1:${admin.at.port}`, [`${DOWN}:9464`]: '127.0.0.1:9' },
    entities: [
      { kind: 'admf', url: `https://${ADMF}:9464` },
      { kind: 'kms', url: `https://${DOWN}:9464` },
    ],
  });
  const bridge = await startBridge({
    ...{ pages: new Map(), officer, random: systemRandom(), logger: silent, port: 0, ...more },
    tls: loadTls(officer.tls, Date.now()),
  });
  bridges.push(bridge);
  const opened = await fetch(bridge.link);
  const leadsTo = opened.headers.get('refresh')?.replace('0; url=', '') ?? '';
  const session = new URL('..', new URL(leadsTo, bridge.link)).href;
  const [cookie = ''] = (opened.headers.get('set-cookie') ?? '').split(';');
  return async (path, body, headers = {}) => {
    const post =
      body === undefined
        ? { headers: { cookie, ...headers } }
        : {
            ...{ method: 'POST', body: JSON.stringify(body) },
            headers: { cookie, 'content-type': 'application/json', 'x-claviger-console': '1', ...headers },
          };
    const answer = await fetch(session + path, post);
    return { status: answer.status, text: await answer.text() };
  };
}

beforeAll(async () => {
  home = await OfficersHome.start();
  const settings = { address: '127.0.0.1', port: 0, peers: Object.keys(PEOPLE) };
  const status = new EntityStatus(home.admf.operation, systemClock());
  admin = await AdminListener.open(settings, status, silent);
}, 60_000);

afterAll(async () => {
  for (const bridge of bridges) await bridge.close();
  await admin.stop();
  await home.stop();
});

describe('R-93: beside the officers’ interface', { timeout: 30_000 }, () => {
  it.each([
    ['anna', 'an officer', [403, 403, 403]],
    ['ben', 'an approver', [403, 403, 403]],
    ['both', 'an officer who approves', [403, 403, 403]],
    ['dora', 'an operator', [200, 200, 403]],
    ['cleo', 'an auditor', [200, 200, 200]],
  ] as const)('%s, %s, gets of an entity what the role may read, and no more', async (who, _, expected) => {
    const ask = await seenBy(who);
    await ask('v1/self');
    const looks = ['status', 'metrics', 'audit?from=0&most=1000'];
    const got = await Promise.all(looks.map((look) => ask(`watch/${ADMF}/${look}`)));
    expect(got.map(({ status }) => status)).toEqual(expected);
    const [, , audit] = got;
    if (expected[2] !== 200) expect(audit?.text).not.toContain('"hash"');
    else expect([...verifyChain((audit?.text ?? '').trimEnd().split('\n'))].length).toBeGreaterThan(0);
  });

  it('says what there is, and has no other entity and nothing else of one', async () => {
    const ask = await seenBy('cleo');
    expect(JSON.parse((await ask('bridge')).text)).toEqual({
      lemf: { hi2: LEMF, hi3: null },
      entities: [
        { name: ADMF, kind: 'admf' },
        { name: DOWN, kind: 'kms' },
      ],
      laboratory: false,
    });
    for (const path of [
      'watch/df.home1.example/status',
      'watch/127.0.0.1/status',
      `watch/${ADMF}/reload`,
      `watch/${ADMF}/status/..%2faudit`,
      `watch/${ADMF}%2f../status`,
      'laboratory',
    ])
      expect([path, (await ask(path)).status]).toEqual([path, 404]);
    expect((await ask(`watch/${ADMF}/audit?from=-1`)).status).toBe(400);
    expect((await ask('laboratory/calls', { caller: 'alice', callee: 'bob' })).status).toBe(404);
  });

  it('tells of an entity that does not answer, by its name', async () => {
    const { status, text } = await (await seenBy('dora'))(`watch/${DOWN}/status`);
    expect([status, JSON.parse(text)]).toMatchObject([
      502,
      { code: 'unreachable', detail: `${DOWN} does not answer` },
    ]);
  });

  it('is for the browser that has the session alone', async () => {
    const ask = await seenBy('cleo', { laboratory });
    for (const path of ['bridge', `watch/${ADMF}/status`, 'laboratory'])
      expect([path, (await ask(path, undefined, { cookie: 'other' })).status]).toEqual([path, 401]);
    const call = { caller: 'alice', callee: 'bob' };
    expect((await ask('laboratory/calls', call, { cookie: 'other' })).status).toBe(401);
    expect((await ask('laboratory/calls', call, { origin: 'http://127.0.0.1:1' })).status).toBe(403);
    expect(ordered).toEqual([]);
  });

  it('has a laboratory make a call, one at a time', async () => {
    const ask = await seenBy('dora', { laboratory });
    expect(JSON.parse((await ask('bridge')).text)).toMatchObject({ laboratory: true });
    for (const wrong of [{}, { caller: 'alice' }, { caller: 'alice', callee: 'bob', more: 1 }])
      expect((await ask('laboratory/calls', wrong)).status).toBe(400);
    const call = (callee: string) => ask('laboratory/calls', { caller: 'alice', callee });
    expect((await call('nobody')).status).toBe(404);
    const [made, refused] = [await call('bob'), await call('bob')];
    expect([made.status, refused.status]).toEqual([202, 409]);
    expect(made.text).toContain('"under-way"');
    expect(refused.text).toContain('under way');
    expect(JSON.parse((await ask('laboratory')).text)).toMatchObject({ calls: [{ callee: 'bob' }] });
  });
});
