/** The KMS's store in PostgreSQL: it does all that any store does, and what is decided once is decided once by many. */
import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../../../src/bytes/octets.ts';
import { Secret } from '../../../../src/bytes/secret.ts';
import { LiRoots } from '../../../../src/entities/kms/li-roots.ts';
import { PostgresqlKmsStore } from '../../../../src/entities/kms/store/postgresql.ts';
import { WarrantKeeper } from '../../../../src/entities/kms/warrants.ts';
import { databaseAsItIs } from '../../../../src/storage/postgresql.ts';
import type { DatabaseAccess } from '../../../../src/storage/postgresql.ts';
import { systemRandom } from '../../../../src/host/runtime.ts';
import { targetKeys } from '../../../../src/x1/target-keys.ts';
import { TaskTable } from '../../../../src/x1/tasks.ts';
import { task as anyTask } from '../../../poi/support.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { missingPostgresql, ownDatabase, query, testAccess } from '../../../support/postgresql.ts';
import { silent } from '../../../support/silent.ts';
import { MemoryAudit } from '../support/home.ts';
import { kmsStoreSuite } from './compliance.ts';

const PORTS = { clock: new ManualClock(), logger: silent };
const task = { ...anyTask, dids: [], mediation: [] };

describe.skipIf(missingPostgresql())('with PostgreSQL', () => {
  const schemas = new Map<string, string>();
  kmsStoreSuite({
    name: 'PostgreSQL',
    open: async (place) => {
      const access = await testAccess(schemas.get(place));
      schemas.set(place, access.schema);
      return PostgresqlKmsStore.open(access, PORTS);
    },
  });

  /** Several processes of one district, for as long as a test takes. */
  async function together<T>(
    count: number,
    work: (stores: readonly PostgresqlKmsStore[], access: DatabaseAccess) => Promise<T>,
    made = testAccess(),
  ): Promise<T> {
    const access = await made;
    const stores = await Promise.all(
      Array.from({ length: count }, () => PostgresqlKmsStore.open(access, PORTS)),
    );
    try {
      return await work(stores, access);
    } finally {
      await Promise.all(stores.map((store) => store.close()));
    }
  }

  describe('several KMSs of one district', () => {
    it('R-44: of requests with the same T and RAND that reach all at once, one is answered', () =>
      together(3, async (stores) => {
        for (let round = 0; round < 20; round++) {
          const claims = stores.map((store) => store.claimRequest(Uint8Array.of(round), 100));
          expect((await Promise.all(claims)).filter((first) => first)).toHaveLength(1);
        }
      }));

    it('R-66: questions of one exchange have as many places at all together as at one', () =>
      together(3, async (stores) => {
        const bound = { limit: 8, refill: 10, now: 100 };
        const group = Uint8Array.of(9);
        const ask = (hash: number, at: number, now = 100) =>
          stores[at % 3]!.claimQuestion(group, Uint8Array.of(hash), { ...bound, now });
        const asked = await Promise.all(Array.from({ length: 30 }, (_, hash) => ask(hash, hash)));
        expect(asked.filter((answered) => answered)).toHaveLength(8);
        // What has a place is answered anywhere, as often as it is asked, and takes no other.
        const known = asked.indexOf(true);
        expect(await Promise.all([0, 1, 2].map((at) => ask(known, at)))).toEqual([true, true, true]);
        // One place comes back, to one of those that ask for it at once.
        const later = await Promise.all([50, 51, 52].map((hash, at) => ask(hash, at, 111)));
        expect(later.filter((answered) => answered)).toHaveLength(1);
      }));

    it('R-66: the same question put to all at once takes one place', () =>
      together(3, async (stores) => {
        const bound = { limit: 2, refill: 10, now: 100 };
        const ask = (at: number, hash: number) =>
          stores[at]!.claimQuestion(Uint8Array.of(1), Uint8Array.of(hash), bound);
        expect(await Promise.all([ask(0, 7), ask(1, 7), ask(2, 7)])).toEqual([true, true, true]);
        expect(await ask(1, 8)).toBe(true);
        expect(await ask(2, 9)).toBe(false);
      }));

    it('R-25: draw one root for an epoch that begins, and one of them says so; destroyed is destroyed at all', () =>
      together(3, async (stores) => {
        const audits = stores.map(() => new MemoryAudit());
        const roots = stores.map((store, at) => new LiRoots(store, systemRandom(), audits[at]!));
        for (const period of [0, 31, 59].map((day) => day * 86_400)) {
          const drawn = await Promise.all(roots.map((each) => each.forIssue(period)));
          expect(drawn.every((root) => root?.equals(drawn[0]!))).toBe(true);
        }
        expect(audits.flatMap((audit) => audit.of('li-root-created'))).toHaveLength(3);
        await roots[0]!.destroyBefore(31 * 86_400);
        expect(await roots[1]!.forIssue(0)).toBeNull();
        expect((await roots[2]!.stateOf(31 * 86_400)).state).toBe('kept');
      }));

    it('R-25: a destroyed root is not in the table any more', () =>
      together(
        1,
        async ([store], access) => {
          const root = Secret.of(new Uint8Array(32).fill(0xc5));
          await store!.keepLiRoot('2027-03', root);
          const place = async () =>
            (await query(access, "SELECT pg_relation_filepath('li_root') AS file"))[0]?.['file'];
          const before = await place();
          expect(await store!.destroyLiRootsBefore('2027-04')).toEqual(['2027-03']);
          // It was written anew, to another file.
          expect(await place()).not.toBe(before);
          expect(await query(access, 'SELECT epoch, root FROM li_root')).toEqual([
            { epoch: '2027-03', root: null },
          ]);
        },
        ownDatabase(),
      ));

    it('R-25: destroyed roots are told of though the database fails right after it has destroyed them', () =>
      together(
        1,
        async ([store], access) => {
          await store!.keepLiRoot('2027-03', Secret.of(new Uint8Array(32).fill(0xc5)));
          // The marks are not there any more once the commit is.
          await query(
            access,
            `CREATE FUNCTION hide() RETURNS trigger LANGUAGE plpgsql AS
              $$ BEGIN ALTER TABLE erased RENAME TO hidden; RETURN NULL; END $$`,
          );
          await query(
            access,
            `CREATE CONSTRAINT TRIGGER hiding AFTER UPDATE ON li_root DEFERRABLE INITIALLY DEFERRED
              FOR EACH ROW EXECUTE FUNCTION hide()`,
          );
          expect(await store!.destroyLiRootsBefore('2027-04')).toEqual(['2027-03']);
          expect(await query(access, 'SELECT name FROM hidden')).toEqual([{ name: 'li_root' }]);
        },
        ownDatabase(),
      ));

    it('R-90: a pre-shared key that was replaced, or whose device is gone, is not in the table’s file any more', () =>
      together(
        2,
        async ([store, other], access) => {
          const key = (n: number) => new Uint8Array(32).fill(n);
          const bob = (psk: Uint8Array) => ({
            ...{ id: 'bob', publicIdentities: ['sip:bob@home1.example'], aliases: [] },
            devices: [{ credential: 'phone', psk: Secret.of(psk.slice()), certified: false, identities: [] }],
          });
          const inFile = async (...numbers: number[]): Promise<number[]> => {
            await query(access, 'CHECKPOINT');
            const found = numbers.map(async (n) => {
              const text = `SELECT position('\\x${toHex(key(n))}'::bytea in
              pg_read_binary_file(pg_relation_filepath('device'))) > 0 AS found`;
              return (await query(access, text))[0]?.['found'] === true;
            });
            const isFound = await Promise.all(found);
            return numbers.filter((_, at) => isFound[at]);
          };
          await store!.putSubscribers([bob(key(0xc0))], 0);
          expect(await inFile(0xc0)).toEqual([0xc0]);
          await store!.putSubscriber(bob(key(0x31)), 1);
          expect(await inFile(0xc0, 0x31)).toEqual([0x31]);
          // As a process leaves it that is killed before it has written the table anew: the next one does.
          const killed = await PostgresqlKmsStore.open({ ...access, timeoutMs: 200 }, PORTS);
          const older = databaseAsItIs(access);
          await older.kysely
            .transaction()
            .setIsolationLevel('repeatable read')
            .execute(async (transaction) => {
              await sql`SELECT 1 FROM device`.execute(transaction);
              await killed.putSubscriber(bob(key(0x52)), 2);
              expect(killed.notRewritten).toEqual(['device']);
            });
          await older.kysely.destroy();
          await killed.close();
          expect(await inFile(0x31, 0x52)).toEqual([0x31, 0x52]);
          await (await PostgresqlKmsStore.open(access, PORTS)).close();
          expect(await inFile(0x31, 0x52)).toEqual([0x52]);
          await store!.putSubscribers([], 3);
          expect(await inFile(0x52)).toEqual([]);
          expect([store!.notRewritten, other!.notRewritten]).toEqual([[], []]);
        },
        ownDatabase(),
      ));

    it('R-90: tables from which nothing was erased are left alone by a KMS that starts, and enrols the same', () =>
      together(1, async ([store], access) => {
        const subscriber = () => ({
          ...{ id: 'bob', publicIdentities: ['sip:bob@home1.example'], aliases: [] },
          devices: [
            { credential: 'phone', psk: Secret.of(new Uint8Array(32)), certified: false, identities: [] },
          ],
        });
        const files = () =>
          query(access, "SELECT pg_relation_filepath('device') AS d, pg_relation_filepath('li_root') AS r");
        await store!.putSubscribers([subscriber()], 1);
        const before = await files();
        const started = await PostgresqlKmsStore.open(access, PORTS);
        await started.putSubscribers([subscriber()], 2);
        await started.close();
        expect(await files()).toEqual(before);
        await store!.putSubscribers([], 3);
        const anew = await files();
        expect(anew).not.toEqual(before);
        // Nothing has been erased since.
        await (await PostgresqlKmsStore.open(access, PORTS)).close();
        expect(await files()).toEqual(anew);
      }));

    it('give a seed to one credential', () =>
      together(3, async (stores) => {
        const seeds = await Promise.all(
          stores.map((store, at) =>
            store.issueSeed({ uri: 'sip:a@b', period: 0, serial: 1, credential: String(at) }),
          ),
        );
        expect(new Set(seeds.map(({ credential }) => credential)).size).toBe(1);
      }));

    it('replace who is enrolled one after the other', () =>
      together(3, async (stores) => {
        const named = (id: string) => ({
          id,
          publicIdentities: [`sip:${id}@home1.example`],
          aliases: [],
          devices: [],
        });
        const all = ['alice', 'bob', 'carol'].map(named);
        await Promise.all(stores.map((store, at) => store.putSubscribers(all, 100 + at)));
        const held = await stores[0]!.holdings('sip:bob@home1.example');
        expect(held.map(({ until }) => until)).toEqual([Infinity]);
      }));
  });

  describe('X1 tasks of several KMSs', () => {
    const tables = (stores: readonly PostgresqlKmsStore[], clock: ManualClock) =>
      Promise.all(
        stores.map((store) =>
          TaskTable.open(clock, store.tasks(new WarrantKeeper(() => clock.now() / 1000, targetKeys))),
        ),
      );

    it('hold at all of them before one acknowledges, and end at all', () =>
      together(2, async (stores) => {
        const clock = new ManualClock(1_500_000);
        const [a, b] = await tables(stores, clock);
        await a!.activate(task);
        expect((await stores[1]!.warrant(task.xid))?.periods).toMatchObject([{ start: 1500, end: Infinity }]);
        await expect(b!.activate(task)).rejects.toMatchObject({ code: 'xid-exists' });
        await b!.refresh();
        expect(b!.task(task.xid)).toEqual(task);
        clock.advance(100_000);
        await b!.deactivate(task.xid);
        expect((await stores[0]!.warrant(task.xid))?.periods).toMatchObject([{ start: 1500, end: 1600 }]);
        await expect(a!.deactivate(task.xid)).rejects.toMatchObject({ code: 'xid-unknown' });
        expect(a!.size).toBe(0);
      }));

    it('of changes that reach several at once, each is decided on what the ones before it left', () =>
      together(3, async (stores) => {
        const all = await tables(stores, new ManualClock(1_500_000));
        const outcomes = await Promise.allSettled(all.map((table) => table.activate(task)));
        expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
        const modified = await Promise.allSettled(
          Array.from({ length: 12 }, (_, n) =>
            all[n % 3]!.modify({ ...task, targets: [{ name: 'sipUri', value: `sip:n${n}@home1.example` }] }),
          ),
        );
        expect(modified.every(({ status }) => status === 'fulfilled')).toBe(true);
        await Promise.all(all.map((table) => table.refresh()));
        const [record] = all.map((table) => table.record(task.xid));
        expect(record?.modifications).toBe(12);
        for (const table of all) expect(table.record(task.xid)).toEqual(record);
        // The warrant is that of the task as it stands.
        const targets = record?.task.targets.map(({ value }) => value);
        expect((await stores[0]!.warrant(task.xid))?.periods.at(-1)?.targets).toEqual(targets);
      }));

    it('a process that is far behind reads all that there is', () =>
      together(2, async (stores, access) => {
        const [a, b] = await tables(stores, new ManualClock(1_500_000));
        await a!.activate(task);
        await b!.refresh();
        await a!.deactivate(task.xid);
        const other = { ...task, xid: '00000000-0000-4000-8000-000000000009' };
        await a!.activate(other);
        await query(access, 'DELETE FROM task_change WHERE version < 3');
        const told: string[] = [];
        b!.subscribe(({ kind }) => told.push(kind));
        await b!.refresh();
        expect(b!.tasks()).toEqual([other]);
        expect(told.sort()).toEqual(['task-activated', 'task-deactivated']);
      }));
  });
});
