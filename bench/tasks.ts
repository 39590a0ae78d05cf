/**
 * An ADMF that starts with many warrants in force, on real X1: one process with the ADMF, one with the KMS, DF, gateway
 * and CSCF of a home (listener, store and audit log of each), over mutual TLS on loopback. Stores hold the tasks before;
 * at each element one in a hundred is missing, one in a hundred is otherwise, and as many are nobody's. Prints how long
 * it takes until all is as it must be, how long a withdrawal takes that is entered meanwhile, what it costs, and how long
 * the elements' process was held up at a time.
 *
 *     node bench/start.js tasks [--tasks 20000] [--json]
 *
 * Ends with 1 if an element does not hold in the end what it must.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { admfConfig } from '../src/entities/admf/config.ts';
import { ElementPlan } from '../src/entities/admf/plan.ts';
import { startAdmf } from '../src/entities/admf/start.ts';
import { SqliteAdmfStore } from '../src/entities/admf/store/sqlite.ts';
import type { WarrantRecord } from '../src/entities/admf/warrants.ts';
import { SqliteKmsStore } from '../src/entities/kms/store/sqlite.ts';
import { WarrantKeepingStore } from '../src/entities/kms/warrants.ts';
import { configReader } from '../src/host/config.ts';
import { systemClock, systemRandom } from '../src/host/runtime.ts';
import { LabPki } from '../src/lab/network/pki.ts';
import { HostMap } from '../src/net/hosts.ts';
import { loadTls } from '../src/net/tls.ts';
import type { TlsFiles } from '../src/net/tls.ts';
import { X1_NE_CONFIG } from '../src/x1/config.ts';
import { startX1Ne } from '../src/x1/ne.ts';
import type { RunningX1Ne } from '../src/x1/ne.ts';
import { CSCF_POLICY, DF_POLICY, GATEWAY_POLICY, KMS_POLICY } from '../src/x1/policy.ts';
import { openNeState } from '../src/x1/state.ts';
import { targetKeys } from '../src/x1/target-keys.ts';
import { SqliteTaskStore } from '../src/x1/task-store.ts';
import type { TaskStore } from '../src/x1/tasks.ts';

const { values } = parseArgs({
  options: {
    tasks: { type: 'string', default: '20000' },
    json: { type: 'boolean', default: false },
    /** Of the process that this one starts: what the elements need, as JSON. */
    elements: { type: 'string' },
  },
});
const TASKS = Number(values.tasks);
const DAY_MS = 86_400_000;
const POLICIES = { kms: KMS_POLICY, df: DF_POLICY, gateway: GATEWAY_POLICY, cscf: CSCF_POLICY };
const KINDS = ['cscf', 'gateway', 'df', 'kms'] as const;
type Kind = (typeof KINDS)[number];

interface ElementParts {
  readonly folder: string;
  readonly tls: Readonly<Record<Kind, TlsFiles>>;
}

/** What the elements' process says at the end. */
interface ElementReport {
  readonly cpuMs: number;
  readonly longestMs: number;
}

const logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: (fields: object, message: string) => console.error(message, fields),
};
const clock = systemClock();
const runtime = { clock, random: systemRandom(), logger };
const x2x3 = { host: 'df.home1.example', port: 7001 };
const nameOf = (kind: string): string => `${kind}.home1.example`;
const uuid = (k: number): string => `00000000-0000-4000-8000-${k.toString(16).padStart(12, '0')}`;

/* ---------------------------------------------------------------- the elements' process */

async function runElements({ folder, tls }: ElementParts): Promise<void> {
  const delay = monitorEventLoopDelay({ resolution: 5 });
  const kmsStore = await SqliteKmsStore.open(path.join(folder, 'kms.db'));
  const keep = (inner: TaskStore): TaskStore =>
    new WarrantKeepingStore(inner, kmsStore, () => clock.now() / 1000, targetKeys);
  const running: RunningX1Ne[] = [];
  for (const kind of KINDS) {
    const config = configReader(X1_NE_CONFIG)({
      identifier: nameOf(kind),
      listen: { port: 0 },
      admf: { identifier: nameOf('admf'), url: `https://${nameOf('admf')}/X1/ADMF` },
      store: path.join(folder, `${kind}.sqlite`),
    });
    const files = { store: config.store, audit: path.join(folder, `${kind}-audit.log`) };
    const parts = { policy: POLICIES[kind], hosts: new HostMap(), runtime };
    const material = loadTls(tls[kind], clock.now());
    const state = await openNeState(files, runtime);
    const wrap = kind === 'kms' ? { wrapStore: keep } : {};
    running.push(await startX1Ne(config, { ...parts, ...wrap, tls: material, state }));
  }
  process.once('disconnect', () => process.exit());
  process.send?.(running.map(({ port }) => port));
  const before = process.cpuUsage();
  delay.enable();
  await once(process, 'message');
  const { user, system } = process.cpuUsage(before);
  process.send?.({ cpuMs: (user + system) / 1000, longestMs: delay.max / 1e6 } satisfies ElementReport);
  await once(process, 'disconnect');
}

/* ---------------------------------------------------------------- the run */

function recordOf(k: number, now: number): WarrantRecord {
  const lemf = { host: `lemf${k % 10}.example`, port: 7001 };
  const warrant = {
    liid: `L${k}`,
    targets: [{ name: 'sipUri', value: `sip:user${k}@home1.example` }],
    delivery: 'IRI+CC' as const,
    startTime: now - DAY_MS,
    endTime: now + DAY_MS,
    lemf: { hi2: lemf, hi3: { ...lemf, port: 7002 } },
  };
  return { warrant, xid: uuid(k), state: 'active', from: now - DAY_MS, drainUntil: null };
}

/** Stores as they are after warrants have been in force, with some tasks lost, some otherwise and some nobody's. */
async function fill(folder: string, now: number): Promise<void> {
  const admf = await SqliteAdmfStore.open(path.join(folder, 'admf.sqlite'));
  const dids = new Map<string, string>();
  const didOf = (key: string): string => {
    const did = dids.get(key) ?? uuid(0xd1d0000 + dids.size);
    dids.set(key, did);
    return did;
  };
  const plan = new ElementPlan({ x2x3, didOf });
  const records = Array.from({ length: TASKS }, (_, k) => recordOf(k, now));
  for (const record of records) plan.put(null, record);
  for (const kind of KINDS) {
    const wanted = plan.holdings(kind);
    const tasks = [...wanted.tasks.values()].flatMap((task, k) => {
      if (k % 100 === 1) return [];
      if (k % 100 === 2)
        return [{ ...task, targets: [{ name: 'sipUri', value: 'sip:other@home1.example' }] }];
      return k % 100 === 3 ? [task, { ...task, xid: uuid(0xf0000000 + k) }] : [task];
    });
    const store = await SqliteTaskStore.open(path.join(folder, `${kind}.sqlite`));
    const history = { activatedAt: now, modifiedAt: now, modifications: 0 };
    await store.commit({
      tasks: new Map(tasks.map((task) => [task.xid, { task, ...history }])),
      destinations: wanted.destinations,
    });
    await store.close();
  }
  await admf.saveWarrants(records);
  for (const [key, did] of dids) await admf.saveDid(key, did);
  await admf.close();
}

async function run(folder: string): Promise<void> {
  const at = (name: string): string => path.join(folder, name);
  await fill(folder, clock.now());
  const pki = await LabPki.create(at('pki'), clock.now());
  const certificate = (kind: Kind | 'admf') =>
    pki.issue({ commonName: nameOf(kind), dnsNames: [nameOf(kind)], roles: [kind] });
  const tls = {} as Record<Kind, TlsFiles>;
  for (const kind of KINDS) tls[kind] = await certificate(kind);
  const parts = JSON.stringify({ folder, tls } satisfies ElementParts);
  const child = fork(process.argv[1] ?? '', ['--elements', parts]);
  const [ports] = (await once(child, 'message')) as [number[]];
  const before = process.cpuUsage();
  const began = clock.now();
  const running = await startAdmf(
    admfConfig({
      identifier: nameOf('admf'),
      tls: await certificate('admf'),
      hosts: Object.fromEntries(KINDS.map((kind, k) => [nameOf(kind), `127.0.0.1:${ports[k]}`])),
      store: at('admf.sqlite'),
      audit: at('admf-audit.log'),
      elements: KINDS.map((kind) => ({
        identifier: nameOf(kind),
        kind,
        url: `https://${nameOf(kind)}/X1/NE`,
      })),
      x2x3,
      drainMs: 0,
      attemptMs: 120_000,
    }),
    runtime,
  );
  const { admf } = running;
  const startedMs = clock.now() - began;
  const reconciled = admf.reconcile();
  await admf.deactivateWarrant('L10');
  const withdrawnMs = clock.now() - began - startedMs;
  await reconciled;
  const settledMs = clock.now() - began;
  const { user, system } = process.cpuUsage(before);
  child.send('report');
  const [{ cpuMs, longestMs }] = (await once(child, 'message')) as [ElementReport];
  const found = await admf.verify();
  child.disconnect();
  await running.stop();
  const figures = { startedMs, withdrawnMs, settledMs, admfCpuMs: (user + system) / 1000, cpuMs, longestMs };
  if (values.json) console.log(JSON.stringify({ tasks: TASKS, ...figures }));
  else
    for (const [name, ms] of Object.entries(figures))
      console.log(`${name.padEnd(12)}${ms.toFixed(0).padStart(8)}`);
  if (found.length > 0) process.exitCode = 1;
}

if (values.elements !== undefined) await runElements(JSON.parse(values.elements) as ElementParts);
else {
  const folder = mkdtempSync(path.join(tmpdir(), 'claviger-bench-'));
  await run(folder).finally(() => rmSync(folder, { recursive: true, force: true }));
}
