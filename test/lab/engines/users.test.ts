/** Who enters the engines of a laboratory, and what each may do there. */
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { systemRandom } from '../../../src/host/runtime.ts';
import { makeEngines } from '../../../src/lab/engines/engines.ts';
import { launchOfStreams, streamConfig } from '../../../src/lab/engines/nats.ts';
import { databasePassword, launchOfDatabase } from '../../../src/lab/engines/postgresql.ts';
import { passwordOf, STREAM_ROLES, streamRights } from '../../../src/lab/engines/users.ts';
import { LabProcess } from '../../../src/lab/processes/lab-process.ts';
import type { Launch } from '../../../src/lab/processes/lab-process.ts';
import { StreamServer } from '../../../src/storage/jetstream.ts';
import { fences, page } from '../../docs/support.ts';
import { elementRuntime as runtime } from '../../support/elements.ts';
import { missingNats } from '../../support/nats-server.ts';
import { ownPorts } from '../../support/own-ports.ts';
import { missingPostgresql } from '../../support/postgresql.ts';

const root = mkdtempSync(path.join(tmpdir(), 'claviger-users-'));
chmodSync(root, 0o711);
afterAll(() => rmSync(root, { recursive: true }));
const HOMES = ['north', 'south'];

/** Runs an engine until the test ends, at a port that no other test has. */
async function run(launchAt: (port: number) => Launch | Promise<Launch>): Promise<number> {
  const ports = await ownPorts();
  onTestFinished(() => ports.release());
  const engine = await LabProcess.launch(await launchAt(ports.base));
  onTestFinished(async () => {
    await engine.end(5_000);
  });
  return ports.base;
}

describe('What roles of a DF may do at the NATS server of a laboratory', () => {
  it('R-57: is what the documentation recommends', () => {
    const recommended = fences(page('docs/operations.md'))
      .map(({ lines }) => lines.join('\n'))
      .find((text) => text.includes('user: intake'));
    const quoted = (text = ''): string[] =>
      [...text.matchAll(/"([^"]+)"/g)].map(([, subject = '']) => subject);
    for (const role of STREAM_ROLES) {
      const [, own = ''] = recommended?.split(`user: ${role},`) ?? [];
      const [permissions = ''] = own.split('{ user:');
      const rights = streamRights(role, 'df1', role);
      const said = rights === null ? [] : [...rights.publish, rights.subscribe];
      expect(said.toSorted()).toEqual(quoted(permissions).toSorted());
    }
  });
});

describe.skipIf(missingNats())('The NATS server of a laboratory', () => {
  it('R-57: has each home enter its own streams, and each role do what it may', async () => {
    const folder = path.join(root, 'nats', 'engines');
    makeEngines(folder, HOMES, systemRandom());
    const port = await run((at) => launchOfStreams({ folder, port: at, homes: HOMES }));
    const enter = async (
      user: string,
      password = passwordOf(folder, 'nats', user),
    ): Promise<StreamServer> => {
      const servers = [`127.0.0.1:${port}`];
      const server = await StreamServer.connect(
        { servers, user, password: () => password, tls: null, timeoutMs: 1_000 },
        runtime,
      );
      onTestFinished(() => server.close());
      return server;
    };
    const stream = { name: 'df_north-x2', subjects: ['df_north.x2.*'], octets: 1 << 20, replicas: 1 };
    const mediation = await enter('mediation_north');
    await mediation.keep(stream);
    const other = await enter('mediation_south');
    await expect(other.kept('df_north-x2')).rejects.toThrow(/stream not found/);
    const intake = await enter('intake_north');
    expect(await intake.publish('df_north-x2', 'df_north.x2.0', new Uint8Array(1))).toBe(1);
    await expect(intake.newest('df_north-x2', 'df_north.x2.0')).rejects.toMatchObject({
      code: 'unavailable',
    });
    const delivery = await enter('delivery_north');
    const laid = delivery.publish('df_north-x2', 'df_north.x2.0', new Uint8Array(1));
    await expect(laid).rejects.toMatchObject({ code: 'unavailable' });
    await expect(enter('mediation_north', passwordOf(folder, 'nats', 'intake_north'))).rejects.toThrow();
    for (const user of ['mediation_north', 'intake_south'])
      expect(readFileSync(streamConfig(folder), 'utf8')).toContain(passwordOf(folder, 'nats', user));
  });
});

describe.skipIf(missingPostgresql())('The database of a laboratory', () => {
  it(
    'R-57: has each entity of a home enter a database of its own, and no other',
    { timeout: 60_000 },
    async () => {
      const folder = path.join(root, 'postgresql', 'engines');
      makeEngines(folder, HOMES, systemRandom());
      const port = await run((at) => launchOfDatabase({ folder, port: at, homes: HOMES }));
      const tell = async (
        user: string,
        database: string,
        password: string,
        text: string,
      ): Promise<unknown> => {
        const client = new pg.Client({ host: '127.0.0.1', port, user, database, password });
        await client.connect();
        try {
          return (await client.query(text)).rows;
        } finally {
          await client.end();
        }
      };
      const users = HOMES.flatMap((home) => [`kms_${home}`, `df_${home}`]);
      const own = (user: string): string => passwordOf(folder, 'postgresql', user);
      for (const user of users) {
        expect(await tell(user, user, own(user), `CREATE SCHEMA ${user}`)).toEqual([]);
        const rights =
          'SELECT rolsuper, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = current_user';
        expect(await tell(user, user, own(user), rights)).toEqual([
          { rolsuper: false, rolcreaterole: false, rolcreatedb: false },
        ]);
        for (const other of [...users, 'postgres', 'template1'].filter((name) => name !== user))
          await expect(tell(user, other, own(user), 'SELECT 1')).rejects.toMatchObject({ code: '42501' });
      }
      await expect(tell('kms_north', 'kms_north', own('df_north'), 'SELECT 1')).rejects.toMatchObject({
        code: '28P01',
      });
      const superuser = readFileSync(databasePassword(folder), 'utf8').trim();
      expect(await tell('claviger', 'postgres', superuser, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    },
  );
});
