/**
 * PS-header, TS 102 232-1 clause 5.2 and annex A.
 *
 *     PSHeader ::= SEQUENCE {
 *       li-psDomainId                [0] OBJECT IDENTIFIER,
 *       lawfulInterceptionIdentifier [1] OCTET STRING (SIZE (1..25)),
 *       authorizationCountryCode     [2] PrintableString (SIZE (2)) OPTIONAL,
 *       communicationIdentifier      [3] CommunicationIdentifier,
 *       sequenceNumber               [4] INTEGER (0..4294967295),
 *       timeStamp                    [5] GeneralizedTime OPTIONAL,
 *       ...,
 *       microSecondTimeStamp         [7] MicroSecondTimeStamp OPTIONAL,
 *       timeStampQualifier           [8] ENUMERATED OPTIONAL, … }
 *     CommunicationIdentifier ::= SEQUENCE {
 *       networkIdentifier            [0] SEQUENCE { operatorIdentifier       [0] OCTET STRING (SIZE (1..16)),
 *                                                   networkElementIdentifier [1] OCTET STRING (SIZE (1..16)) OPTIONAL, … },
 *       communicationIdentityNumber  [1] INTEGER (0..4294967295) OPTIONAL,
 *       deliveryCountryCode          [2] PrintableString (SIZE (2)) OPTIONAL, … }
 *
 * The sequence number counts per LIID and CIN, IRI and CC apart, from 0 without gaps; that of a TRI PDU counts per
 * instance of the delivery function.
 */
import { oidContents } from '../../bytes/der.ts';
import { constructed, Elements, number, optional, primitive, sized } from './ber.ts';
import { fromLatin1, fromPrintable, latin1, printable } from './text.ts';
import { decodeMicroTime, encodeMicroTime, generalizedTime, microTime } from './time.ts';
import type { MicroTime } from './time.ts';

/** { itu-t(0) identified-organization(4) etsi(0) securityDomain(2) lawfulIntercept(2) li-ps(5) genHeader(1) version40(40) } */
export const LI_PS_DOMAIN = '0.4.0.2.2.5.1.40';

/** TimeStampQualifier, TS 102 232-1 annex A. */
export const TIME_STAMP_QUALIFIER = {
  unknown: 0,
  timeOfInterception: 1,
  timeOfMediation: 2,
  timeOfAggregation: 3,
} as const;

/** Who delivers, and in which country: the same for all that one delivery function sends. */
export interface DeliveryIdentity {
  /** Two letters, ISO 3166-1. */
  readonly authorizationCountryCode?: string;
  readonly deliveryCountryCode?: string;
  /** 1 to 16 octets. */
  readonly operatorIdentifier: string;
  readonly networkElementIdentifier?: string;
}

export interface PsHeader extends DeliveryIdentity {
  readonly domainId: string;
  /** 1 to 25 octets, one character each. */
  readonly liid: string;
  /** Communication identity number; PDUs of the transport itself have none. */
  readonly cin?: number;
  readonly sequenceNumber: number;
  readonly time?: MicroTime;
  readonly timeStampQualifier?: number;
}

export function encodeHeader(tag: number, header: PsHeader): Uint8Array {
  return constructed(
    tag,
    primitive(0, oidContents(header.domainId)),
    sized(1, fromLatin1(header.liid, 'LIID'), 1, 25, 'LIID'),
    optional(header.authorizationCountryCode, (code) => country(2, code)),
    constructed(
      3,
      constructed(
        0,
        sized(0, fromLatin1(header.operatorIdentifier, 'operator'), 1, 16, 'operatorIdentifier'),
        optional(header.networkElementIdentifier, (id) =>
          sized(1, fromLatin1(id, 'network element'), 1, 16, 'networkElementIdentifier'),
        ),
      ),
      optional(header.cin, (cin) => number(1, cin)),
      optional(header.deliveryCountryCode, (code) => country(2, code)),
    ),
    number(4, header.sequenceNumber),
    optional(header.time, (time) => encodeMicroTime(7, time)),
    optional(header.timeStampQualifier, (qualifier) => number(8, qualifier)),
  );
}

export function decodeHeader(contents: Uint8Array): PsHeader {
  const header = new Elements(contents, 'pSHeader', [0, 1, 2, 3, 4, 5], 'skipped');
  const communication = new Elements(
    header.inside(3, 'communicationIdentifier'),
    'communicationIdentifier',
    [0, 1, 2],
    'skipped',
  );
  const network = new Elements(
    communication.inside(0, 'networkIdentifier'),
    'networkIdentifier',
    [0, 1],
    'skipped',
  );
  const element = network.optionalOctets(1, 'networkElementIdentifier', 1, 16);
  const cin = communication.optionalNumber(1, 'communicationIdentityNumber');
  const time = timeOf(header);
  const qualifier = header.optionalNumber(8, 'timeStampQualifier');
  return {
    domainId: header.oid(0, 'li-psDomainId'),
    liid: latin1(header.octets(1, 'lawfulInterceptionIdentifier', 1, 25)),
    ...countryOf(header, 2, 'authorizationCountryCode'),
    operatorIdentifier: latin1(network.octets(0, 'operatorIdentifier', 1, 16)),
    ...(element === undefined ? {} : { networkElementIdentifier: latin1(element) }),
    ...(cin === undefined ? {} : { cin }),
    ...countryOf(communication, 2, 'deliveryCountryCode'),
    sequenceNumber: header.number(4, 'sequenceNumber'),
    ...(time === undefined ? {} : { time }),
    ...(qualifier === undefined ? {} : { timeStampQualifier: qualifier }),
  };
}

/** The microsecond time stamp, else the older GeneralizedTime. */
function timeOf(header: Elements): MicroTime | undefined {
  const micro = header.optionalInside(7, 'microSecondTimeStamp');
  const general = header.optionalOctets(5, 'timeStamp');
  const older = general === undefined ? undefined : generalizedTime(latin1(general), 'pSHeader.timeStamp');
  if (micro !== undefined) return decodeMicroTime(micro, 'pSHeader.microSecondTimeStamp');
  return older === undefined ? undefined : microTime(older);
}

function country(tag: number, code: string): Uint8Array {
  return sized(tag, fromPrintable(code, 'country code'), 2, 2, 'country code');
}

function countryOf<Name extends string>(
  elements: Elements,
  tag: number,
  name: Name,
): Partial<Record<Name, string>> {
  const octets = elements.optionalOctets(tag, name, 2, 2);
  return octets === undefined ? {} : ({ [name]: printable(octets, name) } as Record<Name, string>);
}
