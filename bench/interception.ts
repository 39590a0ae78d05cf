/**
 * `npm run bench:interception`: how long phones wait for REQUEST_KEY and for parameters, with and without a DF that asks
 * all it can, of a KMS in a process of its own, over TLS on loopback. The DF's questions are sound ones and ones of 52 kB
 * that are not; it has so many under way at a time. Windows with and without the load alternate, and ratios are of
 * neighbours.
 *
 *     node bench/start.js interception [--pairs 12] [--requests 20] [--at-once 4] [--json]
 *
 * Then the same with a KMS whose listeners' thread answers questions, as it was before.
 */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as passed } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { fromHex, utf8 } from '../src/bytes/octets.ts';
import type { Clock } from '../src/bytes/ports.ts';
import { Secret } from '../src/bytes/secret.ts';
import { kmsConfig } from '../src/entities/kms/config.ts';
import { startKms } from '../src/entities/kms/start.ts';
import { SqliteKmsStore } from '../src/entities/kms/store/sqlite.ts';
import { systemClock, systemRandom } from '../src/host/runtime.ts';
import { canonicalIdentity } from '../src/ibake/identity.ts';
import { LabPki } from '../src/lab/network/pki.ts';
import { decodeMessage, encodeMessage } from '../src/mikey/message.ts';
import { HostMap } from '../src/net/hosts.ts';
import { HttpsClient } from '../src/net/https.ts';
import { loadTls } from '../src/net/tls.ts';
import type { TlsFiles } from '../src/net/tls.ts';
import { decodeKeyResponse } from '../src/wire/request-key/response.ts';
import { makeKeyRequest } from '../src/wire/request-key/request.ts';
import { MIKEY_MEDIA_TYPE, REQUEST_KEY_PATH } from '../src/wire/request-key/transport.ts';
import { encodeGetKeysRequest, GET_KEYS_PATH } from '../src/wire/xk/get-keys.ts';
import { requestOf } from '../test/entities/kms/get-keys/support/questions.ts';
import { loadVector } from '../test/ibake/support/vectors.ts';
import { middle, quantile } from './statistics.ts';

const { values } = parseArgs({
  options: {
    pairs: { type: 'string', default: '12' },
    requests: { type: 'string', default: '20' },
    'at-once': { type: 'string', default: '4' },
    json: { type: 'boolean', default: false },
    /** Of the processes that this one starts: which, and what it needs as JSON. */
    part: { type: 'string' },
    parts: { type: 'string' },
  },
});
const PAIRS = Number(values.pairs);
const REQUESTS = Number(values.requests);
const AT_ONCE = Number(values['at-once']);

const VECTOR = 'exchange-1.json';
const vector = loadVector(VECTOR);
const home = vector.kms.initiator;
const question = {
  ...requestOf(vector, 'initiator'),
  targetKmsIdentity: canonicalIdentity(home.user.uri).addressOfRecord,
};
const { host: HOST } = new URL(home.district);
const PHONES = Array.from({ length: 40 }, (_, n) => `phone${n}`);
const PSK = 'a1'.repeat(32);
const ignore = (): void => undefined;
const logger = { debug: ignore, info: ignore, warn: ignore, error: console.error };

/** Time as it passes, beginning when the vector's exchange was. */
const offset = vector.time.unix * 1000 - Date.now();
const real = systemClock();
const clock: Clock = { now: () => real.now() + offset, after: (ms, action) => real.after(ms, action) };

interface Parts {
  readonly folder: string;
  readonly tls: TlsFiles;
  readonly kms: { readonly users: number; readonly xk: number } | null;
  readonly workers: number;
}

/* ---------------------------------------------------------------- the KMS */

async function runKms({ folder, tls, workers }: Parts): Promise<void> {
  const uri = canonicalIdentity(home.user.uri);
  const address = `@${uri.host}`;
  const state = path.join(folder, 'state');
  const file = path.join(folder, 'district.json');
  mkdirSync(state, { mode: 0o700 });
  writeFileSync(file, JSON.stringify(home), { mode: 0o600 });
  const store = await SqliteKmsStore.open(path.join(state, 'kms.db'));
  const begun = vector.time.unix - 60;
  await store.putWarrant({
    xid: question.xid,
    periods: [{ targets: [uri.addressOfRecord], start: begun, end: Infinity }],
  });
  const period = Math.floor(vector.time.unix / home.keyLifetime) * home.keyLifetime;
  await store.issueSeed({ uri: uri.uri, period, serial: home.serial, credential: 'target' });
  await store.putSubscriber(
    { id: 'target', publicIdentities: [uri.addressOfRecord], aliases: [], devices: [] },
    begun,
  );
  await store.close();
  const subscribers = PHONES.map((name) => ({
    id: name,
    publicIdentities: [`sip:${name}${address}`],
    devices: [{ credential: name, psk: PSK, identity: `sip:${name}${address}` }],
  }));
  const target = { credential: 'target', psk: PSK, identity: uri.uri };
  const kms = await startKms(
    kmsConfig({
      name: HOST,
      tls,
      admf: { identifier: 'admf', url: 'https://admf/X1/ADMF' },
      state,
      xk: { peers: ['df'] },
      district: {
        ...{ name: home.district, keyLifetime: home.keyLifetime, hosts: [uri.host] },
        ...{ files: [file], demoGroup: 'home1' },
      },
      subscribers: [
        { id: 'target', publicIdentities: [uri.addressOfRecord], devices: [target] },
        ...subscribers,
      ],
      workers: 1,
      interception: { workers },
    }),
    { clock, random: systemRandom(), logger },
  );
  process.once('disconnect', () => process.exit());
  process.on('message', () => process.send?.(process.cpuUsage()));
  process.send?.({ users: kms.users.port, xk: kms.xk.port });
}

/* ---------------------------------------------------------------- the DF */

/** Fifty-two kilobytes that are read whole, and are not the message that they are said to be. */
function large(): Uint8Array {
  const { header, payloads } = decodeMessage(question.iMessage1);
  const t = payloads.filter(({ kind }) => kind === 't');
  const idr = payloads.filter(({ kind }) => kind === 'idr').slice(0, 1);
  const many = Array.from({ length: 60 }, () => idr).flat();
  let octets = encodeMessage({ header, payloads: [...t, ...many] });
  while (octets.length < 38_000)
    octets = encodeMessage({ header, payloads: [...t, ...(many.push(...many), many)] });
  return octets;
}

function runDf({ tls, kms }: Parts): void {
  const hosts = new HostMap({ [`${HOST}:443`]: `127.0.0.1:${kms?.xk ?? 0}` });
  const client = new HttpsClient({ hosts, tls: loadTls(tls, clock.now()), minVersion: 'TLSv1.3' });
  const bodies = [question, { ...question, iMessage1: large() }].map((each) =>
    utf8(encodeGetKeysRequest(each)),
  );
  let on = false;
  let counts: Record<number, number> = {};
  const ask = async (n: number): Promise<void> => {
    for (let at = n; on; at++) {
      const octets = bodies[at % bodies.length] ?? new Uint8Array();
      const body = { type: 'application/json', octets };
      const { status } = await client.request('POST', `https://${HOST}${GET_KEYS_PATH}`, body);
      counts[status] = (counts[status] ?? 0) + 1;
    }
  };
  process.once('disconnect', () => process.exit());
  process.on('message', (word) => {
    on = word === 'on';
    if (on) {
      counts = {};
      for (let n = 0; n < AT_ONCE; n++) void ask(n);
    } else process.send?.(counts);
  });
  process.send?.('ready');
}

/* ---------------------------------------------------------------- the phones */

interface Window {
  /** Milliseconds of each REQUEST_KEY. */
  readonly keys: readonly number[];
  readonly parameters: readonly number[];
  /** Milliseconds of processor time of the KMS for each REQUEST_KEY. */
  readonly cpu: number;
}

class Phones {
  readonly #client: HttpsClient;
  #next = 0;

  constructor(client: HttpsClient) {
    this.#client = client;
  }

  async window(kms: ChildProcess): Promise<Window> {
    const before = await cpuOf(kms);
    const keys: number[] = [];
    const parameters: number[] = [];
    while (keys.length < REQUESTS) {
      keys.push(await timed(() => this.#requestKey()));
      parameters.push(await timed(() => this.#parameters()));
    }
    return { keys, parameters, cpu: ((await cpuOf(kms)) - before) / keys.length };
  }

  async #requestKey(): Promise<void> {
    const name = PHONES[this.#next++ % PHONES.length] ?? '';
    const credential = { name, psk: Secret.of(fromHex(PSK)), district: home.district };
    const uri = `sip:${name}@${canonicalIdentity(home.user.uri).host}`;
    const wanted = { from: null, to: null };
    const sent = makeKeyRequest(credential, { uris: [uri], time: clock.now(), wanted }, systemRandom());
    const body = { type: MIKEY_MEDIA_TYPE, octets: sent.octets };
    const answer = await this.#client.request('POST', `https://${HOST}${REQUEST_KEY_PATH}`, body);
    if (answer.status !== 200) throw new Error(`REQUEST_KEY: status ${answer.status}`);
    if (decodeKeyResponse(sent, credential.psk, answer.body).length === 0) throw new Error('no keys');
  }

  async #parameters(): Promise<void> {
    const { status } = await this.#client.request('GET', home.district);
    if (status !== 200) throw new Error(`parameters: status ${status}`);
  }
}

async function timed(work: () => Promise<void>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

async function cpuOf(kms: ChildProcess): Promise<number> {
  const answered = once(kms, 'message');
  kms.send('cpu');
  const [{ user, system }] = (await answered) as [NodeJS.CpuUsage];
  return (user + system) / 1000;
}

interface Summary {
  readonly what: string;
  readonly without: number;
  readonly with: number;
  /** Median of the pairs' ratios, and the middle half of them. */
  readonly ratio: number;
  readonly from: number;
  readonly to: number;
}

function compared(
  what: string,
  pairs: readonly (readonly [Window, Window])[],
  of: (window: Window) => number,
): Summary {
  const ratios = pairs.map(([off, on]) => of(on) / of(off));
  return {
    what,
    without: middle(pairs.map(([off]) => of(off))),
    with: middle(pairs.map(([, on]) => of(on))),
    ...{ ratio: middle(ratios), from: quantile(ratios, 0.25), to: quantile(ratios, 0.75) },
  };
}

async function measure(pki: LabPki, folder: string, workers: number) {
  const tls = await pki.issue({ commonName: HOST, dnsNames: [HOST], roles: ['kms'] });
  const started = async (part: string, parts: Parts) => {
    const child = fork(process.argv[1] ?? '', [
      '--part',
      part,
      '--parts',
      JSON.stringify(parts),
      '--at-once',
      String(AT_ONCE),
    ]);
    const [message] = (await once(child, 'message')) as [unknown];
    return { child, message };
  };
  const kms = await started('kms', { folder, tls, kms: null, workers });
  const ports = kms.message as { users: number; xk: number };
  const dfTls = await pki.issue({ commonName: 'df', dnsNames: ['df'], roles: ['df'] });
  const df = await started('df', { folder, tls: dfTls, kms: ports, workers });
  const { authorities } = loadTls(dfTls, clock.now());
  const hosts = new HostMap({ [`${HOST}:443`]: `127.0.0.1:${ports.users}` });
  const client = new HttpsClient({ hosts, tls: { authorities } });
  const phones = new Phones(client);
  const answered: Record<string, number> = {};
  const loaded = async (): Promise<Window> => {
    df.child.send('on');
    await passed(100);
    const window = await phones.window(kms.child);
    const reported = once(df.child, 'message');
    df.child.send('off');
    const [counts] = (await reported) as [Record<string, number>];
    for (const [status, count] of Object.entries(counts)) answered[status] = (answered[status] ?? 0) + count;
    await passed(300);
    return window;
  };
  try {
    await phones.window(kms.child);
    await loaded();
    const pairs: (readonly [Window, Window])[] = [];
    for (let n = 0; n < PAIRS; n++) {
      const isOnFirst = n % 2 === 1;
      const first = isOnFirst ? await loaded() : await phones.window(kms.child);
      const second = isOnFirst ? await phones.window(kms.child) : await loaded();
      pairs.push(isOnFirst ? [second, first] : [first, second]);
    }
    const rows = [
      compared('REQUEST_KEY, median ms', pairs, ({ keys }) => quantile(keys, 0.5)),
      compared('REQUEST_KEY, 95th percentile ms', pairs, ({ keys }) => quantile(keys, 0.95)),
      compared('parameters, median ms', pairs, ({ parameters }) => quantile(parameters, 0.5)),
      compared('parameters, 95th percentile ms', pairs, ({ parameters }) => quantile(parameters, 0.95)),
      compared('KMS, processor ms a REQUEST_KEY', pairs, ({ cpu }) => cpu),
    ];
    return { workers, rows, answered };
  } finally {
    await client.close();
    for (const { child } of [df, kms]) {
      const gone = once(child, 'exit');
      child.disconnect();
      await gone;
    }
  }
}

async function run(folder: string): Promise<void> {
  const now = Math.min(clock.now(), Date.now());
  const until = Math.max(clock.now(), Date.now());
  const DAY_MS = 86_400_000;
  const pki = await LabPki.create(path.join(folder, 'pki'), { from: now - DAY_MS, to: until + 7 * DAY_MS });
  const results = [];
  for (const workers of [1, 0]) {
    const own = path.join(folder, String(workers));
    mkdirSync(own);
    results.push(await measure(pki, own, workers));
  }
  if (values.json) {
    console.log(JSON.stringify({ machine: cpus()[0]?.model, cores: cpus().length, pairs: PAIRS, results }));
    return;
  }
  console.log(
    `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}; ${PAIRS} pairs of windows of ${REQUESTS} requests`,
  );
  for (const { workers, rows, answered } of results) {
    const where = workers === 0 ? 'in the listeners’ thread' : 'on a thread of their own';
    console.log(`\nquestions answered ${where}; statuses: ${JSON.stringify(answered)}`);
    console.log(`${' '.repeat(36)}without      with   ratio  (middle half)`);
    for (const row of rows) {
      const cells = [row.without, row.with].map((ms) => ms.toFixed(2).padStart(10)).join('');
      const span = `(${row.from.toFixed(2)} to ${row.to.toFixed(2)})`;
      console.log(`${row.what.padEnd(33)}${cells}${row.ratio.toFixed(2).padStart(8)}  ${span}`);
    }
  }
}

if (values.part !== undefined) {
  const parts = JSON.parse(values.parts ?? '{}') as Parts;
  if (values.part === 'kms') await runKms(parts);
  else runDf(parts);
} else {
  const folder = mkdtempSync(path.join(tmpdir(), 'claviger-bench-'));
  await run(folder).finally(() => rmSync(folder, { recursive: true, force: true }));
}
