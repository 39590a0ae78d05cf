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
import { ErasedTables, markErased } from '../../../storage/erased-tables.ts';
import { instanceHead } from '../../../storage/instances.ts';
import type { LockPorts } from '../../../storage/instances.ts';
import { holdUntilEnd, openPostgresql } from '../../../storage/postgresql.ts';
import type { DatabaseAccess, DatabasePool, OpenedDatabase } from '../../../storage/postgresql.ts';
import { rowsOf, updateRows } from '../../../storage/rows.ts';
import type { HeadMemory } from '../../../evidence/kept-log.ts';
import { patternColumn, TableReader } from '../../../storage/stored-tables.ts';
import { SharedTaskStore } from '../../../x1/shared-task-store.ts';
import type { QuestionBound } from '../ports.ts';
import type { WarrantKeeper } from '../warrants.ts';
import { SHARED_KMS_SCHEMA } from './postgresql-schema.ts';
import { KMS_TABLES } from './schema.ts';
import type { KmsTables } from './schema.ts';
import { PLACE, questionPlaceOf, SqlKmsStore, warrantsOver } from './sql.ts';

export class PostgresqlKmsStore extends SqlKmsStore {
  readonly pool: DatabasePool;
  readonly #erased: ErasedTables<KmsTables>;

  private constructor({ kysely, pool }: OpenedDatabase<KmsTables>, erased: ErasedTables<KmsTables>) {
    super(kysely);
    this.pool = pool;
    this.#erased = erased;
  }

  /** @throws StorageError `newer`, `foreign`, `unavailable`, `refused` */
  static async open(access: DatabaseAccess, ports: LockPorts): Promise<PostgresqlKmsStore> {
    const opened = await openPostgresql<KmsTables>(access, SHARED_KMS_SCHEMA);
    const erased = new ErasedTables(opened.kysely, access, ports);
    await erased.takeUp();
    return new PostgresqlKmsStore(opened, erased);
  }

  /** Tables that still have, in their files, what was erased from them. */
  get notRewritten(): readonly string[] {
    return this.#erased.waiting;
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
    this.#erased.stop();
    await super.close();
    await this.pool.end();
  }

  /** Keys that are replaced are in the table's files no more. */
  protected async enrolling(work: (transaction: Transaction<KmsTables>) => Promise<void>): Promise<void> {
    await this.db.transaction().execute(async (transaction) => {
      await holdUntilEnd(transaction, 'subscribers');
      const before = await keyDigests(transaction);
      await work(transaction);
      const after = new Set(await keyDigests(transaction));
      if (before.some((digest) => !after.has(digest))) await markErased(transaction, 'device');
    });
    await this.#erased.takeUp();
  }

  protected overwriting(transaction: Transaction<KmsTables>): Promise<void> {
    return markErased(transaction, 'li_root');
  }

  protected overwritten(): Promise<void> {
    return this.#erased.takeUp();
  }
}

/* ---------------------------------------------------------------- helpers */

/** What tells pre-shared keys apart, without them. */
async function keyDigests(db: QueryExecutorProvider): Promise<string[]> {
  const { rows } = await sql`SELECT encode(sha256(psk), 'hex') AS digest FROM device
    WHERE psk IS NOT NULL`.execute(db);
  return rows.map((row) => KEY_DIGEST.read(row).digest);
}

const KEY_DIGEST = new TableReader('device', { digest: patternColumn(/^[0-9a-f]{64}$/, 'a hash in hex') });

function placesOf(db: QueryExecutorProvider, group: string) {
  return rowsOf(db, PLACE, sql`WHERE kind = 'question' AND claim_group = ${group}`);
}
