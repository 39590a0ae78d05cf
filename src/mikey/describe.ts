/**
 * A message for people: every field with its registered name, as a structure (`--json`) and as text. Keys of key data
 * sub-payloads are not shown, only their length.
 */
import { fromUtf8, toHex } from '../bytes/octets.ts';
import { decodeChain, payloadType } from './chain.ts';
import { MikeyError } from './errors.ts';
import { decodeSrtpSessionData, type CommonHeader, type CsIdMap, type GenericIdEntry } from './header.ts';
import { ntpName } from './describe-values.ts';
import type { MikeyMessage } from './message.ts';
import type { LocatedPayload, Payload } from './payload.ts';
import { decodeKeyIds, type ExtPayload } from './payloads/ext.ts';
import type { KeyValidity } from './payloads/fields.ts';
import type { TpPayload } from './payloads/ticket.ts';
import * as registry from './registry.ts';
import type { Registry } from './registry.ts';

export type DescribedValue =
  string | number | boolean | readonly DescribedValue[] | { readonly [field: string]: DescribedValue };
export type DescribedFields = Readonly<Record<string, DescribedValue>>;

export interface DescribedPayload {
  readonly name: string;
  readonly type: number;
  readonly offset: number;
  readonly length: number;
  readonly fields: DescribedFields;
}

export interface DescribedMessage {
  readonly name: string;
  readonly octets: number;
  readonly header: DescribedFields;
  readonly payloads: readonly DescribedPayload[];
}

/** The structure behind `claviger mikey decode --json`. */
export function describeMessage(message: MikeyMessage, octets: number): DescribedMessage {
  return {
    name: registry.nameOf(registry.DATA_TYPE, message.header.dataType) ?? 'unregistered data type',
    octets,
    header: describeHeader(message.header),
    payloads: message.payloads.map(describePayload),
  };
}

/** The text of `claviger mikey decode`. */
export function renderMessage(message: DescribedMessage): string {
  const lines = [`${message.name}, ${message.octets} octets`, ...renderFields(message.header, '  ')];
  for (const payload of message.payloads) {
    lines.push(`${String(payload.offset).padStart(6)}  ${payload.name} (${payload.length} octets)`);
    lines.push(...renderFields(payload.fields, '          '));
  }
  return lines.join('\n') + '\n';
}

/** One payload of a message or of a sub-payload chain. */
export function describePayload(payload: LocatedPayload): DescribedPayload {
  const type = payloadType(payload);
  return {
    name: registry.nameOf(registry.PAYLOAD_TYPE, type) ?? 'unregistered payload',
    type,
    offset: payload.offset,
    length: payload.length,
    fields: fieldsOf(payload),
  };
}

function describeHeader(header: CommonHeader): DescribedFields {
  return {
    version: header.version,
    'data type': named(registry.DATA_TYPE, header.dataType),
    V: header.v ? 'response expected' : 'no response expected',
    'PRF func': named(registry.PRF_FUNC, header.prfFunc),
    'CSB ID': `0x${header.csbId.toString(16).padStart(8, '0')}`,
    '#CS': header.csCount,
    'CS ID map type': named(registry.CS_ID_MAP_TYPE, header.csIdMapType),
    ...describeMap(header.csIdMap),
  };
}

function describeMap(map: CsIdMap): DescribedFields {
  switch (map.kind) {
    case 'srtp-id':
      return {
        'crypto sessions': map.entries.map(({ policyNo, ssrc, roc }, i) => ({
          'CS ID': i + 1,
          'Policy no': policyNo,
          SSRC: `0x${ssrc.toString(16).padStart(8, '0')}`,
          ROC: roc,
        })),
      };
    case 'generic-id':
      return {
        'crypto sessions': map.entries.map((entry) => ({
          'CS ID': entry.csId,
          'Prot type': named(registry.PROT_TYPE, entry.protType),
          S: entry.s,
          Ps: entry.policies,
          'Session Data': describeSessionData(entry),
          SPI: toHex(entry.spi),
        })),
      };
    case 'empty':
      return {};
    case 'unknown':
      return { 'next payload': named(registry.PAYLOAD_TYPE, map.nextPayload), rest: toHex(map.rest) };
  }
}

/** SSRC, ROC and SEQ where the protocol is SRTP and the data have that form, else hex. */
function describeSessionData({ protType, s, sessionData }: GenericIdEntry): DescribedValue {
  const octets = toHex(sessionData);
  if (protType !== registry.PROT_TYPE.SRTP || sessionData.length !== (s ? 10 : 4)) return octets;
  const { ssrc, roc, seq } = decodeSrtpSessionData(sessionData, s);
  const counters = roc === null || seq === null ? {} : { ROC: roc, SEQ: seq };
  return { SSRC: `0x${ssrc.toString(16).padStart(8, '0')}`, ...counters };
}

function fieldsOf(payload: Payload): DescribedFields {
  switch (payload.kind) {
    case 'kemac':
      return {
        'Encr alg': named(registry.ENCR_ALG, payload.encrAlg),
        'Encr data': opaque(payload.encrData),
        'Mac alg': named(registry.MAC_ALG, payload.macAlg),
        MAC: toHex(payload.mac),
      };
    case 'pke':
      return { C: named(registry.CACHE_TYPE, payload.cache), Data: opaque(payload.data) };
    case 'dh':
      return {
        'DH-Group': named(registry.DH_GROUP, payload.group),
        'DH-value': toHex(payload.value),
        ...describeKv(payload.kv),
      };
    case 'sign':
      return { 'S type': named(registry.SIGN_TYPE, payload.type), Signature: toHex(payload.signature) };
    case 't':
      return timestamp(payload.tsType, payload.value);
    case 'tr':
      return {
        'TS Role': named(registry.TS_ROLE, payload.role),
        ...timestamp(payload.tsType, payload.value),
      };
    case 'id':
      return { 'ID Type': named(registry.ID_TYPE, payload.type), 'ID Data': text(payload.data) };
    case 'idr':
      return {
        'ID Role': named(registry.ID_ROLE, payload.role),
        'ID Type': named(registry.ID_TYPE, payload.type),
        'ID Data': text(payload.data),
      };
    case 'cert':
      return { 'Cert Type': named(registry.CERT_TYPE, payload.type), Certificate: opaque(payload.data) };
    case 'chash':
      return { 'Hash func': named(registry.HASH_FUNC, payload.hashFunc), Hash: toHex(payload.hash) };
    case 'v':
      return { 'Auth alg': named(registry.MAC_ALG, payload.authAlg), 'Ver data': toHex(payload.data) };
    case 'sp':
      return {
        'Policy no': payload.policyNo,
        'Prot type': named(registry.PROT_TYPE, payload.protType),
        'Policy param': payload.params.map(({ type, value }) => ({
          Type: payload.protType === 0 ? named(registry.SRTP_PARAM, type) : String(type),
          Value: toHex(value),
        })),
      };
    case 'rand':
      return { RAND: toHex(payload.rand) };
    case 'randr':
      return { 'RAND Role': named(registry.RAND_ROLE, payload.role), RAND: toHex(payload.rand) };
    case 'err':
      return { 'Error no': named(registry.ERROR_NO, payload.errorNo) };
    case 'tp':
      return describePolicy(payload);
    case 'ticket':
      return {
        ...describePolicy(payload),
        'Ticket Data': opaque(payload.ticketData),
        'Initiator Data': describeLedChain(payload.initiatorData),
      };
    case 'key-data':
      return {
        Type: named(registry.KEY_DATA_TYPE, payload.type),
        'Key data': hidden(payload.key.length),
        ...(payload.salt === null ? {} : { 'Salt data': hidden(payload.salt.length) }),
        ...describeKv(payload.kv),
      };
    case 'sk':
      return {
        Type: named(registry.SK_TYPE, payload.type),
        'Key data': hidden(payload.key.length),
        ...describeKv(payload.kv),
      };
    case 'ext':
      return { Type: named(registry.EXT_TYPE, payload.type), Data: describeExtension(payload) };
    case 'ibake':
    case 'esk':
      return { 'Encr data': opaque(payload.encrData) };
    case 'eccpt':
      return {
        'ECC Curve': named(registry.ECC_CURVE, payload.curve),
        'ECC Point': toHex(payload.point),
        ...describeKv(payload.kv),
      };
    case 'sakke':
      return {
        'SAKKE params': named(registry.SAKKE_PARAMS, payload.params),
        'ID scheme': named(registry.SAKKE_ID_SCHEME, payload.idScheme),
        'SAKKE data': opaque(payload.data),
      };
    case 'unknown':
      return { data: SECRET_TYPES.has(payload.type) ? hidden(payload.data.length) : toHex(payload.data) };
  }
}

/** A list of protocols as text, key IDs one by one, anything else, also broken key IDs, in hex. */
function describeExtension({ type, data }: ExtPayload): DescribedValue {
  if (type === registry.EXT_TYPE['SDP IDs']) return text(data);
  if (type !== registry.EXT_TYPE['Key ID']) return toHex(data);
  try {
    return decodeKeyIds(data).map((key) => ({
      'Key ID Type': named(registry.KEY_ID_TYPE, key.type),
      'Key ID': toHex(key.id),
    }));
  } catch (error) {
    if (error instanceof MikeyError) return toHex(data);
    throw error;
  }
}

function describePolicy(policy: Omit<TpPayload, 'kind'>): DescribedFields {
  return {
    'Ticket Type': named(registry.TICKET_TYPE, policy.ticketType),
    Subtype: policy.subtype,
    Version: policy.version,
    'PRF Func': named(registry.PRF_FUNC, policy.prfFunc),
    flags: 'DEFGHIJKLMNO'
      .split('')
      .filter((_, i) => (policy.flags & (0x800 >> i)) !== 0)
      .join(''),
    'TP Data': describeLedChain(policy.tpData),
  };
}

/**
 * The payloads of a chain behind an octet that names the first of them (RFC 6043 section 6.10); else, or where it is not
 * one, its octets.
 */
function describeLedChain(data: Uint8Array): DescribedValue {
  const [first] = data;
  if (first === undefined) return '';
  try {
    return decodeChain(first, data.subarray(1)).map((payload) => {
      const { name, fields } = describePayload(payload);
      return { payload: name, ...fields };
    });
  } catch (error) {
    if (error instanceof MikeyError) return toHex(data);
    throw error;
  }
}

function describeKv(kv: KeyValidity): DescribedFields {
  switch (kv.kind) {
    case 'null':
      return { KV: 'Null' };
    case 'spi':
      return { KV: 'SPI', SPI: toHex(kv.spi) };
    case 'interval':
      return { KV: 'Interval', 'Valid From': ntpName(kv.from), 'Valid To': ntpName(kv.to) };
  }
}

function timestamp(tsType: number, value: Uint8Array): DescribedFields {
  return {
    'TS type': named(registry.TS_TYPE, tsType),
    'TS value': tsType === registry.TS_TYPE.COUNTER ? toHex(value) : ntpName(value),
  };
}

/** Sub-payloads that hold keys even where they cannot be taken apart. */
const SECRET_TYPES: ReadonlySet<number> = new Set([registry.PAYLOAD_TYPE.KEY_DATA, registry.PAYLOAD_TYPE.SK]);

/** `name (value)`, or the bare value where the registry has none. */
function named(table: Registry, value: number): string {
  const name = registry.nameOf(table, value);
  return name === null ? String(value) : `${name} (${value})`;
}

function opaque(data: Uint8Array): DescribedFields {
  return { octets: data.length, hex: toHex(data) };
}

function hidden(octets: number): string {
  return `[secret], ${octets} octets`;
}

/** Printable ASCII as it is, everything else in hex. */
function text(data: Uint8Array): string {
  const printable = data.every((octet) => octet >= 0x20 && octet < 0x7f);
  return printable ? fromUtf8(data) : `0x${toHex(data)}`;
}

function renderFields(fields: DescribedFields, indent: string): string[] {
  return Object.entries(fields).flatMap(([name, value]) => renderValue(name, value, indent));
}

function renderValue(name: string, value: DescribedValue, indent: string): string[] {
  if (typeof value !== 'object') return [`${indent}${name}: ${shorten(String(value))}`];
  if (!isList(value)) return [`${indent}${name}:`, ...renderFields(value, indent + '  ')];
  if (value.length === 0) return [`${indent}${name}: none`];
  return [`${indent}${name}:`, ...value.flatMap((item) => renderItem(item, indent + '  '))];
}

function renderItem(item: DescribedValue, indent: string): string[] {
  if (typeof item !== 'object' || isList(item)) return renderValue('-', item, indent);
  const fields = Object.entries(item).map(([name, value]) => `${name} ${renderInline(value)}`);
  return [`${indent}- ${fields.join(', ')}`];
}

function renderInline(value: DescribedValue): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function isList(value: DescribedValue): value is readonly DescribedValue[] {
  return Array.isArray(value);
}

/** Long hex is cut for the eye; `--json` has all of it. */
function shorten(value: string): string {
  return value.length <= 96 ? value : `${value.slice(0, 80)}… (${value.length} characters)`;
}
