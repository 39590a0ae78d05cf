/**
 * X2 and X3 PDUs (TS 103 221-2 v1.6.1 clause 5): one fixed header, conditional attributes, a payload as intercepted.
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +-------------------------------+-------------------------------+
 *     |    Version (major, minor)     |           PDU Type            |
 *     +-------------------------------+-------------------------------+
 *     |                         Header Length                         |
 *     +---------------------------------------------------------------+
 *     |                         Payload Length                        |
 *     +-------------------------------+-------------------------------+
 *     |        Payload Format         |       Payload Direction       |
 *     +-------------------------------+-------------------------------+
 *     |                                                               |
 *     |                         XID (16 octets)                       |
 *     |                                                               |
 *     |                                                               |
 *     +---------------------------------------------------------------+
 *     |                    Correlation ID (8 octets)                  |
 *     |                                                               |
 *     +---------------------------------------------------------------+
 *     ~    Conditional Attributes, to Header Length (40 without any)  ~
 *     +---------------------------------------------------------------+
 *     ~                      Payload (Payload Length)                 ~
 *     +---------------------------------------------------------------+
 *
 * A keepalive and its acknowledgement have version, type, header length and a sequence number attribute; all else is
 * zero. Implementations are in the field that write version 0x0500 (the octets swapped) and a bare matched target; the
 * codec keeps what it reads, and the receiver decides.
 */
import { fromHex, toHex } from '../../bytes/octets.ts';
import { Reader } from '../../bytes/reader.ts';
import { Writer } from '../../bytes/writer.ts';
import type { Attribute, ReadContents } from './attributes.ts';
import { ATTRIBUTE, decodeAttributes, decodeContents, encodeAttribute } from './attributes.ts';
import { X2X3Error } from './errors.ts';
import type { X2X3Sizes } from './limits.ts';

/** Major 0, minor 5. */
export const X2X3_VERSION = 0x0005;

/** Table 5.2-1. */
export const PDU_TYPE = { x2: 1, x3: 2, keepalive: 3, keepaliveAck: 4 } as const;

/** Clause 5.2.7. */
export const DIRECTION = {
  keepalive: 0,
  unknown: 1,
  toTarget: 2,
  fromTarget: 3,
  several: 4,
  notApplicable: 5,
} as const;

/** Clause 5.4, table 5.4-1. */
export const PAYLOAD_FORMAT = {
  keepalive: 0,
  etsi102232: 1,
  threeGpp33128: 2,
  threeGpp33108: 3,
  proprietary: 4,
  ipv4: 5,
  ipv6: 6,
  ethernet: 7,
  rtp: 8,
  sip: 9,
  dhcp: 10,
  radius: 11,
  gtpU: 12,
  msrp: 13,
  epsIriContent: 14,
  mime: 15,
  unstructured: 16,
} as const;

/** Octets of the header without attributes. */
export const FIXED_HEADER = 40;

export interface Pdu {
  /** Two octets: major, minor. */
  readonly version: number;
  /** One of `PDU_TYPE`, or a value that this table does not know. */
  readonly type: number;
  readonly payloadFormat: number;
  readonly direction: number;
  /** UUID in lower case. */
  readonly xid: string;
  /** 8 octets. */
  readonly correlation: Uint8Array;
  readonly attributes: readonly Attribute[];
  readonly payload: Uint8Array;
}

export const NIL_XID = '00000000-0000-0000-0000-000000000000';

/** @param most sizes above which a PDU is refused. @throws X2X3Error `range`, `too-large` */
export function encodePdu(pdu: Pdu, most?: X2X3Sizes): Uint8Array {
  return assemblePdu(pdu, xidOctets(pdu.xid), pdu.attributes.map(encodeAttribute), most);
}

/** As `encodePdu`, of a PDU whose XID and attributes are encoded. */
export function assemblePdu(
  pdu: Omit<Pdu, 'xid' | 'attributes'>,
  xid: Uint8Array,
  attributes: readonly Uint8Array[],
  most?: X2X3Sizes,
): Uint8Array {
  const headerLength = attributes.reduce((sum, octets) => sum + octets.length, FIXED_HEADER);
  if (most !== undefined && headerLength > most.header) {
    throw new X2X3Error('too-large', `header of ${headerLength} octets`);
  }
  if (most !== undefined && pdu.payload.length > most.payload) {
    throw new X2X3Error('too-large', `payload of ${pdu.payload.length} octets`);
  }
  if (pdu.correlation.length !== 8) throw new X2X3Error('range', 'correlation ID: not 8 octets');
  const writer = new Writer(headerLength + pdu.payload.length)
    .u16(pdu.version)
    .u16(pdu.type)
    .u32(headerLength)
    .u32(pdu.payload.length)
    .u16(pdu.payloadFormat)
    .u16(pdu.direction)
    .bytes(xid)
    .bytes(pdu.correlation);
  for (const attribute of attributes) writer.bytes(attribute);
  return writer.bytes(pdu.payload).take();
}

/** How parts are read that are the same in PDU after PDU. */
export interface PartReaders {
  readonly xid: (octets: Uint8Array) => string;
  readonly contents: ReadContents;
  /** Of a PDU of that type. */
  readonly payload: (octets: Uint8Array, type: number) => Uint8Array;
}

const EACH_ANEW: PartReaders = {
  xid: xidText,
  contents: decodeContents,
  payload: (octets) => octets.slice(),
};

/**
 * Decodes exactly one PDU; octets before or after it are refused.
 * @throws BytesError, X2X3Error
 */
export function decodePdu(octets: Uint8Array): Pdu {
  return decodePduWith(octets, EACH_ANEW);
}

/** As `decodePdu`. @throws BytesError, X2X3Error, and what the readers of parts throw */
export function decodePduWith(octets: Uint8Array, parts: PartReaders): Pdu {
  const reader = new Reader(octets);
  const version = reader.u16('version');
  const type = reader.u16('PDU type');
  const headerLength = reader.u32('header length');
  const payloadLength = reader.u32('payload length');
  if (headerLength < FIXED_HEADER) throw new X2X3Error('range', `header length ${headerLength}`);
  const payloadFormat = reader.u16('payload format');
  const direction = reader.u16('payload direction');
  const xid = parts.xid(reader.view(16, 'XID'));
  const correlation = reader.bytes(8, 'correlation ID');
  const header = reader.sub(headerLength - FIXED_HEADER, 'conditional attributes');
  const attributes = decodeAttributes(header, parts.contents);
  const payload = parts.payload(reader.view(payloadLength, 'payload'), type);
  reader.end('PDU');
  return { version, type, payloadFormat, direction, xid, correlation, attributes, payload };
}

/** A keepalive, or the acknowledgement of the one with that sequence number. */
export function keepalivePdu(type: 3 | 4, sequenceNumber: number): Pdu {
  return {
    version: X2X3_VERSION,
    type,
    payloadFormat: PAYLOAD_FORMAT.keepalive,
    direction: DIRECTION.keepalive,
    xid: NIL_XID,
    correlation: new Uint8Array(8),
    attributes: [{ kind: 'number', type: ATTRIBUTE.sequenceNumber, value: sequenceNumber }],
    payload: new Uint8Array(0),
  };
}

/** The text of the first attribute of that type, or `null`. */
export function textAttribute(pdu: Pdu, type: number): string | null {
  const found = firstOf(pdu, type);
  return found?.kind === 'text' ? found.value : null;
}

/** The number of the first attribute of that type, or `null`. */
export function numberAttribute(pdu: Pdu, type: number): number | null {
  const found = firstOf(pdu, type);
  return found?.kind === 'number' ? found.value : null;
}

/** Attribute 9 as Unix milliseconds with a fraction, or `null`. */
export function timestampOf({ attributes }: Pdu): number | null {
  for (const each of attributes)
    if (each.kind === 'timestamp') return each.seconds * 1000 + each.nanoseconds / 1e6;
  return null;
}

/** Attribute 9 from Unix milliseconds. */
export function timestampAttribute(unixMs: number): Attribute {
  return { kind: 'timestamp', type: ATTRIBUTE.timestamp, ...timestampParts(unixMs) };
}

/** The contents of attribute 9 from Unix milliseconds, which may have a fraction. */
export function timestampParts(unixMs: number): { readonly seconds: number; readonly nanoseconds: number } {
  const microseconds = Math.round(unixMs * 1000);
  return {
    seconds: Math.floor(microseconds / 1_000_000),
    nanoseconds: (microseconds % 1_000_000) * 1000,
  };
}

/* ---------------------------------------------------------------- helpers */

/** Asked several times for each packet: without a function for each. */
function firstOf({ attributes }: Pdu, type: number): Attribute | null {
  for (const attribute of attributes) if (attribute.type === type) return attribute;
  return null;
}

/** @throws X2X3Error `range` if it is not a UUID */
export function xidOctets(xid: string): Uint8Array {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(xid)) {
    throw new X2X3Error('range', 'XID: not a UUID');
  }
  return fromHex(xid.replaceAll('-', ''));
}

/** UUID in lower case of 16 octets. */
export function xidText(octets: Uint8Array): string {
  const hex = toHex(octets);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
