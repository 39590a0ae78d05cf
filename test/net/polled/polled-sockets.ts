/** Sockets by calls of the C library, of a thread that has other work between turns, as tests have. */
import { setTimeout as passed } from 'node:timers/promises';
import type { Logger } from '../../../src/bytes/ports.ts';
import { PolledDatagrams } from '../../../src/net/polled/polled-datagrams.ts';
import { systemCalls } from '../../../src/net/polled/system-calls.ts';
import type { SystemCalls } from '../../../src/net/polled/system-calls.ts';
import { ThreadSockets } from '../../../src/net/polled/thread-sockets.ts';

/** `null` where there are none, which is not to be on a machine that checks everything. */
export async function calls(): Promise<SystemCalls | null> {
  const found = await systemCalls();
  if (found === null && process.env['CI'] === 'true' && process.platform === 'linux')
    throw new Error('the C library cannot be called: is koffi installed?');
  return found;
}

export class PolledSockets {
  readonly datagrams: PolledDatagrams;
  readonly sockets: ThreadSockets;
  readonly #stopped = new AbortController();

  constructor(calls: SystemCalls, logger: Logger, most = 16) {
    const sockets = ThreadSockets.open(calls, most);
    if (sockets === null) throw new Error('no descriptor is left');
    this.sockets = sockets;
    this.datagrams = new PolledDatagrams({ ...sockets.data, calls, logger });
  }

  /** Turns until `stop`. */
  async turn(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      this.datagrams.turn(0, () => undefined);
      await passed(1);
    }
  }

  stop(): void {
    this.#stopped.abort();
    this.datagrams.end();
    this.sockets.ended();
  }
}
