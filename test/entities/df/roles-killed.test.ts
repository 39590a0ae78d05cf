/** A DF of two processes and a NATS server between them, of which each is killed by SIGKILL in mid-call. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, it, onTestFinished } from 'vitest';
import { bundle, run } from '../../support/process.ts';
import type { RunningProcess } from '../../support/process.ts';
import { missingNats, NatsServer } from '../../support/nats-server.ts';
import { callToLemf } from './call-to-lemf.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-df-roles-'));
afterAll(() => rmSync(folder, { recursive: true }));
/** Minutes of kills are for whoever changes how a DF is divided. */
const isSlow = process.env['CLAVIGER_SLOW'] !== undefined;
const PACKETS = isSlow ? 6_000 : 380;
const KILLS = isSlow ? 90 : 3;

type Role = 'intake' | 'mediation';

describe.skipIf(missingNats())(
  'Roles of a DF under SIGKILL',
  { timeout: isSlow ? 1_800_000 : 120_000 },
  () => {
    it('R-20 R-23: lose and double nothing: numbers are 0…n−1, and n is what X2 and X3 carried', async () => {
      const chain = await callToLemf(folder);
      const nats = await NatsServer.own();
      onTestFinished(() => nats.remove());
      const script = await bundle('test/entities/df/role-process.ts');
      const start = (role: Role, port: number): Promise<RunningProcess<{ x2x3: number }>> => {
        const roles = role === 'intake' ? ['intake'] : ['mediation', 'delivery'];
        const streams = { ...nats.settings('df1'), partitions: 2, leaseMs: 500 };
        const file = path.join(folder, `${role}.json`);
        writeFileSync(file, JSON.stringify({ ...chain.settings, x2x3: { port }, roles, streams }));
        return run(script, file);
      };
      const processes = { intake: await start('intake', 0), mediation: await start('mediation', 0) };
      onTestFinished(async () => {
        for (const process of Object.values(processes)) await process.kill();
      });
      const port = processes.intake.ready.x2x3;
      const again = async (role: Role): Promise<void> => {
        await processes[role].kill();
        processes[role] = await start(role, port);
      };
      const kills = [
        () => again('mediation'),
        () => again('intake'),
        async () => {
          await nats.kill();
          await nats.start();
        },
      ];
      const every = Math.floor(PACKETS / (KILLS + 1));
      let killing: Promise<void> = Promise.resolve();
      await chain.report(port, PACKETS, (n) => {
        const kill = n > 0 && n % every === 0 ? kills[(n / every - 1) % kills.length] : undefined;
        if (kill !== undefined) killing = killing.then(kill);
        // So that there is something under way at each; the last one is waited for.
        return isSlow || n === PACKETS - 1 ? killing : undefined;
      });
      await chain.arrived(PACKETS);
      await chain.stop();
    });
  },
);
