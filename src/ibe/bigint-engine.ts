/**
 * Boneh–Franklin on BigInt (RFC 5091 section 5), in the order of computation that is fast rather than in the RFC's; the
 * values are the RFC's. With Q′ the raw hash point of the identity, h = (p+1)/q, Q_id = [h]Q′:
 *
 *     encrypt   θ^l   = e'(P_pub, Q′)^(h·l mod q)           e'(P_pub, Q′) kept per identity, P_pub's lines per district
 *     decrypt   θ′    = e'(S_id, U)                         S_id's lines kept per private key
 *     extract   S_id  = [h·s mod p+1]Q′                     one multiplication
 *     cold      θ′    = e'(U, Q′)^(h·s mod q)               no private key is computed
 *
 * What is kept is bounded (least recently used goes first): districts, and in each district identities and private
 * keys. A private key's lines are as secret as the key.
 *
 * **One answer.** Decryption does the same work for every ciphertext and every cause of failure: where U cannot be
 * used, P takes its place; a V of the wrong length or a W that is too long is replaced; every verdict falls at the end.
 *
 * **Not constant time.** BigInt's time depends on its values, secret ones included (see `field.ts`). What holds is only
 * that the sequence of operations of pairing and decryption does not depend on the verdict.
 */
import { toHex, utf8 } from '../bytes/octets.ts';
import { bfExponent, bfHashLength, bfMask, bfUnmask } from './bf.ts';
import type { BfCiphertext } from './blocks.ts';
import { LeastRecentlyUsed } from './cache.ts';
import { FixedBase, equalsAffine, isOnCurve, multiply, toAffine, type AffinePoint } from './curve.ts';
import type { IbeEngine } from './engine.ts';
import { IbeError } from './errors.ts';
import { mod, powerUnitary, unitary, type Fp2, type Unitary } from './field.ts';
import { groupOf, type Group } from './group.ts';
import { digest } from './hash.ts';
import { rawHashPoint } from './hash-to-point.ts';
import { FixedPairing } from './fixed-pairing.ts';
import { pairSquared } from './pairing.ts';
import { requireOrderQ, type BfParameters } from './parameters.ts';

/** How much is kept: districts, and identities and private keys of each. */
const DISTRICTS = 8;
const IDENTITIES = 1024;
const PRIVATE_KEYS = 32;

/** What is kept of a district. */
interface District {
  readonly params: BfParameters;
  readonly group: Group;
  /** Multiples of P and lines of P_pub, made when first needed: who only extracts needs neither. */
  base: FixedBase | null;
  ppub: FixedPairing | null;
  readonly identities: LeastRecentlyUsed<Identity>;
  readonly keys: LeastRecentlyUsed<FixedPairing>;
}

/** What is kept of an identity. */
interface Identity {
  /** Q′, x not 0. */
  readonly point: AffinePoint;
  /** e'(P_pub, Q′); made when first encrypted to. */
  theta: Unitary | null;
}

export function bigIntEngine(): IbeEngine {
  return new BigIntEngine();
}

class BigIntEngine implements IbeEngine {
  readonly #districts = new LeastRecentlyUsed<District>(DISTRICTS);

  encrypt(params: BfParameters, id: Uint8Array, message: Uint8Array, rho: Uint8Array): BfCiphertext {
    const district = this.#district(params);
    const { group } = district;
    if (rho.length !== bfHashLength(params)) throw new IbeError('range', 'rho is not of the hash length');
    if (message.length > bfHashLength(params)) throw new IbeError('range', 'message longer than a hash');
    const theta = thetaOf(district, id);
    const l = bfExponent(params, rho, message);
    const u = toAffine(baseOf(district).multiply(l), group.p);
    if (u === null) throw new IbeError('range', 'rho and message give l = 0');
    const exponent = (group.cofactor * l) % group.q;
    return { u, ...bfMask(params, powerUnitary(theta, exponent, group.p), rho, message) };
  }

  decrypt(params: BfParameters, privateKey: AffinePoint, ciphertext: BfCiphertext): Uint8Array | null {
    const district = this.#district(params);
    const lines = district.keys.get(pointKey(privateKey), () => linesOf(privateKey, params, district.group));
    return open(district, ciphertext, (u) => lines.pair(u));
  }

  decryptWithMaster(
    params: BfParameters,
    masterSecret: bigint,
    id: Uint8Array,
    ciphertext: BfCiphertext,
  ): Uint8Array | null {
    const district = this.#district(params);
    const { p, q, cofactor } = district.group;
    const { point } = identityOf(district, id);
    // The pairing of `pairSquared` is squared: (q + 1)/2 takes the root.
    const exponent = (((cofactor * masterSecret) % q) * ((q + 1n) / 2n)) % q;
    return open(district, ciphertext, (u) => {
      const squared = pairSquared(u, point, district.group);
      return powerUnitary(unitary(squared, p), exponent, p);
    });
  }

  extract(params: BfParameters, masterSecret: bigint, id: Uint8Array): AffinePoint {
    const district = this.#district(params);
    const { p, cofactor } = district.group;
    const key = multiply(identityOf(district, id).point, (cofactor * masterSecret) % (p + 1n), p);
    if (key === null) throw new IbeError('identity', 'identity hashes to no usable point');
    return key;
  }

  #district(params: BfParameters): District {
    return this.#districts.get(districtKey(params), () => makeDistrict(params));
  }
}

function makeDistrict(params: BfParameters): District {
  const group = groupOf(params.p, params.q);
  return {
    params,
    group,
    base: null,
    ppub: null,
    identities: new LeastRecentlyUsed(IDENTITIES),
    keys: new LeastRecentlyUsed(PRIVATE_KEYS),
  };
}

function identityOf(district: District, id: Uint8Array): Identity {
  const { hash, p } = district.params;
  return district.identities.get(toHex(digest('sha256', id)), () => {
    const point = rawHashPoint(hash, id, p);
    // x = 0 is the point of order 3 (y = ±1), on which √−3 is not defined: Q_id = 0.
    if (point.x === 0n) throw new IbeError('identity', 'identity hashes to no usable point');
    return { point, theta: null };
  });
}

function baseOf(district: District): FixedBase {
  const { P, q, p } = district.params;
  district.base ??= new FixedBase(P, q, p);
  return district.base;
}

/** The lines of a point, once it is known to have order q. */
function linesOf(point: AffinePoint, params: BfParameters, group: Group): FixedPairing {
  requireOrderQ(point, params);
  return new FixedPairing(point, group);
}

function thetaOf(district: District, id: Uint8Array): Unitary {
  const identity = identityOf(district, id);
  if (identity.theta !== null) return identity.theta;
  const { params, group } = district;
  district.ppub ??= linesOf(params.Ppub, params, group);
  const theta = unitary(district.ppub.pair(identity.point), group.p);
  if (isOne(theta, group.p)) throw new IbeError('identity', 'identity hashes to no usable point');
  identity.theta = theta;
  return theta;
}

/** Algorithm 5.5.1 with `pair` for e'(·, S_id); the same work whatever is wrong. */
function open(
  district: District,
  ciphertext: BfCiphertext,
  pair: (u: AffinePoint) => Fp2,
): Uint8Array | null {
  const { params, group } = district;
  const length = bfHashLength(params);
  const goodU = isOnCurve(ciphertext.u, group.p) && ciphertext.u.y !== 0n && ciphertext.u.x !== 0n;
  const goodV = ciphertext.v.length === length;
  const goodW = ciphertext.w.length <= length;
  const u = goodU ? ciphertext.u : params.P;
  const theta = pair(u);
  const { message, l } = bfUnmask(params, theta, {
    v: goodV ? ciphertext.v : new Uint8Array(length),
    w: goodW ? ciphertext.w : new Uint8Array(length),
  });
  // l = 0 gives the point at infinity, which equals no U.
  const same = equalsAffine(baseOf(district).multiply(l), u, group.p);
  return goodU && goodV && goodW && !isOne(theta, group.p) && same ? message : null;
}

function isOne(theta: Fp2, p: bigint): boolean {
  return mod(theta.re, p) === 1n && mod(theta.im, p) === 0n;
}

function districtKey({ hash, p, q, P, Ppub }: BfParameters): string {
  return [hash, ...[p, q, P.x, P.y, Ppub.x, Ppub.y].map((number) => number.toString(16))].join(' ');
}

/** A key for the table of private keys that does not spell them out. */
function pointKey({ x, y }: AffinePoint): string {
  return toHex(digest('sha256', utf8(`${x.toString(16)} ${y.toString(16)}`)));
}
