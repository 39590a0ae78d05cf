/** PDUs whose task is not known: the POI may know it before the DF does. They wait, within bounds, for so long. */
import { Tally } from '../../bytes/tally.ts';
import type { Clock } from '../../bytes/ports.ts';
import { decodePdu } from '../../wire/x2x3/pdu.ts';
import type { Pdu } from '../../wire/x2x3/pdu.ts';
import { HOLD_LIMITS } from './held.ts';
import type { DfIssues, DfTask, DfTasks } from './ports.ts';
import type { WorkingState } from './working-state.ts';

export interface WaitingPduOptions {
  readonly tasks: DfTasks;
  readonly issues: Pick<DfIssues, 'elementIssue'>;
  readonly clock: Clock;
  /** Milliseconds; default 10 min. */
  readonly holdMs?: number;
  readonly holdMost?: number;
  readonly holdOctets?: number;
}

export class WaitingPdus {
  readonly #options: WaitingPduOptions;
  readonly #currentState: () => WorkingState;
  readonly #mediate: (pdu: Pdu, octets: Uint8Array, task: DfTask) => void;
  readonly #tally = new Tally();
  #dropped = 0;

  /** @param currentState asked in each turn: after a failure it is another @param mediate goes on with one that has waited */
  constructor(
    options: WaitingPduOptions,
    currentState: () => WorkingState,
    mediate: (pdu: Pdu, octets: Uint8Array, task: DfTask) => void,
  ) {
    this.#options = options;
    this.#currentState = currentState;
    this.#mediate = mediate;
  }

  /** PDUs whose task never came, or for which there was no room. */
  get dropped(): number {
    return this.#dropped;
  }

  hold(pdu: Pdu, octets: Uint8Array, now: number): void {
    const state = this.#currentState();
    const { holdMost, holdOctets } = this.#options;
    const limits = { pdus: holdMost ?? HOLD_LIMITS.pdus, octets: holdOctets ?? HOLD_LIMITS.octets };
    while (!state.held.hasRoomFor(octets.length, limits)) {
      const victim = state.held.victim(pdu.xid, octets.length);
      if (victim !== null) state.release(victim);
      this.#drop('too many wait');
      if (victim === null) return;
    }
    state.hold(pdu.xid, octets, now);
  }

  /** Those of a task go on, where it is known. */
  release(xid: string): void {
    const state = this.#currentState();
    const waiting = state.held.of(xid);
    const task = waiting.length === 0 ? null : this.#options.tasks.find(xid);
    if (task === null) return;
    for (const { id, octets } of waiting) {
      state.release(id);
      this.#mediate(decodePdu(octets), octets, task);
    }
  }

  dropOverdue(): void {
    const state = this.#currentState();
    const oldest = this.#options.clock.now() - (this.#options.holdMs ?? 600_000);
    for (const { id } of state.held.before(oldest)) {
      state.release(id);
      this.#drop('it never came');
    }
  }

  #drop(why: string): void {
    this.#dropped++;
    const count = this.#tally.count(why);
    if (count === null) return;
    this.#options.issues.elementIssue(`PDUs of unknown tasks were dropped: ${why} (${count} so far)`);
  }
}
