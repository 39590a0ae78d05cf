/**
 * A store that was put back from a copy: what the DF handed over after the copy was made is not in it. So that no number
 * is given twice, each LIID's next CIN is above any that can have been given, and calls under way get new ones.
 *
 *     before      CIN 1, 2, 3, …                                  one for each call of a LIID
 *     restored    CIN t + 1, t + 2, …   t = seconds since 1970    above what a call a second would have come to
 *
 * Numbers of what is told of warrants go on from t as well. What waits in the outbox keeps its numbers, and is the same:
 * the LEMF knows it for a copy.
 */
import { DF_SCHEMA } from './df-schema.ts';
import { noticeColumn } from './stored-notices.ts';
import { openStore } from '../../../storage/sqlite.ts';
import { countColumn, TableReader, textColumn } from '../../../storage/stored-tables.ts';

const EPOCH = new TableReader('epoch', { base: countColumn });
const NOTICE = new TableReader('notice', { liid: textColumn, body: noticeColumn });

/** @param now Unix milliseconds @returns t, or what it was before if that is more */
export async function beginEpoch(file: string, now: number): Promise<number> {
  const { sqlite, kysely } = await openStore(file, DF_SCHEMA);
  try {
    return sqlite.transaction((t: number) => {
      const [before] = sqlite.prepare('SELECT base FROM epoch').all().map(EPOCH.read);
      const base = Math.max(t, before?.base ?? 0);
      sqlite.prepare('INSERT OR REPLACE INTO epoch (id, base) VALUES (1, ?)').run(base);
      sqlite.exec('DELETE FROM communication');
      // Segments of the spool have come and gone since.
      sqlite.exec('UPDATE spool_mark SET first_segment = 0, next_segment = 0, last_batch = 0');
      const notices = sqlite.prepare('SELECT liid, body FROM notice').all().map(NOTICE.read);
      const put = sqlite.prepare('UPDATE notice SET body = ? WHERE liid = ?');
      for (const { liid, body } of notices) {
        put.run(JSON.stringify({ ...body, next: Math.max(body.next, base) }), liid);
      }
      return base;
    })(Math.floor(now / 1000));
  } finally {
    await kysely.destroy();
  }
}
