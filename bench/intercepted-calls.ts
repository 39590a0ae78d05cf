/**
 * Calls with and without interception in two homes of processes, whose phones are in this one: for benchmarks of what
 * interception costs whoever is near the call. Interception is of caller and callee, each by their own home.
 */
import { setTimeout as passed } from 'node:timers/promises';
import path from 'node:path';
import type { HomeName } from '../src/lab/network/home.ts';
import { Network } from '../src/lab/network/network.ts';
import { ProcessHosting } from '../src/lab/processes/process-hosting.ts';
import { placeCall } from '../src/lab/scenarios/call.ts';
import type { CallOutcome } from '../src/lab/scenarios/call.ts';
import { warrantOn } from '../src/lab/scenarios/warrants.ts';
import { Timeline } from '../src/lab/timeline.ts';

/** A second of speech, which G.711 and SRTP take like any other. */
const SPEECH = Int16Array.from({ length: 8000 }, (_, n) => Math.round(8000 * Math.sin(n / 3)));
const SETTLE_MS = 10_000;
const QUIET_MS = 100;

const CALLEES: Readonly<Record<string, string>> = { alice: 'bob', carol: 'dave' };
const USERS: Readonly<Record<HomeName, readonly string[]>> = {
  home1: ['alice', 'carol'],
  home2: ['bob', 'dave'],
};

/** Two homes, started; whoever hears RTP is told of it. */
export interface BenchNetwork {
  readonly network: Network;
  readonly hosting: ProcessHosting;
  /** Rejects when an entity has ended by itself. */
  readonly broken: Promise<never>;
  /** Ends all, in order if that takes no longer than ten seconds. */
  stop(): Promise<void>;
}

/** @param state folder for all that is kept */
export async function startBenchNetwork(
  state: string,
  onHeard: (user: string, octets: Uint8Array) => void = () => undefined,
): Promise<BenchNetwork> {
  const hosting = new ProcessHosting({ folder: path.join(state, 'processes'), blind: true });
  const broken = hosting.broken();
  broken.catch(() => undefined);
  try {
    const network = await Network.start({
      ...{ state, out: null, users: USERS, hosting, onHeard },
      phoneSettings: { answer: { ringMs: 10, answerMs: 10 } },
      timeline: new Timeline(() => performance.now()),
    });
    await network.register();
    return {
      ...{ network, hosting, broken },
      stop: async () => {
        await Promise.race([network.stop(), passed(SETTLE_MS)]);
        hosting.kill();
      },
    };
  } catch (error) {
    hosting.kill();
    throw error;
  }
}

/** A call of a second between a caller and who belongs to it. @param elapsed asked when dialling, and when both are up */
export function benchCall(network: Network, caller: string, elapsed: () => number): Promise<CallOutcome> {
  const callee = CALLEES[caller] ?? '';
  const recordings = { [caller]: SPEECH, [callee]: SPEECH };
  return placeCall(network, { caller, callee, recordings, elapsed });
}

/** Warrants on a caller and its callee, each in its home. */
export class InterceptedPair {
  readonly #network: Network;
  #on: { readonly caller: string; readonly liids: readonly (readonly [HomeName, string])[] } | null = null;
  #count = 0;

  constructor(network: Network) {
    this.#network = network;
  }

  async of(caller: string): Promise<void> {
    if (this.#on?.caller === caller) return;
    await this.end();
    this.#count += 1;
    const network = this.#network;
    const users = [caller, CALLEES[caller] ?? ''];
    const liids = users.map((user) => [network.homeOf(user).name, `LIID-${user}-${this.#count}`] as const);
    const now = performance.timeOrigin + performance.now();
    for (const [at, [home, liid]] of liids.entries())
      await network.perform(['admf', home], 'issue', warrantOn(network, users[at] ?? '', now, liid));
    this.#on = { caller, liids };
  }

  async end(): Promise<void> {
    for (const [home, liid] of this.#on?.liids ?? [])
      await this.#network.perform(['admf', home], 'withdraw', liid);
    this.#on = null;
  }
}

/** What an intercepted call still has others do must not fall into the next call. */
export async function calm(network: Network): Promise<void> {
  const homes = Object.keys(USERS) as HomeName[];
  await Promise.all(
    homes.flatMap((home) =>
      (['cscf', 'gateway', 'df'] as const).map((entity) =>
        network.perform([entity, home], 'drain', SETTLE_MS),
      ),
    ),
  );
  await passed(QUIET_MS);
}
