/**
 * Warrants whose times come together, on real X1: an ADMF and the KMS, DF, gateway and CSCF of a home, each a process
 * with its listener, store and audit log, over mutual TLS on loopback. So many warrants end and so many start within one
 * second, each at a time of its own. Prints how late the elements' tables follow, and the processor time of each.
 *
 *     node bench/start.js warrants [--each 200] [--lead 60] [--drain 2000] [--json]
 *
 * Ends with 1 if a point of interception is more than a second late.
 */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { RunningAdmf } from '../src/entities/admf/start.ts';
import type { Warrant } from '../src/entities/admf/warrants.ts';
import { LabPki } from '../src/lab/network/pki.ts';
import { issueWarrant } from '../src/lab/network/officer.ts';
import type { TlsFiles } from '../src/net/tls.ts';
import { certificateOf, clock, KINDS, startAdmfOf, startElement } from './x1-home.ts';
import { quantile } from './statistics.ts';
import type { Kind } from './x1-home.ts';

const { values } = parseArgs({
  options: {
    each: { type: 'string', default: '200' },
    lead: { type: 'string', default: '60' },
    drain: { type: 'string', default: '2000' },
    json: { type: 'boolean', default: false },
    /** Of the processes that this one starts: a kind, and what it needs as JSON. */
    element: { type: 'string' },
    parts: { type: 'string' },
  },
});
const EACH = Number(values.each);
const LEAD_MS = Number(values.lead) * 1000;
const DRAIN_MS = Number(values.drain);
const WITHIN_MS = 1000;
const LATEST_MS = 1000;
const DAY_MS = 86_400_000;

/** What an element's table did, and when. */
interface Happened {
  readonly xid: string;
  readonly change: 'start' | 'end';
  readonly at: number;
}

interface ElementParts {
  readonly folder: string;
  readonly tls: TlsFiles;
}

/** What an element's process says: first its port, at the end what happened. */
interface ElementReport {
  readonly happened: readonly Happened[];
  readonly cpuMs: number;
}

const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, Math.max(0, ms)));

/* ---------------------------------------------------------------- an element's process */

async function runElement(kind: Kind, { folder, tls }: ElementParts): Promise<void> {
  const happened: Happened[] = [];
  const ne = await startElement(kind, folder, tls);
  ne.table.subscribe((event) => {
    if (event.kind !== 'task-activated' && event.kind !== 'task-deactivated') return;
    const change = event.kind === 'task-activated' ? 'start' : 'end';
    happened.push({ xid: event.task.xid, change, at: clock.now() });
  });
  // Whatever becomes of the run, nothing of it stays.
  process.once('disconnect', () => process.exit());
  process.send?.(ne.port);
  await once(process, 'message');
  const before = process.cpuUsage();
  await once(process, 'message');
  const { user, system } = process.cpuUsage(before);
  await ne.stop();
  process.send?.({ happened, cpuMs: (user + system) / 1000 } satisfies ElementReport);
  process.disconnect();
}

/* ---------------------------------------------------------------- the run */

function warrantOf(liid: string, startTime: number, endTime: number): Warrant {
  const lemf = { host: 'lemf.home1.example', port: 7001 };
  return {
    liid,
    targets: [{ name: 'sipUri', value: `sip:${liid.toLowerCase()}@home1.example` }],
    delivery: 'IRI+CC',
    startTime,
    endTime,
    lemf: { hi2: lemf, hi3: { ...lemf, port: 7002 } },
  };
}

/** Enters warrants that end, and warrants that start, within a second from `from` on. */
async function enter(running: RunningAdmf, from: number): Promise<void> {
  const own = (k: number): number => from + Math.floor((k * WITHIN_MS) / EACH);
  const entered = Array.from({ length: EACH }, (_, k) => [
    issueWarrant(running, warrantOf(`END${k}`, clock.now(), own(k))),
    issueWarrant(running, warrantOf(`START${k}`, own(k), from + DAY_MS)),
  ]);
  await Promise.all(entered.flat());
}

const isPoi = (kind: Kind): boolean => kind === 'cscf' || kind === 'gateway';

interface LatenessRow {
  readonly element: Kind;
  readonly change: Happened['change'];
  readonly warrants: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Milliseconds after its own time, over the warrants that an element was to begin or end. */
function lateness(
  admf: RunningAdmf['admf'],
  element: Kind,
  change: Happened['change'],
  { happened }: ElementReport,
): LatenessRow {
  const warrants = new Map(admf.list().map((record) => [record.xid, record.warrant]));
  const late = happened.flatMap((each) => {
    const warrant = warrants.get(each.xid);
    const isMeant = warrant?.liid.startsWith(change.toUpperCase()) === true && each.change === change;
    if (warrant === undefined || !isMeant) return [];
    const own = change === 'start' ? warrant.startTime : warrant.endTime + (isPoi(element) ? 0 : DRAIN_MS);
    return [each.at - own];
  });
  const [p50 = NaN, p99 = NaN, max = NaN] = [0.5, 0.99, 1].map((share) => quantile(late, share));
  return { element, change, warrants: late.length, p50, p99, max };
}

async function startElements(pki: LabPki, folder: string): Promise<Map<Kind, [ChildProcess, number]>> {
  const started = new Map<Kind, [ChildProcess, number]>();
  for (const kind of KINDS) {
    const tls = await certificateOf(pki, kind);
    const parts = JSON.stringify({ folder, tls } satisfies ElementParts);
    const child = fork(process.argv[1] ?? '', ['--element', kind, '--parts', parts]);
    const [port] = (await once(child, 'message')) as [number];
    started.set(kind, [child, port]);
  }
  return started;
}

async function run(folder: string): Promise<void> {
  const pki = await LabPki.create(path.join(folder, 'pki'), clock.now());
  const elements = await startElements(pki, folder);
  const ports = new Map([...elements].map(([kind, [, port]]) => [kind, port]));
  const running = await startAdmfOf(folder, pki, ports, DRAIN_MS);
  const tell = (word: string): void => {
    for (const [child] of elements.values()) child.send(word);
  };

  const began = clock.now();
  const from = began + LEAD_MS;
  await enter(running, from);
  const enteredMs = clock.now() - began;
  if (clock.now() > from - 1000) throw new Error(`entering took ${enteredMs} ms: give a longer --lead`);
  await sleep(from - 500 - clock.now());
  const before = process.cpuUsage();
  tell('measure');
  await sleep(from + WITHIN_MS + DRAIN_MS + 3000 - clock.now());
  const { user, system } = process.cpuUsage(before);
  const cpu = new Map<string, number>([['admf', (user + system) / 1000 / (2 * EACH)]]);
  const rows: LatenessRow[] = [];
  for (const [kind, [child]] of elements) {
    const reported = once(child, 'message');
    child.send('stop');
    const [report] = (await reported) as [ElementReport];
    cpu.set(kind, report.cpuMs / (2 * EACH));
    // KMS and DF are told ahead of starts.
    if (isPoi(kind)) rows.push(lateness(running.admf, kind, 'start', report));
    rows.push(lateness(running.admf, kind, 'end', report));
  }
  await running.stop();
  print(rows, enteredMs, cpu);
  const pois = rows.filter(({ element }) => isPoi(element));
  if (!pois.every(({ warrants, max }) => warrants === EACH && max <= LATEST_MS)) process.exitCode = 1;
}

function print(rows: readonly LatenessRow[], enteredMs: number, cpu: ReadonlyMap<string, number>): void {
  if (values.json) {
    console.log(
      JSON.stringify({ each: EACH, drainMs: DRAIN_MS, rows, enteredMs, cpu: Object.fromEntries(cpu) }),
    );
    return;
  }
  console.log(
    `${EACH} warrants start and ${EACH} end within a second; entered in ${enteredMs.toFixed(0)} ms`,
  );
  console.log('element  change  warrants  late by ms: p50  p99  max');
  for (const { element, change, warrants, p50, p99, max } of rows) {
    const cells = [p50, p99, max].map((ms) => ms.toFixed(0).padStart(5)).join('');
    console.log(
      `${element.padEnd(9)}${change.padEnd(8)}${String(warrants).padStart(8)}${' '.repeat(9)}${cells}`,
    );
  }
  const each = [...cpu].map(([name, ms]) => `${name} ${ms.toFixed(1)}`).join(', ');
  console.log(`processor time a warrant, ms: ${each}`);
}

if (values.element !== undefined) {
  const kind = KINDS.find((each) => each === values.element);
  if (kind === undefined || values.parts === undefined)
    throw new Error('an element needs a kind and --parts');
  await runElement(kind, JSON.parse(values.parts) as ElementParts);
} else {
  const folder = mkdtempSync(path.join(tmpdir(), 'claviger-bench-'));
  await run(folder).finally(() => rmSync(folder, { recursive: true, force: true }));
}
