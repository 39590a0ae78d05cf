/** A DF that keeps what it keeps in a database: another process goes on with a call, and with its numbers. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { dfConfig } from '../../../src/entities/df/config.ts';
import { startDf } from '../../../src/entities/df/start.ts';
import { PostgresqlDfStore } from '../../../src/entities/df/store/postgresql.ts';
import { controlPathOf } from '../../../src/host/control.ts';
import { databaseAccess } from '../../../src/host/database-config.ts';
import type { DatabaseConfig } from '../../../src/host/database-config.ts';
import { elementRuntime as runtime } from '../../support/elements.ts';
import { missingPostgresql, testDatabase } from '../../support/postgresql.ts';
import { PostgresqlServer } from '../../support/postgresql-server.ts';
import { bundle, run } from '../../support/process.ts';
import type { RunningProcess } from '../../support/process.ts';
import { callToLemf } from './call-to-lemf.ts';
import type { CallToLemf } from './call-to-lemf.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-df-database-'));
afterAll(() => rmSync(folder, { recursive: true }));

function chainIn(name: string): Promise<CallToLemf> {
  const place = path.join(folder, name);
  mkdirSync(place);
  return callToLemf(place);
}

/** Of a process that has the database in the place of files. */
function settingsIn({ settings }: CallToLemf, database: DatabaseConfig, port = 0): Record<string, unknown> {
  const { store: _, x1, ...others } = settings;
  const { store: _tasks, ...ofX1 } = x1;
  const audit = path.join(folder, `${database.schema}.${database.instance}.jsonl`);
  return { ...others, x1: ofX1, database, audit, x2x3: { port } };
}

/** The task of the call, as X1 would have left it. */
async function provision(chain: CallToLemf, database: DatabaseConfig): Promise<void> {
  const store = await PostgresqlDfStore.open(databaseAccess(database), 'provisioning', runtime);
  await chain.provision(store.tasks());
  await store.close();
}

describe.skipIf(missingPostgresql())('a DF whose state is in a database', { timeout: 120_000 }, () => {
  it('R-23, R-78: killed in mid-call, another process goes on: numbers are 0…n−1, nothing is lost or doubled', async () => {
    const packets = 400;
    const chain = await chainIn('killed');
    const database = await testDatabase();
    await provision(chain, database);
    const script = await bundle('test/entities/df/process.ts');
    const start = async (instance: string, port: number) => {
      const file = path.join(folder, `${instance}.json`);
      writeFileSync(file, JSON.stringify(settingsIn(chain, { ...database, instance }, port)));
      // As a supervisor does: the server may not have seen yet that the one before has ended.
      for (let attempt = 1; ; attempt++) {
        const started = await run<{ x2x3: number }>(script, file).catch((error: unknown) => error);
        if (!(started instanceof Error)) return started as RunningProcess<{ x2x3: number }>;
        if (attempt === 5) throw started;
      }
    };
    let df = await start('a', 0);
    const port = df.ready.x2x3;
    const successors = new Map([
      [103, 'b'],
      [205, 'a'],
    ]);
    let killing: Promise<void> = Promise.resolve();
    await chain.report(port, packets, (n) => {
      const successor = successors.get(n);
      if (successor !== undefined)
        killing = killing.then(async () => {
          await df.kill();
          df = await start(successor, port);
        });
      return n === packets - 1 ? killing : undefined;
    });
    await chain.arrived(packets);
    await df.kill();
    await chain.stop();
  });

  it('R-92: while that is away it is not ready and acknowledges nothing, and loses nothing by it', async () => {
    const packets = 360;
    const server = await PostgresqlServer.own();
    const chain = await chainIn('away');
    const database = server.database('df', 'alone');
    await provision(chain, database);
    const df = await startDf(dfConfig(settingsIn(chain, database)), runtime);
    try {
      expect(await df.operation.unready()).toEqual([]);
      await chain.report(df.x2x3.port, packets, async (n) => {
        if (n === 60) await server.stop();
        if (n === 120) {
          await expect
            .poll(async () => [...(await df.operation.unready())])
            .toContainEqual(expect.stringMatching(/^the database (?:cannot be reached|is not available)/));
          await expect
            .poll(async () => (await df.operation.state()).alarms.map(({ name }) => name))
            .toContain('database');
          await server.start();
        }
      });
      await chain.arrived(packets);
      await expect.poll(() => df.operation.unready()).toEqual([]);
    } finally {
      await df.stop();
      await chain.stop();
      server.remove();
    }
  });
});

describe('the settings of a DF', () => {
  const database = { engine: 'postgresql', host: '127.0.0.1', name: 'd', user: 'u', instance: 'a' };
  const of = ({ x1, ...places }: { readonly x1?: object } & Record<string, unknown>) =>
    dfConfig({
      x1: {
        ...{ identifier: 'df.home1.example', listen: {}, ...x1 },
        admf: { identifier: 'admf.home1.example', url: 'https://admf.home1.example:1/X1/ADMF' },
      },
      x2x3: {},
      tls: { certificate: '/df/c.pem', privateKey: '/df/k.pem', authorities: '/df/a.pem' },
      audit: '/df/audit.log',
      name: { countryCode: 'DE', operator: 'home1', element: 'df.home1' },
      xk: { url: 'https://kms.home1.example:1' },
      ...places,
    });
  const [store, x1] = ['/df/df.sqlite', { store: '/df/tasks.sqlite' }];

  it('have either stores or a database', () => {
    expect(() => of({ store, x1 })).not.toThrow();
    expect(() => of({ database })).not.toThrow();
    for (const places of [
      {},
      { store },
      { x1 },
      { store, database },
      { x1, database },
      { store, x1, database },
    ])
      expect(() => of(places)).toThrow(/one with either store and x1.store, or database/);
  });

  it('have streams with either', () => {
    const streams = { servers: ['127.0.0.1:4222'], name: 'df1' };
    expect(() => of({ store, x1, streams })).not.toThrow();
    expect(() => of({ database, streams })).not.toThrow();
    // It would come to one of several mediators.
    const keepalive = { timeoutMs: 60_000, failClosed: true };
    expect(() => of({ database, x1: { keepalive } })).not.toThrow();
    expect(() => of({ database, streams, x1: { keepalive } })).toThrow(/x1.keepalive is not what goes with/);
  });

  it('have its control socket beside the audit log, where there are no stores', () => {
    expect(controlPathOf(of({ database }))).toBe('/df/audit.log.control.sock');
  });
});
