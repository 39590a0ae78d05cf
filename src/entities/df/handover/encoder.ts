/**
 * One PS-PDU from one record of the mediation (TS 33.108 clause 7 in TS 102 232-1): HI2 records are REPORT records with
 * LIID, network identifier and event time in each; content goes as it was intercepted.
 *
 *     record               iMSevent                        besides
 *     sip-message          unfilteredSIPmessage(1)         sIPMessage, direction of the payload
 *                          or sIPheaderOnly(2)             where something of the body was taken out
 *     session-start        startOf…EstablishedSession(4)   heads and descriptions of offer and answer
 *     keys-available       decryptionKeysAvailable(3)      one CCKeyInfo: CS ID, key, salt
 *     key-failure          none                            mediaSecFailureIndication genericFailure(0)
 *     cc                   (HI3) IPMMCC, frame type and direction; whether it was decrypted here
 *
 * What is told of a warrant itself is a HI1-Operation, without CIN:
 *
 *     li-activated         liActivated                     LIID, operator, time, targets as text
 *     li-modified          liModified                      the same
 *     li-deactivated       liDeactivated                   the same
 *     li-alarm             alarms-indicator                LIID, operator, time, text
 *
 * That CINs do not go on where they were is TRI, with the CIN above which the new ones are:
 *
 *     cin-reset            cINReset(7)                     LIID, CIN
 *
 * Correlation is both-IRI-CC with the session's correlation number: the records of a call belong to each other and
 * to the content of the same LIID and CIN.
 */
import { OctetPool } from '../../../bytes/octet-pool.ts';
import { fromHex, utf8 } from '../../../bytes/octets.ts';
import { RecentlyMade } from '../../../bytes/recently-made.ts';
import { ContentTemplate } from '../../../wire/hi/content-template.ts';
import { MAX_SENT_PDU } from '../../../wire/hi/deframer.ts';
import { HiError } from '../../../wire/hi/errors.ts';
import { GENERIC_FAILURE, HI2_EPS_DOMAIN, IMS_EVENT, IRI_TYPE } from '../../../wire/hi/eps-iri.ts';
import type { EpsIri } from '../../../wire/hi/eps-iri.ts';
import { HI1_MOST_TEXT } from '../../../wire/hi/hi1.ts';
import type { Hi1Operation } from '../../../wire/hi/hi1.ts';
import { LI_PS_DOMAIN, TIME_STAMP_QUALIFIER } from '../../../wire/hi/header.ts';
import type { PsHeader } from '../../../wire/hi/header.ts';
import { FRAME_TYPE, IPMM_CC_OBJECT, MMCC_PROTOCOL, streamNameText } from '../../../wire/hi/ipmm-cc.ts';
import { PARTY_TARGET } from '../../../wire/hi/party.ts';
import type { Party } from '../../../wire/hi/party.ts';
import { PAYLOAD_DIRECTION, encodePsPdu } from '../../../wire/hi/ps-pdu.ts';
import type { PsPdu, PsPduPayload } from '../../../wire/hi/ps-pdu.ts';
import { latin1 } from '../../../wire/hi/text.ts';
import { microTime } from '../../../wire/hi/time.ts';
import type { RecordEncoder } from '../ports.ts';
import type {
  CcRecord,
  HandoverRecord,
  IriRecord,
  NoticeRecord,
  ObservedIdentity,
  RecordDirection,
} from '../records.ts';

/** How the delivery function names itself in every PDU. */
export interface DeliveryName {
  /** Two letters, ISO 3166-1. */
  readonly countryCode: string;
  /** Of the operator; 1 to 5 octets, the least that both standards allow. */
  readonly operator: string;
  /** Of the delivery function; 1 to 16 octets. */
  readonly element: string;
}

/** Streams whose PDUs are not encoded from nothing each time. */
const KEPT_STREAMS = 4_096;

/** The encoder of a delivery function; what it makes is smaller than what a LEMF takes. */
export function recordEncoder(name: DeliveryName): RecordEncoder {
  const streams = new RecentlyMade<ContentTemplate>(KEPT_STREAMS);
  const pool = new OctetPool();
  return (record, sequenceNumber) => {
    const octets =
      record.kind === 'cc'
        ? contentOctets(templateOf(streams, name, record), record, sequenceNumber, pool)
        : encodePsPdu(wholePdu(name, record, sequenceNumber));
    if (octets.length > MAX_SENT_PDU) throw new HiError('range', `a PDU of ${octets.length} octets`);
    return octets;
  };
}

function contentOctets(
  template: ContentTemplate,
  { time, content }: CcRecord,
  sequenceNumber: number,
  pool: OctetPool,
): Uint8Array {
  return template.encode(sequenceNumber, microTime(time), content, pool);
}

/** Of the stream that a packet is of: all but number, time and packet is the same in its PDUs. */
function templateOf(
  streams: RecentlyMade<ContentTemplate>,
  name: DeliveryName,
  record: CcRecord,
): ContentTemplate {
  const { liid, cin, direction, format, streamIdentifier, decrypted } = record;
  const opened = decrypted === undefined ? '-' : String(decrypted.csId);
  const key = `${cin} ${direction} ${format} ${opened} ${liid.length} ${liid}${streamIdentifier}`;
  return streams.of(key, () => new ContentTemplate(wholePdu(name, record, 0)));
}

/** What a record is as a PDU. */
export function wholePdu(
  name: DeliveryName,
  record: Parameters<RecordEncoder>[0],
  sequenceNumber: number,
): PsPdu {
  const header = transportHeader(name, handedOverLiid(record.liid), sequenceNumber, record.time);
  return pduOf(name, record, header);
}

function pduOf(name: DeliveryName, record: Parameters<RecordEncoder>[0], header: PsHeader): PsPdu {
  if (record.kind === 'cin-reset') return resetOf({ ...header, cin: record.cin });
  if (isNotice(record)) return { header, payload: { kind: 'hi1', operation: operationOf(name, record) } };
  return {
    header: { ...header, cin: record.cin, timeStampQualifier: qualifierOf(record) },
    payload: payloadOf(name, record),
  };
}

function resetOf(header: PsHeader): PsPdu {
  return { header, payload: { kind: 'tri', message: { type: 'cinReset' } } };
}

function isNotice(record: HandoverRecord | NoticeRecord): record is NoticeRecord {
  return record.kind.startsWith('li-');
}

const CHANGES = {
  'li-activated': 'liActivated',
  'li-modified': 'liModified',
  'li-deactivated': 'liDeactivated',
} as const;

function operationOf(name: DeliveryName, record: NoticeRecord): Hi1Operation {
  const { time } = record;
  const common = {
    time,
    communication: { network: { operator: name.operator, element: name.element } },
    liid: handedOverLiid(record.liid),
  };
  if (record.kind === 'li-alarm') {
    return { kind: 'alarm', alarm: { ...common, information: hi1Text(record.information) } };
  }
  const target = record.target === null ? {} : { target: hi1Text(record.target) };
  return { kind: CHANGES[record.kind], notification: { ...common, ...target } };
}

/** ASCII, as the module has it, and not more than fits; what is left out is seen to be. */
function hi1Text(text: string): string {
  const ascii = text.replace(/[^ -~]/gu, '?');
  return ascii.length > HI1_MOST_TEXT ? `${ascii.slice(0, HI1_MOST_TEXT - 3)}...` : ascii;
}

/** A header without CIN, as TRI PDUs and HI1 have it; its time is when the PDU was made. */
export function transportHeader(
  name: DeliveryName,
  liid: string,
  sequenceNumber: number,
  unixMs: number,
): PsHeader {
  return {
    domainId: LI_PS_DOMAIN,
    liid,
    authorizationCountryCode: name.countryCode,
    deliveryCountryCode: name.countryCode,
    operatorIdentifier: name.operator,
    networkElementIdentifier: name.element,
    sequenceNumber,
    time: microTime(unixMs),
    timeStampQualifier: TIME_STAMP_QUALIFIER.timeOfMediation,
  };
}

/** X1 has an LIID of 13 to 25 octets that are not characters as 26 to 50 hex digits (TS 103 280); here it is the octets. */
function handedOverLiid(liid: string): string {
  return liid.length > 25 ? latin1(fromHex(liid)) : liid;
}

/** Messages and packets are intercepted; that there are keys, or none, is known to the mediation function alone. */
function qualifierOf({ kind }: HandoverRecord): number {
  const isIntercepted = kind === 'sip-message' || kind === 'cc';
  return isIntercepted ? TIME_STAMP_QUALIFIER.timeOfInterception : TIME_STAMP_QUALIFIER.timeOfMediation;
}

const DIRECTION_OF_RECORD: Readonly<Record<RecordDirection, number>> = {
  fromTarget: PAYLOAD_DIRECTION.fromTarget,
  toTarget: PAYLOAD_DIRECTION.toTarget,
  unknown: PAYLOAD_DIRECTION.indeterminate,
};

function payloadOf(name: DeliveryName, record: HandoverRecord): PsPduPayload {
  return record.kind === 'cc' ? contentOf(record) : iriOf(name, record);
}

function iriOf(name: DeliveryName, record: IriRecord): PsPduPayload {
  const eps: EpsIri = {
    recordType: IRI_TYPE.report,
    domainId: HI2_EPS_DOMAIN,
    liid: handedOverLiid(record.liid),
    time: record.time,
    parties: record.observed.flatMap((identity) => partyOf(identity) ?? []).slice(0, 10),
    networkIdentifier: { operator: name.operator, element: name.element },
    correlation: { iriToCc: { cc: [record.correlation] }, iriToIri: record.correlation },
    ...eventOf(record),
  };
  const direction = 'direction' in record ? { direction: DIRECTION_OF_RECORD[record.direction] } : {};
  return {
    kind: 'iri',
    records: [{ iriType: IRI_TYPE.report, contents: { kind: 'eps', record: eps }, ...direction }],
  };
}

function eventOf(record: IriRecord): Partial<EpsIri> {
  switch (record.kind) {
    case 'sip-message':
      return {
        imsEvent: record.isReduced === true ? IMS_EVENT.sIPheaderOnly : IMS_EVENT.unfilteredSIPmessage,
        sipMessage: record.sip,
      };
    case 'session-start':
      return {
        imsEvent: IMS_EVENT.startOfInterceptionForIMSEstablishedSession,
        sipMessageHeaderOffer: record.offer.head,
        sipMessageHeaderAnswer: record.answer.head,
        sdpOffer: record.offer.sdp,
        sdpAnswer: record.answer.sdp,
      };
    case 'keys-available': {
      const { csId, key, salt } = record.keyInfo;
      return {
        imsEvent: IMS_EVENT.decryptionKeysAvailable,
        keys: [{ csId: Uint8Array.of(csId), key, salt }],
      };
    }
    case 'key-failure':
      return { mediaSecFailure: GENERIC_FAILURE };
  }
}

const FRAME: Readonly<Record<CcRecord['format'], number>> = {
  rtp: FRAME_TYPE.rtpFrame,
  ipv4: FRAME_TYPE.ipFrame,
  ipv6: FRAME_TYPE.ipFrame,
};

function contentOf(record: CcRecord): PsPduPayload {
  const name = streamNameText({ path: record.streamIdentifier, decrypted: record.decrypted ?? null });
  const cc = {
    objectId: IPMM_CC_OBJECT,
    packet: record.content,
    frameType: FRAME[record.format],
    ...(name === '' ? {} : { streamIdentifier: utf8(name) }),
    protocol: MMCC_PROTOCOL.rTP,
  };
  return {
    kind: 'cc',
    packets: [{ direction: DIRECTION_OF_RECORD[record.direction], contents: { kind: 'ipmm', cc } }],
  };
}

/** An X1 target identifier as the party that was observed; `null`: one that partyIdentity cannot say. */
function partyOf({ name, value }: ObservedIdentity): Party | null {
  const qualifier = PARTY_TARGET;
  switch (name) {
    case 'sipUri':
    case 'telUri':
    case 'impu':
    case null:
      return /^tel:/i.test(value) ? { qualifier, telUri: value } : { qualifier, sipUri: value };
    case 'e164Number':
    case 'gpsiMsisdn':
      return { qualifier, telUri: `tel:+${value}` };
    case 'impi':
      return { qualifier, impi: value };
    case 'nai':
      return { qualifier, nai: value };
    case 'imsi':
    case 'supiimsi':
      return /^\d{6,15}$/.test(value) ? { qualifier, imsi: value } : null;
    case 'imei':
    case 'peiImei':
    case 'peiImeiCheckDigit':
    case 'peiImeisv':
      // The check digit is none of the fifteen that MAP has.
      return /^\d{14,16}$/.test(value)
        ? { qualifier, imei: value.length === 15 ? value.slice(0, 14) : value }
        : null;
    default:
      return null;
  }
}
