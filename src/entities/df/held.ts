/**
 * PDUs that wait: for their task, which the POI may know before the DF does, or for a key of their call. They are
 * found by what they wait for, so that a PDU that need not wait costs the same however many do, and bounded in number and
 * octets. Where a bound is reached, the
 * task of which most waits gives way.
 */
import { FairShares } from '../../bytes/fair-shares.ts';
import type { ShareOwner } from '../../bytes/fair-shares.ts';
import type { HeldPdu } from './ports.ts';

/** What may wait. */
export interface HoldLimits {
  readonly pdus: number;
  readonly octets: number;
}

export const HOLD_LIMITS: HoldLimits = { pdus: 10_000, octets: 64 << 20 };

/** What a PDU weighs besides its octets. */
const OVERHEAD = 256;

export class HeldPdus {
  /** In the order of their coming. */
  readonly #all = new Map<number, HeldPdu>();
  /** By what they wait for. */
  readonly #by = new Map<string, Set<number>>();
  readonly #shares = new FairShares();
  #octets = 0;

  constructor(held: readonly HeldPdu[]) {
    for (const pdu of held) this.add(pdu);
  }

  /** How many wait. */
  get count(): number {
    return this.#all.size;
  }

  get octets(): number {
    return this.#octets;
  }

  /** What PDUs wait for. */
  awaited(): string[] {
    return [...this.#by.keys()];
  }

  /** What waits for a task, or for keys of a call under a task, oldest first. */
  of(xid: string, correlation = ''): HeldPdu[] {
    return [...(this.#by.get(awaitedOf(xid, correlation)) ?? [])].flatMap((id) => this.#all.get(id) ?? []);
  }

  /** What waits under a task, whatever for; looks at all. */
  under(xid: string): HeldPdu[] {
    return [...this.#all.values()].filter((pdu) => pdu.xid === xid);
  }

  get(id: number): HeldPdu | null {
    return this.#all.get(id) ?? null;
  }

  /** What came before a time; the rest is not looked at. */
  before(time: number): HeldPdu[] {
    const found: HeldPdu[] = [];
    for (const pdu of this.#all.values()) {
      if (pdu.since >= time) break;
      found.push(pdu);
    }
    return found;
  }

  /** Whether one more fits. */
  hasRoomFor(octets: number, { pdus, octets: most }: HoldLimits): boolean {
    return this.#all.size < pdus && this.#octets + octets <= most;
  }

  /** Which one has to go so that one of that task and size may come; `null`: the newcomer. */
  victim(xid: string, octets: number): number | null {
    return this.#shares.victim(ownerOf(xid), octets + OVERHEAD);
  }

  add(pdu: HeldPdu): void {
    this.#all.set(pdu.id, pdu);
    const awaited = awaitedOf(pdu.xid, pdu.correlation);
    this.#by.set(awaited, (this.#by.get(awaited) ?? new Set<number>()).add(pdu.id));
    this.#shares.add(ownerOf(pdu.xid), pdu.id, pdu.octets.length + OVERHEAD);
    this.#octets += pdu.octets.length;
  }

  remove(id: number): void {
    const pdu = this.#all.get(id);
    if (pdu === undefined) return;
    this.#all.delete(id);
    this.#octets -= pdu.octets.length;
    this.#shares.remove(ownerOf(pdu.xid), id);
    const awaited = awaitedOf(pdu.xid, pdu.correlation);
    const others = this.#by.get(awaited);
    others?.delete(id);
    if (others?.size === 0) this.#by.delete(awaited);
  }
}

/** A task, or a call under a task. */
function awaitedOf(xid: string, correlation: string): string {
  return correlation === '' ? xid : `${xid} ${correlation}`;
}

function ownerOf(xid: string): ShareOwner {
  return { standing: 'high', party: xid, group: '' };
}
