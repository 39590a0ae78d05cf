/**
 * Records of an IP multimedia session as a delivery function by TS 102 232-5 hands them over (clause 5.2): the signalling
 * message itself. We write EpsIRIsContent and read this too.
 *
 *     IPMMIRI       ::= SEQUENCE { iPMMIRIObjId [0] RELATIVE-OID, iPMMIRIContents [1] IPIRIContents, ..., … }
 *     IPIRIContents ::= CHOICE {
 *       originalIPMMMessage [0] OCTET STRING,       -- an IP packet
 *       sIPMessage          [1] SIPMessage,         h323Message [2] H323Message, ..., …
 *       iRIOnlyOriginalIPMMMessage [5] OCTET STRING, iRIOnlySIPMessage [6] SIPMessage, … }
 *     SIPMessage    ::= SEQUENCE { iPSourceAddress [0] IPAddress, iPDestinationAddress [1] IPAddress,
 *                                  sIPContent [2] OCTET STRING, ... }
 *     IPAddress     ::= SEQUENCE { iP-type [1] ENUMERATED { iPV4(0), iPV6(1), ... },
 *                                  iP-value [2] CHOICE { iPBinaryAddress [1] OCTET STRING, iPTextAddress [2] IA5String },
 *                                  iP-assignment [3] ENUMERATED OPTIONAL, ..., … }
 */
import { berString } from '../../bytes/ber.ts';
import type { DerValue } from '../../bytes/der.ts';
import { relativeOidContents } from '../../bytes/der.ts';
import { constructed, Elements, formOf, malformed, number, primitive } from './ber.ts';
import { latin1 } from './text.ts';

/** li-ps(5) iPMultimedia(5) version17(17) iRI(1) */
export const IPMM_IRI_OBJECT = '5.5.17.1';

/** As octets (4 or 16), or as somebody's text. */
export type IriAddress = { readonly octets: Uint8Array } | { readonly text: string };

export type IpmmMessage =
  | {
      readonly kind: 'sip';
      /** For a warrant without content: what is content has been taken out. */
      readonly iriOnly: boolean;
      readonly source: IriAddress;
      readonly destination: IriAddress;
      readonly content: Uint8Array;
    }
  /** An IP packet with signalling in it. */
  | { readonly kind: 'original'; readonly iriOnly: boolean; readonly packet: Uint8Array }
  | { readonly kind: 'other'; readonly tag: number; readonly element: Uint8Array };

export interface IpmmIri {
  readonly objectId: string;
  readonly message: IpmmMessage;
}

const ORIGINAL = { full: 0, iriOnly: 5 } as const;
const SIP = { full: 1, iriOnly: 6 } as const;

/** iP-assignment notKnown(3). */
const NOT_KNOWN = 3;

/** [tag] IPMMIRI. */
export function encodeIpmmIri(tag: number, { objectId, message }: IpmmIri): Uint8Array {
  return constructed(
    tag,
    primitive(0, relativeOidContents(objectId)),
    constructed(1, encodeMessage(message)),
  );
}

export function decodeIpmmIri(contents: Uint8Array): IpmmIri {
  const elements = new Elements(contents, 'IPMMIRI', [0, 1], 'skipped');
  return {
    objectId: elements.relativeOid(0, 'iPMMIRIObjId'),
    message: decodeMessage(elements.choice(1, 'iPMMIRIContents')),
  };
}

function encodeMessage(message: IpmmMessage): Uint8Array {
  switch (message.kind) {
    case 'sip':
      return constructed(
        message.iriOnly ? SIP.iriOnly : SIP.full,
        encodeAddress(0, message.source),
        encodeAddress(1, message.destination),
        primitive(2, message.content),
      );
    case 'original':
      return primitive(message.iriOnly ? ORIGINAL.iriOnly : ORIGINAL.full, message.packet);
    case 'other':
      return message.element;
  }
}

function decodeMessage(choice: DerValue): IpmmMessage {
  const { number: tag } = choice;
  if (tag === ORIGINAL.full || tag === ORIGINAL.iriOnly) {
    const packet = berString(choice, 'originalIPMMMessage').slice();
    return { kind: 'original', iriOnly: tag === ORIGINAL.iriOnly, packet };
  }
  if (tag !== SIP.full && tag !== SIP.iriOnly) return { kind: 'other', tag, element: choice.raw.slice() };
  const sip = new Elements(formOf(choice, 'constructed', 'sIPMessage'), 'sIPMessage', [0, 1, 2], 'skipped');
  return {
    kind: 'sip',
    iriOnly: tag === SIP.iriOnly,
    source: decodeAddress(sip.inside(0, 'iPSourceAddress')),
    destination: decodeAddress(sip.inside(1, 'iPDestinationAddress')),
    content: sip.octets(2, 'sIPContent'),
  };
}

function encodeAddress(tag: number, address: IriAddress): Uint8Array {
  const isV6 = 'octets' in address ? address.octets.length === 16 : address.text.includes(':');
  const value =
    'octets' in address ? primitive(1, address.octets) : primitive(2, Buffer.from(address.text, 'latin1'));
  return constructed(tag, number(1, isV6 ? 1 : 0), constructed(2, value), number(3, NOT_KNOWN));
}

function decodeAddress(contents: Uint8Array): IriAddress {
  const value = new Elements(contents, 'IPAddress', [1, 2, 3], 'skipped').choice(2, 'iP-value');
  const octets = berString(value, 'iP-value');
  if (value.number === 1) return { octets: octets.slice() };
  if (value.number === 2) return { text: latin1(octets) };
  throw malformed(`iP-value: no alternative [${value.number}]`);
}
