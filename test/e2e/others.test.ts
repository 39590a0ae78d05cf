/**
 * Calls of others while alice is a target: nothing of theirs is anywhere. Meanwhile the KMS of home2 is down, and nobody
 * misses it. Afterwards, questions over Xk that must not be answered, put to the KMSs of this very network. The warrant is
 * that of a law enforcement agency, over HI1, which cancels it in the end.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { fromBase64, toHex } from '../../src/bytes/octets.ts';
import type { AuditEvent, AuditRecord } from '../../src/evidence/log.ts';
import { compareSamples, placeCall, spoken } from '../../src/lab/scenarios/call.ts';
import type { CallOutcome } from '../../src/lab/scenarios/call.ts';
import type { Entity, HomeName } from '../../src/lab/network/home.ts';
import { agencyRequests } from '../../src/lab/folder/agency-requests.ts';
import { systemRandom } from '../../src/host/runtime.ts';
import { Network } from '../../src/lab/network/network.ts';
import { Timeline } from '../../src/lab/timeline.ts';
import { issueWarrant, withdrawWarrant } from '../../src/lab/network/officer.ts';
import { warrantOn } from '../../src/lab/scenarios/warrants.ts';
import { decodeGetKeysRequest, isGetKeysFailure } from '../../src/wire/xk/get-keys.ts';
import type { GetKeysRequest, GetKeysResponse } from '../../src/wire/xk/get-keys.ts';
import { decodeWav } from '../../src/media/wav.ts';
import { HostMap } from '../../src/net/hosts.ts';
import type { HostEntries } from '../../src/net/hosts.ts';
import { loadTls } from '../../src/net/tls.ts';
import type { TlsFiles } from '../../src/net/tls.ts';
import { XkClient } from '../../src/xk/client.ts';
import { missingShared, missingTool } from '../support/shared.ts';
import { HI1_SCHEMA, judged } from '../wire/hi1/support.ts';
import { LabAgency } from './agency.ts';
import {
  filesBelow,
  octetsOf,
  pdusOf,
  recordsOf,
  sequenceNumbers,
  shortRecordings,
  signallingOf,
  temporaryFolder,
} from './support.ts';

const folder = temporaryFolder();
const [out, state] = [folder.at('out'), folder.at('state')];
const speech = shortRecordings(2);
const recordings = { alice: speech.alice, bob: speech.bob, carol: speech.bob, dave: speech.alice };
let network: Network;
let own: CallOutcome;
let others: readonly CallOutcome[];
let recovered: string;
let agency: LabAgency;
let requests: ReturnType<typeof agencyRequests>;
/** Of the agency's task. */
const LIID = 'LIID-HI1';
let call: (caller: string, callee: string) => Promise<CallOutcome>;

beforeAll(async () => {
  const timeline = new Timeline(() => performance.now());
  const users = { home1: ['alice', 'carol'], home2: ['bob', 'dave'] };
  network = await Network.start({ state, out, users, timeline, revealSecrets: true });
  agency = new LabAgency(network, 'home1');
  requests = agencyRequests(network.plan.homes.home1, { now: Date.now(), random: systemRandom() });
  await agency.send(requests.new, '/li/authorisation/new');
  const { admf, desk } = network.running('admf', 'home1');
  await vi.waitFor(() => expect(desk.find(LIID)?.state).toBe('submitted'), { timeout: 30_000 });
  await admf.carried(await desk.approve(LIID, { by: 'anna', reason: 'ordered by the court' }));
  await network.register();
  await network.stopEntity('kms', 'home2');
  call = (caller, callee) =>
    placeCall(network, { caller, callee, recordings, elapsed: () => timeline.elapsed() });
  const [ofAlice, ofCarol] = await Promise.all([call('alice', 'bob'), call('carol', 'dave')]);
  own = ofAlice;
  others = [ofCarol, await call('carol', 'bob')];
  for (const element of ['cscf', 'gateway'] as const) {
    expect(await network.running(element, 'home1').drain(20_000)).toBe(true);
  }
  await network.running('df', 'home1').settle(20_000);
  recovered = folder.at('audio');
  await network.running('lemf', 'home1').recover(recovered);
  await network.startEntity('kms', 'home2');
}, 180_000);
afterAll(async () => {
  await agency.stop();
  await network.stop();
  folder.remove();
});

function auditOf(home: HomeName, kind: string): AuditEvent[] {
  const text = readFileSync(path.join(state, home, 'kms', 'audit.jsonl'), 'utf8');
  const records = text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as AuditRecord);
  return records.map(({ event }) => event).filter((event) => event.kind === kind);
}

/** The octets of everything that interception left, by file. */
function intercepted(): [string, Buffer][] {
  const files = (['home1', 'home2'] as const).flatMap((home) => [
    ...filesBelow(path.join(out, home)),
    ...filesBelow(path.join(state, home, 'lemf')),
  ]);
  return files.map((file) => [file, readFileSync(file)]);
}

describe('calls of others while alice is a target', () => {
  it('work, and are heard at both ends', () => {
    for (const { caller, callee } of others) {
      expect(caller.sas).toBe(callee.sas);
      for (const [end, other] of [
        [caller, callee],
        [callee, caller],
      ] as const) {
        const said = spoken(recordings[other.user as keyof typeof recordings]);
        expect(compareSamples(end.heard, said)).toMatchObject({ equal: true });
      }
    }
  });

  it('leave nothing of theirs on X1, X2, X3, Xk, HI2 or HI3', () => {
    const theirs = others.flatMap(({ callId }) => [callId, Buffer.from(callId).toString('base64')]);
    const names = ['carol', 'dave'].flatMap((name) => [name, Buffer.from(`sip:${name}@`).toString('base64')]);
    const files = intercepted();
    expect(files.filter(([, octets]) => octets.includes(own.callId)).length).toBeGreaterThan(1);
    for (const [file, octets] of files) {
      for (const mark of [...theirs, ...names])
        expect(octets.includes(mark), `${mark} in ${file}`).toBe(false);
    }
  });

  it('leave not one packet of theirs: X3 has the two streams of alice’s call and no other', () => {
    const ssrcOf = ({ payload }: { readonly payload: Uint8Array }): number =>
      new DataView(payload.buffer, payload.byteOffset).getUint32(8);
    const pdus = pdusOf(out, 'home1', 'x3');
    const sent = [own.caller, own.callee].map(({ statistics }) => statistics.sent);
    expect(new Set(pdus.map(ssrcOf))).toEqual(new Set(sent.map(({ ssrc }) => ssrc)));
    expect(pdus).toHaveLength(sent.reduce((sum, { packets }) => sum + packets, 0));
    expect(Object.values(sequenceNumbers(state, 'home1', 'lemf', 'hi3.ber'))).toEqual([
      [...Array(pdus.length).keys()],
    ]);
  });

  it('R-1: X2 has alice’s registration and call, and nothing else', () => {
    const callIds = pdusOf(out, 'home1', 'x2').map(
      ({ payload }) => /^Call-ID: (\S+)/m.exec(Buffer.from(payload).toString('latin1'))?.[1] ?? '',
    );
    const mine = signallingOf(out)
      .filter(({ from, to }) => [from, to].includes('alice'))
      .map(({ text }) => /^Call-ID: (\S+)/m.exec(text)?.[1] ?? '');
    expect(new Set(callIds)).toEqual(new Set(mine));
    expect(callIds).toContain(own.callId);
  });

  it('ask no KMS for anything: get_keys was for alice alone, and home2 was never asked', () => {
    const asked = auditOf('home1', 'get-keys');
    expect(asked.length).toBeGreaterThan(0);
    expect(new Set(asked.map((event) => event['target']))).toEqual(new Set(['sip:alice@home1.example']));
    expect(auditOf('home2', 'get-keys')).toEqual([]);
    for (const reference of ['x2', 'x3'] as const) expect(pdusOf(out, 'home2', reference)).toEqual([]);
    for (const name of ['hi2.ber', 'hi3.ber']) expect(octetsOf(state, 'home2', 'lemf', name)).toHaveLength(0);
  });
});

describe('the KMS of home2, stopped after it has issued its keys', () => {
  it('R-9 R-26: is not needed: alice’s call is recovered, both directions', () => {
    expect(
      recordsOf(state, 'home1', 'lemf', 'hi2.ber').filter(({ keys }) => keys !== undefined),
    ).toHaveLength(2);
    for (const speaker of ['alice', 'bob'] as const) {
      const [file = ''] = filesBelow(recovered).filter((name) => name.endsWith(`-${speaker}.wav`));
      const samples = decodeWav(new Uint8Array(readFileSync(file)));
      expect(compareSamples(samples, spoken(recordings[speaker]))).toMatchObject({ equal: true });
    }
    expect(filesBelow(recovered).filter((file) => file.endsWith('.wav'))).toHaveLength(2);
  });
});

describe('questions over Xk to the KMSs of a running network', () => {
  const KMS_PORT = 8443;

  async function ask(
    as: { readonly entity: Entity; readonly home: HomeName },
    kms: HomeName,
    question: GetKeysRequest,
  ): Promise<{ readonly response: GetKeysResponse; readonly record: AuditEvent | undefined }> {
    const config = network.configOf(as.entity, as.home);
    const client = new XkClient({
      url: `https://kms.${kms}.example:${KMS_PORT}`,
      hosts: new HostMap(network.configOf('df', as.home)['hosts'] as HostEntries),
      tls: loadTls(config['tls'] as TlsFiles, Date.now()),
    });
    try {
      const before = auditOf(kms, 'get-keys').length;
      const response = await client.getKeys(question);
      const [record, ...more] = auditOf(kms, 'get-keys').slice(before);
      expect(more).toEqual([]);
      return { response, record };
    } finally {
      await client.close();
    }
  }

  /** What the DF of home1 asked about alice. */
  function asked(): GetKeysRequest {
    const [file = ''] = filesBelow(path.join(out, 'home1', 'xk'));
    return decodeGetKeysRequest((JSON.parse(readFileSync(file, 'utf8')) as { request: unknown }).request);
  }

  /** The messages of a call as they went over SIP. */
  function messagesOf({
    callId,
  }: CallOutcome): Pick<GetKeysRequest, 'iMessage1' | 'rMessage1' | 'iMessage2' | 'rMessage2'> {
    const sent = signallingOf(out)
      .filter(({ text }) => text.includes(`Call-ID: ${callId}\r\n`))
      .flatMap(({ text }) => /^a=key-mgmt:mikey (\S+)/m.exec(text)?.[1] ?? [])
      .map((encoded) => fromBase64(encoded));
    const [iMessage1, rMessage1, iMessage2, rMessage2] = [22, 23, 24, 25].map((type) =>
      sent.find((octets) => octets[1] === type),
    );
    if (iMessage1 === undefined || rMessage1 === undefined) throw new Error('the call has no exchange');
    return { iMessage1, rMessage1, iMessage2: iMessage2 ?? null, rMessage2: rMessage2 ?? null };
  }

  const df = { entity: 'df', home: 'home1' } as const;

  it('the same question has the same answer, and each is on record', async () => {
    const [first, again] = [await ask(df, 'home1', asked()), await ask(df, 'home1', asked())];
    if (isGetKeysFailure(first.response) || isGetKeysFailure(again.response)) throw new Error('refused');
    const keys = [first.response, again.response].map(({ cryptoSessions }) =>
      cryptoSessions.map(({ sessionKey }) => toHex(sessionKey.expose())),
    );
    expect(keys[0]).toHaveLength(2);
    expect(keys[1]).toEqual(keys[0]);
    expect(first.record).toMatchObject({ outcome: 'answered', client: 'df.home1.example' });
    expect(again.record).toMatchObject({ outcome: 'answered', client: 'df.home1.example' });
  });

  it.each(['lemf', 'admf', 'cscf', 'gateway', 'kms'] as const)(
    'R-10: the certificate of the %s does not have the role',
    async (entity) => {
      const { response, record } = await ask({ entity, home: 'home1' }, 'home1', asked());
      expect(response).toEqual({ failureIndication: 'not-authorised' });
      expect(record).toMatchObject({
        outcome: 'refused',
        reason: 'client-role',
        client: `${entity}.home1.example`,
      });
    },
  );

  it('R-9 R-12: the task is not provisioned at the other KMS, whichever DF asks', async () => {
    const question = { ...asked(), targetKmsIdentity: 'sip:bob@home2.example' };
    for (const home of ['home1', 'home2'] as const) {
      const { response, record } = await ask({ entity: 'df', home }, 'home2', question);
      expect(response).toEqual({ failureIndication: 'not-authorised' });
      // A DF of another home is not asked further: its name is not one of those that may connect.
      const reason = home === 'home2' ? 'unknown-task' : 'client-name';
      expect(record).toMatchObject({ outcome: 'refused', reason });
    }
  });

  it('another subscriber under alice’s task', async () => {
    const question = { ...asked(), ...messagesOf(others[0]!), targetKmsIdentity: 'sip:carol@home1.example' };
    const { response, record } = await ask(df, 'home1', question);
    expect(response).toEqual({ failureIndication: 'not-authorised' });
    expect(record).toMatchObject({ outcome: 'refused', reason: 'target-not-covered' });
  });

  it('R-5: messages of another user under alice’s task', async () => {
    for (const call of others) {
      const { response, record } = await ask(df, 'home1', { ...asked(), ...messagesOf(call) });
      expect(response).toEqual({ failureIndication: 'target-not-party' });
      expect(record).toMatchObject({ outcome: 'refused', failure: 'target-not-party' });
    }
  });

  it('outside the validity: a task that began after the call, and has ended since', async () => {
    const admf = network.running('admf', 'home1');
    const warrant = { ...warrantOn(network, 'carol', Date.now()), startTime: Math.floor(Date.now()) };
    await issueWarrant(admf, warrant);
    const activations = filesBelow(path.join(out, 'home1', 'x1'))
      .filter((file) => file.endsWith('-admf-kms.xml'))
      .map((file) => readFileSync(file, 'utf8'))
      .filter((text) => text.includes('ActivateTaskRequest') && text.includes('carol'));
    const xid = /<(?:\w+:)?xId>([^<]+)</.exec(activations[0] ?? '')?.[1] ?? '';
    expect(xid).not.toBe('');
    const targetKmsIdentity = 'sip:carol@home1.example';
    const question = { ...asked(), ...messagesOf(others[0]!), xid, targetKmsIdentity };
    const early = await ask(df, 'home1', question);
    expect(early.response).toEqual({ failureIndication: 'not-authorised' });
    expect(early.record).toMatchObject({ outcome: 'refused', reason: 'outside-validity' });
    const midCall = await ask(df, 'home1', { ...question, midCall: true });
    expect(midCall.record).toMatchObject({ outcome: 'answered', beforeStart: true, midCall: true });
    await withdrawWarrant(admf, warrant.liid);
    const late = await ask(df, 'home1', { ...question, midCall: true });
    expect(late.response).toEqual({ failureIndication: 'not-authorised' });
    expect(late.record).toMatchObject({ outcome: 'refused' });
  });
});

describe('R-91: the warrant of an agency, over HI1', () => {
  /** What interception of home1 has left so far. */
  const traces = () => ({
    x2: pdusOf(out, 'home1', 'x2').length,
    x3: pdusOf(out, 'home1', 'x3').length,
    xk: filesBelow(path.join(out, 'home1', 'xk')).length,
    hi2: octetsOf(state, 'home1', 'lemf', 'hi2.ber').length,
    hi3: octetsOf(state, 'home1', 'lemf', 'hi3.ber').length,
    getKeys: auditOf('home1', 'get-keys').length,
  });

  it('R-91: arrived, was approved, and is cancelled; the next call leaves nothing, and the agency has been told', async () => {
    const { admf, desk } = network.running('admf', 'home1');
    expect(desk.find(LIID)).toMatchObject({ state: 'active', authors: ['HI1 agency.home1.example'] });
    const [cancelled] = await agency.send(requests.cancel, '/li/authorisation/cancellation');
    expect(cancelled).toMatchObject({ action: 'UPDATEResponse' });
    await expect.poll(() => desk.find(LIID)?.state, { timeout: 30_000 }).toBe('ended');
    await admf.gone(LIID);
    await network.running('df', 'home1').settle(20_000);
    const before = traces();
    for (const left of Object.values(before)) expect(left).toBeGreaterThan(0);
    expect((await call('alice', 'bob')).caller.heard.length).toBeGreaterThan(0);
    for (const element of ['cscf', 'gateway'] as const) await network.running(element, 'home1').drain(20_000);
    await network.running('df', 'home1').settle(20_000);
    expect(traces()).toEqual(before);

    const told = (kind: string) => async () =>
      (await agency.notifications())
        .filter((text) => text.startsWith(kind))
        .map((text) => text.replace(/^.* is /, ''));
    await expect
      .poll(told('LITask'), { timeout: 30_000 })
      .toEqual(['AwaitingProvisioning', 'Active', 'Cancelled']);
    expect(await told('Authorisation')()).toEqual(['Approved', 'Cancelled']);
    if (!missingShared(HI1_SCHEMA) && !missingTool('xmllint')) expect(judged(agency.messages)).toBe('');
  });
});
