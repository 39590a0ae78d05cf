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
import { isPoi, PROVISIONING_ORDER } from './plan.ts';
import type { ElementPlan } from './plan.ts';
import type { IssueBook } from './issues.ts';
import type { AdmfElement, ElementKind } from './ports.ts';
import { isDraining, isOpen, xidsOf } from './warrants.ts';
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
  /** Whether an element still has a destination to remove that nobody needs after it. */
  readonly leaving: boolean;
}

/** One element, as far as it was asked. */
export interface ElementState {
  readonly name: string;
  readonly role: ElementKind;
  /** Whether it answers. */
  readonly state: 'up' | 'down' | 'idle';
  /** How many tasks it must hold. */
  readonly tasks: number;
}

/** How far an element is with one warrant; `none`: it holds nothing of it, and must not. */
export interface ElementProgress {
  readonly element: string;
  readonly kind: ElementKind;
  readonly task: Progress['kind'] | 'none';
  /** Whether it can deliver where it must. */
  readonly isDelivering: boolean;
}

export interface ProvisionerOptions {
  readonly elements: readonly AdmfElement[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly issues: IssueBook;
  readonly retry: RetrySetting;
  readonly settleMs: number;
  readonly plan: ElementPlan;
  /** The warrant of an XID; `null`: none of ours. */
  readonly find: (xid: string) => WarrantRecord | null;
  /** How far an element is with these tasks has changed; `null`: with any. */
  readonly changed: (xids: Iterable<string> | null) => void;
  /** A destination has gone somewhere, or will not go for now. */
  readonly left: () => void;
  /** An element has nothing to do for now. */
  readonly idle: () => void;
}

/** The worst first. */
const PROGRESS: readonly Progress['kind'][] = ['refused', 'failing', 'pending'];

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
        wanted: options.plan.holdings(element.kind),
        mayChange: (xid, change) => this.#mayChange(client, xid, change),
        toldFirst: (xid, held) =>
          element.kind === 'kms'
            ? options.plan.missedEnd(options.find(xid), held, options.clock.now())
            : null,
        changed: (xids) => this.#changed(client, xids),
      });
      return client;
    });
  }

  /** The elements, and whether they answer. */
  elements(): ElementState[] {
    return this.#clients.map(({ element: { identifier: name, kind: role }, state }) => {
      const tasks = this.#options.plan.holdings(role).tasks.size;
      return { name, role, state, tasks };
    });
  }

  /** How far each of them is with a warrant. */
  progress(record: WarrantRecord): ElementProgress[] {
    const { plan, issues } = this.#options;
    return this.#clients.map((client) => {
      const { identifier: element, kind } = client.element;
      const wanted = plan.task(kind, record);
      const { kind: task } = this.#progress(client, record);
      const isDelivering = !(wanted?.dids ?? []).some((did) => issues.isFaulty(element, did));
      // Of what nobody has approved no element was ever told.
      const hasPart = wanted !== null || (task !== 'settled' && record.approvals.length > 0);
      return { element, kind, isDelivering, task: hasPart ? task : 'none' };
    });
  }

  /** Whether an element is being brought to what it must hold. */
  get busy(): boolean {
    return this.#clients.some((client) => client.busy);
  }

  /** These may have to be otherwise now. @param afresh what was refused of them is asked for again, too */
  look(xids: Iterable<string>, dids: Iterable<string>, afresh: boolean): void {
    const names = [[...xids], [...dids]] as const;
    for (const client of this.#clients) client.look(...names, afresh);
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
    const { plan, issues } = this.#options;
    const refusals: Failure[] = [];
    const failures: Failure[] = [];
    const undelivered: string[] = [];
    let pending = 0;
    let leaving = false;
    for (const client of this.#clients) {
      const { identifier: element, kind } = client.element;
      const progress = this.#progress(client, record);
      const dids = plan.task(kind, record)?.dids ?? [];
      if (dids.some((did) => issues.isFaulty(element, did))) undelivered.push(element);
      if (progress.kind === 'pending') pending += 1;
      if (progress.kind === 'refused') refusals.push({ element, error: progress.error });
      if (progress.kind === 'failing') failures.push({ element, error: progress.error });
      leaving ||= !isOpen(record) && client.hasToLeave(plan.dids(kind, record));
    }
    const settled = pending + refusals.length + failures.length === 0;
    return { settled, refusals, failures, undelivered, pending, leaving };
  }

  /** What has changed at one element may let those go on that wait for it. */
  #changed(client: ElementClient, xids: ReadonlySet<string> | null): void {
    for (const other of this.#clients) {
      if (isPoi(other.element.kind) === isPoi(client.element.kind)) continue;
      if (xids === null) other.lookAtAll();
      else other.look([...xids].flatMap((xid) => this.#xidsWith(xid)));
    }
    this.#options.changed(xids);
  }

  /** The XIDs of the warrant that has this one. */
  #xidsWith(xid: string): readonly string[] {
    const record = this.#options.find(xid);
    return record === null ? [xid] : xidsOf(record);
  }

  /** How far it is with all tasks of a warrant: as far as with the worst of them. */
  #progress(client: ElementClient, record: WarrantRecord): Progress {
    const tasks = this.#options.plan.tasks(client.element.kind, record);
    const all = [...tasks].map(([xid, task]) => client.progress(xid, task));
    return PROGRESS.flatMap((kind) => all.find((each) => each.kind === kind) ?? [])[0] ?? { kind: 'settled' };
  }

  #mayChange(client: ElementClient, xid: string, change: 'add' | 'modify' | 'remove'): boolean {
    const record = this.#options.find(xid);
    if (record === null) return true;
    const others = this.#clients.filter(({ element }) => isPoi(element.kind) !== isPoi(client.element.kind));
    if (isPoi(client.element.kind)) {
      if (change === 'remove') return true;
      return others.every((inner) => this.#progress(inner, record).kind === 'settled');
    }
    // An end that is moved to now takes effect at once.
    if (change === 'add' || (change === 'modify' && isDraining(record))) return true;
    return others.every((poi) => {
      if (this.#options.plan.task(poi.element.kind, record) !== null) return true;
      return poi.progress(record.xid, null).kind !== 'pending';
    });
  }
}
