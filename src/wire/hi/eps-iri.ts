/**
 * EpsIRIsContent, TS 33.108 annex B.9: the records of an IMS session on HI2, among them the one of the change request's
 * clause 7B.7.2, "session encryption keys available".
 *
 *     EpsIRIsContent ::= CHOICE { epsiRIContent EpsIRIContent, epsIRISequence SEQUENCE OF EpsIRIContent }
 *     EpsIRIContent  ::= CHOICE { iRI-Begin-record [1], iRI-End-record [2], iRI-Continue-record [3],
 *                                 iRI-Report-record [4] EpsIRI-Parameters }
 *     EpsIRI-Parameters ::= SEQUENCE {
 *       hi2epsDomainId [0] OBJECT IDENTIFIER,        lawfulInterceptionIdentifier [1] OCTET STRING (SIZE (1..25)),
 *       timeStamp [3] TimeStamp,                     partyInformation [9] SET SIZE (1..10) OF PartyInformation OPTIONAL,
 *       networkIdentifier [26] Network-Identifier OPTIONAL,  iMSevent [29] ENUMERATED OPTIONAL,
 *       sIPMessage [30] OCTET STRING OPTIONAL,  ...,
 *       correlation [35] CorrelationValues OPTIONAL, mediaDecryption-info [42] SEQUENCE OF CCKeyInfo OPTIONAL,
 *       sipMessageHeaderOffer [44], sipMessageHeaderAnswer [45], sdpOffer [46], sdpAnswer [47] OCTET STRING OPTIONAL,
 *       mediaSecFailureIndication [50] ENUMERATED { genericFailure(0), ... } OPTIONAL,
 *       pANI-Header-Info [56] SEQUENCE OF PANI-Header-Info OPTIONAL, imsVoIP [57] IMS-VoIP-Correlation OPTIONAL,
 *       ccUnavailableReason [60] PrintableString OPTIONAL, … }
 *     CCKeyInfo ::= SEQUENCE { cCCSID [1] OCTET STRING, cCDecKey [2] OCTET STRING, cCSalt [3] OCTET STRING OPTIONAL, ... }
 *
 * Network identifier and LIID are mandatory in every record though the module has the former OPTIONAL; it is a
 * required field here. Components of the module that this network has no use for are passed over on input.
 */
import { berValue } from '../../bytes/ber.ts';
import type { DerValue } from '../../bytes/der.ts';
import { tlv, UNIVERSAL } from '../../bytes/der.ts';
import { unlessEmpty } from '../../bytes/fields.ts';
import type { ValueOf } from '../../bytes/fields.ts';
import { concat } from '../../bytes/octets.ts';
import { Secret } from '../../bytes/secret.ts';
import { elementsOf, malformed, requireForm } from './ber.ts';
import { CORRELATION, IMS_VOIP } from './correlation.ts';
import { HiError } from './errors.ts';
import { integer, OBJECT_IDENTIFIER, octetString } from './contents.ts';
import {
  component,
  converted,
  ifReadable,
  optionalComponent,
  readable,
  sequence,
  sequenceOf,
} from './fields.ts';
import type { Asn1Type, Unread } from './fields.ts';
import { LIID } from './header.ts';
import { NETWORK_IDENTIFIER, PANI, PARTY } from './party.ts';
import { printableString } from './text.ts';
import { TIME_STAMP } from './time.ts';

/** { lawfulIntercept threeGPP(4) hi2eps(8) r15(15) version-5(5) } */
export const HI2_EPS_DOMAIN = '0.4.0.2.2.4.8.15.5';

/** EpsIRIContent alternatives; the same numbers as IRIType of TS 102 232-1. */
export const IRI_TYPE = { begin: 1, end: 2, continue: 3, report: 4 } as const;

/** IMSevent. */
export const IMS_EVENT = {
  unfilteredSIPmessage: 1,
  sIPheaderOnly: 2,
  decryptionKeysAvailable: 3,
  startOfInterceptionForIMSEstablishedSession: 4,
  ccUnavailable: 7,
} as const;

/** MediaSecFailureIndication: every failure of Xk maps to this one. */
export const GENERIC_FAILURE = 0;

const OCTETS = octetString();
const SECRET = converted(
  OCTETS,
  (octets) => Secret.of(octets),
  (secret) => secret.expose(),
);

const KEY_INFO_PARTS = {
  /** The CS ID, in one octet as we send it. */
  csId: component(1, 'cCCSID', OCTETS),
  key: component(2, 'cCDecKey', SECRET),
  salt: optionalComponent(3, 'cCSalt', SECRET),
};

/** One crypto session's key. */
export type CcKeyInfo = ValueOf<typeof KEY_INFO_PARTS>;

const KEYS = sequenceOf(sequence([1, 2, 3], 'skipped', KEY_INFO_PARTS));

/** Root tags of EpsIRI-Parameters, used or not. */
export const EPS_IRI_ROOT = [
  0, 1, 3, 4, 8, 9, 13, 14, 16, 18, 20, 21, 22, 24, 25, 26, 27, 28, 29, 30, 31, 32,
];

/** Components of EpsIRI-Parameters that this network has a use for. */
export const EPS_IRI_PARTS = {
  domainId: component(0, 'hi2epsDomainId', OBJECT_IDENTIFIER),
  liid: component(1, 'lawfulInterceptionIdentifier', LIID),
  /** Unix milliseconds of the event. */
  time: component(3, 'timeStamp', TIME_STAMP),
  parties: unlessEmpty(ifReadable(component(9, 'partyInformation', sequenceOf(PARTY, 1, 10)))),
  networkIdentifier: component(26, 'networkIdentifier', NETWORK_IDENTIFIER),
  imsEvent: optionalComponent(29, 'iMSevent', integer()),
  sipMessage: optionalComponent(30, 'sIPMessage', OCTETS),
  correlation: optionalComponent(35, 'correlation', CORRELATION),
  keys: optionalComponent(42, 'mediaDecryption-info', KEYS),
  sipMessageHeaderOffer: optionalComponent(44, 'sipMessageHeaderOffer', OCTETS),
  sipMessageHeaderAnswer: optionalComponent(45, 'sipMessageHeaderAnswer', OCTETS),
  sdpOffer: optionalComponent(46, 'sdpOffer', OCTETS),
  sdpAnswer: optionalComponent(47, 'sdpAnswer', OCTETS),
  mediaSecFailure: optionalComponent(50, 'mediaSecFailureIndication', integer()),
  pani: optionalComponent(56, 'pANI-Header-Info', sequenceOf(PANI)),
  imsVoip: optionalComponent(57, 'imsVoIP', IMS_VOIP),
  ccUnavailableReason: optionalComponent(60, 'ccUnavailableReason', printableString()),
};

const PARAMETERS = sequence(EPS_IRI_ROOT, 'skipped', EPS_IRI_PARTS);

/** A record: which alternative of EpsIRIContent (`IRI_TYPE`), and its parameters. */
export type EpsIri = { readonly recordType: number } & ValueOf<typeof EPS_IRI_PARTS>;

/** EpsIRIsContent, the contents of an explicit tag: one record, which is how it is written, or a sequence of them. */
export const EPS_IRIS_CONTENT: Asn1Type<readonly EpsIri[]> = {
  constructed: true,
  universal: UNIVERSAL.sequence,
  read: (value, what, unread) => {
    requireForm(value, true, what);
    const content = berValue(value.contents, what);
    return content.tagClass === 'universal' && content.number === UNIVERSAL.sequence && content.constructed
      ? readable(elementsOf(content.contents, what), (record) => readRecord(record, what, unread), unread)
      : [readRecord(content, what, unread)];
  },
  contents: (records) => concat(...records.map(writeRecord)),
};

function readRecord(value: DerValue, what: string, unread: Unread): EpsIri {
  if (value.tagClass !== 'context' || value.number < IRI_TYPE.begin || value.number > IRI_TYPE.report) {
    throw malformed(`${what}: no alternative ${value.tagClass} ${value.number}`);
  }
  return { recordType: value.number, ...PARAMETERS.read(value, what, unread) };
}

function writeRecord(record: EpsIri): Uint8Array {
  if (record.recordType < IRI_TYPE.begin || record.recordType > IRI_TYPE.report) {
    throw new HiError('range', `no record type ${record.recordType}`);
  }
  return tlv('context', true, record.recordType, PARAMETERS.contents(record, 'EpsIRI-Parameters'));
}
