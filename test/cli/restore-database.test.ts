/** Audit logs of entities whose state is in a PostgreSQL database: copied, put back and repaired. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { generateIdentity, identityToRecipient } from 'age-encryption';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { databaseAccess } from '../../src/host/database-config.ts';
import type { DatabaseConfig } from '../../src/host/database-config.ts';
import { Network } from '../../src/lab/network/network.ts';
import { Timeline } from '../../src/lab/timeline.ts';
import { operate } from '../host/support/operated.ts';
import type { OperatedEntity } from '../host/support/operated.ts';
import { missingPostgresql, query, testDatabase } from '../support/postgresql.ts';
import { claviger } from './in-process.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-restore-'));
const at = (name: string): string => path.join(folder, name);

type InDatabase = 'kms' | 'df' | 'admf';

describe.skipIf(missingPostgresql())('an entity whose state is in a database', { timeout: 60_000 }, () => {
  let network: Network;
  const running = new Set<OperatedEntity>();

  beforeAll(async () => {
    network = await Network.layOut({
      state: folder,
      out: null,
      users: { home1: ['alice'], home2: [] },
      timeline: new Timeline(() => performance.now()),
    });
  });

  afterAll(async () => {
    for (const entity of running) await entity.stop();
    await network.stop();
    rmSync(folder, { recursive: true });
  });

  async function inDatabase(entity: InDatabase) {
    const database = await testDatabase(`${entity}-1`);
    const {
      store: _,
      state: __,
      x1,
      ...config
    } = network.configOf(entity, 'home1') as {
      store?: string;
      state?: string;
      x1?: { store?: string };
      audit?: string;
    };
    const { store: ___, ...ofX1 } = x1 ?? {};
    const log = entity === 'kms' ? at('kms/audit.jsonl') : at(`${entity}.jsonl`);
    const place = entity === 'kms' ? { state: at('kms') } : { audit: log };
    const file = at(`${entity}.json`);
    const start = async (): Promise<OperatedEntity> => {
      const settings = { ...config, ...(x1 === undefined ? {} : { x1: ofX1 }), ...place, database };
      const started = await operate(entity, settings, folder);
      running.add(started);
      return started;
    };
    const stop = async (started: OperatedEntity): Promise<void> => {
      running.delete(started);
      await started.stop();
    };
    return { database, file, log, start, stop };
  }

  const without = (log: string): void => {
    for (const file of [log, `${log}.head`]) rmSync(file);
  };
  const cutLastOf = (log: string): void => {
    rmSync(`${log}.head`);
    const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
    writeFileSync(log, `${lines.slice(0, -1).join('\n')}\n`);
  };
  const rowsIn = (database: DatabaseConfig, table: string) =>
    query(databaseAccess(database), `SELECT * FROM ${table}`);

  it.each(['kms', 'df'] as const)(
    'R-94: the log of a %s is copied, and put back, with what that means on record, whatever the database has heard since',
    async (entity) => {
      const { database, file, log, start, stop } = await inDatabase(entity);
      const first = await start();
      const identity = await generateIdentity();
      writeFileSync(at('key.txt'), `${identity}\n`, { mode: 0o600 });
      const secretly = entity === 'kms' ? ['--recipient', await identityToRecipient(identity)] : [];
      const made = await claviger('backup', '--config', file, '--to', at(`${entity}-copy`), ...secretly);
      expect(made).toMatchObject({ status: 0, err: '' });
      first.operated.setLevel('warn');
      const restore = ['restore', '--from', at(`${entity}-copy`), '--config', file];
      if (entity === 'kms') restore.push('--identity', at('key.txt'));
      expect(await claviger(...restore)).toMatchObject({
        status: 1,
        err: expect.stringContaining('in use by') as string,
      });
      await stop(first);
      // The database has heard of a record that is not in the copy.
      without(log);
      await expect(start()).rejects.toMatchObject({ code: 'cut-off' });
      without(log);
      const back = await claviger(...restore);
      expect(back).toMatchObject({ status: 0, err: '' });
      expect(back.out).toContain('Its database is not in the copy');
      expect(back.out).toContain(`claviger audit repair --store ${file} ${log}`);
      // It has another record in that one's place.
      await expect(start()).rejects.toMatchObject({ code: 'broken-chain' });
      const repaired = await claviger('audit', 'repair', '--store', file, log);
      expect(repaired).toMatchObject({ status: 0, out: expect.stringContaining('on record') as string });
      const again = await start();
      expect((await again.operated.status()).ready).toBe(true);
      await stop(again);
      const text = readFileSync(log, 'utf8');
      expect(text).toContain(entity === 'kms' ? '"forgets":"requests of phones' : '"cinBase":');
      expect(text.indexOf('"kind":"restored"')).toBeLessThan(text.indexOf('"kind":"audit-log-repaired"'));
      if (entity === 'df') expect(await rowsIn(database, 'epoch')).toHaveLength(1);
    },
  );

  it('R-94: no copy of an ADMF is put back', async () => {
    const { file, log, start, stop } = await inDatabase('admf');
    const admf = await start();
    expect((await claviger('backup', '--config', file, '--to', at('admf-copy'))).status).toBe(0);
    await stop(admf);
    without(log);
    const refused = await claviger('restore', '--from', at('admf-copy'), '--config', file);
    expect([refused.status, refused.err]).toEqual([1, expect.stringContaining('would be in force again')]);
  });

  it.each(['df', 'admf'] as const)(
    'R-78: the log of a %s is missed where it lacks what the database remembers, until it is repaired on record',
    async (entity) => {
      const { file, log, start, stop } = await inDatabase(entity);
      const first = await start();
      for (const level of ['warn', 'info'] as const) first.operated.setLevel(level);
      const held = await claviger('audit', 'repair', '--store', file, log);
      expect([held.status, held.err]).toEqual([1, expect.stringContaining('in use by')]);
      await stop(first);
      expect((await claviger('audit', 'verify', '--store', file, log)).status).toBe(0);
      cutLastOf(log);
      expect((await claviger('audit', 'verify', '--store', file, log)).status).toBe(1);
      await expect(start()).rejects.toMatchObject({ code: 'cut-off' });
      const repaired = await claviger('audit', 'repair', '--store', file, log);
      expect(repaired).toMatchObject({ status: 0, out: expect.stringContaining('on record') as string });
      await stop(await start());
      expect((await claviger('audit', 'verify', '--store', file, log)).status).toBe(0);
    },
  );
});
