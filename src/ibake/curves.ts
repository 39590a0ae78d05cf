/**
 * The curves of the ECCPT sub-payload that are used (RFC 6267 table 5): P-256 by default, P-384, P-521. The others of
 * the table are recognised by the codec and refused here.
 *
 * K_SESSION is the uncompressed SEC 1 encoding of [x][y]P, both coordinates, where ECDH gives the first alone. Every
 * multiple of a secret is OpenSSL's, which is fast and does not depend on the secret in its time; the sign of the second
 * coordinate then follows from one more multiple, since K and −K differ in what adding Q makes of them:
 *
 *     K = ±(X, Y) with X = ECDH(d, Q);   K + Q = [d+1]Q has the first coordinate ECDH(d+1, Q)
 *
 * d + 1, the square root that gives ±Y, and that one addition of K are on BigInt (@noble/curves), whose time depends on
 * values: each value is of one exchange, and met a few times at most. So is parsing and checking points, which are public
 * to whoever opened the container.
 */
import { createECDH, type ECDH } from 'node:crypto';
import type { WeierstrassPoint } from '@noble/curves/abstract/weierstrass.js';
import { p256, p384, p521 } from '@noble/curves/nist.js';
import { concat, fromBigInt, toBigInt } from '../bytes/octets.ts';
import { Secret } from '../bytes/secret.ts';
import { ECC_CURVE } from '../mikey/registry.ts';
import { IbakeError } from './errors.ts';

export interface EcCurve {
  /** Value of the ECC Curve field. */
  readonly id: number;
  readonly name: string;
  /** Order of the base point P. */
  readonly n: bigint;
  /** Octets of n and of a field element. */
  readonly octets: number;
}

interface Group extends EcCurve {
  readonly Point: typeof p256.Point;
  /** OpenSSL's name. */
  readonly openssl: string;
}

const GROUPS: readonly Group[] = [
  group(ECC_CURVE.secp256r1, 'P-256', 32, p256.Point, 'prime256v1'),
  group(ECC_CURVE.secp384r1, 'P-384', 48, p384.Point, 'secp384r1'),
  group(ECC_CURVE.secp521r1, 'P-521', 66, p521.Point, 'secp521r1'),
];

/** The default, and the curve of every answer to an I_MESSAGE_1 that could not be read. */
export const DEFAULT_CURVE: number = ECC_CURVE.secp256r1;

/** The curve with that number; `null` if it is not one of the three. */
export function curveById(id: number): EcCurve | null {
  return GROUPS.find((known) => known.id === id) ?? null;
}

/** [secret]P, uncompressed. */
export function publicPoint(curve: EcCurve, secret: Secret): Uint8Array {
  return new Uint8Array(holding(groupOf(curve), secret.expose()).getPublicKey());
}

/**
 * K_SESSION = [secret]Q, uncompressed.
 * @throws IbakeError `rejected` if Q is not a point that `isPoint` accepts
 */
export function sharedPoint(curve: EcCurve, secret: Secret, peer: Uint8Array): Secret {
  const point = parsePoint(curve, peer);
  if (point === null) throw new IbakeError('rejected', 'not a point of the curve');
  const group = groupOf(curve);
  const following = (toBigInt(secret.expose()) + 1n) % curve.n;
  // [n−1]Q = −Q, and [n]Q has no coordinates to compare.
  if (following === 0n) return Secret.of(point.negate().toBytes(false));
  const x = holding(group, secret.expose()).computeSecret(peer);
  const next = holding(group, fromBigInt(following, curve.octets)).computeSecret(peer);
  const candidate = group.Point.fromBytes(concat(Uint8Array.of(0x02), x));
  const isRightSign = candidate.add(point).toAffine().x === toBigInt(next);
  const shared = Secret.of((isRightSign ? candidate : candidate.negate()).toBytes(false));
  for (const octets of [x, next]) octets.fill(0);
  return shared;
}

/** Whether octets are an uncompressed point: 04 ‖ X ‖ Y, coordinates below p, on the curve (all have cofactor 1). */
export function isPoint(curve: EcCurve, octets: Uint8Array): boolean {
  return parsePoint(curve, octets) !== null;
}

/* ---------------------------------------------------------------- helpers */

function group(id: number, name: string, octets: number, Point: Group['Point'], openssl: string): Group {
  return { id, name, octets, Point, n: Point.Fn.ORDER, openssl };
}

function groupOf(curve: EcCurve): Group {
  const found = GROUPS.find(({ id }) => id === curve.id);
  if (found === undefined) throw new IbakeError('state', 'no such curve');
  return found;
}

function parsePoint(curve: EcCurve, octets: Uint8Array): WeierstrassPoint<bigint> | null {
  if (octets.length !== 1 + 2 * curve.octets || octets[0] !== 0x04) return null;
  try {
    const point = groupOf(curve).Point.fromBytes(octets);
    point.assertValidity();
    return point;
  } catch {
    return null;
  }
}

function holding({ openssl }: Group, scalar: Uint8Array): ECDH {
  const ecdh = createECDH(openssl);
  ecdh.setPrivateKey(scalar);
  return ecdh;
}
