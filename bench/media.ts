/**
 * `npm run bench:media`: what a gateway relays with so many threads for media (`workers`), what a packet costs it, and how
 * many times as much two threads relay as one, over real sockets on loopback. Phones are a process of their own and send
 * as fast as is asked for, evenly over the calls. Gateways with each number of threads take turns. Processor time is that
 * of the gateway's process, all threads counted, from the operating system's accounting.
 *
 *     phones (a process) ──RTP──► gateway (a process: MediaGateway, no X3) ──RTP──► phones
 *
 * Where phones and gateway are on the same cores, phones may be what limits a rate: so the table says how long the threads
 * that relay had a processor, waited for one, and had nothing to do, and of scaling what `scaling.ts` says.
 */
import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { once } from 'node:events';
import { cpus, loadavg } from 'node:os';
import { setImmediate as turn } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { MediaDestinations } from '../src/entities/gateway/destinations.ts';
import { MediaGateway } from '../src/entities/gateway/gateway.ts';
import { LocalRelay } from '../src/entities/gateway/relay.ts';
import type { MediaRelay } from '../src/entities/gateway/relay.ts';
import { ThreadedRelay } from '../src/entities/gateway/workers/threaded-relay.ts';
import { udpDatagrams } from '../src/net/datagrams.ts';
import { systemCalls } from '../src/net/polled/system-calls.ts';
import { SIDES } from '../src/wire/iq/sessions.ts';
import type { Side } from '../src/wire/iq/sessions.ts';
import { packetOf } from './chain/paced.ts';
import { Part, ready } from './chain/parts.ts';
import { passed, runtime } from './chain/runtime.ts';
import type { ThreadTime } from './processor.ts';
import { figuresOf, poolRound, scalingLines, scalingOf } from './scaling.ts';
import type { PoolRound } from './scaling.ts';
import { middle } from './statistics.ts';

const HELP = `Usage: npm run bench:media -- [--threads N[,N…]] [--rate N] [--seconds N] [--rounds N] [--calls N] [--json]

  --threads N  threads for media; 0: that of control (default 0,1,2)
  --rate N     packets a second that phones send (default 20000)
  --seconds N  of each load (default 5)
  --rounds N   of each number of threads, in turns (default 3)
  --calls N    that are up (default 100)
  --json       as JSON`;

const HOST = '127.0.0.1';
/** Where the ports of gateways begin; each has twice as many as its calls need, and some: below those of the phones. */
const FIRST_PORT = 10_000;
const WARM_UP_SECONDS = 2;
/** Packets that phones send before they hear again. */
const AT_ONCE = 64;
const PAYLOAD = new Uint8Array(160);

const MICROSECONDS = { perMs: 1000, name: 'µs' };

type Ports = Readonly<Record<Side, number>>;

interface PhonesSettings {
  readonly calls: number;
}

const { values } = parseArgs({
  options: {
    threads: { type: 'string', default: '0,1,2' },
    rate: { type: 'string', default: '20000' },
    seconds: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '3' },
    calls: { type: 'string', default: '100' },
    json: { type: 'boolean', default: false },
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
  readonly from: number;
  readonly phones: readonly Ports[];
}

async function runGateway({ threads, from, phones }: GatewaySettings): Promise<void> {
  const media = { address: HOST, from, to: from + portsOf(phones.length) - 1 };
  const destinations = new MediaDestinations({ media });
  const options = { ports: media, maxPacketRate: 1_000_000, ...runtime };
  const relay: MediaRelay =
    threads === 0
      ? new LocalRelay({
          ...options,
          datagrams: udpDatagrams(runtime.logger),
          allows: (at) => destinations.allows(at),
        })
      : new ThreadedRelay({ ...options, threads, destinations: { media }, calls: await systemCalls() });
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
  const names = phones.map((_, n) => `call-${n}`);
  ready(ports, () =>
    names.flatMap((name) => gateway.counts(name) ?? []).reduce((sum, { received }) => sum + received, 0),
  );
}

function portsOf(calls: number): number {
  return 1_000 + 8 * calls;
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
    // To an address, without asking for its name each time.
    const socket = createSocket({ type: 'udp4', lookup: (host, _, done) => done(null, host, 4) });
    socket.on('message', () => received++);
    const listening = once(socket, 'listening');
    socket.bind(0, HOST);
    await listening;
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
      // No more at once: phones hear as well.
      for (const most = Math.min(due, sent + AT_ONCE); sent < most; sent++) {
        const at = sent % phones.length;
        const { name, socket } = phones[at] ?? { name: '', socket: null };
        socket?.send(packetOf(at, Math.floor(sent / phones.length), PAYLOAD), to[name] ?? 0, HOST);
      }
      await (sent < due ? turn() : passed(1));
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

/** With so many threads. */
interface Measured {
  readonly threads: number;
  readonly gateway: Part;
  readonly rounds: Round[];
}

interface Round extends PoolRound {
  readonly sent: number;
  /** Came back to the phones. */
  readonly heard: number;
  /** Milliseconds of the gateway's process. */
  readonly processMs: number;
}

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
  const all: Measured[] = [];
  for (const [k, threads] of values.threads.split(',').map(Number).entries()) {
    const settings: GatewaySettings = { threads, from: FIRST_PORT + k * portsOf(calls), phones: ports };
    const gateway = await Part.start('gateway', settings);
    await speak(gateway.ports, WARM_UP_SECONDS);
    all.push({ threads, gateway, rounds: [] });
  }
  for (let round = 0; round < Number(values.rounds); round++)
    for (const { threads, gateway, rounds } of all)
      rounds.push(await roundOf(threads, gateway, speak, seconds));
  await Promise.all([phones, ...all.map(({ gateway }) => gateway)].map((part) => part.stop()));
  const machine = { machine: cpus()[0]?.model ?? 'unknown', cores: cpus().length, load };
  if (values.json)
    console.log(JSON.stringify({ ...machine, calls, rate, threads: all.map(figures), ...scaled(all) }));
  else print(machine, all);
}

async function roundOf(
  threads: number,
  gateway: Part,
  speak: (to: Speaking['to'], seconds: number) => Promise<Spoken>,
  seconds: number,
): Promise<Round> {
  let spoken: Spoken = { sent: 0, received: 0 };
  const before = (await gateway.state()).counted;
  const round = await poolRound(
    [gateway.pid],
    (all) => relaying(all, threads, gateway.pid),
    0,
    async () => {
      spoken = await speak(gateway.ports, seconds);
    },
  );
  const done = (await gateway.state()).counted - before;
  const { sent, received: heard } = spoken;
  return { ...round, done, sent, heard, processMs: round.ranMs + round.besideMs };
}

/** The threads of a gateway that relay: its first, or of the others those that have run longest. */
function relaying(all: readonly ThreadTime[], threads: number, pid: number): readonly ThreadTime[] {
  if (threads === 0) return all.filter(({ thread }) => thread === pid);
  const others = all.filter(({ thread }) => thread !== pid);
  return [...others].sort((a, b) => b.ranMs - a.ranMs).slice(0, threads);
}

/** Of the rounds the ones in the middle. */
function figures({ threads, rounds }: Measured) {
  const of = (figure: (round: Round) => number): number => middle(rounds.map(figure));
  const sum = (count: (round: Round) => number): number =>
    rounds.reduce((all, round) => all + count(round), 0);
  const { taskMs, ran, waited, idle } = figuresOf(rounds, Math.max(1, threads));
  return {
    threads,
    sent: of(({ sent, wallMs }) => (1000 * sent) / wallMs),
    relayed: of(({ done, wallMs }) => (1000 * done) / wallMs),
    /** Of those sent in all rounds. */
    lostBefore: Math.max(0, 1 - sum(({ done }) => done) / sum(({ sent }) => sent)),
    /** Of those relayed: the phones had no room for them. */
    lostAfter: Math.max(0, 1 - sum(({ heard }) => heard) / sum(({ done }) => done)),
    microseconds: of(({ processMs, done }) => (1000 * processMs) / done),
    /** With a processor to itself, by processor time. */
    eachAlone: 1000 / taskMs,
    ...{ ran, waited, idle },
  };
}

function scaled(all: readonly Measured[]) {
  const roundsOf = (wanted: number): readonly Round[] | undefined =>
    all.find(({ threads }) => threads === wanted)?.rounds;
  const [one, two] = [roundsOf(1), roundsOf(2)];
  return one === undefined || two === undefined ? {} : { scaling: scalingOf(one, two) };
}

function print(
  { machine, cores, load }: { readonly machine: string; readonly cores: number; readonly load: number },
  all: readonly Measured[],
): void {
  console.log(
    `${machine}, ${cores} cores, load ${load.toFixed(1)}; medians of ${all[0]?.rounds.length ?? 0} rounds`,
  );
  console.log(
    '         packets a second     lost before, after      µs of      a thread           of its time',
  );
  console.log(
    'threads     sent   relayed    the gateway              gateway   alone/s     ran   waited   idle',
  );
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  for (const each of all.map(figures)) {
    const cells = [
      String(each.threads).padStart(7),
      each.sent.toFixed(0).padStart(8),
      each.relayed.toFixed(0).padStart(9),
      percent(each.lostBefore).padStart(10),
      percent(each.lostAfter).padStart(11),
      each.microseconds.toFixed(1).padStart(10),
      each.eachAlone.toFixed(0).padStart(9),
      percent(each.ran).padStart(8),
      percent(each.waited).padStart(8),
      percent(each.idle).padStart(7),
    ];
    console.log(cells.join(' '));
  }
  const { scaling } = scaled(all);
  if (scaling !== undefined)
    for (const line of scalingLines('packets', scaling, MICROSECONDS)) console.log(line);
}
