/** Calls as other equipment makes them: session descriptions and RTP of any kind, handed over record by record. */
import { toBase64, utf8 } from '../../../src/bytes/octets.ts';
import { Secret } from '../../../src/bytes/secret.ts';
import { SrtpSender } from '../../../src/media/srtp/stream.ts';
import { SRTP_SUITE } from '../../../src/media/srtp/suites.ts';
import type { CcRecord, HandoverRecord, IriRecord } from '../../../src/entities/df/records.ts';
import { recover } from './recovered.ts';
import type { CallReport } from '../../../src/entities/lemf/recover.ts';
import type { Recovered } from './recovered.ts';
import { concat } from '../../../src/bytes/octets.ts';
import { decodeWav } from '../../../src/media/wav.ts';
import { encodeRtp } from '../../../src/media/rtp.ts';
import type { RtpPacket } from '../../../src/media/rtp.ts';
import { delivered, InterceptedCall } from './call.ts';

const frame = new InterceptedCall();

/** Milliseconds of the first event. */
export const START = Date.UTC(2030, 0, 1);

/** Who sends. */
export type Sender = 'target' | 'other';

const direction = (sender: Sender) => (sender === 'target' ? 'fromTarget' : 'toTarget');

/** An SDP of these lines after the usual first ones. */
export function sdp(...lines: string[]): string {
  return ['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0', ...lines, ''].join('\r\n');
}

/** A message of the call between alice, the target, and bob. */
export function message(sender: Sender, start: string, cseq: string, body: string, at = 0): IriRecord {
  const request = !start.startsWith('SIP/2.0');
  const byAlice = request === (sender === 'target');
  const text = [
    start,
    'Via: SIP/2.0/TCP 127.0.0.1:5060;branch=z9hG4bK1',
    byAlice ? 'From: <sip:alice@home1.example>;tag=a' : 'From: <sip:bob@home2.example>;tag=b',
    byAlice ? 'To: <sip:bob@home2.example>;tag=b' : 'To: <sip:alice@home1.example>;tag=a',
    'Call-ID: c1@home1.example',
    `CSeq: ${cseq}`,
    ...(body === '' ? [] : ['Content-Type: application/sdp']),
    `Content-Length: ${body.length}`,
    '',
    body,
  ].join('\r\n');
  const [base] = frame.signalling;
  if (base?.kind !== 'sip-message') throw new Error('no message');
  return { ...base, direction: direction(sender), sip: utf8(text), time: START + at };
}

/** INVITE of alice and its answer. */
export function invite(offer: string, answer: string, cseq = '1 INVITE'): IriRecord[] {
  return [
    message('target', 'INVITE sip:bob@home2.example SIP/2.0', cseq, offer),
    message('other', 'SIP/2.0 200 OK', cseq, answer, 10),
  ];
}

export function content(sender: Sender, octets: Uint8Array, path = `${sender}>gateway`, at = 1000): CcRecord {
  return { ...frame.cc(octets, direction(sender)), streamIdentifier: path, time: START + at };
}

export function rtp(fields: Partial<RtpPacket>): RtpPacket {
  return {
    marker: false,
    payloadType: 8,
    sequenceNumber: 0,
    timestamp: 0,
    ssrc: 1,
    csrc: [],
    extension: null,
    payload: new Uint8Array(160).fill(0x2a),
    ...fields,
  };
}

/** The n-th packet of 20 ms, with a payload that is its own. */
export function nth(n: number, fields: Partial<RtpPacket> = {}): Uint8Array {
  return encodeRtp(
    rtp({
      sequenceNumber: n & 0xffff,
      timestamp: 160 * n,
      payload: new Uint8Array(160).fill((7 * n + (fields.ssrc ?? 1)) & 0xff),
      ...fields,
    }),
  );
}

export const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, i) => from + i);

export function runAll(records: readonly HandoverRecord[]): Recovered {
  const iri = delivered(records.filter(({ kind }) => kind !== 'cc'));
  const cc = delivered(records.filter(({ kind }) => kind === 'cc'));
  return recover(concat(...iri), concat(...cc));
}

export function only({ report }: Recovered): CallReport {
  const [call, ...more] = report.calls;
  if (call === undefined || more.length > 0) throw new Error(`${report.calls.length} calls`);
  return call;
}

/** Samples in each file of a recovery. */
export function lengths({ audio }: Recovered): number[] {
  return audio.map(({ octets }) => decodeWav(octets).length);
}

export const AUDIO = ['m=audio 40000 RTP/AVP 8', 'a=rtpmap:8 PCMA/8000'];
export const plain = invite(sdp(...AUDIO), sdp(...AUDIO));
export const speech = (from: number, to: number, ssrc = 1) =>
  range(from, to).map((n) => content('target', nth(n, { ssrc })));

export const keyOf = (fill: number) => new Uint8Array(30).fill(fill);
export const crypto = (fill: number, more = '') =>
  `a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${toBase64(keyOf(fill))}${more}`;

export function sender(fill: number, ssrc: number, mki = new Uint8Array()): SrtpSender {
  return new SrtpSender({
    suite: SRTP_SUITE.aesCm128HmacSha1Tag80,
    masterKey: Secret.of(keyOf(fill).slice(0, 16)),
    masterSalt: Secret.of(keyOf(fill).slice(16)),
    ssrc,
    mki,
    roc: 0,
  });
}

export function sealed(fill: number, ssrc: number, from: number, to: number): Uint8Array[] {
  const under = sender(fill, ssrc);
  return range(from, to).map((n) => under.protect(nth(n, { ssrc })));
}
