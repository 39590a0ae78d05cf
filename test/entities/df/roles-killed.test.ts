/** A DF of several processes and a NATS server between them, of which each is killed by SIGKILL in mid-call, or stands still. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, it, onTestFinished } from 'vitest';
import { bundle, run } from '../../support/process.ts';
import type { RunningProcess } from '../../support/process.ts';
import { missingNats, NatsServer } from '../../support/nats-server.ts';
import { callToLemf } from './call-to-lemf.ts';
import type { CallToLemf } from './call-to-lemf.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-df-roles-'));
afterAll(() => rmSync(folder, { recursive: true }));
/** Minutes of kills are for whoever changes how a DF is divided. */
const isSlow = process.env['CLAVIGER_SLOW'] !== undefined;
const PACKETS = isSlow ? 6_000 : 380;
const LEASE_MS = 1_500;

/** The processes of a DF, by names. */
class Parts {
  readonly #script: string;
  readonly #settings: Readonly<Record<string, unknown>>;
  readonly #nats: NatsServer;
  readonly #folder: string;
  readonly #running = new Map<string, RunningProcess<{ x2x3?: number }>>();
  readonly #roles: Readonly<Record<string, readonly string[]>>;
  #port = 0;

  private constructor(
    script: string,
    nats: NatsServer,
    { settings }: CallToLemf,
    at: string,
    roles: Readonly<Record<string, readonly string[]>>,
  ) {
    this.#script = script;
    this.#nats = nats;
    this.#settings = settings;
    this.#folder = at;
    this.#roles = roles;
  }

  static async start(
    nats: NatsServer,
    chain: CallToLemf,
    at: string,
    roles: Readonly<Record<string, readonly string[]>>,
  ): Promise<Parts> {
    const parts = new Parts(await bundle('test/entities/df/role-process.ts'), nats, chain, at, roles);
    for (const name of Object.keys(roles)) await parts.#run(name);
    parts.#port = parts.#running.get('intake')?.ready.x2x3 ?? 0;
    onTestFinished(async () => {
      for (const process of parts.#running.values()) await process.kill();
    });
    return parts;
  }

  /** Where it takes X2 and X3. */
  get port(): number {
    return this.#port;
  }

  /** Kills a process, or the NATS server, and starts it again. */
  async again(name: string): Promise<void> {
    if (name === 'nats') {
      await this.#nats.kill();
      await this.#nats.start();
      return;
    }
    await this.#running.get(name)?.kill();
    await this.#run(name);
  }

  /** A process stands still until another has taken its place, and goes on. */
  async standsStill(name: string): Promise<void> {
    const resume = this.#running.get(name)?.pause();
    await sleep(LEASE_MS * 3);
    resume?.();
  }

  async #run(name: string): Promise<void> {
    const streams = { ...this.#nats.settings('df1'), partitions: 2, leaseMs: LEASE_MS };
    const file = path.join(this.#folder, `${name}.json`);
    const roles = this.#roles[name];
    writeFileSync(file, JSON.stringify({ ...this.#settings, x2x3: { port: this.#port }, roles, streams }));
    this.#running.set(name, await run(this.#script, file));
  }
}

/** Reports a call while that happens, one after the other, and looks whether all of it is there. */
async function survives(
  chain: CallToLemf,
  parts: Parts,
  faults: readonly (() => Promise<void>)[],
): Promise<void> {
  const times = isSlow ? 90 : faults.length;
  const every = Math.floor(PACKETS / (times + 1));
  let happening: Promise<void> = Promise.resolve();
  await chain.report(parts.port, PACKETS, (n) => {
    const fault = n > 0 && n % every === 0 ? faults[(n / every - 1) % faults.length] : undefined;
    if (fault !== undefined) happening = happening.then(fault);
    // So that there is something under way at each; the last one is waited for.
    return isSlow || n === PACKETS - 1 ? happening : undefined;
  });
  await chain.arrived(PACKETS);
  await chain.stop();
}

describe.skipIf(missingNats())(
  'Roles of a DF under SIGKILL',
  { timeout: isSlow ? 1_800_000 : 240_000 },
  () => {
    const begun = async (name: string, roles: Readonly<Record<string, readonly string[]>>, apart = false) => {
      const at = mkdtempSync(path.join(folder, `${name}-`));
      const chain = await callToLemf(at, { apart });
      const nats = await NatsServer.own();
      onTestFinished(() => nats.remove());
      return { chain, parts: await Parts.start(nats, chain, at, roles) };
    };

    it('R-20 R-23: lose and double nothing: numbers are 0…n−1, and n is what X2 and X3 carried', async () => {
      const roles = { intake: ['intake'], mediation: ['mediation', 'delivery'] };
      const { chain, parts } = await begun('two', roles);
      await survives(chain, parts, [
        () => parts.again('mediation'),
        () => parts.again('intake'),
        () => parts.again('nats'),
      ]);
    });

    it('R-20 R-23: nor where two processes deliver to two destinations, and each is killed, or stands still and comes back', async () => {
      const roles = {
        ...{ intake: ['intake'], mediation: ['mediation'] },
        ...{ first: ['delivery'], second: ['delivery'] },
      };
      const { chain, parts } = await begun('four', roles, true);
      await survives(chain, parts, [
        () => parts.again('first'),
        () => parts.again('mediation'),
        () => parts.standsStill('second'),
        () => parts.again('nats'),
        () => parts.again('second'),
      ]);
    });
  },
);
