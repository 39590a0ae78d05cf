/**
 * PDUs that wait for their task, which the POI may know before the DF does. They are found by the task, so that a PDU
 * whose task is known costs the same however many wait, and bounded in number and octets. Where a bound is reached, the
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
  readonly #byTask = new Map<string, Set<number>>();
  readonly #shares = new FairShares();
  #octets = 0;

  constructor(held: readonly HeldPdu[]) {
    for (const pdu of held) this.add(pdu);
  }

  /** The tasks that PDUs wait for. */
  tasks(): string[] {
    return [...this.#byTask.keys()];
  }

  /** What waits for a task, oldest first. */
  of(xid: string): HeldPdu[] {
    return [...(this.#byTask.get(xid) ?? [])].flatMap((id) => this.#all.get(id) ?? []);
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
    this.#byTask.set(pdu.xid, (this.#byTask.get(pdu.xid) ?? new Set<number>()).add(pdu.id));
    this.#shares.add(ownerOf(pdu.xid), pdu.id, pdu.octets.length + OVERHEAD);
    this.#octets += pdu.octets.length;
  }

  remove(id: number): void {
    const pdu = this.#all.get(id);
    if (pdu === undefined) return;
    this.#all.delete(id);
    this.#octets -= pdu.octets.length;
    this.#shares.remove(ownerOf(pdu.xid), id);
    const ofTask = this.#byTask.get(pdu.xid);
    ofTask?.delete(id);
    if (ofTask?.size === 0) this.#byTask.delete(pdu.xid);
  }
}

function ownerOf(xid: string): ShareOwner {
  return { standing: 'high', party: xid, group: '' };
}
