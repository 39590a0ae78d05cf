/**
 * What is kept of a warrant ends a set time after the warrant has: records with their keys, content, notifications, and
 * the audio that was recovered. That a warrant has ended, a LEMF knows by the notification `liDeactivated` (HI1), or not
 * at all.
 *
 *     liDeactivated ─► ended (by the LEMF's clock) ─► `ms` later: on record ─► deleted ─► on record, with counts
 *
 * A warrant is an LIID of one delivery function, by the name in its certificate: no other can end it, nor is anything
 * else deleted for it. Its time is counted from when the notification came, whatever time is in it, so that a wrong clock,
 * or worse, deletes nothing too early; the time in it tells which of two notifications is the newer, so that a copy of an
 * old one changes nothing. What cannot be put on record is not deleted, and is tried again, as is what a crash has cut
 * off.
 */
import { messageOf } from '../../bytes/errors.ts';
import { isoTime } from '../../bytes/iso-time.ts';
import type { Clock, Logger, Timer } from '../../bytes/ports.ts';
import { toldBy } from '../../wire/hi/hi1.ts';
import type { Hi1Operation } from '../../wire/hi/hi1.ts';
import { liidText } from './notices.ts';

/** A warrant: an LIID of a delivery function. */
export interface WarrantName {
  /** One character an octet. */
  readonly liid: string;
  /** Name in the certificate. */
  readonly source: string;
}

/** What is known of a warrant. */
export interface RetainedWarrant extends WarrantName {
  /** Of the newest notification, as it says, but not after its arrival. Unix milliseconds, as all. */
  readonly toldAt: number;
  /** When the news of its end came; `null`: it is in force. */
  readonly endedAt: number | null;
  /** When what was kept of it was deleted. */
  readonly erasedAt: number | null;
}

/** Where that is remembered. */
export interface RetainedWarrants {
  find(name: WarrantName): RetainedWarrant | null;
  /** Durable when it returns. */
  put(warrant: RetainedWarrant): void;
  /** Those that ended no later than then, and are not deleted. */
  endedBy(time: number): RetainedWarrant[];
  /** All whose PDUs were deleted. */
  erased(): Iterable<WarrantName>;
}

/** PDUs that were deleted. */
export interface ErasedCounts {
  /** Records, with the keys in them. */
  readonly iri: number;
  readonly cc: number;
  /** Notifications, resets. */
  readonly other: number;
  readonly octets: number;
}

/** What was deleted of each warrant, and the audio of all. */
export interface Erased {
  readonly counts: readonly ErasedCounts[];
  readonly audioFiles: number;
}

export interface WarrantRetentionOptions {
  /** How long after the end of a warrant; `null`: for ever. */
  readonly ms: number | null;
  readonly warrants: RetainedWarrants;
  /** Puts on record. @throws if it cannot be recorded */
  readonly record: (event: RetentionRecord) => void;
  readonly erase: (warrants: readonly WarrantName[]) => Promise<Erased>;
  /** Whether files may be changed now. */
  readonly isIdle: () => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** An entry of the audit log. */
export type RetentionRecord = {
  readonly kind: 'retention-over' | 'warrant-erased';
  readonly [field: string]: string | number;
};

/** Between looks for what is due. */
const EVERY_MS = 3_600_000;
/** After one that could not be. */
const AGAIN_MS = 60_000;

export class WarrantRetention {
  readonly #options: WarrantRetentionOptions;
  /** Deleted ones: what comes of them late is deleted, too. */
  readonly #erased: Set<string>;
  /** Those that are being deleted; `true`: something came of it meanwhile. */
  readonly #erasing = new Map<string, boolean>();
  /** Put on record, and not deleted yet. */
  readonly #recorded = new Set<string>();
  #timer: Timer | null = null;
  #failure: string | null = null;
  /** When the timer goes off. */
  #dueAt = 0;
  #isStopped = false;
  #sweeping: Promise<void> = Promise.resolve();

  constructor(options: WarrantRetentionOptions) {
    this.#options = options;
    this.#erased = new Set([...options.warrants.erased()].map(keyOf));
  }

  /** Why the last deletion failed; `null`: it did not. */
  get failure(): string | null {
    return this.#failure;
  }

  /** Looks now, and from time to time. */
  start(): void {
    if (this.#options.ms !== null) this.#lookAfter(0);
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  /** Resolves when what was under way has ended. */
  ended(): Promise<void> {
    return this.#sweeping;
  }

  /** Something of a warrant was stored. */
  stored(name: WarrantName): void {
    if (this.#erased.size + this.#erasing.size === 0) return;
    const key = keyOf(name);
    if (this.#erasing.has(key)) this.#erasing.set(key, true);
    if (!this.#erased.delete(key)) return;
    const known = this.#options.warrants.find(name);
    if (known !== null) this.#options.warrants.put({ ...known, erasedAt: null });
  }

  /** A notification was stored, perhaps not for the first time. */
  notified(name: WarrantName, operation: Hi1Operation): void {
    if (operation.kind === 'alarm' || operation.kind === 'other') return;
    const { warrants, clock } = this.#options;
    const now = clock.now();
    const toldAt = Math.max(0, Math.min(toldBy(operation).time ?? now, now));
    const known = warrants.find(name);
    if (known !== null && known.toldAt >= toldAt) return;
    const endedAt = operation.kind === 'liDeactivated' ? now : null;
    warrants.put({ ...name, toldAt, endedAt, erasedAt: null });
    const { ms } = this.#options;
    if (endedAt !== null && ms !== null && now + ms < this.#dueAt) this.#lookAfter(ms);
  }

  /** Deletes what is due. */
  async #sweep(): Promise<void> {
    const { ms, warrants, isIdle, clock, logger } = this.#options;
    if (ms === null) return;
    if (!isIdle()) {
      this.#lookAfter(AGAIN_MS);
      return;
    }
    const due = warrants.endedBy(clock.now() - ms);
    try {
      if (due.length > 0) await this.#erase(due, ms);
      this.#failure = null;
      this.#lookAfter(EVERY_MS);
    } catch (error) {
      this.#failure = messageOf(error);
      logger.error({ reason: this.#failure }, 'what is kept of warrants could not be deleted');
      this.#lookAfter(AGAIN_MS);
    }
  }

  async #erase(due: readonly RetainedWarrant[], ms: number): Promise<void> {
    const { warrants, record, erase, clock } = this.#options;
    for (const warrant of due) {
      const [key, liid] = [keyOf(warrant), liidText(warrant.liid)];
      if (this.#recorded.has(key)) continue;
      const { source, endedAt } = warrant;
      const ended = isoTime(endedAt ?? 0);
      record({ kind: 'retention-over', liid, source, endedAt: ended, retention: ms / 1000 });
      this.#recorded.add(key);
    }
    for (const warrant of due) this.#erasing.set(keyOf(warrant), false);
    try {
      const { counts, audioFiles } = await erase(due);
      for (const [at, warrant] of due.entries()) {
        const key = keyOf(warrant);
        const about = { liid: liidText(warrant.liid), source: warrant.source, ...counts[at] };
        record({ kind: 'warrant-erased', ...about, warrants: due.length, audioFiles });
        this.#recorded.delete(key);
        // In force again, or something has come meanwhile: it has its time.
        if (warrants.find(warrant)?.toldAt !== warrant.toldAt || this.#erasing.get(key) === true) continue;
        warrants.put({ ...warrant, erasedAt: clock.now() });
        this.#erased.add(key);
      }
    } finally {
      this.#erasing.clear();
    }
  }

  #lookAfter(ms: number): void {
    if (this.#isStopped) return;
    this.#timer?.cancel();
    this.#dueAt = this.#options.clock.now() + ms;
    this.#timer = this.#options.clock.after(ms, () => {
      this.#sweeping = this.#sweep();
    });
  }
}

function keyOf({ liid, source }: WarrantName): string {
  return JSON.stringify([liid, source]);
}
