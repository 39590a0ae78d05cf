/**
 * Brings all elements to what the warrants demand: each in a loop of its own, so that one that is slow or away holds up
 * no other, and one warrant no other; in a safe order for each warrant:
 *
 *     add      KMS and DF, then gateway and CSCF: no X2 or X3 comes before the DF knows its task, and no question to
 *              the KMS before the KMS does
 *     remove   gateway and CSCF, then DF and KMS: nothing is intercepted that nobody delivers. An element that does not
 *              answer is not waited for.
 */
import type { Clock, Logger } from '../../bytes/ports.ts';
import { ElementClient } from './element.ts';
import type { Progress, RetrySetting } from './element.ts';
import { desiredHoldings, isPoi, PROVISIONING_ORDER, wantedTask } from './plan.ts';
import type { Holdings, PlanInput } from './plan.ts';
import type { IssueBook } from './issues.ts';
import type { AdmfElement, ElementKind } from './ports.ts';
import type { WarrantRecord } from './warrants.ts';

/** An element that does not hold what it must, and why. */
export interface Failure {
  readonly element: string;
  readonly error: unknown;
}

/** How far the elements are with one warrant. */
export interface Situation {
  /** Every element holds what it must for it, and nothing else of it. */
  readonly settled: boolean;
  /** Elements that refuse. */
  readonly refusals: readonly Failure[];
  /** Elements that do not answer, and are asked again. */
  readonly failures: readonly Failure[];
  /** Elements that cannot deliver where they must: a destination is not connected, or loses something. */
  readonly undelivered: readonly string[];
  /** Elements that have not answered yet. */
  readonly pending: number;
}

export interface ProvisionerOptions {
  readonly elements: readonly AdmfElement[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly issues: IssueBook;
  readonly retry: RetrySetting;
  readonly settleMs: number;
  /** Goes up with each change of the warrants. */
  readonly revision: () => number;
  /** The warrants and the rest, as they are now. */
  readonly input: () => PlanInput;
  /** The warrant of an XID; `null`: none of ours. */
  readonly find: (xid: string) => WarrantRecord | null;
  readonly changed: () => void;
  /** An element that was woken has nothing to do. */
  readonly idle: () => void;
}

export class Provisioner {
  readonly #options: ProvisionerOptions;
  readonly #clients: readonly ElementClient[];

  constructor(options: ProvisionerOptions) {
    this.#options = options;
    const rank = ({ kind }: AdmfElement): number => PROVISIONING_ORDER.indexOf(kind);
    const elements = [...options.elements].sort((a, b) => rank(a) - rank(b));
    this.#clients = elements.map((element): ElementClient => {
      const client: ElementClient = new ElementClient(element, {
        ...options,
        wanted: holdingsOf(element.kind, options),
        mayChange: (xid, change) => this.#mayChange(client, xid, change),
        changed: () => this.#changed(client),
      });
      return client;
    });
  }

  /** Whether an element is being brought to what it must hold. */
  get busy(): boolean {
    return this.#clients.some((client) => client.busy);
  }

  /** Looks at what every element must hold. @param afresh what was refused is asked for again, too */
  wake(afresh: boolean): void {
    for (const client of this.#clients) client.wake(afresh);
  }

  /** What the elements hold is asked anew. */
  forget(): void {
    for (const client of this.#clients) client.forget();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.stop()));
  }

  /** How far the elements are with a warrant. */
  situation(record: WarrantRecord): Situation {
    const input = this.#options.input();
    const refusals: Failure[] = [];
    const failures: Failure[] = [];
    const undelivered: string[] = [];
    let pending = 0;
    for (const client of this.#clients) {
      const progress = this.#progress(client, record, input);
      const element = client.element.identifier;
      const dids = wantedTask(client.element.kind, record, input)?.dids ?? [];
      if (dids.some((did) => this.#options.issues.isFaulty(element, did))) undelivered.push(element);
      if (progress.kind === 'pending') pending += 1;
      if (progress.kind === 'refused') refusals.push({ element, error: progress.error });
      if (progress.kind === 'failing') failures.push({ element, error: progress.error });
    }
    const settled = pending + refusals.length + failures.length === 0;
    return { settled, refusals, failures, undelivered, pending };
  }

  /** What has changed at one element may let others go on. */
  #changed(client: ElementClient): void {
    for (const other of this.#clients) if (other !== client) other.wake();
    this.#options.changed();
  }

  #progress(client: ElementClient, record: WarrantRecord, input: PlanInput): Progress {
    return client.progress(record.xid, wantedTask(client.element.kind, record, input));
  }

  #mayChange(client: ElementClient, xid: string, change: 'add' | 'modify' | 'remove'): boolean {
    const record = this.#options.find(xid);
    if (record === null) return true;
    const input = this.#options.input();
    const others = this.#clients.filter(({ element }) => isPoi(element.kind) !== isPoi(client.element.kind));
    if (isPoi(client.element.kind)) {
      if (change === 'remove') return true;
      return others.every((inner) => this.#progress(inner, record, input).kind === 'settled');
    }
    if (change === 'add') return true;
    return others.every((poi) => {
      if (wantedTask(poi.element.kind, record, input) !== null) return true;
      return poi.progress(xid, null).kind !== 'pending';
    });
  }
}

/** What elements of a kind must hold, made anew when the warrants have changed. */
function holdingsOf(
  kind: ElementKind,
  { revision, input }: Pick<ProvisionerOptions, 'revision' | 'input'>,
): () => Holdings {
  let last: { readonly revision: number; readonly holdings: Holdings } | null = null;
  return () => {
    const now = revision();
    if (last?.revision !== now) last = { revision: now, holdings: desiredHoldings(kind, input()) };
    return last.holdings;
  };
}
