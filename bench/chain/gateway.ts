/**
 * Media of calls through a gateway, both ways, evenly paced: what a packet costs ours, without X3 and with it, beside
 * Debian's rtpengine in user space. All three take the same load in turns within one run.
 *
 *     benchmark, the phones ──RTP──► gateway (a process) ──RTP──► benchmark
 *                                       └──X3, TLS──► a process that acknowledges and forgets
 */
import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { once } from 'node:events';
import path from 'node:path';
import { randomBytes } from 'node:crypto';
import { IqClient } from '../../src/entities/cscf/http/iq-client.ts';
import { X2X3Server } from '../../src/entities/df/listeners/x2x3-server.ts';
import { gatewayConfig } from '../../src/entities/gateway/config.ts';
import { startGateway } from '../../src/entities/gateway/start.ts';
import { HostMap } from '../../src/net/hosts.ts';
import { HttpsClient } from '../../src/net/https.ts';
import { loadTls } from '../../src/net/tls.ts';
import type { TlsFiles } from '../../src/net/tls.ts';
import { SIDES } from '../../src/wire/iq/sessions.ts';
import type { Side } from '../../src/wire/iq/sessions.ts';
import { storeTask } from '../../test/x1/stored-task.ts';
import { hasRtpengine, Rtpengine } from '../peers/rtpengine.ts';
import { processorMs } from '../processor.ts';
import { middle } from '../statistics.ts';
import type { ChainTls } from './delivery-chain.ts';
import { unitSeconds } from './machine.ts';
import { PACKET_MS, packetOf, spoken } from './paced.ts';
import { Part, ready } from './parts.ts';
import { passed, runtime } from './runtime.ts';
import type { Found } from './table.ts';

const CALLS = 100;
const WARM_UP_SECONDS = 3;
/** Loads of each, in turns; a third as long as a load is asked for. */
const ROUNDS = 6;
const PARTS = 3;
const PAYLOAD = 160;
const WITHIN_MS = 30_000;
/** Of packets that were sent: with fewer, a figure would be of something else. */
const LEAST_DELIVERED = 0.999;
/** Where media pass; what others use of that is passed over. */
const OURS = { from: 20_000, to: 24_999 };
const PEERS = { from: 25_000, to: 29_999 };
const HOST = 'gateway.home1.example';
const DF = 'df.home1.example';
const TARGET = 'sip:alice@home1.example';
const XID = '11111111-0000-4000-8000-000000000003';
const DID = '00000000-0000-4000-8000-000000000003';

/* ---------------------------------------------------------------- the processes */

export async function runGateway(settings: unknown): Promise<void> {
  const gateway = await startGateway(gatewayConfig(settings), runtime);
  ready({ control: gateway.control.port });
}

/** A destination of X3 that keeps nothing but how many PDUs there were. */
export async function runX3Sink(settings: unknown): Promise<void> {
  const { tls } = settings as { readonly tls: TlsFiles };
  let pdus = 0;
  const server = new X2X3Server({
    ...{ address: '127.0.0.1', port: 0, tls: loadTls(tls, runtime.clock.now()), ...runtime },
    admission: { roles: ['gateway'], names: [HOST] },
    consumer: {
      accept: (batch) => {
        pdus += batch.length;
        return Promise.resolve();
      },
      refused: (_, reason) => console.error('X3:', reason),
    },
  });
  ready({ x3: await server.start() }, () => pdus);
}

/* ---------------------------------------------------------------- the phones */

type Ports = Readonly<Record<Side, number>>;

/** Parties of calls, each with a socket for either side of a call. */
class Phones {
  readonly #sockets: readonly Readonly<Record<Side, Socket>>[];
  readonly #payload = new Uint8Array(randomBytes(PAYLOAD));
  #packets = 0;
  received = 0;
  sent = 0;

  private constructor(sockets: readonly Readonly<Record<Side, Socket>>[]) {
    this.#sockets = sockets;
    for (const pair of sockets)
      for (const side of SIDES)
        pair[side].on('message', (octets) => {
          if (octets.length === this.#payload.length + 12) this.received++;
        });
  }

  static async open(): Promise<Phones> {
    const bound = async (): Promise<Socket> => {
      const socket = createSocket('udp4');
      socket.bind(0, '127.0.0.1');
      await once(socket, 'listening');
      return socket;
    };
    const pairs = Array.from({ length: CALLS }, async () => ({ a: await bound(), b: await bound() }));
    return new Phones(await Promise.all(pairs));
  }

  /** Where the parties receive. */
  get ports(): Ports[] {
    return this.#sockets.map(({ a, b }) => ({ a: a.address().port, b: b.address().port }));
  }

  /** Speaks in all calls for so long; resolves with how many packets have come. @throws if there are too few */
  async speak(gateway: readonly Ports[], seconds: number, least = LEAST_DELIVERED): Promise<number> {
    const before = { sent: this.sent, received: this.received };
    await spoken(CALLS, seconds, (from, to) => {
      for (let call = from; call < to; call++) this.#say(call, gateway[call]);
    });
    const sent = this.sent - before.sent;
    const end = performance.now() + WITHIN_MS;
    let last = -1;
    while (this.received - before.received < sent && performance.now() < end) {
      if (last === this.received) break;
      last = this.received;
      await passed(500);
    }
    const received = this.received - before.received;
    if (received < sent * least) throw new Error(`${sent - received} of ${sent} packets did not come`);
    return received;
  }

  close(): void {
    for (const pair of this.#sockets) for (const side of SIDES) pair[side].close();
  }

  #say(call: number, to: Ports | undefined): void {
    const n = Math.floor(this.#packets++ / CALLS);
    for (const side of SIDES) {
      const packet = packetOf(2 * call + (side === 'a' ? 0 : 1), n, this.#payload);
      this.#sockets[call]?.[side].send(packet, to?.[side] ?? 0, '127.0.0.1');
      this.sent++;
    }
  }
}

/* ---------------------------------------------------------------- gateways */

/** Calls that a process relays. */
interface Relay {
  readonly pid: number;
  readonly calls: readonly Ports[];
}

function provision(file: string, port: number): Promise<void> {
  const target = { name: 'sipUri', value: TARGET } as const;
  const task = { xid: XID, targets: [target], deliveryType: 'X3Only', dids: [DID], mediation: [] } as const;
  return storeTask(file, task, { kind: 'uri', value: `tls://${DF}:${port}` });
}

async function startOurs(folder: string, tls: ChainTls, sink: number): Promise<Part> {
  const at = (name: string): string => path.join(folder, name);
  await provision(at('gateway.sqlite'), sink);
  return Part.start('gateway', {
    ...{ tls: tls.gateway, audit: at('gateway.log'), media: OURS, control: { port: 0 } },
    hosts: { [`${DF}:${sink}`]: `127.0.0.1:${sink}` },
    x1: {
      identifier: HOST,
      listen: { port: 0 },
      admf: { identifier: 'admf.home1.example', url: 'https://admf.home1.example:1/X1/ADMF' },
      store: at('gateway.sqlite'),
    },
  });
}

/** @param caller who is on side a */
async function anchored(iq: IqClient, name: string, caller: string, phones: Phones): Promise<Ports[]> {
  const calls: Ports[] = [];
  for (const [n, { a, b }] of phones.ports.entries()) {
    const [stream] = await iq.put(`${name}-${n}`, {
      correlation: new Uint8Array([...Buffer.from(name.slice(0, 4)), 0, 0, n >> 8, n & 0xff]),
      parties: { a: [caller], b: ['sip:bob@home2.example'] },
      sdps: { a: 'v=0', b: 'v=0' },
      streams: [{ a: { address: '127.0.0.1', port: a }, b: { address: '127.0.0.1', port: b } }],
    });
    if (stream === null || stream === undefined) throw new Error('the gateway gave no stream');
    calls.push({ a: stream.a.port, b: stream.b.port });
  }
  return calls;
}

/* ---------------------------------------------------------------- the measurement */

type Which = 'plain' | 'intercepted' | 'rtpengine';

export async function measureGateway(
  folder: string,
  tls: ChainTls,
  seconds: number,
  progress: (text: string) => void,
): Promise<{ readonly gateway: Found; readonly gatewayX3: Found }> {
  const open: (() => unknown)[] = [];
  try {
    const phones = await Phones.open();
    open.push(() => phones.close());
    const sink = await Part.start('x3-sink', { tls: tls.df });
    open.push(() => sink.stop());
    const ours = await startOurs(folder, tls, sink.ports['x3'] ?? 0);
    open.push(() => ours.stop());
    const hosts = new HostMap({ [`${HOST}:443`]: `127.0.0.1:${ours.ports['control'] ?? 0}` });
    const https = new HttpsClient({ hosts, tls: loadTls(tls.cscf, runtime.clock.now()) });
    open.push(() => https.close());
    const iq = new IqClient(https, `https://${HOST}`);
    const relays: Partial<Record<Which, Relay>> = {
      plain: { pid: ours.pid, calls: await anchored(iq, 'plain', 'sip:carol@home1.example', phones) },
      intercepted: { pid: ours.pid, calls: await anchored(iq, 'intercepted', TARGET, phones) },
    };
    if (hasRtpengine()) {
      const peer = await Rtpengine.start({ ...PEERS, control: PEERS.to + 1 + (process.pid % 1000) });
      open.push(() => peer.stop());
      const calls: Ports[] = [];
      for (const [n, ports] of phones.ports.entries()) calls.push(await peer.anchor(`call-${n}`, ports));
      relays.rtpengine = { pid: peer.pid, calls };
    }
    const counted = async (): Promise<number> => (await sink.state()).counted;
    return await inTurns(relays, phones, { seconds, counted, progress });
  } finally {
    for (const close of open.reverse()) await close();
  }
}

interface Turns {
  readonly seconds: number;
  /** PDUs of X3 that have come so far. */
  readonly counted: () => Promise<number>;
  readonly progress: (text: string) => void;
}

/** @throws where too few packets have come, or too few copies of them over X3 */
async function inTurns(
  relays: Partial<Record<Which, Relay>>,
  phones: Phones,
  { seconds, counted, progress }: Turns,
): Promise<{ readonly gateway: Found; readonly gatewayX3: Found }> {
  const costs: Record<Which, number[]> = { plain: [], intercepted: [], rtpengine: [] };
  const each = async (work: (which: Which, relay: Relay) => Promise<void>): Promise<void> => {
    for (const which of ['plain', 'rtpengine', 'intercepted'] as const) {
      const relay = relays[which];
      if (relay !== undefined) await work(which, relay);
    }
  };
  progress('gateway: warming up');
  await each(async (_, { calls }) => {
    // Before its code is compiled a busy machine may lose some.
    await phones.speak(calls, WARM_UP_SECONDS, 0);
  });
  const unit = unitSeconds();
  for (let round = 1; round <= ROUNDS; round++) {
    progress(`gateway: ${(2 * CALLS * 1000) / PACKET_MS} packets a second, ${round} of ${ROUNDS}`);
    await each(async (which, { pid, calls }) => {
      const before = { ms: processorMs(pid), pdus: which === 'intercepted' ? await counted() : 0 };
      const packets = await phones.speak(calls, seconds / PARTS);
      if (which === 'intercepted') await reached(counted, before.pdus + packets * LEAST_DELIVERED);
      costs[which].push((processorMs(pid) - before.ms) / 1000 / packets);
    });
  }
  const ratio = (a: Which, b: Which): number =>
    middle(costs[a].map((cost, round) => cost / (costs[b][round] ?? NaN)));
  const notes = Object.fromEntries(
    (['plain', 'intercepted', 'rtpengine'] as const)
      .filter((which) => costs[which].length > 0)
      .map((which) => [`${which}Microseconds`, middle(costs[which]) * 1e6]),
  );
  const gateway: Found = relays.rtpengine
    ? { value: ratio('plain', 'rtpengine'), notes }
    : { value: null, reason: 'rtpengine is not installed (Debian: rtpengine-daemon)' };
  const units = { gatewayUnits: middle(costs.plain) / unit };
  return { gateway, gatewayX3: { value: ratio('intercepted', 'plain'), notes: { ...notes, ...units } } };
}

/** Waits until so many PDUs of X3 have come. @throws if they do not */
async function reached(counted: () => Promise<number>, least: number): Promise<void> {
  const end = performance.now() + WITHIN_MS;
  let came = await counted();
  for (; came < least && performance.now() < end; came = await counted()) await passed(200);
  if (came < least) throw new Error(`${Math.ceil(least - came)} packets did not come over X3`);
}
