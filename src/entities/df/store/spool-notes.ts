/** What the database has of the spool of content, as statements and as it is read. */
import type { Kysely } from 'kysely';
import { RowStatement } from '../../../storage/group-commit.ts';
import type { Write } from '../../../storage/group-commit.ts';
import { rowsOf } from '../../../storage/rows.ts';
import { STORED } from './df-tables.ts';
import type { DfTables } from './df-tables.ts';
import type { GoneRange, SpoolMark } from './spool-destination.ts';
import type { KnownSpool, RetiredContent } from './spool-recovery.ts';

const SPOOL = new RowStatement(
  'INSERT',
  STORED.spool,
  `ON CONFLICT (id) DO UPDATE SET applied = max(spool.applied, excluded.applied),
    position = max(spool.position, excluded.position)`,
);
const MARKS = new RowStatement('REPLACE', STORED.spool_mark);
const GONE = new RowStatement('REPLACE', STORED.spool_gone);
const RETIRED = new RowStatement('REPLACE', STORED.spool_retired);

/** That the database has all commits up to one, and which position was the last to be given. */
export function appliedWrite(applied: number, position: number): Write {
  return SPOOL.of([{ id: 1, applied, position }]);
}

export function goneWrites(ranges: readonly GoneRange[], retired: readonly RetiredContent[]): Write[] {
  return [GONE.of(ranges), RETIRED.of(retired)].filter(({ runs }) => runs.length > 0);
}

/** Marks, and that what lies before them need not be remembered. @param oldest position of the oldest record of all */
export function markWrites(marks: readonly SpoolMark[], oldest: number): Write[] {
  return [
    MARKS.of(marks),
    {
      text: 'DELETE FROM spool_gone WHERE did = ? AND last <= ?',
      runs: marks.map(({ did, acknowledged }) => [did, acknowledged]),
    },
    { text: 'DELETE FROM spool_retired WHERE position < ?', runs: [[oldest]] },
  ].filter(({ runs }) => runs.length > 0);
}

/** A destination that has nothing in the spool is forgotten. */
export function forgottenWrites(dids: readonly string[]): Write[] {
  const each = dids.map((did) => [did]);
  return [
    { text: 'DELETE FROM spool_mark WHERE did = ?', runs: each },
    { text: 'DELETE FROM spool_gone WHERE did = ?', runs: each },
  ].filter(({ runs }) => runs.length > 0);
}

export async function knownSpool(db: Kysely<DfTables>): Promise<KnownSpool & { readonly position: number }> {
  const [spool] = await rowsOf(db, STORED.spool);
  return {
    applied: spool?.applied ?? 0,
    position: spool?.position ?? 0,
    marks: await rowsOf(db, STORED.spool_mark),
    gone: await rowsOf(db, STORED.spool_gone),
    retired: await rowsOf(db, STORED.spool_retired),
  };
}
