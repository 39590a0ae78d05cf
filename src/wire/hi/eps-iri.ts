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
import type { DerValue } from '../../bytes/der.ts';
import { derSequence, oidContents } from '../../bytes/der.ts';
import { Secret } from '../../bytes/secret.ts';
import {
  constructed,
  Elements,
  elementsOf,
  formOf,
  malformed,
  number,
  optional,
  primitive,
  sequencesOf,
  sized,
} from './ber.ts';
import type { Correlation, ImsVoip } from './correlation.ts';
import { decodeCorrelation, decodeImsVoip, encodeCorrelation, encodeImsVoip } from './correlation.ts';
import { HiError } from './errors.ts';
import type { NetworkIdentifier, PaniHeaderInfo, Party } from './party.ts';
import {
  decodeNetworkIdentifier,
  decodePani,
  decodeParty,
  encodeNetworkIdentifier,
  encodePani,
  encodeParty,
} from './party.ts';
import { fromLatin1, fromPrintable, latin1, printable } from './text.ts';
import { decodeTimeStamp, encodeTimeStamp } from './time.ts';

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

/** One crypto session's key. */
export interface CcKeyInfo {
  /** The CS ID, in one octet as we send it. */
  readonly csId: Uint8Array;
  readonly key: Secret;
  readonly salt?: Secret;
}

export interface EpsIri {
  /** `IRI_TYPE`. */
  readonly recordType: number;
  readonly domainId: string;
  readonly liid: string;
  /** Unix milliseconds of the event. */
  readonly time: number;
  readonly parties: readonly Party[];
  readonly networkIdentifier: NetworkIdentifier;
  readonly imsEvent?: number;
  readonly sipMessage?: Uint8Array;
  readonly correlation?: Correlation;
  readonly keys?: readonly CcKeyInfo[];
  readonly sipMessageHeaderOffer?: Uint8Array;
  readonly sipMessageHeaderAnswer?: Uint8Array;
  readonly sdpOffer?: Uint8Array;
  readonly sdpAnswer?: Uint8Array;
  readonly mediaSecFailure?: number;
  readonly pani?: readonly PaniHeaderInfo[];
  readonly imsVoip?: readonly ImsVoip[];
  readonly ccUnavailableReason?: string;
}

/** Root tags of EpsIRI-Parameters, used or not. */
const ROOT = [0, 1, 3, 4, 8, 9, 13, 14, 16, 18, 20, 21, 22, 24, 25, 26, 27, 28, 29, 30, 31, 32];

/** The OCTET STRINGs, by field. */
const RAW = {
  sipMessageHeaderOffer: 44,
  sipMessageHeaderAnswer: 45,
  sdpOffer: 46,
  sdpAnswer: 47,
} as const;
type RawField = keyof typeof RAW;

/** EpsIRIContent, complete with its tag. */
export function encodeEpsIri(record: EpsIri): Uint8Array {
  if (record.recordType < IRI_TYPE.begin || record.recordType > IRI_TYPE.report) {
    throw new HiError('range', `no record type ${record.recordType}`);
  }
  if (record.parties.length > 10) throw new HiError('range', 'more than ten parties');
  const raw = (field: RawField) => optional(record[field], (octets) => primitive(RAW[field], octets));
  return constructed(
    record.recordType,
    primitive(0, oidContents(record.domainId)),
    sized(1, fromLatin1(record.liid, 'LIID'), 1, 25, 'LIID'),
    encodeTimeStamp(3, record.time),
    record.parties.length === 0 ? new Uint8Array() : constructed(9, ...record.parties.map(encodeParty)),
    encodeNetworkIdentifier(26, record.networkIdentifier),
    optional(record.imsEvent, (event) => number(29, event)),
    optional(record.sipMessage, (octets) => primitive(30, octets)),
    optional(record.correlation, (correlation) => encodeCorrelation(35, correlation)),
    optional(record.keys, (keys) => constructed(42, ...keys.map(encodeKeyInfo))),
    raw('sipMessageHeaderOffer'),
    raw('sipMessageHeaderAnswer'),
    raw('sdpOffer'),
    raw('sdpAnswer'),
    optional(record.mediaSecFailure, (failure) => number(50, failure)),
    optional(record.pani, (pani) => constructed(56, ...pani.map(encodePani))),
    optional(record.imsVoip, (entries) => encodeImsVoip(57, entries)),
    optional(record.ccUnavailableReason, (reason) =>
      primitive(60, fromPrintable(reason, 'ccUnavailableReason')),
    ),
  );
}

/** The records of an EpsIRIsContent: one, or those of a sequence. */
export function decodeEpsIris(value: DerValue): EpsIri[] {
  if (value.tagClass === 'universal' && value.number === 16 && value.constructed) {
    return elementsOf(value.contents, 'epsIRISequence').map(decodeEpsIri);
  }
  return [decodeEpsIri(value)];
}

function decodeEpsIri(value: DerValue): EpsIri {
  if (value.tagClass !== 'context' || value.number < IRI_TYPE.begin || value.number > IRI_TYPE.report) {
    throw malformed(`EpsIRIContent: no alternative ${value.tagClass} ${value.number}`);
  }
  const contents = formOf(value, 'constructed', 'EpsIRIContent');
  const elements = new Elements(contents, 'EpsIRI-Parameters', ROOT, 'skipped');
  const parties = partiesOf(elements.optionalInside(9, 'partyInformation'));
  return {
    recordType: value.number,
    domainId: elements.oid(0, 'hi2epsDomainId'),
    liid: latin1(elements.octets(1, 'lawfulInterceptionIdentifier', 1, 25)),
    time: decodeTimeStamp(elements.inside(3, 'timeStamp'), 'timeStamp'),
    parties,
    networkIdentifier: decodeNetworkIdentifier(elements.inside(26, 'networkIdentifier')),
    ...given('imsEvent', elements.optionalNumber(29, 'iMSevent')),
    ...given('sipMessage', elements.optionalOctets(30, 'sIPMessage')),
    ...given('correlation', mapped(elements.optionalInside(35, 'correlation'), decodeCorrelation)),
    ...given('keys', mapped(elements.optionalInside(42, 'mediaDecryption-info'), decodeKeyInfos)),
    ...rawFields(elements),
    ...given('mediaSecFailure', elements.optionalNumber(50, 'mediaSecFailureIndication')),
    ...given('pani', mapped(elements.optionalInside(56, 'pANI-Header-Info'), decodePanis)),
    ...given('imsVoip', mapped(elements.optionalInside(57, 'imsVoIP'), decodeImsVoip)),
    ...given(
      'ccUnavailableReason',
      mapped(elements.optionalOctets(60, 'ccUnavailableReason'), printableReason),
    ),
  };
}

function partiesOf(contents: Uint8Array | undefined): Party[] {
  if (contents === undefined) return [];
  const parties = sequencesOf(contents, 'partyInformation').map(decodeParty);
  if (parties.length < 1 || parties.length > 10) throw malformed('partyInformation: 1 to 10 parties allowed');
  return parties;
}

function encodeKeyInfo(info: CcKeyInfo): Uint8Array {
  return derSequence(
    primitive(1, info.csId),
    primitive(2, info.key.expose()),
    optional(info.salt, (salt) => primitive(3, salt.expose())),
  );
}

function decodeKeyInfos(contents: Uint8Array): CcKeyInfo[] {
  return sequencesOf(contents, 'mediaDecryption-info').map((entry) => {
    const info = new Elements(entry, 'CCKeyInfo', [1, 2, 3], 'skipped');
    const salt = info.optionalOctets(3, 'cCSalt');
    return {
      csId: info.octets(1, 'cCCSID'),
      key: Secret.of(info.octets(2, 'cCDecKey')),
      ...(salt === undefined ? {} : { salt: Secret.of(salt) }),
    };
  });
}

function decodePanis(contents: Uint8Array): PaniHeaderInfo[] {
  return sequencesOf(contents, 'pANI-Header-Info').map(decodePani);
}

function printableReason(octets: Uint8Array): string {
  return printable(octets, 'ccUnavailableReason');
}

function rawFields(elements: Elements): Partial<Record<RawField, Uint8Array>> {
  const fields: Partial<Record<RawField, Uint8Array>> = {};
  for (const field of Object.keys(RAW) as RawField[]) {
    const octets = elements.optionalOctets(RAW[field], field);
    if (octets !== undefined) fields[field] = octets;
  }
  return fields;
}

function mapped<A, B>(value: A | undefined, map: (value: A) => B): B | undefined {
  return value === undefined ? undefined : map(value);
}

/** `{ name: value }`, or nothing where the component is absent. */
function given<Name extends string, T>(name: Name, value: T | undefined): Partial<Record<Name, T>> {
  return value === undefined ? {} : ({ [name]: value } as Record<Name, T>);
}
