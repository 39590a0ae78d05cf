/**
 * `npm run bench:media`: what a gateway relays with so many threads for media (`workers`), and what a packet costs it, over
 * real sockets on loopback. Phones are a process of their own and send as fast as is asked for, evenly over the calls; what
 * comes back is counted there. Processor time is that of the gateway's process, all threads counted, from the operating
 * system's accounting.
 *
 *     phones (a process) ──RTP──► gateway (a process: MediaGateway, no X3) ──RTP──► phones
 */
import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { once } from 'node:events';
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { MediaDestinations } from '../src/entities/gateway/destinations.ts';
import { MediaGateway } from '../src/entities/gateway/gateway.ts';
import { LocalRelay } from '../src/entities/gateway/relay.ts';
import type { MediaRelay } from '../src/entities/gateway/relay.ts';
import { ThreadedRelay } from '../src/entities/gateway/workers/threaded-relay.ts';
import { udpDatagrams } from '../src/net/datagrams.ts';
import { SIDES } from '../src/wire/iq/sessions.ts';
import type { Side } from '../src/wire/iq/sessions.ts';
import { packetOf } from './chain/paced.ts';
import { Part, ready } from './chain/parts.ts';
import { passed, runtime } from './chain/runtime.ts';

const HELP = `Usage: npm run bench:media -- [--threads N[,N…]] [--rate N] [--seconds N] [--calls N]

  --threads N  threads for media; 0: that of control (default 0,1,2)
  --rate N     packets a second that phones send (default 20000)
  --seconds N  of each load (default 5)
  --calls N    that are up (default 100)`;

const HOST = '127.0.0.1';
const MEDIA = { address: HOST, from: 20_000, to: 29_999 };
const WARM_UP_SECONDS = 2;
const PAYLOAD = new Uint8Array(160);

type Ports = Readonly<Record<Side, number>>;

interface PhonesSettings {
  readonly calls: number;
}

const { values } = parseArgs({
  options: {
    threads: { type: 'string', default: '0,1,2' },
    rate: { type: 'string', default: '20000' },
    seconds: { type: 'string', default: '5' },
    calls: { type: 'string', default: '100' },
    help: { type: 'boolean', short: 'h', default: false },
    /** Of the processes that this one starts: which, and its settings as JSON. */
    part: { type: 'string' },
    settings: { type: 'string', default: '{}' },
  },
});

if (values.help) console.log(HELP);
else if (values.part === 'phones') await runPhones(JSON.parse(values.settings) as PhonesSettings);
else if (values.part === 'gateway') await runGateway(JSON.parse(values.settings) as GatewaySettings);
else await measure();

/* ---------------------------------------------------------------- the gateway */

interface GatewaySettings {
  readonly threads: number;
  readonly phones: readonly Ports[];
}

async function runGateway({ threads, phones }: GatewaySettings): Promise<void> {
  const destinations = new MediaDestinations({ media: MEDIA });
  const options = { ports: MEDIA, maxPacketRate: 1_000_000, ...runtime };
  const relay: MediaRelay =
    threads === 0
      ? new LocalRelay({
          ...options,
          datagrams: udpDatagrams(runtime.logger),
          allows: (at) => destinations.allows(at),
        })
      : new ThreadedRelay({ ...options, threads, destinations: { media: MEDIA } });
  const gateway = new MediaGateway({
    ...{ relay, destinations, ...runtime, tasks: { revision: 0, match: () => [] } },
    poi: { report: () => undefined, missed: () => undefined },
  });
  const ports: Record<string, number> = {};
  for (const [n, { a, b }] of phones.entries()) {
    const [stream] = await gateway.put(`call-${n}`, {
      correlation: new Uint8Array(8),
      parties: { a: [], b: [] },
      sdps: { a: null, b: null },
      streams: [{ a: { address: HOST, port: a }, b: { address: HOST, port: b } }],
    });
    for (const side of SIDES) ports[`${n}${side}`] = stream?.[side].port ?? 0;
  }
  ready(ports);
}

/* ---------------------------------------------------------------- the phones */

interface Spoken {
  readonly sent: number;
  readonly received: number;
}

interface Speaking {
  readonly to: Readonly<Record<string, number>>;
  readonly rate: number;
  readonly seconds: number;
}

async function runPhones({ calls }: PhonesSettings): Promise<void> {
  let received = 0;
  const bound = async (): Promise<Socket> => {
    const socket = createSocket('udp4').on('message', () => received++);
    socket.bind(0, HOST);
    await once(socket, 'listening');
    return socket;
  };
  const phones: { readonly name: string; readonly socket: Socket }[] = [];
  const ports: Record<string, number> = {};
  for (let n = 0; n < calls; n++)
    for (const side of SIDES) {
      const socket = await bound();
      phones.push({ name: `${n}${side}`, socket });
      ports[`${n}${side}`] = socket.address().port;
    }
  const speak = async ({ to, rate, seconds }: Speaking): Promise<Spoken> => {
    const before = received;
    const begun = performance.now();
    const total = Math.round(rate * seconds);
    let sent = 0;
    while (sent < total && performance.now() - begun < seconds * 1000) {
      const due = Math.min(total, Math.floor(((performance.now() - begun) * rate) / 1000) + 1);
      for (; sent < due; sent++) {
        const at = sent % phones.length;
        const { name, socket } = phones[at] ?? { name: '', socket: null };
        socket?.send(packetOf(at, Math.floor(sent / phones.length), PAYLOAD), to[name] ?? 0, HOST);
      }
      await passed(1);
    }
    await passed(300);
    return { sent, received: received - before };
  };
  process.on('message', (message: Speaking) => {
    if (typeof message === 'object') void speak(message).then((spoken) => process.send?.(spoken));
  });
  process.once('disconnect', () => process.exit());
  process.send?.(ports);
}

/* ---------------------------------------------------------------- the measurement */

async function measure(): Promise<void> {
  const [rate, seconds, calls] = [Number(values.rate), Number(values.seconds), Number(values.calls)];
  const phones = await Part.start('phones', { calls });
  const speak = (to: Speaking['to'], time: number): Promise<Spoken> =>
    new Promise((resolve) => {
      phones.onceMessage((spoken) => resolve(spoken as Spoken));
      phones.say({ to, rate, seconds: time } satisfies Speaking);
    });
  const at = (n: number, side: Side): number => phones.ports[`${n}${side}`] ?? 0;
  const ports = Array.from({ length: calls }, (_, n) => ({ a: at(n, 'a'), b: at(n, 'b') }));
  const [load = NaN] = loadavg();
  console.log(`${cpus()[0]?.model ?? 'unknown'}, ${cpus().length} cores, load ${load.toFixed(1)}`);
  console.log('threads   sent/s   relayed/s   share   µs/packet   cores');
  for (const threads of values.threads.split(',').map(Number)) {
    const gateway = await Part.start('gateway', { threads, phones: ports } satisfies GatewaySettings);
    await speak(gateway.ports, WARM_UP_SECONDS);
    const before = gateway.seconds;
    const begun = performance.now();
    const { sent, received } = await speak(gateway.ports, seconds);
    const passedSeconds = (performance.now() - begun) / 1000;
    const used = gateway.seconds - before;
    const cells = [
      String(threads).padStart(7),
      (sent / seconds).toFixed(0).padStart(8),
      (received / seconds).toFixed(0).padStart(11),
      `${((100 * received) / sent).toFixed(1)} %`.padStart(7),
      ((1e6 * used) / received).toFixed(1).padStart(11),
      (used / passedSeconds).toFixed(2).padStart(7),
    ];
    console.log(cells.join(' '));
    await gateway.stop();
  }
  await phones.stop();
}
