/** An ADMF whose warrants are in a database: what becomes of it while that is away, and who goes on when it ends. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { admfConfig } from '../../../src/entities/admf/config.ts';
import { startAdmf } from '../../../src/entities/admf/start.ts';
import type { RunningAdmf } from '../../../src/entities/admf/start.ts';
import { heldX1 } from '../../../src/entities/admf/start-store.ts';
import type { Warrant } from '../../../src/entities/admf/warrants.ts';
import { verifyChain } from '../../../src/evidence/log.ts';
import { controlPathOf } from '../../../src/host/control.ts';
import type { DatabaseConfig } from '../../../src/host/database-config.ts';
import type { TlsFiles } from '../../../src/net/tls.ts';
import { ElementHome, elementRuntime as runtime } from '../../support/elements.ts';
import { missingPostgresql, testDatabase } from '../../support/postgresql.ts';
import { PostgresqlServer } from '../../support/postgresql-server.ts';

let folder: string;
let home: ElementHome;
let tls: TlsFiles;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'claviger-admf-database-'));
  home = await ElementHome.create(folder);
  tls = await home.issue('admf');
});
afterAll(async () => {
  await home.close();
  rmSync(folder, { recursive: true });
});

const auditOf = ({ instance }: DatabaseConfig): string => path.join(folder, `${instance}.jsonl`);

function settings(database: DatabaseConfig): Record<string, unknown> {
  return {
    ...{ identifier: 'admf.home1.example', tls, database, audit: auditOf(database) },
    ...{ x2x3: { host: 'df.home1.example', port: 7001 }, approval: 'one' },
  };
}

const start = (database: DatabaseConfig): Promise<RunningAdmf> =>
  startAdmf(admfConfig(settings(database)), runtime);

const warrant = (liid: string): Warrant => ({
  liid,
  targets: [{ name: 'sipUri', value: 'sip:alice@home1.example' }],
  delivery: 'IRI',
  startTime: Date.UTC(2020, 0, 1),
  endTime: Date.UTC(2099, 0, 1),
  lemf: { hi2: { host: '127.0.0.1', port: 8002 } },
});
const ACT = { by: 'anna' };
const enter = ({ desk }: RunningAdmf, liid: string) => desk.enter(warrant(liid), ACT, { submit: true });
const actsOf = async ({ admf }: RunningAdmf, liid: string): Promise<string[]> =>
  (await admf.history(liid)).map(({ act }) => act);

describe.skipIf(missingPostgresql())('an ADMF whose warrants are in a database', () => {
  it('R-92: is not ready while that is away, refuses, and does nothing by half, until it is back', async () => {
    const server = await PostgresqlServer.own();
    const admf = await start({ ...server.database('admf', 'alone'), timeoutMs: 500 });
    try {
      await enter(admf, 'LIID1');
      expect(await admf.operation.unready()).toEqual([]);
      await server.stop();
      await expect(enter(admf, 'LIID2')).rejects.toMatchObject({ code: 'unavailable' });
      expect(admf.admf.list().map((each) => each.warrant.liid)).toEqual(['LIID1']);
      await expect
        .poll(async () => [...(await admf.operation.unready())].join())
        .toMatch(/the database (?:cannot be reached|is not available)/);
      expect((await admf.operation.state()).alarms).toMatchObject([
        { name: 'database', severity: 'critical' },
      ]);
      await server.start();
      await expect.poll(() => admf.operation.unready()).toEqual([]);
      expect((await admf.operation.state()).alarms).toEqual([]);
      await enter(admf, 'LIID2');
      for (const liid of ['LIID1', 'LIID2'])
        await expect
          .poll(() => actsOf(admf, liid))
          .toEqual(['entered', 'submitted', 'approved', 'begun', 'activated']);
    } finally {
      await admf.stop();
      server.remove();
    }
  });

  it('R-78: a second one is refused, and goes on where the first has ended, with a log of its own', async () => {
    const database = await testDatabase('a');
    const other = { ...database, instance: 'b' };
    const first = await start(database);
    await enter(first, 'LIID1');
    await expect(start(other)).rejects.toMatchObject({ code: 'locked' });
    const [record] = first.admf.list();
    const acts = await actsOf(first, 'LIID1');
    await first.stop();
    const second = await start(other);
    expect(second.admf.list()).toEqual([record]);
    expect(await actsOf(second, 'LIID1')).toEqual(acts);
    await second.desk.withdraw('LIID1', { by: 'ben', reason: 'over' });
    await second.stop();
    const again = await start(database);
    expect(again.admf.list()).toMatchObject([{ state: expect.stringMatching(/ending|ended/) as string }]);
    await again.stop();
    const logged = [database, other].map((each) =>
      [...verifyChain(readFileSync(auditOf(each), 'utf8').trimEnd().split('\n'))].map(
        ({ event }) => event.kind,
      ),
    );
    expect(logged[0]).toContain('warrant-entered');
    expect(logged[1]).toContain('warrant-withdrawn');
  });

  it('its control socket is beside its audit log', async () => {
    const config = admfConfig(settings(await testDatabase('c')));
    expect(controlPathOf(config)).toBe(`${config.audit}.control.sock`);
  });
});

describe('the settings of an ADMF', () => {
  it('have either a store or a database', () => {
    const database = { engine: 'postgresql', host: '127.0.0.1', name: 'd', user: 'u', instance: 'a' };
    const { database: _, ...others } = settings({ instance: 'a' } as DatabaseConfig);
    const of = (place: object) => () => admfConfig({ ...others, ...place });
    expect(of({ store: '/a' })).not.toThrow();
    expect(of({ database })).not.toThrow();
    for (const place of [{}, { store: '/a', database }])
      expect(of(place)).toThrow(/one with either store or database/);
  });
});

describe('R-78: X1 of an ADMF whose database another may have taken', () => {
  it('changes nothing at an element, while it may be asked', async () => {
    const passed: string[] = [];
    const over = Promise.reject(new Error('taken'));
    over.catch(() => undefined);
    const x1 = heldX1(
      { holding: { held: () => over, giveUp: () => undefined } },
      {
        ...runtime,
        side: 'admf',
        admfIdentifier: 'admf.home1.example',
        neIdentifier: 'df.home1.example',
        transport: (octets: Uint8Array) => {
          passed.push(new TextDecoder().decode(octets));
          return Promise.reject(new Error('passed'));
        },
      },
    );
    await expect(x1.requestAll([{ type: 'DeactivateTask', xid: '1' }])).rejects.toThrow('taken');
    expect(passed).toEqual([]);
    await expect(x1.request({ type: 'Keepalive' })).rejects.toThrow();
    expect(passed).toHaveLength(1);
  });
});
