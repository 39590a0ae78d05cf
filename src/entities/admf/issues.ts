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

/** Told when it has changed whether an element can deliver to a destination. */
export type IssueListener = (element: string, did: string) => void;

/** Issues at hand at most; the oldest go first, those by which no warrant is degraded before all others. */
const MOST_ISSUES = 1_000;
/** Severities at which a destination does not get what it should. */
const FAULTS: readonly string[] = ['NonTerminatingFault', 'TerminatingFault'];

export class IssueBook {
  readonly #issues = new Map<string, Issue>();
  /** Reports so far, by element. */
  readonly #reports = new Map<string, number>();
  readonly #listeners = new Set<IssueListener>();

  /** Issues that have not been cleared, oldest first. */
  list(): Issue[] {
    return [...this.#issues.values()];
  }

  /** Takes a report; `AllClear` ends what was reported of its subject. */
  note(issue: Issue): void {
    this.#reports.set(issue.element, this.reportsOf(issue.element) + 1);
    if (issue.severity === 'AllClear') this.#drop(issue);
    else this.#keep(issue);
  }

  /** How many reports of an element there were: what it answers may be older than a report that came meanwhile. */
  reportsOf(element: string): number {
    return this.#reports.get(element) ?? 0;
  }

  /** Takes an element's answer about destinations, unless it has reported anything since it was asked. */
  answered(
    element: string,
    destinations: readonly DestinationReport[],
    { asked, time }: { readonly asked: number; readonly time: number },
  ): void {
    if (this.reportsOf(element) !== asked) return;
    for (const { destination, status } of destinations) {
      const subject = { element, about: 'destination', id: destination.did } as const;
      const [fault] = status.faults;
      if (status.delivery !== 'deliveryFault') this.#drop(subject);
      else if (!this.#issues.has(subjectOf(subject)))
        this.#keep({
          ...subject,
          severity: 'NonTerminatingFault',
          code: fault?.code ?? null,
          description: fault?.description ?? '',
          time,
        });
    }
  }

  /** An element has no other destinations than these, unless it has reported anything since it was asked. */
  listed(element: string, dids: ReadonlySet<string>, asked: number): void {
    if (this.reportsOf(element) !== asked) return;
    for (const issue of this.list()) {
      const isGone = issue.element === element && issue.about === 'destination' && !dids.has(issue.id ?? '');
      if (isGone) this.#drop(issue);
    }
  }

  /** A destination is gone, and that it gets nothing with it; what was lost when it went is still told. */
  removed(element: string, did: string): void {
    if (this.isFaulty(element, did)) this.#drop({ element, about: 'destination', id: did });
  }

  /** Whether an element cannot deliver to a destination. */
  isFaulty(element: string, did: string): boolean {
    if (this.#issues.size === 0) return false;
    const issue = this.#issues.get(subjectOf({ element, about: 'destination', id: did }));
    return isFault(issue);
  }

  /** Gives the way to stop it. */
  subscribe(listener: IssueListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #keep(issue: Issue): void {
    const before = this.#issues.get(subjectOf(issue));
    this.#issues.delete(subjectOf(issue));
    this.#issues.set(subjectOf(issue), issue);
    if (isFault(before) !== isFault(issue)) this.#tell(issue);
    if (this.#issues.size <= MOST_ISSUES) return;
    const all = this.list();
    const least = all.find((each) => each.about !== 'destination' || !isFault(each)) ?? all[0];
    if (least !== undefined) this.#drop(least);
  }

  #drop(subject: Subject): void {
    const before = this.#issues.get(subjectOf(subject));
    this.#issues.delete(subjectOf(subject));
    if (isFault(before)) this.#tell(subject);
  }

  #tell({ element, about, id }: Subject): void {
    if (about === 'destination' && id !== null) for (const listener of this.#listeners) listener(element, id);
  }
}

type Subject = Pick<Issue, 'element' | 'about' | 'id'>;

function subjectOf({ element, about, id }: Subject): string {
  return `${element} ${about} ${id ?? ''}`;
}

function isFault(issue: Issue | undefined): boolean {
  return issue !== undefined && FAULTS.includes(issue.severity);
}
