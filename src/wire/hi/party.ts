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
import { orElse, spread } from '../../bytes/fields.ts';
import type { ValueOf } from '../../bytes/fields.ts';
import { fromHex, toHex } from '../../bytes/octets.ts';
import { malformed } from './ber.ts';
import { HiError } from './errors.ts';
import { integer, nullOf, octetString } from './contents.ts';
import {
  alternative,
  choice,
  component,
  converted,
  ifReadable,
  optionalComponent,
  sequence,
} from './fields.ts';
import type { Asn1Type } from './fields.ts';
import { latin1String, UTF8_TEXT } from './text.ts';

/** party-Qualifier: the target, whatever the access. */
export const PARTY_TARGET = 3;

const IDENTITY = sequence([1, 3, 6, 7, 8], 'skipped', {
  /** Digits: 14 of an IMEI, or 16 of an IMEI with software version. */
  imei: optionalComponent(
    1,
    'imei',
    converted(
      tbcdString(8, 8),
      (digits) => digits.replace(/^(\d{14})\d$/, '$1'),
      (imei) => (imei.length === 16 ? imei : `${imei}0`),
    ),
  ),
  /** Digits. */
  imsi: optionalComponent(3, 'imsi', tbcdString(3, 8)),
  sipUri: optionalComponent(8, 'sip-uri', UTF8_TEXT),
  telUri: optionalComponent(9, 'tel-uri', UTF8_TEXT),
  nai: optionalComponent(10, 'nai', UTF8_TEXT),
  impi: optionalComponent(13, 'iMPI', UTF8_TEXT),
});

const PARTY_PARTS = {
  qualifier: component(0, 'party-Qualifier', integer()),
  identity: spread(component(1, 'partyIdentity', IDENTITY)),
};

export type Party = ValueOf<typeof PARTY_PARTS>;

/** PartyInformation. */
export const PARTY = sequence([0, 1, 4], 'skipped', PARTY_PARTS);

interface ElementName {
  /** DNS name of the reporting element, 1 to 25 octets. */
  readonly element?: string;
}

/** The element by its DNS name; what names it otherwise is passed over. */
const ELEMENT_NAME = choice<ElementName>(
  {
    'dNS-Format': alternative(
      4,
      converted(
        latin1String(1, 25),
        (element): ElementName => ({ element }),
        ({ element = '' }) => element,
      ),
    ),
  },
  () => 'dNS-Format',
  { unreadable: false, read: () => ({}), write: () => new Uint8Array() },
);

/** Network-Identifier. */
export const NETWORK_IDENTIFIER = sequence([0, 1], 'skipped', {
  /** 1 to 5 octets. */
  operator: component(0, 'operator-Identifier', latin1String(1, 5)),
  element: spread(
    orElse(
      ifReadable(component(1, 'network-Element-Identifier', ELEMENT_NAME)),
      {},
      ({ element }) => element === undefined,
    ),
  ),
});

const LOCATION = sequence([1, 2, 3], 'skipped', {
  rawLocation: optionalComponent(1, 'raw-Location', octetString()),
});

/** PANI-Header-Info. */
export const PANI = sequence([1, 2, 3, 4], 'skipped', {
  accessType: optionalComponent(1, 'access-Type', UTF8_TEXT),
  accessClass: optionalComponent(2, 'access-Class', UTF8_TEXT),
  networkProvided: orElse(
    ifReadable(component(3, 'network-Provided', nullOf<boolean>(true))),
    false,
    (is) => !is,
  ),
  location: spread(
    orElse(
      ifReadable(component(4, 'pANI-Location', LOCATION)),
      {},
      ({ rawLocation }) => rawLocation === undefined,
    ),
  ),
});

/**
 * Digits as MAP has them (TS 29.002 TBCD-STRING): two in an octet, the first in the lower bits, a filler of ones at the
 * end. Of an IMEI without software version the fifteenth digit is 0.
 */
function tbcdString(min: number, max: number): Asn1Type<string> {
  return converted(
    octetString(min, max),
    (octets, what) => {
      const digits = swapped(toHex(octets)).replace(/f$/, '');
      if (!/^\d+$/.test(digits)) throw malformed(`${what}: a TBCD-STRING of other than digits`);
      return digits;
    },
    (digits, what) => {
      if (!/^\d+$/.test(digits)) throw new HiError('range', `${what}: digits are expected`);
      return fromHex(swapped(digits.length % 2 === 0 ? digits : `${digits}f`));
    },
  );
}

/** The halves of each octet exchanged. */
function swapped(hex: string): string {
  return hex.replace(/(.)(.)/g, '$2$1');
}
