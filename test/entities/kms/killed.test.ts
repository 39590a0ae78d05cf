/** Two KMSs of one district on one database, of which one is killed by SIGKILL while it is given tasks, and while they are taken. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { kmsConfig } from '../../../src/entities/kms/config.ts';
import { startKms } from '../../../src/entities/kms/start.ts';
import { databaseAccess } from '../../../src/host/database-config.ts';
import type { InterceptTask } from '../../../src/wire/x1/details.ts';
import type { X1Requester } from '../../../src/x1/requester.ts';
import { ElementHome, elementRuntime as runtime } from '../../support/elements.ts';
import { missingPostgresql, query, testDatabase } from '../../support/postgresql.ts';
import { bundle, run } from '../../support/process.ts';
import { DISTRICT, taskAt } from './support/alice.ts';

/** Tasks of a round, given and taken one after the other by so many senders at once. */
const TASKS = 24;
const SENDERS = 4;

let folder: string;
let home: ElementHome;
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'claviger-kms-killed-'));
  home = await ElementHome.create(folder);
});
afterAll(async () => {
  await home.close();
  rmSync(folder, { recursive: true });
});

describe.skipIf(missingPostgresql())(
  'R-10: a KMS that is killed while X1 changes its tasks',
  { timeout: 180_000 },
  () => {
    it('leaves each task whole at the other one, or nothing of it, and what it had acknowledged as that', async () => {
      const database = await testDatabase('survivor');
      const tls = await home.issue('kms');
      const settings = (instance: string): Record<string, unknown> => ({
        ...{ name: 'kms.home1.example', tls, database: { ...database, instance } },
        admf: { identifier: 'admf.home1.example', url: 'https://admf.home1.example/X1/ADMF' },
        state: path.join(folder, instance),
        district: { name: DISTRICT, demoGroup: 'home1' },
        ...{ subscribers: [], workers: 0, interception: { workers: 0 } },
      });
      const survivor = await startKms(kmsConfig(settings('survivor')), runtime);
      onTestFinished(() => survivor.stop());
      const other = await home.admf('kms', survivor.x1.port, 1);
      const script = await bundle('test/entities/kms/process.ts');
      const file = path.join(folder, 'killed.json');
      writeFileSync(file, JSON.stringify(settings('killed')), { mode: 0o600 });
      const task = (n: number): InterceptTask => ({
        ...taskAt(runtime.clock.now()),
        xid: `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
      });
      const numbers = Array.from({ length: TASKS }, (_, n) => n);

      /** Does something to all tasks, of which so many are acknowledged when the KMS is killed; gives those that were. */
      const killedIn = async (
        round: number,
        atLeast: number,
        change: (x1: X1Requester, n: number) => Promise<unknown>,
      ): Promise<Set<number>> => {
        const killed = await run<{ x1: number }>(script, file);
        const x1 = await home.admf('kms', killed.ready.x1, 2 + round);
        const acknowledged = new Set<number>();
        const left = [...numbers];
        const dying: Promise<void>[] = [];
        const send = async (): Promise<void> => {
          for (let n = left.shift(); n !== undefined && dying.length === 0; n = left.shift()) {
            await change(x1, n);
            acknowledged.add(n);
            if (acknowledged.size === atLeast) dying.push(killed.kill());
          }
        };
        await Promise.allSettled(Array.from({ length: SENDERS }, send));
        await (dying[0] ?? killed.kill());
        expect(acknowledged.size).toBeLessThan(TASKS);
        expect(acknowledged.size).toBeGreaterThanOrEqual(atLeast);
        return acknowledged;
      };
      /** Tasks that hold, as the other KMS answers X1, and as it would answer questions. */
      const holding = async (): Promise<[tasks: string[], warrants: string[]]> => {
        const listed = await other.request({ type: 'ListAllDetails' });
        const open = `SELECT DISTINCT xid FROM warrant_period WHERE "end" IS NULL OR "end" > ${runtime.clock.now() / 1000}`;
        const rows = await query(databaseAccess(database), open);
        return [[...listed.xids].sort(), rows.map(({ xid }) => String(xid)).sort()];
      };
      /** Once the database has ended what it was doing for the one that was killed; gives the tasks that hold. */
      const settled = async (): Promise<string[]> => {
        const lock = "SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || E'\\ntasks', 0))";
        await query(databaseAccess(database), lock);
        const [tasks, warrants] = await holding();
        expect(warrants).toEqual(tasks);
        return tasks;
      };
      const xidOf = (n: number): string => task(n).xid;

      let round = 0;
      for (const atLeast of [5]) {
        const given = await killedIn(++round, atLeast, (x1, n) =>
          x1.request({ type: 'ActivateTask', task: task(n) }),
        );
        let tasks = await settled();
        for (const n of given) expect(tasks).toContain(xidOf(n));
        // The ADMF gives the others again, to whichever KMS it reaches.
        const missing = numbers.filter((n) => !tasks.includes(xidOf(n)));
        for (const n of missing) await other.request({ type: 'ActivateTask', task: task(n) });
        expect((await holding())[0]).toEqual(numbers.map(xidOf));
        const taken = await killedIn(++round, atLeast, (x1, n) =>
          x1.request({ type: 'DeactivateTask', xid: xidOf(n) }),
        );
        tasks = await settled();
        for (const n of taken) expect(tasks).not.toContain(xidOf(n));
        for (const xid of tasks) await other.request({ type: 'DeactivateTask', xid });
        expect(await holding()).toEqual([[], []]);
      }
    });
  },
);
