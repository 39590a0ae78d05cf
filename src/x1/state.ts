/** What a network element keeps on disk for X1: its tasks, and its audit log, whose end is remembered with them. */
import type { Clock, Logger } from '../bytes/ports.ts';
import { openKeptLog } from '../evidence/kept-log.ts';
import type { AuditLog } from '../evidence/log.ts';
import type { AuditTrail } from '../evidence/trail.ts';
import { SqliteTaskStore } from './task-store.ts';

export interface NeState {
  readonly tasks: SqliteTaskStore;
  readonly audit: AuditLog;
  readonly trail: AuditTrail;
  close(): Promise<void>;
}

/**
 * @param files `store` of the tasks, `audit` the log; made if missing
 * @throws StorageError, EvidenceError also `cut-off`, if the log lacks what the store remembers of it
 */
export async function openNeState(
  files: { readonly store: string; readonly audit: string },
  runtime: { readonly clock: Clock; readonly logger: Logger },
): Promise<NeState> {
  const tasks = await SqliteTaskStore.open(files.store);
  try {
    const kept = await openKeptLog(files.audit, tasks.auditHead, runtime);
    return {
      tasks,
      audit: kept.log,
      trail: kept.trail,
      close: async () => {
        await kept.close();
        await tasks.close();
      },
    };
  } catch (error) {
    await tasks.close();
    throw error;
  }
}
