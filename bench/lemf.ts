/**
 * `npm run bench:lemf`: how long a LEMF takes to acknowledge, over real sockets with TLS and on a real disk: with nothing
 * stored, with much stored, and while that is recovered. The LEMF is a process of its own. Prints the 99th percentiles
 * and the longest, ratios to the first, and the processor time.
 *
 *     node bench/start.js lemf [--stored 200] [--acks 1000] [--rounds 3] [--every 20] [--json]
 *
 * `--stored` in MB; each acknowledgement is for ten PDUs, and asked for `--every` so many milliseconds. Ends with 1 if a
 * ratio is above 1.5 in the median of the rounds.
 */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, copyFileSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Secret } from '../src/bytes/secret.ts';
import { HandoverClient } from '../src/entities/df/listeners/handover-client.ts';
import { recordEncoder } from '../src/entities/df/handover/encoder.ts';
import { lemfConfig } from '../src/entities/lemf/config.ts';
import { startLemf } from '../src/entities/lemf/start.ts';
import { systemClock, systemRandom } from '../src/host/runtime.ts';
import { LabPki } from '../src/lab/network/pki.ts';
import { encodeRtp } from '../src/media/rtp.ts';
import { SrtpSender } from '../src/media/srtp/stream.ts';
import { SRTP_SUITE } from '../src/media/srtp/suites.ts';
import { HostMap } from '../src/net/hosts.ts';
import { loadTls } from '../src/net/tls.ts';
import type { TlsFiles } from '../src/net/tls.ts';
import { PsPduDeframer } from '../src/wire/hi/deframer.ts';
import { LI_PS_DOMAIN } from '../src/wire/hi/header.ts';
import { encodePsPdu } from '../src/wire/hi/ps-pdu.ts';

const { values } = parseArgs({
  options: {
    stored: { type: 'string', default: '200' },
    acks: { type: 'string', default: '1000' },
    rounds: { type: 'string', default: '3' },
    every: { type: 'string', default: '20' },
    json: { type: 'boolean', default: false },
    /** Of the process that this one starts: the LEMF's settings as JSON. */
    lemf: { type: 'string' },
  },
});
const STORED = Number(values.stored) * 1e6;
const ACKS = Number(values.acks);
const ROUNDS = Number(values.rounds);
const EVERY_MS = Number(values.every);
const PDUS = 10;
const MOST = 1.5;
const HOST = 'lemf.home1.example';

const clock = systemClock();
const logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: (fields: object, message: string) => console.error(message, fields),
  error: (fields: object, message: string) => console.error(message, fields),
};

type Case = 'nothing' | 'stored' | 'recovering';
const CASES: readonly Case[] = ['nothing', 'stored', 'recovering'];

interface Measured {
  readonly acks: number;
  readonly p50: number;
  readonly p99: number;
  /** The longest. */
  readonly max: number;
  /** Processor time of the LEMF in milliseconds, and of how many. */
  readonly cpuMs: number;
  readonly wallMs: number;
  /** Whether recovery was under way all the while. */
  readonly isWhole: boolean;
}

interface LemfReport {
  readonly ports?: { readonly hi2: number; readonly hi3: number };
  readonly recovered?: true;
  readonly cpuMs?: number;
}

/* ---------------------------------------------------------------- the LEMF's process */

async function runLemf(settings: string): Promise<void> {
  const say = (report: LemfReport): void => void process.send?.(report);
  const config = lemfConfig(JSON.parse(settings) as unknown);
  const runtime = { clock, random: systemRandom(), logger };
  const { hi2, hi3 } = await startLemf(config, runtime, ({ type }) => {
    if (type === 'recovered') say({ recovered: true });
  });
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    say({ cpuMs: (user + system) / 1000 });
  });
  say({ ports: { hi2: hi2.port, hi3: hi3.port } });
}

/* ---------------------------------------------------------------- what is stored */

const encode = recordEncoder({ countryCode: 'DE', operator: 'home1', element: 'df.home1.example' });

/** Encrypted packets of one direction of a call, as records of HI3 from `from` on. */
function* content(cin: number, from = 0): Generator<Uint8Array> {
  const sender = new SrtpSender({
    suite: SRTP_SUITE.aesCm128HmacSha1Tag80,
    masterKey: Secret.of(new Uint8Array(16).fill(1)),
    masterSalt: Secret.of(new Uint8Array(14).fill(2)),
    ssrc: cin,
    mki: new Uint8Array(8),
    roc: 0,
  });
  const base = { liid: 'LIID-BENCH', cin, time: clock.now(), correlation: new Uint8Array(8) };
  for (let n = from; ; n++) {
    const rtp = encodeRtp({
      marker: false,
      payloadType: 8,
      sequenceNumber: n & 0xffff,
      timestamp: (160 * n) >>> 0,
      ssrc: cin,
      csrc: [],
      extension: null,
      payload: new Uint8Array(160).fill(n & 0xff),
    });
    const packet = sender.protect(rtp);
    yield encode(
      {
        ...base,
        kind: 'cc',
        direction: 'fromTarget',
        format: 'rtp',
        content: packet,
        streamIdentifier: 'a>b',
      },
      n,
    );
  }
}

/** Calls of 10,000 packets, each with its key. */
function store(folder: string): void {
  mkdirSync(folder);
  const [hi2, hi3] = [
    openSync(path.join(folder, 'hi2.ber'), 'w'),
    openSync(path.join(folder, 'hi3.ber'), 'w'),
  ];
  for (let [cin, octets] = [1, 0]; octets < STORED; cin++) {
    const keyInfo = {
      csId: 1,
      key: Secret.of(new Uint8Array(16).fill(1)),
      salt: Secret.of(new Uint8Array(14).fill(2)),
    };
    const base = { liid: 'LIID-BENCH', cin, time: clock.now(), correlation: new Uint8Array(8), observed: [] };
    writeSync(hi2, encode({ ...base, kind: 'keys-available', keyInfo }, 0));
    const pdus: Uint8Array[] = [];
    for (const pdu of content(cin)) {
      pdus.push(pdu);
      octets += pdu.length;
      if (pdus.length >= 10_000) break;
    }
    writeSync(hi3, Buffer.concat(pdus));
  }
  closeSync(hi2);
  closeSync(hi3);
}

/* ---------------------------------------------------------------- the delivery function */

async function measure(folder: string, which: Case, tls: Record<'df' | 'lemf', TlsFiles>): Promise<Measured> {
  const settings = {
    tls: tls.lemf,
    folder: path.join(folder, 'lemf'),
    hi2: { peers: ['df.home1.example'] },
    hi3: { peers: ['df.home1.example'] },
    recoverAfter: 50,
    ...(which === 'recovering' ? { recoverInto: path.join(folder, 'audio') } : {}),
  };
  const child = fork(process.argv[1] ?? '', ['--lemf', JSON.stringify(settings)], { stdio: 'inherit' });
  const ports = await reported(child, (report) => report.ports);
  const df = new Df(tls.df, ports.hi3);
  await df.opened;
  const recovery = { isOver: false };
  void reported(child, ({ recovered }) => recovered).then(() => (recovery.isOver = true));
  const pdus = content(1_000_000);
  const next = () =>
    Buffer.concat(Array.from({ length: PDUS }, () => (pdus.next().value ?? new Uint8Array()) as Uint8Array));
  for (let n = 0; n < 50; n++) await df.acknowledged(next());
  if (which === 'recovering') await sleep(1000);
  const cpuBefore = await cpuOf(child);
  const start = performance.now();
  const times: number[] = [];
  while (times.length < ACKS && !(which === 'recovering' && recovery.isOver)) {
    times.push(await df.acknowledged(next()));
    await sleep(start + times.length * EVERY_MS - performance.now());
  }
  const wallMs = performance.now() - start;
  const cpuMs = (await cpuOf(child)) - cpuBefore;
  df.close();
  child.kill('SIGKILL');
  await once(child, 'exit');
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.floor(share * times.length)] ?? NaN;
  const isWhole = times.length === ACKS;
  return {
    acks: times.length,
    p50: at(0.5),
    p99: at(0.99),
    max: times.at(-1) ?? NaN,
    cpuMs,
    wallMs,
    isWhole,
  };
}

class Df {
  readonly opened: Promise<void>;
  readonly #channel;
  readonly #deframer = new PsPduDeframer();
  #sequenceNumber = 0;
  #answered: () => void = () => undefined;

  constructor(tls: TlsFiles, port: number) {
    const hosts = new HostMap();
    hosts.set(`${HOST}:1`, `127.0.0.1:${port}`);
    const client = new HandoverClient({ tls: loadTls(tls, clock.now()), hosts });
    let opened: () => void = () => undefined;
    this.opened = new Promise((resolve) => (opened = resolve));
    this.#channel = client.open(
      { did: 'hi3', host: HOST, port: 1, by: 'DF3' },
      {
        opened,
        received: (octets) => {
          for (const _pdu of this.#deframer.push(octets)) this.#answered();
        },
        closed: (reason) => console.error('connection lost:', reason),
      },
    );
  }

  /** Sends PDUs and asks for their acknowledgement; milliseconds until it came. */
  async acknowledged(pdus: Uint8Array): Promise<number> {
    const request = encodePsPdu({
      header: {
        domainId: LI_PS_DOMAIN,
        liid: 'transport',
        operatorIdentifier: 'home1',
        sequenceNumber: this.#sequenceNumber++,
      },
      payload: { kind: 'tri', message: { type: 'pduAcknowledgementRequest' } },
    });
    const answer = new Promise<void>((resolve) => (this.#answered = resolve));
    const sent = performance.now();
    this.#channel.send(Buffer.concat([pdus, request]));
    await answer;
    return performance.now() - sent;
  }

  close(): void {
    this.#channel.close();
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}

async function cpuOf(child: ChildProcess): Promise<number> {
  const answer = reported(child, ({ cpuMs }) => cpuMs);
  child.send('cpu');
  return answer;
}

function reported<Part>(child: ChildProcess, part: (report: LemfReport) => Part | undefined): Promise<Part> {
  return new Promise((resolve) => {
    const look = (report: LemfReport): void => {
      const found = part(report);
      if (found === undefined) return;
      child.off('message', look);
      resolve(found);
    };
    child.on('message', look);
  });
}

/* ---------------------------------------------------------------- the run */

async function run(): Promise<void> {
  const root = mkdtempSync(path.join(process.cwd(), 'dist', 'bench-lemf-'));
  try {
    const pki = await LabPki.create(path.join(root, 'pki'), clock.now());
    const issue = (role: 'df' | 'lemf') =>
      pki.issue({ commonName: `${role}.home1.example`, dnsNames: [`${role}.home1.example`], roles: [role] });
    const tls = { df: await issue('df'), lemf: await issue('lemf') };
    store(path.join(root, 'stored'));
    const results: Record<Case, Measured[]> = { nothing: [], stored: [], recovering: [] };
    for (let round = 0; round < ROUNDS; round++) {
      for (const which of CASES) {
        const folder = mkdtempSync(path.join(root, `${which}-`));
        mkdirSync(path.join(folder, 'lemf'));
        for (const name of which === 'nothing' ? [] : ['hi2.ber', 'hi3.ber']) {
          copyFileSync(path.join(root, 'stored', name), path.join(folder, 'lemf', name));
        }
        results[which].push(await measure(folder, which, tls));
        rmSync(folder, { recursive: true });
      }
    }
    tell(results);
  } finally {
    rmSync(root, { recursive: true });
  }
}

function tell(results: Record<Case, readonly Measured[]>): void {
  const median = (numbers: number[]) => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? NaN;
  const base = median(results.nothing.map(({ p99 }) => p99));
  const rows = CASES.map((which) => {
    const of = (field: 'p50' | 'p99' | 'max') => median(results[which].map((measured) => measured[field]));
    const cpu = median(results[which].map(({ cpuMs, wallMs }) => cpuMs / wallMs));
    const acks = results[which].reduce((sum, measured) => sum + measured.acks, 0);
    const isWhole = results[which].every((measured) => measured.isWhole);
    return {
      which,
      acks,
      p50: of('p50'),
      p99: of('p99'),
      max: of('max'),
      ratio: of('p99') / base,
      cpu,
      isWhole,
    };
  });
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

if (values.lemf === undefined) await run();
else await runLemf(values.lemf);
