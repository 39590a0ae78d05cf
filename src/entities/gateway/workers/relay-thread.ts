/**
 * A thread that relays, as control sees it. Its streams are gone when it ends before it was told to, and who has them is
 * told.
 */
import { Worker } from 'node:worker_threads';
import type { Logger } from '../../../bytes/ports.ts';
import type { NetworkAddress } from '../../../bytes/network-address.ts';
import type { ThreadSockets } from '../../../net/polled/thread-sockets.ts';
import type { Side, WantedStream } from '../../../wire/iq/sessions.ts';
import { GatewayError } from '../errors.ts';
import type { LegCounts } from '../leg.ts';
import type { PortCounts } from '../port-pool.ts';
import type { RelayedStream, StreamUser } from '../relay.ts';
import type { RelayedPacket } from '../stream.ts';
import { CopyReader, MOST_UNDER_WAY, weightOf } from './copies.ts';
import type { CopyBatch, MissedCopies } from './copies.ts';
import type { RelayOrder, RelayReply, RelayThreadData, RelayedState, WantedSides } from './relay-orders.ts';

/** The thread's module. */
const MODULE = new URL('./relay-worker.js', import.meta.url);
/** A thread that does not end by itself in this time is ended. */
const ENDING_MS = 2000;
/** Of so much of what copies may weigh on their way the thread is told at once. */
const TOLD_OF = MOST_UNDER_WAY / 64;
const NO_PORTS: PortCounts = { free: 0, used: 0, foreign: 0, refused: 0 };

export interface RelayThreadOptions {
  readonly data: Omit<RelayThreadData, 'polled'>;
  readonly logger: Logger;
  /** Its sockets; `null`: those of Node.js. They are ended with it. */
  readonly sockets: ThreadSockets | null;
  /** It has ended, and was not told to. @param streams that it relayed */
  readonly gone: (streams: number) => void;
}

interface Anchoring {
  readonly user: StreamUser;
  readonly resolve: (stream: RelayedStream) => void;
  readonly reject: (error: Error) => void;
}

export class RelayThread {
  readonly #options: RelayThreadOptions;
  readonly #worker: Worker;
  readonly #anchoring = new Map<number, Anchoring>();
  readonly #streams = new Map<number, RemoteStream>();
  readonly #reader = new CopyReader();
  /** Who waits for copies, in the order in which they asked. */
  readonly #flushing: (() => void)[] = [];
  /** When it has said how its ports stand, or has ended. */
  readonly started: Promise<void>;
  #hasStarted: () => void = () => undefined;
  #next = 0;
  #ports = NO_PORTS;
  #missed = 0;
  /** Of copies that were taken, what the thread has not been told of, by `weightOf`. */
  #taken = 0;
  #isEnding = false;
  #isGone = false;

  constructor(options: RelayThreadOptions) {
    this.#options = options;
    this.started = new Promise((resolve) => (this.#hasStarted = resolve));
    const { data, sockets } = options;
    const workerData = sockets === null ? data : { ...data, polled: sockets.data };
    this.#worker = new Worker(MODULE, { argv: [], env: {}, workerData });
    this.#worker.on('message', (reply: RelayReply) => this.#hear(reply));
    // An error is followed by the exit, which is where it is dealt with.
    this.#worker.on('error', (error) => options.logger.error({ error }, 'a thread that relays media failed'));
    this.#worker.on('exit', () => this.#end());
  }

  /** As the thread said last. */
  get ports(): PortCounts {
    return this.#ports;
  }

  /** Streams that it relays, or is about to. */
  get load(): number {
    return this.#streams.size + this.#anchoring.size;
  }

  /** Packets that were wanted, and of which there were too many to be copied. */
  get missed(): number {
    return this.#missed;
  }

  /** @throws GatewayError `no-ports` */
  anchor(user: StreamUser): Promise<RelayedStream> {
    if (this.#isGone || this.#isEnding) return Promise.reject(gone());
    const stream = this.#next++;
    return new Promise((resolve, reject) => {
      this.#anchoring.set(stream, { user, resolve, reject });
      this.#tell({ kind: 'anchor', stream, sides: wantedSides(user) });
    });
  }

  has(stream: RelayedStream): boolean {
    return stream instanceof RemoteStream && this.#streams.get(stream.number) === stream;
  }

  refresh(): void {
    for (const stream of this.#streams.values()) stream.refresh();
  }

  /** Resolves when all copies of what was relayed before have come, or none will come any more. */
  flush(): Promise<void> {
    if (this.#isGone) return Promise.resolve();
    return new Promise((resolve) => {
      this.#flushing.push(resolve);
      this.#tell({ kind: 'flush' });
    });
  }

  async stop(): Promise<void> {
    this.#isEnding = true;
    if (this.#isGone) return;
    const exit = new Promise((resolve) => this.#worker.once('exit', resolve));
    this.#tell({ kind: 'end' });
    const timer = setTimeout(() => void this.#worker.terminate(), ENDING_MS);
    await exit;
    clearTimeout(timer);
  }

  #tell(order: RelayOrder): void {
    if (this.#isGone) return;
    this.#worker.postMessage(order);
    this.#options.sockets?.ring();
  }

  #hear(reply: RelayReply): void {
    switch (reply.kind) {
      case 'anchored':
        this.#anchored(reply.stream, reply.local);
        break;
      case 'refused':
        this.#refused(reply);
        break;
      case 'closed':
        this.#streams.delete(reply.stream);
        this.#reader.forget(reply.stream);
        break;
      case 'flushed':
        this.#flushing.shift()?.();
        break;
      case 'copies':
        this.#take(reply.batch);
        break;
      case 'state':
        this.#ports = reply.ports;
        this.#hasStarted();
        for (const state of reply.streams) this.#streams.get(state.stream)?.stands(state);
        break;
      case 'log':
        this.#options.logger[reply.level](reply.fields, reply.message);
        break;
    }
  }

  #anchored(number: number, local: RelayedStream['local']): void {
    const anchoring = this.#anchoring.get(number);
    if (anchoring === undefined) return;
    this.#anchoring.delete(number);
    const stream = new RemoteStream(number, local, anchoring.user, (order) => this.#tell(order));
    this.#streams.set(number, stream);
    stream.refresh();
    anchoring.resolve(stream);
  }

  #refused({ stream, code, reason }: Extract<RelayReply, { readonly kind: 'refused' }>): void {
    const anchoring = this.#anchoring.get(stream);
    this.#anchoring.delete(stream);
    anchoring?.reject(code === null ? new Error(reason) : new GatewayError(code, reason));
  }

  #take(batch: CopyBatch): void {
    this.#reader.read(
      batch,
      (stream, packet) => this.#streams.get(stream)?.copied(packet),
      (missed) => this.#miss(missed),
    );
    this.#taken += weightOf(batch);
    if (this.#taken < TOLD_OF) return;
    this.#tell({ kind: 'taken', octets: this.#taken });
    this.#taken = 0;
  }

  #miss({ stream, side, count }: MissedCopies): void {
    this.#missed += count;
    this.#streams.get(stream)?.user.missed(side, count);
  }

  #end(): void {
    this.#isGone = true;
    this.#hasStarted();
    this.#options.sockets?.ended();
    this.#ports = NO_PORTS;
    const streams = [...this.#streams.values()].filter(({ isClosed }) => !isClosed);
    const anchoring = [...this.#anchoring.values()];
    this.#streams.clear();
    this.#anchoring.clear();
    for (const { reject } of anchoring) reject(gone());
    for (const flushed of this.#flushing.splice(0)) flushed();
    if (this.#isEnding) return;
    for (const { user } of streams) user.lost();
    this.#options.gone(streams.length);
  }
}

/** A stream that a thread relays. What is known of it is what the thread said last. */
class RemoteStream implements RelayedStream {
  readonly number: number;
  readonly local: { readonly a: NetworkAddress; readonly b: NetworkAddress };
  readonly user: StreamUser;
  readonly #tell: (order: RelayOrder) => void;
  #sides: WantedSides;
  #state: Pick<RelayedState, 'counts' | 'lastPacket'> = {
    counts: { received: 0, refused: 0, excess: 0 },
    lastPacket: -Infinity,
  };
  /** Copies of what it relayed before may still come. */
  isClosed = false;

  constructor(
    number: number,
    local: RelayedStream['local'],
    user: StreamUser,
    tell: (order: RelayOrder) => void,
  ) {
    this.number = number;
    this.local = local;
    this.user = user;
    this.#tell = tell;
    this.#sides = { a: false, b: false };
  }

  get counts(): LegCounts {
    return this.#state.counts;
  }

  get lastPacket(): number {
    return this.#state.lastPacket;
  }

  signal(wanted: WantedStream): void {
    this.refresh();
    this.#tell({ kind: 'signal', stream: this.number, wanted });
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#tell({ kind: 'close', stream: this.number });
  }

  /** Tells the thread which packets are wanted, if that has changed. */
  refresh(): void {
    const sides = wantedSides(this.user);
    if (this.isClosed || (sides.a === this.#sides.a && sides.b === this.#sides.b)) return;
    this.#sides = sides;
    this.#tell({ kind: 'want', stream: this.number, sides });
  }

  stands({ counts, lastPacket }: RelayedState): void {
    this.#state = { counts, lastPacket };
  }

  /** What nobody wants any more is not handed on. */
  copied(packet: RelayedPacket): void {
    if (this.user.isWanted(packet.side)) this.user.relayed(packet);
  }
}

function wantedSides(user: StreamUser): WantedSides {
  const of = (side: Side): boolean => user.isWanted(side);
  return { a: of('a'), b: of('b') };
}

function gone(): GatewayError {
  return new GatewayError('no-ports', 'the thread that relays media there has ended');
}
