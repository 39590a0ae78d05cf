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
import { entered } from '../src/entities/admf/acts.ts';
import { ElementPlan } from '../src/entities/admf/plan.ts';
import { SqliteAdmfStore } from '../src/entities/admf/store/sqlite.ts';
import type { WarrantRecord } from '../src/entities/admf/warrants.ts';
import { LabPki } from '../src/lab/network/pki.ts';
import { withdrawWarrant } from '../src/lab/network/officer.ts';
import type { TlsFiles } from '../src/net/tls.ts';
import { SqliteTaskStore } from '../src/x1/task-store.ts';
import {
  certificateOf,
  clock,
  KINDS,
  startAdmfOf,
  startElement,
  taskFileOf,
  warrantFileOf,
  X2X3,
} from './x1-home.ts';
import type { Kind } from './x1-home.ts';

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

interface ElementParts {
  readonly folder: string;
  readonly tls: Readonly<Record<Kind, TlsFiles>>;
}

/** What the elements' process says at the end. */
interface ElementReport {
  readonly cpuMs: number;
  readonly longestMs: number;
}

const uuid = (k: number): string => `00000000-0000-4000-8000-${k.toString(16).padStart(12, '0')}`;

/* ---------------------------------------------------------------- the elements' process */

async function runElements({ folder, tls }: ElementParts): Promise<void> {
  const delay = monitorEventLoopDelay({ resolution: 5 });
  const ports: number[] = [];
  for (const kind of KINDS) ports.push((await startElement(kind, folder, tls[kind])).port);
  process.once('disconnect', () => process.exit());
  process.send?.(ports);
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
  const given = { warrant, xid: uuid(k), reference: null, emergency: false, imported: false };
  const { record } = entered(given, { by: 'bench' });
  return { ...record, state: 'active', version: 1, approvals: ['bench'] };
}

/** Stores as they are after warrants have been in force, with some tasks lost, some otherwise and some nobody's. */
async function fill(folder: string, now: number): Promise<void> {
  const admf = await SqliteAdmfStore.open(warrantFileOf(folder));
  const dids = new Map<string, string>();
  const didOf = (key: string): string => {
    const did = dids.get(key) ?? uuid(0xd1d0000 + dids.size);
    dids.set(key, did);
    return did;
  };
  const plan = new ElementPlan({ x2x3: X2X3, didOf });
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
    const store = await SqliteTaskStore.open(taskFileOf(folder, kind));
    const history = { activatedAt: now, modifiedAt: now, modifications: 0 };
    await store.commit({
      tasks: new Map(tasks.map((task) => [task.xid, { task, ...history }])),
      destinations: wanted.destinations,
    });
    await store.close();
  }
  await admf.saveWarrants(records, []);
  for (const [key, did] of dids) await admf.saveDid(key, did);
  await admf.close();
}

async function run(folder: string): Promise<void> {
  await fill(folder, clock.now());
  const pki = await LabPki.create(path.join(folder, 'pki'), clock.now());
  const tls = {} as Record<Kind, TlsFiles>;
  for (const kind of KINDS) tls[kind] = await certificateOf(pki, kind);
  const parts = JSON.stringify({ folder, tls } satisfies ElementParts);
  const child = fork(process.argv[1] ?? '', ['--elements', parts]);
  const [listening] = (await once(child, 'message')) as [number[]];
  const ports = new Map(KINDS.map((kind, k) => [kind, listening[k] ?? 0]));
  const before = process.cpuUsage();
  const began = clock.now();
  const running = await startAdmfOf(folder, pki, ports, 0);
  const { admf } = running;
  const startedMs = clock.now() - began;
  const reconciled = admf.reconcile();
  await withdrawWarrant(running, 'L10');
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
