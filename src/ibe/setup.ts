/**
 * BFsetup (RFC 5091 section 5.1): a fresh group, a point of order q, a master secret.
 *
 *     q = 2^a ± 2^b ± 1, a prime of n_q bits      one of all such primes, chosen at random
 *     p = 12rq − 1, a prime of n_p bits           r drawn at random until p is prime: p ≡ 11 (mod 12)
 *     P = [12r]P′, P′ a random point of E(F_p)    again if 0
 *     s random from 2 to q − 1, P_pub = [s]P
 *
 * The search for r is most of the time. About one candidate in ln(p)/3 is prime, since none is even or divisible by
 * 3; progress is reported against that mean, which luck may miss by a factor of a few either way. What the prime itself
 * costs is known: OpenSSL tests it in 64 rounds, in 128 above 2048 bits, while a composite that has no small divisor
 * falls in the first.
 */
import { checkPrime } from 'node:crypto';
import { availableParallelism } from 'node:os';
import type { Random } from '../bytes/ports.ts';
import { toBigInt } from '../bytes/octets.ts';
import { hasOrder, multiply, type AffinePoint } from './curve.ts';
import { IbeError } from './errors.ts';
import { bitLength } from './field.ts';
import { pointOfOrdinate } from './hash-to-point.ts';
import type { BfHash } from './hash.ts';
import { SECURITY_SIZES, type BfParameters } from './parameters.ts';
import { WasmArithmetic } from './wasm-engine.ts';

/** A group without a master secret. */
export type BfGroup = Omit<BfParameters, 'Ppub'>;

/** New public parameters and their master secret (a secret, as BigInt: keep it short-lived). */
export interface NewDistrict {
  readonly parameters: BfParameters;
  readonly masterSecret: bigint;
}

export interface SetupProgress {
  readonly stage: 'q' | 'p' | 'point';
  /** Candidates tried in this stage. */
  readonly tried: number;
  /** How many candidates a search takes on average. */
  readonly expected: number;
  /** What the prime that ends it takes besides, as a number of candidates. */
  readonly proof: number;
}

export interface SetupOptions {
  /** Security parameter of RFC 5091 section 5.1.2: 2048, 3072, 7680 or 15360. */
  readonly n: number;
  readonly random: Random;
  readonly onProgress?: ((progress: SetupProgress) => void) | undefined;
  /** Gives up between two batches of candidates. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Algorithm 5.1.2.
 * @throws IbeError `parameters` for another n, `cancelled` through the signal
 */
export async function generateDistrict(options: SetupOptions): Promise<NewDistrict> {
  const size = SECURITY_SIZES.find(({ n }) => n === options.n);
  if (size === undefined) {
    const allowed = SECURITY_SIZES.map(({ n }) => n).join(', ');
    throw new IbeError('parameters', `n = ${options.n} is not one of ${allowed}`);
  }
  const group = await generateGroup(size, options);
  return drawMasterSecret(group, options.random);
}

/** Steps 3 and 4 for any sizes; small ones make groups for tests. */
export async function generateGroup(
  size: { readonly pBits: number; readonly qBits: number; readonly hash: BfHash },
  { random, onProgress, signal }: Omit<SetupOptions, 'n'>,
): Promise<BfGroup> {
  const report = (progress: SetupProgress): void => {
    if (signal?.aborted === true) throw new IbeError('cancelled', 'parameter generation was cancelled');
    onProgress?.(progress);
  };
  const q = await drawQ(size.qBits, random, report);
  const p = await drawP(size.pBits, q, random, report);
  report({ stage: 'point', tried: 0, expected: 1, proof: 0 });
  return { hash: size.hash, p, q, P: drawPoint(p, q, random) };
}

/** Step 5: a master secret for an existing group. */
export function drawMasterSecret(group: BfGroup, random: Random): NewDistrict {
  const { hash, p, q, P } = group;
  const masterSecret = 2n + below(q - 2n, random);
  const Ppub = hasOrder(P, q, p) ? publicPoint(group, masterSecret) : null;
  if (Ppub === null) throw new IbeError('parameters', 'P is not of order q');
  return { parameters: { hash, p, q, P, Ppub }, masterSecret };
}

/** Whether a master secret belongs to public parameters, sound ones: 2 ≤ s < q and P_pub = [s]P. */
export function isMasterSecretOf(params: BfParameters, masterSecret: bigint): boolean {
  if (masterSecret < 2n || masterSecret >= params.q) return false;
  const point = publicPoint(params, masterSecret);
  return point !== null && point.x === params.Ppub.x && point.y === params.Ppub.y;
}

/** [s]P on the kernel, whose work does not depend on s. */
function publicPoint({ hash, p, q, P }: BfGroup, masterSecret: bigint): AffinePoint | null {
  return new WasmArithmetic({ hash, p, q, P, Ppub: P }).secretMultiple(P, masterSecret);
}

/** Seconds that a search still takes: on average, and at most in 19 of 20 cases. */
export interface Remaining {
  readonly mean: number;
  readonly most: number;
}

/** Before so many candidates, the pace says little: most have a small divisor, and cost nothing. */
const PACE_KNOWN = 40;

/**
 * By the pace so far. Candidates are prime independently of each other, so what failed says nothing about what is to
 * come: on average as much remains as at the beginning. `null` while the pace is not known.
 */
export function remaining({ tried, expected, proof }: SetupProgress, seconds: number): Remaining | null {
  if (tried < PACE_KNOWN) return null;
  const pace = seconds / tried;
  return { mean: pace * (expected + proof), most: pace * (Math.log(20) * expected + proof) };
}

type Report = (progress: SetupProgress) => void;

/** Every 2^a ± 2^b ± 1 of exactly `bits` bits. */
export function solinasCandidates(bits: number): bigint[] {
  const found = new Set<bigint>();
  for (const a of [bits - 1, bits]) {
    for (let b = 1; b < a; b++) {
      for (const middle of [1n << BigInt(b), -(1n << BigInt(b))]) {
        for (const c of [1n, -1n]) found.add((1n << BigInt(a)) + middle + c);
      }
    }
  }
  return [...found].filter((q) => bitLength(q) === bits);
}

/** The candidates in random order, until one is prime: each prime is as likely as any other. */
async function drawQ(bits: number, random: Random, report: Report): Promise<bigint> {
  const candidates = solinasCandidates(bits);
  const mean = Math.round((bits * Math.LN2) / 2);
  for (let tried = 0; candidates.length > 0; tried++) {
    report({ stage: 'q', tried, expected: mean, proof: 0 });
    const at = Number(below(BigInt(candidates.length), random));
    const [q] = candidates.splice(at, 1);
    if (q !== undefined && (await isPrime(q))) return q;
  }
  throw new IbeError('parameters', `no Solinas prime of ${bits} bits`);
}

/** Candidates tested at once, so that a second core helps; the first in order is taken, whichever ends first. */
const BATCH = 4;
/** Of so many candidates one has no small divisor, and takes a round of OpenSSL's test. */
const CANDIDATES_A_ROUND = 5;

async function drawP(bits: number, q: bigint, random: Random, report: Report): Promise<bigint> {
  const step = 12n * q;
  const low = ((1n << BigInt(bits - 1)) + step) / step;
  const high = (1n << BigInt(bits)) / step;
  if (high < low) throw new IbeError('parameters', `no room for q in a p of ${bits} bits`);
  const expected = Math.round((bits * Math.LN2) / 3);
  // The prime is tested on one core, while candidates share all of them.
  const rounds = bits > 2048 ? 128 : 64;
  const proof = rounds * CANDIDATES_A_ROUND * Math.min(BATCH, availableParallelism());
  for (let tried = 0; ; tried += BATCH) {
    report({ stage: 'p', tried, expected, proof });
    const batch = Array.from({ length: BATCH }, () => step * (low + below(high - low + 1n, random)) - 1n);
    const prime = await Promise.all(batch.map(isPrime));
    const p = batch.find((_, at) => prime[at] === true);
    // q must divide p + 1 once only, else points of order q are not what the cofactor leaves.
    if (p !== undefined && bitLength(p) === bits && ((p + 1n) / q) % q !== 0n) return p;
  }
}

function drawPoint(p: bigint, q: bigint, random: Random): AffinePoint {
  for (;;) {
    const point = multiply(pointOfOrdinate(below(p, random), p), (p + 1n) / q, p);
    if (point !== null) return point;
  }
}

/** Uniform from 0 to n − 1, by rejection. */
function below(n: bigint, random: Random): bigint {
  const bits = bitLength(n - 1n);
  for (;;) {
    const value = BigInt.asUintN(bits, toBigInt(random.bytes(Math.ceil(bits / 8))));
    if (value < n) return value;
  }
}

function isPrime(candidate: bigint): Promise<boolean> {
  return new Promise((resolve, reject) => {
    checkPrime(candidate, (error, result) => {
      if (error instanceof Error) reject(error);
      else resolve(result);
    });
  });
}
