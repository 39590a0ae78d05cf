/**
 * `npm run bench`: how long identity-based encryption takes at n = 3072, as multiples of OpenSSL's modular power over a
 * prime of the same size, measured in the same process. Quote the ratios, not the times. `--json` prints them as JSON,
 * `--growth` adds how figures grow from n = 1024 to 15360; `--cpu` counts processor time instead of time that passed.
 */
import { utf8 } from '../src/bytes/octets.ts';
import { defaultEngine } from '../src/ibe/default-engine.ts';
import { WasmArithmetic } from '../src/ibe/wasm-engine.ts';
import { measureGrowth, type Growth } from './growth.ts';
import { benchDistrict, measureOperations, useUnit, type Row } from './operations.ts';
import { unitMedian } from './measure.ts';
import { measureWorkers } from './workers.ts';

const district = benchDistrict();
const coldStart = measureColdStart();
useUnit(district);
const rows = await measureOperations(district);
const unitMs = unitMedian();
const workers = await measureWorkers(district);
const kilobytes = new WasmArithmetic(district.parameters).linesOctets / 1000;
const growth = process.argv.includes('--growth') ? measureGrowth() : [];

if (process.argv.includes('--json')) {
  const ratios = Object.fromEntries(rows.map(({ key, measured }) => [key, measured.ratio]));
  const least = Object.fromEntries(rows.map(({ key, measured }) => [key, measured.least / unitMs]));
  const all = { ...ratios, workers2over1: workers };
  console.log(JSON.stringify({ unitMs, ratios: all, least, coldStartMs: coldStart, kilobytes, growth }));
} else {
  printTable(rows);
  console.log(`two workers against one, openings of get_keys: ${workers.toFixed(2)} × (aim 1.85)`);
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
  console.log('\nhow figures grow (µs for the field, ms for the rest)');
  const titles = ['n', 'mul', 'sqr', 'inv', 'pairing', 'hash', 'extract', '[l]P', 'power', 'kB'];
  console.log(titles.map((title) => title.padStart(9)).join(''));
  for (const each of list) {
    const micro = [each.multiply, each.square, each.invert].map((ns) => (ns / 1000).toFixed(2));
    const milli = [each.pairingFixed, each.hashToPoint, each.extract, each.baseMultiple, each.power];
    const cells = [each.n, ...micro, ...milli.map((ms) => ms.toFixed(2)), each.kilobytes.toFixed(0)];
    console.log(cells.map((cell) => String(cell).padStart(9)).join(''));
  }
}
