/** A process that delivers for a DF, and is started again before anybody else would have its LEMFs. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { fromUtf8 } from '../../../src/bytes/octets.ts';
import { dfProcessConfig } from '../../../src/entities/df/config.ts';
import {
  deliveryPlace,
  handoverStreams,
  lemfNote,
  notePlace,
} from '../../../src/entities/df/listeners/handover-streams.ts';
import { startRoles } from '../../../src/entities/df/start-roles.ts';
import { StreamServer } from '../../../src/storage/jetstream.ts';
import { StreamLease } from '../../../src/storage/stream-lease.ts';
import { elementRuntime as runtime } from '../../support/elements.ts';
import { missingNats, NatsServer } from '../../support/nats-server.ts';
import { roleCertificates } from '../../support/role-certificates.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-deliverer-'));
afterAll(() => rmSync(folder, { recursive: true }));

const LEMF = '00000000-0000-4000-8000-000000000002';
const LEASE_MS = 10_000;

describe.skipIf(missingNats())('a process that delivers', () => {
  it(
    'R-23: under a name of its own has at once what an earlier run of it had',
    { timeout: 30_000 },
    async () => {
      const nats = await NatsServer.own();
      onTestFinished(() => nats.remove());
      const server = await StreamServer.connect(nats.access, runtime);
      onTestFinished(() => server.close());
      const streams = { ...nats.settings('df1'), leaseMs: LEASE_MS, instance: 'x' };
      const { df } = await roleCertificates(folder, runtime.clock.now(), ['df']);
      const config = dfProcessConfig({
        ...{ streams, roles: ['delivery'], x2x3: {}, tls: df, audit: path.join(folder, 'audit.log') },
        x1: {
          ...{ identifier: 'df.home1.example', listen: {}, store: path.join(folder, 'tasks.sqlite') },
          admf: { identifier: 'admf.home1.example', url: 'https://admf.home1.example:1/X1/ADMF' },
        },
        store: path.join(folder, 'df.sqlite'),
        name: { countryCode: 'DE', operator: 'home1', element: 'df.home1' },
        xk: { url: 'https://kms.home1.example:1' },
      });
      const settings = config.streams;
      if (settings === undefined) throw new Error('no streams');
      for (const terms of handoverStreams(settings)) await server.keep(terms);
      const lemf = notePlace(settings, 'lemf', LEMF);
      await server.publish(
        lemf.stream,
        lemf.subject,
        lemfNote({ did: LEMF, host: '127.0.0.1', port: 1, by: 'DF2' }),
      );
      // Of a run that was killed: it is not given back, and not renewed.
      const place = deliveryPlace(settings, LEMF);
      const gone = await StreamServer.connect(nats.access, runtime);
      await StreamLease.take({ server: gone, ...place }, 'df.home1.example x/0000', LEASE_MS, runtime);
      await gone.close();
      const again = await startRoles(config, runtime);
      onTestFinished(() => again.stop());
      const holder = async (): Promise<string> => {
        const newest = await server.newest(place.stream, place.subject);
        return newest === null ? '' : fromUtf8(newest.octets);
      };
      // Others would have it after 1.25 times as long.
      await expect.poll(holder, { timeout: LEASE_MS }).toMatch(/^df\.home1\.example x\/(?!0000)/);
    },
  );
});
