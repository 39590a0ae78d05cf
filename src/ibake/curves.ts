/**
 * The curves of the ECCPT sub-payload that are used (RFC 6267 table 5): P-256 by default, P-384, P-521. The others of
 * the table are recognised by the codec and refused here.
 *
 * K_SESSION is the uncompressed SEC 1 encoding of [x][y]P, both coordinates, so plain ECDH (the x-coordinate) is not
 * enough. The group is @noble/curves', whose formulas are complete and whose multiplication of secrets has a fixed
 * sequence of operations; BigInt below it is not constant time.
 */
import type { WeierstrassPoint } from '@noble/curves/abstract/weierstrass.js';
import { p256, p384, p521 } from '@noble/curves/nist.js';
import { fromBigInt, toBigInt } from '../bytes/octets.ts';
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
}

const GROUPS: readonly Group[] = [
  group(ECC_CURVE.secp256r1, 'P-256', 32, p256.Point),
  group(ECC_CURVE.secp384r1, 'P-384', 48, p384.Point),
  group(ECC_CURVE.secp521r1, 'P-521', 66, p521.Point),
];

/** The default, and the curve of every answer to an I_MESSAGE_1 that could not be read. */
export const DEFAULT_CURVE: number = ECC_CURVE.secp256r1;

/** The curve with that number; `null` if it is not one of the three. */
export function curveById(id: number): EcCurve | null {
  return GROUPS.find((known) => known.id === id) ?? null;
}

/** [secret]P, uncompressed. */
export function publicPoint(curve: EcCurve, secret: Secret): Uint8Array {
  return groupOf(curve).Point.BASE.multiply(scalar(secret)).toBytes(false);
}

/**
 * K_SESSION = [secret]Q, uncompressed.
 * @throws IbakeError `rejected` if Q is not a point that `isPoint` accepts
 */
export function sharedPoint(curve: EcCurve, secret: Secret, peer: Uint8Array): Secret {
  const point = parsePoint(curve, peer);
  if (point === null) throw new IbakeError('rejected', 'not a point of the curve');
  return Secret.of(point.multiply(scalar(secret)).toBytes(false));
}

/** Whether octets are an uncompressed point: 04 ‖ X ‖ Y, coordinates below p, on the curve (all have cofactor 1). */
export function isPoint(curve: EcCurve, octets: Uint8Array): boolean {
  return parsePoint(curve, octets) !== null;
}

/** An integer below n as the octets of a secret. */
export function secretOfInteger(curve: EcCurve, value: bigint): Secret {
  return Secret.of(fromBigInt(value, curve.octets));
}

/* ---------------------------------------------------------------- helpers */

function group(id: number, name: string, octets: number, Point: Group['Point']): Group {
  return { id, name, octets, Point, n: Point.Fn.ORDER };
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

function scalar(secret: Secret): bigint {
  return toBigInt(secret.expose());
}
