/**
 * One network element as the ADMF provisions it: a loop of its own that brings what the element holds to what it must
 * hold, whatever becomes of the other elements. What is to be done at one time goes in one document.
 *
 *     told what to look at ─► is it as it must be? ─► requests ─► document ─► what it holds ─► again, until nothing is left
 *
 * What the element holds is remembered from its own answers. At the start, and when it has been away, it is asked for the
 * names of all (ListAllDetails), and for each that it must hold what it is (GetTaskDetails, GetDestinationDetails): many
 * questions in a document, after all that is not in doubt. What a document was about that got no answer, or none that
 * makes sense, is in doubt as well, and is asked for before anything else is done about it: so a request that was
 * carried out although its answer was lost is not taken for one that was not. An element that does not answer is asked
 * again after a pause that grows, up to a minute since warrants wait for it, and with fewer requests; what it refuses is
 * asked for again when it must hold something else, or after a pause that grows up to ten minutes. Nothing here looks at all tasks for the sake of one.
 */
import { BackOff } from '../../bytes/back-off.ts';
import type { Clock, Timer } from '../../bytes/ports.ts';
import type { InterceptTask } from '../../wire/x1/details.ts';
import { X1ExchangeError } from '../../x1/requester.ts';
import type { AdmfElement } from './ports.ts';
import type { Change, DraftDocument } from './requests.ts';
import { ElementWork } from './work.ts';
import type { Refused, WorkContext } from './work.ts';

export interface RetrySetting {
  /** How often a document without answer is tried in all before the element counts as failing. */
  readonly attempts: number;
  /** Milliseconds before the second attempt, doubled each time up to ten minutes. */
  readonly pauseMs: number;
}

/** What else decides about one element; given by the whole of them. */
export interface ElementContext extends WorkContext {
  readonly clock: Clock;
  readonly retry: RetrySetting;
  /**
   * Milliseconds before an element that failed is tried again, doubled each time up to a minute where it did not answer, and
   * up to ten where it refused.
   */
  readonly settleMs: number;
  /** It has nothing to do for now. */
  readonly idle: () => void;
}

/** How far an element is with one task. */
export type Progress =
  | { readonly kind: 'settled' }
  | { readonly kind: 'pending' }
  /** It refused; or it does not answer, and is asked again. */
  | { readonly kind: 'refused' | 'failing'; readonly error: unknown };

const LONGEST_RETRY_MS = 600_000;
/** Of an element that does not answer: it is asked one thing, and may be back at any time. */
const LONGEST_SILENCE_MS = 60_000;
/** Answered documents after which a document may have twice as many requests again. */
const GROWS_AFTER = 16;

export class ElementClient {
  readonly element: AdmfElement;
  readonly #context: ElementContext;
  /** `null`: what it holds is not known. */
  #work: ElementWork | null = null;
  readonly #refused = new Map<string, Refused>();
  #failing: { readonly error: unknown } | null = null;
  #retry: Timer | null = null;
  /** Between attempts where it does not answer, and where it refuses. */
  readonly #pauses: { readonly silent: BackOff; readonly refused: BackOff };
  /** Requests that the next document may have. */
  #room: number;
  /** Documents that were answered since one was not. */
  #answered = 0;
  #loop: Promise<void> | null = null;
  #stopped = false;

  constructor(element: AdmfElement, context: ElementContext) {
    this.element = element;
    this.#context = context;
    const { settleMs } = context;
    this.#pauses = {
      silent: new BackOff(settleMs, Math.max(settleMs, LONGEST_SILENCE_MS)),
      refused: new BackOff(settleMs, LONGEST_RETRY_MS),
    };
    this.#room = element.mostRequests;
  }

  /** Whether it answers, as far as it was asked. */
  get state(): 'up' | 'down' | 'idle' {
    if (this.#failing !== null) return 'down';
    return this.#work === null ? 'idle' : 'up';
  }

  /** Whether it is being brought to what it must hold. */
  get busy(): boolean {
    return this.#loop !== null;
  }

  /**
   * These may have to be otherwise now. An element that does not answer keeps its pause.
   * @param afresh what was refused of them is asked for again, too
   */
  look(xids: Iterable<string>, dids: Iterable<string> = [], afresh = false): void {
    for (const xid of xids) this.#look('task', xid, afresh);
    for (const did of dids) this.#look('destination', did, afresh);
    this.#wake();
  }

  /** As `look`, for all that it holds or must hold. */
  lookAtAll(): void {
    this.#work?.lookAtAll();
    this.#wake();
  }

  /** What is held is asked anew, and what was refused or unanswered is tried again at once. */
  forget(): void {
    this.#work = null;
    this.#refused.clear();
    this.#retry?.cancel();
    this.#retry = null;
    this.#wake();
  }

  /** How far it is with a task that it must hold (`null`: must not). */
  progress(xid: string, wanted: InterceptTask | null): Progress {
    if (this.#work?.isSettled(xid, wanted) === true) return { kind: 'settled' };
    // That a destination is not there is why a task for it is refused.
    const [first] = [...(wanted?.dids ?? []), xid].flatMap((id) => this.#refused.get(id) ?? []);
    if (first !== undefined) return { kind: 'refused', error: first.error };
    return this.#failing === null ? { kind: 'pending' } : { kind: 'failing', ...this.#failing };
  }

  /** Whether one of these destinations is still to go, and the element neither refuses that nor fails to answer. */
  hasToLeave(dids: readonly string[]): boolean {
    const { wanted } = this.#context;
    const work = this.#failing === null ? this.#work : null;
    if (work === null) return false;
    return dids.some((did) => !wanted.destinations.has(did) && !this.#refused.has(did) && work.hasPlace(did));
  }

  /** Takes no more; resolves when what is under way has been answered. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#retry?.cancel();
    await this.#loop;
  }

  #wake(): void {
    if (this.#stopped || this.#loop !== null || (this.#failing !== null && this.#retry !== null)) return;
    if (this.#work?.isDone === true) return;
    // Not at once: what it finds to be settled has others look, and they have this one look, before its document is out.
    this.#loop = Promise.resolve()
      .then(() => this.#run())
      .finally(() => {
        this.#loop = null;
        this.#wake();
        if (!this.busy) this.#context.idle();
      });
  }

  #look(about: Change['about'], id: string, afresh: boolean): void {
    if (afresh) this.#refused.delete(id);
    this.#work?.look(about, id);
  }

  async #run(): Promise<void> {
    try {
      await this.#settle();
      this.#recovered();
      this.#pauses.silent.reset();
      if (this.#refused.size === 0) this.#pauses.refused.reset();
      else this.#later(this.#pauses.refused);
    } catch (error) {
      this.#work = null;
      this.#failing = { error };
      this.#context.logger.error(
        { element: this.element.identifier, error },
        'an element is not provisioned',
      );
      this.#later(this.#pauses.silent);
      this.#context.changed(null);
    }
  }

  /** Sends what is left to do until nothing is. @throws X1ExchangeError when it has tried often enough */
  async #settle(): Promise<void> {
    const { retry, clock, logger } = this.#context;
    const pauses = new BackOff(retry.pauseMs, LONGEST_RETRY_MS);
    for (let attempt = 1; this.#work?.isDone !== true && !this.#stopped;) {
      let draft: DraftDocument | null = null;
      try {
        const work = this.#work ?? (await this.#list());
        draft = work.draft(this.#room);
        if (draft.changes.length === 0) continue;
        await this.#send(work, draft.changes);
        attempt = 1;
        pauses.reset();
        this.#grow();
        this.#recovered();
      } catch (error) {
        const size = draft?.changes.length ?? 0;
        this.#answered = 0;
        if (error instanceof X1ExchangeError && size > 1) this.#room = size >> 1;
        if (error instanceof X1ExchangeError && error.code === 'too-large' && size > 0) continue;
        if (!(error instanceof X1ExchangeError) || attempt >= retry.attempts) throw error;
        logger.warn({ element: this.element.identifier, error, attempt }, 'no answer; trying again');
        await new Promise<void>((resolve) => clock.after(pauses.next(), resolve));
        attempt += 1;
      }
    }
  }

  /** Asks for the names. */
  async #list(): Promise<ElementWork> {
    const { issues, changed } = this.#context;
    const { identifier, x1 } = this.element;
    const asked = issues.reportsOf(identifier);
    const names = await x1.request({ type: 'ListAllDetails' });
    issues.listed(identifier, new Set(names.dids), asked);
    const work = new ElementWork(identifier, names, this.#refused, this.#context);
    this.#work = work;
    changed(null);
    return work;
  }

  async #send(work: ElementWork, changes: readonly Change[]): Promise<void> {
    const { x1, identifier } = this.element;
    const asked = this.#context.issues.reportsOf(identifier);
    const results = await x1.requestAll(changes.map(({ request }) => request)).catch((error: unknown) => {
      work.leaveOpen(changes, error);
      throw error;
    });
    // All may be asked for anew meanwhile.
    if (this.#work === work) work.done(changes, results, asked);
  }

  /** Not at once: what failed in one document comes apart only if the next ones stay small. */
  #grow(): void {
    this.#answered += 1;
    if (this.#answered % GROWS_AFTER === 0) this.#room = Math.min(2 * this.#room, this.element.mostRequests);
  }

  /** It answers again. */
  #recovered(): void {
    if (this.#failing === null) return;
    this.#failing = null;
    this.#context.changed(null);
  }

  #later(pauses: BackOff): void {
    if (this.#retry !== null || this.#stopped) return;
    this.#retry = this.#context.clock.after(pauses.next(), () => {
      this.#retry = null;
      for (const [id, refused] of this.#refused) {
        this.#refused.set(id, { ...refused, text: null });
        this.#work?.look(refused.about, id);
      }
      this.#wake();
    });
  }
}
