/**
 * BFsetup (RFC 5091 section 5.1): a fresh group, a point of order q, a master secret.
 *
 *     q = 2^a ± 2^b ± 1, a prime of n_q bits      one of all such primes, chosen at random
 *     p = 12rq − 1, a prime of n_p bits           r drawn at random until p is prime: p ≡ 11 (mod 12)
 *     P = [12r]P′, P′ a random point of E(F_p)    again if 0
 *     s random from 2 to q − 1, P_pub = [s]P
 *
 * The search for r is most of the time. About one candidate in ln(p)/3 is prime, since none is even or divisible by
 * 3; progress is reported against that mean, which luck may miss by a factor of a few either way.
 */
import { checkPrime } from 'node:crypto';
import type { Random } from '../bytes/ports.ts';
import { toBigInt } from '../bytes/octets.ts';
import { FixedBase, equalsAffine, multiply, multiplyJacobian, toAffine, type AffinePoint } from './curve.ts';
import { IbeError } from './errors.ts';
import { bitLength } from './field.ts';
import { pointOfOrdinate } from './hash-to-point.ts';
import { SECURITY_SIZES, type BfHash, type BfParameters } from './parameters.ts';

/** A group without a master secret. */
export interface BfGroup {
  readonly hash: BfHash;
  readonly p: bigint;
  readonly q: bigint;
  readonly P: AffinePoint;
}

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
  const report = (stage: SetupProgress['stage'], tried: number, expected: number): void => {
    if (signal?.aborted === true) throw new IbeError('cancelled', 'parameter generation was cancelled');
    onProgress?.({ stage, tried, expected });
  };
  const q = await drawQ(size.qBits, random, report);
  const p = await drawP(size.pBits, q, random, report);
  report('point', 0, 1);
  return { hash: size.hash, p, q, P: drawPoint(p, q, random) };
}

/** Step 5: a master secret for an existing group. */
export function drawMasterSecret(group: BfGroup, random: Random): NewDistrict {
  const { hash, p, q, P } = group;
  const masterSecret = 2n + below(q - 2n, random);
  const Ppub = toAffine(new FixedBase(P, q, p).multiply(masterSecret), p);
  if (Ppub === null) throw new IbeError('parameters', 'P is not of order q');
  return { parameters: { hash, p, q, P, Ppub }, masterSecret };
}

/**
 * That a master secret belongs to public parameters: 2 ≤ s < q and P_pub = [s]P.
 * @throws IbeError `parameters`
 */
export function requireMasterSecret({ p, q, P, Ppub }: BfParameters, masterSecret: bigint): void {
  const inRange = masterSecret >= 2n && masterSecret < q;
  if (!inRange || !equalsAffine(multiplyJacobian(P, masterSecret, p), Ppub, p)) {
    throw new IbeError('parameters', 'master secret does not belong to these parameters');
  }
}

/** How likely a search was to have ended by now, 0 to 1: candidates are prime independently of each other. */
export function likelihood({ tried, expected }: SetupProgress): number {
  return 1 - Math.exp(-tried / expected);
}

type Report = (stage: SetupProgress['stage'], tried: number, expected: number) => void;

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
    report('q', tried, mean);
    const at = Number(below(BigInt(candidates.length), random));
    const [q] = candidates.splice(at, 1);
    if (q !== undefined && (await isPrime(q))) return q;
  }
  throw new IbeError('parameters', `no Solinas prime of ${bits} bits`);
}

/** Candidates tested at once, so that a second core helps; the first in order is taken, whichever ends first. */
const BATCH = 4;

async function drawP(bits: number, q: bigint, random: Random, report: Report): Promise<bigint> {
  const step = 12n * q;
  const low = ((1n << BigInt(bits - 1)) + step) / step;
  const high = (1n << BigInt(bits)) / step;
  if (high < low) throw new IbeError('parameters', `no room for q in a p of ${bits} bits`);
  const mean = Math.round((bits * Math.LN2) / 3);
  for (let tried = 0; ; tried += BATCH) {
    report('p', tried, mean);
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
