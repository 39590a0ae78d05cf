/**
 * An intercepted call as a delivery function hands it over: the MIKEY messages of a vector set in SIP, key records, SRTP
 * of synthetic speech in both directions.
 */
import { concat, fromHex, utf8 } from '../../../src/bytes/octets.ts';
import { Secret } from '../../../src/bytes/secret.ts';
import { recordEncoder } from '../../../src/entities/df/handover/encoder.ts';
import type {
  CcRecord,
  HandoverRecord,
  IriRecord,
  NoticeRecord,
  RecordDirection,
} from '../../../src/entities/df/records.ts';
import { decodeG711, encodeG711 } from '../../../src/media/g711.ts';
import type { Companding } from '../../../src/media/g711.ts';
import { encodeRtp } from '../../../src/media/rtp.ts';
import { SrtpSender } from '../../../src/media/srtp/stream.ts';
import { SRTP_SUITE } from '../../../src/media/srtp/suites.ts';
import type { SrtpSuite } from '../../../src/media/srtp/suites.ts';
import { exampleFile } from '../../support/shared.ts';

export const LIID = 'LIID-1';
const START = Date.UTC(2030, 0, 1);

interface VectorKeys {
  readonly cryptoSessions: readonly {
    readonly csId: number;
    readonly ssrc: number;
    readonly mki: string;
    readonly tek: string;
    readonly salt: string;
  }[];
}

type VectorMessages = Readonly<Record<string, { readonly message: string }>>;

interface Vector {
  readonly uri: { readonly i: string; readonly r: string; readonly mailbox?: string };
  readonly messages: VectorMessages;
  readonly keys: VectorKeys;
  readonly updates?: readonly { readonly messages: VectorMessages; readonly keys: VectorKeys }[];
  /** Keys of what is left with a mailbox. */
  readonly deferred?: VectorKeys;
}

export interface CallOptions {
  readonly cin?: number;
  readonly liid?: string;
  readonly suite?: SrtpSuite;
  readonly law?: Companding;
  /** Packets of 20 ms each way. */
  readonly packets?: number;
  readonly firstSequenceNumber?: number;
  readonly firstTimestamp?: number;
  /** From this packet on, timestamps are so much further. */
  readonly jump?: { readonly packet: number; readonly by: number };
  readonly roc?: number;
  /** Other keys than the vector's, for every crypto session. */
  readonly keying?: { readonly tek: string; readonly salt: string; readonly mki: string };
  /** What is said after that update of the vector, the first being 1, or to a mailbox. */
  readonly after?: number | 'deferred';
  /** Who is under interception; default: the initiator. */
  readonly target?: 'i' | 'r';
}

export interface Stream {
  readonly csId: number;
  readonly speaker: string;
  /** What was spoken, after G.711 coding. */
  readonly spoken: Int16Array;
  readonly records: readonly CcRecord[];
}

const encode = recordEncoder({ countryCode: 'DE', operator: 'home1', element: 'df.home1.example' });

/** Notifications of a warrant, numbered as a delivery function does. */
export function notified(notices: readonly NoticeRecord[], from = 0): Uint8Array[] {
  return notices.map((notice, at) => encode(notice, from + at));
}

/** Numbers records as a delivery function does, HI2 and HI3 apart, and encodes them. */
export function delivered(records: readonly HandoverRecord[], from = 0): Uint8Array[] {
  const next = new Map<string, number>();
  return records.map((record) => {
    const key = `${record.liid} ${record.cin} ${record.kind === 'cc' ? 'hi3' : 'hi2'}`;
    const sequenceNumber = next.get(key) ?? from;
    next.set(key, sequenceNumber + 1);
    return encode(record, sequenceNumber);
  });
}

export class InterceptedCall {
  readonly vector: Vector;
  readonly liid: string;
  readonly cin: number;
  readonly streams: readonly Stream[];
  readonly #options: CallOptions;

  constructor(name = 'exchange-1.json', options: CallOptions = {}) {
    const vector = exampleFile(name) as Vector;
    const { after } = options;
    const keys =
      after === 'deferred'
        ? vector.deferred
        : after === undefined
          ? vector.keys
          : vector.updates?.[after - 1]?.keys;
    const cryptoSessions = (keys?.cryptoSessions ?? []).map((session) => ({ ...session, ...options.keying }));
    this.vector = { ...vector, keys: { cryptoSessions } };
    this.#options = options;
    this.liid = options.liid ?? LIID;
    this.cin = options.cin ?? 1;
    this.streams = this.vector.keys.cryptoSessions.map(({ csId }) => this.#stream(csId));
  }

  /** SIP of the call, from INVITE to BYE. */
  get signalling(): IriRecord[] {
    const { uri } = this.vector;
    const [i, r] = [plainUri(uri.i), plainUri(uri.r)];
    return [
      this.sip(`INVITE ${r} SIP/2.0`, 'INVITE', 'fromTarget', this.sdp('I_MESSAGE_1')),
      this.sip('SIP/2.0 183 Session Progress', 'INVITE', 'toTarget', this.sdp('R_MESSAGE_1')),
      this.sip(`PRACK ${r} SIP/2.0`, 'PRACK', 'fromTarget', this.sdp('I_MESSAGE_2')),
      this.sip('SIP/2.0 200 OK', 'PRACK', 'toTarget', this.sdp('R_MESSAGE_2')),
      this.sip('SIP/2.0 200 OK', 'INVITE', 'toTarget', ''),
      this.sip(`BYE ${i} SIP/2.0`, 'BYE', 'toTarget', ''),
    ];
  }

  get keys(): IriRecord[] {
    return this.vector.keys.cryptoSessions.map(({ csId, tek, salt }) => ({
      ...this.#base(),
      kind: 'keys-available' as const,
      keyInfo: { csId, key: Secret.of(fromHex(tek)), salt: Secret.of(fromHex(salt)) },
    }));
  }

  get failure(): IriRecord {
    return { ...this.#base(), kind: 'key-failure' };
  }

  get content(): CcRecord[] {
    return this.streams.flatMap(({ records }) => records);
  }

  /** @param messages of the vector; of an update `1/I_MESSAGE_1` */
  sdp(...messages: readonly string[]): string {
    const law = this.#options.law ?? 'pcma';
    const format = law === 'pcma' ? '8' : '0';
    return [
      'v=0',
      'o=- 1 1 IN IP4 127.0.0.1',
      's=-',
      'c=IN IP4 127.0.0.1',
      't=0 0',
      ...messages.map((message) => `a=key-mgmt:mikey ${this.#mikey(message)}`),
      `m=audio 40000 RTP/SAVP ${format}`,
      `a=rtpmap:${format} ${law.toUpperCase()}/8000`,
      '',
    ].join('\r\n');
  }

  /** @param of the transaction: its CSeq number, and whether the callee began it */
  sip(
    start: string,
    method: string,
    direction: RecordDirection,
    body: string,
    { number = 1, isCallees = false }: { readonly number?: number; readonly isCallees?: boolean } = {},
  ): IriRecord {
    const { uri } = this.vector;
    const ends = [`<${plainUri(uri.i)}>;tag=a`, `<${plainUri(uri.r)}>;tag=b`];
    const [from, to] = isCallees ? ends.toReversed() : ends;
    const text = [
      start,
      `Via: SIP/2.0/TCP 127.0.0.1:5060;branch=z9hG4bK${number}`,
      `From: ${from}`,
      `To: ${to}`,
      `Call-ID: call-${this.cin}@home1.example`,
      `CSeq: ${number} ${method}`,
      ...(body === '' ? [] : ['Content-Type: application/sdp']),
      `Content-Length: ${body.length}`,
      '',
      body,
    ].join('\r\n');
    return { ...this.#base(), kind: 'sip-message', direction, sip: utf8(text) };
  }

  cc(packet: Uint8Array, direction: RecordDirection = 'fromTarget'): CcRecord {
    const { observed: _observed, ...base } = this.#base();
    return { ...base, kind: 'cc', direction, format: 'rtp', content: packet, streamIdentifier: 'a>b' };
  }

  #stream(csId: number): Stream {
    const { law = 'pcma', packets = 60, roc = 0, firstTimestamp = 1000, jump } = this.#options;
    const session = this.vector.keys.cryptoSessions.find((entry) => entry.csId === csId)!;
    const sender = new SrtpSender({
      suite: this.#options.suite ?? SRTP_SUITE.aesCm128HmacSha1Tag80,
      masterKey: Secret.of(fromHex(session.tek)),
      masterSalt: Secret.of(fromHex(session.salt)),
      ssrc: session.ssrc,
      mki: fromHex(session.mki),
      roc,
    });
    const payload = encodeG711(tone(packets * 160, 200 + 130 * csId), law);
    const records = Array.from({ length: packets }, (_, i) => {
      const plain = encodeRtp({
        marker: i === 0,
        payloadType: law === 'pcma' ? 8 : 0,
        sequenceNumber: ((this.#options.firstSequenceNumber ?? 7) + i) & 0xffff,
        timestamp: (firstTimestamp + 160 * i + (jump !== undefined && i >= jump.packet ? jump.by : 0)) >>> 0,
        ssrc: session.ssrc,
        csrc: [],
        extension: null,
        payload: payload.subarray(160 * i, 160 * (i + 1)),
      });
      return this.cc(sender.protect(plain), csId % 2 === 1 ? 'fromTarget' : 'toTarget');
    });
    const speaker = csId % 2 === 1 ? this.vector.uri.i : this.vector.uri.r;
    return { csId, speaker, spoken: decodeG711(payload, law), records };
  }

  #base() {
    return {
      liid: this.liid,
      cin: this.cin,
      time: START,
      correlation: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, this.cin),
      observed: [{ name: 'sipUri', value: plainUri(this.vector.uri[this.#options.target ?? 'i']) }],
    };
  }

  #mikey(name: string): string {
    const [, update, own = name] = /^([0-9]+)\/(.+)$/.exec(name) ?? [];
    const of = update === undefined ? this.vector : this.vector.updates?.[Number(update) - 1];
    return of?.messages[own]?.message ?? '';
  }
}

/** A PDU whose target's SIP URI is not UTF-8 any more. */
export function unreadableTarget(pdu: Uint8Array): Uint8Array {
  return exchanged(pdu, utf8('sip:'), fromHex('ff69703a'));
}

/** A PDU with the first `from` in it put for `to`, which is as long. */
export function exchanged(pdu: Uint8Array, from: Uint8Array, to: Uint8Array): Uint8Array {
  const at = Buffer.from(pdu).indexOf(from);
  if (at < 0 || from.length !== to.length) throw new Error('nothing to exchange');
  return concat(pdu.subarray(0, at), to, pdu.subarray(at + to.length));
}

/** Name of the audio of a call's party. */
export function audioName(uri: string, liid = LIID, cin = 1): string {
  return `recovered-${liid}-cin${cin}-${/^sip:([^@;]*)/.exec(uri)?.[1] ?? ''}.wav`;
}

function plainUri(uri: string): string {
  return uri.split(';')[0] ?? uri;
}

function tone(samples: number, hertz: number): Int16Array {
  return Int16Array.from({ length: samples }, (_, n) => 8000 * Math.sin((2 * Math.PI * hertz * n) / 8000));
}
