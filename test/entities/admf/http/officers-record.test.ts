/** What the ADMF's door for officers puts on record of whoever calls. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { SqlAdmfStore } from '../../../../src/entities/admf/store/sql.ts';
import { EvidenceError, HashChainLog } from '../../../../src/evidence/log.ts';
import { REFUSAL_LIMITS } from '../../../../src/evidence/refusals.ts';
import { StorageError } from '../../../../src/storage/errors.ts';
import type { Answer, Asking } from './asking.ts';
import type { OfficersHome } from './door.ts';
import { OfficersDoor, warrantOf } from './knocking.ts';

let door: OfficersDoor;
let home: OfficersHome;

const ask = (who: string, call: string, asking?: Asking): Promise<Answer> => door.ask(who, call, asking);
const enter = (liid: string): Promise<number> => door.enter(liid);
const stateOf = (liid: string): Promise<Answer['json']> => door.stateOf(liid);

beforeAll(async () => {
  door = await OfficersDoor.open();
  ({ home } = door);
  await enter('SEEN');
}, 60_000);

afterAll(() => door.close());

describe('R-27: every call is on record', { timeout: 30_000 }, () => {
  it('who asked for what, and what it was answered, reads and refusals too', async () => {
    await enter('REC');
    const before = home.audit().length;
    await ask('ben', 'GET /v1/warrants?target=sip:alice@home1.example');
    await ask('dora', 'GET /v1/warrants/REC');
    await ask('cleo', 'GET /v1/nothing');
    await ask('anna', 'POST /v1/warrants', { body: '{' });
    await ask('anna', 'POST /v1/warrants/REC/suspend', { body: { reason: 'x' } });
    const events = home.audit().slice(before);
    const roles = { by: 'anna', roles: 'officer', method: 'POST' };
    expect(events).toMatchObject([
      {
        kind: 'officer-answer',
        by: 'ben',
        roles: 'approver',
        method: 'GET',
        path: '/v1/warrants?target=sip:alice@home1.example',
        status: 200,
        code: null,
      },
      { kind: 'officer-answer', by: 'dora', path: '/v1/warrants/REC', status: 403, code: 'role' },
      { kind: 'officer-answer', by: 'cleo', path: '/v1/nothing', status: 404, code: 'no-resource' },
      { kind: 'officer-answer', ...roles, status: 400 },
      { kind: 'officer-request', ...roles, path: '/v1/warrants/REC/suspend' },
      {
        kind: 'officer-answer',
        ...roles,
        path: '/v1/warrants/REC/suspend',
        status: 409,
        code: 'wrong-state',
      },
    ]);
    expect(events[0]!['fingerprint']).toMatch(/^(?:[0-9A-F]{2}:){31}[0-9A-F]{2}$/);
  });

  it('an auditor reads the log from a given record on, as it is written', async () => {
    const whole = home.audit();
    const from = whole.length - 3;
    const { json } = await ask('cleo', `GET /v1/audit?from=${from}&limit=2`);
    const records = json['records'] as { sequence: number; event: unknown; hash: string }[];
    expect(records.map(({ sequence }) => sequence)).toEqual([from, from + 1]);
    expect(records.map(({ event }) => event)).toEqual(whole.slice(from, from + 2));
    expect(json).toMatchObject({ next: from + 2, head: { sequence: whole.length - 1 } });
    expect((await ask('cleo', 'GET /v1/audit?from=1000000')).json).toMatchObject({
      records: [],
      next: 1_000_000,
    });
  });

  it('without a record there is no answer, and nothing is changed', async () => {
    const generation = (await stateOf('SEEN'))['generation'] as number;
    const append = vi.spyOn(HashChainLog.prototype, 'append').mockImplementation(() => {
      throw new EvidenceError('not-written', 'no space left');
    });
    try {
      for (const [who, call, body] of [
        ['cleo', 'GET /v1/warrants/L1', undefined],
        ['dora', 'GET /v1/warrants/L1', undefined],
        ['eve', 'GET /v1/status', undefined],
        ['ben', 'POST /v1/warrants/SEEN/approve', { generation }],
        ['anna', 'POST /v1/warrants', { warrant: warrantOf('UNRECORDED') }],
      ] as const) {
        const { status, json, headers } = await ask(who, call, body === undefined ? {} : { body });
        expect([status, json['code'], headers['etag']]).toEqual([503, 'not-written', undefined]);
        expect(Object.keys(json).sort()).toEqual(['code', 'detail', 'status', 'title', 'type']);
      }
    } finally {
      append.mockRestore();
    }
    expect(await stateOf('SEEN')).toMatchObject({ state: 'submitted', generation });
    expect(await ask('cleo', 'GET /v1/warrants/UNRECORDED')).toMatchObject({ status: 404 });
  });

  it('R-92: while the database is away there is 503, of which nothing is said but that nothing was changed', async () => {
    const save = vi
      .spyOn(SqlAdmfStore.prototype, 'saveWarrants')
      .mockRejectedValue(new StorageError('unavailable', 'connect ECONNREFUSED 10.0.0.1:5432'));
    try {
      const body = { warrant: warrantOf('AWAY') };
      expect(await ask('anna', 'POST /v1/warrants', { body })).toMatchObject({
        status: 503,
        json: { code: 'unavailable', detail: 'the database cannot be used now: nothing was changed' },
      });
    } finally {
      save.mockRestore();
    }
    expect(await ask('cleo', 'GET /v1/warrants/AWAY')).toMatchObject({ status: 404 });
  });

  it('who is not admitted cannot make the log grow without bound (R-78)', async () => {
    const before = home.audit().length;
    for (let n = 0; n < REFUSAL_LIMITS.perPeer + 5; n += 1) await ask('eve', 'GET /v1/status');
    expect(home.audit().length - before).toBeLessThanOrEqual(REFUSAL_LIMITS.perPeer + 1);
    expect(home.audit().at(-1)).toMatchObject({ kind: 'refusals-only-counted', peer: 'eve' });
  });
});
