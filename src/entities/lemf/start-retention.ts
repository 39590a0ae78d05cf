/** What a LEMF deletes, wired: what it knows of warrants, its audit log, and the thread that overwrites. */
import path from 'node:path';
import { openKeptLog } from '../../evidence/kept-log.ts';
import type { AuditLog } from '../../evidence/log.ts';
import type { AuditTrail } from '../../evidence/trail.ts';
import type { Runtime } from '../../host/runtime.ts';
import type { LemfConfig } from './config.ts';
import { liidText } from './notices.ts';
import { WarrantRetention } from './retention.ts';
import type { OpenAsking } from './start-asking.ts';
import type { Erased, WarrantName } from './retention.ts';
import type { LemfFiles } from './store/files.ts';
import { SqliteWarrants, WARRANTS_FILE } from './store/warrants.ts';
import type { LiveRecovery } from './workers/live-recovery.ts';
import { erasedOf, RecoveryThread } from './workers/recovery-thread.ts';

export interface OpenRetention {
  readonly retention: WarrantRetention;
  /** `null`: nothing is deleted and nobody looks, so that there is nothing to put on record. */
  readonly trail: AuditTrail | null;
  readonly audit: Pick<AuditLog, 'append'> | null;
  close(): Promise<void>;
}

/** What is known of warrants is kept in any case, so that it is there when a retention is set later. */
export async function openRetention(
  { folder, retention: seconds, analysts }: LemfConfig,
  runtime: Pick<Runtime, 'clock' | 'logger'>,
  {
    files,
    live,
    asking,
    isIdle,
  }: {
    readonly files: LemfFiles;
    readonly live: LiveRecovery | null;
    readonly asking: OpenAsking | null;
    readonly isIdle: () => boolean;
  },
): Promise<OpenRetention> {
  const { clock, logger } = runtime;
  const warrants = await SqliteWarrants.open(path.join(folder, WARRANTS_FILE));
  try {
    const log = path.join(folder, 'audit.jsonl');
    const isRecorded = seconds !== undefined || analysts !== undefined;
    const audit = isRecorded ? await openKeptLog(log, warrants.auditHead, runtime) : null;
    if (files.finished > 0) audit?.log.append({ kind: 'erasure-finished', pdus: files.finished });
    let thread: RecoveryThread | null = null;
    const eraseAlone = async (due: readonly WarrantName[]): Promise<Erased> => {
      thread = new RecoveryThread();
      try {
        const order = { folder, to: files.lengths, warrants: due, look: null };
        return erasedOf(await thread.run({ kind: 'erase', ...order }));
      } finally {
        await thread.end();
        thread = null;
      }
    };
    const retention = new WarrantRetention({
      ms: seconds === undefined ? null : seconds * 1000,
      warrants,
      record: (event) => audit?.log.append(event),
      erase: async (due) => {
        // What was asked goes first: the calls that are recovered meanwhile have nothing of it any more.
        for (const { liid } of due) asking?.forget(liidText(liid));
        const erased = await (live === null ? eraseAlone(due) : live.erase(due));
        await files.changed();
        return erased;
      },
      isIdle,
      clock,
      logger,
    });
    return {
      retention,
      trail: audit?.trail ?? null,
      audit: audit?.log ?? null,
      close: async () => {
        // What is cut off goes on at the next start.
        await thread?.end(true);
        await retention.ended();
        await audit?.close();
        warrants.close();
      },
    };
  } catch (error) {
    warrants.close();
    throw error;
  }
}
