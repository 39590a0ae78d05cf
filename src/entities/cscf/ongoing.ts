/**
 * What is kept of ongoing sessions whose media are protected, so that interception can begin while they stand (R-24,
 * every body that carried MIKEY, with the head of its message, and the descriptions around it, as they passed on
 * either side of this node. In memory alone, and overwritten when the call ends.
 *
 *     first description that protects media ──► kept ──2xx to INVITE──► up: of dialogs that were accepted alone
 *                                                 └──────────── end of the call, time, or room for others ──► wiped
 *
 * Bounded in sessions, octets and time (settings). What makes room is counted; a session that a task has matched goes
 * last, and who has most of them goes first (`fair-memory.ts`).
 */
import type { Clock } from '../../bytes/ports.ts';
import type { KeptDescription } from '../../sip/offer-answer.ts';
import { FairMemory } from './fair-memory.ts';
import type { MemoryLimits, Remembered } from './fair-memory.ts';
import type { SessionEvent } from './kept.ts';
import type { Session } from './sessions.ts';

/** Messages of one session, both sides together; and of the first of them, which never make room. */
const MAX_KEPT = 128;
const ALWAYS_KEPT = 32;

/** A message of which a copy is kept. */
export interface KeptEvent extends SessionEvent, KeptDescription {
  /** The callee's tag, or both tags of the dialog. */
  readonly tags: readonly string[];
}

export class OngoingSession implements Remembered {
  readonly session: Session;
  readonly source: string;
  /** Tags of dialogs that were accepted. */
  readonly accepted = new Set<string>();
  #events: KeptEvent[] = [];
  #octets = 0;

  constructor(session: Session) {
    this.session = session;
    this.source = session.kept.source;
  }

  get octets(): number {
    return this.#octets;
  }

  get matched(): boolean {
    return this.session.matches.size > 0;
  }

  get events(): readonly KeptEvent[] {
    return this.#events;
  }

  /** Whether the call stands. */
  get up(): boolean {
    return this.accepted.size > 0;
  }

  /** Gives how many others made room for it. */
  add(event: KeptEvent): number {
    this.#events.push(event);
    this.#octets += event.sip.length;
    if (this.#events.length <= MAX_KEPT) return 0;
    const later = this.#events.slice(ALWAYS_KEPT);
    const victim = later.find(({ mikey }) => !mikey) ?? later[0];
    this.#keep((one) => one !== victim);
    return 1;
  }

  /** A dialog was accepted: what others said is not needed. */
  accept(tag: string): void {
    this.accepted.add(tag);
    this.#keep(({ tags }) => tags.length < 2 || tags.some((one) => this.accepted.has(one)));
  }

  wipe(): void {
    this.#keep(() => false);
  }

  #keep(condition: (event: KeptEvent) => boolean): void {
    for (const event of this.#events) {
      if (condition(event)) continue;
      this.#octets -= event.sip.length;
      event.sip.fill(0);
    }
    this.#events = this.#events.filter(condition);
  }
}

export class OngoingSessions {
  readonly #memory: FairMemory<OngoingSession>;
  readonly #bySession = new Map<Session, OngoingSession>();
  readonly #limits: MemoryLimits;
  #shortened = 0;

  constructor(clock: Clock, limits: MemoryLimits) {
    this.#limits = limits;
    this.#memory = new FairMemory(clock, limits, (ongoing) => this.#forget(ongoing));
  }

  get size(): number {
    return this.#memory.size;
  }

  get octets(): number {
    return this.#memory.octets;
  }

  /** Sessions that were forgotten to make room. */
  get crowdedOut(): number {
    return this.#memory.crowdedOut;
  }

  /** Messages that made room for later ones of their own session. */
  get shortened(): number {
    return this.#shortened;
  }

  /** What is kept of a session; `null`: nothing. */
  of(session: Session): OngoingSession | null {
    return this.#bySession.get(session) ?? null;
  }

  /** Keeps a copy of a message. */
  add(session: Session, event: Omit<KeptEvent, 'sip'>): void {
    if (this.#limits.items === 0 || this.#limits.octets === 0) return;
    const ongoing = this.#bySession.get(session) ?? new OngoingSession(session);
    this.#bySession.set(session, ongoing);
    const sip = event.observation.payload.slice();
    this.#shortened += ongoing.add({ ...event, sip, observation: { ...event.observation, payload: sip } });
    this.#memory.keep(ongoing);
  }

  /** A dialog of the session was accepted; gives what is kept of it. */
  accept(session: Session, tag: string): OngoingSession | null {
    const ongoing = this.#bySession.get(session);
    if (ongoing === undefined) return null;
    ongoing.accept(tag);
    this.#memory.keep(ongoing);
    return ongoing;
  }

  /** The call has ended. */
  end(session: Session): void {
    const ongoing = this.#bySession.get(session);
    if (ongoing === undefined) return;
    this.#memory.drop(ongoing);
    this.#forget(ongoing);
  }

  /** Sessions that stand and that a change of a task may concern: by its target, or since it has matched them. */
  concernedBy({ xid, keys }: { readonly xid: string; readonly keys: ReadonlySet<string> }): OngoingSession[] {
    return [...this.#bySession.values()].filter(
      ({ up, session }) => up && (session.matches.has(xid) || session.isNamed(keys)),
    );
  }

  /** Wipes everything. */
  close(): void {
    for (const ongoing of [...this.#bySession.values()]) this.#forget(ongoing);
    this.#memory.close();
  }

  #forget(ongoing: OngoingSession): void {
    ongoing.wipe();
    this.#bySession.delete(ongoing.session);
  }
}
