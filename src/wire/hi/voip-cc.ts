/**
 * Voip-CC-PDU, TS 33.108 clause 12 and annex B.12: the alternative way to hand over content of IMS-based VoIP.
 *
 *     Voip-CC-PDU    ::= SEQUENCE { voipLIC-header [1] VoipLIC-header, payload [2] OCTET STRING }
 *     VoipLIC-header ::= SEQUENCE {
 *       hi3voipDomainId [0] OBJECT IDENTIFIER,            lIID [2] OCTET STRING (SIZE (1..25)) OPTIONAL,
 *       voipCorrelationNumber [3] OCTET STRING,           timeStamp [4] TimeStamp OPTIONAL,
 *       sequence-number [5] INTEGER (0..65535),           t-PDU-direction [6] ENUMERATED { from-target(1), to-target(2),
 *                                                                                         combined(3), unknown(4) },
 *       national-HI3-ASN1parameters [7] … OPTIONAL,       ice-type [8] ENUMERATED { …, mGW(5), … } OPTIONAL, ...,
 *       payload-description [9] SEQUENCE { copyOfSDPdescription [1] OCTET STRING OPTIONAL, … } OPTIONAL, … }
 *
 * Its sequence number has 16 bits and wraps; order and loss are judged by that of the PS-header.
 */
import { oidContents } from '../../bytes/der.ts';
import { constructed, Elements, malformed, number, optional, primitive, sized } from './ber.ts';
import { fromLatin1, latin1 } from './text.ts';
import { decodeTimeStamp, encodeTimeStamp } from './time.ts';

/** { lawfulIntercept threeGPP(4) hi3voip(12) r15(15) version-1(1) } */
export const HI3_VOIP_DOMAIN = '0.4.0.2.2.4.12.15.1';

/** t-PDU-direction. */
export const T_PDU_DIRECTION = { fromTarget: 1, toTarget: 2, combined: 3, unknown: 4 } as const;

/** ICE-type: the element that intercepts. */
export const ICE_TYPE = { ggsn: 1, pdnGw: 2, aGw: 3, trGw: 4, mGw: 5, other: 6, unknown: 7 } as const;

export interface VoipCc {
  readonly domainId: string;
  readonly liid?: string;
  readonly correlationNumber: Uint8Array;
  /** Unix milliseconds. */
  readonly time?: number;
  readonly sequenceNumber: number;
  readonly direction: number;
  readonly iceType?: number;
  /** The SDP that describes the payload. */
  readonly sdp?: Uint8Array;
  readonly payload: Uint8Array;
}

const ROOT = [0, 2, 3, 4, 5, 6, 7, 8];

/** [tag] Voip-CC-PDU. */
export function encodeVoipCc(tag: number, cc: VoipCc): Uint8Array {
  return constructed(
    tag,
    constructed(
      1,
      primitive(0, oidContents(cc.domainId)),
      optional(cc.liid, (liid) => sized(2, fromLatin1(liid, 'LIID'), 1, 25, 'LIID')),
      primitive(3, cc.correlationNumber),
      optional(cc.time, (time) => encodeTimeStamp(4, time)),
      number(5, cc.sequenceNumber, 0xffff),
      number(6, cc.direction),
      optional(cc.iceType, (type) => number(8, type)),
      optional(cc.sdp, (sdp) => constructed(9, primitive(1, sdp))),
    ),
    primitive(2, cc.payload),
  );
}

export function decodeVoipCc(contents: Uint8Array): VoipCc {
  const pdu = new Elements(contents, 'Voip-CC-PDU', [1, 2], 'refused');
  const header = new Elements(pdu.inside(1, 'voipLIC-header'), 'voipLIC-header', ROOT, 'skipped');
  const liid = header.optionalOctets(2, 'lIID', 1, 25);
  const time = header.optionalInside(4, 'timeStamp');
  const iceType = header.optionalNumber(8, 'ice-type');
  const description = header.optionalInside(9, 'payload-description');
  const sdp =
    description === undefined
      ? undefined
      : new Elements(description, 'payload-description', [1], 'skipped').optionalOctets(1, 'copyOfSDP');
  const direction = header.number(6, 't-PDU-direction');
  if (direction < T_PDU_DIRECTION.fromTarget || direction > T_PDU_DIRECTION.unknown) {
    throw malformed(`t-PDU-direction: no value ${direction}`);
  }
  return {
    domainId: header.oid(0, 'hi3voipDomainId'),
    ...(liid === undefined ? {} : { liid: latin1(liid) }),
    correlationNumber: header.octets(3, 'voipCorrelationNumber'),
    ...(time === undefined ? {} : { time: decodeTimeStamp(time, 'voipLIC-header.timeStamp') }),
    sequenceNumber: header.number(5, 'sequence-number', 0xffff),
    direction,
    ...(iceType === undefined ? {} : { iceType }),
    ...(sdp === undefined ? {} : { sdp }),
    payload: pdu.octets(2, 'payload'),
  };
}
