/** What may be asked of an audit log while its entity runs: where it ends, what it says, whether it can be written. */
import type { AuditPages } from './audit-pages.ts';
import type { AuditEvent, ChainHead } from './log.ts';

export interface AuditTrail {
  /** The newest record; `null`: there is none. */
  last(): { readonly sequence: number; readonly time: string } | null;
  /** Lines of the log from the record `from` on, `most` of them at most. */
  lines(from: number, most: number): Promise<string[]>;
  /** Why nothing can be recorded now; `null`: it can. */
  problem(): string | null;
  /** Puts on record what an operator did. @throws EvidenceError `not-written` */
  record(event: AuditEvent): void;
}

/** What a trail is made of. */
export interface TrailParts {
  readonly log: {
    readonly head: ChainHead | null;
    /** When the newest record was made, ISO 8601; `null`: there is none. */
    readonly lastTime: string | null;
    /** Why the last attempt to write failed; `null`: it did not. */
    readonly failure: string | null;
    append(event: AuditEvent): unknown;
  };
  readonly pages: AuditPages;
  /** Why the file cannot be written, as far as can be seen without writing; `null`: nothing is seen. */
  readonly problem: () => string | null;
}

export function trailOf({ log, pages, problem }: TrailParts): AuditTrail {
  return {
    last: () => {
      const { head, lastTime } = log;
      return head === null || lastTime === null ? null : { sequence: head.sequence, time: lastTime };
    },
    lines: (from, most) => pages.lines(from, most),
    problem: () => problem() ?? retried(log),
    record: (event) => void log.append(event),
  };
}

/** After a failure nothing but a record that is written shows that records can be written again. */
function retried(log: TrailParts['log']): string | null {
  if (log.failure === null) return null;
  try {
    log.append({ kind: 'audit-log-written-again' });
  } catch {
    return log.failure;
  }
  return null;
}
