/**
 * What several KMSs of one district keep together, in PostgreSQL. One decision is one transaction: what must not be decided
 * twice is decided while nobody else can, in whichever process.
 *
 *     a request of a phone   its claim is a row that is there once
 *     a question of a DF     places of its group are counted while no other question of the group is
 *     the root of an epoch   the first one that is drawn stands; whoever drew another has that one
 *     a seed                 the first credential that it is issued to has it
 *     tasks, warrants        in one transaction (`src/x1/shared-task-store.ts`)
 *     who is enrolled        replaced by one process at a time
 *
 * Secrets are in the database as they are, and what was deleted stays in its log and its copies: both belong under the
 * operator's own encryption ([security](docs/security.md)).
 */
import type { QueryExecutorProvider, Transaction } from 'kysely';
import { sql } from 'kysely';
import { toHex } from '../../../bytes/octets.ts';
import { holdUntilEnd, openPostgresql } from '../../../storage/postgresql.ts';
import type { DatabaseAccess, DatabasePool, OpenedDatabase } from '../../../storage/postgresql.ts';
import { rowsOf, updateRows } from '../../../storage/rows.ts';
import { instanceHead } from '../../../storage/instances.ts';
import type { HeadMemory } from '../../../evidence/kept-log.ts';
import { SharedTaskStore } from '../../../x1/shared-task-store.ts';
import type { QuestionBound } from '../ports.ts';
import type { WarrantKeeper } from '../warrants.ts';
import { SHARED_KMS_SCHEMA } from './postgresql-schema.ts';
import { KMS_TABLES } from './schema.ts';
import type { KmsTables } from './schema.ts';
import { PLACE, questionPlaceOf, SqlKmsStore, warrantsOver } from './sql.ts';

export class PostgresqlKmsStore extends SqlKmsStore {
  readonly pool: DatabasePool;

  private constructor({ kysely, pool }: OpenedDatabase<KmsTables>) {
    super(kysely);
    this.pool = pool;
  }

  /** @throws StorageError `newer`, `foreign`, `unavailable`, `refused` */
  static async open(access: DatabaseAccess): Promise<PostgresqlKmsStore> {
    return new PostgresqlKmsStore(await openPostgresql<KmsTables>(access, SHARED_KMS_SCHEMA));
  }

  /** The X1 tasks of the KMS; warrants follow them in the same transaction. */
  tasks(keeper: WarrantKeeper): SharedTaskStore<KmsTables> {
    return new SharedTaskStore(this.db, {
      heard: (change) => keeper.heard(change),
      around: (change, transaction, write) => keeper.around(change, warrantsOver(transaction), write),
    });
  }

  /** The end of the audit log of a process. */
  auditHead(instance: string): HeadMemory {
    return instanceHead(this.db, instance);
  }

  claimQuestion(group: Uint8Array, hash: Uint8Array, bound: QuestionBound): Promise<boolean> {
    const [claimGroup, asked] = [toHex(group), toHex(hash)];
    return this.db.transaction().execute(async (transaction) => {
      await holdUntilEnd(transaction, 'question', claimGroup);
      const place = questionPlaceOf(await placesOf(transaction, claimGroup), asked, bound);
      if (typeof place === 'number') {
        const row = { kind: 'question' as const, claimGroup, hash: asked, expires: place };
        await updateRows(transaction, KMS_TABLES.claim, ['kind', 'claimGroup', 'hash'], [row]);
      }
      return place !== 'full';
    });
  }

  override async close(): Promise<void> {
    await super.close();
    await this.pool.end();
  }

  protected enrolling(work: (transaction: Transaction<KmsTables>) => Promise<void>): Promise<void> {
    return this.db.transaction().execute(async (transaction) => {
      await holdUntilEnd(transaction, 'subscribers');
      await work(transaction);
    });
  }

  /** The table is written anew, without what it held. The log of the database has that until it is recycled. */
  protected async overwritten(): Promise<void> {
    await sql`VACUUM (FULL) li_root`.execute(this.db);
  }
}

/* ---------------------------------------------------------------- helpers */

function placesOf(db: QueryExecutorProvider, group: string) {
  return rowsOf(db, PLACE, sql`WHERE kind = 'question' AND claim_group = ${group}`);
}
