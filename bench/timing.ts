/**
 * `npm run bench:timing`: whether the time of an operation tells which of two classes its secret is from. Runs of both
 * classes are mixed at random; Welch's t compares their means, over all runs and over those below the 90th percentile
 * (interruptions hide small differences). |t| above 4.5 says that they differ (the threshold of the TVLA method). A small
 * |t| proves nothing by itself: it says what so many runs could not tell apart. The last row is a control that must leak,
 * BigInt's multiplication of points.
 */
import { randomBytes } from 'node:crypto';
import { toBigInt, utf8 } from '../src/bytes/octets.ts';
import { multiply } from '../src/ibe/curve.ts';
import { WasmArithmetic } from '../src/ibe/wasm-engine.ts';
import { WasmField } from '../src/ibe/wasm/field.ts';
import { benchDistrict } from './operations.ts';

const RUNS = Number(process.argv[2] ?? 3000);
const THRESHOLD = 4.5;

interface Subject {
  readonly name: string;
  readonly runs: number;
  /** Secrets of the first class (fixed) and of the second (random); made before the clock starts. */
  readonly fixed: () => bigint;
  readonly random: () => bigint;
  readonly run: (secret: bigint) => void;
}

const { parameters } = benchDistrict();
const { p, q, P } = parameters;
const arithmetic = new WasmArithmetic(parameters);
const point = arithmetic.hashPoint(utf8('target'));
const theta = arithmetic.theta(point);
if (theta === null) throw new Error('θ = 1');
const identity = arithmetic.privateKey(point, 1n);
if (identity === null) throw new Error('Q_id = 0');
const field = new WasmField(p);
const [r, a] = [field.take(), field.take()];
const below = (n: bigint): bigint => toBigInt(randomBytes(200)) % n;

const subjects: Subject[] = [
  {
    name: 'inversion in the kernel',
    runs: RUNS,
    fixed: () => 1n,
    random: () => below(p),
    run: () => field.invert(r, a),
  },
  {
    name: '[l]P from the table',
    runs: RUNS,
    fixed: () => 3n,
    random: () => below(q),
    run: (l) => void arithmetic.baseMultiple(l),
  },
  {
    name: 'a power in GT',
    runs: RUNS,
    fixed: () => 3n,
    random: () => below(q),
    run: (n) => void arithmetic.thetaPower(theta, n),
  },
  {
    name: '[s]Q, the secret part of extraction',
    runs: Math.ceil(RUNS / 3),
    fixed: () => 3n,
    random: () => below(q),
    run: (s) => void arithmetic.secretMultiple(identity, s),
  },
  {
    name: 'control: [l]P on BigInt',
    runs: Math.ceil(RUNS / 30),
    fixed: () => 3n,
    random: () => below(q),
    run: (l) => void multiply(P, l, p),
  },
];

console.log(`${'operation'.padEnd(40)}${'runs'.padStart(8)}${'t'.padStart(10)}${'t, cropped'.padStart(13)}`);
for (const subject of subjects) {
  const [fixed, random] = sample(subject);
  const all = welch(fixed, random);
  const cut = percentile([...fixed, ...random], 0.9);
  const cropped = welch(
    fixed.filter((time) => time <= cut),
    random.filter((time) => time <= cut),
  );
  const verdict = Math.abs(cropped) > THRESHOLD ? '  differ' : '  not told apart';
  console.log(
    subject.name.padEnd(40) +
      String(subject.runs).padStart(8) +
      all.toFixed(2).padStart(10) +
      cropped.toFixed(2).padStart(13) +
      verdict,
  );
}

/** Times of both classes, in an order that nobody chose. */
function sample({ runs, fixed, random, run }: Subject): readonly [number[], number[]] {
  const times: readonly [number[], number[]] = [[], []];
  const order = randomBytes(runs);
  for (let at = 0; at < runs; at++) {
    const secretClass = (order[at] ?? 0) & 1;
    const secret = secretClass === 0 ? fixed() : random();
    field.set(a, secret);
    const start = performance.now();
    run(secret);
    const time = performance.now() - start;
    if (at >= runs / 10) (secretClass === 0 ? times[0] : times[1]).push(time);
  }
  return times;
}

/** Welch's t of two samples. */
function welch(left: readonly number[], right: readonly number[]): number {
  const [a, b] = [moments(left), moments(right)];
  return (a.mean - b.mean) / Math.sqrt(a.variance / left.length + b.variance / right.length);
}

function moments(values: readonly number[]): { readonly mean: number; readonly variance: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  return { mean, variance };
}

function percentile(values: number[], share: number): number {
  const sorted = values.sort((x, y) => x - y);
  return sorted[Math.floor(share * (sorted.length - 1))] ?? Infinity;
}
