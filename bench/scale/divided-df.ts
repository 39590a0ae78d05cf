/**
 * A DF in processes with streams between them: what each process takes for a PDU, and how many PDUs a second go through
 * with so many intakes.
 *
 *     benchmark ──X2/X3──► intake, so many ──► streams ──► mediation and delivery ──► LEMF ─► files ─► benchmark
 *
 * At first nobody mediates: PDUs are laid down as fast as they are taken, which gives the intakes' rate and what a stream
 * keeps. Then who mediates starts with all that waits, which gives its rate. Then both work at a steady rate, which gives
 * what a PDU costs where little comes together.
 */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { randomBytes } from 'node:crypto';
import { dfProcessConfig } from '../../src/entities/df/config.ts';
import { startRoles } from '../../src/entities/df/start-roles.ts';
import { PartitionedDfStore } from '../../src/entities/df/store/postgresql-partitions.ts';
import { databaseAccess } from '../../src/host/database-config.ts';
import type { DatabaseConfig } from '../../src/host/database-config.ts';
import { StreamServer } from '../../src/storage/jetstream.ts';
import { DIRECTION } from '../../src/wire/x2x3/pdu.ts';
import { provisionDf, provisionStore } from '../../test/entities/df/provisioned.ts';
import { TestPoi } from '../../test/entities/df/support.ts';
import type { NatsServer } from '../../test/support/nats-server.ts';
import { Delivered } from '../chain/delivered.ts';
import { Interception, LIID } from '../chain/delivery-chain.ts';
import type { ChainTls } from '../chain/delivery-chain.ts';
import { packetOf, paced } from '../chain/paced.ts';
import { Part, ready } from '../chain/parts.ts';
import { passed, runtime } from '../chain/runtime.ts';
import { CALLS_AT_ONCE, sipOfLoad } from '../chain/signalling.ts';
import { machineSeconds, processorSeconds } from '../processor.ts';
import type { MeasuredDatabase } from './engines.ts';

/** What a PDU has: a SIP message, a packet of G.711, one of 1,200 octets. */
export const PDU_KINDS = ['sip', 'g711', 'video'] as const;
export type PduKind = (typeof PDU_KINDS)[number];

const PAYLOAD = { g711: 160, video: 1188 };
const STREAMS = 100;
const PARTITIONS = 8;
/** PDUs that are written in one piece where they come as fast as they are taken. */
const TOGETHER = 50;
/** At the steady rate what comes within this time is written in one piece; a point of interception gathers for 100 ms. */
const GATHERED_MS = 10;
const WITHIN_MS = 120_000;

export interface DividedDfSetting {
  /** Of its own, on a disk. */
  readonly folder: string;
  readonly tls: ChainTls;
  readonly nats: NatsServer;
  readonly intakes: number;
  /** On one database; 0: one, whose state is in files. */
  readonly mediators: number;
  /** For mediators. */
  readonly database: MeasuredDatabase | null;
  readonly kind: PduKind;
  /** PDUs for each intake that come as fast as they are taken; half as many before, while code is compiled. */
  readonly flood: number;
  /** PDUs a second, gathered, and for so long. */
  readonly rate: number;
  readonly seconds: number;
  readonly progress: (text: string) => void;
}

/** Microseconds of processor time for a PDU. */
export interface PduCost {
  readonly intake: number;
  readonly mediation: number;
  readonly lemf: number;
  readonly nats: number;
  readonly database: number;
  /** Of the benchmark, which makes them and looks at what comes. */
  readonly source: number;
}

/** What one part of the run was. */
export interface Phase {
  readonly pdus: number;
  /** Wall time. */
  readonly seconds: number;
  readonly cost: PduCost;
  /** Cores that were busy with what is not of this run. */
  readonly othersCores: number;
}

export interface DividedDfFigures {
  readonly kind: PduKind;
  readonly intakes: number;
  readonly mediators: number;
  /** Octets of a PDU as it came, in its stream, and as the LEMF has it. */
  readonly pduOctets: number;
  readonly streamOctets: number;
  readonly handedOverOctets: number;
  /** Laid down as fast as they are taken, while nobody mediates. */
  readonly laying: Phase;
  /** From the streams to the LEMF's file, as fast as it goes. */
  readonly draining: Phase;
  /** All of the way, at a steady rate. */
  readonly steady: Phase;
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

  /** Makes PDU `n` of the load; gives its octets. */
  add(n: number, kind: PduKind, payload: Uint8Array): number {
    const { octets } = kind === 'sip' ? this.#sip(n) : this.#packet(n, kind, payload);
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

  #sip(n: number) {
    const { callId, message } = sipOfLoad(n);
    return this.#poi.x2(message, undefined, callId);
  }

  #packet(n: number, kind: 'g711' | 'video', payload: Uint8Array) {
    const stream = n % STREAMS;
    const packet = packetOf(stream, Math.floor(n / STREAMS), payload, kind);
    return this.#poi.x3(packet, DIRECTION.fromTarget, undefined, `content-${stream}`);
  }
}

/** The processes, the load, and what has come of it. */
class Run {
  readonly #setting: DividedDfSetting;
  readonly #intakes: readonly Part[];
  readonly #lemf: Part;
  readonly #sources: readonly Source[];
  readonly #delivered: Delivered;
  readonly #payload: Uint8Array;
  readonly #mediation: Part[] = [];
  #sent = 0;
  #octets = 0;
  #came = 0;
  #handedOver = 0;

  private constructor(setting: DividedDfSetting, intakes: Part[], lemf: Part, sources: Source[]) {
    this.#setting = setting;
    [this.#intakes, this.#lemf, this.#sources] = [intakes, lemf, sources];
    const { folder, kind } = setting;
    this.#payload = new Uint8Array(randomBytes(kind === 'sip' ? 0 : PAYLOAD[kind]));
    const file = path.join(folder, 'lemf', kind === 'sip' ? 'hi2.ber' : 'hi3.ber');
    this.#delivered = new Delivered(file, (pdu) => {
      this.#came++;
      this.#handedOver += pdu.length;
    });
  }

  static async start(setting: DividedDfSetting): Promise<Run> {
    const { folder, tls, kind } = setting;
    const at = (name: string): string => path.join(folder, name);
    mkdirSync(at('lemf'), { recursive: true });
    const lemf = await Part.start('lemf', {
      ...{ hi2: { port: 0 }, hi3: { port: 0 }, tls: tls.lemf },
      ...{ folder: at('lemf'), recoverAfter: 3_600_000 },
    });
    await provision(setting, lemf.ports['hi'] ?? 0);
    const intakes: Part[] = [];
    const sources: Source[] = [];
    for (let n = 0; n < setting.intakes; n++) {
      const intake = await Part.start('df', { ...settingsOf(setting, 'intake'), roles: ['intake'] });
      intakes.push(intake);
      const from = kind === 'sip' ? tls.cscf : tls.gateway;
      sources.push(new Source(await Interception.open(intake.ports['x2x3'] ?? 0, from), kind));
    }
    return new Run(setting, intakes, lemf, sources);
  }

  async mediate(): Promise<void> {
    const roles = ['mediation', 'delivery'];
    for (let n = 0; n < Math.max(1, this.#setting.mediators); n++)
      this.#mediation.push(await Part.start('df', { ...settingsOf(this.#setting, `mediator-${n}`), roles }));
  }

  get sent(): number {
    return this.#sent;
  }

  /** Octets of a PDU: sent, and handed over. */
  get octets(): readonly [number, number] {
    return [this.#octets / this.#sent, this.#handedOver / this.#came];
  }

  /** Makes the next PDU; those of a call come over one connection. */
  next(): void {
    const { kind } = this.#setting;
    const n = this.#sent++;
    const of = (n % (kind === 'sip' ? CALLS_AT_ONCE : STREAMS)) % this.#sources.length;
    this.#octets += this.#sources[of]?.add(n, kind, this.#payload) ?? 0;
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
      // What was written goes out meanwhile.
      await passed(0);
    }
    this.write();
    await this.settled();
  }

  /** Seconds that each has had a processor so far. */
  seconds(): Record<keyof PduCost, number> {
    return {
      intake: this.#intakes.reduce((sum, each) => sum + each.seconds, 0),
      mediation: this.#mediation.reduce((sum, each) => sum + each.seconds, 0),
      database: this.#setting.database?.seconds ?? 0,
      lemf: this.#lemf.seconds,
      nats: processorSeconds(this.#setting.nats.pid),
      source: process.cpuUsage().user / 1e6 + process.cpuUsage().system / 1e6,
    };
  }

  /** All that was sent is acknowledged. */
  async settled(): Promise<void> {
    await Promise.all(this.#sources.map((source) => source.settled()));
  }

  /** All that was sent is in the LEMF's file. @throws if it does not come */
  async arrived(): Promise<void> {
    const end = performance.now() + WITHIN_MS;
    while (this.#came < this.#sent && performance.now() < end) await passed(5);
    if (this.#came < this.#sent) throw new Error(`${this.#sent - this.#came} PDUs did not come`);
  }

  async stop(): Promise<void> {
    this.#delivered.close();
    for (const source of this.#sources) source.close();
    for (const part of [...this.#mediation, ...this.#intakes, this.#lemf]) await part.stop();
  }
}

export async function measureDividedDf(setting: DividedDfSetting): Promise<DividedDfFigures> {
  const { nats, kind, intakes, mediators, flood, rate, seconds, progress } = setting;
  const run = await Run.start(setting);
  const looks = await StreamServer.connect(nats.access, runtime);
  const look = (): Look => ({ at: performance.now(), machine: machineSeconds(), own: run.seconds() });
  try {
    const what = `${kind}, intakes ${intakes}, mediators ${mediators}`;
    progress(`${what}: warming up`);
    await run.flood((intakes * flood) / 2);
    progress(`${what}: ${intakes * flood} PDUs, as fast as they are taken`);
    const begun = look();
    await run.flood(intakes * flood);
    const laid = look();
    const kept = await looks.kept(`${streamName(setting)}-${kind === 'sip' ? 'x2' : 'x3'}`);
    progress(`${what}: what waits is mediated`);
    const waiting = run.sent;
    await run.mediate();
    const mediating = look();
    await run.arrived();
    const drained = look();
    progress(`${what}: ${rate} a second for ${seconds} s`);
    const before = run.sent;
    const steady = look();
    const each = Math.max(1, Math.round((rate * GATHERED_MS) / 1000));
    await paced(rate / each, seconds, () => {
      for (let n = 0; n < each; n++) run.next();
      run.write();
    });
    await run.settled();
    await run.arrived();
    const [pduOctets, handedOverOctets] = run.octets;
    return {
      ...{ kind, intakes, mediators, pduOctets, handedOverOctets, streamOctets: kept.octets / waiting },
      laying: phaseOf(begun, laid, intakes * flood),
      draining: phaseOf(mediating, drained, waiting),
      steady: phaseOf(steady, look(), run.sent - before),
    };
  } finally {
    await looks.close();
    await run.stop();
  }
}

/** What clocks and counters said at a time. */
interface Look {
  readonly at: number;
  readonly machine: number;
  readonly own: Readonly<Record<keyof PduCost, number>>;
}

const COSTS = [
  'intake',
  'mediation',
  'lemf',
  'nats',
  'database',
  'source',
] as const satisfies (keyof PduCost)[];

function phaseOf(before: Look, after: Look, pdus: number): Phase {
  const seconds = (after.at - before.at) / 1000;
  const spent = (of: keyof PduCost): number => after.own[of] - before.own[of];
  const all = COSTS.reduce((sum, of) => sum + spent(of), 0);
  const each = (of: keyof PduCost): number => (spent(of) * 1e6) / pdus;
  return {
    ...{ pdus, seconds, othersCores: Math.max(0, after.machine - before.machine - all) / seconds },
    cost: {
      ...{ intake: each('intake'), mediation: each('mediation'), lemf: each('lemf') },
      ...{ nats: each('nats'), database: each('database'), source: each('source') },
    },
  };
}

function streamName({ kind, intakes, mediators }: DividedDfSetting): string {
  return `bench-${kind}-${intakes}-${mediators}`;
}

/** Of a DF, or of its mediators' schema. */
function databaseOf(setting: DividedDfSetting, instance: string): DatabaseConfig | null {
  if (setting.mediators === 0) return null;
  return setting.database?.settings(streamName(setting).replaceAll('-', '_'), instance) ?? null;
}

/** @param port where the LEMF takes HI2 and HI3 */
async function provision(setting: DividedDfSetting, port: number): Promise<void> {
  const database = databaseOf(setting, 'provisioning');
  if (database === null) {
    await provisionDf(path.join(setting.folder, 'tasks.sqlite'), port, LIID);
    return;
  }
  const store = await PartitionedDfStore.open(databaseAccess(database), 'provisioning', PARTITIONS, runtime);
  await provisionStore(store.tasks(), port, LIID);
  await store.close();
}

function settingsOf(setting: DividedDfSetting, instance: string): Record<string, unknown> {
  const { folder, tls, nats } = setting;
  const at = (name: string): string => path.join(folder, name);
  const database = databaseOf(setting, instance);
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
    streams: { ...nats.settings(streamName(setting)), partitions: PARTITIONS, leaseMs: 2_000 },
  };
}
