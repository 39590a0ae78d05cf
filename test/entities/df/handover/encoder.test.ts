import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { concat, utf8 } from '../../../../src/bytes/octets.ts';
import { Secret } from '../../../../src/bytes/secret.ts';
import { recordEncoder } from '../../../../src/entities/df/handover/encoder.ts';
import type { HandoverRecord, NoticeRecord } from '../../../../src/entities/df/records.ts';
import { splitPsPdus } from '../../../../src/wire/hi/deframer.ts';
import { decodePsPdu } from '../../../../src/wire/hi/ps-pdu.ts';
import { askOracle, compileOracle, TIME_TO_COMPILE, withoutOracle } from '../../../support/asn1-oracle.ts';

const encode = recordEncoder({ countryCode: 'DE', operator: 'home1', element: 'df.home1.example' });
const correlation = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const base = { liid: 'LIID-7', cin: 3, time: 1_900_000_000_123.5, correlation };
const observed = [
  { name: 'sipUri', value: 'sip:alice@home1.example' },
  { name: 'telUri', value: 'tel:+4930123456' },
  { name: 'e164Number', value: '4930123456' },
  { name: 'impi', value: 'alice@private.home1.example' },
  { name: null, value: 'sip:alice@home1.example' },
  { name: 'gpsiMsisdn', value: '4930123456' },
  { name: 'imei', value: '35693803564398' },
  { name: 'peiImeisv', value: '3569380356439807' },
  { name: 'imsi', value: '262011234567890' },
  { name: 'macAddress', value: '02:00:00:00:00:01' },
];
const sip = utf8('INVITE sip:bob@home2.example SIP/2.0\r\n\r\n');
const keyInfo = {
  csId: 2,
  key: Secret.of(new Uint8Array(16).fill(5)),
  salt: Secret.of(new Uint8Array(14).fill(6)),
};
const rtp = new Uint8Array(190).fill(0x80);

const records: Record<string, HandoverRecord> = {
  sip: { ...base, kind: 'sip-message', observed, direction: 'toTarget', sip },
  keys: { ...base, kind: 'keys-available', observed, keyInfo },
  failure: { ...base, kind: 'key-failure', observed },
  start: {
    ...{ ...base, kind: 'session-start', observed, direction: 'fromTarget' },
    offer: { head: sip, sdp: utf8('v=0') },
    answer: { head: sip, sdp: utf8('v=1') },
  },
  reduced: { ...base, kind: 'sip-message', observed, direction: 'toTarget', sip, isReduced: true },
  content: {
    ...base,
    kind: 'cc',
    direction: 'fromTarget',
    format: 'rtp',
    content: rtp,
    streamIdentifier: '127.0.0.1:4000>127.0.0.1:5000',
  },
  packet: { ...base, kind: 'cc', direction: 'unknown', format: 'ipv4', content: rtp, streamIdentifier: '' },
};

function eps(record: HandoverRecord) {
  const { payload } = decodePsPdu(encode(record, 0));
  if (payload.kind !== 'iri') throw new Error('not an IRI');
  const [iri] = payload.records;
  if (iri?.contents.kind !== 'eps') throw new Error('not EPS');
  return { iri, record: iri.contents.record };
}

describe('records as PS-PDUs', () => {
  it('each has LIID, CIN, correlation number, network identifier, event time; IRI are REPORT records (R-8, R-31)', () => {
    for (const record of Object.values(records)) {
      const { header } = decodePsPdu(encode(record, 9));
      const timeStampQualifier = record.kind === 'sip-message' || record.kind === 'cc' ? 1 : 2;
      expect(header).toMatchObject({ liid: 'LIID-7', cin: 3, sequenceNumber: 9, timeStampQualifier });
      expect(header.time).toEqual({ seconds: 1_900_000_000, microSeconds: 123_500 });
    }
    for (const name of ['sip', 'keys', 'failure', 'start']) {
      const { iri, record } = eps(records[name]!);
      expect(iri.iriType).toBe(4);
      expect(record).toMatchObject({
        recordType: 4,
        liid: 'LIID-7',
        time: 1_900_000_000_123,
        networkIdentifier: { operator: 'home1', element: 'df.home1.example' },
        correlation: { iriToIri: correlation, iriToCc: { cc: [correlation] } },
      });
      expect(record.parties).toEqual([
        { qualifier: 3, sipUri: 'sip:alice@home1.example' },
        { qualifier: 3, telUri: 'tel:+4930123456' },
        { qualifier: 3, telUri: 'tel:+4930123456' },
        { qualifier: 3, impi: 'alice@private.home1.example' },
        { qualifier: 3, sipUri: 'sip:alice@home1.example' },
        { qualifier: 3, telUri: 'tel:+4930123456' },
        { qualifier: 3, imei: '35693803564398' },
        { qualifier: 3, imei: '3569380356439807' },
        { qualifier: 3, imsi: '262011234567890' },
      ]);
    }
  });

  it('an LIID that X1 has in hex, since it is no text, goes as its octets', () => {
    const liid = '00ff'.repeat(12) + '01';
    const octets = encode({ ...base, liid, kind: 'key-failure', observed }, 0);
    const { header } = decodePsPdu(octets);
    expect(Buffer.from(header.liid, 'latin1').toString('hex')).toBe(liid);
    expect(eps({ ...base, liid, kind: 'key-failure', observed }).record.liid).toBe(header.liid);
    const longest = { ...base, liid: 'x'.repeat(25), kind: 'key-failure' as const, observed };
    expect(decodePsPdu(encode(longest, 0)).header.liid).toBe(longest.liid);
  });

  it('a SIP message goes octet for octet, with its direction', () => {
    const { iri, record } = eps(records['sip']!);
    expect(record).toMatchObject({ imsEvent: 1, sipMessage: sip });
    expect(iri.direction).toBe(1);
  });

  it('the largest message that X2 carries makes a PDU that a LEMF takes', () => {
    const octets = encode(
      { ...base, kind: 'sip-message', observed, direction: 'toTarget', sip: new Uint8Array(1 << 20) },
      0,
    );
    expect(splitPsPdus(octets)).toMatchObject({ pdus: { length: 1 }, damage: null });
  });

  it('the start of an established session has offer and answer, and the direction of the offer (R-33)', () => {
    const { iri, record } = eps(records['start']!);
    expect(iri.direction).toBe(0);
    expect(record).toMatchObject({
      ...{ imsEvent: 4, sipMessageHeaderOffer: sip, sipMessageHeaderAnswer: sip },
      ...{ sdpOffer: utf8('v=0'), sdpAnswer: utf8('v=1') },
    });
  });

  it('what lost something of its body is a sIPheaderOnly record (R-35)', () => {
    expect(eps(records['reduced']!).record.imsEvent).toBe(2);
  });

  it('a key is a decryptionKeysAvailable record with CS ID in one octet, key and salt (R-7, R-32)', () => {
    const { record } = eps(records['keys']!);
    expect(record.imsEvent).toBe(3);
    const [info] = record.keys ?? [];
    expect(info?.csId).toEqual(Uint8Array.of(2));
    expect(info?.key.expose()).toEqual(keyInfo.key.expose());
    expect(info?.salt?.expose()).toEqual(keyInfo.salt.expose());
    expect(record.mediaSecFailure).toBeUndefined();
  });

  it('a failure to retrieve keys is a mediaSecFailureIndication genericFailure (R-30)', () => {
    expect(eps(records['failure']!).record).toMatchObject({ mediaSecFailure: 0 });
  });

  it('content goes as intercepted, with direction and frame type (R-13)', () => {
    const content = (record: HandoverRecord) => {
      const { payload } = decodePsPdu(encode(record, 0));
      return payload.kind === 'cc' ? payload.packets[0] : undefined;
    };
    expect(content(records['content']!)).toMatchObject({
      direction: 0,
      contents: { cc: { objectId: '5.5.17.2', packet: rtp, frameType: 2, protocol: 0 } },
    });
    expect(content(records['packet']!)).toMatchObject({ direction: 2, contents: { cc: { frameType: 0 } } });
  });

  it.skipIf(withoutOracle())(
    'an independent ASN.1 compiler accepts them all',
    async () => {
      await compileOracle();
      const folder = mkdtempSync(path.join(tmpdir(), 'claviger-encoder-'));
      const file = path.join(folder, 'all.ber');
      const octets = concat(...Object.values(records).map((record, i) => encode(record, i)));
      writeFileSync(file, octets, { mode: 0o600 });
      const { status, stderr } = askOracle(file);
      rmSync(folder, { recursive: true });
      expect(stderr).toBe('');
      expect(status).toBe(0);
    },
    TIME_TO_COMPILE,
  );
});

describe('R-91: notifications of warrants as PS-PDUs', () => {
  const about = { liid: 'LIID-7', time: base.time };
  const read = (record: NoticeRecord) => decodePsPdu(encode(record, 5));

  it.each([
    ['li-activated', 'liActivated'],
    ['li-modified', 'liModified'],
    ['li-deactivated', 'liDeactivated'],
  ] as const)(
    '%s is %s, with LIID, operator, time and target, and has a number but no CIN',
    (kind, operation) => {
      const { header, payload } = read({ ...about, kind, target: 'sip:alice@home1.example' });
      expect(header).toMatchObject({ liid: 'LIID-7', sequenceNumber: 5, operatorIdentifier: 'home1' });
      expect(header.cin).toBeUndefined();
      expect(header.timeStampQualifier).toBe(2);
      expect(payload).toEqual({
        kind: 'hi1',
        operation: {
          kind: operation,
          notification: {
            liid: 'LIID-7',
            communication: { network: { operator: 'home1', element: 'df.home1.example' } },
            time: Math.floor(base.time),
            target: 'sip:alice@home1.example',
          },
        },
      });
    },
  );

  it('an alarm is an alarms-indicator with its text; what does not fit is seen to be cut, what is not ASCII replaced', () => {
    const textOf = (information: string) => {
      const { payload } = read({ ...about, kind: 'li-alarm', information });
      return payload.kind === 'hi1' && payload.operation.kind === 'alarm' ? payload.operation.alarm : null;
    };
    expect(textOf('loss: 3 PDUs')).toMatchObject({ liid: 'LIID-7', information: 'loss: 3 PDUs' });
    expect(textOf('Ω\n😀')?.information).toBe('???');
    expect(textOf('x'.repeat(256))?.information).toBe('x'.repeat(256));
    expect(textOf('x'.repeat(257))?.information).toBe(`${'x'.repeat(253)}...`);
  });

  it('R-94: that CINs go on from one is a cINReset under that CIN', () => {
    const octets = encode({ ...about, kind: 'cin-reset', cin: 1_900_000_000 }, 0);
    const { header, payload } = decodePsPdu(octets);
    expect(header).toMatchObject({ liid: 'LIID-7', cin: 1_900_000_000, operatorIdentifier: 'home1' });
    expect(payload).toEqual({ kind: 'tri', message: { type: 'cinReset' } });
  });

  it('an LIID of octets is handed over as octets', () => {
    const liid = '00ff'.repeat(12);
    const { header, payload } = read({ ...about, liid, kind: 'li-activated', target: null });
    expect(header.liid).toBe('\u0000\u00ff'.repeat(12));
    expect(payload).toMatchObject({ operation: { notification: { liid: '\u0000\u00ff'.repeat(12) } } });
  });
});
