/** What is wrong with databases that configurations name: by themselves, and with those who share one. */
import { ConfigError } from '../../host/config.ts';
import { databaseAccess } from '../../host/database-config.ts';
import type { DatabaseConfig } from '../../host/database-config.ts';
import type { Checked, CheckedOf, ConfigFinding } from './configurations.ts';

interface User {
  readonly file: string;
  readonly database: DatabaseConfig;
  readonly kind: 'kms' | 'admf' | 'df';
  /** What all must agree in who share it: the district, or whose it is. */
  readonly subject: string;
  /** Of a DF: in how many partitions calls are that several processes mediate; `null`: one process has all of them. */
  readonly partitions: number | null;
}

export function databaseFindings(all: readonly Checked[]): ConfigFinding[] {
  const users = all.flatMap((each): User[] => {
    const { kind, file } = each;
    if (kind !== 'kms' && kind !== 'admf' && kind !== 'df') return [];
    const { database } = each.config;
    const partitions = each.kind === 'df' ? (each.config.streams?.partitions ?? null) : null;
    return database === undefined ? [] : [{ file, database, kind, subject: subjectOf(each), partitions }];
  });
  return users.flatMap((user, at) => [
    ...unreadable(user),
    ...users.slice(0, at).flatMap((other) => clashes(user, other)),
  ]);
}

const WHAT = { kms: 'district', admf: 'warrants', df: 'deliveries' } as const;

function subjectOf(checked: CheckedOf<'kms'> | CheckedOf<'admf'> | CheckedOf<'df'>): string {
  if (checked.kind === 'kms') return checked.config.district.name;
  return checked.kind === 'admf' ? checked.config.identifier : checked.config.x1.identifier;
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
    ...(user.kind === other.kind && user.subject === other.subject
      ? []
      : [error(`database.schema: ${own.schema} has the ${WHAT[other.kind]} of ${other.file}: one each`)]),
    ...(user.kind !== other.kind || user.partitions === other.partitions
      ? []
      : [
          error(
            `streams.partitions: ${inParts(user)}, but ${inParts(other)} in ${other.file}, of one database`,
          ),
        ]),
  ];
}

function inParts({ partitions }: User): string {
  return partitions === null ? 'one process has all calls' : `calls are in ${partitions}`;
}
