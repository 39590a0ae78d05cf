/**
 * One network element as the ADMF provisions it: a loop of its own that brings what the element holds to what it must
 * hold, whatever becomes of the other elements. What is to be done at one time goes in one document.
 *
 *     woken ─► what must it hold? ─► requests ─► document ─► what it holds ─► again, until nothing is left to do
 *
 * What the element holds is remembered from its own answers. After a document whose outcome is not known (no answer, or
 * none that makes sense) it is asked anew, by GetAllDetails, before anything else is done: so a request that was carried
 * out although its answer was lost is not taken for one that was not. An element that does not answer is asked again
 * after a pause that grows; what it refuses is asked for again when it must hold something else, or after that pause.
 */
import { BackOff } from '../../bytes/back-off.ts';
import type { Clock, Logger, Timer } from '../../bytes/ports.ts';
import { DESTINATION_DETAILS, TASK_DETAILS } from '../../wire/x1/details.ts';
import type { Destination, InterceptTask } from '../../wire/x1/details.ts';
import type { Child } from '../../wire/x1/fields.ts';
import type { X1RequestBody } from '../../wire/x1/requests.ts';
import type { XmlElement } from '../../wire/x1/xml.ts';
import { X1ExchangeError } from '../../x1/requester.ts';
import type { IssueBook } from './issues.ts';
import type { Holdings } from './plan.ts';
import type { AdmfElement } from './ports.ts';

export interface RetrySetting {
  /** How often a document without answer is tried in all before the element counts as failing. */
  readonly attempts: number;
  /** Milliseconds before the second attempt, doubled each time up to ten minutes. */
  readonly pauseMs: number;
}

/** What else decides about one element; given by the whole of them. */
export interface ElementContext {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Takes what it says of its destinations. */
  readonly issues: IssueBook;
  readonly retry: RetrySetting;
  /** Milliseconds before an element that failed is tried again, doubled each time up to ten minutes. */
  readonly settleMs: number;
  /** What the element must hold, now. */
  readonly wanted: () => Holdings;
  /** Whether the task of that XID may be changed here, now: others may have to be first. */
  readonly mayChange: (xid: string, change: 'add' | 'modify' | 'remove') => boolean;
  /** Something about what the element holds has changed, or about how it does. */
  readonly changed: () => void;
  /** It was woken and found nothing to do. */
  readonly idle: () => void;
}

/** How far an element is with one task. */
export type Progress =
  | { readonly kind: 'settled' }
  | { readonly kind: 'pending' }
  /** It refused; or it does not answer, and is asked again. */
  | { readonly kind: 'refused' | 'failing'; readonly error: unknown };

interface View {
  readonly tasks: Map<string, InterceptTask>;
  readonly destinations: Map<string, Destination>;
}

/** One request, and what the element holds once it has been carried out. */
interface Change {
  /** XID or DID. */
  readonly id: string;
  readonly request: X1RequestBody;
  readonly apply: (view: View) => void;
}

const LONGEST_RETRY_MS = 600_000;
/** Requests in one document. */
const MOST_REQUESTS = 100;

export class ElementClient {
  readonly element: AdmfElement;
  readonly #context: ElementContext;
  /** `null`: not known. */
  #view: View | null = null;
  readonly #refused = new Map<string, { readonly text: string; readonly error: unknown }>();
  #failing: { readonly error: unknown } | null = null;
  #retry: Timer | null = null;
  readonly #pauses: BackOff;
  #dirty = false;
  #loop: Promise<void> | null = null;
  /** Whether the loop has said anything to the element. */
  #working = false;
  #stopped = false;

  constructor(element: AdmfElement, context: ElementContext) {
    this.element = element;
    this.#context = context;
    this.#pauses = new BackOff(context.settleMs, LONGEST_RETRY_MS);
  }

  /** Whether it is being brought to what it must hold, or is to be. */
  get busy(): boolean {
    return this.#loop !== null && (this.#working || this.#dirty);
  }

  /** Whether it does not answer. */
  get failing(): boolean {
    return this.#failing !== null;
  }

  /**
   * Looks at what must be held again. An element that does not answer keeps its pause.
   * @param afresh what was refused is asked for again, too
   */
  wake(afresh = false): void {
    if (afresh) this.#refused.clear();
    if (this.#stopped || (this.#failing !== null && this.#retry !== null)) return;
    this.#dirty = true;
    this.#loop ??= this.#run().finally(() => {
      this.#loop = null;
      const worked = this.#working;
      this.#working = false;
      // Woken between its last look and its end.
      if (this.#dirty) this.wake();
      if (worked) this.#context.changed();
      else this.#context.idle();
    });
  }

  /** What is held is asked anew, and what was refused or unanswered is tried again at once. */
  forget(): void {
    this.#view = null;
    this.#refused.clear();
    this.#retry?.cancel();
    this.#retry = null;
    this.wake();
  }

  /** How far it is with a task that it must hold (`null`: must not). */
  progress(xid: string, wanted: InterceptTask | null): Progress {
    if (this.#view !== null) {
      const held = this.#view.tasks.get(xid);
      if (wanted === null ? held === undefined : held !== undefined && sameTask(held, wanted))
        return { kind: 'settled' };
    }
    const [first] = [xid, ...(wanted?.dids ?? [])].flatMap((id) => this.#refused.get(id) ?? []);
    if (first !== undefined) return { kind: 'refused', error: first.error };
    return this.#failing === null ? { kind: 'pending' } : { kind: 'failing', ...this.#failing };
  }

  /** Takes no more; resolves when what is under way has been answered. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#retry?.cancel();
    await this.#loop;
  }

  async #run(): Promise<void> {
    while (this.#dirty && !this.#stopped) {
      this.#dirty = false;
      try {
        await this.#settle();
        this.#failing = null;
        if (this.#refused.size === 0) this.#pauses.reset();
        else this.#later();
      } catch (error) {
        this.#view = null;
        this.#failing = { error };
        this.#dirty = false;
        this.#context.logger.error(
          { element: this.element.identifier, error },
          'an element is not provisioned',
        );
        this.#later();
        return;
      }
    }
  }

  /** Sends what is left to do until nothing is. @throws X1ExchangeError when it has tried often enough */
  async #settle(): Promise<void> {
    const { retry, clock, logger, changed } = this.#context;
    const pauses = new BackOff(retry.pauseMs, LONGEST_RETRY_MS);
    for (let attempt = 1; !this.#stopped;) {
      try {
        if (this.#view === null) {
          this.#working = true;
          this.#view = await this.#ask();
        }
        const changes = this.#changes(this.#view).slice(0, MOST_REQUESTS);
        if (changes.length === 0) return;
        this.#working = true;
        await this.#send(this.#view, changes);
        attempt = 1;
        pauses.reset();
        changed();
      } catch (error) {
        this.#view = null;
        if (!(error instanceof X1ExchangeError) || attempt >= retry.attempts) throw error;
        logger.warn({ element: this.element.identifier, error, attempt }, 'no answer; trying again');
        await new Promise<void>((resolve) => clock.after(pauses.next(), resolve));
        attempt += 1;
      }
    }
  }

  async #send(view: View, changes: readonly Change[]): Promise<void> {
    const { x1, identifier } = this.element;
    const results = await x1.requestAll(changes.map(({ request }) => request));
    for (const [at, change] of changes.entries()) {
      const result = results[at];
      if (result instanceof X1ExchangeError) {
        this.#refused.set(change.id, { text: textOf(change.request), error: result });
        this.#context.logger.error({ element: identifier, error: result }, 'an element refuses a request');
      } else {
        this.#refused.delete(change.id);
        change.apply(view);
        // The element says no more of it: it does not clear what it has reported of a destination that is gone.
        if (change.request.type === 'RemoveDestination') this.#context.issues.removed(identifier, change.id);
      }
    }
  }

  /**
   * What is to be asked for, in this order: tasks go, destinations come or change, tasks come or change, destinations
   * that no task is left for go.
   */
  #changes(view: View): Change[] {
    const { wanted: ask, mayChange } = this.#context;
    const wanted = ask();
    const tasks = new Map(view.tasks);
    const gone = [...tasks.keys()].filter((xid) => !wanted.tasks.has(xid) && mayChange(xid, 'remove'));
    for (const xid of gone) tasks.delete(xid);
    const placed = [...wanted.destinations.values()].filter((destination) => {
      const held = view.destinations.get(destination.did);
      return held === undefined || !sameDestination(held, destination);
    });
    const set = [...wanted.tasks.values()].filter((task) => {
      const held = tasks.get(task.xid);
      if (held !== undefined && sameTask(held, task)) return false;
      return mayChange(task.xid, held === undefined ? 'add' : 'modify');
    });
    for (const task of set) tasks.set(task.xid, task);
    const unwanted = [...view.destinations.keys()].filter((did) => !wanted.destinations.has(did));
    const used = new Set(unwanted.length === 0 ? [] : [...tasks.values()].flatMap(({ dids }) => dids));
    const left = unwanted.filter((did) => !used.has(did));
    const changes = [
      ...gone.map((xid) => removal({ type: 'DeactivateTask', xid }, xid, 'tasks')),
      ...placed.map((destination) => placing(view, destination)),
      ...set.map((task) => setting(view, task)),
      ...left.map((did) => removal({ type: 'RemoveDestination', did }, did, 'destinations')),
    ];
    if (this.#refused.size === 0) return changes;
    return changes.filter(({ id, request }) => this.#refused.get(id)?.text !== textOf(request));
  }

  #later(): void {
    if (this.#retry !== null || this.#stopped) return;
    this.#retry = this.#context.clock.after(this.#pauses.next(), () => {
      this.#retry = null;
      this.wake(true);
    });
  }

  async #ask(): Promise<View> {
    const { issues, clock } = this.#context;
    const { identifier, x1 } = this.element;
    const asked = issues.reportsOf(identifier);
    const { tasks, destinations } = await x1.request({ type: 'GetAllDetails' });
    issues.answered(identifier, destinations, { asked, time: clock.now() });
    return {
      tasks: new Map(tasks.map(({ task }) => [task.xid, task])),
      destinations: new Map(destinations.map(({ destination }) => [destination.did, destination])),
    };
  }
}

function removal(request: X1RequestBody, id: string, of: keyof View): Change {
  return { id, request, apply: (view) => void view[of].delete(id) };
}

function placing({ destinations }: View, destination: Destination): Change {
  const { did } = destination;
  const type = destinations.has(did) ? 'ModifyDestination' : 'CreateDestination';
  return {
    id: did,
    request: { type, destination },
    apply: (view) => view.destinations.set(did, destination),
  };
}

function setting({ tasks }: View, task: InterceptTask): Change {
  const { xid } = task;
  const type = tasks.has(xid) ? 'ModifyTask' : 'ActivateTask';
  return { id: xid, request: { type, task }, apply: (view) => view.tasks.set(xid, task) };
}

/** What tells one request from another about the same thing. */
function textOf(request: X1RequestBody): string {
  if ('task' in request) return `${request.type} ${taskText(request.task)}`;
  if ('destination' in request) return `${request.type} ${written(DESTINATION_DETAILS, request.destination)}`;
  return request.type;
}

/** Equality as X1 has it: what would be written is the same. */
function sameTask(a: InterceptTask, b: InterceptTask): boolean {
  return a === b || taskText(a) === taskText(b);
}

const texts = new WeakMap<InterceptTask, string>();

/** A task as X1 writes it; tasks do not change, so it is written once. */
function taskText(task: InterceptTask): string {
  const text = texts.get(task) ?? written(TASK_DETAILS, task);
  texts.set(task, text);
  return text;
}

function sameDestination(a: Destination, b: Destination): boolean {
  return a === b || written(DESTINATION_DETAILS, a) === written(DESTINATION_DETAILS, b);
}

function written<T>(child: Child<T>, value: T): string {
  const elements: XmlElement[] = [];
  child.write(value, elements);
  return JSON.stringify(elements);
}
