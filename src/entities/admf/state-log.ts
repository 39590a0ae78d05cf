/** What the log says of warrants: that one has come to a state in which it stays. It names no target and nobody. */
import type { Logger } from '../../bytes/ports.ts';
import type { WarrantListener } from './warrant-book.ts';
import type { WarrantState } from './warrants.ts';

/** On the way there, elements are asked, and officers; the audit log and the warrant's history have all of it. */
const TOLD: readonly WarrantState[] = ['active', 'suspended', 'ended', 'rejected', 'failed'];

/** Writes `warrant active` and the like, once each time. */
export function stateLog(logger: Logger): WarrantListener {
  return ({ xid, state }, before) => {
    const isNew = before?.xid !== xid || before.state !== state;
    if (isNew && TOLD.includes(state)) logger.info({ xid, state }, `warrant ${state}`);
  };
}
