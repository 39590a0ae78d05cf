/**
 * `TargetIdentifier`: a choice of some forty elements. Those with text are a table of names and types; those with parts
 * are kept as text in a form of ours:
 *
 *     tcpPortRange, udpPortRange   5060-5070
 *     tcpPortList, udpPortList     5060,5080
 *     ipv4Cidr                     192.0.2.0/24 (its type allows an IPv6 range as well)
 *     hashedIdentifier             CONTEXT-UUID,DIGEST,TYPE
 *
 * An identifier of another specification (`targetIdentifierExtension`) is known by its owner only and not written.
 */
import { XmlDocumentError } from '../xml/errors.ts';
import { formsOf, mapped, record, requireType, leaf } from '../xml/forms.ts';
import type { ElementForm } from '../xml/forms.ts';
import type { SimpleType } from '../xml/simple-types.ts';
import * as types from '../xml/simple-types.ts';
import { COMMON_NAMESPACE } from '../xml/namespaces.ts';
import { choiceOf, HASHED_ID_NAMESPACE, list, X1_NAMESPACE } from './names.ts';

/** One target identifier: the element's name in the X1 schema (`sipUri`, `telUri`, `impu`, `imei`, …) and its value. */
export interface TargetIdentifier {
  readonly name: string;
  /** The element's text; of an identifier that has parts, their texts. */
  readonly value: string;
}

/** Elements with text, in the order of the schema. */
const TEXT: Readonly<Record<string, SimpleType<string>>> = {
  e164Number: types.e164,
  imsi: types.imsi,
  imei: types.imei,
  macAddress: types.macAddress,
  ipv4Address: types.ipv4Address,
  ipv6Address: types.ipv6Address,
  ipv6Cidr: types.ipv6Cidr,
  tcpPort: types.decimalText(types.tcpPort),
  udpPort: types.decimalText(types.udpPort),
  emailAddress: types.emailAddress,
  internationalizedEmailAddress: types.internationalisedEmailAddress,
  sipUri: types.sipUri,
  telUri: types.telUri,
  h323Uri: types.h323Uri,
  impu: types.impu,
  impi: types.anyString,
  nai: types.anyString,
  radiusAttribute: types.hexBinary,
  // The schema's upper bound is 2³², one more than a tunnel identifier can be.
  gtpuTunnelId: types.decimalText(types.wholeNumber(0, 2 ** 32)),
  gtpcTunnelId: types.decimalText(types.wholeNumber(0, 2 ** 32)),
  callPartyRole: types.enumeration('Originating', 'Terminating', 'Forwarded-To'),
  nonLocalIdentifier: types.enumeration('Local', 'NonLocal'),
  supiimsi: types.imsi,
  supinai: types.anyString,
  suci: types.hexBinary,
  peiImei: types.imei,
  peiImeiCheckDigit: types.imeiCheckDigit,
  peiImeisv: types.imeisv,
  gpsiMsisdn: types.e164,
  gpsiNai: types.anyString,
  eui64: types.eui64,
  serviceAccessIdentifier: types.anyString,
  vrf: types.shortString,
};

const common = formsOf(COMMON_NAMESPACE);

/** `IPCIDR` of TS 103 280: the element is named for IPv4, its type is not. */
const CIDR = common.choiceOf({ IPv4CIDR: leaf(types.ipv4Cidr), IPv6CIDR: leaf(types.ipv6Cidr) }, (range) =>
  range.includes(':') ? 'IPv6CIDR' : 'IPv4CIDR',
);

function portRange(type: SimpleType<number>): ElementForm<string> {
  const port = (name: string) => common.one(name, leaf(type));
  return mapped(
    record({ start: port('start'), end: port('end') }),
    ({ start, end }) => `${start}-${end}`,
    (value) => {
      const [start = NaN, end = NaN] = value.split('-').map(Number);
      return { start, end };
    },
  );
}

function portList(item: string, type: SimpleType<number>): ElementForm<string> {
  return mapped(
    list(item, leaf(type), 1),
    (ports) => ports.join(','),
    (value) => value.split(',').map(Number),
  );
}

const hashed = (name: string, type: SimpleType<string>) => formsOf(HASHED_ID_NAMESPACE).one(name, leaf(type));

const HASHED = mapped(
  record({
    context: hashed('hashContextID', types.uuid),
    type: hashed('targetIdentityType', types.shortString),
    digest: hashed('hashDigest', types.hexBinary),
  }),
  ({ context, type, digest }) => `${context},${digest},${type}`,
  (value) => {
    const [context = '', digest = ''] = value.split(',');
    return { context, digest, type: value.slice(context.length + digest.length + 2) };
  },
);

const OWNER_ONLY: ElementForm<string> = {
  read: (element) => {
    requireType(element, null);
    const [owner, ...content] = element.children;
    const isExtension =
      owner?.name === 'Owner' &&
      owner.namespace === X1_NAMESPACE &&
      content.every(({ namespace }) => namespace !== X1_NAMESPACE);
    if (!isExtension)
      throw new XmlDocumentError('schema', `${element.name}: an Owner and its elements are expected`);
    return leaf(types.anyString).read(owner);
  },
  write: ({ name }) => {
    throw new XmlDocumentError('schema', `${name} cannot be written`);
  },
};

/** Elements with parts. */
const PARTS: Readonly<Record<string, ElementForm<string>>> = {
  ipv4Cidr: CIDR,
  tcpPortRange: portRange(types.tcpPort),
  udpPortRange: portRange(types.udpPort),
  tcpPortList: portList('tcpPort', types.tcpPort),
  udpPortList: portList('udpPort', types.udpPort),
  hashedIdentifier: HASHED,
  targetIdentifierExtension: OWNER_ONLY,
};

function named([name, form]: readonly [string, ElementForm<string>]): readonly [
  string,
  ElementForm<TargetIdentifier>,
] {
  return [
    name,
    mapped(
      form,
      (value) => ({ name, value }),
      (target) => target.value,
    ),
  ];
}

const texts = Object.entries(TEXT).map(([name, type]) => [name, leaf(type)] as const);

export const TARGET_IDENTIFIER = choiceOf<TargetIdentifier>(
  Object.fromEntries([...texts, ...Object.entries(PARTS)].map(named)),
  ({ name }) => name,
);
