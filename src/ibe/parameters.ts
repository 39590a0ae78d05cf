/**
 * Boneh–Franklin public parameters (RFC 5091 sections 5.1.2 and 8).
 *
 * ```asn1
 * BFPublicParameters ::= SEQUENCE {
 *   version     INTEGER { v2(2) },
 *   curve       OBJECT IDENTIFIER,      -- type1curve, y² = x³ + 1
 *   p           INTEGER,                -- prime, ≡ 11 (mod 12)
 *   q           INTEGER,                -- Solinas prime, divides p + 1
 *   pointP      FpPoint,                -- of order q
 *   pointPpub   FpPoint,                -- [s]P
 *   hashfcn     OBJECT IDENTIFIER
 * }
 * ```
 *
 * Decoding checks structure, form and ranges: what can be told without knowing whether p and q are prime. Primality,
 * orders and the table of sizes are `validateBfParameters`'s; the low level takes any size, since the RFC's own vectors
 * have q of 140 bits and p of 192.
 */
import { checkPrimeSync } from 'node:crypto';
import { derInteger, derOid, derSequence, type DerReader } from '../bytes/der.ts';
import { toHex } from '../bytes/octets.ts';
import { LeastRecentlyUsed } from './cache.ts';
import { IBE_VERSION, decodeVersioned, encodeFpPoint, readFpPoint, readNatural } from './codec.ts';
import { hasOrder, isOnCurve, type AffinePoint } from './curve.ts';
import { IbeError } from './errors.ts';
import { bitLength } from './field.ts';
import { checkShape } from './group.ts';
import { HASHES, digest, hashOfOid, type BfHash } from './hash.ts';
import { OID } from './oids.ts';

export interface BfParameters {
  readonly hash: BfHash;
  readonly p: bigint;
  readonly q: bigint;
  readonly P: AffinePoint;
  readonly Ppub: AffinePoint;
}

export function encodeBfPublicParameters(params: BfParameters): Uint8Array {
  return derSequence(
    derInteger(IBE_VERSION),
    derOid(OID.type1Curve),
    derInteger(params.p),
    derInteger(params.q),
    encodeFpPoint(params.P),
    encodeFpPoint(params.Ppub),
    derOid(HASHES[params.hash].oid),
  );
}

/** @throws IbeError `malformed`, `unsupported`, `parameters` or `point` */
export function decodeBfPublicParameters(der: Uint8Array): BfParameters {
  return decodeVersioned(der, 'BFPublicParameters', (inside) => {
    const curve = inside.oid('curve');
    if (curve !== OID.type1Curve) throw new IbeError('unsupported', `BFPublicParameters: curve ${curve}`);
    const p = readNatural(inside, 'p');
    const q = readNatural(inside, 'q');
    checkShape(p, q);
    const P = readPoint(inside, 'pointP', p);
    const Ppub = readPoint(inside, 'pointPpub', p);
    const oid = inside.oid('hashfcn');
    const hash = hashOfOid(oid);
    if (hash === null) throw new IbeError('unsupported', `BFPublicParameters: hash function ${oid}`);
    return { hash, p, q, P, Ppub };
  });
}

/** RFC 5091 section 5.1.2 step 2: n, and the sizes and the hash function that go with it. */
export interface SecuritySize {
  readonly n: number;
  readonly pBits: number;
  readonly qBits: number;
  readonly hash: BfHash;
}

/** The rows for districts. The RFC's first row, n = 1024 with SHA-1, is left out: 80 bits are too few. */
export const SECURITY_SIZES: readonly SecuritySize[] = [
  { n: 2048, pBits: 1024, qBits: 224, hash: 'sha224' },
  { n: 3072, pBits: 1536, qBits: 256, hash: 'sha256' },
  { n: 7680, pBits: 3840, qBits: 384, hash: 'sha384' },
  { n: 15360, pBits: 7680, qBits: 512, hash: 'sha512' },
];

/** A primality test of 7680 bits takes more than ten seconds: what has passed is remembered. */
const validated = new LeastRecentlyUsed<true>(64);

/**
 * Everything that a district's parameters must be: one of the table's sizes, p and q prime and of their form, P and
 * P_pub different points of order q. Parameters that passed are remembered by a digest of their DER, at most 64.
 * @throws IbeError `parameters` or `point`
 */
export function validateBfParameters(params: BfParameters): void {
  validated.get(toHex(digest('sha256', encodeBfPublicParameters(params))), () => {
    validateAnew(params);
    return true;
  });
}

function validateAnew(params: BfParameters): void {
  const { p, q, P, Ppub } = params;
  requireSize(params);
  checkShape(p, q);
  if (!checkPrimeSync(q)) throw new IbeError('parameters', 'q is not prime');
  if (!checkPrimeSync(p)) throw new IbeError('parameters', 'p is not prime');
  requireOrderQ(P, params, 'P');
  requireOrderQ(Ppub, params, 'P_pub');
  if (P.x === Ppub.x) throw new IbeError('parameters', 'P_pub is P or its negative');
}

/**
 * That a point, such as a private key as received, is on the curve and of order q.
 * @throws IbeError `point`
 */
export function requireOrderQ(point: AffinePoint, { p, q }: BfParameters, name = 'point'): void {
  if (!hasOrder(point, q, p)) throw new IbeError('point', `${name} is not a point of order q`);
}

function requireSize({ p, q, hash }: BfParameters): void {
  const fits = SECURITY_SIZES.some(
    (size) => size.pBits === bitLength(p) && size.qBits === bitLength(q) && size.hash === hash,
  );
  if (!fits) {
    throw new IbeError('parameters', `no such size: p ${bitLength(p)} bits, q ${bitLength(q)} bits, ${hash}`);
  }
}

function readPoint(reader: DerReader, field: string, p: bigint): AffinePoint {
  const point = readFpPoint(reader, field);
  if (!isOnCurve(point, p)) throw new IbeError('point', `${field} is not on the curve`);
  return point;
}
