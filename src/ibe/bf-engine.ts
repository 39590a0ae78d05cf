/**
 * Boneh–Franklin (RFC 5091 section 5) over any arithmetic, in the order of computation that is fast rather than in the
 * RFC's; the values are the RFC's. With Q′ the raw hash point of the identity, h = (p+1)/q, Q_id = [h]Q′:
 *
 *     encrypt   θ^l   = e'(P_pub, Q′)^(h·l mod q)           e'(P_pub, Q′) kept per identity, P_pub's lines per district
 *     decrypt   θ′    = e'(S_id, U)                         S_id's lines kept per private key
 *     extract   S_id  = [h·s]Q′
 *     cold      θ′    = e'(U, Q′)^(h·s mod q)               no private key is computed
 *
 * Whoever holds the master secret is asked about some identities again and again. For the third and later ciphertexts of
 * an identity its private key is extracted after all and its lines kept, as those of other keys are.
 *
 * What is kept is bounded (least recently used goes first, and is wiped where the arithmetic can): districts, and in
 * each district identities and private keys. A private key's lines are as secret as the key.
 *
 * **One answer.** Decryption does the same work for every ciphertext and every cause of failure: where U cannot be
 * used, P takes its place; a V of the wrong length or a W that is too long is replaced; every verdict falls at the end.
 */
import { toHex, utf8 } from '../bytes/octets.ts';
import { bfExponent, bfHashLength, bfMask, bfUnmask } from './bf.ts';
import type { BfCiphertext } from './blocks.ts';
import { LeastRecentlyUsed } from './cache.ts';
import { isOnCurve, type AffinePoint } from './curve.ts';
import type { IbeEngine } from './engine.ts';
import { IbeError } from './errors.ts';
import { mod, type Fp2 } from './field.ts';
import { checkShape } from './group.ts';
import { digest } from './hash.ts';
import type { BfParameters } from './parameters.ts';

/** The computations of one district. `Theta` and `Lines` are what it keeps, in its own form. */
export interface BfArithmetic<Theta, Lines> {
  /** Q′. */
  hashPoint(id: Uint8Array): AffinePoint;
  /** e'(P_pub, Q′), ready for powers; `null` if it is 1. */
  theta(point: AffinePoint): Theta | null;
  /** θ to the power of a number below q. */
  thetaPower(theta: Theta, exponent: bigint): Fp2;
  /** [l]P, l below q; `null` is the point at infinity. */
  baseMultiple(l: bigint): AffinePoint | null;
  /** Whether [l]P = U. */
  isBaseMultiple(l: bigint, u: AffinePoint): boolean;
  /** @throws IbeError `point` if the private key is not a point of order q */
  lines(privateKey: AffinePoint): Lines;
  /** e'(S_id, U) from S_id's lines. */
  pair(lines: Lines, u: AffinePoint): Fp2;
  /** e'(U, Q′)^(h·s). */
  pairWithMaster(u: AffinePoint, point: AffinePoint, masterSecret: bigint): Fp2;
  /** [h·s]Q′; `null` is the point at infinity. */
  privateKey(point: AffinePoint, masterSecret: bigint): AffinePoint | null;
  /** Overwrites and gives back what is no longer kept. */
  forgetTheta(theta: Theta): void;
  forgetLines(lines: Lines): void;
}

/** How much is kept: districts, and identities and private keys of each. */
export interface Bounds {
  readonly districts: number;
  readonly identities: number;
  readonly privateKeys: number;
}

export const DEFAULT_BOUNDS: Bounds = { districts: 8, identities: 1024, privateKeys: 128 };

interface District<Theta, Lines> {
  readonly params: BfParameters;
  readonly arithmetic: BfArithmetic<Theta, Lines>;
  readonly identities: LeastRecentlyUsed<Identity<Theta>>;
  readonly keys: LeastRecentlyUsed<Key<Lines>>;
}

/** What is kept of an identity. */
interface Identity<Theta> {
  /** Q′, x not 0. */
  readonly point: AffinePoint;
  /** Made when first encrypted to. */
  theta: Theta | null;
  /** How many ciphertexts the holder of the master secret opened since lines were last forgotten. */
  opened: number;
}

/** A private key's lines, and whose they are if they were made from the master secret. */
interface Key<Lines> {
  readonly lines: Lines;
  readonly identity: { opened: number } | null;
}

/** Making lines costs as much as two or three pairings without. */
const COLD_OPENINGS = 2;

export class BfEngine<Theta, Lines> implements IbeEngine {
  readonly #arithmetic: (params: BfParameters) => BfArithmetic<Theta, Lines>;
  readonly #bounds: Bounds;
  readonly #districts: LeastRecentlyUsed<District<Theta, Lines>>;

  constructor(
    arithmetic: (params: BfParameters) => BfArithmetic<Theta, Lines>,
    bounds: Bounds = DEFAULT_BOUNDS,
  ) {
    this.#arithmetic = arithmetic;
    this.#bounds = bounds;
    this.#districts = new LeastRecentlyUsed(bounds.districts, (district) => {
      district.identities.clear();
      district.keys.clear();
    });
  }

  encrypt(params: BfParameters, id: Uint8Array, message: Uint8Array, rho: Uint8Array): BfCiphertext {
    const district = this.#district(params);
    const { arithmetic } = district;
    if (rho.length !== bfHashLength(params)) throw new IbeError('range', 'rho is not of the hash length');
    if (message.length > bfHashLength(params)) throw new IbeError('range', 'message longer than a hash');
    const theta = thetaOf(district, id);
    const l = bfExponent(params, rho, message);
    const u = arithmetic.baseMultiple(l);
    if (u === null) throw new IbeError('range', 'rho and message give l = 0');
    const exponent = (((params.p + 1n) / params.q) * l) % params.q;
    return { u, ...bfMask(params, arithmetic.thetaPower(theta, exponent), rho, message) };
  }

  decrypt(params: BfParameters, privateKey: AffinePoint, ciphertext: BfCiphertext): Uint8Array | null {
    const district = this.#district(params);
    const { arithmetic, keys } = district;
    const make = (): Key<Lines> => ({ lines: arithmetic.lines(privateKey), identity: null });
    const { lines } = keys.get(pointKey(privateKey), make);
    return open(district, ciphertext, (u) => arithmetic.pair(lines, u));
  }

  decryptWithMaster(
    params: BfParameters,
    masterSecret: bigint,
    id: Uint8Array,
    ciphertext: BfCiphertext,
  ): Uint8Array | null {
    const district = this.#district(params);
    const lines = linesOf(district, masterSecret, id);
    if (lines !== null) return open(district, ciphertext, (u) => district.arithmetic.pair(lines, u));
    const { point } = identityOf(district, id);
    return open(district, ciphertext, (u) => district.arithmetic.pairWithMaster(u, point, masterSecret));
  }

  extract(params: BfParameters, masterSecret: bigint, id: Uint8Array): AffinePoint {
    const district = this.#district(params);
    const key = district.arithmetic.privateKey(identityOf(district, id).point, masterSecret);
    if (key === null) throw new IbeError('identity', 'identity hashes to no usable point');
    return key;
  }

  #district(params: BfParameters): District<Theta, Lines> {
    return this.#districts.get(districtKey(params), () => {
      checkShape(params.p, params.q);
      const arithmetic = this.#arithmetic(params);
      return {
        params,
        arithmetic,
        identities: new LeastRecentlyUsed(this.#bounds.identities, ({ theta }) => {
          if (theta !== null) arithmetic.forgetTheta(theta);
        }),
        keys: new LeastRecentlyUsed(this.#bounds.privateKeys, ({ lines, identity }) => {
          arithmetic.forgetLines(lines);
          if (identity !== null) identity.opened = 0;
        }),
      };
    });
  }
}

function identityOf<Theta, Lines>(district: District<Theta, Lines>, id: Uint8Array): Identity<Theta> {
  return district.identities.get(toHex(digest('sha256', id)), () => {
    const point = district.arithmetic.hashPoint(id);
    // x = 0 is the point of order 3 (y = ±1), on which √−3 is not defined: Q_id = 0.
    if (point.x === 0n) throw new IbeError('identity', 'identity hashes to no usable point');
    return { point, theta: null, opened: 0 };
  });
}

/** Lines of an identity's private key for the holder of the master secret; `null` for one that is seldom asked for. */
function linesOf<Theta, Lines>(
  district: District<Theta, Lines>,
  masterSecret: bigint,
  id: Uint8Array,
): Lines | null {
  const { arithmetic, keys } = district;
  const identity = identityOf(district, id);
  identity.opened++;
  if (identity.opened <= COLD_OPENINGS) return null;
  const secret = digest('sha256', utf8(masterSecret.toString(16)));
  try {
    const made = keys.get(toHex(digest('sha256', secret, id)), () => {
      const privateKey = arithmetic.privateKey(identity.point, masterSecret);
      if (privateKey === null) throw new IbeError('identity', 'identity hashes to no usable point');
      return { lines: arithmetic.lines(privateKey), identity };
    });
    return made.lines;
  } catch (error) {
    // No key, no lines: the pairing itself then finds 1, at the usual cost.
    if (error instanceof IbeError && error.code === 'identity') return null;
    throw error;
  }
}

function thetaOf<Theta, Lines>(district: District<Theta, Lines>, id: Uint8Array): Theta {
  const identity = identityOf(district, id);
  identity.theta ??= district.arithmetic.theta(identity.point);
  if (identity.theta === null) throw new IbeError('identity', 'identity hashes to no usable point');
  return identity.theta;
}

/** Algorithm 5.5.1 with `pair` for e'(·, S_id); the same work whatever is wrong. */
function open<Theta, Lines>(
  { params, arithmetic }: District<Theta, Lines>,
  ciphertext: BfCiphertext,
  pair: (u: AffinePoint) => Fp2,
): Uint8Array | null {
  const { p } = params;
  const length = bfHashLength(params);
  const goodU = isOnCurve(ciphertext.u, p) && ciphertext.u.y !== 0n && ciphertext.u.x !== 0n;
  const goodV = ciphertext.v.length === length;
  const goodW = ciphertext.w.length <= length;
  const u = goodU ? ciphertext.u : params.P;
  const theta = pair(u);
  const { message, l } = bfUnmask(params, theta, {
    v: goodV ? ciphertext.v : new Uint8Array(length),
    w: goodW ? ciphertext.w : new Uint8Array(length),
  });
  // l = 0 gives the point at infinity, which equals no U.
  const same = arithmetic.isBaseMultiple(l, u);
  return goodU && goodV && goodW && !isOne(theta, p) && same ? message : null;
}

export function isOne(theta: Fp2, p: bigint): boolean {
  return mod(theta.re, p) === 1n && mod(theta.im, p) === 0n;
}

const districtKeys = new WeakMap<BfParameters, string>();

/** What parameters are called in the table of districts: a digest, made once for each object. */
function districtKey(params: BfParameters): string {
  const known = districtKeys.get(params);
  if (known !== undefined) return known;
  const { hash, p, q, P, Ppub } = params;
  const numbers = [p, q, P.x, P.y, Ppub.x, Ppub.y].map((number) => number.toString(16));
  const key = toHex(digest('sha256', utf8([hash, ...numbers].join(' '))));
  districtKeys.set(params, key);
  return key;
}

/** A key for the table of private keys that does not spell them out. */
function pointKey({ x, y }: AffinePoint): string {
  return toHex(digest('sha256', utf8(`${x.toString(16)} ${y.toString(16)}`)));
}
