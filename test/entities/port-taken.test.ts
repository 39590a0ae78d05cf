/** An entity that cannot listen where it is told to does not run in part: it lets go of everything else. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { admfConfig } from '../../src/entities/admf/config.ts';
import { startAdmf } from '../../src/entities/admf/start.ts';
import { cscfConfig } from '../../src/entities/cscf/config.ts';
import { startCscf } from '../../src/entities/cscf/start.ts';
import { dfConfig } from '../../src/entities/df/config.ts';
import { startDf } from '../../src/entities/df/start.ts';
import { gatewayConfig } from '../../src/entities/gateway/config.ts';
import { startGateway } from '../../src/entities/gateway/start.ts';
import { kmsConfig } from '../../src/entities/kms/config.ts';
import { startKms } from '../../src/entities/kms/start.ts';
import { lemfConfig } from '../../src/entities/lemf/config.ts';
import { startLemf } from '../../src/entities/lemf/start.ts';
import { pinoLogger } from '../../src/host/log.ts';
import { systemClock, systemRandom } from '../../src/host/runtime.ts';
import type { Running, Runtime } from '../../src/host/runtime.ts';
import type { Entity } from '../../src/lab/network/home.ts';
import { Network } from '../../src/lab/network/network.ts';
import { Timeline } from '../../src/lab/timeline.ts';

const START: Readonly<Record<Entity, (json: unknown, runtime: Runtime) => Promise<Running>>> = {
  kms: (json, runtime) => startKms(kmsConfig(json), runtime),
  cscf: (json, runtime) => startCscf(cscfConfig(json), runtime),
  gateway: (json, runtime) => startGateway(gatewayConfig(json), runtime),
  df: (json, runtime) => startDf(dfConfig(json), runtime),
  admf: (json, runtime) => startAdmf(admfConfig(json), runtime),
  lemf: (json, runtime) => startLemf(lemfConfig(json), runtime),
};

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-ports-'));
const runtime = { clock: systemClock(), random: systemRandom(), logger: pinoLogger('silent', 'test') };
let network: Network;

beforeAll(async () => {
  network = await Network.layOut({
    state: folder,
    out: null,
    users: { home1: ['alice'], home2: [] },
    timeline: new Timeline(() => performance.now()),
  });
});

afterAll(async () => {
  await network.stop();
  rmSync(folder, { recursive: true });
});

function occupy(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

async function free(server: Server): Promise<void> {
  await new Promise((resolve) => server.close(resolve));
}

describe.each([
  ['kms', 'users', ['xk', 'x1']],
  ['kms', 'xk', ['users', 'x1']],
  ['kms', 'x1', ['users', 'xk']],
  ['cscf', 'sip', ['x1']],
  ['cscf', 'x1', ['sip']],
  ['gateway', 'control', ['x1']],
  ['gateway', 'x1', ['control']],
  ['df', 'x2x3', ['x1']],
  ['df', 'x1', ['x2x3']],
  ['admf', 'x1', []],
  ['lemf', 'hi2', ['hi3']],
  ['lemf', 'hi3', ['hi2']],
] as const)('%s whose port for %s is taken', (entity, taken, others) => {
  it('refuses to start, and listens nowhere', async () => {
    const port = (listener: string): number => network.plan.homes.home1.ports[`${entity}.${listener}`] ?? 0;
    const holder = await occupy(port(taken));
    try {
      await expect(START[entity](network.configOf(entity, 'home1'), runtime)).rejects.toThrow(
        String(port(taken)),
      );
      for (const listener of others) await free(await occupy(port(listener)));
    } finally {
      await free(holder);
    }
  });
});
