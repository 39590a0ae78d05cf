/**
 * What waits at a point of interception for one destination. A PDU stays here until a keepalive that was sent after it
 * on the same connection has been acknowledged, because the DF acknowledges a keepalive only when everything before it
 * is on its disk. After a reconnect all that is left is sent again, oldest first; the receiver knows the copies by
 * their sequence numbers.
 *
 *     ┌ acknowledged, gone ┐┌── sent, kept ──┐┌─ not sent ─┐
 *     ·····················│p₃  p₄  p₅  p₆   │p₇  p₈       ← append
 *                          head             cursor
 *
 * X2 and X3 have bounds of their own, so that media of a long outage cannot crowd out signalling. What does not fit is
 * counted and reported once for each episode.
 */
/** Where trouble with a destination goes (X1 ReportDestinationIssue); implementations must not throw. */
export interface DestinationIssues {
  raised(did: string, description: string): void;
  cleared(did: string): void;
  /** A destination was removed, and PDUs that waited for it will never come to it. */
  lostWithRemoved(did: string, description: string): void;
}

export interface QueueLimits {
  /** Octets of X2 PDUs kept; default 16 MiB. */
  readonly x2?: number;
  /** Octets of X3 PDUs kept; default 64 MiB. */
  readonly x3?: number;
}

interface Entry {
  readonly interface: 'x2' | 'x3';
  readonly octets: Uint8Array;
}

export class DeliveryQueue {
  readonly did: string;
  readonly #issues: DestinationIssues;
  readonly #limits: Required<QueueLimits>;
  #kept = { x2: 0, x3: 0 };
  #entries: Entry[] = [];
  /** Position of `#entries[0]` in the sequence of all that was ever appended. */
  #head = 0;
  /** Position of the next PDU to send. */
  #cursor = 0;
  #lost = 0;
  #overflowing = false;
  #wake: (() => void) | null = null;

  constructor(did: string, issues: DestinationIssues, limits: QueueLimits = {}) {
    this.did = did;
    this.#issues = issues;
    this.#limits = { x2: limits.x2 ?? 16 << 20, x3: limits.x3 ?? 64 << 20 };
  }

  /** PDUs that wait: sent without acknowledgement, or not sent. */
  get waiting(): number {
    return this.#entries.length;
  }

  /** PDUs that were lost. */
  get lost(): number {
    return this.#lost;
  }

  /** Position after the last PDU that was handed out by `next`; for `acknowledge`. */
  get sent(): number {
    return this.#cursor;
  }

  /** Takes a PDU, or counts it as lost where its kind is at its bound. */
  append(kind: 'x2' | 'x3', octets: Uint8Array): void {
    if (this.#kept[kind] + octets.length > this.#limits[kind]) {
      this.countLoss(`${kind.toUpperCase()} queue is full`);
      return;
    }
    this.#kept[kind] += octets.length;
    this.#entries.push({ interface: kind, octets });
    this.#wake?.();
  }

  /** Counts a lost PDU and reports the first of an episode. */
  countLoss(reason: string): void {
    this.#lost++;
    if (this.#overflowing) return;
    this.#overflowing = true;
    this.#issues.raised(this.did, `interception data are being lost: ${reason}`);
  }

  /** Gives up all that waits: its destination is gone. */
  abandon(): void {
    const given = this.#entries.length;
    if (given === 0) return;
    this.#lost += given;
    this.#entries = [];
    this.#kept = { x2: 0, x3: 0 };
    this.#head += given;
    this.rewind();
    this.#issues.lostWithRemoved(
      this.did,
      `the destination was removed, and ${given} PDUs that waited for it are lost`,
    );
  }

  /** The next PDU to send, or `null` when all are sent. */
  next(): Uint8Array | null {
    const entry = this.#entries[this.#cursor - this.#head];
    if (entry === undefined) return null;
    this.#cursor++;
    return entry.octets;
  }

  /** After a new connection: everything that is kept is to be sent again. */
  rewind(): void {
    this.#cursor = this.#head;
  }

  /** Drops all before `position`, a former value of `sent`. */
  acknowledge(position: number): void {
    const count = Math.min(position, this.#cursor) - this.#head;
    if (count <= 0) return;
    for (const entry of this.#entries.slice(0, count)) this.#kept[entry.interface] -= entry.octets.length;
    this.#entries = this.#entries.slice(count);
    this.#head += count;
    if (this.#overflowing) {
      this.#overflowing = false;
      this.#issues.cleared(this.did);
    }
  }

  /** Calls `wake` whenever a PDU was appended; one listener, `null` for none. */
  onAppend(wake: (() => void) | null): void {
    this.#wake = wake;
  }
}
