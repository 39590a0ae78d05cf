/**
 * HDR, the common header (RFC 3830 section 6.1), with its CS ID maps: SRTP-ID (6.1.1), Empty (RFC 4563 section 5),
 * GENERIC-ID (RFC 6043 section 6.1.1).
 *
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     !  version      !  data type    ! next payload  !V! PRF func    !
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     !                         CSB ID                                !
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     ! #CS           ! CS ID map type! CS ID map info                ~
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 * (RFC 3830 calls the map info "16 bits"; it is as long as its type makes it.)
 */
import { Reader } from '../bytes/reader.ts';
import { Writer } from '../bytes/writer.ts';
import { asMikey, MikeyError } from './errors.ts';
import { CS_ID_MAP_TYPE } from './registry.ts';

/** One crypto session of an SRTP-ID map; the i-th entry has CS ID i, from 1. */
export interface SrtpIdEntry {
  readonly policyNo: number;
  readonly ssrc: number;
  readonly roc: number;
}

/** One block of a GENERIC-ID map. */
export interface GenericIdEntry {
  readonly csId: number;
  readonly protType: number;
  /** S: for SRTP, whether the session data have ROC and SEQ. */
  readonly s: boolean;
  readonly policies: readonly number[];
  readonly sessionData: Uint8Array;
  readonly spi: Uint8Array;
}

export type CsIdMap =
  | { readonly kind: 'srtp-id'; readonly entries: readonly SrtpIdEntry[] }
  | { readonly kind: 'generic-id'; readonly entries: readonly GenericIdEntry[] }
  | { readonly kind: 'empty' }
  /** A map of unregistered type has no known extent: `rest` is all of the message after the map type. */
  | { readonly kind: 'unknown'; readonly nextPayload: number; readonly rest: Uint8Array };

export interface CommonHeader {
  readonly version: number;
  readonly dataType: number;
  /** V flag: a response is expected. */
  readonly v: boolean;
  /** 7 bits. */
  readonly prfFunc: number;
  readonly csbId: number;
  /** #CS: the number of entries, where the map has entries. */
  readonly csCount: number;
  readonly csIdMapType: number;
  readonly csIdMap: CsIdMap;
}

/** Reads the header from the start of a message. */
export function readHeader(reader: Reader): { header: CommonHeader; nextPayload: number } {
  const version = reader.u8('HDR version');
  const dataType = reader.u8('HDR data type');
  const nextPayload = reader.u8('HDR next payload');
  const lead = reader.u8('HDR V and PRF func');
  const csbId = reader.u32('HDR CSB ID');
  const csCount = reader.u8('HDR #CS');
  const csIdMapType = reader.u8('HDR CS ID map type');
  const csIdMap = readMap(reader, csIdMapType, csCount, nextPayload);
  const header = {
    version,
    dataType,
    v: (lead & 0x80) !== 0,
    prfFunc: lead & 0x7f,
    csbId,
    csCount,
    csIdMapType,
    csIdMap,
  };
  return { header, nextPayload };
}

/** Writes a header; an unknown map brings its own next-payload value. */
export function writeHeader(writer: Writer, header: CommonHeader, nextPayload: number): void {
  if (header.prfFunc < 0 || header.prfFunc > 0x7f)
    throw new MikeyError('unencodable', 'HDR PRF func has 7 bits');
  const next = header.csIdMap.kind === 'unknown' ? header.csIdMap.nextPayload : nextPayload;
  writer.u8(header.version).u8(header.dataType).u8(next);
  writer.u8((header.v ? 0x80 : 0) | header.prfFunc).u32(header.csbId);
  writer.u8(header.csCount).u8(header.csIdMapType);
  writeMap(writer, header);
}

/**
 * The SRTP-ID map, 9 octets a crypto session, and the GENERIC-ID map:
 *
 *     ! Policy_no_i   ! SSRC_i (4 octets)     ! ROC_i (4 octets)      !
 *
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     !     CS ID     !   Prot type   !S!     #P      ! Ps (OPTIONAL) ~
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     !      Session Data Length      !    Session Data (OPTIONAL)    ~
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     !  SPI Length   !                SPI (OPTIONAL)                 ~
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
function readMap(reader: Reader, type: number, csCount: number, nextPayload: number): CsIdMap {
  switch (type) {
    case CS_ID_MAP_TYPE['SRTP-ID']:
      return { kind: 'srtp-id', entries: times(csCount, () => readSrtpId(reader)) };
    case CS_ID_MAP_TYPE['Empty map']:
      return { kind: 'empty' };
    case CS_ID_MAP_TYPE['GENERIC-ID']:
      return { kind: 'generic-id', entries: times(csCount, () => readGenericId(reader)) };
    default:
      return { kind: 'unknown', nextPayload, rest: reader.rest() };
  }
}

function writeMap(writer: Writer, { csIdMap, csIdMapType, csCount }: CommonHeader): void {
  switch (csIdMap.kind) {
    case 'srtp-id':
      checkMap(csIdMapType, CS_ID_MAP_TYPE['SRTP-ID'], csCount, csIdMap.entries.length);
      for (const { policyNo, ssrc, roc } of csIdMap.entries) writer.u8(policyNo).u32(ssrc).u32(roc);
      break;
    case 'generic-id':
      checkMap(csIdMapType, CS_ID_MAP_TYPE['GENERIC-ID'], csCount, csIdMap.entries.length);
      for (const entry of csIdMap.entries) writeGenericId(writer, entry);
      break;
    case 'empty':
      checkMap(csIdMapType, CS_ID_MAP_TYPE['Empty map'], csCount, csCount);
      break;
    case 'unknown':
      writer.bytes(csIdMap.rest);
  }
}

function checkMap(type: number, expected: number, csCount: number, entries: number): void {
  if (type !== expected || csCount !== entries)
    throw new MikeyError('unencodable', 'HDR: map type or #CS contradicts the CS ID map info');
}

function readSrtpId(reader: Reader): SrtpIdEntry {
  return {
    policyNo: reader.u8('SRTP-ID Policy_no'),
    ssrc: reader.u32('SRTP-ID SSRC'),
    roc: reader.u32('SRTP-ID ROC'),
  };
}

function readGenericId(reader: Reader): GenericIdEntry {
  const csId = reader.u8('GENERIC-ID CS ID');
  const protType = reader.u8('GENERIC-ID Prot type');
  const lead = reader.u8('GENERIC-ID S and #P');
  const policies = [...reader.bytes(lead & 0x7f, 'GENERIC-ID Ps')];
  const sessionData = reader.bytes(reader.u16('GENERIC-ID Session Data Length'), 'GENERIC-ID Session Data');
  const spi = reader.bytes(reader.u8('GENERIC-ID SPI Length'), 'GENERIC-ID SPI');
  return { csId, protType, s: (lead & 0x80) !== 0, policies, sessionData, spi };
}

function writeGenericId(writer: Writer, entry: GenericIdEntry): void {
  if (entry.policies.length > 0x7f) throw new MikeyError('unencodable', 'GENERIC-ID #P has 7 bits');
  writer.u8(entry.csId).u8(entry.protType);
  writer.u8((entry.s ? 0x80 : 0) | entry.policies.length);
  for (const policy of entry.policies) writer.u8(policy);
  writer.u16(entry.sessionData.length).bytes(entry.sessionData);
  writer.u8(entry.spi.length).bytes(entry.spi);
}

/** Session data of Prot type SRTP in a GENERIC-ID map; ROC and SEQ where the S flag is set. */
export interface SrtpSessionData {
  readonly ssrc: number;
  readonly roc: number | null;
  readonly seq: number | null;
}

/**
 *     !                              SSRC                             !
 *     !                        ROC (OPTIONAL)                         !
 *     !         SEQ (OPTIONAL)          !
 */
export function decodeSrtpSessionData(data: Uint8Array, s: boolean): SrtpSessionData {
  return asMikey('malformed', 'GENERIC-ID Session Data', () => {
    const reader = new Reader(data);
    const ssrc = reader.u32('SSRC');
    const roc = s ? reader.u32('ROC') : null;
    const seq = s ? reader.u16('SEQ') : null;
    reader.end('Session Data');
    return { ssrc, roc, seq };
  });
}

export function encodeSrtpSessionData(data: SrtpSessionData): Uint8Array {
  const writer = new Writer(10).u32(data.ssrc);
  if (data.roc !== null && data.seq !== null) writer.u32(data.roc).u16(data.seq);
  return writer.finish();
}

function times<T>(count: number, make: () => T): T[] {
  return Array.from({ length: count }, make);
}
