/**
 * `npm run bench:overload` (R-70): more calls over UDP than the CSCF serves. Debian's `sipp` calls through it at each rate,
 * INVITE asked for digest, and the first rate comes again after the others. For each: calls that came about a second, those
 * that were answered 503, those that came to nothing (their callers gave up asking, or were told something else), how long
 * callers waited for 200, requests that were sent again, the processors that the CSCF had while calls were offered, calls
 * that came about a second of these, and datagrams that the system had no room for.
 *
 * Callers and callees are on one core by `taskset`, the CSCF on another. Where another process has a part of that, calls
 * that come about a second of the CSCF's processor time say more than those of a second.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { datagramsLost } from '../src/net/udp-losses.ts';
import { freePort } from '../test/support/child.ts';
import { chainTls } from './chain/delivery-chain.ts';
import { describeMachine, requireDisk, unmeasurable } from './chain/machine.ts';
import { runCscf, startCscfProxy, startKamailio, withoutKamailio } from './chain/proxies.ts';
import type { Proxy } from './chain/proxies.ts';
import { passed } from './chain/runtime.ts';
import { PASSWORD } from './chain/sip-phones.ts';
import { pin, twoCores } from './cores.ts';

const HELP = `Usage: npm run bench:overload -- [--rates N[,N…]] [--seconds N] [--kamailio] [--folder FOLDER]

  --rates N,N    calls a second that are offered, one after the other (default 100,200,400,800,1600,3200)
  --seconds N    of each rate (default 10)
  --kamailio     Debian's Kamailio in the CSCF's place
  --folder DIR   where state is kept meanwhile, on a disk (default dist/bench-state)

Example:
  npm run bench:overload -- --rates 150,600 --seconds 20`;

const SCENARIOS = path.resolve('bench', 'overload');
/** Until V8 has compiled what runs often. */
const WARM_UP = { rate: 40, seconds: 20 };
const USERS = 200;
/** Seconds for which callers wait for an answer: an INVITE is given up after 32. */
const PATIENCE = 40;

const users = (kind: string): string[] => Array.from({ length: USERS }, (_, n) => `${kind}${n}`);
const CALLERS = users('caller');
const CALLEES = users('callee');

const { values } = parseArgs({
  options: {
    rates: { type: 'string', default: '100,200,400,800,1600,3200' },
    seconds: { type: 'string', default: '10' },
    kamailio: { type: 'boolean', default: false },
    folder: { type: 'string', default: path.join('dist', 'bench-state') },
    help: { type: 'boolean', short: 'h', default: false },
    /** Of the process that this one starts: its settings as JSON. */
    part: { type: 'string' },
    settings: { type: 'string', default: '{}' },
  },
});

/** What sipp has counted from its start to a moment, by the names of its columns. */
type Row = Readonly<Record<string, string>>;

class Load {
  readonly #folder: string;
  readonly #proxy: Proxy;
  #runs = 0;

  constructor(folder: string, proxy: Proxy) {
    this.#folder = folder;
    this.#proxy = proxy;
  }

  /** Registers all callees at one port, and answers there until the end. */
  async answering(): Promise<() => void> {
    const port = await freePort();
    const subscribers = this.#users(
      'callees',
      CALLEES.map((user) => `${user};${credentials(user)}`),
    );
    await ended('sipp', [...this.#args('register', port, subscribers), '-m', String(USERS), '-r', '50']);
    const callee = spawn('sipp', this.#args('callee', port, []), { cwd: this.#folder, stdio: 'ignore' });
    return () => callee.kill('SIGKILL');
  }

  /** Calls for so many seconds, and what became of them. */
  async calls(rate: number, seconds: number): Promise<Outcome> {
    const port = await freePort();
    const pairs = CALLERS.map((user, n) => `${user};${CALLEES[n] ?? ''};${credentials(user)}`);
    const subscribers = this.#users('callers', pairs);
    const statistics = path.join(this.#folder, `calls-${this.#runs++}.csv`);
    const before = { ms: this.#proxy.ms, dropped: datagramsLost([this.#proxy.port]) };
    const busy = passed(1000 * seconds).then(() => (this.#proxy.ms - before.ms) / 1000);
    const load = ['-r', String(rate), '-m', String(rate * seconds), '-l', String(rate * seconds)];
    await ended('sipp', [
      ...this.#args('caller', port, subscribers),
      ...load,
      ...['-recv_timeout', `${1000 * PATIENCE}`, '-trace_stat', '-stf', statistics, '-fd', '1'],
    ]);
    const rows = rowsOf(readFileSync(statistics, 'utf8'));
    const within = rows.filter((row) => secondsOf(row['ElapsedTime(C)']) <= seconds + 1).at(-1) ?? {};
    const last = rows.at(-1) ?? {};
    const count = (row: Row, name: string): number => Number(row[name] ?? 0);
    const putOff = count(last, 'GenericCounter1(C)');
    const goodput = (count(within, 'SuccessfulCall(C)') - count(within, 'GenericCounter1(C)')) / seconds;
    const failed = rate * seconds - count(last, 'SuccessfulCall(C)');
    const toldOther = count(last, 'FailedUnexpectedMessage(C)');
    const processors = (await busy) / seconds;
    return {
      ...{ rate, goodput, putOff, toldOther, processors },
      total: count(last, 'SuccessfulCall(C)') - putOff,
      gaveUp: failed - toldOther,
      answerMs: 1000 * secondsOf(last['ResponseTime1(C)']),
      again: count(last, 'Retransmissions(C)'),
      perProcessor: goodput / processors,
      dropped: datagramsLost([this.#proxy.port]) - before.dropped,
    };
  }

  #users(name: string, lines: readonly string[]): string[] {
    const file = path.join(this.#folder, `${name}.csv`);
    writeFileSync(file, `SEQUENTIAL\n${lines.map((line) => `${line};\n`).join('')}`);
    return ['-inf', file];
  }

  #args(scenario: string, port: number, more: readonly string[]): string[] {
    return [
      ...['-sf', path.join(SCENARIOS, `${scenario}.xml`), '-i', '127.0.0.1', '-p', String(port)],
      ...['-t', 'u1', '-nostdin', '-buff_size', '4000000', ...more, `127.0.0.1:${this.#proxy.port}`],
    ];
  }
}

interface Outcome {
  /** Calls offered a second. */
  readonly rate: number;
  /** Calls that were over well, a second, while calls were offered. */
  readonly goodput: number;
  /** Calls that were over well, in all. */
  readonly total: number;
  /** Calls answered 503. */
  readonly putOff: number;
  /** Calls whose callers had no answer, however often they asked, and that were told something else. */
  readonly gaveUp: number;
  readonly toldOther: number;
  /** Mean milliseconds from INVITE to 200. */
  readonly answerMs: number;
  /** Messages that callers sent again. */
  readonly again: number;
  /** Processors that the CSCF had while calls were offered. */
  readonly processors: number;
  /** Calls that were over well, a second of these. */
  readonly perProcessor: number;
  /** Datagrams to the CSCF that the system had no room for. */
  readonly dropped: number;
}

function credentials(user: string): string {
  return `[authentication username=${user} password=${PASSWORD}]`;
}

/** Calls that failed make sipp end with 1. */
async function ended(command: string, args: readonly string[]): Promise<void> {
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (octets: Buffer) => (said = `${said}${octets.toString()}`.slice(-2000)));
  const [status] = (await once(child, 'exit')) as [number | null];
  if (status !== 0 && status !== 1 && status !== 97)
    throw new Error(`${command} ended with ${status}: ${said}`);
}

function rowsOf(text: string): Row[] {
  const [names = [], ...rows] = text
    .trim()
    .split('\n')
    .map((line) => line.split(';'));
  return rows.map((row) => Object.fromEntries(names.map((name, at) => [name, row[at] ?? ''])));
}

/** `hh:mm:ss` or `hh:mm:ss:microseconds`, as sipp writes times. */
function secondsOf(text = ''): number {
  const [hours = 0, minutes = 0, seconds = 0, micro = 0] = text.split(':').map(Number);
  return 3600 * hours + 60 * minutes + seconds + micro / 1e6;
}

function withoutSipp(): string | null {
  try {
    execFileSync('sipp', ['-v'], { stdio: 'ignore' });
    return null;
  } catch (error) {
    // It says its version and ends with 99.
    return (error as { status?: number | null }).status === 99
      ? null
      : 'sipp is not installed (Debian: sip-tester)';
  }
}

function fail(text: string): never {
  console.error(text);
  process.exit(2);
}

async function run(): Promise<void> {
  const [rates, seconds] = [values.rates.split(',').map(Number), Number(values.seconds)];
  if (!rates.every((rate) => rate > 0) || !(seconds > 0)) fail(HELP);
  const reason = unmeasurable() ?? withoutSipp() ?? (values.kamailio ? withoutKamailio() : null);
  if (reason !== null) fail(reason);
  mkdirSync(values.folder, { recursive: true });
  requireDisk(values.folder);
  const folder = mkdtempSync(path.join(path.resolve(values.folder), 'overload-'));
  const { processor, cores, load } = describeMachine();
  const stops: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 })];
  try {
    const proxy = await startedApart(folder);
    stops.push(() => proxy.stop());
    const calls = new Load(folder, proxy);
    stops.push(await calls.answering());
    await calls.calls(WARM_UP.rate, WARM_UP.seconds);
    console.log(`${proxy.name}; ${cores} × ${processor}, load ${load.toFixed(1)} before\n`);
    console.log(COLUMNS.map(({ name }) => name).join('  '));
    for (const rate of [...rates, rates[0] ?? 0]) console.log(lineOf(await calls.calls(rate, seconds)));
    console.log(`\nload ${describeMachine().load.toFixed(1)} after`);
  } finally {
    for (const stop of stops.reverse()) await stop();
  }
}

/** What calls go through, on a core of its own; what is started later is on the other. */
async function startedApart(folder: string): Promise<Proxy> {
  const apart = twoCores();
  if (apart !== null) pin(process.pid, [apart[1]]);
  const proxy = values.kamailio
    ? await startKamailio(path.join(folder, 'kamailio'))
    : await startCscfProxy(folder, (await chainTls(folder)).cscf, [...CALLERS, ...CALLEES]);
  if (apart !== null) pin(process.pid, [apart[0]]);
  return proxy;
}

const COLUMNS: readonly { readonly name: string; readonly of: keyof Outcome; readonly digits?: number }[] = [
  { name: 'offered/s', of: 'rate' },
  { name: 'came about/s', of: 'goodput' },
  { name: 'in all', of: 'total' },
  { name: 'put off', of: 'putOff' },
  { name: 'gave up', of: 'gaveUp' },
  { name: 'told other', of: 'toldOther' },
  { name: '200 after, ms', of: 'answerMs' },
  { name: 'again', of: 'again' },
  { name: 'processors', of: 'processors', digits: 2 },
  { name: 'came about/s of one', of: 'perProcessor' },
  { name: 'dropped', of: 'dropped' },
];

function lineOf(outcome: Outcome): string {
  return COLUMNS.map(({ name, of, digits = 0 }) => outcome[of].toFixed(digits).padStart(name.length)).join(
    '  ',
  );
}

if (values.help) console.log(HELP);
else if (values.part === undefined) await run();
else await runCscf(JSON.parse(values.settings));
