import { createHash } from 'node:crypto';
import { fromHex, toHex, utf8 } from '../../../src/bytes/octets.ts';
import type { Clock } from '../../../src/bytes/ports.ts';
import { Secret } from '../../../src/bytes/secret.ts';
import type {
  DfIssues,
  DfTask,
  DfTasks,
  DfWarrants,
  KeySource,
  Outbox,
  OutboxEntry,
} from '../../../src/entities/df/ports.ts';
import type {
  CinResetRecord,
  HandoverRecord,
  KeyRecord,
  NoticeRecord,
} from '../../../src/entities/df/records.ts';
import type { GetKeysRequest, GetKeysResponse } from '../../../src/wire/xk/get-keys.ts';
import type { Attribute } from '../../../src/wire/x2x3/attributes.ts';
import { ATTRIBUTE } from '../../../src/wire/x2x3/attributes.ts';
import type { Pdu } from '../../../src/wire/x2x3/pdu.ts';
import {
  DIRECTION,
  encodePdu,
  PAYLOAD_FORMAT,
  PDU_TYPE,
  timestampAttribute,
  X2X3_VERSION,
} from '../../../src/wire/x2x3/pdu.ts';
import { exampleFile } from '../../support/shared.ts';

export const XID = '11111111-0000-4000-8000-000000000001';
export const XID_2 = '22222222-0000-4000-8000-000000000002';
export const LEMF = '00000000-0000-4000-8000-0000000000aa';
export const LEMF_2 = '00000000-0000-4000-8000-0000000000bb';
export const START = 1_805_440_640_000;

export class Tasks implements DfTasks, DfWarrants {
  readonly known = new Map<string, DfTask>();
  /** Destinations that are gone. */
  readonly gone = new Set<string>();

  constructor(...tasks: readonly DfTask[]) {
    for (const task of tasks) this.known.set(task.xid, task);
  }

  find(xid: string): DfTask | null {
    return this.known.get(xid) ?? null;
  }

  liids(): string[] {
    const all = [...this.known.values()].flatMap(({ mediations }) => mediations);
    return [...new Set(all.map(({ liid }) => liid))];
  }

  tasksOf(liid: string): DfTask[] {
    return [...this.known.values()].filter(({ mediations }) => mediations.some((part) => part.liid === liid));
  }

  deliveringTo(did: string): string[] {
    const all = [...this.known.values()].flatMap(({ mediations }) => mediations);
    const parts = all.filter(({ destinations }) =>
      destinations.some((destination) => destination.did === did),
    );
    return [...new Set(parts.map(({ liid }) => liid))];
  }

  isDestination(did: string): boolean {
    return !this.gone.has(did);
  }
}

export function task(xid: string, liid: string, changes: Partial<DfTask['mediations'][number]> = {}): DfTask {
  return {
    xid,
    activatedAt: START,
    targets: [{ name: 'sipUri', value: vector().uri.i }],
    mediations: [
      {
        liid,
        delivers: 'HI2andHI3',
        start: null,
        end: null,
        destinations: [{ did: LEMF, delivers: 'HI2andHI3' }],
        ...changes,
      },
    ],
  };
}

export class Issues implements DfIssues {
  readonly log: string[] = [];
  taskIssue(xid: string, description: string): void {
    this.log.push(`${xid}: ${description}`);
  }
  elementIssue(description: string): void {
    this.log.push(description);
  }
}

/** A KMS that answers as it is told, and keeps the questions. */
export class TestKms implements KeySource {
  readonly asked: GetKeysRequest[] = [];
  answer: (question: GetKeysRequest) => GetKeysResponse | Promise<GetKeysResponse> = () => keysOf(vector());

  getKeys(question: GetKeysRequest): Promise<GetKeysResponse> {
    this.asked.push(question);
    return Promise.resolve().then(() => this.answer(question));
  }
}

/* ---------------------------------------------------------------- vectors */

interface Vector {
  readonly uri: { readonly i: string; readonly r: string };
  readonly messages: Readonly<
    Record<'I_MESSAGE_1' | 'R_MESSAGE_1' | 'I_MESSAGE_2' | 'R_MESSAGE_2', { message: string }>
  >;
  readonly keys: {
    readonly cryptoSessions: readonly {
      csId: number;
      tek: string;
      salt: string;
      ssrc: number;
      mki: string;
    }[];
  };
}

export function vector(): Vector {
  return exampleFile('exchange-1.json') as Vector;
}

export function keysOf({ keys }: Vector, verified = true): GetKeysResponse {
  const cryptoSessions = keys.cryptoSessions.map(({ csId, tek, salt, ssrc, mki }) => ({
    csId,
    sessionKey: Secret.of(fromHex(tek)),
    salt: Secret.of(fromHex(salt)),
    ssrc,
    policy: 0,
    cipher: 'AES_CM_128_HMAC_SHA1_80' as const,
    mki: fromHex(mki),
    deferred: false,
    headerUnverified: false,
  }));
  return { verified, cryptoSessions };
}

/* --------------------------------------------------------------- messages */

export interface Leg {
  readonly callId: string;
  readonly fromTag: string;
  readonly toTag: string;
}

export const LEG: Leg = { callId: 'call-1@home1.example', fromTag: 'alice-1', toTag: 'bob-1' };

/** Where a message stands beside its start line. */
export interface Place {
  /** By default that of the method; of a response, that of the INVITE. */
  readonly cseq?: string;
  readonly branch?: string;
  /** More header lines. */
  readonly fields?: readonly string[];
  /** Lines after the m= line. */
  readonly media?: readonly string[];
  /** Who calls whom; by default alice bob. */
  readonly parties?: { readonly from: string; readonly to: string };
}

const PARTIES = { from: 'sip:alice@home1.example', to: 'sip:bob@home2.example' };

/** As user agents number the requests of a call. */
const CSEQS: Readonly<Record<string, string>> = {
  INVITE: '1 INVITE',
  PRACK: '2 PRACK',
  UPDATE: '3 UPDATE',
  ACK: '1 ACK',
};

/** A SIP message with MIKEY messages in its SDP, at session level; `null`: without any. */
export function sip(
  startLine: string,
  leg: Leg,
  mikey: string | readonly string[] | null,
  place: Place = {},
): Uint8Array {
  const [first = ''] = startLine.split(' ');
  const { cseq = CSEQS[first] ?? (first.startsWith('SIP/') ? '1 INVITE' : `9 ${first}`), fields = [] } =
    place;
  const { branch = `z9hG4bK${cseq.replace(' ', '-')}`, media = [], parties = PARTIES } = place;
  const lines = [mikey ?? []].flat().map((message) => `a=key-mgmt:mikey ${message}`);
  const body = [
    ...['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0'],
    ...[...lines, 'm=audio 4000 RTP/SAVP 8', ...media, ''],
  ].join('\r\n');
  const tag = leg.toTag === '' ? '' : `;tag=${leg.toTag}`;
  const head = [
    ...[startLine, `Via: SIP/2.0/TCP 127.0.0.1;branch=${branch}`],
    `From: <${parties.from}>;tag=${leg.fromTag}`,
    ...[`To: <${parties.to}>${tag}`, `Call-ID: ${leg.callId}`, `CSeq: ${cseq}`],
    ...[...fields, 'Content-Type: application/sdp', `Content-Length: ${body.length}`, '', ''],
  ].join('\r\n');
  return utf8(head + body);
}

/** Of a reliable response, and of the PRACK that acknowledges it (RFC 3262). */
export const reliable = (rseq = 1): Place => ({ fields: ['Require: 100rel', `RSeq: ${rseq}`] });
export const acknowledging = (rseq = 1, more: Place = {}): Place => ({
  ...more,
  fields: [`RAck: ${rseq} 1 INVITE`],
});

export type Step = readonly [message: Uint8Array, direction: number];

/** The four messages of the call of the vectors, as the initiator's POI sees them. */
export function call(leg: Leg = LEG, from = vector()): Step[] {
  const { I_MESSAGE_1, R_MESSAGE_1, I_MESSAGE_2, R_MESSAGE_2 } = from.messages;
  return [
    [
      sip('INVITE sip:bob@home2.example SIP/2.0', { ...leg, toTag: '' }, I_MESSAGE_1.message),
      DIRECTION.fromTarget,
    ],
    [sip('SIP/2.0 183 Session Progress', leg, R_MESSAGE_1.message, reliable()), DIRECTION.toTarget],
    [sip('PRACK sip:bob@127.0.0.2 SIP/2.0', leg, I_MESSAGE_2.message, acknowledging()), DIRECTION.fromTarget],
    [sip('SIP/2.0 200 OK', leg, R_MESSAGE_2.message, { cseq: '2 PRACK' }), DIRECTION.toTarget],
  ];
}

/** A POI: numbers the PDUs of each stream. */
export class TestPoi {
  readonly #next = new Map<string, number>();
  readonly #target = `<sipUri>${vector().uri.i}</sipUri>`;
  readonly #clock: Clock;
  readonly nfId: string;
  /** By its certificate. */
  readonly peer: string;

  constructor(clock: Clock, nfId = 'cscf.home1.example', peer = nfId) {
    this.#clock = clock;
    this.nfId = nfId;
    this.peer = peer;
  }

  x2([payload, direction]: Step, xid = XID, callId = LEG.callId) {
    return this.#pdu(PDU_TYPE.x2, PAYLOAD_FORMAT.sip, payload, direction, xid, callId);
  }

  x3(payload: Uint8Array, direction: number = DIRECTION.toTarget, xid = XID, callId = LEG.callId) {
    return this.#pdu(PDU_TYPE.x3, PAYLOAD_FORMAT.rtp, payload, direction, xid, callId);
  }

  #pdu(
    type: number,
    payloadFormat: number,
    payload: Uint8Array,
    direction: number,
    xid: string,
    callId: string,
  ) {
    const correlation = correlationOf(callId);
    const stream = `${type} ${xid} ${callId}`;
    const number = this.#next.get(stream) ?? 0;
    this.#next.set(stream, number + 1);
    const attributes: Attribute[] = [
      { kind: 'text', type: ATTRIBUTE.did, value: 'df' },
      { kind: 'text', type: ATTRIBUTE.nfid, value: this.nfId },
      { kind: 'number', type: ATTRIBUTE.sequenceNumber, value: number },
      timestampAttribute(this.#clock.now()),
      { kind: 'text', type: ATTRIBUTE.matchedTarget, value: this.#target },
      { kind: 'text', type: ATTRIBUTE.sourceIpv4, value: '127.0.0.1' },
      { kind: 'number', type: ATTRIBUTE.sourcePort, value: 4000 },
    ];
    const pdu: Pdu = {
      version: X2X3_VERSION,
      type,
      payloadFormat,
      direction,
      xid,
      correlation,
      attributes,
      payload,
    };
    return { pdu, octets: encodePdu(pdu), peer: this.peer };
  }
}

export function correlationOf(callId: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(callId).digest().subarray(0, 8));
}

/* ---------------------------------------------------------------- records */

/** Records in a form that tests can read back. */
export function encodeForTest(
  record: HandoverRecord | NoticeRecord | CinResetRecord,
  sequenceNumber: number,
): Uint8Array {
  const { keyInfo } = record as Partial<KeyRecord>;
  const keys =
    keyInfo === undefined
      ? {}
      : { keyInfo: { ...keyInfo, key: keyInfo.key.expose(), salt: keyInfo.salt.expose() } };
  const plain = JSON.stringify({ ...record, ...keys, sequenceNumber }, (_key, value: unknown) =>
    value instanceof Uint8Array ? toHex(value) : value,
  );
  return utf8(plain);
}

export interface PlainRecord {
  readonly kind: string;
  readonly liid: string;
  readonly cin: number;
  readonly sequenceNumber: number;
  readonly time: number;
  readonly correlation: string;
  readonly direction?: string;
  readonly sip?: string;
  readonly isReduced?: boolean;
  readonly content?: string;
  readonly streamIdentifier?: string;
  readonly observed?: readonly { name: string; value: string }[];
  readonly keyInfo?: { csId: number; key: string; salt: string };
  readonly target?: string | null;
  readonly information?: string;
}

export async function handedOver(store: Pick<Outbox, 'pending'>, did = LEMF): Promise<PlainRecord[]> {
  return (await store.pending(did, 0, 100_000)).map(plain);
}

function plain(entry: OutboxEntry): PlainRecord {
  return JSON.parse(Buffer.from(entry.octets).toString()) as PlainRecord;
}
