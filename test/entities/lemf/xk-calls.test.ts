/** Keys that a LEMF asks the KMS for itself, of calls that are more than one exchange. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { concat } from '../../../src/bytes/octets.ts';
import type { IriRecord } from '../../../src/entities/df/records.ts';
import { lemfConfig } from '../../../src/entities/lemf/config.ts';
import { askForFiles } from '../../../src/entities/lemf/start-file-recovery.ts';
import { recoverFolder } from '../../../src/entities/lemf/store/recovery.ts';
import { systemClock } from '../../../src/host/runtime.ts';
import { decodeWav } from '../../../src/media/wav.ts';
import type { TlsFiles } from '../../../src/net/tls.ts';
import { takenApart } from '../../../src/sip/offer-answer.ts';
import { roleCertificates } from '../../support/role-certificates.ts';
import { silent } from '../../support/silent.ts';
import type { CallOptions } from './call.ts';
import { delivered, InterceptedCall, LIID } from './call.ts';
import type { AskableKms } from './kms.ts';
import { askableKms } from './kms.ts';

const NAME = 'lemf.home1.example';
const UPDATED = 'exchange-update-1.json';
const DEFERRED = 'exchange-deferred-1.json';
const PACKETS = 12;
const root = mkdtempSync(path.join(tmpdir(), 'claviger-lemf-xk-calls-'));
const clock = systemClock();
const runtime = { clock, logger: silent };
let files: Readonly<Record<'lemf' | 'kms', TlsFiles>>;
let kms: AskableKms;
let folders = 0;

beforeAll(async () => {
  files = await roleCertificates(root, clock.now(), ['lemf', 'kms']);
});
afterEach(() => kms.close());
afterAll(() => rmSync(root, { recursive: true }));

/** What was handed over, in files; asks, and recovers. */
async function asked(signalling: readonly IriRecord[], calls: readonly InterceptedCall[]) {
  const folder = mkdtempSync(path.join(root, `lemf-${folders++}-`));
  const paths = { hi2: path.join(folder, 'hi2.ber'), hi3: path.join(folder, 'hi3.ber') };
  writeFileSync(paths.hi2, concat(...delivered(signalling)));
  writeFileSync(paths.hi3, concat(...delivered(calls.flatMap((call) => call.content))));
  const out = path.join(folder, 'out');
  const config = lemfConfig({ tls: files.lemf, folder, xk: { url: kms.url, hosts: kms.hosts } });
  const counts = await askForFiles(config, { paths, folder: out }, runtime);
  const [call] = recoverFolder(paths, out).calls;
  /** Of a crypto session, what is heard of its speaker. */
  const heard = (csId: number): Int16Array => {
    const stream = call?.streams.find((each) => each.csId === csId);
    return decodeWav(new Uint8Array(readFileSync(path.join(out, stream?.file ?? ''))));
  };
  return { counts, call, heard };
}

function saidIn(calls: readonly InterceptedCall[], csId: number): Int16Array {
  const parts = calls.flatMap((call) => call.streams.filter((stream) => stream.csId === csId));
  return Int16Array.from(parts.flatMap(({ spoken }) => [...spoken]));
}

/** The call of the vector, and what follows its updates: said without a break, under other keys. */
const partsOf = (...updates: readonly number[]): InterceptedCall[] =>
  [0, ...updates].map((after, at) => {
    const place = { firstSequenceNumber: 7 + at * PACKETS, firstTimestamp: 1000 + 160 * PACKETS * at };
    return new InterceptedCall(UPDATED, { ...place, packets: PACKETS, ...(after === 0 ? {} : { after }) });
  });

function updateIn(call: InterceptedCall, number: number, isCallees: boolean): IriRecord[] {
  const of = { number: 10 + number, isCallees };
  const [there, back] = isCallees
    ? (['toTarget', 'fromTarget'] as const)
    : (['fromTarget', 'toTarget'] as const);
  return [
    call.sip('UPDATE sip:bob@127.0.0.2 SIP/2.0', 'UPDATE', there, call.sdp(`${number}/I_MESSAGE_1`), of),
    call.sip('SIP/2.0 200 OK', 'UPDATE', back, call.sdp(`${number}/R_MESSAGE_1`), of),
  ];
}

describe('R-14: a LEMF that asks the KMS about a call with updates', () => {
  it('has the keys of the exchange, of each update, and of a medium that one adds', async () => {
    kms = await askableKms(files.kms, [NAME], { set: UPDATED });
    await kms.allow(NAME, LIID);
    const calls = partsOf(1, 2, 3);
    const [call] = calls as [InterceptedCall];
    const updates = [updateIn(call, 1, false), updateIn(call, 2, true), updateIn(call, 3, false)].flat();
    const {
      counts,
      call: recovered,
      heard,
    } = await asked([...call.signalling.slice(0, -1), ...updates, ...call.signalling.slice(-1)], calls);
    expect(counts).toEqual({ answered: 4, refused: 0, later: 0 });
    expect(recovered).toMatchObject({ recovered: true, records: { keys: 0 } });
    for (const csId of [1, 2, 3, 4]) expect(heard(csId)).toEqual(saidIn(calls, csId));
    expect(kms.audit.of('get-keys').map(({ outcome }) => outcome)).toEqual(Array(4).fill('answered'));
  });

  it('asks where the keys of one update are wanting, and for nothing where all are there', async () => {
    kms = await askableKms(files.kms, [NAME], { set: UPDATED });
    await kms.allow(NAME, LIID);
    const calls = partsOf(1, 2);
    const [call, first, second] = calls as [InterceptedCall, InterceptedCall, InterceptedCall];
    const signalling = [...call.signalling, ...updateIn(call, 1, false), ...updateIn(call, 2, true)];
    const whole = await asked([...signalling, ...call.keys, ...first.keys, ...second.keys], calls);
    expect(whole.counts).toEqual({ answered: 0, refused: 0, later: 0 });
    const without = await asked([...signalling, ...call.keys, ...second.keys], calls);
    expect(without.counts?.answered).toBeGreaterThan(0);
    for (const { heard } of [whole, without]) expect(heard(1)).toEqual(saidIn(calls, 1));
  });
});

describe('R-14: a LEMF that asks about a call that stood when its warrant came', () => {
  it('says so, and has the keys, which the KMS puts on record as before the start', async () => {
    kms = await askableKms(files.kms, [NAME], { set: UPDATED });
    await kms.allow(NAME, LIID, 600);
    const call = new InterceptedCall(UPDATED, { firstSequenceNumber: 30_000 });
    const [offer, answer, prack, pracked] = call.signalling;
    const described = (record: IriRecord | undefined) => takenApart((record as { sip: Uint8Array }).sip);
    const start = {
      ...(offer as IriRecord),
      ...{ kind: 'session-start', direction: 'fromTarget' },
      ...{ offer: described(offer), answer: described(answer) },
    } as IriRecord;
    const { counts, heard } = await asked([start, prack!, pracked!], [call]);
    expect(counts).toEqual({ answered: 1, refused: 0, later: 0 });
    expect(kms.audit.of('get-keys')).toMatchObject([{ midCall: true, beforeStart: true }]);
    for (const csId of [1, 2]) expect(heard(csId)).toEqual(saidIn([call], csId));
  });
});

describe('R-14 R-45: a LEMF that asks about what was left with a mailbox', () => {
  const left = (options: CallOptions = {}) =>
    new InterceptedCall(DEFERRED, { ...options, after: 'deferred' });
  /** Key records of the content. */
  const own = (call: InterceptedCall): IriRecord[] => call.keys;

  it('under a warrant on who leaves it: its keys are wanting though as many came of that crypto session', async () => {
    kms = await askableKms(files.kms, [NAME], { set: DEFERRED });
    await kms.allow(NAME, LIID);
    const [call, content] = [new InterceptedCall(DEFERRED), left()];
    const without = await asked([...call.signalling, ...call.keys], [content]);
    expect(without.counts).toEqual({ answered: 1, refused: 0, later: 0 });
    expect(without.heard(1)).toEqual(saidIn([content], 1));
    const whole = await asked([...call.signalling, ...call.keys, ...own(content)], [content]);
    expect(whole.counts).toEqual({ answered: 0, refused: 0, later: 0 });
    expect(whole.heard(1)).toEqual(saidIn([content], 1));
  });

  it('under a warrant on whom it was left for: by the call that delivers it, and for its keys alone', async () => {
    kms = await askableKms(files.kms, [NAME], { set: DEFERRED, party: 'recipient' });
    await kms.allow(NAME, LIID, 600);
    const content = left({ target: 'r' });
    const offer = content.sdp('I_MESSAGE_1', 'R_MESSAGE_1', 'I_MESSAGE_2');
    const signalling = [
      content.sip('INVITE sip:bob@home2.example SIP/2.0', 'INVITE', 'toTarget', offer),
      content.sip('SIP/2.0 200 OK', 'INVITE', 'fromTarget', content.sdp()),
    ];
    const asking = await asked(signalling, [content]);
    expect(asking.counts).toEqual({ answered: 1, refused: 0, later: 0 });
    expect(asking.heard(1)).toEqual(saidIn([content], 1));
    const whole = await asked([...signalling, ...own(content)], [content]);
    expect(whole.counts).toEqual({ answered: 0, refused: 0, later: 0 });
  });
});
