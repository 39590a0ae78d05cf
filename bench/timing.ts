/**
 * `npm run bench:timing`: whether the time of an operation tells which of two classes its secret is from. Secrets are
 * drawn before the clock runs, and runs of both classes are mixed at random; Welch's t compares their means, over all
 * runs and over those below the 90th percentile (interruptions hide small differences). |t| above 4.5 says that they
 * differ (the threshold of the TVLA method).
 *
 * A small |t| proves nothing by itself. Two controls and a column say what it is worth: one class against itself, which
 * must not differ; BigInt's multiplication of points by two classes of scalars of one length, which must; and `visible`,
 * the difference in per cent of the mean that so many runs on this machine would have told.
 *
 * Arguments: how often (3000), and `--cpu` to count processor time instead of time that passed, for a busy machine.
 */
import { randomBytes } from 'node:crypto';
import { toBigInt, utf8 } from '../src/bytes/octets.ts';
import { multiply } from '../src/ibe/curve.ts';
import { WasmArithmetic, wasmEngine } from '../src/ibe/wasm-engine.ts';
import { WasmField } from '../src/ibe/wasm/field.ts';
import { benchDistrict } from './operations.ts';

const args = process.argv.slice(2);
const RUNS = Number(args.find((arg) => /^\d+$/.test(arg)) ?? 3000);
const THRESHOLD = 4.5;
/** Share of the runs that come first and are not counted: V8 is still compiling. */
const WARM_UP = 0.1;

/** Milliseconds. */
const now = args.includes('--cpu') ? cpuTime : () => performance.now();

function cpuTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

interface Subject<T = unknown> {
  readonly name: string;
  readonly runs: number;
  /** Secrets of either class. */
  readonly classes: readonly [() => T, () => T];
  /** Before the clock starts. */
  readonly prepare?: (secret: T) => void;
  readonly run: (secret: T) => unknown;
  /** What a control must show; a subject should not. */
  readonly control?: 'differ' | 'not told apart';
}

const { parameters, masterSecret } = benchDistrict();
const { p, q, P } = parameters;
const arithmetic = new WasmArithmetic(parameters);
const point = arithmetic.hashPoint(utf8('target'));
const theta = arithmetic.theta(point);
if (theta === null) throw new Error('θ = 1');
const identity = arithmetic.clearCofactor(point);
if (identity === null) throw new Error('Q_id = 0');
const field = new WasmField(p);
const [r, a] = [field.take(), field.take()];
const below = (n: bigint): bigint => toBigInt(randomBytes(200)) % n;
const smallOrAny = [() => 3n, () => below(q)] as const;

const engine = wasmEngine();
const id = utf8('alice');
const key = engine.extract(parameters, masterSecret, id);
const ciphertext = engine.encrypt(parameters, id, new Uint8Array(16), new Uint8Array(32).fill(7));
const altered = () => ({ ...ciphertext, v: new Uint8Array(randomBytes(ciphertext.v.length)) });

const subject = <T>(given: Subject<T>): Subject => given as Subject;
const subjects: readonly Subject[] = [
  subject({
    name: 'inversion in the kernel',
    runs: RUNS,
    classes: [() => 1n, () => below(p)],
    prepare: (secret) => field.set(a, secret),
    run: () => field.invert(r, a),
  }),
  subject({
    name: '[l]P from the table',
    runs: RUNS,
    classes: smallOrAny,
    run: (l) => arithmetic.baseMultiple(l),
  }),
  subject({
    name: 'a power in GT',
    runs: RUNS,
    classes: smallOrAny,
    run: (n) => arithmetic.thetaPower(theta, n),
  }),
  subject({
    name: '[s]Q, the secret part of extraction',
    runs: Math.ceil(RUNS / 3),
    classes: smallOrAny,
    run: (s) => arithmetic.secretMultiple(identity, s),
  }),
  subject({
    name: 'BFdecrypt, accepted or refused',
    runs: Math.ceil(RUNS / 3),
    classes: [() => ({ ...ciphertext }), altered],
    run: (given) => engine.decrypt(parameters, key, given),
  }),
  subject({
    name: 'control: [l]P, one class against itself',
    runs: RUNS,
    classes: [() => below(q), () => below(q)],
    run: (l) => arithmetic.baseMultiple(l),
    control: 'not told apart',
  }),
  subject({
    name: 'control: [l]P on BigInt, few bits set',
    runs: Math.ceil(RUNS / 10),
    classes: [() => q / 2n + 1n - ((q / 2n) % (1n << 128n)), () => q / 2n + below(q / 2n)],
    run: (l) => multiply(P, l, p),
    control: 'differ',
  }),
];

const titles = ['runs', 't', 't, cropped', 'visible'].map((title) => title.padStart(12)).join('');
console.log(`${'operation'.padEnd(40)}${titles}`);
for (const each of subjects) report(each, sample(each));

function report({ name, runs, control }: Subject, [left, right]: readonly [number[], number[]]): void {
  const cut = percentile([...left, ...right], 0.9);
  const cropped = welch(
    left.filter((time) => time <= cut),
    right.filter((time) => time <= cut),
  );
  const figures = [
    String(runs),
    welch(left, right).t.toFixed(2),
    cropped.t.toFixed(2),
    `${((100 * THRESHOLD * cropped.error) / cropped.mean).toFixed(2)} %`,
  ];
  const verdict = Math.abs(cropped.t) > THRESHOLD ? 'differ' : 'not told apart';
  const expected = control === undefined ? '' : verdict === control ? ', as it should' : ', as it should NOT';
  console.log(
    `${name.padEnd(40)}${figures.map((figure) => figure.padStart(12)).join('')}  ${verdict}${expected}`,
  );
}

/** Times of both classes, in an order that nobody chose. */
function sample({ runs, classes, prepare, run }: Subject): readonly [number[], number[]] {
  const times: readonly [number[], number[]] = [[], []];
  const order = [...randomBytes(runs)].map((octet): 0 | 1 => ((octet & 1) === 0 ? 0 : 1));
  const secrets = order.map((which) => classes[which]());
  for (const [at, which] of order.entries()) {
    const secret = secrets[at];
    prepare?.(secret);
    const start = now();
    run(secret);
    const time = now() - start;
    if (at >= runs * WARM_UP) times[which].push(time);
  }
  return times;
}

/** Welch's t of two samples, the standard error of the difference, and the mean of the first. */
function welch(
  left: readonly number[],
  right: readonly number[],
): { readonly t: number; readonly error: number; readonly mean: number } {
  const [a, b] = [moments(left), moments(right)];
  const error = Math.sqrt(a.variance / left.length + b.variance / right.length);
  return { t: (a.mean - b.mean) / error, error, mean: a.mean };
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
