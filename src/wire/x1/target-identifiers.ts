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
import type { TargetIdentifier } from './details.ts';
import { X1Error } from './errors.ts';
import { choice, leaf, node, requireType, sequence, simple } from './sequence.ts';
import type { SimpleType } from './simple-types.ts';
import * as types from './simple-types.ts';
import { COMMON_NAMESPACE, HASHED_ID_NAMESPACE, X1_NAMESPACE } from './xml.ts';
import type { XmlElement } from './xml.ts';

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
  gtpuTunnelId: types.decimalText(types.integer(0, 2 ** 32)),
  gtpcTunnelId: types.decimalText(types.integer(0, 2 ** 32)),
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

interface PartsCodec {
  readonly read: (element: XmlElement) => string;
  readonly write: (name: string, value: string) => XmlElement;
}

/** Elements with parts. */
const PARTS: Readonly<Record<string, PartsCodec>> = {
  ipv4Cidr: { read: readCidr, write: writeCidr },
  tcpPortRange: portRange(types.tcpPort),
  udpPortRange: portRange(types.udpPort),
  tcpPortList: portList('tcpPort', types.tcpPort),
  udpPortList: portList('udpPort', types.udpPort),
  hashedIdentifier: { read: readHashed, write: writeHashed },
  targetIdentifierExtension: {
    read: (element) => readOwner(element),
    write: (name) => {
      throw new X1Error('schema', `${name} cannot be written`);
    },
  },
};

/** Whether the schema has a target identifier of this name. */
export function isTargetIdentifier(name: string): boolean {
  return Object.hasOwn(TEXT, name) || Object.hasOwn(PARTS, name);
}

export function readTargetIdentifier(element: XmlElement): TargetIdentifier {
  return choice(element, (child) => {
    if (child.namespace !== X1_NAMESPACE) throw unknown(child.name);
    return { name: child.name, value: readValue(child) };
  });
}

export function writeTargetIdentifier({ name, value }: TargetIdentifier): XmlElement {
  return node('targetIdentifier', [writeValue(name, value)]);
}

function readValue(child: XmlElement): string {
  const text = Object.hasOwn(TEXT, child.name) ? TEXT[child.name] : undefined;
  if (text !== undefined) return simple(text)(child);
  const parts = Object.hasOwn(PARTS, child.name) ? PARTS[child.name] : undefined;
  if (parts === undefined) throw unknown(child.name);
  return parts.read(child);
}

function writeValue(name: string, value: string): XmlElement {
  const text = Object.hasOwn(TEXT, name) ? TEXT[name] : undefined;
  if (text !== undefined) return leaf(name, text, value);
  const parts = Object.hasOwn(PARTS, name) ? PARTS[name] : undefined;
  if (parts === undefined) throw unknown(name);
  return parts.write(name, value);
}

function readCidr(element: XmlElement): string {
  return choice(element, (child) => {
    if (child.namespace === COMMON_NAMESPACE && child.name === 'IPv4CIDR')
      return simple(types.ipv4Cidr)(child);
    if (child.namespace === COMMON_NAMESPACE && child.name === 'IPv6CIDR')
      return simple(types.ipv6Cidr)(child);
    throw unknown(child.name);
  });
}

function writeCidr(name: string, value: string): XmlElement {
  const child = value.includes(':')
    ? leaf('IPv6CIDR', types.ipv6Cidr, value, COMMON_NAMESPACE)
    : leaf('IPv4CIDR', types.ipv4Cidr, value, COMMON_NAMESPACE);
  return node(name, [child]);
}

function portRange(type: SimpleType<number>): PartsCodec {
  return {
    read: (element) =>
      sequence(
        element,
        (children) => `${children.one('start', simple(type))}-${children.one('end', simple(type))}`,
        COMMON_NAMESPACE,
      ),
    write: (name, value) => {
      const [start, end] = value.split('-').map(Number);
      return node(name, [
        leaf('start', type, start ?? NaN, COMMON_NAMESPACE),
        leaf('end', type, end ?? NaN, COMMON_NAMESPACE),
      ]);
    },
  };
}

function portList(item: string, type: SimpleType<number>): PartsCodec {
  return {
    read: (element) => sequence(element, (children) => children.many(item, simple(type), 1).join(',')),
    write: (name, value) =>
      node(
        name,
        value.split(',').map((port) => leaf(item, type, Number(port))),
      ),
  };
}

function readHashed(element: XmlElement): string {
  return sequence(
    element,
    (children) => {
      const context = children.one('hashContextID', simple(types.uuid));
      const type = children.one('targetIdentityType', simple(types.shortString));
      return `${context},${children.one('hashDigest', simple(types.hexBinary))},${type}`;
    },
    HASHED_ID_NAMESPACE,
  );
}

function writeHashed(name: string, value: string): XmlElement {
  const [context = '', digest = ''] = value.split(',');
  const type = value.slice(context.length + digest.length + 2);
  return node(name, [
    leaf('hashContextID', types.uuid, context, HASHED_ID_NAMESPACE),
    leaf('targetIdentityType', types.shortString, type, HASHED_ID_NAMESPACE),
    leaf('hashDigest', types.hexBinary, digest, HASHED_ID_NAMESPACE),
  ]);
}

function readOwner(element: XmlElement): string {
  requireType(element, null);
  const [owner, ...content] = element.children;
  if (owner?.name !== 'Owner' || owner.namespace !== X1_NAMESPACE) throw unknown(element.name);
  if (content.some((child) => child.namespace === X1_NAMESPACE)) throw unknown(element.name);
  return simple(types.anyString)(owner);
}

function unknown(name: string): X1Error {
  return new X1Error('schema', `${name} is not a target identifier`);
}
