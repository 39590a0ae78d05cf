/**
 * What waits for one destination is bounded, and what is beyond the bound gives way by a rule, so that a LEMF that is away,
 * or a target who floods, costs nobody else anything:
 *
 *     content (HI3)          has 7/8 of the bound; beyond, content gives way
 *     records (HI2)          have all of it: the rest is their reserve, and content gives way to them before they do
 *     notifications (HI1)    never give way, since they say what did, nor does anything give way to them
 *
 * Who gives way is the warrant that has most of it waiting there, with what is newest of it; what came of others stays.
 * What came in this turn does not get into the outbox at all. Numbers that were given stay given, so a LEMF sees the gap;
 * what it is told of it is kept with the state that the turn commits (`loss-reports.ts`).
 */
import type { Amount, Outbox, OutboxAppend, WaitingShare } from './ports.ts';
import type { GaveWay } from './losses.ts';
import type { WorkingState } from './working-state.ts';

export type BacklogOutbox = Pick<Outbox, 'waiting' | 'shares' | 'newest'>;

export interface BacklogOptions {
  /** For each destination. */
  readonly bound: Amount;
  readonly outbox: BacklogOutbox;
}

/** The part of the bound that content may fill; and the one above which there is an alarm: content may give way soon. */
const CONTENT = 7 / 8;
const ALARM = 13 / 16;

/** Where room has to be made in the outbox, it is made for more than one PDU: this part of the bound, or so much. */
const AT_ONCE = 1 / 64;
const MOST_AT_ONCE = { octets: 1 << 20, count: 4096 };

/** Whether so much is near the bound. */
export function isNearBound(waiting: Amount, bound: Amount): boolean {
  return exceeded(waiting, part(bound, ALARM)) !== null;
}

/** Makes room at all destinations for what a turn has appended. Gives what gave way. */
export async function makeRoom(
  state: WorkingState,
  { bound, outbox }: BacklogOptions,
): Promise<readonly GaveWay[]> {
  const gone: GaveWay[] = [];
  const limit = part(bound, CONTENT);
  for (const [did, amount] of appendedTo(state)) {
    if (exceeded(sum(outbox.waiting(did), amount), limit) === null) continue;
    const appended = state.appended.filter((entry) => entry.did === did);
    const own = appended.map((entry) => ({ ...entry, count: 1, octets: entry.octets.length }));
    const shares = new Shares(bound);
    for (const share of [...outbox.shares(did), ...own]) shares.add(share);
    gone.push(...(await new Clearance(state, outbox, did, shares, appended).run()));
  }
  return gone;
}

/** How much a turn has appended for each destination. */
function appendedTo(state: WorkingState): Map<string, Amount> {
  const amounts = new Map<string, { count: number; octets: number }>();
  for (const { did, octets } of state.appended) {
    const amount = amounts.get(did) ?? { count: 0, octets: 0 };
    if (amount.count === 0) amounts.set(did, amount);
    amount.count += 1;
    amount.octets += octets.length;
  }
  return amounts;
}

/** Making room at one destination. */
class Clearance {
  readonly #state: WorkingState;
  readonly #outbox: BacklogOutbox;
  readonly #did: string;
  readonly #shares: Shares;
  /** Oldest first. */
  readonly #appended: OutboxAppend[];
  readonly #dropped = new Set<OutboxAppend>();
  readonly #gone: GaveWay[] = [];

  constructor(
    state: WorkingState,
    outbox: BacklogOutbox,
    did: string,
    shares: Shares,
    appended: readonly OutboxAppend[],
  ) {
    this.#state = state;
    this.#outbox = outbox;
    this.#did = did;
    this.#shares = shares;
    this.#appended = [...appended];
  }

  async run(): Promise<readonly GaveWay[]> {
    for (let victim = this.#shares.victim(); victim !== null; victim = this.#shares.victim()) {
      if (this.#drop(victim)) continue;
      await this.#evict(victim);
      // What is over even now is the next turn's: the outbox would give the same entries again.
      break;
    }
    this.#state.dropAppended(this.#dropped);
    return this.#gone;
  }

  /** The newest of what came in this turn; `false`: there is none. */
  #drop(victim: WaitingShare): boolean {
    const at = this.#appended.findLastIndex((entry) => isOf(entry, victim));
    const [entry] = at < 0 ? [] : this.#appended.splice(at, 1);
    if (entry === undefined) return false;
    this.#dropped.add(entry);
    this.#note(entry, entry.octets.length);
    return true;
  }

  /** The newest of what waits. */
  async #evict(victim: WaitingShare): Promise<void> {
    const { interface: reference, liid } = victim;
    const newest = await this.#outbox.newest(this.#did, reference, liid, MOST_AT_ONCE.count);
    const enough = this.#shares.atOnce;
    let freed: Amount = { count: 0, octets: 0 };
    for (const { position, length, ...entry } of newest) {
      if (!this.#shares.isOver && exceeded(freed, enough) !== null) return;
      this.#state.evict(position);
      this.#note(entry, length);
      freed = sum(freed, { count: 1, octets: length });
    }
  }

  #note(
    { did, interface: reference, liid, cin, sequenceNumber }: Omit<OutboxAppend, 'octets'>,
    length: number,
  ): void {
    this.#shares.add({ interface: reference, liid, count: -1, octets: -length });
    this.#gone.push({ did, interface: reference, liid, cin, sequenceNumber, length });
  }
}

/** How much there is of whom at a destination. */
class Shares {
  readonly #bound: Amount;
  #waiting: Amount = { count: 0, octets: 0 };
  readonly #of = new Map<string, WaitingShare>();

  constructor(bound: Amount) {
    this.#bound = bound;
  }

  /** Whether something has to give way. */
  get isOver(): boolean {
    return this.#tooMuch() !== null;
  }

  /** What is made room for at once in the outbox. */
  get atOnce(): Amount {
    const { octets, count } = part(this.#bound, AT_ONCE);
    return { octets: Math.min(octets, MOST_AT_ONCE.octets), count: Math.min(count, MOST_AT_ONCE.count) };
  }

  add({ liid, interface: reference, count, octets }: WaitingShare): void {
    if (reference === 'hi1') return;
    this.#waiting = sum(this.#waiting, { count, octets });
    const key = JSON.stringify([reference, liid]);
    const before = this.#of.get(key) ?? { count: 0, octets: 0 };
    this.#of.set(key, { liid, interface: reference, ...sum(before, { count, octets }) });
  }

  /** Whose newest gives way next; `null`: there is room, or nobody has anything that may. */
  victim(): WaitingShare | null {
    const tooMuch = this.#tooMuch();
    if (tooMuch === null) return null;
    const heaviest = this.#heaviest('hi3', tooMuch.unit);
    return heaviest ?? (tooMuch.ofAll ? this.#heaviest('hi2', tooMuch.unit) : null);
  }

  #heaviest(reference: OutboxAppend['interface'], unit: keyof Amount): WaitingShare | null {
    let heaviest: WaitingShare | null = null;
    for (const share of this.#of.values()) {
      if (share.interface !== reference || share.count <= 0) continue;
      if (share[unit] > (heaviest?.[unit] ?? 0)) heaviest = share;
    }
    return heaviest;
  }

  #tooMuch(): { readonly unit: keyof Amount; readonly ofAll: boolean } | null {
    const ofAll = exceeded(this.#waiting, this.#bound);
    if (ofAll !== null) return { unit: ofAll, ofAll: true };
    const ofContent = exceeded(this.#waiting, part(this.#bound, CONTENT));
    return ofContent === null ? null : { unit: ofContent, ofAll: false };
  }
}

function isOf(entry: OutboxAppend, { liid, interface: reference }: WaitingShare): boolean {
  return entry.liid === liid && entry.interface === reference;
}

function exceeded(amount: Amount, limit: Amount): keyof Amount | null {
  if (amount.octets > limit.octets) return 'octets';
  return amount.count > limit.count ? 'count' : null;
}

function part({ count, octets }: Amount, share: number): Amount {
  return { count: count * share, octets: octets * share };
}

function sum(a: Amount, b: Amount): Amount {
  return { count: a.count + b.count, octets: a.octets + b.octets };
}
