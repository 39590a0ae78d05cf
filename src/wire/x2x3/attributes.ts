/**
 * Conditional attributes of X2 and X3 PDUs (TS 103 221-2 clause 5.3). A registry table says how the contents of each
 * are read; types that it does not know survive decoding as octets.
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +-------------------------------+-------------------------------+
 *     |        Attribute Type         |       Attribute Length        |
 *     +-------------------------------+-------------------------------+
 *     ~                   Attribute Contents (Length octets)          ~
 *     +---------------------------------------------------------------+
 */
import { BytesError } from '../../bytes/errors.ts';
import { fromUtf8, utf8 } from '../../bytes/octets.ts';
import { Reader } from '../../bytes/reader.ts';
import { Writer } from '../../bytes/writer.ts';
import { X2X3Error } from './errors.ts';
import { ipv4Octets, ipv4Text, ipv6Octets, ipv6Text } from './addresses.ts';

export type Attribute =
  | { readonly kind: 'text'; readonly type: number; readonly value: string }
  | { readonly kind: 'number'; readonly type: number; readonly value: number }
  | {
      readonly kind: 'timestamp';
      readonly type: number;
      readonly seconds: number;
      readonly nanoseconds: number;
    }
  | { readonly kind: 'octets'; readonly type: number; readonly value: Uint8Array };

type Form = 'text' | 'ipv4' | 'ipv6' | 'timestamp' | 'octets' | 1 | 2 | 4;

/** Type, name and form of the contents (TS 103 221-2 table 5.3-1): a number is an unsigned integer of so many octets. */
const TABLE = {
  etsi102232: [1, 'TS 102 232-1 attribute', 'octets'],
  threeGpp33128: [2, 'TS 33.128 attribute', 'octets'],
  threeGpp33108: [3, 'TS 33.108 attribute', 'octets'],
  proprietary: [4, 'proprietary attribute', 'octets'],
  did: [5, 'DID', 'text'],
  nfid: [6, 'NFID', 'text'],
  ipid: [7, 'IPID', 'text'],
  sequenceNumber: [8, 'sequence number', 4],
  timestamp: [9, 'timestamp', 'timestamp'],
  sourceIpv4: [10, 'source IPv4 address', 'ipv4'],
  destinationIpv4: [11, 'destination IPv4 address', 'ipv4'],
  sourceIpv6: [12, 'source IPv6 address', 'ipv6'],
  destinationIpv6: [13, 'destination IPv6 address', 'ipv6'],
  sourcePort: [14, 'source port', 2],
  destinationPort: [15, 'destination port', 2],
  ipProtocol: [16, 'IP protocol', 1],
  matchedTarget: [17, 'matched target identifier', 'text'],
  otherTarget: [18, 'other target identifier', 'text'],
  mimeType: [19, 'MIME content type', 'text'],
  mimeEncoding: [20, 'MIME content transfer encoding', 'text'],
  additionalXid: [21, 'additional XID information', 'octets'],
  sdp: [22, 'SDP session description', 'text'],
} as const satisfies Readonly<Record<string, readonly [type: number, name: string, form: Form]>>;

type Table = typeof TABLE;

/** Attribute types by name. */
export const ATTRIBUTE = Object.fromEntries(Object.entries(TABLE).map(([name, [type]]) => [name, type])) as {
  readonly [K in keyof Table]: Table[K][0];
};

const REGISTRY: ReadonlyMap<number, { readonly name: string; readonly form: Form }> = new Map(
  Object.values(TABLE).map(([type, name, form]) => [type, { name, form }]),
);

/** The field's name of an attribute type, for people. */
export function attributeName(type: number): string {
  return REGISTRY.get(type)?.name ?? `attribute ${type}`;
}

export function encodeAttribute(attribute: Attribute): Uint8Array {
  const form = REGISTRY.get(attribute.type)?.form;
  if (attribute.kind === 'number' && typeof form === 'number')
    return new Writer(4 + form).u16(attribute.type).u16(form).uint(attribute.value, form).take();
  if (attribute.kind === 'timestamp' && form === 'timestamp')
    return new Writer(12).u16(attribute.type).u16(8).u32(attribute.seconds).u32(attribute.nanoseconds).take();
  const contents = encodeContents(attribute);
  if (contents.length > 0xffff) throw new X2X3Error('range', `${attributeName(attribute.type)}: too long`);
  return new Writer(4 + contents.length).u16(attribute.type).u16(contents.length).bytes(contents).take();
}

/** Octets that an attribute takes in a header; also of one that is too long to be encoded. */
export function attributeOctets(attribute: Attribute): number {
  const form = REGISTRY.get(attribute.type)?.form ?? 'octets';
  if (attribute.kind === 'text' && form === 'text') return 4 + Buffer.byteLength(attribute.value);
  if (attribute.kind === 'number' && typeof form === 'number') return 4 + form;
  if (attribute.kind === 'timestamp' && form === 'timestamp') return 4 + 8;
  return 4 + encodeContents(attribute).length;
}

/** What a type's contents mean. */
export type ReadContents = (type: number, contents: Uint8Array) => Attribute;

/**
 * Reads attributes to the reader's end, in order; repeated ones are kept.
 * @param read is given views of what the reader reads; what it gives has octets of its own
 */
export function decodeAttributes(reader: Reader, read: ReadContents = decodeContents): Attribute[] {
  const attributes: Attribute[] = [];
  while (reader.remaining > 0) {
    const type = reader.u16('attribute type');
    const length = reader.u16('attribute length');
    attributes.push(read(type, reader.view(length, attributeName(type))));
  }
  return attributes;
}

/** The attribute of a type with these contents. @throws X2X3Error `range` */
export function decodeContents(type: number, contents: Uint8Array): Attribute {
  const form = REGISTRY.get(type)?.form ?? 'octets';
  const name = attributeName(type);
  switch (form) {
    case 'octets':
      return { kind: 'octets', type, value: contents.slice() };
    case 'text':
      return textOrOctets(type, contents);
    case 'ipv4':
      return { kind: 'text', type, value: ipv4Text(exactly(contents, 4, name)) };
    case 'ipv6':
      return { kind: 'text', type, value: ipv6Text(exactly(contents, 16, name)) };
    case 'timestamp': {
      const reader = new Reader(exactly(contents, 8, name));
      const seconds = reader.u32('seconds');
      const nanoseconds = reader.u32('nanoseconds');
      if (nanoseconds >= 1_000_000_000) throw new X2X3Error('range', `${name}: ${nanoseconds} nanoseconds`);
      return { kind: 'timestamp', type, seconds, nanoseconds };
    }
    default:
      return {
        kind: 'number',
        type,
        value: new Reader(exactly(contents, form, name)).uint(form, name),
      };
  }
}

/** Whether contents of a type are text: what is read of them once may be given again. */
export function isTextual(type: number): boolean {
  const form = REGISTRY.get(type)?.form;
  return form === 'text' || form === 'ipv4' || form === 'ipv6';
}

/* ---------------------------------------------------------------- helpers */

function encodeContents(attribute: Attribute): Uint8Array {
  const form = REGISTRY.get(attribute.type)?.form ?? 'octets';
  switch (attribute.kind) {
    case 'octets':
      return attribute.value;
    case 'number':
    case 'timestamp':
      break;
    case 'text':
      if (form === 'text') return utf8(attribute.value);
      if (form === 'ipv4') return ipv4Octets(attribute.value);
      if (form === 'ipv6') return ipv6Octets(attribute.value);
      break;
  }
  throw new X2X3Error('range', `${attributeName(attribute.type)} is no ${attribute.kind}`);
}

/** Senders exist that put octet strings where the standard means text: what is no UTF-8 survives as octets. */
function textOrOctets(type: number, contents: Uint8Array): Attribute {
  try {
    return { kind: 'text', type, value: fromUtf8(contents) };
  } catch (error) {
    if (error instanceof BytesError) return { kind: 'octets', type, value: contents.slice() };
    throw error;
  }
}

function exactly(contents: Uint8Array, length: number, name: string): Uint8Array {
  if (contents.length === length) return contents;
  throw new X2X3Error('range', `${name}: ${contents.length} octets, not ${length}`);
}
