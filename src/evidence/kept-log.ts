/**
 * The audit log of an entity that has a store: the store remembers where the log was, so that whoever removes the log
 * with all that lies beside it is missed.
 *
 *     append ──► FILE (synced) ──► FILE.head (each record) ──► the store (at start, within a minute, at stop)
 *
 * What the store remembers may lag behind: after a crash by a minute, after it was restored by the age of the copy.
 * Nobody who appends waits for it.
 */
import { SerialQueue } from '../bytes/serial-queue.ts';
import type { Clock, Logger, Timer } from '../bytes/ports.ts';
import { AuditFile } from './audit-file.ts';
import { AuditPages } from './audit-pages.ts';
import { EvidenceError, HashChainLog } from './log.ts';
import type { ChainHead } from './log.ts';
import { trailOf } from './trail.ts';
import type { AuditTrail } from './trail.ts';

/** Where the newest record of a log is remembered apart from the log. */
export interface HeadMemory {
  /** What was saved last; `null`: nothing. */
  load(): Promise<ChainHead | null>;
  /** Durable when it resolves. */
  save(head: ChainHead): Promise<void>;
}

export interface KeptLog {
  readonly log: HashChainLog;
  readonly trail: AuditTrail;
  /** Remembers the end and closes the file; the memory stays open. */
  readonly close: () => Promise<void>;
}

/** How far what is remembered may lag behind the log, milliseconds. */
export const REMEMBER_MS = 60_000;

/**
 * @param file made if missing
 * @throws EvidenceError also `cut-off`, if the log lacks the record that is remembered; what `memory` throws
 */
export async function openKeptLog(
  file: string,
  memory: HeadMemory,
  runtime: { readonly clock: Clock; readonly logger: Logger },
): Promise<KeptLog> {
  const known = await memory.load();
  const lines = new AuditFile(file);
  const keeper = new HeadKeeper(memory, runtime.clock, runtime.logger);
  const store = {
    lines: () => lines.lines(),
    append: (text: string) => lines.append(text),
    later: lines.later,
    head: () => lines.head(),
    remember: (head: ChainHead) => {
      lines.remember(head);
      keeper.note(head);
    },
  };
  try {
    const log = new HashChainLog(store, runtime.clock, known);
    await keeper.keep(log.head);
    return {
      log,
      trail: trailOf({ log, pages: new AuditPages(file), problem: () => lines.problem() }),
      close: async () => {
        await log.settled();
        await keeper.close();
        lines.close();
      },
    };
  } catch (error) {
    lines.close();
    throw error instanceof EvidenceError
      ? new EvidenceError(error.code, `${file}: ${error.message}`, { cause: error.cause })
      : error;
  }
}

class HeadKeeper {
  readonly #memory: HeadMemory;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #saving = new SerialQueue();
  /** What is yet to be saved. */
  #latest: ChainHead | null = null;
  #timer: Timer | null = null;
  #closed = false;

  constructor(memory: HeadMemory, clock: Clock, logger: Logger) {
    this.#memory = memory;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** To be saved within a minute, with what comes until then. */
  note(head: ChainHead): void {
    this.#latest = head;
    this.#soon();
  }

  #soon(): void {
    if (!this.#closed) this.#timer ??= this.#clock.after(REMEMBER_MS, () => void this.#save());
  }

  /** To be saved now. */
  keep(head: ChainHead | null): Promise<void> {
    this.#latest = head;
    return this.#save();
  }

  close(): Promise<void> {
    this.#closed = true;
    return this.#save();
  }

  /** A store that fails holds nobody up: it is told of, and the next minute tries again. */
  #save(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = null;
    return this.#saving.run(async () => {
      const head = this.#latest;
      if (head === null) return;
      try {
        await this.#memory.save(head);
        if (this.#latest === head) this.#latest = null;
      } catch (error) {
        this.#logger.error({ error }, 'the end of the audit log could not be remembered in the store');
        this.#soon();
      }
    });
  }
}
