/**
 * A call as the user of the endpoint sees it: who it is with, whether it is up, the short authentication string, what
 * is played and what is heard. `caller.ts` and `callee.ts` bring it there.
 */
import type { Clock, Timer } from '../../bytes/ports.ts';
import type { AudioStream, StreamStatistics } from '../../endpoint/audio-stream.ts';
import { EndpointError } from '../../endpoint/errors.ts';
import type { ExchangeResult } from '../../endpoint/key-exchange.ts';

export type CallState = 'setting-up' | 'ringing' | 'established' | 'ended';

export type CallEvent =
  | { readonly kind: 'state'; readonly state: CallState }
  /** The key exchange is complete. */
  | { readonly kind: 'secured'; readonly peer: string; readonly sas: string };

/** Why a call ended: as the SIP agent says, or what went wrong before. */
export interface CallEnd {
  readonly reason: string;
  readonly error: EndpointError | null;
}

export interface CallStatistics extends StreamStatistics {
  /** CS IDs of the exchange with their SSRCs, in order. */
  readonly sessions: readonly { readonly csId: number; readonly ssrc: number; readonly suite: string }[];
}

/** What the flow of a call does for it. */
export interface CallControl {
  hangUp(): Promise<void>;
}

export class PhoneCall {
  readonly direction: 'outgoing' | 'incoming';
  readonly callId: string;
  readonly #stream: AudioStream;
  readonly #clock: Clock;
  #state: CallState = 'setting-up';
  #result: ExchangeResult | null = null;
  #control: CallControl | null = null;
  #listeners: ((event: CallEvent) => void)[] = [];
  #settleEstablished: { resolve: () => void; reject: (error: EndpointError) => void };
  #settleEnded: (end: CallEnd) => void = () => undefined;
  #linger: Timer | null = null;
  /** Resolves when the call is up and its media are secured; rejects with how it ended, if it ended before. */
  readonly established: Promise<void>;
  readonly ended: Promise<CallEnd>;

  constructor(direction: PhoneCall['direction'], callId: string, stream: AudioStream, clock: Clock) {
    this.direction = direction;
    this.callId = callId;
    this.#stream = stream;
    this.#clock = clock;
    this.#settleEstablished = { resolve: () => undefined, reject: () => undefined };
    this.established = new Promise((resolve, reject) => (this.#settleEstablished = { resolve, reject }));
    this.established.catch(() => undefined);
    this.ended = new Promise((resolve) => (this.#settleEnded = resolve));
  }

  get state(): CallState {
    return this.#state;
  }

  /** The authenticated identity of the other end, once the key exchange is complete. */
  get peer(): string | null {
    return this.#result?.peer ?? null;
  }

  get sas(): string | null {
    return this.#result?.sas ?? null;
  }

  get statistics(): CallStatistics {
    const sessions = this.#result?.sessions ?? [];
    return {
      ...this.#stream.statistics,
      sessions: sessions.map(({ csId, ssrc, suite }) => ({ csId, ssrc, suite: suite.name })),
    };
  }

  onEvent(listener: (event: CallEvent) => void): void {
    this.#listeners.push(listener);
  }

  /** Plays a recording to its end, once the call is up. */
  async play(samples: Int16Array): Promise<void> {
    await this.established;
    await this.#stream.play(samples);
  }

  /** What has been heard so far, gaps as silence. */
  heard(): Int16Array {
    return this.#stream.heard();
  }

  /** Ends the call, whatever its state. */
  async hangUp(): Promise<void> {
    await this.#control?.hangUp();
  }

  /* ------------------------------------------------------------ for the flows */

  controlledBy(control: CallControl): void {
    this.#control = control;
  }

  ringing(): void {
    if (this.#state === 'setting-up') this.#enter('ringing');
  }

  secured(result: ExchangeResult): void {
    this.#result = result;
    this.#tell({ kind: 'secured', peer: result.peer, sas: result.sas });
  }

  up(): void {
    if (this.#state === 'ended' || this.#state === 'established') return;
    this.#enter('established');
    this.#settleEstablished.resolve();
  }

  /** The end, once. What is still on the way for `lingerMs` is still heard. */
  over(end: CallEnd, lingerMs = 0): void {
    if (this.#state === 'ended') return;
    const wasUp = this.#state === 'established';
    this.#enter('ended');
    if (!wasUp) this.#settleEstablished.reject(end.error ?? neverUp(end));
    this.#linger ??= this.#clock.after(lingerMs, () => {
      this.#stream.close();
      this.#result?.wipe();
      this.#settleEnded(end);
    });
  }

  #enter(state: CallState): void {
    this.#state = state;
    this.#tell({ kind: 'state', state });
  }

  #tell(event: CallEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

function neverUp({ reason }: CallEnd): EndpointError {
  return new EndpointError('call-failed', `the call ended before it was up: ${reason}`);
}
