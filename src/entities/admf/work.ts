/**
 * What is left to do at an element whose names are known: what may have to be looked at, the next document, and what
 * comes of one. It lasts until all is asked for anew. Nothing here looks at all tasks for the sake of one.
 */
import type { Clock, Logger } from '../../bytes/ports.ts';
import type { DestinationReport, InterceptTask } from '../../wire/x1/details.ts';
import { X1_ERRORS } from '../../wire/x1/error-codes.ts';
import type { X1ResponseBody } from '../../wire/x1/responses.ts';
import { X1ExchangeError } from '../../x1/requester.ts';
import type { IssueBook } from './issues.ts';
import type { Holdings } from './plan.ts';
import {
  destinationChange,
  destinationQuestion,
  DraftDocument,
  requestText,
  sameDestination,
  sameTask,
  taskChange,
  taskQuestion,
} from './requests.ts';
import type { Change } from './requests.ts';
import { ElementView } from './view.ts';
import type { Held } from './view.ts';

export interface WorkContext {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Takes what the element says of its destinations. */
  readonly issues: IssueBook;
  /** What it must hold; kept up to date. */
  readonly wanted: Holdings;
  /** Whether the task of that XID may be changed here, now: others may have to be first. */
  readonly mayChange: (xid: string, change: 'add' | 'modify' | 'remove') => boolean;
  /**
   * What it must be told of a task that it holds before it may hold another in its place, or none; `unknown`: that takes
   * to know what it holds.
   */
  readonly toldFirst: (xid: string, held: Held<InterceptTask>) => InterceptTask | 'unknown' | null;
  /** How far it is with these tasks has changed; `null`: with any. */
  readonly changed: (xids: ReadonlySet<string> | null) => void;
  /** A destination has gone, or will not go for now. */
  readonly left: () => void;
}

/** What an element has refused. */
export interface Refused {
  readonly about: Change['about'];
  /** The request that is not made again for now; `null`: it may be. */
  readonly text: string | null;
  readonly error: unknown;
}

/** Errors that say that something is not there, or is there already. */
const NOT_THERE = { task: X1_ERRORS.xidUnknown.code, destination: X1_ERRORS.didUnknown.code };
const THERE = { task: X1_ERRORS.xidExists.code, destination: X1_ERRORS.didExists.code };

export class ElementWork {
  readonly #element: string;
  readonly #context: WorkContext;
  /** By XID and DID. */
  readonly #refused: Map<string, Refused>;
  readonly #view: ElementView;
  /** What is to be looked at: tasks that may have to go, to come or to change, to be asked for; destinations. */
  readonly #leaving = new Set<string>();
  readonly #due = new Set<string>();
  readonly #doubted = new Set<string>();
  readonly #places = new Set<string>();
  /** XIDs of tasks that wait for a destination, by DID. */
  readonly #blocked = new Map<string, Set<string>>();
  /** XIDs of tasks of which more is to be told than the document under way does. */
  readonly #halfway = new Set<string>();
  /** Subjects of the document under way: the view has them as they will be. */
  readonly #underWay = new Set<string>();

  /** @param names what the element says that it holds; of each that it must hold it is in doubt what it is */
  constructor(
    element: string,
    names: { readonly xids: readonly string[]; readonly dids: readonly string[] },
    refused: Map<string, Refused>,
    context: WorkContext,
  ) {
    this.#element = element;
    this.#context = context;
    this.#refused = refused;
    this.#view = new ElementView(names.xids, names.dids);
    this.lookAtAll();
    for (const did of [...names.dids, ...context.wanted.destinations.keys()]) this.#places.add(did);
  }

  /** Whether nothing is left to look at. */
  get isDone(): boolean {
    return this.#leaving.size + this.#due.size + this.#doubted.size + this.#places.size === 0;
  }

  /** A task or destination may have to be otherwise now. */
  look(about: Change['about'], id: string): void {
    if (about === 'destination') this.#places.add(id);
    else (this.#context.wanted.tasks.has(id) ? this.#due : this.#leaving).add(id);
  }

  /** All tasks may have to. */
  lookAtAll(): void {
    const xids = [...this.#view.xids(), ...this.#context.wanted.tasks.keys()];
    for (const xid of xids) this.look('task', xid);
  }

  /** Whether it is known to hold the task that it must hold (`null`: not to hold it). */
  isSettled(xid: string, wanted: InterceptTask | null): boolean {
    if (this.#underWay.has(xid)) return false;
    const held = this.#view.task(xid);
    return wanted === null ? held === undefined : held === wanted;
  }

  /** Whether a destination is there, or not known to be gone. */
  hasPlace(did: string): boolean {
    return this.#underWay.has(did) || this.#view.destination(did) !== undefined;
  }

  /**
   * The next document, in this order: tasks go, destinations come or change, tasks come or change, questions, and
   * destinations that no task is left for go.
   * @param most requests at most
   */
  draft(most: number): DraftDocument {
    const view = this.#view;
    const draft = new DraftDocument(most);
    const unwanted: string[] = [];
    take(this.#leaving, draft, (xid) => this.#remove(xid));
    take(this.#places, draft, (did) => {
      if (this.#context.wanted.destinations.has(did)) return this.#place(did);
      unwanted.push(did);
      return null;
    });
    take(this.#due, draft, (xid) => this.#set(xid));
    take(this.#doubted, draft, (xid) => this.#ask(xid));
    const freed = draft.changes.flatMap(({ dids }) => dids);
    const gone = new Set([
      ...unwanted,
      ...freed.filter((did) => !this.#context.wanted.destinations.has(did)),
    ]);
    take(gone, draft, (did) => this.#leave(did));
    for (const did of gone) this.#places.add(did);
    for (const { id } of draft.changes) this.#underWay.add(id);
    return draft;

    /** Takes what is to be looked at until the document is full. */
    function take(names: Set<string>, into: DraftDocument, look: (id: string) => Change | null): void {
      for (const id of names) {
        if (into.full) return;
        names.delete(id);
        const change = look(id);
        if (change === null) continue;
        into.add(change);
        change.set(view, 'after');
      }
    }
  }

  #remove(xid: string): Change | null {
    if (this.#context.wanted.tasks.has(xid)) this.#due.add(xid);
    else if (this.#view.task(xid) === undefined) this.#refused.delete(xid);
    else if (this.#context.mayChange(xid, 'remove')) return this.#tell(xid, undefined);
    return null;
  }

  #place(did: string): Change | null {
    const wanted = this.#context.wanted.destinations.get(did);
    const held = this.#view.destination(did);
    if (wanted === undefined) return null;
    if (held === null) return this.#unlessRefused(destinationQuestion(did));
    if (held !== undefined && sameDestination(held, wanted)) {
      this.#recovered(did);
      this.#unblock(did);
      return null;
    }
    return this.#unlessRefused(destinationChange(this.#view, did, wanted));
  }

  #set(xid: string): Change | null {
    const { wanted, mayChange } = this.#context;
    const task = wanted.tasks.get(xid);
    const held = this.#view.task(xid);
    if (task === undefined) this.#leaving.add(xid);
    else if (held === null) this.#doubted.add(xid);
    else if (held !== undefined && sameTask(held, task)) this.#recognise(task);
    else if (mayChange(xid, held === undefined ? 'add' : 'modify')) {
      const missing = task.dids.find((did) => !this.#isPlaced(did));
      if (missing === undefined) return this.#tell(xid, task);
      this.#blocked.set(missing, (this.#blocked.get(missing) ?? new Set()).add(xid));
    }
    return null;
  }

  /** The next step towards the task (`undefined`: to none): what it must be told first, each in a document of its own. */
  #tell(xid: string, task: InterceptTask | undefined): Change | null {
    const first = this.#context.toldFirst(xid, this.#view.task(xid));
    if (first === 'unknown') return this.#unlessRefused(taskQuestion(xid));
    if (first === null || (task !== undefined && sameTask(first, task)))
      return this.#unlessRefused(taskChange(this.#view, xid, task));
    this.#halfway.add(xid);
    return this.#unlessRefused(taskChange(this.#view, xid, first));
  }

  #ask(xid: string): Change | null {
    if (this.#view.task(xid) !== null || !this.#context.wanted.tasks.has(xid)) return null;
    return this.#unlessRefused(taskQuestion(xid));
  }

  #leave(did: string): Change | null {
    if (this.#view.destination(did) === undefined) this.#refused.delete(did);
    if (this.#view.destination(did) === undefined || this.#view.mayUse(did)) return null;
    return this.#unlessRefused(destinationChange(this.#view, did, undefined));
  }

  #unlessRefused(change: Change): Change | null {
    return this.#refused.get(change.id)?.text === requestText(change.request) ? null : change;
  }

  /** Whether a destination is as it must be, or comes earlier in the same document. */
  #isPlaced(did: string): boolean {
    const [held, wanted] = [this.#view.destination(did), this.#context.wanted.destinations.get(did)];
    return held !== undefined && held !== null && wanted !== undefined && sameDestination(held, wanted);
  }

  #unblock(did: string): void {
    for (const xid of this.#blocked.get(did) ?? []) this.look('task', xid);
    this.#blocked.delete(did);
  }

  /** What is held is what must be held: from now on the same object. */
  #recognise(task: InterceptTask): void {
    const isNew = this.#view.task(task.xid) !== task;
    this.#view.setTask(task.xid, task);
    const wasRefused = this.#refused.delete(task.xid);
    if (isNew || wasRefused) this.#context.changed(new Set([task.xid]));
  }

  /* ------------------------------------------------ what comes of it */

  /** @param asked how many reports of the element there were when it was asked */
  done(
    changes: readonly Change[],
    results: readonly (X1ResponseBody | X1ExchangeError)[],
    asked: number,
  ): void {
    const { issues, clock, changed, left } = this.#context;
    const view = this.#view;
    const wasDoubtful = view.isDoubtful();
    const reports: DestinationReport[] = [];
    for (const [at, change] of changes.entries()) {
      const result = results[at];
      this.#underWay.delete(change.id);
      if (result === undefined || result instanceof X1ExchangeError) this.#refuse(change, result);
      else this.#take(change, result, reports);
    }
    if (wasDoubtful && !view.isDoubtful()) for (const did of view.dids()) this.#places.add(did);
    issues.answered(this.#element, reports, { asked, time: clock.now() });
    changed(new Set(changes.flatMap((change) => this.#concerned(change))));
    if (changes.some(({ request }) => request.type === 'RemoveDestination')) left();
  }

  /** XIDs of the tasks whose progress a change is about. */
  #concerned({ about, id }: Change): readonly string[] {
    if (about === 'task') return [id];
    return this.#refused.has(id) ? [...(this.#context.wanted.users.get(id) ?? [])] : [];
  }

  /** There was no answer: it may have been done, or not. */
  leaveOpen(changes: readonly Change[], error: unknown): void {
    for (const change of changes) {
      this.#underWay.delete(change.id);
      change.set(this.#view, 'doubt');
      this.look(change.about, change.id);
      const isTooLarge = error instanceof X1ExchangeError && error.code === 'too-large';
      if (isTooLarge && changes.length === 1) this.#note(change, error);
    }
  }

  #take(change: Change, result: X1ResponseBody, reports: DestinationReport[]): void {
    const { about, id } = change;
    if ('report' in result) {
      if (result.type === 'GetTaskDetails' && result.report.task.xid === id)
        this.#view.setTask(id, result.report.task);
      else if (result.type === 'GetDestinationDetails' && result.report.destination.did === id) {
        this.#view.setDestination(id, result.report.destination);
        reports.push(result.report);
      } else this.#note(change, new X1ExchangeError('bad-answer', `not a report of ${id}`));
      this.look(change.about, change.id);
      return;
    }
    if (about === 'task') {
      this.#refused.delete(id);
      if (this.#halfway.delete(id)) this.look('task', id);
      return;
    }
    // The element says no more of it: it does not clear what it has reported of a destination that is gone.
    if (this.#view.destination(id) === undefined) this.#context.issues.removed(this.#element, id);
    this.#recovered(id);
    this.#unblock(id);
  }

  /** What was refused about a destination is over. */
  #recovered(did: string): void {
    if (this.#refused.delete(did)) this.#context.changed(new Set(this.#context.wanted.users.get(did)));
  }

  #refuse(change: Change, error: X1ExchangeError | undefined): void {
    const code = error?.error?.code;
    const { about, request } = change;
    const isNotThere = code === NOT_THERE[about];
    if (isNotThere) change.set(this.#view, 'gone');
    else if (code === THERE[about]) change.set(this.#view, 'doubt');
    else change.set(this.#view, 'before');
    if (code === X1_ERRORS.didUnknown.code && 'task' in request) this.#doubtPlaces(request.task);
    this.look(change.about, change.id);
    // That it is gone is what was wanted, or all that was asked.
    if (isNotThere && !('task' in request) && !('destination' in request)) return;
    this.#note(change, error);
    this.#context.logger.error({ element: this.#element, error }, 'an element refuses a request');
  }

  /** A destination that was taken to be there is not. */
  #doubtPlaces({ dids }: InterceptTask): void {
    for (const did of dids) {
      if (this.#view.destination(did) !== undefined && !this.#underWay.has(did))
        this.#view.setDestination(did, null);
      this.#places.add(did);
    }
  }

  #note({ about, id, request }: Change, error: unknown): void {
    this.#refused.set(id, { about, text: requestText(request), error });
  }
}
