/**
 * `npm run bench:setups`: what it takes to set a call up, by kind: milliseconds from dialling until it is up, SIP messages
 * on all hops, octets, and the MIKEY messages among them. Two homes in this process, without interception; phones ring and
 * answer at once. Messages and octets are those of any machine; quote milliseconds of a quiet one alone.
 *
 *     node bench/start.js setups [--calls 20] [--json]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Network } from '../src/lab/network/network.ts';
import { Timeline } from '../src/lab/timeline.ts';
import { SETUP_NETWORK, setupKinds } from './setup-kinds.ts';
import type { Measured } from './setup-kinds.ts';
import { middle } from './statistics.ts';

const USAGE = `Usage: npm run bench:setups -- [options]

  --calls N  calls of each kind, 1 to 1000 (default 20)
  --json     print what was found as JSON

Examples:
  npm run bench:setups
  npm run bench:setups -- --calls 5 --json`;

const MOST = 1000;

function optionsOf(): { readonly calls: number; readonly json: boolean } {
  try {
    const { values } = parseArgs({
      options: {
        calls: { type: 'string', default: '20' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) {
      console.log(USAGE);
      process.exit(0);
    }
    const calls = /^\d{1,4}$/.test(values.calls) ? Number(values.calls) : NaN;
    if (!(calls >= 1 && calls <= MOST))
      throw new Error(`--calls ${values.calls} is not a whole number from 1 to ${MOST}`);
    return { calls, json: values.json };
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    process.exit(2);
  }
}

const { calls, json } = optionsOf();
const state = mkdtempSync(path.join(tmpdir(), 'claviger-setups-'));
process.on('exit', () => rmSync(state, { recursive: true, force: true, maxRetries: 5 }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));

const network = await Network.start({
  ...SETUP_NETWORK,
  ...{ state, out: null, timeline: new Timeline(() => performance.now()) },
});
try {
  await network.register();
  const mailbox = await network.startMailbox('home2');
  try {
    const found: Measured[] = [];
    for (const place of setupKinds(mailbox)) {
      await place(network);
      const runs: Measured[] = [];
      for (let n = 0; n < calls; n++) runs.push(...(await place(network)));
      found.push(...[...new Set(runs.map(({ kind }) => kind))].map((kind) => middleOfKind(kind, runs)));
    }
    if (json) console.log(JSON.stringify({ calls, found }));
    else print(found);
  } finally {
    await mailbox.stop();
  }
} finally {
  await network.stop();
}

function middleOfKind(kind: string, runs: readonly Measured[]): Measured {
  const own = runs.filter((run) => run.kind === kind);
  const of = (figure: Exclude<keyof Measured, 'kind'>): number => middle(own.map((run) => run[figure]));
  return {
    kind,
    milliseconds: of('milliseconds'),
    messages: of('messages'),
    octets: of('octets'),
    mikeyMessages: of('mikeyMessages'),
    mikeyOctets: of('mikeyOctets'),
  };
}

function print(found: readonly Measured[]): void {
  const columns = ['', 'ms', 'SIP messages', 'octets', 'MIKEY messages', 'octets'];
  const rows = found.map((row) => [
    row.kind,
    row.milliseconds.toFixed(1),
    ...[row.messages, row.octets, row.mikeyMessages, row.mikeyOctets].map(String),
  ]);
  for (const row of [columns, ...rows])
    console.log(row.map((cell, at) => (at === 0 ? cell.padEnd(32) : cell.padStart(15))).join(''));
  console.log(`\nmedians of ${calls} calls each`);
}
