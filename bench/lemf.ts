/**
 * `npm run bench:lemf`: how long a LEMF takes to acknowledge (`chain/recovering-lemf.ts`): with nothing stored, with much
 * stored, and while that is recovered. Prints the 99th percentiles and the longest, ratios to the first, and the
 * processor time.
 *
 *     node bench/start.js lemf [--stored 200] [--acks 1000] [--rounds 3] [--every 20] [--json]
 *
 * `--stored` in MB; each acknowledgement is for ten PDUs, and asked for `--every` so many milliseconds. Ends with 1 if a
 * ratio is above 1.5 in the median of the rounds.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { roleCertificates } from '../test/support/role-certificates.ts';
import { measureReception, runRecoveringLemf, storeContent } from './chain/recovering-lemf.ts';
import type { Reception, ReceptionCase } from './chain/recovering-lemf.ts';
import { middle, quantile } from './statistics.ts';

const { values } = parseArgs({
  options: {
    stored: { type: 'string', default: '200' },
    acks: { type: 'string', default: '1000' },
    rounds: { type: 'string', default: '3' },
    every: { type: 'string', default: '20' },
    json: { type: 'boolean', default: false },
    /** Of the process that this one starts: which, and its settings as JSON. */
    part: { type: 'string' },
    settings: { type: 'string', default: '{}' },
  },
});
const MOST = 1.5;
const CASES: readonly ReceptionCase[] = ['nothing', 'stored', 'recovering'];

async function run(): Promise<void> {
  const root = mkdtempSync(path.join(process.cwd(), 'dist', 'bench-lemf-'));
  try {
    const tls = await roleCertificates(root, Date.now(), ['df', 'lemf']);
    const stored = path.join(root, 'stored');
    storeContent(stored, Number(values.stored) * 1e6);
    const load = { acknowledgements: Number(values.acks), everyMs: Number(values.every) };
    const results: Record<ReceptionCase, Reception[]> = { nothing: [], stored: [], recovering: [] };
    for (let round = 0; round < Number(values.rounds); round++) {
      for (const which of CASES) results[which].push(await measureReception(root, stored, which, tls, load));
    }
    tell(results);
  } finally {
    rmSync(root, { recursive: true });
  }
}

function tell(results: Record<ReceptionCase, readonly Reception[]>): void {
  const share = (which: ReceptionCase, of: number): number =>
    middle(results[which].map(({ times }) => quantile(times, of)));
  const base = share('nothing', 0.99);
  const rows = CASES.map((which) => ({
    which,
    acks: results[which].reduce((sum, { times }) => sum + times.length, 0),
    p50: share(which, 0.5),
    p99: share(which, 0.99),
    max: share(which, 1),
    ratio: share(which, 0.99) / base,
    cpu: middle(results[which].map(({ cpuMs, wallMs }) => cpuMs / wallMs)),
    isWhole: results[which].every((measured) => measured.isWhole),
  }));
  if (values.json) console.log(JSON.stringify(rows, null, 2));
  else {
    console.log('case         acks   p50 ms   p99 ms   max ms   ratio   processors');
    for (const { which, acks, p50, p99, max, ratio, cpu, isWhole } of rows) {
      const cells = [p50.toFixed(2), p99.toFixed(2), max.toFixed(2)].map((cell) => cell.padStart(9)).join('');
      const rest = `${ratio.toFixed(2).padStart(8)}${cpu.toFixed(2).padStart(13)}`;
      const note = isWhole ? '' : '   recovery ended before';
      console.log(`${which.padEnd(10)}${String(acks).padStart(7)}${cells}${rest}${note}`);
    }
  }
  if (rows.some(({ ratio }) => !(ratio <= MOST))) process.exitCode = 1;
}

if (values.part === undefined) await run();
else await runRecoveringLemf(JSON.parse(values.settings) as unknown);
