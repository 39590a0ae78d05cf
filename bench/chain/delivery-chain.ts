/**
 * A delivery function and a LEMF, a process each with its state on a disk, between a point of interception, which is the
 * benchmark, and the LEMF's files:
 *
 *     benchmark ──X2/X3, TLS──► DF ──HI2/HI3, TLS──► LEMF ─► hi2.ber, hi3.ber ─► benchmark
 */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { dfConfig } from '../../src/entities/df/config.ts';
import { startDf } from '../../src/entities/df/start.ts';
import { lemfConfig } from '../../src/entities/lemf/config.ts';
import { startLemf } from '../../src/entities/lemf/start.ts';
import { LabPki } from '../../src/lab/network/pki.ts';
import { HostMap } from '../../src/net/hosts.ts';
import { connectTo } from '../../src/net/tls-client.ts';
import { loadTls } from '../../src/net/tls.ts';
import type { Role, TlsFiles } from '../../src/net/tls.ts';
import { Deframer } from '../../src/wire/x2x3/deframer.ts';
import { decodePdu, encodePdu, keepalivePdu, PDU_TYPE } from '../../src/wire/x2x3/pdu.ts';
import { SqliteTaskStore } from '../../src/x1/task-store.ts';
import { vector, XID } from '../../test/entities/df/support.ts';
import { Part, ready } from './parts.ts';
import { passed, runtime } from './runtime.ts';

const LEMF = '00000000-0000-4000-8000-000000000002';
const LIID = 'LIID-BENCH';
/** A point of interception asks for an acknowledgement each second while PDUs are under way (`poi/x2x3-client.ts`). */
const KEEPALIVE_MS = 1_000;

export type ChainTls = Readonly<Record<'df' | 'lemf' | 'cscf' | 'gateway' | 'kms', TlsFiles>>;

export async function chainTls(folder: string): Promise<ChainTls> {
  const pki = await LabPki.create(path.join(folder, 'pki'), runtime.clock.now());
  const issue = async (role: Role) => {
    const commonName = `${role}.home1.example`;
    return [role, await pki.issue({ commonName, dnsNames: [commonName], roles: [role] })] as const;
  };
  const roles = ['df', 'lemf', 'cscf', 'gateway', 'kms'] as const;
  return Object.fromEntries(await Promise.all(roles.map(issue))) as unknown as ChainTls;
}

/* ---------------------------------------------------------------- the processes */

export async function runDf(settings: unknown): Promise<void> {
  const df = await startDf(dfConfig(settings), runtime);
  ready({ x2x3: df.x2x3.port });
}

export async function runLemf(settings: unknown): Promise<void> {
  const lemf = await startLemf(lemfConfig(settings), runtime);
  ready({ hi: lemf.hi2.port });
}

/* ---------------------------------------------------------------- the chain */

export class DeliveryChain {
  readonly df: Part;
  readonly lemf: Part;
  /** Where `hi2.ber` and `hi3.ber` are. */
  readonly received: string;

  private constructor(df: Part, lemf: Part, received: string) {
    this.df = df;
    this.lemf = lemf;
    this.received = received;
  }

  /** @param kms port of the KMS that is asked for keys; 0: there is none */
  static async start(folder: string, tls: ChainTls, kms = 0): Promise<DeliveryChain> {
    const at = (name: string): string => path.join(folder, name);
    mkdirSync(at('lemf'), { recursive: true });
    const lemf = await Part.start('lemf', {
      ...{ hi2: { port: 0 }, hi3: { port: 0 }, tls: tls.lemf },
      ...{ folder: at('lemf'), recoverAfter: 3_600_000 },
    });
    await provision(at('tasks.sqlite'), lemf.ports['hi'] ?? 0);
    const df = await Part.start('df', {
      x1: {
        identifier: 'df.home1.example',
        listen: { port: 0 },
        admf: { identifier: 'admf.home1.example', url: 'https://admf.home1.example:1/X1/ADMF' },
        store: at('tasks.sqlite'),
      },
      ...{ x2x3: { port: 0 }, tls: tls.df, store: at('df.sqlite'), audit: at('audit.log') },
      hosts: { 'kms.home1.example': '127.0.0.1', 'admf.home1.example': '127.0.0.1' },
      name: { countryCode: 'DE', operator: 'home1', element: 'df.home1' },
      xk: { url: `https://kms.home1.example:${kms === 0 ? 1 : kms}` },
    });
    return new DeliveryChain(df, lemf, at('lemf'));
  }

  async stop(): Promise<void> {
    await Promise.all([this.df.stop(), this.lemf.stop()]);
  }
}

/** What X1 would have left in the table's store: a task with one warrant and one destination for all. */
async function provision(file: string, port: number): Promise<void> {
  const store = await SqliteTaskStore.open(file);
  const address = { kind: 'ipAddressAndPort', address: '127.0.0.1', port, transport: 'tcp' } as const;
  const task = {
    xid: XID,
    targets: [{ name: 'sipUri', value: vector().uri.i }],
    deliveryType: 'X2andX3',
    dids: [LEMF],
    mediation: [{ liid: LIID, deliveryType: 'HI2andHI3', dids: [] }],
  } as const;
  await store.commit({
    tasks: new Map([[XID, { task, activatedAt: 0, modifiedAt: 0, modifications: 0 }]]),
    destinations: new Map([[LEMF, { did: LEMF, deliveryType: 'X2andX3', address }]]),
  });
  await store.close();
}

/* ---------------------------------------------------------------- the point of interception */

/** One connection of X2 and X3. */
export class Interception {
  readonly #socket;
  readonly #deframer = new Deframer();
  readonly #timer: NodeJS.Timeout;
  #keepalives = 0;
  /** Keepalives that were acknowledged. */
  acknowledged = 0;

  private constructor(port: number, tls: TlsFiles) {
    const hosts = new HostMap({ 'df.home1.example': `127.0.0.1:${port}` });
    const material = loadTls(tls, runtime.clock.now());
    this.#socket = connectTo({ host: 'df.home1.example', port, role: 'df' }, { tls: material, hosts });
    this.#socket.setNoDelay(true);
    this.#socket.on('data', (chunk: Buffer) => {
      for (const frame of this.#deframer.push(new Uint8Array(chunk)))
        if (decodePdu(frame).type === PDU_TYPE.keepaliveAck) this.acknowledged++;
    });
    this.#socket.on('error', (error: Error) => console.error('X2/X3:', error.message));
    this.#timer = setInterval(() => this.#ask(), KEEPALIVE_MS);
  }

  static async open(port: number, tls: TlsFiles): Promise<Interception> {
    const interception = new Interception(port, tls);
    await new Promise<void>((resolve) => interception.#socket.once('secureConnect', () => resolve()));
    return interception;
  }

  /** In one write each. */
  send(octets: Uint8Array): void {
    this.#socket.write(octets);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#socket.destroy();
  }

  #ask(): void {
    this.send(encodePdu(keepalivePdu(PDU_TYPE.keepalive, this.#keepalives++)));
  }
}

/** Calls `send` so many times a second, as evenly as timers allow; resolves at the end. */
export async function paced(rate: number, seconds: number, send: (n: number) => void): Promise<void> {
  const begun = performance.now();
  const total = Math.round(rate * seconds);
  for (let n = 0; n < total;) {
    const due = Math.min(total, Math.floor(((performance.now() - begun) * rate) / 1000) + 1);
    while (n < due) send(n++);
    await passed(1);
  }
}
