/** The settings of a database that processes share. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import Type from 'typebox';
import { expect, it } from 'vitest';
import { strict } from '../../src/bytes/schema.ts';
import { configReader } from '../../src/host/config.ts';
import { databaseAccess, databaseSettings } from '../../src/host/database-config.ts';

const read = configReader(
  strict({ database: databaseSettings('claviger_kms'), other: Type.Optional(Type.Null()) }),
);
const settings = { engine: 'postgresql', host: '127.0.0.1', name: 'd', user: 'u', instance: 'a' };

it('has defaults for what most leave as it is, and none for what tells processes apart', () => {
  expect(read({ database: settings }).database).toMatchObject({ port: 5432, schema: 'claviger_kms' });
  const { instance: _, ...without } = settings;
  expect(() => read({ database: without })).toThrow(/database.instance is missing/);
});

it.each(['127.0.0.1', '::1', '/run/postgresql'])('R-57: is entered in the clear at %s', (host) => {
  expect(databaseAccess(read({ database: { ...settings, host } }).database!).tls).toBeNull();
});

it.each(['db.home1.example', '192.0.2.1', 'localhost.example'])(
  'R-57: is not entered in the clear at %s',
  (host) => {
    expect(() => read({ database: { ...settings, host } })).toThrow(/tls/);
  },
);

it.each([
  ['schema', 'public; DROP'],
  ['schema', 'Upper'],
  ['instance', 'a b'],
  ['engine', 'mysql'],
  ['password', 'in the configuration'],
])('is refused with %s: %s', (name, value) => {
  expect(() => read({ database: { ...settings, [name]: value } })).toThrow(new RegExp(`database.${name}`));
});

it('tells at once of a password that cannot be read', () => {
  const database = read({ database: { ...settings, passwordFile: '/no/such/file' } }).database!;
  expect(() => databaseAccess(database)).toThrow(/cannot read \/no\/such\/file/);
});

it('R-57: does not take a private key that others may read', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'claviger-database-'));
  const files = (mode: number) => {
    const [pem, key] = ['pem', 'key'].map((name) => path.join(folder, `${mode}.${name}`));
    writeFileSync(pem!, 'certificate');
    writeFileSync(key!, 'key', { mode });
    const tls = { authorities: pem, certificate: pem, privateKey: key };
    return read({ database: { ...settings, tls } }).database!;
  };
  expect(databaseAccess(files(0o600)).tls).toMatchObject({ key: 'key' });
  expect(() => databaseAccess(files(0o644))).toThrow(/holds a private key and is open to others: chmod 600/);
  rmSync(folder, { recursive: true });
});
