/**
 * A district's parameters and secrets as JSON: how an operator's set-up reaches the KMS, and how the demo reveals them when
 * asked to.
 *
 *     { "district", "serial", "keyLifetime", "notBefore"?, "notAfter"?, "hash"?,    the hash that goes with q, if absent
 *       "p", "q", "P": [x, y], "Ppub": [x, y], "masterSecret",        integers in hex with 0x
 *       "liRootKey"? }                                                32 octets in hex
 */
import { fromBigInt, fromHex, toBigInt, toHex } from '../../bytes/octets.ts';
import { Secret } from '../../bytes/secret.ts';
import type { AffinePoint } from '../../ibe/curve.ts';
import type { BfHash } from '../../ibe/hash.ts';
import { SECURITY_SIZES } from '../../ibe/parameters.ts';
import { KmsError } from './errors.ts';
import type { SerialRecord } from './ports.ts';

/** 9999-12-31T23:59:59Z, the last GeneralizedTime: no end. */
export const NO_END = 253_402_300_799;

export interface DistrictFile {
  readonly district: string;
  readonly keyLifetime: number;
  readonly serial: SerialRecord;
  /** Root of one epoch, where the file has one. */
  readonly liRoot: Secret | null;
}

/** @throws KmsError `refused` naming the field; whether the parameters are sound is for `District` to check */
export function decodeDistrictFile(json: unknown): DistrictFile {
  const fields = (typeof json === 'object' && json !== null ? json : {}) as Readonly<Record<string, unknown>>;
  const q = integer(fields, 'q');
  const hash = fields['hash'] ?? usualHash(q);
  if (hash !== 'sha224' && hash !== 'sha256' && hash !== 'sha384' && hash !== 'sha512')
    throw new KmsError('refused', 'district file: hash is not one of sha224, sha256, sha384, sha512');
  const masterSecret = integer(fields, 'masterSecret');
  if (masterSecret < 2n || masterSecret >= q)
    throw new KmsError('refused', 'district file: masterSecret is not between 2 and q − 1');
  return {
    district: string(fields, 'district'),
    keyLifetime: count(fields, 'keyLifetime', 86_400),
    serial: {
      serial: count(fields, 'serial'),
      notBefore: count(fields, 'notBefore', 0),
      notAfter: count(fields, 'notAfter', NO_END),
      bf: { hash, p: integer(fields, 'p'), q, P: point(fields, 'P'), Ppub: point(fields, 'Ppub') },
      masterSecret: masterSecretOctets(masterSecret, q),
    },
    liRoot: fields['liRootKey'] === undefined ? null : rootKey(string(fields, 'liRootKey')),
  };
}

/** The same as an object. Everything in it is secret: only for who asked for just that. */
export function revealDistrict(file: DistrictFile): Record<string, unknown> {
  const { serial } = file;
  const { bf } = serial;
  return {
    district: file.district,
    serial: serial.serial,
    keyLifetime: file.keyLifetime,
    ...(serial.notBefore === 0 ? {} : { notBefore: serial.notBefore }),
    ...(serial.notAfter === NO_END ? {} : { notAfter: serial.notAfter }),
    ...(bf.hash === usualHash(bf.q) ? {} : { hash: bf.hash }),
    p: hex(bf.p),
    q: hex(bf.q),
    P: [hex(bf.P.x), hex(bf.P.y)],
    Ppub: [hex(bf.Ppub.x), hex(bf.Ppub.y)],
    masterSecret: hex(toBigInt(serial.masterSecret.expose())),
    ...(file.liRoot === null ? {} : { liRootKey: toHex(file.liRoot.expose()) }),
  };
}

/** A master secret at the length of q. */
export function masterSecretOctets(masterSecret: bigint, q: bigint): Secret {
  return Secret.of(fromBigInt(masterSecret, Math.ceil(q.toString(16).length / 2)));
}

/** RFC 5091 section 5.1.2: each size has its hash. */
function usualHash(q: bigint): BfHash {
  return SECURITY_SIZES.find(({ qBits }) => qBits === q.toString(2).length)?.hash ?? 'sha256';
}

type Fields = Readonly<Record<string, unknown>>;

function string(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value !== 'string') throw new KmsError('refused', `district file: ${name} is not a string`);
  return value;
}

function count(fields: Fields, name: string, fallback?: number): number {
  const value = fields[name] ?? fallback;
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
    throw new KmsError('refused', `district file: ${name} is not a whole number`);
  return value;
}

function integer(fields: Fields, name: string): bigint {
  return hexInteger(fields[name], name);
}

function point(fields: Fields, name: string): AffinePoint {
  const value = fields[name];
  const [x, y, ...rest] = Array.isArray(value) ? (value as unknown[]) : [];
  if (rest.length > 0) throw new KmsError('refused', `district file: ${name} has more than two coordinates`);
  return { x: hexInteger(x, `${name}.x`), y: hexInteger(y, `${name}.y`) };
}

function hexInteger(value: unknown, name: string): bigint {
  if (typeof value !== 'string' || !/^0x[0-9a-fA-F]+$/.test(value))
    throw new KmsError('refused', `district file: ${name} is not an integer in hex`);
  return BigInt(value);
}

function rootKey(text: string): Secret {
  if (!/^[0-9a-fA-F]{64}$/.test(text))
    throw new KmsError('refused', 'district file: liRootKey is not 32 octets in hex');
  return Secret.of(fromHex(text));
}

function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}
