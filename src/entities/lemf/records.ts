/** The records of a call, one by one in order of their sequence numbers, and what is gathered from all of them. */
import { toHex } from '../../bytes/octets.ts';
import type { CcKeyInfo, EpsIri } from '../../wire/hi/eps-iri.ts';
import { decodePsPdu, PAYLOAD_DIRECTION } from '../../wire/hi/ps-pdu.ts';
import type { IriContents } from '../../wire/hi/ps-pdu.ts';
import { unixMsOf } from '../../wire/hi/time.ts';
import type { CallMaterial } from './calls.ts';
import { ipPayload } from '../../wire/x2x3/ip-packet.ts';
import type { Workspace } from './workspace.ts';

/** Signalling as delivered. */
export interface CallMessage {
  /** A SIP message, or its head alone. */
  readonly octets: Uint8Array;
  /** The session description where it came apart from the message. */
  readonly body: Uint8Array | null;
  /** `PAYLOAD_DIRECTION` of the record. */
  readonly direction: number | null;
  /** Unix milliseconds. */
  readonly time: number | null;
  /** In the order of delivery. */
  readonly place: number;
}

/** Keys of a call that are used; all are counted. A call of days, rekeyed each minute, has fewer. */
const MAX_KEYS = 16_384;
/** Names of the target that are listed. */
const MAX_TARGETS = 256;

export interface CallRecords {
  /** Records of any kind. */
  readonly all: number;
  /** SIP messages and heads of such. */
  readonly sip: number;
  readonly keyFailures: number;
  /** In order of delivery. */
  readonly keys: readonly CcKeyInfo[];
  readonly keysInAll: number;
  /** The correlation number in hex, `null` if no record has one. */
  readonly correlation: string | null;
  /** Observed target identities. */
  readonly targets: readonly string[];
  /** URIs among them. */
  readonly targetUris: ReadonlySet<string>;
}

export function readRecords(call: CallMaterial, workspace: Workspace): CallRecords {
  let [all, sip, keyFailures, keysInAll] = [0, 0, 0, 0];
  let correlation: string | null = null;
  const keys: CcKeyInfo[] = [];
  const targets = new Set<string>();
  const targetUris = new Set<string>();
  for (const { contents } of recordsOf(call, workspace)) {
    all++;
    sip += textsOf(contents).filter(({ octets }) => octets.length > 0).length;
    if (contents.kind !== 'eps') continue;
    const { record } = contents;
    if (record.mediaSecFailure !== undefined) keyFailures++;
    for (const key of record.keys ?? []) if (keysInAll++ < MAX_KEYS) keys.push(key);
    const number = record.correlation?.iriToIri ?? record.correlation?.iriToCc?.cc[0];
    if (number !== undefined) correlation ??= toHex(number);
    for (const { sipUri, telUri, impi, nai, imei, imsi } of record.parties) {
      if (targets.size + targetUris.size >= MAX_TARGETS) break;
      const name = sipUri ?? telUri ?? impi ?? nai ?? imei ?? imsi;
      if (name !== undefined) targets.add(name);
      for (const uri of [sipUri, telUri]) if (uri !== undefined) targetUris.add(uri);
    }
  }
  return { all, sip, keyFailures, keys, keysInAll, correlation, targets: [...targets], targetUris };
}

/** The messages of a call, in order. */
export function* messagesOf(call: CallMaterial, workspace: Workspace): Generator<CallMessage> {
  for (const { contents, direction, time, place } of recordsOf(call, workspace)) {
    const unixMs = time ?? (contents.kind === 'eps' ? contents.record.time : null);
    for (const { isAnswer, ...text } of textsOf(contents)) {
      const seen = isAnswer && direction !== null ? (OPPOSITES.get(direction) ?? direction) : direction;
      yield { ...text, direction: seen, time: unixMs, place };
    }
  }
}

/** A record of a call. */
export interface PlacedRecord {
  /** Of its PDU. */
  readonly sequenceNumber: number;
  readonly contents: IriContents;
  readonly direction: number | null;
  /** Of payload or header, Unix milliseconds. */
  readonly time: number | null;
  /** Of its PDU, in the order of delivery. */
  readonly place: number;
}

/** The records of a call, by sequence number. */
export function* recordsOf({ session, owners }: CallMaterial, workspace: Workspace): Generator<PlacedRecord> {
  let place = 0;
  for (const row of workspace.iri(session, owners)) {
    // Of its own: what is read from it stays.
    const { header, payload } = decodePsPdu(workspace.readIri(row).slice());
    for (const { contents, direction, time } of payload.kind === 'iri' ? payload.records : []) {
      const at = time ?? header.time;
      yield {
        sequenceNumber: header.sequenceNumber,
        contents,
        direction: direction ?? null,
        time: at === undefined ? null : unixMsOf(at),
        place,
      };
    }
    place++;
  }
}

/** A record of offer and answer has the direction of the offer. */
const OPPOSITES: ReadonlyMap<number, number> = new Map<number, number>([
  [PAYLOAD_DIRECTION.fromTarget, PAYLOAD_DIRECTION.toTarget],
  [PAYLOAD_DIRECTION.toTarget, PAYLOAD_DIRECTION.fromTarget],
]);

export interface RecordText extends Pick<CallMessage, 'octets' | 'body'> {
  readonly isAnswer: boolean;
}

/** The SIP messages and session descriptions of a record. */
export function textsOf(contents: IriContents): RecordText[] {
  if (contents.kind === 'other') return [];
  if (contents.kind === 'eps') return textsOfEps(contents.record);
  const { message } = contents.iri;
  if (message.kind === 'sip') return [{ octets: message.content, body: null, isAnswer: false }];
  const datagram = message.kind === 'original' ? ipPayload(message.packet) : null;
  return datagram === null ? [] : [{ octets: datagram.octets, body: null, isAnswer: false }];
}

function textsOfEps(record: EpsIri): RecordText[] {
  const { sipMessage, sdpOffer, sdpAnswer, sipMessageHeaderOffer, sipMessageHeaderAnswer } = record;
  const none = new Uint8Array();
  const text = (octets: Uint8Array, body: Uint8Array | null, isAnswer = false): RecordText => {
    return { octets, body, isAnswer };
  };
  return [
    ...(sipMessage === undefined ? [] : [text(sipMessage, null)]),
    ...(sdpOffer === undefined ? [] : [text(sipMessageHeaderOffer ?? none, sdpOffer)]),
    ...(sdpAnswer === undefined ? [] : [text(sipMessageHeaderAnswer ?? none, sdpAnswer, true)]),
  ];
}
