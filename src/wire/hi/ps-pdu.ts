/**
 * PS-PDU, TS 102 232-1 annex A: the one message of HI2 and HI3.
 *
 *     PS-PDU  ::= SEQUENCE { pSHeader [1] PSHeader, payload [2] Payload }
 *     Payload ::= CHOICE { iRIPayloadSequence [0] SEQUENCE OF IRIPayload, cCPayloadSequence [1] SEQUENCE OF CCPayload,
 *                          tRIPayload [2] TRIPayload, ..., hI1-Operation [3], encryptionContainer [4], … }
 *     IRIPayload ::= SEQUENCE { iRIType [0] ENUMERATED { iRI-Begin(1), iRI-End(2), iRI-Continue(3), iRI-Report(4) } OPTIONAL,
 *                               timeStamp [1] GeneralizedTime OPTIONAL, iRIContents [2] IRIContents, ...,
 *                               microSecondTimeStamp [3], timeStampQualifier [4], sessionDirection [5],
 *                               payloadDirection [6] PayloadDirection OPTIONAL }
 *     IRIContents ::= CHOICE { …, iPMMIRI [11] IPMMIRI, …, ePSIRI [15] CHOICE { iRI-EPS-Parameters [0], epsIRIsContent [1] EpsIRIsContent, ... }, … }
 *     CCPayload  ::= SEQUENCE { payloadDirection [0] ENUMERATED { fromTarget(0), toTarget(1), ..., indeterminate(2),
 *                               combined(3), notapplicable(4) } OPTIONAL, timeStamp [1] GeneralizedTime OPTIONAL,
 *                               cCContents [2] CCContents, ..., microSecondTimeStamp [3], timeStampQualifier [4] }
 *     CCContents ::= CHOICE { …, iPMMCC [12] IPMMCC, …, voipCC-CC-PDU [20] Voip-CC-PDU, … }
 *
 * Alternatives that are not ours survive decoding as `other` with their octets.
 */
import { berValue } from '../../bytes/ber.ts';
import { derSequence, UNIVERSAL } from '../../bytes/der.ts';
import type { DerValue } from '../../bytes/der.ts';
import { concat } from '../../bytes/octets.ts';
import {
  choiceOf,
  constructed,
  decoding,
  Elements,
  formOf,
  malformed,
  number,
  optional,
  sequencesOf,
} from './ber.ts';
import { decodeEpsIris, encodeEpsIri } from './eps-iri.ts';
import type { EpsIri } from './eps-iri.ts';
import { decodeHeader, encodeHeader } from './header.ts';
import type { PsHeader } from './header.ts';
import { decodeIpmmCc, encodeIpmmCc } from './ipmm-cc.ts';
import type { IpmmCc } from './ipmm-cc.ts';
import { decodeIpmmIri, encodeIpmmIri } from './ipmm-iri.ts';
import type { IpmmIri } from './ipmm-iri.ts';
import { decodeMicroTime, encodeMicroTime } from './time.ts';
import type { MicroTime } from './time.ts';
import { decodeTri, encodeTri } from './tri.ts';
import type { TriMessage } from './tri.ts';
import { decodeVoipCc, encodeVoipCc } from './voip-cc.ts';
import type { VoipCc } from './voip-cc.ts';

/** PayloadDirection. */
export const DIRECTION = {
  fromTarget: 0,
  toTarget: 1,
  indeterminate: 2,
  combined: 3,
  notApplicable: 4,
} as const;

export interface PsPdu {
  readonly header: PsHeader;
  readonly payload: Payload;
}

/** An alternative that is carried along undecoded; `element` is the whole TLV. */
export interface OtherAlternative {
  readonly kind: 'other';
  readonly tag: number;
  readonly element: Uint8Array;
}

export type Payload =
  | { readonly kind: 'iri'; readonly records: readonly IriPayload[] }
  | { readonly kind: 'cc'; readonly packets: readonly CcPayload[] }
  | { readonly kind: 'tri'; readonly message: TriMessage }
  | OtherAlternative;

export type IriContents =
  | { readonly kind: 'eps'; readonly record: EpsIri }
  | { readonly kind: 'ipmm'; readonly iri: IpmmIri }
  | OtherAlternative;
export type CcContents =
  | { readonly kind: 'ipmm'; readonly cc: IpmmCc }
  | { readonly kind: 'voip'; readonly cc: VoipCc }
  | OtherAlternative;

interface PayloadTimes {
  readonly time?: MicroTime;
  readonly timeStampQualifier?: number;
}

export interface IriPayload extends PayloadTimes {
  readonly iriType?: number;
  readonly contents: IriContents;
  /** payloadDirection, one of `DIRECTION`. */
  readonly direction?: number;
}

export interface CcPayload extends PayloadTimes {
  readonly direction?: number;
  readonly contents: CcContents;
}

const IRI_SEQUENCE = 0;
const CC_SEQUENCE = 1;
const TRI = 2;
const IPMM_IRI = 11;
const EPS_IRI = 15;
const EPS_IRIS_CONTENT = 1;
const IPMM_CC = 12;
const VOIP_CC = 20;

export function encodePsPdu(pdu: PsPdu): Uint8Array {
  return derSequence(encodeHeader(1, pdu.header), constructed(2, encodePayload(pdu.payload)));
}

/** One PDU, complete, without octets after it. @throws HiError `malformed` */
export function decodePsPdu(octets: Uint8Array): PsPdu {
  return decoding('PS-PDU', () => {
    const outer = berValue(octets, 'PS-PDU');
    if (outer.tagClass !== 'universal' || outer.number !== UNIVERSAL.sequence)
      throw malformed('PS-PDU: not a SEQUENCE');
    const elements = new Elements(formOf(outer, 'constructed', 'PS-PDU'), 'PS-PDU', [1, 2], 'refused');
    return {
      header: decodeHeader(elements.inside(1, 'pSHeader')),
      payload: decodePayload(elements.choice(2, 'payload')),
    };
  });
}

function encodePayload(payload: Payload): Uint8Array {
  switch (payload.kind) {
    case 'iri':
      return constructed(IRI_SEQUENCE, ...payload.records.map(encodeIri));
    case 'cc':
      return constructed(CC_SEQUENCE, ...payload.packets.map(encodeCc));
    case 'tri':
      return constructed(TRI, encodeTri(payload.message));
    case 'other':
      return payload.element;
  }
}

function decodePayload(value: DerValue): Payload {
  switch (value.number) {
    case IRI_SEQUENCE: {
      const records = sequencesOf(formOf(value, 'constructed', 'iRIPayloadSequence'), 'iRIPayloadSequence');
      return { kind: 'iri', records: records.flatMap(decodeIri) };
    }
    case CC_SEQUENCE: {
      const packets = sequencesOf(formOf(value, 'constructed', 'cCPayloadSequence'), 'cCPayloadSequence');
      return { kind: 'cc', packets: packets.map(decodeCc) };
    }
    case TRI: {
      const message = choiceOf(formOf(value, 'constructed', 'tRIPayload'), 'tRIPayload');
      return { kind: 'tri', message: decodeTri(message) };
    }
    default:
      return other(value);
  }
}

function encodeIri(payload: IriPayload): Uint8Array {
  const { contents } = payload;
  return derSequence(
    optional(payload.iriType, (type) => number(0, type)),
    constructed(2, encodeIriContents(contents)),
    encodeTimes(payload),
    optional(payload.direction, (direction) => number(6, direction)),
  );
}

function encodeIriContents(contents: IriContents): Uint8Array {
  switch (contents.kind) {
    case 'eps':
      return constructed(EPS_IRI, constructed(EPS_IRIS_CONTENT, encodeEpsIri(contents.record)));
    case 'ipmm':
      return encodeIpmmIri(IPMM_IRI, contents.iri);
    case 'other':
      return contents.element;
  }
}

/** The payloads of one IRIPayload: more than one where it holds an epsIRISequence. */
function decodeIri(octets: Uint8Array): IriPayload[] {
  const elements = new Elements(octets, 'IRIPayload', [0, 1, 2], 'skipped');
  const iriType = elements.optionalNumber(0, 'iRIType', 4);
  if (iriType === 0) throw malformed('iRIType: no such value');
  const direction = elements.optionalNumber(6, 'payloadDirection');
  const common = {
    ...(iriType === undefined ? {} : { iriType }),
    ...decodeTimes(elements, 'IRIPayload'),
    ...(direction === undefined ? {} : { direction }),
  };
  const choice = elements.choice(2, 'iRIContents');
  if (choice.number === IPMM_IRI) {
    const iri = decodeIpmmIri(formOf(choice, 'constructed', 'iPMMIRI'));
    return [{ ...common, contents: { kind: 'ipmm', iri } }];
  }
  if (choice.number !== EPS_IRI) return [{ ...common, contents: other(choice) }];
  const eps = choiceOf(formOf(choice, 'constructed', 'ePSIRI'), 'ePSIRI');
  if (eps.number !== EPS_IRIS_CONTENT) return [{ ...common, contents: other(choice) }];
  const records = decodeEpsIris(berValue(formOf(eps, 'constructed', 'epsIRIsContent'), 'epsIRIsContent'));
  return records.map((record): IriPayload => ({ ...common, contents: { kind: 'eps', record } }));
}

function encodeCc(payload: CcPayload): Uint8Array {
  const { contents } = payload;
  return derSequence(
    optional(payload.direction, (direction) => number(0, direction)),
    constructed(2, encodeCcContents(contents)),
    encodeTimes(payload),
  );
}

function decodeCc(octets: Uint8Array): CcPayload {
  const elements = new Elements(octets, 'CCPayload', [0, 1, 2], 'skipped');
  const direction = elements.optionalNumber(0, 'payloadDirection');
  const choice = elements.choice(2, 'cCContents');
  return {
    ...(direction === undefined ? {} : { direction }),
    contents: decodeCcContents(choice),
    ...decodeTimes(elements, 'CCPayload'),
  };
}

function encodeCcContents(contents: CcContents): Uint8Array {
  switch (contents.kind) {
    case 'ipmm':
      return encodeIpmmCc(IPMM_CC, contents.cc);
    case 'voip':
      return encodeVoipCc(VOIP_CC, contents.cc);
    case 'other':
      return contents.element;
  }
}

function decodeCcContents(value: DerValue): CcContents {
  switch (value.number) {
    case IPMM_CC:
      return { kind: 'ipmm', cc: decodeIpmmCc(formOf(value, 'constructed', 'iPMMCC')) };
    case VOIP_CC:
      return { kind: 'voip', cc: decodeVoipCc(formOf(value, 'constructed', 'voipCC-CC-PDU')) };
    default:
      return other(value);
  }
}

function encodeTimes({ time, timeStampQualifier }: PayloadTimes): Uint8Array {
  return concat(
    optional(time, (value) => encodeMicroTime(3, value)),
    optional(timeStampQualifier, (value) => number(4, value)),
  );
}

function decodeTimes(elements: Elements, what: string): PayloadTimes {
  const time = elements.optionalInside(3, 'microSecondTimeStamp');
  const qualifier = elements.optionalNumber(4, 'timeStampQualifier');
  return {
    ...(time === undefined ? {} : { time: decodeMicroTime(time, `${what}.microSecondTimeStamp`) }),
    ...(qualifier === undefined ? {} : { timeStampQualifier: qualifier }),
  };
}

function other(value: DerValue): OtherAlternative {
  return { kind: 'other', tag: value.number, element: value.raw.slice() };
}
