/**
 * Where the end of an audit log is remembered apart from it: in the entity's SQLite store, or in the database that it
 * shares with others, which its configuration names.
 */
import type { HeadMemory } from '../../evidence/kept-log.ts';
import { systemClock } from '../../host/runtime.ts';
import { pinoLogger } from '../../host/log.ts';
import { readStoredHead, replaceStoredHead } from '../../storage/audit-head.ts';
import { requireReadable } from '../../storage/files.ts';
import { CliError } from '../failure.ts';

/** What `--store` names. */
export interface RememberedEnd extends HeadMemory {
  /** Whether it is a file, which is locked as files are. */
  readonly isFile: boolean;
  close(): Promise<void>;
}

/**
 * @param isChanging whether the entity must not run meanwhile
 * @throws StorageError `locked` if it does, ConfigError, CliError
 */
export async function rememberedEnd(store: string, isChanging: boolean): Promise<RememberedEnd> {
  requireReadable(store);
  if (/\.(?:json|ya?ml)$/i.test(store)) return inDatabase(store, isChanging);
  return {
    isFile: true,
    load: () => Promise.resolve(readStoredHead(store)),
    save: (head) => {
      replaceStoredHead(store, head);
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
}

const NAME_STORE = 'Name the SQLite store that remembers the log, or the configuration whose database does.';

async function inDatabase(file: string, isChanging: boolean): Promise<RememberedEnd> {
  const { readChecked } = await import('../../lab/check/configurations.ts');
  const { databaseAccess } = await import('../../host/database-config.ts');
  const { InstanceLock, instanceHead } = await import('../../storage/instances.ts');
  const { databaseAsItIs } = await import('../../storage/postgresql.ts');
  const read = readChecked({ file });
  if (Array.isArray(read)) throw new CliError('input', read.map(({ text }) => text).join('\n'), NAME_STORE);
  const database = 'database' in read.config ? read.config.database : undefined;
  if (database === undefined) throw new CliError('input', `${file} names no database`, NAME_STORE);
  const access = databaseAccess(database);
  const ports = { clock: systemClock(), logger: pinoLogger('error', 'audit') };
  const lock = isChanging ? await InstanceLock.hold(access, database.instance, ports) : null;
  const { kysely, pool } = databaseAsItIs(access);
  return {
    ...instanceHead(kysely, database.instance),
    isFile: false,
    close: async () => {
      await lock?.release();
      await kysely.destroy();
      await pool.end();
    },
  };
}
