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
import { HostMap } from '../../src/net/hosts.ts';
import { connectTo } from '../../src/net/tls-client.ts';
import { loadTls } from '../../src/net/tls.ts';
import type { TlsFiles } from '../../src/net/tls.ts';
import { Deframer } from '../../src/wire/x2x3/deframer.ts';
import { decodePdu, encodePdu, keepalivePdu, PDU_TYPE } from '../../src/wire/x2x3/pdu.ts';
import { provisionDf } from '../../test/entities/df/provisioned.ts';
import { roleCertificates } from '../../test/support/role-certificates.ts';
import { Part, ready } from './parts.ts';
import { runtime } from './runtime.ts';

export const LIID = 'LIID-BENCH';
/** A point of interception asks for an acknowledgement each second while PDUs are under way (`poi/x2x3-client.ts`). */
const KEEPALIVE_MS = 1_000;

const ROLES = ['df', 'lemf', 'cscf', 'gateway', 'kms'] as const;

export type ChainTls = Readonly<Record<(typeof ROLES)[number], TlsFiles>>;

export function chainTls(folder: string): Promise<ChainTls> {
  return roleCertificates(folder, runtime.clock.now(), ROLES);
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
    await provisionDf(at('tasks.sqlite'), lemf.ports['hi'] ?? 0, LIID);
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

/* ---------------------------------------------------------------- the point of interception */

/** One connection of X2 and X3. */
export class Interception {
  readonly #socket;
  readonly #deframer = new Deframer();
  readonly #timer: NodeJS.Timeout;
  readonly #waiting: { readonly asked: number; readonly settled: () => void }[] = [];
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
        if (decodePdu(frame).type === PDU_TYPE.keepaliveAck) this.#isAcknowledged();
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

  /** Resolves when all that was sent before is acknowledged. */
  settled(): Promise<void> {
    this.#ask();
    const asked = this.#keepalives;
    return new Promise((settled) => this.#waiting.push({ asked, settled }));
  }

  close(): void {
    clearInterval(this.#timer);
    this.#socket.destroy();
  }

  #isAcknowledged(): void {
    this.acknowledged++;
    while ((this.#waiting[0]?.asked ?? Infinity) <= this.acknowledged) this.#waiting.shift()?.settled();
  }

  #ask(): void {
    this.send(encodePdu(keepalivePdu(PDU_TYPE.keepalive, this.#keepalives++)));
  }
}
