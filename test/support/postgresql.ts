/**
 * PostgreSQL for tests: one server a run, made by the first test that asks for it. Each test has schemas of its own in it;
 * one that stops the server has a server of its own.
 */
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { databaseAccess } from '../../src/host/database-config.ts';
import type { DatabaseConfig } from '../../src/host/database-config.ts';
import type { DatabaseAccess } from '../../src/storage/postgresql.ts';
import { PostgresqlServer, programs, RUN_FOLDER } from './postgresql-server.ts';
import { strict } from './shared.ts';

/** For `describe.skipIf(...)`: true (with a message) if there is no PostgreSQL and CI is off. */
export function missingPostgresql(): boolean {
  if (strict || programs() !== null) return false;
  console.warn('skipped: PostgreSQL is not installed');
  return true;
}

/** A schema that no other test has, in the server of the run. */
export async function testDatabase(
  instance = 'one',
  schema = `t_${process.pid}_${++schemas}`,
): Promise<DatabaseConfig> {
  shared ??= sharedServer();
  return (await shared).database(schema, instance);
}

export async function testAccess(schema?: string): Promise<DatabaseAccess> {
  return databaseAccess(await testDatabase('one', schema));
}

/** A database of its own: what transactions of other tests may still see is none of its concern. */
export async function ownDatabase(): Promise<DatabaseAccess> {
  const access = await testAccess();
  const database = `d${access.schema}`;
  await query({ ...access, schema: 'public' }, `CREATE DATABASE ${database}`);
  return { ...access, database };
}

/** What SQL gives, by a connection of its own. */
export async function query(access: DatabaseAccess, text: string): Promise<Record<string, unknown>[]> {
  const { host, port, database, user, password, schema } = access;
  const options = `-c search_path=${schema}`;
  const client = new pg.Client({ host, port, database, user, password, options });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

/* ---------------------------------------------------------------- helpers */

let schemas = 0;
let shared: Promise<PostgresqlServer> | null = null;

/** The first one of the run's processes that asks makes it; the others wait for that. */
async function sharedServer(): Promise<PostgresqlServer> {
  const folder = process.env[RUN_FOLDER];
  if (folder === undefined) throw new Error(`${RUN_FOLDER} is not set: are tests run by vitest?`);
  const ready = path.join(folder, 'ready');
  try {
    mkdirSync(path.join(folder, 'making'));
  } catch {
    while (!existsSync(ready)) await sleep(50);
    return PostgresqlServer.takeUp(folder);
  }
  const server = await PostgresqlServer.make(folder);
  writeFileSync(`${ready}.new`, '');
  renameSync(`${ready}.new`, ready);
  return server;
}
