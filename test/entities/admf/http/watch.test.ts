/** Other entities at the ADMF's door: who may look at what of them, and where that is on record. */
import { request as httpsRequest } from 'node:https';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Quotas } from '../../../../src/bytes/quotas.ts';
import { watchRoutes } from '../../../../src/entities/admf/http/watch-routes.ts';
import type { OfficerCall } from '../../../../src/entities/admf/http/routes.ts';
import { verifyChain } from '../../../../src/evidence/log.ts';
import type { AuditRecord } from '../../../../src/evidence/log.ts';
import { systemClock } from '../../../../src/host/runtime.ts';
import type { OfficersDoor } from './knocking.ts';
import { ADMF, DOWN, openWatchedDoor } from './watched-door.ts';
import type { WatchedDoor } from './watched-door.ts';

let watched: WatchedDoor;
let door: OfficersDoor;

beforeAll(async () => {
  watched = await openWatchedDoor();
  ({ door } = watched);
}, 60_000);

afterAll(() => watched.close());

interface Got {
  readonly status: number;
  readonly type: string;
  readonly nosniff: boolean;
  readonly text: string;
}

function get(who: string, at: string): Promise<Got> {
  return new Promise((resolve, reject) => {
    const asked = httpsRequest({
      ...{ host: '127.0.0.1', port: door.home.admf.officers!.port, servername: ADMF },
      ...{ path: `/v1/watch${at}`, agent: door.agent(who) },
    });
    asked.once('error', reject);
    asked.once('response', (answer) => {
      let text = '';
      answer.on('data', (chunk: Buffer) => (text += chunk.toString()));
      answer.once('end', () =>
        resolve({
          ...{ status: answer.statusCode ?? 0, text, type: answer.headers['content-type'] ?? '' },
          nosniff: answer.headers['x-content-type-options'] === 'nosniff',
        }),
      );
    });
    asked.end();
  });
}

const recordsIn = (text: string): AuditRecord[] => [...verifyChain(text.trimEnd().split('\n'))];

describe('R-93: entities that the ADMF looks at for people', { timeout: 30_000 }, () => {
  it.each([
    ['anna', [403, 403, 403, 403]],
    ['ben', [403, 403, 403, 403]],
    ['both', [403, 403, 403, 403]],
    ['dora', [200, 200, 200, 403]],
    ['cleo', [200, 200, 200, 200]],
    ['eve', [403, 403, 403, 403]],
  ] as const)('are shown to %s as far as the role goes', async (who, expected) => {
    const looks = ['', `/${ADMF}/status`, `/${ADMF}/metrics`, `/${ADMF}/audit?from=0&most=1000`];
    const got = await Promise.all(looks.map((at) => get(who, at)));
    expect(got.map(({ status }) => status)).toEqual(expected);
    for (const { status, text } of got)
      if (status !== 200) expect(text).not.toMatch(/"hash"|"ready"|claviger_/);
  });

  it('are named, and answer as they do to whoever asks them', async () => {
    expect(JSON.parse((await get('dora', '')).text)).toEqual({
      entities: [
        { name: ADMF, kind: 'admf' },
        { name: DOWN, kind: 'kms' },
      ],
    });
    const status = await get('dora', `/${ADMF}/status`);
    expect(status).toMatchObject({ type: 'application/json', nosniff: true });
    expect(JSON.parse(status.text)).toMatchObject({ entity: 'admf', name: ADMF, ready: true });
    const metrics = await get('dora', `/${ADMF}/metrics`);
    expect(metrics).toMatchObject({ type: 'text/plain; charset=utf-8', nosniff: true });
    expect(metrics.text).toContain('\nclaviger_watch_looks_refused_total 0\n');
    const audit = await get('cleo', `/${ADMF}/audit?from=0`);
    expect(audit).toMatchObject({ type: 'application/jsonl', nosniff: true });
    expect(recordsIn(audit.text).length).toBeGreaterThan(0);
  });

  it('have what is read of their logs on these logs, with whom the ADMF reads for', async () => {
    await get('cleo', '');
    const before = door.home.audit().length;
    await get('cleo', `/${ADMF}/audit?from=0&most=7`);
    expect(door.home.audit().slice(before)).toEqual([
      { kind: 'audit-read', by: ADMF, for: 'cleo', from: 0, most: 7 },
    ]);
  });

  it('leave no record of who only looks again and again, but of whoever may not look', async () => {
    await get('cleo', '');
    const { length } = door.home.audit();
    for (let times = 0; times < 3; times++)
      for (const look of ['status', 'metrics', `audit?from=${length - 1}`])
        await get('cleo', `/${ADMF}/${look}`);
    const looked = door.home.audit().slice(length);
    expect(looked.filter(({ kind }) => kind !== 'audit-read')).toEqual([]);
    await get('dora', `/${ADMF}/audit`);
    expect(door.home.audit().at(-1)).toMatchObject({
      ...{ kind: 'officer-answer', by: 'dora', path: `/v1/watch/${ADMF}/audit`, status: 403, code: 'role' },
    });
  });

  it('are those that are configured: no other, and nothing else of them', async () => {
    for (const [at, status] of [
      ['/df.home1.example/status', 404],
      ['/127.0.0.1/status', 404],
      [`/${ADMF}/reload`, 404],
      [`/${ADMF}%2f../status`, 404],
      [`/${ADMF}/audit?from=-1`, 400],
      [`/${ADMF}/audit?for=anna`, 400],
      [`/${ADMF}/status?from=0`, 400],
      [`/${DOWN}/status`, 502],
    ] as const)
      expect([at, (await get('cleo', at)).status]).toEqual([at, status]);
    expect((await get('cleo', `/${DOWN}/status`)).text).toContain(`${DOWN} does not answer`);
  });

  it('are looked at so often at a time: one look more is refused, and told of', async () => {
    const looks = new Quotas({ each: 2, all: 3 });
    let answer = (): void => undefined;
    const answered = new Promise<{ type: string; octets: Uint8Array }>((resolve) => {
      answer = () => resolve({ type: 'application/json', octets: new Uint8Array(2) });
    });
    const slow = { names: [], look: () => answered };
    const [status] = watchRoutes({ watched: slow, looks, clock: systemClock() }).filter(({ path }) =>
      path.endsWith('/status'),
    );
    const look = (name: string): Promise<unknown> =>
      Promise.resolve(status?.answer({ query: {}, entity: 'x', person: { name } } as OfficerCall));
    const first = [look('cleo'), look('cleo')];
    await expect(look('cleo')).rejects.toMatchObject({ code: 'too-many-looks' });
    first.push(look('dora'));
    await expect(look('dora')).rejects.toMatchObject({ code: 'too-many-looks' });
    expect(looks.refused).toBe(2);
    answer();
    await Promise.all(first);
    await look('cleo');
    expect(looks.refused).toBe(2);
  });
});
