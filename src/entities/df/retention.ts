/**
 * What is kept of a warrant ends a set time after the warrant has: records and content that nobody has acknowledged, the
 * key management of its calls with the questions that are open, PDUs that waited for its tasks, the CINs of its calls.
 * The numbers given last stay (a CIN is never given again), and the news that it has ended, which waits for its LEMF.
 *
 * It is put on record before it is done: what cannot be recorded is not deleted. All of it happens within a turn of the
 * mediation, so that it is deleted whole or tried again.
 */
import type { Clock } from '../../bytes/ports.ts';
import type { DfTasks, DfWarrants, WarrantNotice } from './ports.ts';
import type { WorkingState } from './working-state.ts';

export interface RetentionOptions {
  /** How long after the end of a warrant, milliseconds. */
  readonly ms: number;
  /** Puts on record what is about to be deleted. @throws if it cannot be recorded: then nothing is deleted */
  readonly record: (account: RetirementAccount) => void;
}

/** What is deleted of a warrant. */
export interface RetirementAccount {
  readonly liid: string;
  readonly endedAt: number;
  /** PDUs that no LEMF has acknowledged. */
  readonly undelivered: number;
  readonly communications: number;
  readonly keySessions: number;
  readonly held: number;
}

export class Retirement {
  readonly #options: RetentionOptions;
  readonly #tasks: DfTasks;
  readonly #warrants: DfWarrants;
  readonly #clock: Clock;
  readonly #currentState: () => WorkingState;

  /** @param currentState asked in each turn: after a failure it is another */
  constructor(
    options: RetentionOptions,
    {
      tasks,
      warrants,
      clock,
    }: { readonly tasks: DfTasks; readonly warrants: DfWarrants; readonly clock: Clock },
    currentState: () => WorkingState,
  ) {
    this.#options = options;
    this.#tasks = tasks;
    this.#warrants = warrants;
    this.#clock = clock;
    this.#currentState = currentState;
  }

  /** PDUs of nobody that were set aside before that time go as well. */
  get before(): number {
    return this.#clock.now() - this.#options.ms;
  }

  /** Warrants whose time is over. */
  due(): string[] {
    return [...this.#currentState().notices()]
      .filter((notice) => this.#isDue(notice))
      .map(({ liid }) => liid);
  }

  /** Warrants of which nothing is kept any more, and that no task has since. */
  retired(): ReadonlySet<string> {
    const gone = [...this.#currentState().notices()].filter(
      ({ liid, told, endedAt }) =>
        told === null && endedAt === null && this.#warrants.tasksOf(liid).length === 0,
    );
    return new Set(gone.map(({ liid }) => liid));
  }

  /** Deletes what is kept of a warrant, if its time is over. Gives the names under which more may be kept elsewhere. */
  retire(liid: string, undelivered: number): string[] {
    const state = this.#currentState();
    const notice = state.notice(liid);
    const { endedAt } = notice;
    if (!this.#isDue(notice) || endedAt === null) return [];
    const others = [...state.notices()].filter((other) => other !== notice && isKept(other));
    const shared = new Set(others.flatMap(({ xids }) => xids));
    const xids = notice.xids.filter((xid) => !shared.has(xid) && this.#tasks.find(xid) === null);
    const counts = state.retire({ liid, xids });
    this.#options.record({ liid, endedAt, undelivered, ...counts });
    state.putNotice({ ...notice, endedAt: null, xids: [] });
    return [liid, ...xids];
  }

  #isDue({ told, endedAt }: WarrantNotice): boolean {
    return told === null && endedAt !== null && endedAt <= this.before;
  }
}

function isKept({ told, endedAt }: WarrantNotice): boolean {
  return told !== null || endedAt !== null;
}
