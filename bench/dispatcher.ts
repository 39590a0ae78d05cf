/**
 * `npm run bench:dispatcher`: what it would cost to have several CSCFs behind one UDP port, each call at one of them
 * by its Call-ID. Microseconds of processor time for a datagram, of processes on loopback:
 *
 *     direct      sender ──UDP──► worker
 *     datagrams   sender ──UDP──► dispatcher ──UDP───────────► one of two workers
 *     pipes       sender ──UDP──► dispatcher ──Unix socket───► one of two workers, what comes in one turn at once
 *
 * The dispatcher reads the message by the reader that all use, and hands on who sent it with it. Workers take the message
 * apart as the CSCF's transport does, and do nothing with it. Answers are not in it: a worker can send them by itself.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { readMessage, SipRequest } from '../src/sip/message.ts';
import { describeMachine, unmeasurable } from './chain/machine.ts';
import { Part, ready } from './chain/parts.ts';
import { passed } from './chain/runtime.ts';
import { processorMsOfAll } from './processor.ts';

const WAYS = ['direct', 'datagrams', 'pipes'] as const;
type Way = (typeof WAYS)[number];

const WORKERS = 2;
const PHONES = 50;
const WARM_UP_SECONDS = 3;
/** Octets before a message that is handed on: its length, and address and port that it came from. */
const PREFIX = 12;

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '2000' },
    seconds: { type: 'string', default: '10' },
    part: { type: 'string' },
    settings: { type: 'string', default: '{}' },
  },
});

interface WorkerSettings {
  readonly way: Way;
  readonly path: string;
}

interface DispatcherSettings {
  readonly way: Way;
  readonly workers: readonly { readonly path: string; readonly port: number }[];
}

/** Takes messages apart and counts them. */
async function runWorker({ way, path: at }: WorkerSettings): Promise<void> {
  let count = 0;
  const take = (octets: Uint8Array): void => {
    if (readMessage(octets).callId !== '') count++;
  };
  if (way === 'pipes') {
    createServer((socket) => readFrames(socket, take)).listen(at, () => ready({ udp: 0 }, () => count));
    return;
  }
  const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 });
  socket.on('message', (octets) => take(way === 'direct' ? octets : octets.subarray(PREFIX)));
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  ready({ udp: socket.address().port }, () => count);
}

function readFrames(socket: Socket, take: (octets: Uint8Array) => void): void {
  let rest = Buffer.alloc(0);
  socket.on('data', (octets) => {
    rest = rest.length === 0 ? octets : Buffer.concat([rest, octets]);
    let at = 0;
    while (rest.length - at >= PREFIX) {
      const end = at + PREFIX + rest.readUInt32BE(at);
      if (end > rest.length) break;
      take(rest.subarray(at + PREFIX, end));
      at = end;
    }
    rest = rest.subarray(at);
  });
}

async function runDispatcher({ way, workers }: DispatcherSettings): Promise<void> {
  const out = createSocket({
    type: 'udp4',
    lookup: (host, _options, done) => done(null, host, 4),
  });
  const pipes = way === 'pipes' ? workers.map(({ path: at }) => connect(at)) : [];
  const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 });
  let isTurn = false;
  socket.on('message', (octets, { address, port }) => {
    const worker = shareOf(readMessage(octets).callId);
    const prefix = Buffer.allocUnsafe(PREFIX);
    prefix.writeUInt32BE(octets.length, 0);
    for (const [at, part] of address.split('.').entries()) prefix.writeUInt8(Number(part), 4 + at);
    prefix.writeUInt32BE(port, 8);
    const pipe = pipes[worker];
    if (pipe === undefined) {
      out.send([prefix, octets], workers[worker]?.port ?? 0, '127.0.0.1');
      return;
    }
    if (!isTurn) {
      isTurn = true;
      for (const each of pipes) each.cork();
      setImmediate(() => {
        isTurn = false;
        for (const each of pipes) each.uncork();
      });
    }
    pipe.write(prefix);
    pipe.write(octets);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  ready({ udp: socket.address().port });
}

/** Which worker a call is at. */
function shareOf(callId: string): number {
  let sum = 0;
  for (let at = 0; at < callId.length; at++) sum = (31 * sum + callId.charCodeAt(at)) >>> 0;
  return sum % WORKERS;
}

function invite(n: number): Uint8Array {
  const request = new SipRequest('INVITE', 'sip:bob@home2.example');
  const lines = [
    ['Via', `SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK${n};rport`],
    ['Max-Forwards', '70'],
    ['From', `<sip:alice@home1.example>;tag=${n}`],
    ['To', '<sip:bob@home2.example>'],
    ['Call-ID', `dispatched-${n}@192.0.2.1`],
    ['CSeq', '1 INVITE'],
    ['Contact', '<sip:alice@192.0.2.1:5060>'],
    ['Allow', 'INVITE, ACK, CANCEL, OPTIONS, BYE, PRACK, UPDATE, REFER, NOTIFY'],
    ['Supported', 'replaces, outbound'],
    ['User-Agent', 'bench/1.0'],
  ] as const;
  for (const [name, value] of lines) request.append(name, value);
  request.setBody(
    'application/sdp',
    Buffer.from('v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\n'.padEnd(250, 'a')),
  );
  return request.serialise();
}

/** Sends so many messages a second; returns how many. */
async function send(port: number, rate: number, seconds: number): Promise<number> {
  const sockets = Array.from({ length: PHONES }, () => createSocket('udp4'));
  const begun = performance.now();
  let sent = 0;
  while (sent < rate * seconds) {
    const due = Math.min(rate * seconds, ((performance.now() - begun) / 1000) * rate);
    for (; sent < due; sent++) sockets[sent % PHONES]?.send(invite(sent), port, '127.0.0.1');
    await passed(1);
  }
  await passed(200);
  for (const socket of sockets) socket.close();
  return sent;
}

interface Cost {
  /** Microseconds for a datagram. */
  readonly dispatcher: number;
  readonly worker: number;
  /** Share of datagrams that came. */
  readonly came: number;
}

async function measure(way: Way, rate: number, seconds: number, folder: string): Promise<Cost> {
  const paths = Array.from({ length: way === 'direct' ? 1 : WORKERS }, (_, n) =>
    path.join(folder, `${way}-${n}`),
  );
  const workers = await Promise.all(paths.map((at) => Part.start('worker', { way, path: at })));
  const open = [...workers];
  try {
    const ends = workers.map(({ ports }, n) => ({ path: paths[n] ?? '', port: ports['udp'] ?? 0 }));
    const dispatcher = way === 'direct' ? null : await Part.start('dispatcher', { way, workers: ends });
    if (dispatcher !== null) open.push(dispatcher);
    const port = (dispatcher ?? workers[0])?.ports['udp'] ?? 0;
    await send(port, rate, WARM_UP_SECONDS);
    const ms = () => [dispatcher, ...workers].map((part) => (part === null ? 0 : processorMsOfAll(part.pid)));
    const had = await countOf(workers);
    const before = ms();
    const sent = await send(port, rate, seconds);
    const [dispatched = 0, ...worked] = ms().map((now, at) => ((now - (before[at] ?? 0)) * 1000) / sent);
    const came = ((await countOf(workers)) - had) / sent;
    return { dispatcher: dispatched, worker: worked.reduce((sum, each) => sum + each, 0), came };
  } finally {
    for (const part of open) await part.stop();
  }
}

async function countOf(workers: readonly Part[]): Promise<number> {
  const states = await Promise.all(workers.map((worker) => worker.state()));
  return states.reduce((sum, { counted }) => sum + counted, 0);
}

async function run(): Promise<void> {
  const reason = unmeasurable();
  if (reason !== null) throw new Error(reason);
  const [rate, seconds] = [Number(values.rate), Number(values.seconds)];
  const folder = mkdtempSync(path.join(tmpdir(), 'claviger-dispatcher-'));
  const { processor, cores, load } = describeMachine();
  try {
    console.log(`${cores} × ${processor}, load ${load.toFixed(1)} before; ${rate} datagrams a second\n`);
    console.log('way        dispatcher, µs  worker, µs   came');
    for (const way of WAYS) {
      const { dispatcher, worker, came } = await measure(way, rate, seconds, folder);
      const cells = [dispatcher.toFixed(1).padStart(14), worker.toFixed(1).padStart(12)];
      console.log(`${way.padEnd(11)}${cells.join('')}${`${(100 * came).toFixed(1)} %`.padStart(9)}`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (values.part === undefined) await run();
else if (values.part === 'worker') await runWorker(JSON.parse(values.settings) as WorkerSettings);
else await runDispatcher(JSON.parse(values.settings) as DispatcherSettings);
