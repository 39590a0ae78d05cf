/** The door for analysts: who gets what, of calls that go on and that are over. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { lemfConfig } from '../../../../src/entities/lemf/config.ts';
import type { CallList, CallView, RecordView } from '../../../../src/entities/lemf/case-views.ts';
import { startLemf } from '../../../../src/entities/lemf/start.ts';
import { ConfigError } from '../../../../src/host/config.ts';
import { systemClock, systemRandom } from '../../../../src/host/runtime.ts';
import type { TSchema } from 'typebox';
import { Form } from '../../../../src/bytes/schema.ts';
import { ANALYST_SELF, CALL_LIST, CALL_VIEWS, RECORD_VIEW } from '../../../../src/wire/analysts/calls.ts';
import { silent } from '../../../support/silent.ts';
import { delivered, InterceptedCall, LIID } from '../call.ts';
import { AnalystsHome, LEMF } from './door.ts';

let home: AnalystsHome;
const call = new InterceptedCall('exchange-1.json', { packets: 20 });
const pdus = delivered([...call.signalling.slice(0, 4), ...call.keys, ...call.content]);
/** Of HI2: four messages and two keys. */
const RECORDS = 6;

const calls = async (): Promise<CallList> => home.json<CallList>('/v1/calls');
const view = async (): Promise<CallView> => {
  const [entry] = (await calls()).calls;
  const { calls: found } = await home.json<{ calls: CallView[] }>(`/v1/calls/${entry?.id ?? ''}`);
  return found[0]!;
};

let handed = 0;
/** Hands over those PDUs of the call that were not handed over yet, up to one. */
const handUpTo = async (end: number): Promise<void> => {
  const next = pdus.slice(handed, end);
  handed = Math.max(handed, end);
  if (next.length > 0) await home.hand(next);
};
/** The call, once all of it was handed over and is recovered. */
const recovered = async (): Promise<CallView> => {
  await handUpTo(pdus.length);
  await vi.waitFor(async () => expect((await view()).recovered).toBe(true), 30_000);
  return view();
};

beforeAll(async () => {
  home = await AnalystsHome.start();
});

afterAll(() => home.stop());

describe('R-93: the door for analysts', { timeout: 60_000 }, () => {
  it('shows a call while it goes on, step by step as its records come, before anything is recovered', async () => {
    expect(await calls()).toEqual({ calls: [] });
    await handUpTo(1);
    await vi.waitFor(async () => expect((await calls()).calls).toHaveLength(1), 10_000);
    expect((await calls()).calls[0]).toMatchObject({ liid: LIID, cin: 1, ended: false, packets: 0 });
    expect((await calls()).calls[0]?.recovered).not.toBe(true);
    const first = await view();
    expect(first.steps.map(({ label, kind }) => [kind, label.split(' ')[0]])).toEqual([
      ['message', 'INVITE'],
    ]);
    expect(first.steps[0]).toMatchObject({ from: 0, to: 1, place: 0 });
    expect(first.steps[0]?.marks[0]).toMatch(/^IBAKE I_MESSAGE_1|I_MESSAGE_1/);
    await handUpTo(pdus.length);
    await vi.waitFor(async () => expect((await view()).steps).toHaveLength(RECORDS), 10_000);
    const grown = await view();
    expect(grown.steps.filter(({ kind }) => kind === 'key').map(({ label }) => label)).toEqual([
      'key of CS 1',
      'key of CS 2',
    ]);
  });

  it('shows what was recovered, key by key, and gives the audio as it is in the folder', async () => {
    const { id, report } = await recovered();
    expect(report?.explanation).toBe('Every stream of the call was decrypted and decoded.');
    expect(report?.streams).toHaveLength(2);
    for (const stream of report!.streams) {
      expect(stream).toMatchObject({ stretches: [], keys: [{ packets: 20, at: 0 }] });
      expect(stream.begins).not.toBeNull();
      const { status, headers, octets } = await home.get('ada', `/v1/calls/${id}/files/${stream.file!}`);
      expect([status, headers['content-type'], headers['content-length']]).toEqual([
        200,
        'audio/wav',
        String(octets.length),
      ]);
      expect(octets.equals(readFileSync(path.join(home.folder, 'recovered', stream.file!)))).toBe(true);
    }
  });

  it('shows a record with its MIKEY message payload by payload, and no key in the clear', async () => {
    const { id, steps } = await recovered();
    const record = await home.json<RecordView>(`/v1/calls/${id}/records/0`);
    const [message] = record.mikey;
    expect(message).toMatchObject({ name: steps[0]!.marks[0]!.split(',')[0] });
    expect(message !== undefined && 'payloads' in message && message.payloads.length).toBeGreaterThan(3);
    expect(JSON.stringify(record.fields)).toContain('INVITE');
    const key = steps.find(({ kind }) => kind === 'key')!;
    const { octets } = await home.get('ada', `/v1/calls/${id}/records/${key.place}`);
    for (const { tek, salt } of call.vector.keys.cryptoSessions)
      for (const secret of [tek, salt]) expect(octets.toString().toLowerCase()).not.toContain(secret);
    expect(octets.toString()).toContain('secret, ');
  });

  it('R-93: answers in the forms that its description has', async () => {
    const { id, steps } = await recovered();
    const key = steps.find(({ kind }) => kind === 'key')!;
    const forms = [
      ['/v1/self', ANALYST_SELF],
      ['/v1/calls?limit=1', CALL_LIST],
      [`/v1/calls/${id}`, CALL_VIEWS],
      [`/v1/calls/${id}/records/0`, RECORD_VIEW],
      [`/v1/calls/${id}/records/${key.place}`, RECORD_VIEW],
    ] as const;
    for (const [at, schema] of forms) {
      const answered = await home.json<object>(at);
      expect(new Form<TSchema>(schema).read(answered), at).toHaveProperty('value');
      const [first = ''] = Object.keys(answered);
      expect(new Form<TSchema>(schema).read({ ...answered, [first]: undefined }), at).toHaveProperty(
        'faults',
      );
    }
  });

  it('has nothing but what it is asked for: no other file, record or call', async () => {
    const { id } = await recovered();
    const key = Buffer.from(JSON.stringify([LIID, 2, 'home1'])).toString('base64url');
    for (const at of [
      `/v1/calls/${id}/files/recover.json`,
      `/v1/calls/${id}/files/..%2Fstate%2Fhi2.ber`,
      `/v1/calls/${id}/records/99`,
      `/v1/calls/${id}/records/x`,
      `/v1/calls/${id}/records/0?source=nobody`,
      `/v1/calls/${id}/export`,
      `/v1/calls/${key}`,
      '/v1/calls/!',
      '/v1/warrants',
      '/console/',
    ])
      expect([at, (await home.get('ada', at)).status]).toEqual([at, 404]);
    expect((await home.get('ada', '/v1/calls?limit=0')).status).toBe(400);
    expect((await home.get('ada', '/v1/calls', {}, 'POST')).status).toBe(404);
  });

  it('is for analysts who are named, whatever other roles others have, and each call is on record', async () => {
    const { id, report } = await recovered();
    const file = report!.streams[0]!.file!;
    for (const at of [
      '/v1/self',
      '/v1/events',
      '/v1/calls',
      `/v1/calls/${id}`,
      `/v1/calls/${id}/records/0`,
      `/v1/calls/${id}/files/${file}`,
      `/v1/calls/${id}/export`,
    ])
      for (const who of ['anna', 'eve'])
        expect([at, who, (await home.get(who, at)).status]).toEqual([at, who, 403]);
    const across = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors' };
    expect((await home.get('ada', '/v1/calls', across)).status).toBe(403);
    expect(await home.json('/v1/self')).toEqual({
      name: 'ada',
      roles: ['analyst'],
      lemf: LEMF,
      exports: false,
    });
    expect((await home.get('ada', `/v1/calls/${id}/files/${file}`)).status).toBe(200);
    const audit = home.audit();
    const listened = {
      kind: 'analyst-answer',
      by: 'ada',
      path: `/v1/calls/${id}/files/${file}`,
      status: 200,
    };
    expect(audit).toContainEqual(expect.objectContaining(listened));
    expect(audit).toContainEqual(
      expect.objectContaining({ kind: 'analyst-refused', by: 'eve', status: 403 }),
    );
  });

  it('is not there where nothing is recovered', async () => {
    const { tls } = home.person('ada');
    const config = lemfConfig({ tls, folder: path.join(home.folder, 'other'), analysts: { peers: ['ada'] } });
    const runtime = { clock: systemClock(), random: systemRandom(), logger: silent };
    await expect(startLemf(config, runtime)).rejects.toThrow(ConfigError);
  });
});
