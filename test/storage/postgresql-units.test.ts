/** Group commit to PostgreSQL: by how many statements it writes what it is given. */
import type { CompiledQuery, QueryExecutorProvider } from 'kysely';
import { describe, expect, it } from 'vitest';
import { clearance, removal, RowStatement } from '../../src/storage/group-commit.ts';
import type { Write } from '../../src/storage/group-commit.ts';
import { PostgresqlUnits } from '../../src/storage/postgresql-units.ts';
import { countColumn, octetsColumn, TableReader } from '../../src/storage/stored-tables.ts';

const ENTRY = new TableReader('entry', { id: countColumn, octets: octetsColumn });

/** The statements by which writes are done. @param affected rows that each of them is said to have touched */
async function statementsOf(writes: readonly Write[], affected: number[] = []): Promise<CompiledQuery[]> {
  const executed: CompiledQuery[] = [];
  const executeQuery = (query: CompiledQuery) => {
    executed.push(query);
    return Promise.resolve({ rows: [], numAffectedRows: BigInt(affected.shift() ?? 0) });
  };
  const database = { getExecutor: () => ({ executeQuery }) } as unknown as QueryExecutorProvider;
  await new PostgresqlUnits((work) => work(database)).run({ writes });
  return executed;
}

const rows = (count: number, octets: number) =>
  Array.from({ length: count }, (_, id) => ({ id, octets: new Uint8Array(octets) }));

describe('group commit to PostgreSQL', () => {
  it('writes and takes away many rows by one statement', async () => {
    const ids = rows(500, 1).map(({ id }) => [id]);
    const [added, gone, ...others] = await statementsOf([
      RowStatement.adding(ENTRY).of(rows(500, 1)),
      removal('entry', ['id'], ids, 'RETURNING id'),
    ]);
    expect(added?.sql).toMatch(
      /^INSERT INTO "entry" \("id", "octets"\) VALUES \(\$1, \$2\), .*\(\$999, \$1000\)$/,
    );
    expect(gone?.sql).toMatch(/^DELETE FROM entry WHERE \(id\) IN \( \(\$1\), .*\(\$500\) \) RETURNING id$/);
    expect(gone?.parameters).toEqual(ids.flat());
    expect(others).toEqual([]);
  });

  it.each([
    ['rows', 1_001, 1, [500, 500, 1]],
    ['octets', 5, 2_000_000, [2, 2, 1]],
    ['octets of one row', 2, 5 << 20, [1, 1]],
  ])('gives a statement so many %s at most', async (_, count, octets, parts) => {
    const statements = await statementsOf([RowStatement.adding(ENTRY).of(rows(count, octets))]);
    expect(statements.map(({ parameters }) => parameters.length / 2)).toEqual(parts);
  });

  it('of rows with the same key, puts the last one', async () => {
    const twice = [1, 2].map((value) => ({ id: 7, octets: new Uint8Array([value]) }));
    const [statement] = await statementsOf([RowStatement.putting(ENTRY, ['id']).of(twice)]);
    expect(statement?.parameters).toEqual([7, new Uint8Array([2])]);
  });

  it('takes away the rows of a condition a part at a time, until there are no more', async () => {
    const statements = await statementsOf([clearance('entry', 'id < ?', [9])], [10_000, 10_000, 3, 1]);
    expect(statements).toHaveLength(3);
    for (const { sql, parameters } of statements) {
      expect(sql).toMatch(/WHERE ctid = ANY \(ARRAY\(SELECT ctid FROM entry WHERE id < \$1 LIMIT 10000\)\)$/);
      expect(parameters).toEqual([9]);
    }
  });
});
