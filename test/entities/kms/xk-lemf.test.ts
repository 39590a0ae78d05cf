/** Xk for the LEMF: its own role and its own tasks, by the same rules as for a DF. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { AuditEvent } from '../../../src/evidence/log.ts';
import type { GetKeysResponse } from '../../../src/wire/xk/get-keys.ts';
import { lemfTaskXid } from '../../../src/wire/xk/lemf-task.ts';
import type { WarrantPeriod } from '../../../src/entities/kms/ports.ts';
import type { PermittedQuestion, XkPeer } from '../../../src/entities/kms/xk.ts';
import { MAX_QUESTIONS, XkService } from '../../../src/entities/kms/xk.ts';
import { decodeMessage, encodeMessage } from '../../../src/mikey/message.ts';
import { exampleFile } from '../../support/shared.ts';
import { silent } from '../../support/silent.ts';
import type { Vector } from '../../ibake/support/vectors.ts';
import { requestOf } from './get-keys/support/questions.ts';
import { exampleHome, exampleTime, home, psk } from './support/home.ts';

const alice = exampleHome().user.uri;
const now = exampleTime();
const NAME = 'lemf.home1.example';
const LIID = 'LIID-1';
const df: XkPeer = {
  ...{ commonName: 'df.home1.example', roles: ['df'], fingerprint: 'AA:BB' },
  ...{ admitted: true, lemfNames: [] },
};
const lemf: XkPeer = {
  ...{ commonName: NAME, roles: ['lemf'], fingerprint: 'CC:DD' },
  ...{ admitted: false, lemfNames: [NAME] },
};
const ANSWER: GetKeysResponse = { verified: true, cryptoSessions: [] };
const REFUSED = { failureIndication: 'not-authorised' };

const ofDf = requestOf(exampleFile('exchange-1.json') as Vector, 'initiator');
const question = { ...ofDf, xid: lemfTaskXid(LIID) };

let kms: Awaited<ReturnType<typeof home>>;
let asked: PermittedQuestion[];
let service: XkService;

const PERIOD: WarrantPeriod = { targets: [alice], start: now - 100, end: now + 3600 };
const OWN: WarrantPeriod = { ...PERIOD, lemf: { name: NAME, liid: LIID } };

const task = (xid: string, ...periods: WarrantPeriod[]) => kms.store.putWarrant({ xid, periods });
const last = (): AuditEvent => kms.audit.of('get-keys').at(-1)!;

beforeEach(async () => {
  kms = await home();
  asked = [];
  const compute = (permitted: PermittedQuestion) => {
    asked.push(permitted);
    return Promise.resolve(ANSWER);
  };
  const { store, audit, clock } = kms;
  const times = { sessionMemory: 86_400, retention: 7 * 86_400 };
  service = new XkService(times, { store, compute, audit, clock, logger: silent });
  const device = { credential: 'alice-1', psk: psk(1), identity: alice };
  await kms.enrol({ id: 'alice', publicIdentities: [alice], aliases: [], devices: [device] });
  await kms.enrol({ id: 'carol', publicIdentities: ['sip:carol@home1.example'], aliases: [], devices: [] });
  await task(ofDf.xid, PERIOD);
  await task(question.xid, OWN);
});

describe('a LEMF with a task of its own', () => {
  it('R-14: is answered, and the record of it names the LEMF and its warrant', async () => {
    expect(await service.answer(lemf, question)).toEqual(ANSWER);
    expect([...asked[0]!.covered]).toEqual([alice]);
    expect(last()).toMatchObject({
      outcome: 'answered',
      client: NAME,
      fingerprint: 'CC:DD',
      lemf: NAME,
      liid: LIID,
      xid: question.xid,
      target: alice,
    });
  });

  it('R-14: asks by the same rules: target, times, retention', async () => {
    const carols = { ...question, targetKmsIdentity: 'sip:carol@home1.example' };
    expect(await service.answer(lemf, carols)).toEqual(REFUSED);
    expect(last()).toMatchObject({ reason: 'target-not-covered' });
    await task(question.xid, { ...OWN, end: now - 10 });
    expect(await service.answer(lemf, question)).toEqual(REFUSED);
    expect(last()).toMatchObject({ reason: 'outside-validity' });
    await task(question.xid, { ...OWN, end: now + 10 });
    kms.clock.advance((7 * 86_400 + 60) * 1000);
    expect(await service.answer(lemf, question)).toEqual(REFUSED);
    expect(last()).toMatchObject({ reason: 'outside-validity' });
    expect(asked).toHaveLength(0);
  });

  it('R-14 R-66: has places of its own for questions, and takes none of the DF’s', async () => {
    const altered = (csbId: number, rest = question) => {
      const { header, payloads } = decodeMessage(rest.rMessage1);
      return { ...rest, rMessage1: encodeMessage({ header: { ...header, csbId }, payloads }) };
    };
    for (let n = 0; n < MAX_QUESTIONS; n++) expect(await service.answer(lemf, altered(n))).toEqual(ANSWER);
    const later = { failureIndication: 'temporarily-unavailable' };
    expect(await service.answer(lemf, altered(99))).toEqual(later);
    expect(await service.answer(df, ofDf)).toEqual(ANSWER);
  });
});

describe('R-14: refused alike, on record with the reason', () => {
  const refused = async (client: XkPeer, xid: string, reason: string) => {
    expect(await service.answer(client, { ...question, xid })).toEqual(REFUSED);
    expect(last()).toMatchObject({ outcome: 'refused', failure: 'not-authorised', reason, xid });
    expect(asked).toHaveLength(0);
  };

  it('a LEMF under the task of a DF', () => refused(lemf, ofDf.xid, 'task-of-others'));

  it('a DF under the task of a LEMF', () => refused(df, question.xid, 'task-of-others'));

  it('another LEMF under it', () =>
    refused({ ...lemf, lemfNames: ['lemf.police.example'] }, question.xid, 'task-of-others'));

  it('a LEMF without a task', () => refused(lemf, lemfTaskXid('LIID-2'), 'unknown-task'));

  it('a LEMF where the operator has not switched it on', () =>
    refused({ ...lemf, lemfNames: [] }, question.xid, 'client-role'));

  it('a certificate with that name and without the role', () =>
    refused({ ...lemf, roles: ['cscf'] }, question.xid, 'client-role'));

  it('a time at which another LEMF could ask', async () => {
    const before = { ...OWN, lemf: { name: 'lemf.police.example', liid: LIID }, end: now + 5 };
    await task(question.xid, before, { ...OWN, start: now + 5 });
    kms.clock.advance(10_000);
    await refused(lemf, question.xid, 'outside-validity');
  });
});

it('R-14: the XID of a LEMF’s task follows from the LIID, as a UUID of version 4', () => {
  expect(lemfTaskXid('LIID-1')).toMatch(
    /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  );
  expect(lemfTaskXid('LIID-1')).not.toBe(lemfTaskXid('LIID-2'));
});
