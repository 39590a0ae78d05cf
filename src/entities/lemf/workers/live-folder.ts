/**
 * A folder that follows the files of a running LEMF. A call is recovered when nothing more has come of it for a while; one
 * that goes on is recovered anew only
 *
 *     when it has grown to GROWTH times what it was, or
 *     after a pause twice as long as the pause before,
 *
 * so that the work on it is linear in its length, whatever pauses are in it: a doubling of sizes, and of pauses no more
 * than the logarithm of its time. The last recovery is after its last pause, or when the LEMF stops.
 */
import { LeastRecentlyUsed } from '../../../ibe/cache.ts';
import type { CaseQuestion, CaseViews } from '../case-views.ts';
import type { KeyQuestion } from '../key-questions.ts';
import type { WarrantName } from '../retention.ts';
import { FolderRecovery, filesOf } from '../store/recovery.ts';
import type { Looked, LookOrder, ShownCase } from './recovery-order.ts';

/** How much longer a call that goes on is when it is recovered again. */
const GROWTH = 2;

/** Calls whose pace is known while nothing of them waits; one that is forgotten begins anew. */
const MAX_PACES = 16_384;

interface Pace {
  /** PDUs when it was recovered last, or first seen. */
  size: number;
  /** Milliseconds without anything new after which it is recovered. */
  pause: number;
}

interface WaitingCall {
  readonly pace: Pace;
  /** PDUs now. */
  size: number;
  /** When the last of them had come. */
  changedAt: number;
}

export class LiveFolder {
  readonly #recovery: FolderRecovery;
  readonly #after: number;
  readonly #paces = new LeastRecentlyUsed<Pace>(MAX_PACES);
  /** Communications with something new, by id. */
  readonly #waiting = new Map<number, WaitingCall>();
  /** Questions that nobody was told of yet. */
  readonly #untold: KeyQuestion[] = [];
  readonly #views: CaseViews;

  constructor({ paths, folder, after }: Pick<LookOrder, 'paths' | 'folder' | 'after'>) {
    this.#recovery = new FolderRecovery(paths, folder);
    this.#views = this.#recovery.views((session) => this.#waiting.has(session));
    this.#after = after;
  }

  look({ to, now, lastAt, again, isFinal }: LookOrder): Looked {
    for (const id of this.#recovery.read(to)) this.#changed(id, lastAt);
    const ready: number[] = [];
    for (const [id, call] of this.#waiting) {
      const { pace, size, changedAt } = call;
      const isOver = now - changedAt >= pace.pause;
      if (!isFinal && !isOver && size < GROWTH * pace.size) continue;
      if (isOver) pace.pause *= 2;
      pace.size = size;
      this.#waiting.delete(id);
      ready.push(id);
    }
    const files: string[] = [];
    const questions = this.#untold.splice(0);
    for (const result of this.#recovery.recover([...new Set([...ready, ...again])])) {
      if (result.kind !== 'call') continue;
      files.push(...filesOf(result.report));
      questions.push(...result.questions);
    }
    this.#recovery.report();
    return { kind: 'looked', ...this.#recovery.totals, files, questions, ...this.#next(now) };
  }

  /** What an analyst asks, by all that has come; it is recovered by the next look. */
  show(question: CaseQuestion, { to, now, lastAt }: Pick<LookOrder, 'to' | 'now' | 'lastAt'>): ShownCase {
    for (const id of this.#recovery.read(to)) this.#changed(id, lastAt);
    return { kind: 'shown', answer: this.#views.answer(question), ...this.#next(now) };
  }

  /** The first look, at everything. Gives the names of audio of an earlier run that is gone. */
  begin(order: LookOrder): readonly string[] {
    this.#untold.push(...this.look({ ...order, isFinal: true }).questions);
    return this.#recovery.gone;
  }

  /** Forgets what it has of warrants. Gives the names of their audio, which is gone. */
  forget(warrants: readonly WarrantName[]): string[] {
    const gone = this.#recovery.forget(warrants);
    this.#recovery.report();
    return gone;
  }

  close(): void {
    this.#recovery.close();
  }

  #changed(id: number, changedAt: number): void {
    const size = this.#recovery.sizeOf(id);
    const pace = this.#paces.get(String(id), () => ({ size, pause: this.#after }));
    this.#waiting.set(id, { pace, size, changedAt });
  }

  #next(now: number): Pick<Looked, 'waiting' | 'wakeIn'> {
    let wakeIn: number | null = null;
    for (const { pace, changedAt } of this.#waiting.values()) {
      const left = changedAt + pace.pause - now;
      wakeIn = Math.min(wakeIn ?? left, left);
    }
    return { waiting: this.#waiting.size, wakeIn };
  }
}
