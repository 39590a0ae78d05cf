/** Settings of a PostgreSQL database that processes of one entity share, and how it is entered by them. */
import { checkServerIdentity } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';
import Type from 'typebox';
import { strict, Unfit } from '../bytes/schema.ts';
import type { DatabaseAccess } from '../storage/postgresql.ts';
import { isLoopback } from './admin.ts';
import { count, milliseconds, text } from './config.ts';
import type { ConfigOf } from './config.ts';
import { filePath } from './config-paths.ts';
import { contentOfFile, passwordInFile, secretInFile } from './settings-files.ts';

/** @param schema the schema that the entity takes where none is named */
export function databaseSettings(schema: string) {
  const settings = strict({
    engine: Type.Enum(['postgresql'], { description: 'what it is' }),
    host: text('its host, or the folder of its socket'),
    port: count('its port', { min: 1, max: 65_535, default: 5432 }),
    name: text('name of the database'),
    user: text('who enters it; the schema is made by it, or its own'),
    passwordFile: Type.Optional(
      filePath('file with the password, which nobody but its owner may read; read for each connection', {
        absent: 'it is entered without one',
      }),
    ),
    schema: Type.String({
      pattern: '^[a-z_][a-z0-9_]{0,62}$',
      errorMessage: 'lower-case letters, digits and _, 63 at most',
      description: 'schema of the database that is all its own',
      default: schema,
    }),
    instance: Type.String({
      pattern: '^[\\w.-]{1,64}$',
      errorMessage: 'letters, digits, ., - and _, 64 at most',
      description: 'name of this process, among those that share the schema',
    }),
    tls: Type.Optional(
      strict({
        authorities: filePath('those that its certificate must chain to'),
        serverName: Type.Optional(text('the name that its certificate bears', { absent: '`host`' })),
        certificate: Type.Optional(filePath('the own certificate for it', { absent: 'none is shown' })),
        privateKey: Type.Optional(filePath('its private key', { absent: 'with `certificate` alone' })),
      }),
    ),
    connections: count('connections to it at once; who finds none waits', { min: 2, max: 1000, default: 16 }),
    timeoutMs: milliseconds('time of a statement, and to connect', { min: 100, max: 600_000, default: 5000 }),
  });
  return Type.Optional(
    Type.Decode(settings, (read) => {
      const { tls, host } = read;
      if (tls === undefined && !host.startsWith('/') && !isLoopback(host))
        throw new Unfit('tls: what is not on loopback, or a socket, is not entered in the clear', 'tls');
      if (tls !== undefined && (tls.certificate === undefined) !== (tls.privateKey === undefined))
        throw new Unfit('certificate with privateKey, or neither', 'tls');
      return read;
    }),
  );
}

export type DatabaseConfig = NonNullable<ConfigOf<ReturnType<typeof databaseSettings>>>;

/** How the database is entered; files are read once here, so that what is wrong with them is told at once. @throws ConfigError */
export function databaseAccess(config: DatabaseConfig): DatabaseAccess {
  const { host, port, name: database, user, passwordFile, schema, connections, timeoutMs } = config;
  const password = (): string => (passwordFile === undefined ? '' : passwordInFile(passwordFile));
  password();
  return {
    ...{ host, port, database, user, password, schema, connections, timeoutMs },
    tls: config.tls === undefined ? null : tlsOf(config.tls, host),
  };
}

function tlsOf(tls: NonNullable<DatabaseConfig['tls']>, host: string): ConnectionOptions {
  const { authorities, certificate, privateKey, serverName } = tls;
  return {
    ca: contentOfFile(authorities),
    // The driver sets `servername` to the host.
    checkServerIdentity: (_, shown) => checkServerIdentity(serverName ?? host, shown),
    minVersion: 'TLSv1.2',
    rejectUnauthorized: true,
    ...(certificate === undefined ? {} : { cert: contentOfFile(certificate) }),
    ...(privateKey === undefined ? {} : { key: secretInFile(privateKey, 'a private key') }),
  };
}
