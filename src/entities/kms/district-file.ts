/**
 * A district's parameters and secrets as JSON: how an operator's set-up reaches the KMS, and how the demo reveals them when
 * asked to.
 *
 *     { "district", "serial", "keyLifetime", "notBefore"?, "notAfter"?, "hash"?,    the hash that goes with q, if absent
 *       "p", "q", "P": [x, y], "Ppub": [x, y], "masterSecret",        integers in hex with 0x
 *       "liRootKey"? }                                                32 octets in hex
 */
import Type from 'typebox';
import { fromBigInt, fromHex, toBigInt, toHex } from '../../bytes/octets.ts';
import { faultText, Form, Unfit } from '../../bytes/schema.ts';
import { Secret } from '../../bytes/secret.ts';
import { GROUP_INTEGER, GROUP_POINT, hexOf, pointToJson } from '../../ibe/group-json.ts';
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

const count = (options: { default?: number } = {}) =>
  Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, errorMessage: 'a whole number', ...options });

const DISTRICT_FILE = Type.Decode(
  Type.Object({
    district: Type.String(),
    serial: count(),
    keyLifetime: count({ default: 86_400 }),
    notBefore: count({ default: 0 }),
    notAfter: count({ default: NO_END }),
    hash: Type.Optional(Type.Enum(['sha224', 'sha256', 'sha384', 'sha512'])),
    p: GROUP_INTEGER,
    q: GROUP_INTEGER,
    P: GROUP_POINT,
    Ppub: GROUP_POINT,
    masterSecret: GROUP_INTEGER,
    liRootKey: Type.Optional(
      Type.Decode(Type.String({ pattern: '^[0-9a-fA-F]{64}$', errorMessage: '32 octets in hex' }), (hex) =>
        Secret.of(fromHex(hex)),
      ),
    ),
  }),
  ({ district, keyLifetime, liRootKey: liRoot = null, ...file }): DistrictFile => {
    const { serial, notBefore, notAfter, p, q, P, Ppub, hash = usualHash(q) } = file;
    if (file.masterSecret < 2n || file.masterSecret >= q)
      throw new Unfit('between 2 and q − 1', 'masterSecret');
    const masterSecret = masterSecretOctets(file.masterSecret, q);
    const bf = { hash, p, q, P, Ppub };
    return { district, keyLifetime, serial: { serial, notBefore, notAfter, bf, masterSecret }, liRoot };
  },
);

const FORM = new Form(DISTRICT_FILE, { all: true });

/** @throws KmsError `refused` naming the fields; whether the parameters are sound is for `District` to check */
export function decodeDistrictFile(json: unknown): DistrictFile {
  return FORM.readOr(json, (faults) => {
    const told = faults.map((fault) => `district file: ${faultText(fault, 'all of it', 'field')}`);
    return new KmsError('refused', told.join('\n'));
  });
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
    p: hexOf(bf.p),
    q: hexOf(bf.q),
    P: pointToJson(bf.P),
    Ppub: pointToJson(bf.Ppub),
    masterSecret: hexOf(toBigInt(serial.masterSecret.expose())),
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
