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
 * X2 and X3 have bounds of their own, in octets and in PDUs, so that media of a long outage cannot crowd out signalling.
 * Where one is reached, who holds most gives way (`bytes/fair-shares.ts`): what nobody vouches for before what is of a
 * party that is known, then the task that holds most, then its session that holds most. So neither a stranger's
 * requests nor one session's flood takes another target's place. What gives way is counted, and reported once for each
 * episode, which ends when half of the bound is free again.
 */
import { messageOf } from '../bytes/errors.ts';
import { FairShares } from '../bytes/fair-shares.ts';
import type { ShareOwner } from '../bytes/fair-shares.ts';

/** Where trouble with a destination goes (X1 ReportDestinationIssue); implementations must not throw. */
export interface DestinationIssues {
  raised(did: string, description: string): void;
  cleared(did: string): void;
  /** A destination was removed, and PDUs that waited for it will never come to it. */
  lostWithRemoved(did: string, description: string): void;
}

/** What is kept for each destination at most. */
export interface QueueLimits {
  /** Octets of X2 PDUs; default 16 MiB. */
  readonly x2?: number;
  /** Octets of X3 PDUs; default 64 MiB. */
  readonly x3?: number;
  /** X2 PDUs; default 50,000. */
  readonly x2Pdus?: number;
  /** X3 PDUs; default 250,000. */
  readonly x3Pdus?: number;
}

export const QUEUE_LIMITS: Required<QueueLimits> = {
  x2: 16 << 20,
  x3: 64 << 20,
  x2Pdus: 50_000,
  x3Pdus: 250_000,
};

/** Whose a PDU is. */
export interface PduOwner {
  readonly xid: string;
  /** The correlation ID in hex. */
  readonly session: string;
  /** Nobody vouches for the identity that matched: it is what a stranger claims to be. */
  readonly claimed: boolean;
}

export interface QueuedPdu extends PduOwner {
  readonly interface: 'x2' | 'x3';
  /** When the event was seen, Unix milliseconds. */
  readonly time: number;
  /** Octets that it takes here. */
  readonly size: number;
  /**
   * The PDU, encoded when it is first sent, and the same from then on: whoever reports an event does not wait for that.
   * @throws Error for an event that cannot be encoded
   */
  octets(): Uint8Array;
}

/** What a PDU weighs besides its octets, so that many small ones are not lighter than they are in memory. */
const OVERHEAD = 256;

/** PDUs of one interface: what they come to, and whose they are. */
class Kept {
  readonly shares = new FairShares();
  octets = 0;
  pdus = 0;
  lost = 0;

  readonly #mostOctets: number;
  readonly #mostPdus: number;

  constructor(mostOctets: number, mostPdus: number) {
    this.#mostOctets = mostOctets;
    this.#mostPdus = mostPdus;
  }

  get halfFree(): boolean {
    return this.octets <= this.#mostOctets / 2 && this.pdus <= this.#mostPdus / 2;
  }

  hasRoomFor(octets: number): boolean {
    return this.octets + octets <= this.#mostOctets && this.pdus < this.#mostPdus;
  }
}

export class DeliveryQueue {
  readonly did: string;
  readonly #issues: DestinationIssues;
  readonly #kept: Readonly<Record<'x2' | 'x3', Kept>>;
  /** By position in the sequence of all that was ever appended; what has given way leaves a gap. */
  readonly #entries = new Map<number, QueuedPdu>();
  /** No position below has an entry. */
  #head = 0;
  /** Where sending began on this connection. */
  #start = 0;
  /** Position of the next PDU to send. */
  #cursor = 0;
  /** Position of the next PDU to come. */
  #end = 0;
  #underWay = 0;
  #lost = 0;
  #overflowing = false;
  #wake: (() => void) | null = null;

  constructor(did: string, issues: DestinationIssues, limits: QueueLimits = {}) {
    const most = { ...QUEUE_LIMITS, ...limits };
    this.did = did;
    this.#issues = issues;
    this.#kept = { x2: new Kept(most.x2, most.x2Pdus), x3: new Kept(most.x3, most.x3Pdus) };
  }

  /** PDUs that wait: sent without acknowledgement, or not sent. */
  get waiting(): number {
    return this.#entries.size;
  }

  /** Octets that wait. */
  get octets(): number {
    return this.#kept.x2.octets + this.#kept.x3.octets;
  }

  /** When the event of the oldest PDU that waits was seen, Unix milliseconds; `null`: nothing waits. */
  get oldest(): number | null {
    const [first] = this.#entries.values();
    return first?.time ?? null;
  }

  /** PDUs that were sent on this connection and are not acknowledged. */
  get underWay(): number {
    return this.#underWay;
  }

  /** PDUs that were lost. */
  get lost(): number {
    return this.#lost;
  }

  /** PDUs that were lost because there was no room for them, by interface. */
  get displaced(): { readonly x2: number; readonly x3: number } {
    return { x2: this.#kept.x2.lost, x3: this.#kept.x3.lost };
  }

  /** Position after the last PDU that was handed out by `next`; for `acknowledge`. */
  get sent(): number {
    return this.#cursor;
  }

  /** Takes a PDU. Where its kind is at its bound, what gives way is counted as lost: others, or the PDU itself. */
  append(pdu: QueuedPdu): void {
    const kept = this.#kept[pdu.interface];
    const { size } = pdu;
    const owner = ownerOf(pdu);
    while (!kept.hasRoomFor(size)) {
      const victim = kept.shares.victim(owner, size + OVERHEAD);
      if (victim !== null) this.#remove(victim);
      kept.lost++;
      this.countLoss(`${pdu.interface.toUpperCase()} queue is full`);
      if (victim === null) return;
    }
    const position = this.#end++;
    kept.octets += size;
    kept.pdus++;
    kept.shares.add(owner, position, size + OVERHEAD);
    this.#entries.set(position, pdu);
    this.#wake?.();
  }

  /** Counts lost PDUs and reports the first of an episode. */
  countLoss(reason: string, count = 1): void {
    this.#lost += count;
    if (this.#overflowing) return;
    this.#overflowing = true;
    this.#issues.raised(this.did, `interception data are being lost: ${reason}`);
  }

  /** Gives up all that waits: its destination is gone. */
  abandon(): void {
    const given = this.#entries.size;
    if (given === 0) return;
    this.#lost += given;
    for (const position of this.#entries.keys()) this.#remove(position);
    this.rewind();
    this.#issues.lostWithRemoved(
      this.did,
      `the destination was removed, and ${given} PDUs that waited for it are lost`,
    );
  }

  /** The next PDU to send, or `null` when all are sent. */
  next(): Uint8Array | null {
    for (; this.#cursor < this.#end; this.#cursor++) {
      const octets = this.#encoded(this.#cursor);
      if (octets === null) continue;
      this.#cursor++;
      this.#underWay++;
      return octets;
    }
    return null;
  }

  /** Everything that is kept is to be sent again, as on a new connection, but for the first `passedOver` PDUs. */
  rewind(passedOver = 0): void {
    this.#underWay = 0;
    this.#start = this.#head;
    for (let left = passedOver; left > 0 && this.#start < this.#end; this.#start++) {
      if (this.#entries.has(this.#start)) left--;
    }
    this.#cursor = this.#start;
  }

  /** Drops all that was sent on this connection before `position`, a former value of `sent`. Gives how many PDUs. */
  acknowledge(position: number): number {
    const upTo = Math.min(position, this.#cursor);
    let acknowledged = 0;
    while (this.#start < upTo) {
      if (this.#remove(this.#start) !== null) acknowledged++;
      this.#start++;
    }
    while (this.#head < this.#start && !this.#entries.has(this.#head)) this.#head++;
    this.#endEpisode(acknowledged);
    return acknowledged;
  }

  /** Takes out the first PDU that waits. */
  takeFirst(): QueuedPdu | null {
    for (let position = this.#head; position < this.#end; position++) {
      const first = this.#remove(position);
      if (first !== null) return first;
    }
    return null;
  }

  /** Calls `wake` whenever a PDU was appended; one listener, `null` for none. */
  onAppend(wake: (() => void) | null): void {
    this.#wake = wake;
  }

  /** `null`: nothing is there, or what was there is lost, since it cannot be encoded. */
  #encoded(position: number): Uint8Array | null {
    try {
      return this.#entries.get(position)?.octets() ?? null;
    } catch (error) {
      this.#remove(position);
      this.countLoss(`event could not be encoded: ${messageOf(error)}`);
      return null;
    }
  }

  #remove(position: number): QueuedPdu | null {
    const entry = this.#entries.get(position);
    if (entry === undefined) return null;
    const kept = this.#kept[entry.interface];
    kept.octets -= entry.size;
    kept.pdus--;
    kept.shares.remove(ownerOf(entry), position);
    this.#entries.delete(position);
    if (position >= this.#start && position < this.#cursor) this.#underWay--;
    return entry;
  }

  #endEpisode(acknowledged: number): void {
    if (!this.#overflowing || acknowledged === 0) return;
    if (!this.#kept.x2.halfFree || !this.#kept.x3.halfFree) return;
    this.#overflowing = false;
    this.#issues.cleared(this.did);
  }
}

function ownerOf({ xid, session, claimed }: PduOwner): ShareOwner {
  return { standing: claimed ? 'low' : 'high', party: xid, group: session };
}
