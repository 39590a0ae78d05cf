/**
 * An endpoint's side of REQUEST_KEY, made and read by hand from the RFCs' diagrams: no codec, no key derivation of the
 * product.
 */
import { counterMode, mac, messageKey } from '../../../support/rfc3830.ts';
import type { PrfHash } from '../../../support/rfc3830.ts';

/** Error numbers of RFC 3830 table 6.12. */
export const AUTH_FAILURE = 0;
export const INVALID_TS = 1;
export const INVALID_PRF = 2;
export const INVALID_MAC = 3;
export const INVALID_HA = 5;
export const INVALID_ID = 7;
export const INVALID_CERT = 8;
export const INVALID_DT = 11;
export const UNSPECIFIED = 12;

export interface RequestOptions {
  readonly psk: Uint8Array;
  readonly uris: readonly string[];
  readonly district: string;
  /** Unix seconds. */
  readonly time: number;
  readonly credential?: string;
  readonly csbId?: string;
  readonly rand?: string;
  readonly prfFunc?: 0 | 1;
  readonly wanted?: { readonly from?: number; readonly to?: number };
}

export interface Issued {
  readonly uri: string;
  readonly type: number;
  readonly key: Buffer;
  /** Unix seconds, `null` for KV 0. */
  readonly from: number | null;
  readonly to: number | null;
}

function hashOf(prfFunc: 0 | 1): PrfHash {
  return prfFunc === 1 ? 'sha256' : 'sha1';
}

const u16 = (value: number) => Buffer.from([value >> 8, value & 0xff]);

export function ntp(unix: number): Buffer {
  const octets = Buffer.alloc(8);
  octets.writeUInt32BE((Math.floor(unix) + 2_208_988_800) % 2 ** 32, 0);
  octets.writeUInt32BE(Math.floor((unix % 1) * 2 ** 32), 4);
  return octets;
}

function unix(octets: Buffer): number {
  const seconds = octets.readUInt32BE(0);
  return (seconds < 2 ** 31 ? seconds + 2 ** 32 : seconds) - 2_208_988_800 + octets.readUInt32BE(4) / 2 ** 32;
}

function parts(options: RequestOptions) {
  const prfFunc = options.prfFunc ?? 1;
  return {
    prfFunc,
    hash: hashOf(prfFunc),
    macBits: prfFunc === 1 ? 256 : 160,
    authAlg: prfFunc === 1 ? 2 : 1,
    csbId: Buffer.from(options.csbId ?? '0badcafe', 'hex'),
    rand: Buffer.from(options.rand ?? '000102030405060708090a0b0c0d0e0f', 'hex'),
    t: ntp(options.time),
    identities: [...options.uris, options.district].map((uri) => Buffer.from(uri)),
  };
}

/** REQUEST_KEY_PSK: HDR, T, RAND, (IDRi), IDRkms, [IDRpsk], [TRs], [TRe], V. */
export function request(options: RequestOptions): Uint8Array {
  const { prfFunc, hash, macBits, authAlg, csbId, rand, t, identities } = parts(options);
  const idr = (role: number, type: number, data: Buffer): [number, Buffer] => [
    14,
    Buffer.concat([Buffer.from([role, type]), u16(data.length), data]),
  ];
  const tr = (role: number, time: number): [number, Buffer] => [
    13,
    Buffer.concat([Buffer.from([role, 0]), ntp(time)]),
  ];
  const payloads: [number, Buffer][] = [
    [5, Buffer.concat([Buffer.from([0]), t])],
    [11, Buffer.concat([Buffer.from([rand.length]), rand])],
    ...options.uris.map((uri) => idr(1, 1, Buffer.from(uri))),
    idr(3, 1, Buffer.from(options.district)),
  ];
  if (options.credential !== undefined) payloads.push(idr(4, 2, Buffer.from(options.credential)));
  if (options.wanted?.from !== undefined) payloads.push(tr(2, options.wanted.from));
  if (options.wanted?.to !== undefined) payloads.push(tr(3, options.wanted.to));
  payloads.push([9, Buffer.from([authAlg])]);
  const chain = payloads.map(([, body], i) =>
    Buffer.concat([Buffer.from([payloads[i + 1]?.[0] ?? 0]), body]),
  );
  const header = Buffer.concat([Buffer.from([1, 19, 5, 0x80 | prfFunc]), csbId, Buffer.from([0, 1])]);
  const covered = Buffer.concat([header, ...chain]);
  const authKey = messageKey('2d22ac75', hash, options.psk, csbId, rand, macBits);
  return new Uint8Array(Buffer.concat([covered, mac(hash, authKey, covered, ...identities)]));
}

/** The error number of an Error message, `null` for anything else. */
export function errorOf(answer: Uint8Array): number | null {
  if (answer[1] !== 6) return null;
  return Buffer.from(answer).readUInt8(answer.length - 3);
}

/** Checks V, opens KEMAC, and reads what is in it. @throws Error where the answer is not what it should be */
export function open(answer: Uint8Array, options: RequestOptions): Issued[] {
  const { prfFunc, hash, macBits, authAlg, csbId, rand, t, identities } = parts(options);
  const octets = Buffer.from(answer);
  const header = Buffer.concat([Buffer.from([1, 21, 5, prfFunc]), csbId, Buffer.from([0, 1])]);
  expectOctets('header', octets.subarray(0, 10), header);
  expectOctets('T', octets.subarray(10, 20), Buffer.concat([Buffer.from([14, 0]), t]));
  let at = 20;
  identities.forEach((identity, i) => {
    const last = i === identities.length - 1;
    const expected = Buffer.concat([
      Buffer.from([last ? 1 : 14, last ? 3 : 1, 1]),
      u16(identity.length),
      identity,
    ]);
    expectOctets('IDR', octets.subarray(at, at + expected.length), expected);
    at += expected.length;
  });
  expectOctets('KEMAC', octets.subarray(at, at + 2), Buffer.from([9, 1]));
  const length = octets.readUInt16BE(at + 2);
  const sealed = octets.subarray(at + 4, at + 4 + length);
  at += 4 + length;
  expectOctets('Mac alg and V', octets.subarray(at, at + 3), Buffer.from([0, 0, authAlg]));
  const authKey = messageKey('2d22ac75', hash, options.psk, csbId, rand, macBits);
  expectOctets('MAC', octets.subarray(at + 3), mac(hash, authKey, octets.subarray(0, at + 3), ...identities));
  const encrKey = messageKey('150533e1', hash, options.psk, csbId, rand, 128);
  const salt = messageKey('29b88916', hash, options.psk, csbId, rand, 112);
  return readKeys(counterMode(encrKey, salt, csbId, t, sealed));
}

/** IDR, Key Data, [Key Data], again and again. */
function readKeys(plain: Buffer): Issued[] {
  const issued: Issued[] = [];
  let uri = '';
  let next = 14;
  let at = 0;
  while (next !== 0) {
    const type = next;
    next = plain.readUInt8(at);
    if (type === 14) {
      expectOctets('IDR in KEMAC', plain.subarray(at + 1, at + 3), Buffer.from([1, 1]));
      const length = plain.readUInt16BE(at + 3);
      uri = plain.subarray(at + 5, at + 5 + length).toString();
      at += 5 + length;
      continue;
    }
    if (type !== 20) throw new Error(`payload ${type} in KEMAC`);
    const lead = plain.readUInt8(at + 1);
    const length = plain.readUInt16BE(at + 2);
    const key = plain.subarray(at + 4, at + 4 + length);
    at += 4 + length;
    const hasInterval = (lead & 0x0f) === 2;
    issued.push({
      uri,
      type: lead >> 4,
      key,
      from: hasInterval ? interval(plain, at) : null,
      to: hasInterval ? interval(plain, at + 9) : null,
    });
    at += hasInterval ? 18 : 0;
  }
  if (at !== plain.length) throw new Error('octets after the last key');
  return issued;
}

function interval(plain: Buffer, at: number): number {
  if (plain.readUInt8(at) !== 8) throw new Error('VF or VT is not 8 octets');
  return unix(plain.subarray(at + 1, at + 9));
}

function expectOctets(what: string, actual: Uint8Array, expected: Uint8Array): void {
  if (Buffer.compare(actual, expected) !== 0)
    throw new Error(
      `${what}: ${Buffer.from(actual).toString('hex')} is not ${Buffer.from(expected).toString('hex')}`,
    );
}
