/**
 * `npm run bench`: how long identity-based encryption takes at n = 3072, as multiples of OpenSSL's modular power over a
 * prime of the same size, measured in the same process, and how figures grow from n = 1024 to 15360. Quote the ratios,
 * not the times. `--json` prints JSON, `--brief` leaves the growth out; `--cpu` counts processor time instead of time that
 * passed.
 */
import { utf8 } from '../src/bytes/octets.ts';
import { defaultEngine } from '../src/ibe/default-engine.ts';
import { WasmArithmetic } from '../src/ibe/wasm-engine.ts';
import { measureGrowth, type Growth } from './growth.ts';
import { benchDistrict, measureOperations, useUnit, type Row } from './operations.ts';
import { unitMedian } from './measure.ts';
import { ceilingLines } from './scaling.ts';
import { measureWorkers } from './workers.ts';

/** Growth, by figure: a column for each n. */
const FIGURES: readonly (readonly [name: string, unit: string, of: (growth: Growth) => number])[] = [
  ['multiplication in the field', 'µs', (growth) => growth.multiply / 1000],
  ['square', 'µs', (growth) => growth.square / 1000],
  ['inversion', 'µs', (growth) => growth.invert / 1000],
  ['pairing, fixed argument', 'ms', (growth) => growth.pairingFixed],
  ['BFdecrypt, table cached', 'ms', (growth) => growth.decrypt],
  ['BFencrypt, recipient never seen', 'ms', (growth) => growth.encryptCold],
  ['BFencrypt, recipient cached', 'ms', (growth) => growth.encryptCached],
  ['opening at a KMS, target never seen', 'ms', (growth) => growth.openCold],
  ['hash to a curve point', 'ms', (growth) => growth.hashToPoint],
  ['extraction, without the hash', 'ms', (growth) => growth.extract],
  ['[l]P', 'ms', (growth) => growth.baseMultiple],
  ['power in GT', 'ms', (growth) => growth.power],
  ['lines of a private key', 'kB', (growth) => growth.kilobytes],
];

/** What two threads are to do more than one. */
const WORKERS_AIM = 1.9;

const district = benchDistrict();
const coldStart = measureColdStart();
useUnit(district);
const rows = await measureOperations(district);
const unitMs = unitMedian();
const workers = await measureWorkers(district);
const kilobytes = new WasmArithmetic(district.parameters).linesOctets / 1000;
const growth = process.argv.includes('--brief') ? [] : measureGrowth();

if (process.argv.includes('--json')) {
  const ratios = Object.fromEntries(rows.map(({ key, measured }) => [key, measured.ratio]));
  const least = Object.fromEntries(rows.map(({ key, measured }) => [key, measured.least / unitMs]));
  const all = { ...ratios, workers2over1: workers.free, workersOfCeiling: workers.ofCeiling };
  console.log(JSON.stringify({ unitMs, ratios: all, least, coldStartMs: coldStart, kilobytes, growth }));
} else {
  printTable(rows);
  for (const line of ceilingLines('private keys', workers, WORKERS_AIM)) console.log(line);
  console.log(`cold start, to the first encryption: ${coldStart.toFixed(0)} ms`);
  console.log(`memory per private key that is kept: ${kilobytes.toFixed(0)} kB`);
  if (growth.length > 0) printGrowth(growth);
}

/** From nothing to the first ciphertext: module, tables of the district, and code that is not yet optimised. */
function measureColdStart(): number {
  const start = performance.now();
  defaultEngine().encrypt(district.parameters, utf8('first'), new Uint8Array(16), new Uint8Array(32));
  return performance.now() - start;
}

function printTable(list: readonly Row[]): void {
  console.log(`unit: ${unitMs.toFixed(3)} ms, OpenSSL's 1536-bit modular power\n`);
  const columns = ['ms', 'units', 'least', 'at most', 'aim'].map((title) => title.padStart(9)).join('');
  console.log(`${'operation'.padEnd(46)}${columns}`);
  for (const { name, measured, atMost, aim } of list) {
    const { ratio } = measured;
    const figures = [
      measured.median.toFixed(2),
      ratio.toFixed(2),
      (measured.least / unitMs).toFixed(2),
      atMost?.toFixed(1) ?? '',
      aim?.toFixed(1) ?? '',
    ];
    const verdict = atMost === null ? '' : ratio <= atMost ? '  met' : '  MISSED';
    console.log(`${name.padEnd(46)}${figures.map((figure) => figure.padStart(9)).join('')}${verdict}`);
  }
  console.log();
}

function printGrowth(list: readonly Growth[]): void {
  const cells = (values: readonly string[]): string => values.map((value) => value.padStart(9)).join('');
  console.log(`\n${'n'.padEnd(46)}${cells(list.map(({ n }) => String(n)))}`);
  for (const [name, unit, of] of FIGURES) {
    const figures = list.map((growth) => {
      const figure = of(growth);
      return figure >= 100 ? figure.toFixed(0) : figure.toFixed(2);
    });
    console.log(`${`${name}, ${unit}`.padEnd(46)}${cells(figures)}`);
  }
}
