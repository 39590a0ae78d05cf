/**
 * The processes of a DF that is divided, the LEMF, and the load that goes through them:
 *
 *     benchmark ──X2/X3──► intakes ──► streams ──► mediators ──► streams ──► deliverers ──► LEMF ─► files ─► benchmark
 *
 * Without deliverers whoever mediates delivers. With a database several mediate; else one does, whose state is in files.
 * Warrants are several, each with a destination, which deliverers share out; a call is under one of them.
 */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { randomBytes } from 'node:crypto';
import { dfProcessConfig } from '../../src/entities/df/config.ts';
import { startRoles } from '../../src/entities/df/start-roles.ts';
import { PartitionedDfStore } from '../../src/entities/df/store/postgresql-partitions.ts';
import { databaseAccess } from '../../src/host/database-config.ts';
import type { DatabaseConfig } from '../../src/host/database-config.ts';
import { StreamServer } from '../../src/storage/jetstream.ts';
import { SqliteTaskStore } from '../../src/x1/task-store.ts';
import type { TaskStore } from '../../src/x1/task-changes.ts';
import { DIRECTION } from '../../src/wire/x2x3/pdu.ts';
import { TestPoi, vector } from '../../test/entities/df/support.ts';
import { NatsServer } from '../../test/support/nats-server.ts';
import { putTask } from '../../test/x1/stored-task.ts';
import { Delivered } from '../chain/delivered.ts';
import { Interception } from '../chain/delivery-chain.ts';
import type { ChainTls } from '../chain/delivery-chain.ts';
import { packetOf } from '../chain/paced.ts';
import { Part, ready } from '../chain/parts.ts';
import { passed, runtime } from '../chain/runtime.ts';
import { CALLS_AT_ONCE, numberOf, sipOfLoad } from '../chain/signalling.ts';
import { machineSeconds, processorMs, processorSeconds, threadTimes } from '../processor.ts';
import type { MeasuredDatabase } from './engines.ts';
import { PARTITIONS } from './layout.ts';

/** What a PDU has: a SIP message, a packet of G.711, one of 1,200 octets. */
export const PDU_KINDS = ['sip', 'g711', 'video'] as const;
export type PduKind = (typeof PDU_KINDS)[number];

const PAYLOAD = { g711: 160, video: 1188 };
/** Calls that are up at a time, or streams of packets. */
const STREAMS = 100;
const WARRANTS = 4;
/** PDUs that are written in one piece where they come as fast as they are taken. */
const TOGETHER = 50;
const WITHIN_MS = 120_000;
/** A destination may fill a sixteenth of a stream of LEMFs. */
const STREAM_OCTETS = { signallingOctets: 256 << 20, hi2Octets: 512 << 20, hi3Octets: 512 << 20 };
const DATABASE_MS = 30_000;
/** What is mediated goes on into the streams of LEMFs in this time. */
const RELAYED_MS = 1_000;

/** A role whose processes may be several. */
export const DF_ROLES = ['intake', 'mediation', 'delivery'] as const;
export type DfRole = (typeof DF_ROLES)[number];

export interface DfRunSetting {
  /** Of its own, on a disk. */
  readonly folder: string;
  readonly tls: ChainTls;
  /** Of this run, letters, digits and _: of streams and of a schema. */
  readonly name: string;
  /** Where mediators have their state; `null`: there is one, whose state is in files. */
  readonly database: MeasuredDatabase | null;
  /** Whether other processes deliver than mediate. */
  readonly isDeliveryApart: boolean;
  readonly kind: PduKind;
  readonly leaseMs: number;
}

/** Microseconds of processor time for a PDU. */
export interface PduCost {
  readonly intake: number;
  /** With delivery, where no others deliver. */
  readonly mediation: number;
  readonly delivery: number;
  readonly lemf: number;
  readonly nats: number;
  readonly database: number;
  /** Of the benchmark, which makes them and looks at what comes. */
  readonly source: number;
}

const COSTS = [
  ...(['intake', 'mediation', 'delivery', 'lemf', 'nats', 'database', 'source'] as const),
] satisfies (keyof PduCost)[];

/** Processes whose main thread does one thing after the other; what they cost besides is of threads beside it. */
export type WithMain = Exclude<keyof PduCost, 'nats' | 'database'>;

/** What clocks and counters said at a time. */
export interface Look {
  readonly at: number;
  readonly machine: number;
  /** Seconds that each has had a processor. */
  readonly own: Readonly<Record<keyof PduCost, number>>;
  /** Of these, their main threads. */
  readonly main: Readonly<Record<WithMain, number>>;
  /** The same of each process of a role. */
  readonly each: Readonly<Record<DfRole, readonly number[]>>;
  /** PDUs that are in the LEMF's file. */
  readonly came: number;
}

/** What one part of a run was. */
export interface Phase {
  readonly pdus: number;
  /** Wall time. */
  readonly seconds: number;
  readonly cost: PduCost;
  /** What of the costs is of main threads; absent: of a run that did not tell. */
  readonly main?: Readonly<Record<WithMain, number>>;
  /** Seconds that each process of a role has had a processor; absent: of a run that did not tell. */
  readonly each?: Readonly<Record<DfRole, readonly number[]>>;
  /** Cores that were busy with what is not of this run. */
  readonly othersCores: number;
  /** Cores that were busy in all. */
  readonly busyCores: number;
}

export function phaseOf(before: Look, after: Look, pdus: number): Phase {
  const seconds = (after.at - before.at) / 1000;
  const spent = (of: keyof PduCost): number => after.own[of] - before.own[of];
  const all = COSTS.reduce((sum, of) => sum + spent(of), 0);
  const perPdu = (spentSeconds: number): number => (pdus === 0 ? 0 : (spentSeconds * 1e6) / pdus);
  const each = (of: keyof PduCost): number => perPdu(spent(of));
  const main = (of: WithMain): number => perPdu(after.main[of] - before.main[of]);
  const eachOf = (role: DfRole): number[] =>
    after.each[role].map((had, n) => had - (before.each[role][n] ?? 0));
  const machine = after.machine - before.machine;
  return {
    ...{ pdus, seconds, othersCores: Math.max(0, machine - all) / seconds, busyCores: machine / seconds },
    cost: {
      ...{ intake: each('intake'), mediation: each('mediation'), delivery: each('delivery') },
      ...{ lemf: each('lemf'), nats: each('nats'), database: each('database'), source: each('source') },
    },
    main: {
      ...{ intake: main('intake'), mediation: main('mediation'), delivery: main('delivery') },
      ...{ lemf: main('lemf'), source: main('source') },
    },
    each: { intake: eachOf('intake'), mediation: eachOf('mediation'), delivery: eachOf('delivery') },
  };
}

export async function runDfRoles(settings: unknown): Promise<void> {
  const part = await startRoles(dfProcessConfig(settings), runtime);
  ready({ x2x3: part.x2x3?.port ?? 0 });
}

/** PDUs that a point of interception of its own sends. */
class Source {
  readonly #interception: Interception;
  readonly #poi: TestPoi;
  #made: Uint8Array[] = [];

  constructor(interception: Interception, kind: PduKind) {
    this.#interception = interception;
    this.#poi = new TestPoi(runtime.clock, kind === 'sip' ? 'cscf.home1.example' : 'gateway.home1.example');
  }

  /** Makes PDU `n` of the load, under a warrant; gives its octets. */
  add(n: number, xid: string, kind: PduKind, payload: Uint8Array): number {
    const { octets } = kind === 'sip' ? this.#sip(n, xid) : this.#packet(n, xid, kind, payload);
    this.#made.push(octets);
    return octets.length;
  }

  /** Sends those that were made. */
  write(): void {
    if (this.#made.length > 0) this.#interception.send(Buffer.concat(this.#made));
    this.#made = [];
  }

  settled(): Promise<void> {
    return this.#interception.settled();
  }

  close(): void {
    this.#interception.close();
  }

  #sip(n: number, xid: string) {
    const { callId, message } = sipOfLoad(n);
    return this.#poi.x2(message, xid, callId);
  }

  #packet(n: number, xid: string, kind: 'g711' | 'video', payload: Uint8Array) {
    const stream = n % STREAMS;
    const packet = packetOf(stream, Math.floor(n / STREAMS), payload, kind);
    return this.#poi.x3(packet, DIRECTION.fromTarget, xid, `content-${stream}`);
  }
}

/** The processes, the load, and what has come of it. */
export class DfRun {
  readonly #setting: DfRunSetting;
  readonly #nats: NatsServer;
  readonly #looks: StreamServer;
  readonly #lemf: Part;
  readonly #parts: Record<DfRole, Part[]> = { intake: [], mediation: [], delivery: [] };
  readonly #sources: Source[] = [];
  readonly #delivered: Delivered;
  readonly #payload: Uint8Array;
  #sent = 0;
  #octets = 0;
  #came = 0;
  #handedOver = 0;

  private constructor(setting: DfRunSetting, nats: NatsServer, looks: StreamServer, lemf: Part) {
    this.#setting = setting;
    [this.#nats, this.#looks, this.#lemf] = [nats, looks, lemf];
    const { folder, kind } = setting;
    this.#payload = new Uint8Array(randomBytes(kind === 'sip' ? 0 : PAYLOAD[kind]));
    const file = path.join(folder, 'lemf', kind === 'sip' ? 'hi2.ber' : 'hi3.ber');
    this.#delivered = new Delivered(file, (pdu) => {
      // What a LEMF is told of warrants is not of the load.
      if (kind === 'sip' && numberOf(pdu) === null) return;
      this.#came++;
      this.#handedOver += pdu.length;
    });
  }

  /** Engines, tasks and the LEMF; no process of the DF. */
  static async start(setting: DfRunSetting): Promise<DfRun> {
    const { folder, tls } = setting;
    const nats = await NatsServer.own();
    try {
      const looks = await StreamServer.connect({ ...nats.access, timeoutMs: WITHIN_MS }, runtime);
      mkdirSync(path.join(folder, 'lemf'), { recursive: true });
      const lemf = await Part.start('lemf', {
        ...{ hi2: { port: 0 }, hi3: { port: 0 }, tls: tls.lemf },
        ...{ folder: path.join(folder, 'lemf'), recoverAfter: 3_600_000 },
      });
      await provision(setting, lemf.ports['hi'] ?? 0);
      return new DfRun(setting, nats, looks, lemf);
    } catch (error) {
      await nats.remove();
      throw error;
    }
  }

  /** Starts one more process of a role, and, for an intake, a point of interception that sends to it. */
  async add(role: DfRole): Promise<Part> {
    const { tls, kind, isDeliveryApart } = this.#setting;
    const roles = role === 'mediation' && !isDeliveryApart ? ['mediation', 'delivery'] : [role];
    const of = this.#parts[role];
    const part = await Part.start('df', { ...this.#settingsOf(role, of.length), roles });
    of.push(part);
    if (role !== 'intake') return part;
    const from = kind === 'sip' ? tls.cscf : tls.gateway;
    this.#sources.push(new Source(await Interception.open(part.ports['x2x3'] ?? 0, from), kind));
    return part;
  }

  /** Of the processes of a role. */
  pids(role: DfRole): number[] {
    return this.#parts[role].map(({ pid }) => pid);
  }

  get sent(): number {
    return this.#sent;
  }

  get came(): number {
    return this.#came;
  }

  /** Octets of a PDU: sent, and handed over. */
  get octets(): readonly [number, number] {
    return [this.#octets / this.#sent, this.#handedOver / this.#came];
  }

  /** Octets that wait for a role in its stream; for an intake in none. */
  async waitingFor(role: DfRole): Promise<number> {
    if (role === 'intake') return 0;
    const { kind, name } = this.#setting;
    const number = kind === 'sip' ? 2 : 3;
    return (await this.#looks.kept(`${name}-${role === 'mediation' ? 'x' : 'hi'}${number}`)).octets;
  }

  look(): Look {
    return {
      ...{ at: performance.now(), machine: machineSeconds(), came: this.#came },
      ...{ own: this.#seconds(), main: this.#mainSeconds() },
      each: {
        intake: this.#eachOf('intake'),
        mediation: this.#eachOf('mediation'),
        delivery: this.#eachOf('delivery'),
      },
    };
  }

  /** Makes the next PDU; those of a call come over one connection, under one warrant. */
  next(): void {
    const { kind } = this.#setting;
    const n = this.#sent++;
    const call = n % (kind === 'sip' ? CALLS_AT_ONCE : STREAMS);
    const xid = xidOf(call % WARRANTS);
    // Not by the same numbers as warrants: calls of each are at each.
    const source = this.#sources[Math.floor(call / WARRANTS) % this.#sources.length];
    this.#octets += source?.add(n, xid, kind, this.#payload) ?? 0;
  }

  /** Sends those that were made. */
  write(): void {
    for (const source of this.#sources) source.write();
  }

  /** Sends so many as fast as they are taken; resolves when they are acknowledged. */
  async flood(pdus: number): Promise<void> {
    for (let n = 0; n < pdus; n++) {
      this.next();
      if (n % TOGETHER !== 0) continue;
      this.write();
      // What was written goes out meanwhile. A timer would be a pause of a millisecond.
      await turnOfTheLoop();
    }
    this.write();
    await this.settled();
  }

  /** All that was sent is acknowledged. */
  async settled(): Promise<void> {
    await Promise.all(this.#sources.map((source) => source.settled()));
  }

  /** So many of those that were sent are in the LEMF's file, all by default. @throws if they do not come */
  async arrived(pdus = this.#sent, withinMs = WITHIN_MS): Promise<void> {
    const end = performance.now() + withinMs;
    while (this.#came < pdus && performance.now() < end) await passed(5);
    if (this.#came < pdus) throw new Error(`${pdus - this.#came} PDUs did not come`);
  }

  /** Nothing waits for the mediation any more, and what came of it has gone on. */
  async mediated(): Promise<void> {
    const end = performance.now() + WITHIN_MS;
    while ((await this.waitingFor('mediation')) > 0) {
      if (performance.now() > end) throw new Error('PDUs were not mediated');
      await passed(50);
    }
    await passed(RELAYED_MS);
  }

  async stop(): Promise<void> {
    this.#delivered.close();
    for (const source of this.#sources) source.close();
    const { intake, mediation, delivery } = this.#parts;
    for (const part of [...intake, ...mediation, ...delivery, this.#lemf]) await part.stop();
    await this.#looks.close();
    await this.#nats.remove();
  }

  #seconds(): Record<keyof PduCost, number> {
    const of = (role: DfRole): number => this.#parts[role].reduce((sum, each) => sum + each.seconds, 0);
    const { user, system } = process.cpuUsage();
    return {
      ...{ intake: of('intake'), mediation: of('mediation'), delivery: of('delivery') },
      ...{ lemf: this.#lemf.seconds, nats: processorSeconds(this.#nats.pid) },
      ...{ database: this.#setting.database?.seconds ?? 0, source: (user + system) / 1e6 },
    };
  }

  /** To the nanosecond: what a process that has a small share of a core had is little. */
  #eachOf(role: DfRole): number[] {
    return this.pids(role).map((pid) => processorMs(pid) / 1000);
  }

  #mainSeconds(): Record<WithMain, number> {
    const of = (role: DfRole): number =>
      this.pids(role).reduce((sum, pid) => sum + mainThreadSeconds(pid), 0);
    return {
      ...{ intake: of('intake'), mediation: of('mediation'), delivery: of('delivery') },
      ...{ lemf: mainThreadSeconds(this.#lemf.pid), source: mainThreadSeconds(process.pid) },
    };
  }

  #settingsOf(role: DfRole, n: number): Record<string, unknown> {
    const { folder, tls, name, leaseMs } = this.#setting;
    const instance = `${role}-${n}`;
    const at = (file: string): string => path.join(folder, file);
    const database = role === 'mediation' ? databaseOf(this.#setting, instance) : null;
    return {
      x1: {
        identifier: 'df.home1.example',
        listen: { port: 0 },
        admf: { identifier: 'admf.home1.example', url: 'https://admf.home1.example:1/X1/ADMF' },
        ...(database === null ? { store: at('tasks.sqlite') } : {}),
      },
      ...(database === null ? { store: at('df.sqlite') } : { database }),
      ...{ x2x3: { port: 0 }, tls: tls.df, audit: at(`${instance}.jsonl`) },
      hosts: { 'kms.home1.example': '127.0.0.1', 'admf.home1.example': '127.0.0.1' },
      name: { countryCode: 'DE', operator: 'home1', element: 'df.home1' },
      xk: { url: 'https://kms.home1.example:1' },
      streams: { ...this.#nats.settings(name), ...STREAM_OCTETS, partitions: PARTITIONS, leaseMs },
    };
  }
}

function mainThreadSeconds(pid: number): number {
  return (threadTimes(pid).find(({ thread }) => thread === pid)?.ranMs ?? 0) / 1000;
}

/** Of a DF, or of its mediators' schema. */
function databaseOf({ name, database }: DfRunSetting, instance: string): DatabaseConfig | null {
  const settings = database?.settings(name.replaceAll('-', '_'), instance);
  // A process that is held up may be so in the middle of a transaction.
  return settings === undefined ? null : { ...settings, timeoutMs: DATABASE_MS };
}

/** @param port where the LEMF takes HI2 and HI3 */
async function provision(setting: DfRunSetting, port: number): Promise<void> {
  const database = databaseOf(setting, 'provisioning');
  if (database === null) {
    const store = await SqliteTaskStore.open(path.join(setting.folder, 'tasks.sqlite'));
    await putWarrants(store, port);
    await store.close();
    return;
  }
  const store = await PartitionedDfStore.open(databaseAccess(database), 'provisioning', PARTITIONS, runtime);
  await putWarrants(store.tasks(), port);
  await store.close();
}

async function putWarrants(store: Pick<TaskStore, 'commit'>, port: number): Promise<void> {
  const address = { kind: 'ipAddressAndPort', address: '127.0.0.1', port, transport: 'tcp' } as const;
  for (let n = 0; n < WARRANTS; n++) {
    const mediation = [{ liid: `LIID-BENCH-${n}`, deliveryType: 'HI2andHI3', dids: [] }] as const;
    const dids = [`00000000-0000-4000-8000-00000000000${n}`];
    const targets = [{ name: 'sipUri', value: vector().uri.i }] as const;
    await putTask(
      store,
      { ...{ xid: xidOf(n), targets, deliveryType: 'X2andX3', dids }, mediation },
      address,
    );
  }
}

function xidOf(warrant: number): string {
  return `11111111-0000-4000-8000-00000000000${warrant}`;
}
