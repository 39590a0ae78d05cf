/**
 * Trouble at the elements, as far as it is not over: the newest of each subject, from what they report (TS 103 221-1
 * clause 6.5) and, of destinations, from what they answer when they are asked. A restart forgets it and asks.
 */
import type { DestinationReport } from '../../wire/x1/details.ts';

/** An issue that an element has reported and not cleared. */
export interface Issue {
  readonly element: string;
  readonly about: 'task' | 'destination' | 'element';
  /** XID or DID; of an element's issue: `null`. */
  readonly id: string | null;
  readonly severity: string;
  readonly code: number | null;
  readonly description: string;
  /** Unix milliseconds, when it was reported. */
  readonly time: number;
}

/** Issues at hand at most; the oldest go first. */
const MOST_ISSUES = 1_000;
/** Severities at which a destination does not get what it should. */
const FAULTS: readonly string[] = ['NonTerminatingFault', 'TerminatingFault'];

export class IssueBook {
  readonly #issues = new Map<string, Issue>();
  /** Reports so far, by element. */
  readonly #reports = new Map<string, number>();
  readonly #listeners = new Set<() => void>();

  /** Issues that have not been cleared, oldest first. */
  list(): Issue[] {
    return [...this.#issues.values()];
  }

  /** Takes a report; `AllClear` ends what was reported of its subject. */
  note(issue: Issue): void {
    this.#reports.set(issue.element, this.reportsOf(issue.element) + 1);
    this.#issues.delete(subjectOf(issue.element, issue.about, issue.id));
    if (issue.severity !== 'AllClear') this.#keep(issue);
    this.#tell();
  }

  /** How many reports of an element there were: what it answers may be older than a report that came meanwhile. */
  reportsOf(element: string): number {
    return this.#reports.get(element) ?? 0;
  }

  /** Takes an element's answer about its destinations, unless it has reported anything since it was asked. */
  answered(
    element: string,
    destinations: readonly DestinationReport[],
    { asked, time }: { readonly asked: number; readonly time: number },
  ): void {
    if (this.reportsOf(element) !== asked) return;
    const known = this.list().filter((issue) => issue.element === element && issue.about === 'destination');
    const faulty = destinations.filter(({ status }) => status.delivery === 'deliveryFault');
    const dids = faulty.map(({ destination }) => destination.did);
    const over = known.filter(({ id }) => id === null || !dids.includes(id));
    const fresh = faulty.filter(({ destination: { did } }) => !known.some(({ id }) => id === did));
    for (const { about, id } of over) this.#issues.delete(subjectOf(element, about, id));
    for (const { destination, status } of fresh) {
      const [fault] = status.faults;
      this.#keep({
        element,
        about: 'destination',
        id: destination.did,
        severity: 'NonTerminatingFault',
        code: fault?.code ?? null,
        description: fault?.description ?? '',
        time,
      });
    }
    if (over.length + fresh.length > 0) this.#tell();
  }

  /** A destination is gone, and that it gets nothing with it; what was lost when it went is still told. */
  removed(element: string, did: string): void {
    if (!this.isFaulty(element, did)) return;
    this.#issues.delete(subjectOf(element, 'destination', did));
    this.#tell();
  }

  /** Whether an element cannot deliver to a destination. */
  isFaulty(element: string, did: string): boolean {
    if (this.#issues.size === 0) return false;
    const issue = this.#issues.get(subjectOf(element, 'destination', did));
    return issue !== undefined && FAULTS.includes(issue.severity);
  }

  /** Calls `listener` after every change; gives the way to stop it. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #keep(issue: Issue): void {
    this.#issues.set(subjectOf(issue.element, issue.about, issue.id), issue);
    const [oldest] = this.#issues.keys();
    if (this.#issues.size > MOST_ISSUES && oldest !== undefined) this.#issues.delete(oldest);
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

function subjectOf(element: string, about: Issue['about'], id: string | null): string {
  return `${element} ${about} ${id ?? ''}`;
}
