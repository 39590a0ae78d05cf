/**
 * Who and where, TS 33.108 annex B.9 and TS 101 671: the parties, the network that reports, the access.
 *
 *     PartyInformation ::= SEQUENCE {
 *       party-Qualifier [0] ENUMERATED { gPRSorEPS-Target(3), ... },
 *       partyIdentity   [1] SEQUENCE { imei [1], imsi [3], msISDN [6], e164-Format [7], sip-uri [8] OCTET STRING OPTIONAL, ...,
 *                                      tel-uri [9], nai [10], x-3GPP-Asserted-Identity [11], xUI [12], iMPI [13] OCTET STRING OPTIONAL },
 *       services-Data-Information [4] … OPTIONAL, ... }
 *     Network-Identifier ::= SEQUENCE {
 *       operator-Identifier        [0] OCTET STRING (SIZE (1..5)),
 *       network-Element-Identifier [1] CHOICE { e164-Format [1], x25-Format [2], iP-Format [3], dNS-Format [4]
 *                                               OCTET STRING (SIZE (1..25)), ..., iP-Address [5] IPAddress } OPTIONAL, ... }
 *     PANI-Header-Info ::= SEQUENCE { access-Type [1] OCTET STRING OPTIONAL, access-Class [2] OCTET STRING OPTIONAL,
 *                                     network-Provided [3] NULL OPTIONAL, pANI-Location [4] PANI-Location OPTIONAL, ... }
 *     PANI-Location    ::= SEQUENCE { raw-Location [1] OCTET STRING OPTIONAL, … }
 *
 * The one party of these records is the target; the SIP message says who the others are.
 */
import { berString } from '../../bytes/ber.ts';
import { derSequence } from '../../bytes/der.ts';
import { fromHex, fromUtf8, toHex, utf8 } from '../../bytes/octets.ts';
import {
  choiceOf,
  constructed,
  Elements,
  malformed,
  nothing,
  number,
  optional,
  primitive,
  sized,
} from './ber.ts';
import { HiError } from './errors.ts';
import { fromLatin1, latin1 } from './text.ts';

/** party-Qualifier: the target, whatever the access. */
export const PARTY_TARGET = 3;

export interface Party {
  readonly qualifier: number;
  /** Digits: 14 of an IMEI, or 16 of an IMEI with software version. */
  readonly imei?: string;
  /** Digits. */
  readonly imsi?: string;
  readonly sipUri?: string;
  readonly telUri?: string;
  readonly nai?: string;
  readonly impi?: string;
}

export interface NetworkIdentifier {
  /** 1 to 5 octets. */
  readonly operator: string;
  /** DNS name of the reporting element, 1 to 25 octets. */
  readonly element?: string;
}

export interface PaniHeaderInfo {
  readonly accessType?: string;
  readonly accessClass?: string;
  readonly networkProvided: boolean;
  readonly rawLocation?: Uint8Array;
}

const DNS_FORMAT = 4;

/** PartyInformation as an element of a SET OF. */
export function encodeParty(party: Party): Uint8Array {
  return derSequence(
    number(0, party.qualifier),
    constructed(
      1,
      optional(party.imei, (imei) => sized(1, tbcd(imei.length === 16 ? imei : `${imei}0`), 8, 8, 'imei')),
      optional(party.imsi, (imsi) => sized(3, tbcd(imsi), 3, 8, 'imsi')),
      optional(party.sipUri, (uri) => primitive(8, utf8(uri))),
      optional(party.telUri, (uri) => primitive(9, utf8(uri))),
      optional(party.nai, (nai) => primitive(10, utf8(nai))),
      optional(party.impi, (impi) => primitive(13, utf8(impi))),
    ),
  );
}

export function decodeParty(contents: Uint8Array): Party {
  const party = new Elements(contents, 'partyInformation', [0, 1, 4], 'skipped');
  const identity = new Elements(
    party.inside(1, 'partyIdentity'),
    'partyIdentity',
    [1, 3, 6, 7, 8],
    'skipped',
  );
  const imei = identity.optionalOctets(1, 'imei', 8, 8);
  const imsi = identity.optionalOctets(3, 'imsi', 3, 8);
  return {
    qualifier: party.number(0, 'party-Qualifier'),
    ...(imei === undefined ? {} : { imei: digitsOf(imei).replace(/^(\d{14})\d$/, '$1') }),
    ...(imsi === undefined ? {} : { imsi: digitsOf(imsi) }),
    ...textOf(identity, 8, 'sipUri'),
    ...textOf(identity, 9, 'telUri'),
    ...textOf(identity, 10, 'nai'),
    ...textOf(identity, 13, 'impi'),
  };
}

/** [tag] Network-Identifier. */
export function encodeNetworkIdentifier(tag: number, { operator, element }: NetworkIdentifier): Uint8Array {
  return constructed(
    tag,
    sized(0, fromLatin1(operator, 'operator'), 1, 5, 'operator-Identifier'),
    optional(element, (name) =>
      constructed(1, sized(DNS_FORMAT, fromLatin1(name, 'network element'), 1, 25, 'dNS-Format')),
    ),
  );
}

export function decodeNetworkIdentifier(contents: Uint8Array): NetworkIdentifier {
  const elements = new Elements(contents, 'networkIdentifier', [0, 1], 'skipped');
  const operator = latin1(elements.octets(0, 'operator-Identifier', 1, 5));
  const choice = elements.optionalInside(1, 'network-Element-Identifier');
  if (choice === undefined) return { operator };
  const element = choiceOf(choice, 'network-Element-Identifier');
  if (element.number !== DNS_FORMAT) return { operator };
  return { operator, element: latin1(berString(element, 'dNS-Format')) };
}

/** PANI-Header-Info as an element of a SEQUENCE OF. */
export function encodePani(info: PaniHeaderInfo): Uint8Array {
  return derSequence(
    optional(info.accessType, (type) => primitive(1, utf8(type))),
    optional(info.accessClass, (name) => primitive(2, utf8(name))),
    info.networkProvided ? nothing(3) : new Uint8Array(),
    optional(info.rawLocation, (location) => constructed(4, primitive(1, location))),
  );
}

export function decodePani(contents: Uint8Array): PaniHeaderInfo {
  const info = new Elements(contents, 'pANI-Header-Info', [1, 2, 3, 4], 'skipped');
  const location = info.optionalInside(4, 'pANI-Location');
  const raw =
    location === undefined
      ? undefined
      : new Elements(location, 'pANI-Location', [1, 2, 3], 'skipped').optionalOctets(1, 'raw-Location');
  return {
    ...textOf(info, 1, 'accessType'),
    ...textOf(info, 2, 'accessClass'),
    networkProvided: info.optionalNull(3, 'network-Provided'),
    ...(raw === undefined ? {} : { rawLocation: raw }),
  };
}

/**
 * Digits as MAP has them (TS 29.002 TBCD-STRING): two in an octet, the first in the lower bits, a filler of ones at the
 * end. Of an IMEI without software version the fifteenth digit is 0.
 */
function tbcd(digits: string): Uint8Array {
  if (!/^\d+$/.test(digits)) throw new HiError('range', 'digits are expected');
  return fromHex((digits.length % 2 === 0 ? digits : `${digits}f`).replace(/(.)(.)/g, '$2$1'));
}

/** The digits before the filler. */
function digitsOf(octets: Uint8Array): string {
  const digits = toHex(octets)
    .replace(/(.)(.)/g, '$2$1')
    .replace(/f$/, '');
  if (!/^\d+$/.test(digits)) throw malformed('a TBCD-STRING of other than digits');
  return digits;
}

function textOf<Name extends string>(
  elements: Elements,
  tag: number,
  name: Name,
): Partial<Record<Name, string>> {
  const octets = elements.optionalOctets(tag, name);
  return octets === undefined ? {} : ({ [name]: fromUtf8(octets) } as Record<Name, string>);
}
