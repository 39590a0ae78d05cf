/** What processes that mediate for a DF agree in by the streams that they share. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { opening } from '../../../src/bytes/opened.ts';
import { dfProcessConfig } from '../../../src/entities/df/config.ts';
import type { DfConfig, DfRole } from '../../../src/entities/df/config.ts';
import { leaseStream } from '../../../src/entities/df/listeners/pdu-streams.ts';
import { startRoles } from '../../../src/entities/df/start-roles.ts';
import { openStreams, requireLayout } from '../../../src/entities/df/start-streams.ts';
import type { MediationLayout } from '../../../src/entities/df/start-streams.ts';
import { StreamServer } from '../../../src/storage/jetstream.ts';
import { elementRuntime as runtime } from '../../support/elements.ts';
import { missingNats, NatsServer } from '../../support/nats-server.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-df-layout-'));
afterAll(() => rmSync(folder, { recursive: true }));

const SETTINGS = {
  x2x3: {},
  tls: { certificate: '/df/c.pem', privateKey: '/df/k.pem', authorities: '/df/a.pem' },
  audit: path.join(folder, 'audit.log'),
  name: { countryCode: 'DE', operator: 'home1', element: 'df.home1' },
  xk: { url: 'https://kms.home1.example:1' },
};
const X1 = {
  identifier: 'df.home1.example',
  listen: {},
  admf: { identifier: 'admf.home1.example', url: 'https://admf.home1.example:1/X1/ADMF' },
};
const DATABASE = { engine: 'postgresql', host: '127.0.0.1', name: 'df', user: 'df', instance: 'one' };

/** Settings of a process that mediates so. */
function settingsOf(layout: MediationLayout, streams: object): DfConfig {
  const kept =
    layout === 'several'
      ? { x1: X1, database: DATABASE }
      : { x1: { ...X1, store: path.join(folder, 'tasks.sqlite') }, store: path.join(folder, 'df.sqlite') };
  return dfProcessConfig({ ...SETTINGS, ...kept, streams, roles: ['mediation', 'delivery'] });
}

describe.skipIf(missingNats())('R-23: streams of a DF', () => {
  let nats: NatsServer;
  let server: StreamServer;
  beforeAll(async () => {
    nats = await NatsServer.own();
    server = await StreamServer.connect(nats.access, runtime);
  });
  afterAll(async () => {
    await server.close();
    await nats.remove();
  });

  it.each([
    [
      'one',
      'several',
      /df-one are mediated by one process, with files; .* by several processes, on a database: name other/,
    ],
    [
      'several',
      'one',
      /df-several are mediated by several processes, on a database; .* by one process, with files: name other/,
    ],
  ] as const)('whose calls %s mediates are not for %s to mediate', async (layout, other, words) => {
    const name = `df-${layout}`;
    await server.keep(leaseStream({ name, replicas: 1 }));
    await requireLayout(server, { name }, layout);
    await requireLayout(server, { name }, layout);
    await expect(startRoles(settingsOf(other, nats.settings(name)), runtime)).rejects.toThrow(words);
  });

  it('R-23: whose calls are in so many partitions take none from who has another number', async () => {
    const words =
      /streams.partitions: calls of the streams df-parts are in 4 partitions, and here they would be in 5/;
    const start = async (roles: readonly DfRole[], partitions: number): Promise<void> => {
      const { streams } = settingsOf('one', { ...nats.settings('df-parts'), partitions });
      const opened = opening((all) => openStreams(streams!, roles, runtime, all).then(() => ({})));
      await (await opened).stop();
    };
    await start(['intake'], 4);
    await start(['mediation'], 4);
    await start(['delivery'], 5);
    for (const roles of [['intake'], ['mediation'], ['intake', 'mediation']] as const)
      await expect(start(roles, 5)).rejects.toThrow(words);
    const config = settingsOf('several', { ...nats.settings('df-parts'), partitions: 5 });
    await expect(startRoles(config, runtime)).rejects.toThrow(words);
  });
});
