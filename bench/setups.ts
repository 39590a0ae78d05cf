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
import type { PhoneCall } from '../src/entities/ue/call.ts';
import { Network } from '../src/lab/network/network.ts';
import { Timeline } from '../src/lab/timeline.ts';
import { middleOf, tallyOf } from './setup-tally.ts';
import type { SetupTally } from './setup-tally.ts';

const USAGE = `Usage: npm run bench:setups -- [options]

  --calls N  calls of each kind, 1 to 1000 (default 20)
  --json     print what was found as JSON

Examples:
  npm run bench:setups
  npm run bench:setups -- --calls 5 --json`;

const MOST = 1000;

/** By whom, and who is called; what is measured is the set-up, or what `then` does once the call is up. */
interface Kind {
  readonly name: string;
  readonly caller: string;
  readonly callee: string;
  readonly then?: (call: PhoneCall) => Promise<void>;
}

const KINDS: readonly Kind[] = [
  { name: 'plain', caller: 'alice', callee: 'bob' },
  { name: 'plain, P-521 and AES-256-GCM', caller: 'carol', callee: 'bob' },
  { name: 'plain, with video', caller: 'victor', callee: 'bob' },
  { name: 'update of keys', caller: 'alice', callee: 'bob', then: (call) => call.rekey() },
];

interface Found extends SetupTally {
  readonly kind: string;
  readonly milliseconds: number;
}

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

const users = { home1: ['alice', 'carol', 'victor'], home2: ['bob'] };
const network = await Network.start({
  state,
  out: null,
  users,
  timeline: new Timeline(() => performance.now()),
  phoneSettings: { answer: { ringMs: 0, answerMs: 0 } },
  phoneSettingsOf: {
    carol: { suite: 'AEAD_AES_256_GCM', curve: 'P-521' },
    victor: { video: {} },
    bob: { video: {} },
  },
});
try {
  await network.register();
  const found: Found[] = [];
  for (const kind of KINDS) found.push(await measureKind(kind));
  if (json) console.log(JSON.stringify({ calls, found }));
  else print(found);
} finally {
  await network.stop();
}

async function measureKind(kind: Kind): Promise<Found> {
  await placed(kind);
  const runs: Found[] = [];
  for (let n = 0; n < calls; n++) runs.push(await placed(kind));
  const of = (figure: Exclude<keyof Found, 'kind'>): number => middleOf(runs.map((run) => run[figure]));
  return {
    kind: kind.name,
    milliseconds: of('milliseconds'),
    messages: of('messages'),
    octets: of('octets'),
    mikeyMessages: of('mikeyMessages'),
    mikeyOctets: of('mikeyOctets'),
  };
}

async function placed({ name, caller, callee, then }: Kind): Promise<Found> {
  const { messages } = network.signalling;
  const answered = new Promise<PhoneCall>((resolve) => network.phone(callee).ue.onIncoming(resolve));
  let [before, begin] = [messages.length, performance.now()];
  const call = await network.phone(caller).ue.call(network.identity(callee));
  const other = await answered;
  await Promise.all([call.established, other.established]);
  if (then !== undefined) {
    [before, begin] = [messages.length, performance.now()];
    await then(call);
  }
  const milliseconds = performance.now() - begin;
  const tally = tallyOf(messages.slice(before), call.callId, (party) => !party.includes('.'));
  await call.hangUp();
  await Promise.all([call.ended, other.ended]);
  return { kind: name, milliseconds, ...tally };
}

function print(found: readonly Found[]): void {
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
