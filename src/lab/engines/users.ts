/**
 * Who enters the engines of a laboratory: of each home, each entity that keeps something in the database has a user of its
 * own, and so has each role of a DF at the NATS server. What the roles of one DF may say and hear there is what
 * `docs/operations.md` recommends.
 *
 *     ENGINES/postgresql-password        of the superuser, as whom no entity enters, 0600
 *     ENGINES/postgresql-USER-password   0600
 *     ENGINES/nats-USER-password         0600
 */
import path from 'node:path';
import { readWhole } from '../../storage/files.ts';

/** Entities of a home that keep something in a database. */
export const DATABASE_ENTITIES = ['kms', 'df'] as const;
export type DatabaseEntity = (typeof DATABASE_ENTITIES)[number];

export const STREAM_ROLES = ['intake', 'mediation', 'delivery'] as const;
export type StreamRole = (typeof STREAM_ROLES)[number];

export type Engine = 'postgresql' | 'nats';

/** Also the name of the entity's database, and of its schema there. */
export function databaseUser(entity: DatabaseEntity, home: string): string {
  return `${entity}_${home}`;
}

export function streamUser(role: StreamRole, home: string): string {
  return `${role}_${home}`;
}

/** What the streams of a home's DF are called. */
export function streamsName(home: string): string {
  return `df_${home}`;
}

/** Of homes. */
export function usersOf(homes: readonly string[]): Readonly<Record<Engine, readonly string[]>> {
  return {
    postgresql: homes.flatMap((home) => DATABASE_ENTITIES.map((entity) => databaseUser(entity, home))),
    nats: homes.flatMap((home) => STREAM_ROLES.map((role) => streamUser(role, home))),
  };
}

/** The file of a user's password. @param folder of the laboratory's engines */
export function passwordFile(folder: string, engine: Engine, user: string): string {
  return path.join(folder, `${engine}-${user}-password`);
}

/** @throws FileError */
export function passwordOf(folder: string, engine: Engine, user: string): string {
  return readWhole(passwordFile(folder, engine, user))
    .toString('utf8')
    .trim();
}

/** What a user may say to a NATS server, and hear of it. */
export interface StreamRights {
  readonly publish: readonly string[];
  readonly subscribe: string;
}

/**
 * What a role needs of the streams of its DF, and no more; `null`: the mediation may do all.
 * @param name of the streams @param user by whose name answers come
 */
export function streamRights(role: StreamRole, name: string, user: string): StreamRights | null {
  const info = (...kinds: readonly string[]): string[] =>
    kinds.map((kind) => `$JS.API.STREAM.INFO.${name}-${kind}`);
  const each = (what: string, ...kinds: readonly string[]): string[] =>
    kinds.map((kind) => `$JS.API.${what.replace('#', `${name}-${kind}`)}`);
  const subscribe = `_INBOX.${user}.>`;
  switch (role) {
    case 'mediation':
      return null;
    case 'intake':
      return {
        publish: [
          ...[`${name}.x2.*`, `${name}.x3.*`, '$JS.API.INFO', ...info('x2', 'x3', 'lease')],
          ...each('STREAM.MSG.GET.#', 'lease'),
        ],
        subscribe,
      };
    case 'delivery': {
      const read = ['hi2', 'hi3', 'delivery', 'lemf'];
      const emptied = ['hi2', 'hi3', 'delivery'];
      return {
        publish: [
          ...['told.*', 'delivery.*', 'refused.pdu', 'hi2.floor', 'hi3.floor'].map(
            (each) => `${name}.${each}`,
          ),
          ...['$JS.API.INFO', ...info('lease', 'hi2', 'hi3', 'lemf', 'delivery', 'refused')],
          ...[...each('CONSUMER.*.#.>', ...read), ...each('CONSUMER.MSG.NEXT.#.*', ...read)],
          ...each('STREAM.PURGE.#', ...emptied),
          ...[...each('STREAM.MSG.GET.#', 'delivery'), ...each('STREAM.MSG.DELETE.#', 'delivery')],
        ],
        subscribe,
      };
    }
  }
}
