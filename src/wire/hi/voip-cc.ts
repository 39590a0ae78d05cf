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
import { orElse, spread } from '../../bytes/fields.ts';
import type { ValueOf } from '../../bytes/fields.ts';
import { integer, OBJECT_IDENTIFIER, octetString } from './contents.ts';
import { component, ifReadable, optionalComponent, sequence } from './fields.ts';
import { LIID } from './header.ts';
import { TIME_STAMP } from './time.ts';

/** { lawfulIntercept threeGPP(4) hi3voip(12) r15(15) version-1(1) } */
export const HI3_VOIP_DOMAIN = '0.4.0.2.2.4.12.15.1';

/** t-PDU-direction. */
export const T_PDU_DIRECTION = { fromTarget: 1, toTarget: 2, combined: 3, unknown: 4 } as const;

/** ICE-type: the element that intercepts. */
export const ICE_TYPE = { ggsn: 1, pdnGw: 2, aGw: 3, trGw: 4, mGw: 5, other: 6, unknown: 7 } as const;

const DESCRIPTION = sequence([1], 'skipped', {
  /** The SDP that describes the payload. */
  sdp: optionalComponent(1, 'copyOfSDPdescription', octetString()),
});

const HEADER = sequence([0, 2, 3, 4, 5, 6, 7, 8], 'skipped', {
  domainId: component(0, 'hi3voipDomainId', OBJECT_IDENTIFIER),
  liid: optionalComponent(2, 'lIID', LIID),
  correlationNumber: component(3, 'voipCorrelationNumber', octetString()),
  /** Unix milliseconds. */
  time: optionalComponent(4, 'timeStamp', TIME_STAMP),
  sequenceNumber: component(5, 'sequence-number', integer(0, 0xffff)),
  direction: component(6, 't-PDU-direction', integer(T_PDU_DIRECTION.fromTarget, T_PDU_DIRECTION.unknown)),
  iceType: optionalComponent(8, 'ice-type', integer()),
  description: spread(
    orElse(ifReadable(component(9, 'payload-description', DESCRIPTION)), {}, ({ sdp }) => sdp === undefined),
  ),
});

const VOIP_CC_PARTS = {
  header: spread(component(1, 'voipLIC-header', HEADER)),
  payload: component(2, 'payload', octetString()),
};

export type VoipCc = ValueOf<typeof VOIP_CC_PARTS>;

export const VOIP_CC = sequence([1, 2], 'refused', VOIP_CC_PARTS);
