/**
 * Messages that the point of interception keeps until it is clear who takes part, and fingerprints by which it knows
 * what it has seen.
 *
 * Before the CSCF knows who sends a request, what is kept belongs to whom it came from: the same flow, Call-ID and From
 * tag. So the challenged request of a caller who hides is reported once the caller has shown who it is, and what others
 * send under the same Call-ID and tag is nothing to it.
 */
import type { Observation } from '../../poi/poi.ts';
import type { Remembered } from './fair-memory.ts';

/** Messages kept of what nobody has authenticated: the latest; of a session: the first. */
const MAX_UNADMITTED = 12;
const MAX_ADMITTED = 24;
const MAX_FINGERPRINTS = 64;

/** A message as it passed. */
export interface SessionEvent {
  readonly observation: Observation;
  readonly fromTag: string;
  /** `server` towards who sent the request, `client` towards whom it was sent. */
  readonly side: 'server' | 'client';
  readonly cseq: number;
  /** Of the tasks, when it passed: what passed before a task was there is not its business. */
  readonly revision: number;
  /** Tasks that it was reported for, by XID. */
  readonly reported: Set<string>;
}

export class KeptMessages implements Remembered {
  /** What it is found by while nobody has authenticated it. */
  readonly key: string;
  /** The address that it came from, then who the CSCF says that it is. */
  source: string;
  #admitted = false;
  #matched = false;
  #open = true;
  #events: SessionEvent[] = [];
  #octets = 0;
  readonly #fingerprints = new Set<string>();

  constructor(key: string, source: string) {
    this.key = key;
    this.source = source;
  }

  get octets(): number {
    return this.#octets;
  }

  /** Whether a task has matched a session; what nobody has authenticated claims any name it likes. */
  get matched(): boolean {
    return this.#admitted && this.#matched;
  }

  /** A task has matched. */
  match(): void {
    this.#matched = true;
  }

  get events(): readonly SessionEvent[] {
    return this.#events;
  }

  /** Whether it still takes messages. */
  get open(): boolean {
    return this.#open;
  }

  get admitted(): boolean {
    return this.#admitted;
  }

  /** It is now known whose it is. */
  admit(source: string): void {
    this.#admitted = true;
    this.source = source;
  }

  add(event: SessionEvent): void {
    if (!this.#open || (this.#admitted && this.#events.length >= MAX_ADMITTED)) return;
    this.#events.push(event);
    this.#octets += event.observation.payload.length;
    if (this.#admitted || this.#events.length <= MAX_UNADMITTED) return;
    const oldest = this.#events.shift();
    this.#octets -= oldest?.observation.payload.length ?? 0;
  }

  /** The messages are needed no more, and no further ones are taken. */
  discard(): void {
    this.#open = false;
    this.#events = [];
    this.#octets = 0;
  }

  /** Whether this fingerprint was here lately; it is from now on. */
  repeats(fingerprint: string): boolean {
    if (this.#fingerprints.has(fingerprint)) return true;
    this.#fingerprints.add(fingerprint);
    const [oldest] = this.#fingerprints;
    if (this.#fingerprints.size > MAX_FINGERPRINTS && oldest !== undefined) this.#fingerprints.delete(oldest);
    return false;
  }
}
