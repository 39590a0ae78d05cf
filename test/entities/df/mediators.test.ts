/**
 * A DF of one intake and three mediators on one database, with streams between them; mediators are killed, and stand still.
 * Then with two processes that deliver, of which the same becomes.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { PartitionedDfStore } from '../../../src/entities/df/store/postgresql-partitions.ts';
import { databaseAccess } from '../../../src/host/database-config.ts';
import { elementRuntime as runtime } from '../../support/elements.ts';
import { CuttingProxy } from '../../support/cutting-proxy.ts';
import { missingNats, NatsServer } from '../../support/nats-server.ts';
import { missingPostgresql, testDatabase } from '../../support/postgresql.ts';
import { bundle, run } from '../../support/process.ts';
import type { RunningProcess } from '../../support/process.ts';
import { callToLemf } from './call-to-lemf.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-df-mediators-'));
afterAll(() => rmSync(folder, { recursive: true }));

const PACKETS = 380;
const CALLS = 6;
const PARTITIONS = 8;
/** Above what a busy machine makes processes wait: else partitions go from hand to hand all the time. */
const LEASE_MS = 2_500;

describe.skipIf(missingNats() || missingPostgresql())(
  'Several mediators of a DF',
  { timeout: 300_000 },
  () => {
    async function system(name: string) {
      const place = path.join(folder, name);
      mkdirSync(place);
      const chain = await callToLemf(place);
      onTestFinished(() => chain.stop());
      const nats = await NatsServer.own();
      onTestFinished(() => nats.remove());
      const database = await testDatabase();
      const store = await PartitionedDfStore.open(
        databaseAccess(database),
        'provisioning',
        PARTITIONS,
        runtime,
      );
      await chain.provision(store.tasks());
      await store.close();
      const streams = { ...nats.settings('df1'), partitions: PARTITIONS, leaseMs: LEASE_MS };
      const { store: _, x1, ...others } = chain.settings;
      const { store: _tasks, ...ofX1 } = x1;
      const script = await bundle('test/entities/df/mediator-process.ts');
      const start = async (instance: string, roles: readonly string[], way: object = {}) => {
        const file = path.join(place, `${instance}.json`);
        const audit = path.join(place, `${instance}.jsonl`);
        const settings = {
          ...others,
          x1: ofX1,
          audit,
          roles,
          streams,
          database: { ...database, instance, ...way },
        };
        writeFileSync(file, JSON.stringify(settings));
        const started = await run<{ x2x3: number }>(script, file);
        onTestFinished(() => started.kill());
        return started;
      };
      const mediator = (instance: string): Promise<RunningProcess<{ x2x3: number }>> =>
        start(instance, ['mediation', 'delivery']);
      return { chain, nats, database, start, intake: () => start('intake', ['intake']), mediator };
    }

    it('R-20, R-23: killed one after the other in mid-call, others go on: per CIN numbers are 0…n−1 once', async () => {
      const { chain, intake, mediator } = await system('killed');
      const { ready } = await intake();
      const running = [await mediator('a'), await mediator('b'), await mediator('c')];
      let killing: Promise<void> = Promise.resolve();
      const successors = new Map([
        [90, 'd'],
        [180, 'e'],
        [270, 'f'],
      ]);
      await chain.report(
        ready.x2x3,
        PACKETS,
        (n) => {
          const successor = successors.get(n);
          if (successor !== undefined)
            killing = killing.then(async () => {
              await running.shift()?.kill();
              running.push(await mediator(successor));
            });
          return n === PACKETS - 1 ? killing : undefined;
        },
        CALLS,
      );
      await chain.allArrived(PACKETS, CALLS);
    });

    it('R-20, R-23: where others deliver, and mediators and those are killed or stand still, nothing is lost or doubled', async () => {
      const { chain, start, intake } = await system('apart');
      const { ready } = await intake();
      const mediators: RunningProcess<unknown>[] = [];
      for (const instance of ['a', 'b', 'c']) mediators.push(await start(instance, ['mediation']));
      const deliverers: RunningProcess<unknown>[] = [];
      for (const instance of ['x', 'y']) deliverers.push(await start(instance, ['delivery']));
      let happening: Promise<unknown> = Promise.resolve();
      const killed = (
        one: RunningProcess<unknown> | undefined,
        successor: string,
        roles: readonly string[],
      ) => {
        happening = happening.then(async () => {
          await one?.kill();
          await start(successor, roles);
        });
      };
      const resume: (() => void)[] = [];
      const goOn = (): void => resume.splice(0).forEach((each) => each());
      await chain.report(
        ready.x2x3,
        PACKETS,
        async (n) => {
          if (n === 60) killed(mediators[0], 'd', ['mediation']);
          if (n === 120) resume.push(mediators[1]!.pause());
          if (n === 160) await sleep(3 * LEASE_MS);
          if (n === 180) goOn();
          if (n === 220) resume.push(deliverers[0]!.pause());
          if (n === 260) await sleep(3 * LEASE_MS);
          if (n === 280) goOn();
          if (n === 310) killed(deliverers[1], 'z', ['delivery']);
          if (n === 340) killed(mediators[2], 'e', ['mediation']);
          if (n === PACKETS - 1) await happening;
        },
        CALLS,
      );
      await chain.allArrived(PACKETS, CALLS);
    });

    it('R-23: one that reaches the streams and not the database leaves its calls to others, and has them again when it does', async () => {
      const { chain, database, start, intake, mediator } = await system('cut-off');
      const proxy = await CuttingProxy.open(database.port);
      onTestFinished(() => proxy.close());
      const { ready } = await intake();
      await start('a', ['mediation', 'delivery'], { port: proxy.port });
      const other = await mediator('b');
      await sleep(2 * LEASE_MS);
      await chain.report(
        ready.x2x3,
        PACKETS,
        async (n) => {
          if (n === 100) proxy.sever();
          if (n !== 250) return;
          const sent = (n + 1) * CALLS;
          await expect.poll(() => chain.received(), { interval: 200, timeout: 60_000 }).toBe(sent);
          proxy.isOpen = true;
          await sleep(LEASE_MS);
          await other.kill();
        },
        CALLS,
      );
      await chain.allArrived(PACKETS, CALLS);
    });

    it('R-23: one that stands still loses its partitions, and writes nothing when it comes back', async () => {
      const { chain, intake, mediator } = await system('paused');
      const { ready } = await intake();
      const paused = await mediator('a');
      await mediator('b');
      await sleep(2 * LEASE_MS);
      const resume: (() => void)[] = [];
      await chain.report(
        ready.x2x3,
        PACKETS,
        async (n) => {
          if (n === 100) resume.push(paused.pause());
          if (n === 200) await sleep(3 * LEASE_MS);
          if (n === 250) for (const each of resume) each();
        },
        CALLS,
      );
      await chain.allArrived(PACKETS, CALLS);
    });
  },
);
