/** Decryption in the network: keys go to DF3 instead of the LEMF, and content goes there in the clear, marked. */
import { describe, expect, it } from 'vitest';
import { fromHex, toHex, utf8 } from '../../../src/bytes/octets.ts';
import { Secret } from '../../../src/bytes/secret.ts';
import { StreamOpener } from '../../../src/entities/df/decryption/opener.ts';
import type { MediationOptions } from '../../../src/entities/df/mediation-options.ts';
import { encodeRtcp, sourceDescription } from '../../../src/media/rtcp.ts';
import { encodeRtp } from '../../../src/media/rtp.ts';
import { SrtpSender } from '../../../src/media/srtp/stream.ts';
import { SRTP_SUITE } from '../../../src/media/srtp/suites.ts';
import { takenApart } from '../../../src/sip/offer-answer.ts';
import { encodeSessionStart } from '../../../src/wire/hi/session-start.ts';
import { DIRECTION, encodePdu, PAYLOAD_FORMAT } from '../../../src/wire/x2x3/pdu.ts';
import { settle } from '../../support/manual-clock.ts';
import { kinds, start } from './delivery-function.ts';
import type { Df } from './delivery-function.ts';
import {
  call,
  correlationOf,
  handedOver,
  keysOf,
  LEG,
  LEMF_2,
  sip,
  START,
  task,
  vector,
  XID,
} from './support.ts';
import type { PlainRecord, Step } from './support.ts';

const MS = 30_000;
type Settings = NonNullable<MediationOptions['decryption']>;

/** A delivery function that decrypts. */
const network = (
  hold: Partial<Settings['hold']> = {},
  tasks = [task(XID, 'LIID-1')],
  more: Partial<Settings> = {},
) =>
  start(tasks, {
    decryption: {
      opener: new StreamOpener(),
      hold: { ms: MS, pdus: 1000, octets: 1 << 20, ...hold },
      ...more,
    },
  });

interface Spoken {
  readonly plain: string;
  readonly octets: Uint8Array;
}

/** Packets of a crypto session of the vectors, as its speaker sends them. */
function speaker(csId = 1, roc = 0, xor = 0) {
  const session = vector().keys.cryptoSessions.find((one) => one.csId === csId)!;
  const { ssrc } = session;
  const key = fromHex(session.tek).map((octet) => octet ^ xor);
  const sender = new SrtpSender({
    ...{ suite: SRTP_SUITE.aesCm128HmacSha1Tag80, masterKey: Secret.of(key), ssrc, roc },
    ...{
      masterSalt: Secret.of(fromHex(session.salt)),
      mki: fromHex(session.mki).map((octet) => octet ^ xor),
    },
  });
  let next = 100;
  const say = (text: string, payloadType = 8): Spoken => {
    const plain = encodeRtp({
      ...{ marker: false, payloadType, sequenceNumber: next++, timestamp: 160 * next, ssrc },
      ...{ csrc: [], extension: null, payload: utf8(text) },
    });
    return { plain: toHex(plain), octets: sender.protect(plain) };
  };
  return { say, sender, ssrc };
}

const signal = async ({ mediation, poi }: Df, steps: readonly Step[] = call()): Promise<void> => {
  await mediation.accept(steps.map((step) => poi.x2(step)));
  await settle();
};
const hear = async ({ mediation, poi }: Df, ...packets: readonly Spoken[]): Promise<void> => {
  await mediation.accept(packets.map(({ octets }) => poi.x3(octets, DIRECTION.fromTarget)));
  await settle();
};
type ContentRecord = PlainRecord & { decrypted?: { csId: number | null } };
const content = async ({ store }: Df, did?: string): Promise<ContentRecord[]> =>
  (await handedOver(store, did)).filter(({ kind }) => kind === 'cc');
const failures = async ({ store }: Df): Promise<number> =>
  (await handedOver(store)).filter(({ kind }) => kind === 'key-failure').length;
const text = ({ sip: hex = '' }: PlainRecord): string => Buffer.from(hex, 'hex').toString('latin1');

describe('R-15: decryption in the network', () => {
  it('keys go to the DF instead of the LEMF; content goes in the clear, and says so', async () => {
    const df = await network();
    await signal(df);
    expect(df.kms.asked).toHaveLength(1);
    const [one, two] = [speaker(1), speaker(2)];
    const said = [one.say('hello'), one.say('world')];
    await hear(df, ...said);
    const answer = two.say('hi');
    await df.mediation.accept([df.poi.x3(answer.octets, DIRECTION.toTarget)]);
    const records = await content(df);
    expect(records.map((record) => record.content)).toEqual([...said, answer].map(({ plain }) => plain));
    expect(records.map(({ decrypted }) => decrypted?.csId)).toEqual([1, 1, 2]);
    expect(kinds(await handedOver(df.store))).not.toContain('keys-available');
    expect(df.mediation.decryption).toEqual({ decrypted: 3, waited: 0, undecrypted: 0, waiting: 0 });
  });

  it('without that setting keys go to the LEMF, and content as it was intercepted', async () => {
    const df = await start();
    await signal(df);
    const said = speaker().say('hello');
    await hear(df, said);
    const [record] = await content(df);
    expect(record).toMatchObject({ content: toHex(said.octets) });
    expect(record).not.toHaveProperty('decrypted');
    expect(kinds(await handedOver(df.store))).toContain('keys-available');
    expect(df.mediation.decryption).toBeNull();
  });

  it('key material is stripped from every description that HI2 has, and nothing else of it', async () => {
    const df = await network();
    const media = ['a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz'];
    const offer = sip('INVITE sip:bob@home2.example SIP/2.0', LEG, vector().messages.I_MESSAGE_1.message, {
      media: [...media, 'a=sendrecv'],
    });
    await signal(df, [[offer, DIRECTION.fromTarget]]);
    const [record] = await handedOver(df.store);
    const told = text(record!);
    expect(told).toMatch(/\r\na=key-mgmt:\*{5} \*+\r\nm=audio 4000 RTP\/SAVP 8\r\n/);
    expect(told).toMatch(/a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:\*{40}\r\na=sendrecv\r\n/);
    expect(told).toHaveLength(offer.length);
    expect(record).toMatchObject({ isReduced: true });
  });

  it('content that comes before its keys waits for them, and goes out in order', async () => {
    const df = await network();
    let give = (): void => undefined;
    df.kms.answer = () => new Promise((resolve) => (give = () => resolve(keysOf(vector()))));
    await signal(df);
    const { say } = speaker();
    const said = [say('a'), say('b'), say('c')];
    await hear(df, ...said);
    expect(await content(df)).toEqual([]);
    expect(df.mediation.decryption).toMatchObject({ waited: 3, waiting: 3 });
    give();
    await settle();
    expect((await content(df)).map((record) => record.content)).toEqual(said.map(({ plain }) => plain));
    expect(df.mediation.decryption).toMatchObject({ decrypted: 3, undecrypted: 0, waiting: 0 });
    expect(await failures(df)).toBe(0);
  });

  it('content that comes before any signalling waits as well', async () => {
    const df = await network();
    const said = speaker().say('early');
    await hear(df, said);
    expect(await content(df)).toEqual([]);
    await signal(df);
    expect((await content(df)).map((record) => record.content)).toEqual([said.plain]);
  });

  it('what no key opens goes out as it came after a while, unmarked, with one failure record, and is counted', async () => {
    const df = await network();
    await signal(df);
    const strange = speaker(1, 0, 0x55);
    const said = [strange.say('a'), strange.say('b')];
    await hear(df, ...said);
    await df.clock.pass(MS - 2000);
    expect(await content(df)).toEqual([]);
    await df.clock.pass(4000);
    const records = await content(df);
    expect(records.map((record) => record.content)).toEqual(said.map(({ octets }) => toHex(octets)));
    for (const record of records) expect(record).not.toHaveProperty('decrypted');
    expect(await failures(df)).toBe(1);
    expect(df.mediation.decryption).toMatchObject({ undecrypted: 2, waiting: 0 });
    expect(df.issues.log.join()).toContain('packets went out encrypted');
  });

  it('where no more may wait, what comes of whoever has most waiting goes out as it came; nothing is dropped', async () => {
    const df = await network({ pdus: 2 });
    df.kms.answer = () => ({ failureIndication: 'temporarily-unavailable' });
    await signal(df);
    const { say } = speaker();
    const said = ['a', 'b', 'c', 'd', 'e'].map((word) => say(word));
    await hear(df, ...said);
    expect((await content(df)).map((record) => record.content)).toEqual(
      said.slice(2).map(({ octets }) => toHex(octets)),
    );
    expect(df.mediation.decryption).toMatchObject({ undecrypted: 3, waiting: 2 });
    df.kms.answer = () => keysOf(vector());
    await df.clock.pass(20_000);
    const late = (await content(df)).slice(3);
    expect(late.map((record) => record.content)).toEqual(said.slice(0, 2).map(({ plain }) => plain));
  });

  it('late keys, after the failure record of R-30, still open what waits', async () => {
    const df = await network();
    df.kms.answer = () => ({ failureIndication: 'temporarily-unavailable' });
    await signal(df);
    const said = speaker().say('patience');
    await hear(df, said);
    await df.clock.pass(12_000);
    expect(await failures(df)).toBe(1);
    df.kms.answer = () => keysOf(vector());
    await df.clock.pass(10_000);
    expect((await content(df)).map((record) => record.content)).toEqual([said.plain]);
  });

  it('keys that the KMS will never give make nothing wait', async () => {
    const df = await network();
    df.kms.answer = () => ({ failureIndication: 'endpoint-not-compliant' });
    await signal(df);
    const said = speaker().say('a');
    await hear(df, said);
    const [record] = await content(df);
    expect(record).toMatchObject({ content: toHex(said.octets) });
    expect(record).not.toHaveProperty('decrypted');
  });

  it('what is in the clear by its signalling goes at once, unmarked', async () => {
    const df = await network();
    const plainSdp = (step: Step): Step => [
      utf8(
        Buffer.from(step[0])
          .toString('latin1')
          .replace('RTP/SAVP', 'RTP/AVP ')
          .replaceAll(/a=key-mgmt/g, 'a=not-keymg'),
      ),
      step[1],
    ];
    await signal(df, call().map(plainSdp));
    const packet = Buffer.from(speaker().say('plain').plain, 'hex');
    await hear(df, { plain: '', octets: new Uint8Array(packet) });
    const [record] = await content(df);
    expect(record).toMatchObject({ content: packet.toString('hex') });
    expect(record).not.toHaveProperty('decrypted');
    expect(df.mediation.decryption).toMatchObject({ waited: 0, undecrypted: 0 });
  });

  it('SRTCP goes in the clear as well; what is not RTP goes as it is', async () => {
    const df = await network();
    await signal(df);
    const { sender, ssrc } = speaker();
    const report = encodeRtcp([sourceDescription(ssrc, 'alice')]);
    const stun = Uint8Array.of(0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, ...new Uint8Array(12));
    await hear(df, { plain: '', octets: sender.protectRtcp(report) }, { plain: '', octets: stun });
    const records = await content(df);
    expect(records.map((record) => record.content)).toEqual([toHex(report), toHex(stun)]);
    expect(records.map(({ decrypted }) => decrypted?.csId)).toEqual([1, undefined]);
  });

  it('R-95: a packet in an IP packet is opened there, and goes out without it, with its addresses', async () => {
    const df = await network();
    await signal(df);
    const { plain, octets } = speaker().say('in IP');
    const udp = [0x0f, 0xa0, 0x13, 0x88, (octets.length + 8) >> 8, (octets.length + 8) & 0xff, 0, 0];
    const length = 28 + octets.length;
    const head = [0x45, 0, length >> 8, length & 0xff, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2];
    const payload = Uint8Array.of(...head, ...udp, ...octets);
    const { pdu, peer } = df.poi.x3(payload, DIRECTION.fromTarget);
    const attributes = pdu.attributes.filter(({ type }) => ![10, 14].includes(type));
    const inIp = { ...pdu, payloadFormat: PAYLOAD_FORMAT.ipv4, attributes };
    await df.mediation.accept([{ pdu: inIp, octets: encodePdu(inIp), peer }]);
    expect(await content(df)).toMatchObject([
      { content: plain, format: 'rtp', streamIdentifier: '192.0.2.1:4000>192.0.2.2:5000' },
    ]);
  });

  it('keys are in memory alone: after a restart the KMS is asked again, and what waited goes on', async () => {
    const opener = new StreamOpener();
    const df = await network({}, undefined, { opener });
    await signal(df);
    const { say } = speaker();
    const strange = speaker(1, 0, 0x55).say('waits');
    await hear(df, say('before'), strange);
    const stored = Buffer.from(JSON.stringify(await df.store.load()));
    for (const { tek } of vector().keys.cryptoSessions) expect(stored.includes(tek)).toBe(false);
    opener.forget(Infinity);
    await df.kill();
    const after = say('after');
    await hear(df, after);
    expect(df.kms.asked).toHaveLength(2);
    expect((await content(df)).map((record) => record.content).slice(1)).toEqual([after.plain]);
    expect(df.mediation.decryption).toMatchObject({ waiting: 1 });
  });

  it('R-24: a call that stood already opens, whatever its roll-over counter', async () => {
    const df = await network();
    const [offer, answer, ...further] = call();
    const described = { offer: takenApart(offer![0]), answer: takenApart(answer![0]) };
    const payload = encodeSessionStart(
      { time: df.clock.now(), ...described },
      XID,
      correlationOf(LEG.callId),
    );
    const { pdu, peer } = df.poi.x2([payload, DIRECTION.fromTarget]);
    const report = { ...pdu, payloadFormat: PAYLOAD_FORMAT.epsIriContent };
    await df.mediation.accept([{ pdu: report, octets: encodePdu(report), peer }]);
    await signal(df, further);
    const said = speaker(1, 7).say('long since');
    await hear(df, said);
    expect(df.kms.asked.at(-1)?.midCall).toBe(true);
    expect((await content(df)).map((record) => record.content)).toEqual([said.plain]);
    const [start] = (await handedOver(df.store)) as readonly (PlainRecord & { offer?: { sdp: string } })[];
    const sdp = Buffer.from(start?.offer?.sdp ?? '', 'hex').toString();
    expect(sdp).toMatch(/a=key-mgmt:\*/);
  });

  it('R-34: a warrant that joins gets the content in the clear from then on', async () => {
    const df = await network();
    await signal(df);
    const { say } = speaker();
    await hear(df, say('one'));
    const first = df.tasks.known.get(XID)!;
    const late = task(XID, 'LIID-2', {
      start: START,
      destinations: [{ did: LEMF_2, delivers: 'HI2andHI3' }],
    });
    df.tasks.known.set(XID, { ...first, mediations: [...first.mediations, ...late.mediations] });
    const said = say('two');
    await hear(df, said);
    expect((await content(df, LEMF_2)).map((record) => record.content)).toEqual([said.plain]);
  });

  it('a warrant for content alone is served, too: no key needs an interface', async () => {
    const only = task(XID, 'LIID-1', { delivers: 'HI3Only' });
    const df = await network({}, [only]);
    await signal(df);
    const said = speaker().say('a');
    await hear(df, said);
    expect((await content(df)).map((record) => record.content)).toEqual([said.plain]);
  });

  it('what waits when its task goes is handed over to those whom it was for', async () => {
    const df = await network();
    df.kms.answer = () => ({ failureIndication: 'temporarily-unavailable' });
    await signal(df);
    const said = speaker().say('last');
    await hear(df, said);
    const before = df.tasks.known.get(XID)!;
    df.tasks.known.delete(XID);
    await df.mediation.taskEnds(before);
    expect((await content(df)).map((record) => record.content)).toEqual([toHex(said.octets)]);
    expect(df.mediation.decryption).toMatchObject({ waiting: 0, undecrypted: 1 });
  });

  it('that keys have come into use is on record, without the keys', async () => {
    const accounts: unknown[] = [];
    const df = await network({}, undefined, { record: (account) => void accounts.push(account) });
    await signal(df);
    const correlation = toHex(correlationOf(LEG.callId));
    expect(accounts).toEqual([
      { xid: XID, correlation, cryptoSessions: vector().keys.cryptoSessions.length },
    ]);
  });

  it('keys of a=crypto open what goes under them, since the LEMF does not see them', async () => {
    const df = await network();
    const keyAndSalt = Buffer.alloc(30, 7);
    const media = [`a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${keyAndSalt.toString('base64')}`];
    const [offer, answer] = ['INVITE sip:bob@home2.example SIP/2.0', 'SIP/2.0 200 OK'].map((line) =>
      sip(line, LEG, null, { media }),
    );
    await signal(df, [
      [offer!, DIRECTION.fromTarget],
      [answer!, DIRECTION.toTarget],
    ]);
    const sender = new SrtpSender({
      ...{ suite: SRTP_SUITE.aesCm128HmacSha1Tag80, ssrc: 77, mki: new Uint8Array() },
      ...{
        masterKey: Secret.of(new Uint8Array(16).fill(7)),
        masterSalt: Secret.of(new Uint8Array(14).fill(7)),
      },
    });
    const plain = encodeRtp({
      ...{ marker: false, payloadType: 8, sequenceNumber: 1, timestamp: 0, ssrc: 77 },
      ...{ csrc: [], extension: null, payload: utf8('sdes') },
    });
    await hear(df, { plain: '', octets: sender.protect(plain) });
    expect((await content(df)).map(({ content: octets, decrypted }) => [octets, decrypted?.csId])).toEqual([
      [toHex(plain), null],
    ]);
  });
});
