/**
 * The LI roots: 32 octets per epoch, drawn when the epoch's first seed is wanted, destroyed when retention has passed. An
 * epoch is a calendar month, UTC; a period belongs to the epoch of its start. Once the root of an epoch and the seeds in
 * the endpoints are gone, nobody can redraw a secret of that time: so a destroyed epoch stays on record as destroyed, and
 * no new root ever takes its place.
 */
import type { AuditLog } from '../../evidence/log.ts';
import type { Random } from '../../bytes/ports.ts';
import { Secret } from '../../bytes/secret.ts';
import type { LiRootState, LiRootStore } from './ports.ts';

const ROOT_OCTETS = 32;
/** Seconds of the longest epoch: after that and retention, the LI root of an exchange is destroyed. */
export const LONGEST_EPOCH = 31 * 86_400;

/** `YYYY-MM` of the month that contains `time`; these sort by time. */
export function epochOf(time: number): string {
  return new Date(time * 1000).toISOString().slice(0, 7);
}

export class LiRoots {
  readonly #store: LiRootStore;
  readonly #random: Random;
  readonly #audit: AuditLog;

  constructor(store: LiRootStore, random: Random, audit: AuditLog) {
    this.#store = store;
    this.#random = random;
    this.#audit = audit;
  }

  /** The root (a copy, to be wiped) for a period whose seed is to be issued, drawn now if the epoch has none; `null` once destroyed. */
  async forIssue(period: number): Promise<Secret | null> {
    const epoch = epochOf(period);
    const known = await this.#store.liRoot(epoch);
    if (known.state !== 'absent') return rootOf(known);
    const drawn = Secret.of(this.#random.bytes(ROOT_OCTETS));
    const kept = await this.#store.keepLiRoot(epoch, drawn);
    // Another process may have been first.
    const isOwn = kept.state === 'kept' && kept.root.equals(drawn);
    drawn.wipe();
    if (isOwn) this.#audit.append({ kind: 'li-root-created', epoch });
    return rootOf(kept);
  }

  /** What is known of the root of a period's epoch. */
  stateOf(period: number): Promise<LiRootState> {
    return this.#store.liRoot(epochOf(period));
  }

  /** Destroys the roots of all epochs that ended before the epoch of `time`. */
  async destroyBefore(time: number): Promise<void> {
    for (const epoch of await this.#store.destroyLiRootsBefore(epochOf(time))) {
      this.#audit.append({ kind: 'li-root-destroyed', epoch });
    }
  }
}

function rootOf(state: LiRootState): Secret | null {
  return state.state === 'kept' ? state.root : null;
}
