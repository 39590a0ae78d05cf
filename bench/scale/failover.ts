/**
 * How long nobody has what a process had that goes: three processes share eight things by leases, as mediators do partitions
 * and deliverers destinations (`src/storage/lease-shares.ts`). One of them
 *
 *     killed    is killed by SIGKILL, and stays away: its things have to be given up first
 *     ended     ends in order, and gives them back
 *     again     is killed, and started again at once under the name that it had, as a mediator
 *     anew      is killed, and started again at once under another name, as a deliverer
 *
 * Times are of the system's clock that nobody sets, which all processes read.
 */
import { LeaseShares, SHARE_TIMES } from '../../src/storage/lease-shares.ts';
import { StreamServer } from '../../src/storage/jetstream.ts';
import type { NatsServer } from '../../test/support/nats-server.ts';
import { Part, ready } from '../chain/parts.ts';
import { passed, runtime } from '../chain/runtime.ts';
import { SHARING } from './failovers.ts';
import type { Failover } from './failovers.ts';

/** A machine that is full starts processes slowly. */
const ANSWER_MS = 20_000;
const STREAM = 'bench-shares';
/** Sets of things, each shared by itself and looked at at other times, so that one kill says more. */
const SETS = 4;
/** Nobody has moved anything for so many leases: they are shared out. */
const QUIET_LEASES = 1;
const WITHIN_LEASES = 30;
const NEVER = new Promise<never>(() => undefined);

interface SharerSettings {
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly leaseMs: number;
  /** With what the subjects of its leases begin. */
  readonly prefix: string;
  readonly name: string;
  readonly isNameOwn: boolean;
}

/** What a process says that has taken a thing; empty, of each set: that it is there, and wants its share. */
interface Said {
  readonly thing: string;
  readonly at: number;
}

export interface FailoverSetting {
  readonly nats: NatsServer;
  readonly leaseMs: number;
  readonly times: number;
  readonly progress: (text: string) => void;
}

export interface FailoverFigures {
  readonly kind: Failover;
  readonly leaseMs: number;
  /** Until a process that comes in the place of another has said that it is there, of each set; empty: none comes. */
  readonly restartMs: readonly number[];
  /** Of each thing that it had, until it was had again. */
  readonly ms: readonly number[];
}

/** Milliseconds of a clock that is the same for all processes. */
function machineMs(): number {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000;
}

/** A process that has its share of the things. */
export async function runSharer(settings: unknown): Promise<void> {
  const { port, user, password, leaseMs, prefix, name, isNameOwn } = settings as SharerSettings;
  const access = { servers: [`127.0.0.1:${port}`], user, password: () => password, tls: null };
  const server = await StreamServer.connect({ ...access, timeoutMs: ANSWER_MS }, runtime);
  const say = (thing: string): void => void process.send?.({ thing, at: machineMs() } satisfies Said);
  const all: LeaseShares[] = [];
  process.once('SIGTERM', () => {
    void Promise.all(all.map((shares) => shares.stop())).then(() => process.exit());
  });
  ready({});
  for (let set = 0; set < SETS; set++) {
    if (set > 0) await passed(leaseMs / SHARE_TIMES.looks / SETS);
    all.push(
      await LeaseShares.begin({
        ...{ server, stream: STREAM, prefix: `${prefix}${set}.`, name, isNameOwn, ttlMs: leaseMs },
        things: () => Array.from({ length: SHARING.things }, (_, n) => `thing-${n}`),
        ports: runtime,
        begin: (thing) => {
          say(`${set}/${thing}`);
          return Promise.resolve({ over: NEVER, stop: () => Promise.resolve() });
        },
      }),
    );
    say('');
  }
}

export async function measureFailover(kind: Failover, setting: FailoverSetting): Promise<FailoverFigures> {
  const { leaseMs, times, progress } = setting;
  const sharers = await Sharers.start(kind, setting);
  const [ms, restartMs]: [number[], number[]] = [[], []];
  try {
    for (let n = 0; n < times; n++) {
      await sharers.settled();
      // The kill is anywhere between two renewals.
      await passed(Math.random() * leaseMs);
      progress(`leases of ${leaseMs} ms, shared: ${kind}, ${n + 1} of ${times}`);
      const { things, at, came } = await sharers.lose(n % SHARING.processes);
      restartMs.push(...came.map((each) => each - at));
      ms.push(...(await sharers.takenAgain(things, at)));
      if (came.length === 0) await sharers.fill(n % SHARING.processes);
    }
  } finally {
    await sharers.stop();
  }
  return { kind, leaseMs, restartMs, ms };
}

class Sharers {
  readonly #kind: Failover;
  readonly #setting: FailoverSetting;
  readonly #parts: (Part | null)[] = Array.from({ length: SHARING.processes }, () => null);
  /** Who took which last, and when. */
  readonly #taken = new Map<string, { readonly by: Part; readonly at: number }>();
  #changedAt = 0;
  #runs = 0;

  private constructor(kind: Failover, setting: FailoverSetting) {
    this.#kind = kind;
    this.#setting = setting;
  }

  static async start(kind: Failover, setting: FailoverSetting): Promise<Sharers> {
    const server = await StreamServer.connect({ ...setting.nats.access, timeoutMs: ANSWER_MS }, runtime);
    const subjects = ['bench-shares.>'];
    await server.keep({ name: STREAM, subjects, octets: 4 << 20, perSubject: 1, replicas: 1 });
    await server.close();
    const sharers = new Sharers(kind, setting);
    for (let n = 0; n < SHARING.processes; n++) await sharers.fill(n);
    return sharers;
  }

  /** Starts a process in a place that nobody has. @returns when it was there, of each set */
  async fill(place: number): Promise<number[]> {
    const { nats, leaseMs } = this.#setting;
    const isNameOwn = this.#kind === 'again';
    const part = await Part.start('sharer', {
      ...{ port: nats.port, user: nats.access.user ?? '', password: nats.access.password(), leaseMs },
      ...{ prefix: `bench-shares.${this.#kind}-`, isNameOwn },
      name: isNameOwn ? `place-${place}` : `run-${this.#runs++}`,
    });
    this.#parts[place] = part;
    const came: number[] = [];
    await new Promise<void>((resolve) =>
      part.onMessage((message) => {
        const { thing, at } = message as Partial<Said>;
        if (thing === undefined || at === undefined) return;
        if (thing !== '') this.#hear(part, thing, at);
        else if (came.push(at) === SETS) resolve();
      }),
    );
    return came;
  }

  /** All have as many, or one more, and none has changed hands for a while. */
  async settled(): Promise<void> {
    const { leaseMs } = this.#setting;
    await this.#until(() => {
      const counts = this.#parts.map((part) => this.#thingsOf(part).length);
      const isAll = counts.reduce((sum, count) => sum + count, 0) === SETS * SHARING.things;
      const isEven = Math.max(...counts) - Math.min(...counts) <= SETS;
      return isAll && isEven && machineMs() - this.#changedAt > QUIET_LEASES * leaseMs;
    });
  }

  /** Has a process go, as the kind has it. @returns what it had, since when not, and when one has come in its place, of each set */
  async lose(place: number): Promise<{ things: string[]; at: number; came: readonly number[] }> {
    const part = this.#parts[place];
    if (part === undefined || part === null) throw new Error(`nobody is at place ${place}`);
    const things = this.#thingsOf(part);
    const at = machineMs();
    // Not by a message: a part answers each with how it is, and collects its garbage before.
    process.kill(part.pid, this.#kind === 'ended' ? 'SIGTERM' : 'SIGKILL');
    this.#parts[place] = null;
    await part.ended();
    if (this.#kind === 'killed' || this.#kind === 'ended') return { things, at, came: [] };
    return { things, at, came: await this.fill(place) };
  }

  /** Milliseconds until each was had again. */
  async takenAgain(things: readonly string[], at: number): Promise<number[]> {
    const again = (): number[] =>
      things.flatMap((thing) => {
        const taken = this.#taken.get(thing)?.at ?? 0;
        return taken > at ? [taken - at] : [];
      });
    await this.#until(() => again().length === things.length);
    return again();
  }

  async stop(): Promise<void> {
    for (const part of this.#parts) await part?.stop();
  }

  #hear(part: Part, thing: string, at: number): void {
    this.#changedAt = machineMs();
    this.#taken.set(thing, { by: part, at });
  }

  #thingsOf(part: Part | null): string[] {
    return [...this.#taken].flatMap(([thing, { by }]) => (by === part ? [thing] : []));
  }

  async #until(holds: () => boolean): Promise<void> {
    const end = machineMs() + WITHIN_LEASES * this.#setting.leaseMs;
    while (!holds()) {
      if (machineMs() > end) throw new Error(`leases were not shared out (${this.#kind})`);
      await passed(5);
    }
  }
}
