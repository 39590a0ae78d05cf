/** What is wrong with databases that configurations name: by themselves, and with those who share one. */
import { ConfigError } from '../../host/config.ts';
import { databaseAccess } from '../../host/database-config.ts';
import type { DatabaseConfig } from '../../host/database-config.ts';
import type { Checked, ConfigFinding } from './configurations.ts';

interface User {
  readonly file: string;
  readonly database: DatabaseConfig;
  /** What all must agree in who share it. */
  readonly district: string;
}

export function databaseFindings(all: readonly Checked[]): ConfigFinding[] {
  const users = all.flatMap(({ kind, file, config }): User[] =>
    kind === 'kms' && config.database !== undefined
      ? [{ file, database: config.database, district: config.district.name }]
      : [],
  );
  return users.flatMap((user, at) => [
    ...unreadable(user),
    ...users.slice(0, at).flatMap((other) => clashes(user, other)),
  ]);
}

function unreadable({ file, database }: User): ConfigFinding[] {
  try {
    databaseAccess(database);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return [{ severity: 'error', file, text: `database: ${error.message}` }];
  }
}

function clashes(user: User, other: User): ConfigFinding[] {
  const { file, database: own } = user;
  const its = other.database;
  const isShared =
    own.host === its.host && own.port === its.port && own.name === its.name && own.schema === its.schema;
  if (!isShared) return [];
  const error = (text: string): ConfigFinding => ({ severity: 'error', file, text });
  return [
    ...(own.instance === its.instance
      ? [error(`database.instance: ${own.instance} is also that of ${other.file}`)]
      : []),
    ...(user.district === other.district
      ? []
      : [error(`database.schema: ${own.schema} has the district of ${other.file}: one each`)]),
  ];
}
