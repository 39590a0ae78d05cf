/**
 * PS-PDU, TS 102 232-1 annex A: the one message of HI2 and HI3.
 *
 *     PS-PDU  ::= SEQUENCE { pSHeader [1] PSHeader, payload [2] Payload }
 *     Payload ::= CHOICE { iRIPayloadSequence [0] SEQUENCE OF IRIPayload, cCPayloadSequence [1] SEQUENCE OF CCPayload,
 *                          tRIPayload [2] TRIPayload, ..., hI1-Operation [3] HI1-Operation, encryptionContainer [4], … }
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
import type { ValueOf } from '../../bytes/fields.ts';
import { constructed, decoding, malformed, requireForm } from './ber.ts';
import { EPS_IRIS_CONTENT } from './eps-iri.ts';
import type { EpsIri } from './eps-iri.ts';
import { integer } from './contents.ts';
import {
  alternative,
  choice,
  component,
  converted,
  ofKind,
  onlyElement,
  optionalComponent,
  OTHER,
  OTHER_OR_UNREADABLE,
  sequence,
  Unread,
  wholeSequenceOf,
} from './fields.ts';
import type { Asn1Type, OtherAlternative } from './fields.ts';
import { PS_HEADER } from './header.ts';
import { HI1_OPERATION } from './hi1.ts';
import type { Hi1Operation } from './hi1.ts';
import { IPMM_CC } from './ipmm-cc.ts';
import type { IpmmCc } from './ipmm-cc.ts';
import { IPMM_IRI } from './ipmm-iri.ts';
import type { IpmmIri } from './ipmm-iri.ts';
import { MICRO_TIME } from './time.ts';
import { TRI_PAYLOAD } from './tri.ts';
import type { TriMessage } from './tri.ts';
import { VOIP_CC } from './voip-cc.ts';
import type { VoipCc } from './voip-cc.ts';

/** PayloadDirection. */
export const PAYLOAD_DIRECTION = {
  fromTarget: 0,
  toTarget: 1,
  indeterminate: 2,
  combined: 3,
  notApplicable: 4,
} as const;

/* ---------------------------------------------------------------- IRI */

interface EpsContents {
  readonly kind: 'eps';
  readonly records: readonly EpsIri[];
}

const EPS_IRIS_CONTENT_TAG = 1;

/** ePSIRI, of which epsIRIsContent is decoded. */
const EPS_IRI: Asn1Type<EpsContents | OtherAlternative> = {
  constructed: true,
  universal: UNIVERSAL.sequence,
  read: (value, what, unread) => {
    requireForm(value, true, what);
    const eps = onlyElement(value.contents, what);
    if (eps.number !== EPS_IRIS_CONTENT_TAG) return OTHER.read(value);
    return { kind: 'eps', records: EPS_IRIS_CONTENT.read(eps, `${what}.epsIRIsContent`, unread) };
  },
  contents: ({ records }: EpsContents, what) =>
    constructed(EPS_IRIS_CONTENT_TAG, EPS_IRIS_CONTENT.contents(records, what)),
};

/** microSecondTimeStamp and timeStampQualifier. */
const TIMES = {
  time: optionalComponent(3, 'microSecondTimeStamp', MICRO_TIME),
  timeStampQualifier: optionalComponent(4, 'timeStampQualifier', integer()),
};

interface IpmmContents {
  readonly kind: 'ipmm';
  readonly iri: IpmmIri;
}

const IRI_CONTENTS = choice<EpsContents | IpmmContents | OtherAlternative>(
  {
    ipmm: alternative(11, ofKind('ipmm', 'iri', IPMM_IRI)),
    eps: alternative(15, EPS_IRI),
  },
  ({ kind }) => kind,
  OTHER_OR_UNREADABLE,
);

const IRI_PAYLOAD_PARTS = {
  iriType: optionalComponent(0, 'iRIType', integer(1, 4)),
  contents: component(2, 'iRIContents', IRI_CONTENTS),
  ...TIMES,
  /** payloadDirection, one of `PAYLOAD_DIRECTION`. */
  direction: optionalComponent(6, 'payloadDirection', integer()),
};

type IriPayloads = ValueOf<typeof IRI_PAYLOAD_PARTS>;

export type IriContents = { readonly kind: 'eps'; readonly record: EpsIri } | IpmmContents | OtherAlternative;

/** An IRIPayload with one record. */
export type IriPayload = Omit<IriPayloads, 'contents'> & { readonly contents: IriContents };

/** iRIPayloadSequence. An IRIPayload with an epsIRISequence stands for one of each of its records. */
const IRI_PAYLOADS = converted(
  wholeSequenceOf(sequence([0, 1, 2], 'skipped', IRI_PAYLOAD_PARTS)),
  (payloads) => payloads.flatMap(recordsOf),
  (payloads: readonly IriPayload[]): IriPayloads[] => payloads.map(payloadOf),
);

function recordsOf({ contents, ...rest }: IriPayloads): IriPayload[] {
  if (contents.kind !== 'eps') return [{ ...rest, contents }];
  return contents.records.map((record) => ({ ...rest, contents: { kind: 'eps', record } }));
}

function payloadOf({ contents, ...rest }: IriPayload): IriPayloads {
  if (contents.kind !== 'eps') return { ...rest, contents };
  return { ...rest, contents: { kind: 'eps', records: [contents.record] } };
}

/* ---------------------------------------------------------------- CC */

export type CcContents =
  | { readonly kind: 'ipmm'; readonly cc: IpmmCc }
  | { readonly kind: 'voip'; readonly cc: VoipCc }
  | OtherAlternative;

const CC_CONTENTS = choice<CcContents>(
  {
    ipmm: alternative(12, ofKind('ipmm', 'cc', IPMM_CC)),
    voip: alternative(20, ofKind('voip', 'cc', VOIP_CC)),
  },
  ({ kind }) => kind,
  OTHER_OR_UNREADABLE,
);

const CC_PAYLOAD_PARTS = {
  direction: optionalComponent(0, 'payloadDirection', integer()),
  contents: component(2, 'cCContents', CC_CONTENTS),
  ...TIMES,
};

export type CcPayload = ValueOf<typeof CC_PAYLOAD_PARTS>;

/** cCPayloadSequence. */
const CC_PAYLOADS = wholeSequenceOf(sequence([0, 1, 2], 'skipped', CC_PAYLOAD_PARTS));

/* ---------------------------------------------------------------- PDU */

export type PsPduPayload =
  | { readonly kind: 'iri'; readonly records: readonly IriPayload[] }
  | { readonly kind: 'cc'; readonly packets: readonly CcPayload[] }
  | { readonly kind: 'tri'; readonly message: TriMessage }
  | { readonly kind: 'hi1'; readonly operation: Hi1Operation }
  | OtherAlternative;

const PAYLOAD = choice<PsPduPayload>(
  {
    iri: alternative(0, ofKind('iri', 'records', IRI_PAYLOADS)),
    cc: alternative(1, ofKind('cc', 'packets', CC_PAYLOADS)),
    tri: alternative(2, ofKind('tri', 'message', TRI_PAYLOAD)),
    hi1: alternative(3, ofKind('hi1', 'operation', HI1_OPERATION)),
  },
  ({ kind }) => kind,
  OTHER,
);

const PS_PDU_PARTS = {
  header: component(1, 'pSHeader', PS_HEADER),
  payload: component(2, 'payload', PAYLOAD),
};

export type PsPdu = ValueOf<typeof PS_PDU_PARTS>;

const PS_PDU = sequence([1, 2], 'refused', PS_PDU_PARTS);

export function encodePsPdu(pdu: PsPdu): Uint8Array {
  return derSequence(PS_PDU.contents(pdu, 'PS-PDU'));
}

/** A PDU as read, with the values that could not be, if there are any, by path and cause. */
export interface ReceivedPsPdu extends PsPdu {
  readonly unread?: readonly string[];
}

/**
 * One PDU, complete, without octets after it. Optional values that cannot be read are left out; contents that cannot,
 * survive with their octets.
 *
 * @throws HiError `malformed`
 */
export function decodePsPdu(octets: Uint8Array): ReceivedPsPdu {
  return decoding('PS-PDU', () => {
    const outer = berValue(octets, 'PS-PDU');
    if (outer.tagClass !== 'universal' || outer.number !== UNIVERSAL.sequence) {
      throw malformed('PS-PDU: not a SEQUENCE');
    }
    const unread = new Unread();
    const pdu = PS_PDU.read(outer, 'PS-PDU', unread);
    const { notes } = unread;
    return notes.length === 0 ? pdu : { ...pdu, unread: notes };
  });
}
