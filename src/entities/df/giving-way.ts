/**
 * What gives way to the bound of a destination's backlog (`backlog.ts`) is told of: at once that it began, to the LEMFs of
 * the warrant (HI1 alarm) and to the ADMF; and a minute later, and so on each minute, exactly what it was, call by call.
 * All of it happens within turns of the mediation.
 */
import type { Clock, Logger } from '../../bytes/ports.ts';
import { RevertibleMap } from '../../bytes/revertible-map.ts';
import { makeRoom } from './backlog.ts';
import type { BacklogOptions } from './backlog.ts';
import type { WarrantNotices } from './notices.ts';
import { NO_CIN } from './ports.ts';
import type { DfIssues, DfWarrants, StoredLoss } from './ports.ts';
import type { WorkingState } from './working-state.ts';

export interface GivingWayOptions {
  readonly backlog?: BacklogOptions;
  readonly warrants: DfWarrants;
  readonly issues: DfIssues;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How long losses of a call are gathered before they are told of. */
const GATHERED_MS = 60_000;
/** After so long without a loss the next is told of at once. */
const QUIET_MS = 600_000;

export class GivingWay {
  readonly #options: GivingWayOptions;
  readonly #currentState: () => WorkingState;
  readonly #notices: WarrantNotices;
  readonly #counts = { hi2: 0, hi3: 0 };
  /** When something gave way last, by destination, warrant and interface. */
  readonly #lostAt = new RevertibleMap<string, { readonly at: number }>();

  /** @param currentState asked in each turn: after a failure it is another */
  constructor(options: GivingWayOptions, currentState: () => WorkingState, notices: WarrantNotices) {
    this.#options = options;
    this.#currentState = currentState;
    this.#notices = notices;
  }

  /** PDUs that gave way, by interface. */
  get counts(): Readonly<Record<'hi2' | 'hi3', number>> {
    return { ...this.#counts };
  }

  /** At the end of a turn: what it has brought beyond a bound makes others give way, or gives way itself. */
  async makeRoom(): Promise<void> {
    const { backlog, clock, logger } = this.#options;
    if (backlog === undefined) return;
    const state = this.#currentState();
    const now = clock.now();
    for (const gone of await makeRoom(state, backlog)) {
      const { did, liid, interface: reference } = gone;
      if (reference !== 'hi1') this.#counts[reference] += 1;
      state.losses.note(gone, now);
      const key = JSON.stringify([did, liid, reference]);
      const isNew = now - (this.#lostAt.get(key)?.at ?? -Infinity) > QUIET_MS;
      this.#lostAt.set(key, { at: now });
      if (!isNew) continue;
      const text = `destination ${did}: ${reference.toUpperCase()} gives way to the bound of its backlog`;
      logger.error({ did, liid, interface: reference }, 'the backlog of a destination is at its bound');
      this.#notices.alarm(liid, 'loss', text, `${did} ${reference}`);
      this.#tellAdmf(liid, text);
    }
  }

  /** Tells of what gave way a while ago. */
  tell(): void {
    const { clock, logger } = this.#options;
    const now = clock.now();
    for (const [key, { at }] of this.#lostAt) if (now - at > QUIET_MS) this.#lostAt.delete(key);
    for (const loss of this.#currentState().losses.due(now - GATHERED_MS)) {
      const text = textOf(loss);
      logger.error({ ...loss }, 'PDUs gave way to the bound of a backlog');
      this.#notices.report(loss.liid, text, loss.did);
      this.#tellAdmf(loss.liid, text);
    }
  }

  /** What was told is durable. */
  kept(): void {
    this.#lostAt.keep();
  }

  /** Nothing of it is: it is told again. */
  undone(): void {
    this.#lostAt.revert();
  }

  #tellAdmf(liid: string, text: string): void {
    const { warrants, issues } = this.#options;
    for (const { xid } of warrants.tasksOf(liid)) issues.taskIssue(xid, text);
  }
}

function textOf({ did, interface: reference, cin, first, last, pdus, octets }: StoredLoss): string {
  const name = reference.toUpperCase();
  const which =
    cin === NO_CIN
      ? `${name} of CINs ${first} to ${last}`
      : `${name} of CIN ${cin}, numbers ${first} to ${last}`;
  return `destination ${did}: ${which}: ${pdus} PDUs of ${octets} octets gave way to the bound of its backlog`;
}
