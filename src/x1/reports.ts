/**
 * Trouble at an NE: kept as its present condition, for the ADMF's questions, and reported to the ADMF as it comes and
 * goes (TS 103 221-1 clause 6.5). Reports go out one after the other and are tried again while the ADMF is away; how
 * many wait is bounded, and the oldest go first. Nothing here throws or makes the caller wait.
 */
import { BackOff } from '../bytes/back-off.ts';
import type { Clock, Logger, Timer } from '../bytes/ports.ts';
import type { ErrorInformation } from '../wire/x1/details.ts';
import { X1_ERRORS } from '../wire/x1/error-codes.ts';
import type { RequestOf } from '../wire/x1/requests.ts';
import type { TaskTable } from './tasks.ts';
import type { NeCondition } from './handler.ts';
import { X1ExchangeError } from './requester.ts';
import type { X1Requester } from './requester.ts';

export interface X1ReporterOptions {
  /** The way to the ADMF. */
  readonly admf: Pick<X1Requester, 'request'>;
  readonly table: TaskTable;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Milliseconds before a report is tried again, doubled each time up to a minute; default 1 s. */
  readonly firstPauseMs?: number;
}

type Report = RequestOf<'ReportTaskIssue'> | RequestOf<'ReportDestinationIssue'> | RequestOf<'ReportNEIssue'>;

const MOST_WAITING = 256;
const LONGEST_PAUSE_MS = 60_000;

/** Trouble that is not over. */
export interface NeFault {
  readonly about: 'task' | 'destination' | 'element';
  /** XID or DID; empty: the element. */
  readonly id: string;
  readonly description: string;
  /** Unix milliseconds. */
  readonly since: number;
}

/** A fault, and since when it lasts. */
interface Lasting {
  readonly fault: ErrorInformation;
  readonly since: number;
}

export class X1Reporter implements NeCondition {
  readonly #options: X1ReporterOptions;
  readonly #unsubscribe: () => void;
  readonly #taskFaults = new Map<string, Lasting>();
  readonly #destinationFaults = new Map<string, Lasting>();
  #elementFault: Lasting | null = null;
  #admf: 'up' | 'down' | 'idle' = 'idle';
  #dropped = 0;
  readonly #waiting: Report[] = [];
  #sending = false;
  #stopped = false;
  #retry: Timer | null = null;
  readonly #pauses: BackOff;

  constructor(options: X1ReporterOptions) {
    this.#options = options;
    this.#pauses = new BackOff(options.firstPauseMs ?? 1_000, LONGEST_PAUSE_MS);
    this.#unsubscribe = options.table.subscribe((event) => {
      if (event.kind === 'task-deactivated') this.#taskFaults.delete(event.task.xid);
      if (event.kind === 'destination-removed') this.#destinationFaults.delete(event.destination.did);
    });
  }

  /** A destination cannot be reached. */
  raised(did: string, description: string): void {
    this.#destinationFaults.set(did, this.#lasting(description, this.#destinationFaults.get(did)));
    this.#reportDestination(did, 'NonTerminatingFault', { ...X1_ERRORS.generic, description });
  }

  /** A destination can be reached again. */
  cleared(did: string): void {
    if (!this.#destinationFaults.delete(did)) return;
    this.#reportDestination(did, 'AllClear', X1_ERRORS.cleared);
  }

  /** A destination is gone, and what waited for it with it: nothing that lasts. */
  lostWithRemoved(did: string, description: string): void {
    this.#reportDestination(did, 'Warning', { ...X1_ERRORS.generic, description });
  }

  /** Something about a task went wrong and goes on. */
  taskIssue(xid: string, description: string): void {
    if (this.#options.table.task(xid) !== null)
      this.#taskFaults.set(xid, this.#lasting(description, this.#taskFaults.get(xid)));
    this.#report({ type: 'ReportTaskIssue', xid, report: 'Warning', details: xmlText(description) });
  }

  /** A task is well again. */
  taskCleared(xid: string): void {
    if (!this.#taskFaults.delete(xid)) return;
    const { code, description } = X1_ERRORS.cleared;
    this.#report({ type: 'ReportTaskIssue', xid, report: 'AllClear', code, details: description });
  }

  /** Something about the element went wrong. */
  elementIssue(description: string): void {
    this.#elementFault = this.#lasting(description, this.#elementFault ?? undefined);
    this.#report({ type: 'ReportNEIssue', issue: 'FaultReport', description: xmlText(description) });
  }

  /** The element is well again. */
  elementCleared(): void {
    if (this.#elementFault === null) return;
    const { description } = this.#elementFault.fault;
    this.#elementFault = null;
    this.#report({ type: 'ReportNEIssue', issue: 'FaultCleared', description });
  }

  taskFaults(xid: string): ErrorInformation[] {
    return listOf(this.#taskFaults.get(xid)?.fault);
  }

  destinationFaults(did: string): ErrorInformation[] {
    return listOf(this.#destinationFaults.get(did)?.fault);
  }

  elementFaults(): ErrorInformation[] {
    return listOf(this.#elementFault?.fault);
  }

  /** All trouble that is not over. */
  faults(): NeFault[] {
    const of =
      (about: NeFault['about']) =>
      ([id, { fault: error, since }]: readonly [string, Lasting]): NeFault => ({
        about,
        id,
        description: error.description,
        since,
      });
    return [
      ...[...this.#destinationFaults].map(of('destination')),
      ...[...this.#taskFaults].map(of('task')),
      ...(this.#elementFault === null ? [] : [of('element')(['', this.#elementFault])]),
    ];
  }

  /** Whether the ADMF has taken the last report; `idle`: there was none. */
  get admf(): 'up' | 'down' | 'idle' {
    return this.#admf;
  }

  /** Reports that wait for the ADMF. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Reports that gave way to newer ones. */
  get dropped(): number {
    return this.#dropped;
  }

  stop(): void {
    this.#stopped = true;
    this.#retry?.cancel();
    this.#unsubscribe();
  }

  #reportDestination(
    did: string,
    report: RequestOf<'ReportDestinationIssue'>['report'],
    { code, description }: ErrorInformation,
  ): void {
    this.#report({ type: 'ReportDestinationIssue', did, report, code, details: xmlText(description) });
  }

  #report(report: Report): void {
    this.#waiting.push(report);
    if (this.#waiting.length > MOST_WAITING) {
      this.#waiting.shift();
      this.#dropped += 1;
    }
    void this.#send();
  }

  async #send(): Promise<void> {
    if (this.#sending || this.#retry !== null) return;
    this.#sending = true;
    for (let report = this.#waiting[0]; report !== undefined && !this.#stopped; report = this.#waiting[0]) {
      const isOver = await this.#deliver(report);
      if (!isOver) {
        this.#pause();
        break;
      }
      if (this.#waiting[0] === report) this.#waiting.shift();
    }
    this.#sending = false;
  }

  /** Whether the report need not be sent again. */
  async #deliver(report: Report): Promise<boolean> {
    try {
      await this.#options.admf.request(report);
      this.#pauses.reset();
      this.#admf = 'up';
      return true;
    } catch (error) {
      const isRefused = error instanceof X1ExchangeError && error.code === 'refused';
      this.#admf = isRefused ? 'up' : 'down';
      this.#options.logger.warn({ error, report: report.type }, 'a report did not reach the ADMF');
      return isRefused;
    }
  }

  #lasting(description: string, before: Lasting | undefined): Lasting {
    return { fault: fault(description), since: before?.since ?? this.#options.clock.now() };
  }

  #pause(): void {
    if (this.#stopped) return;
    this.#retry = this.#options.clock.after(this.#pauses.next(), () => {
      this.#retry = null;
      void this.#send();
    });
  }
}

function fault(description: string): ErrorInformation {
  return { code: X1_ERRORS.generic.code, description: xmlText(description) };
}

/** Descriptions may quote what came from outside: what XML cannot carry is replaced. */
function xmlText(text: string): string {
  return text.replace(/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, '\ufffd');
}

function listOf(error: ErrorInformation | null | undefined): ErrorInformation[] {
  return error === null || error === undefined ? [] : [error];
}
