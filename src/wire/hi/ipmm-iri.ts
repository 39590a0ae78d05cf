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
import { orElse } from '../../bytes/fields.ts';
import type { ValueOf } from '../../bytes/fields.ts';
import { integer, octetString, RELATIVE_OID } from './contents.ts';
import {
  alternative,
  choice,
  component,
  converted,
  ifReadable,
  memberOf,
  optionalComponent,
  OTHER,
  sequence,
} from './fields.ts';
import type { Alternative, OtherAlternative } from './fields.ts';
import { latin1String } from './text.ts';

/** li-ps(5) iPMultimedia(5) version17(17) iRI(1) */
export const IPMM_IRI_OBJECT = '5.5.17.1';

/** As octets (4 or 16), or as somebody's text. */
export type IriAddress = { readonly octets: Uint8Array } | { readonly text: string };

const IP_VALUE = choice<IriAddress>(
  {
    iPBinaryAddress: alternative(1, memberOf('octets', octetString())),
    iPTextAddress: alternative(2, memberOf('text', latin1String())),
  },
  (address) => ('octets' in address ? 'iPBinaryAddress' : 'iPTextAddress'),
);

/** iP-assignment notKnown(3). */
const NOT_KNOWN = 3;

/** IPAddress. Its type, which the value shows, is not asked for. */
const IP_ADDRESS = converted(
  sequence([1, 2, 3], 'skipped', {
    type: orElse(ifReadable(component(1, 'iP-type', integer())), 0),
    value: component(2, 'iP-value', IP_VALUE),
    assignment: optionalComponent(3, 'iP-assignment', integer()),
  }),
  ({ value }) => value,
  (value) => ({ type: isV6(value) ? 1 : 0, value, assignment: NOT_KNOWN }),
);

function isV6(address: IriAddress): boolean {
  return 'octets' in address ? address.octets.length === 16 : address.text.includes(':');
}

const SIP_MESSAGE_PARTS = {
  source: component(0, 'iPSourceAddress', IP_ADDRESS),
  destination: component(1, 'iPDestinationAddress', IP_ADDRESS),
  content: component(2, 'sIPContent', octetString()),
};

const SIP_MESSAGE = sequence([0, 1, 2], 'skipped', SIP_MESSAGE_PARTS);

interface SipMessage extends ValueOf<typeof SIP_MESSAGE_PARTS> {
  readonly kind: 'sip';
  /** For a warrant without content: what is content has been taken out. */
  readonly iriOnly: boolean;
}

/** An IP packet with signalling in it. */
interface OriginalMessage {
  readonly kind: 'original';
  readonly iriOnly: boolean;
  readonly packet: Uint8Array;
}

export type IpmmMessage = SipMessage | OriginalMessage | OtherAlternative;

function sipMessage(tag: number, iriOnly: boolean): Alternative<SipMessage> {
  return alternative(
    tag,
    converted(
      SIP_MESSAGE,
      (message): SipMessage => ({ kind: 'sip', iriOnly, ...message }),
      (message) => message,
    ),
  );
}

function original(tag: number, iriOnly: boolean): Alternative<OriginalMessage> {
  return alternative(
    tag,
    converted(
      octetString(),
      (packet): OriginalMessage => ({ kind: 'original', iriOnly, packet }),
      ({ packet }) => packet,
    ),
  );
}

const CONTENTS = choice<IpmmMessage>(
  {
    originalIPMMMessage: original(0, false),
    sIPMessage: sipMessage(1, false),
    iRIOnlyOriginalIPMMMessage: original(5, true),
    iRIOnlySIPMessage: sipMessage(6, true),
  },
  (message) => {
    if (message.kind === 'other') return 'other';
    if (message.kind === 'sip') return message.iriOnly ? 'iRIOnlySIPMessage' : 'sIPMessage';
    return message.iriOnly ? 'iRIOnlyOriginalIPMMMessage' : 'originalIPMMMessage';
  },
  OTHER,
);

const IPMM_IRI_PARTS = {
  objectId: component(0, 'iPMMIRIObjId', RELATIVE_OID),
  message: component(1, 'iPMMIRIContents', CONTENTS),
};

export type IpmmIri = ValueOf<typeof IPMM_IRI_PARTS>;

export const IPMM_IRI = sequence([0, 1], 'skipped', IPMM_IRI_PARTS);
