/**
 * Calls whose media the gateway has lost: with the thread that relayed them, or because it was started anew. Nobody would
 * hear anything any more, and of a target's call no content would be intercepted: the call is ended on both sides, so
 * that whoever speaks can call again, and X2 tells of its end.
 *
 *     gateway ──losses──► LostMedia ─► calls with such a session ─► turnstile ─► BYE to both, Reason: SIP;cause=503
 *             ◄──does it stand?── of each session, where the gateway cannot say all that it lost
 *
 * The gateway is asked all of the time, and waits with its answer. While it cannot be asked nothing ends: what passes
 * there may pass on.
 */
import { messageOf } from '../../bytes/errors.ts';
import { AttemptPauses } from '../../bytes/back-off.ts';
import type { Clock, Logger } from '../../bytes/ports.ts';
import type { LossesKnown } from '../../wire/iq/losses.ts';
import type { Call } from './calls.ts';
import type { MediaLosses } from './ports.ts';

export interface LostMediaParts {
  readonly losses: MediaLosses;
  /** Calls under way. */
  readonly calls: { readonly all: Iterable<Call> };
  /** Ends what had its media in a session; called in the order of the call. */
  readonly end: (call: Call, session: string) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Milliseconds until a gateway that does not answer is asked again: at first, and at most. */
const AGAIN_MS = { first: 500, longest: 10_000 };
/** What has nothing to tell and does not wait so long with it, milliseconds, is not asked again at once either. */
const SWIFT_MS = 500;

export class LostMedia {
  readonly #parts: LostMediaParts;
  readonly #pauses: AttemptPauses;
  #known: LossesKnown | null = null;
  #state: 'up' | 'down' | 'idle' = 'idle';
  #count = 0;
  #isStopped = false;

  constructor(parts: LostMediaParts) {
    this.#parts = parts;
    this.#pauses = new AttemptPauses(parts.clock, AGAIN_MS.first, AGAIN_MS.longest);
  }

  /** Media sessions of calls that were lost. */
  get count(): number {
    return this.#count;
  }

  /** Whether the gateway has answered; `idle`: it was not asked yet. */
  get gateway(): 'up' | 'down' | 'idle' {
    return this.#state;
  }

  /** Asks until it is stopped. */
  async follow(): Promise<void> {
    while (!this.#isStopped) await this.#round();
  }

  stop(): void {
    this.#isStopped = true;
    this.#pauses.end();
  }

  async #round(): Promise<void> {
    const { clock } = this.#parts;
    const [asked, known] = [clock.now(), this.#known];
    try {
      await this.#ask();
      this.#answered();
      if (isSame(known, this.#known) && clock.now() - asked < SWIFT_MS) await this.#pauses.wait();
    } catch (error) {
      this.#unanswered(error);
      await this.#pauses.wait();
    }
  }

  async #ask(): Promise<void> {
    const told = await this.#parts.losses.lost(this.#known);
    if (this.#isStopped) return;
    this.#end(told.isWhole ? new Set(told.sessions) : await this.#gone());
    this.#known = { run: told.run, next: told.next };
  }

  /** Of all sessions those that the gateway has no more. */
  async #gone(): Promise<Set<string>> {
    const gone = new Set<string>();
    const sessions = [...this.#parts.calls.all].flatMap(({ media }) => media?.sessions ?? []);
    for (const id of sessions) if (!this.#isStopped && !(await this.#parts.losses.stands(id))) gone.add(id);
    return gone;
  }

  #end(lost: ReadonlySet<string>): void {
    if (lost.size === 0 || this.#isStopped) return;
    const { calls, logger } = this.#parts;
    for (const call of [...calls.all])
      for (const session of call.media?.sessions ?? []) {
        if (!lost.has(session)) continue;
        this.#count++;
        logger.warn(
          { call: call.callId, session },
          'the media gateway has lost media of a call, which is ended',
        );
        call.turnstile.pass(() => this.#endCall(call, session));
      }
  }

  /** What goes wrong with one call is its own. */
  #endCall(call: Call, session: string): void {
    try {
      this.#parts.end(call, session);
    } catch (error) {
      this.#parts.logger.error({ call: call.callId, error }, 'a call without media could not be ended');
    }
  }

  #answered(): void {
    if (this.#state === 'down') this.#parts.logger.info({}, 'the media gateway answers again');
    this.#state = 'up';
    this.#pauses.reset();
  }

  #unanswered(error: unknown): void {
    if (this.#isStopped) return;
    const problem = messageOf(error);
    if (this.#state !== 'down')
      this.#parts.logger.warn({ problem }, 'the media gateway cannot be asked which media it has lost');
    this.#state = 'down';
  }
}

function isSame(one: LossesKnown | null, other: LossesKnown | null): boolean {
  return one?.run === other?.run && one?.next === other?.next;
}
