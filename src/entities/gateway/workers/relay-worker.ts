/** A thread that relays media on its part of the ports, and sends control copies of what is wanted. */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { messageOf } from '../../../bytes/errors.ts';
import type { Logger } from '../../../bytes/ports.ts';
import { systemClock } from '../../../host/runtime.ts';
import { udpDatagrams } from '../../../net/datagrams.ts';
import { PolledDatagrams } from '../../../net/polled/polled-datagrams.ts';
import { systemCalls } from '../../../net/polled/system-calls.ts';
import type { ThreadSocketsData } from '../../../net/polled/thread-sockets.ts';
import { MediaDestinations } from '../destinations.ts';
import { GatewayError } from '../errors.ts';
import { LocalRelay } from '../relay.ts';
import type { RelayedStream } from '../relay.ts';
import { CopyGatherer } from './copies.ts';
import type { RelayOrder, RelayReply, RelayThreadData, RelayedState, WantedSides } from './relay-orders.ts';

/** Copies wait for others so long. */
const GATHER_MS = 25;
/** How its streams stand is told so often, well within the least time after which a session is idle. */
const STATE_MS = 250;
/** The thread waits so long for packets at most, before it looks what else is due; while copies wait, half as long as they. */
const WAIT_MS = 50;
/** Orders that are heard before packets, in a turn. */
const MOST_ORDERS = 1000;

interface Held {
  readonly stream: RelayedStream;
  told: number;
}

class RelayThread {
  readonly #relay: LocalRelay;
  readonly #streams = new Map<number, Held>();
  readonly #wanted = new Map<number, WantedSides>();
  readonly #copies = new CopyGatherer((batch) =>
    say({ kind: 'copies', batch }, [batch.octets.buffer, batch.packets.buffer]),
  );
  #gathering = false;
  readonly #polled: PolledDatagrams | null;
  #isPolling = false;
  readonly #state: NodeJS.Timeout;

  constructor({ destinations, ...options }: RelayThreadData, polled: PolledDatagrams | null) {
    const rules = new MediaDestinations(destinations);
    this.#polled = polled;
    this.#relay = new LocalRelay({
      ...options,
      datagrams: polled ?? udpDatagrams(logger),
      clock: systemClock(),
      allows: (at) => rules.allows(at),
    });
    this.#state = setInterval(() => this.#tell(), STATE_MS);
    this.#tell();
  }

  obey(order: RelayOrder): void {
    switch (order.kind) {
      case 'anchor':
        this.#wanted.set(order.stream, order.sides);
        void this.#anchor(order.stream);
        break;
      case 'signal':
        this.#streams.get(order.stream)?.stream.signal(order.wanted);
        break;
      case 'want':
        this.#wanted.set(order.stream, order.sides);
        break;
      case 'close':
        this.#close(order.stream);
        break;
      case 'taken':
        this.#copies.taken(order.octets);
        break;
      case 'flush':
        this.#flush();
        break;
      case 'end':
        this.#end();
        break;
    }
  }

  /** What control has said so far; of very much the rest before the next turn of sockets, so that packets pass as well. */
  #obeyAll(): void {
    if (parentPort === null) return;
    for (let obeyed = 0; obeyed < MOST_ORDERS; obeyed++) {
      const said = next(parentPort);
      if (said === null) return;
      this.obey(said);
    }
  }

  async #anchor(number: number): Promise<void> {
    try {
      const stream = await this.#relay.anchor({
        isWanted: (side) => this.#wanted.get(number)?.[side] ?? false,
        relayed: (packet) => {
          this.#copies.add(number, packet);
          this.#gather();
        },
        missed: () => undefined,
        lost: () => undefined,
      });
      this.#streams.set(number, { stream, told: -Infinity });
      say({ kind: 'anchored', stream: number, local: stream.local });
      this.#poll();
    } catch (error) {
      const code = error instanceof GatewayError ? error.code : null;
      say({ kind: 'refused', stream: number, code, reason: messageOf(error) });
      this.#wanted.delete(number);
    }
    this.#tellPorts();
  }

  /** What has been copied of it goes before the word that it is closed. */
  #close(number: number): void {
    this.#streams.get(number)?.stream.close();
    this.#streams.delete(number);
    this.#wanted.delete(number);
    this.#copies.forget(number);
    say({ kind: 'closed', stream: number });
    this.#tellPorts();
  }

  #flush(): void {
    this.#copies.flush();
    say({ kind: 'flushed' });
  }

  /** As long as there are sockets: a turn of theirs, and one of everything else. */
  #poll(): void {
    const polled = this.#polled;
    if (polled === null || this.#isPolling) return;
    this.#isPolling = true;
    const turn = (): void => {
      this.#isPolling = polled.open > 0;
      if (!this.#isPolling) return;
      polled.turn(this.#gathering ? GATHER_MS / 2 : WAIT_MS, () => this.#obeyAll());
      setImmediate(turn);
    };
    setImmediate(turn);
  }

  #gather(): void {
    if (this.#gathering) return;
    this.#gathering = true;
    setTimeout(() => {
      this.#gathering = false;
      this.#copies.flush();
    }, GATHER_MS);
  }

  #tellPorts(): void {
    say({ kind: 'state', ports: this.#relay.ports, streams: [] });
  }

  /** How the ports stand, and of the streams those that had packets since. */
  #tell(): void {
    const streams: RelayedState[] = [];
    for (const [stream, held] of this.#streams) {
      const { counts, lastPacket } = held.stream;
      const seen = counts.received + counts.refused + counts.excess;
      if (seen === held.told || (seen === 0 && held.told < 0)) continue;
      held.told = seen;
      streams.push({ stream, counts, lastPacket });
    }
    say({ kind: 'state', ports: this.#relay.ports, streams });
  }

  #end(): void {
    clearInterval(this.#state);
    for (const number of [...this.#streams.keys()]) this.#close(number);
    this.#copies.flush();
    void this.#relay.stop();
    this.#polled?.end();
    parentPort?.close();
  }
}

const logger: Logger = {
  debug: (fields, message) => log('debug', fields, message),
  info: (fields, message) => log('info', fields, message),
  warn: (fields, message) => log('warn', fields, message),
  error: (fields, message) => log('error', fields, message),
};

/** Errors as their text: not all that they may carry can be sent. */
function log(level: keyof Logger, fields: object, message: string): void {
  const plain = Object.entries(fields).map(([name, value]: [string, unknown]) => [
    name,
    value instanceof Error ? messageOf(value) : value,
  ]);
  say({ kind: 'log', level, fields: Object.fromEntries(plain) as object, message });
}

function next(port: MessagePort): RelayOrder | null {
  return (receiveMessageOnPort(port)?.message as RelayOrder | undefined) ?? null;
}

function say(reply: RelayReply, transferred: readonly ArrayBuffer[] = []): void {
  parentPort?.postMessage(reply, transferred);
}

async function polledDatagrams(data: ThreadSocketsData | undefined): Promise<PolledDatagrams | null> {
  if (data === undefined) return null;
  const calls = await systemCalls();
  if (calls === null) throw new Error('the C library is not to be called from this thread');
  return new PolledDatagrams({ ...data, calls, logger });
}

const { polled, ...options } = workerData as RelayThreadData;
const thread = new RelayThread(options, await polledDatagrams(polled));
parentPort?.on('message', (order: RelayOrder) => thread.obey(order));
