/**
 * How long nobody has a lease when whoever has it is killed: processes on one NATS server want the same one, the holder is
 * killed by SIGKILL at a time drawn for each kill, and the next says when it has it.
 */
import { StreamServer } from '../../src/storage/jetstream.ts';
import { LEASE_TIMES, StreamLease } from '../../src/storage/stream-lease.ts';
import { StorageError } from '../../src/storage/errors.ts';
import type { NatsServer } from '../../test/support/nats-server.ts';
import { Part, ready } from '../chain/parts.ts';
import { passed, runtime } from '../chain/runtime.ts';

/** A machine that is full starts processes slowly. */
const ANSWER_MS = 20_000;
const STREAM = 'bench-lease';
const SUBJECT = 'bench.lease';

interface WaiterSettings {
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly leaseMs: number;
}

export interface TakeoverSetting {
  readonly nats: NatsServer;
  readonly leaseMs: number;
  readonly kills: number;
  readonly progress: (text: string) => void;
}

/** A process that waits for the lease, and says when it has it. */
export async function runLeaseWaiter(settings: unknown): Promise<void> {
  const { port, user, password, leaseMs } = settings as WaiterSettings;
  const server = await StreamServer.connect(
    { servers: [`127.0.0.1:${port}`], user, password: () => password, tls: null, timeoutMs: ANSWER_MS },
    runtime,
  );
  ready({});
  for (;;) {
    try {
      await StreamLease.take({ server, stream: STREAM, subject: SUBJECT }, 'bench', leaseMs, runtime);
      process.send?.('held');
      return;
    } catch (error) {
      if (!(error instanceof StorageError && error.code === 'locked')) throw error;
    }
  }
}

/** Milliseconds from each kill until the next process had it. */
export async function measureTakeover(setting: TakeoverSetting): Promise<number[]> {
  const { nats, leaseMs, kills, progress } = setting;
  const { user, password } = nats.access;
  const server = await StreamServer.connect({ ...nats.access, timeoutMs: ANSWER_MS }, runtime);
  await server.keep({ name: STREAM, subjects: [SUBJECT], octets: 1 << 20, perSubject: 1, replicas: 1 });
  await server.close();
  const settings = { port: nats.port, user: user ?? '', password: password(), leaseMs };
  let holder = await Waiting.start(settings);
  await holder.held;
  const took: number[] = [];
  try {
    for (let n = 0; n < kills; n++) {
      progress(`a lease of ${leaseMs} ms: kill ${n + 1} of ${kills}`);
      const next = await Waiting.start(settings);
      // By now it has looked; and the kill is anywhere between two renewals, not so late that who waits gives up before.
      await passed(leaseMs / 2 + (Math.random() * leaseMs) / LEASE_TIMES.renewals);
      const at = performance.now();
      process.kill(holder.part.pid, 'SIGKILL');
      took.push((await next.held) - at);
      holder = next;
    }
  } finally {
    await holder.part.stop();
  }
  return took;
}

class Waiting {
  readonly part: Part;
  /** When it had the lease, by `performance.now()`. */
  readonly held: Promise<number>;

  private constructor(part: Part) {
    this.part = part;
    this.held = new Promise((resolve) =>
      part.onMessage((message) => {
        if (message === 'held') resolve(performance.now());
      }),
    );
  }

  static async start(settings: WaiterSettings): Promise<Waiting> {
    return new Waiting(await Part.start('lease', settings));
  }
}
