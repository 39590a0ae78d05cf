/**
 * Records of what was refused to those who have no business here. Each is an event for the audit log, but whoever can
 * connect could make the log grow as long as it likes: of each peer so many are recorded in a while, then one that says
 * that further ones are only counted, and the count with the first of the next while.
 */
import type { Clock } from '../bytes/ports.ts';
import type { AuditEvent, AuditLog } from './log.ts';

export interface RefusalLimits {
  /** Records of one peer in a window. */
  readonly perPeer: number;
  /** Peers that are told apart; further ones share one account. */
  readonly peers: number;
  /** Milliseconds. */
  readonly windowMs: number;
}

export const REFUSAL_LIMITS: RefusalLimits = { perPeer: 20, peers: 256, windowMs: 3_600_000 };

interface Account {
  since: number;
  recorded: number;
  counted: number;
}

export class RefusalLog {
  readonly #audit: AuditLog;
  readonly #clock: Clock;
  readonly #limits: RefusalLimits;
  readonly #accounts = new Map<string, Account>();
  #unrecorded = 0;

  constructor(audit: AuditLog, clock: Clock, limits: RefusalLimits = REFUSAL_LIMITS) {
    this.#audit = audit;
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Refusals that were only counted, since the start. */
  get unrecorded(): number {
    return this.#unrecorded;
  }

  /** Puts a refusal on record, or counts it. @param peer as its certificate names it */
  record(peer: string, event: AuditEvent): void {
    const account = this.#accountOf(peer);
    if (account.recorded < this.#limits.perPeer) {
      const { counted } = account;
      this.#audit.append(counted === 0 ? event : { ...event, unrecordedBefore: counted });
      account.recorded += 1;
      account.counted = 0;
      return;
    }
    if (account.counted === 0) this.#audit.append({ kind: 'refusals-only-counted', peer });
    account.counted += 1;
    this.#unrecorded += 1;
  }

  #accountOf(peer: string): Account {
    const now = this.#clock.now();
    const key = this.#accounts.has(peer) || this.#makeRoom(now) ? peer : OTHERS;
    const account = this.#accounts.get(key);
    if (account === undefined) {
      const opened = { since: now, recorded: 0, counted: 0 };
      this.#accounts.set(key, opened);
      return opened;
    }
    if (now - account.since >= this.#limits.windowMs) {
      account.since = now;
      account.recorded = 0;
    }
    return account;
  }

  /** Forgets accounts whose window is over and that counted nothing. */
  #makeRoom(now: number): boolean {
    if (this.#accounts.size < this.#limits.peers) return true;
    for (const [peer, { since, counted }] of this.#accounts)
      if (counted === 0 && now - since >= this.#limits.windowMs) this.#accounts.delete(peer);
    return this.#accounts.size < this.#limits.peers;
  }
}

/** No certificate's name is empty where it is admitted to a handshake with a name. */
const OTHERS = '';
