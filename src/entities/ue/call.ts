/**
 * A call as the user of the endpoint sees it: who it is with, whether it is up, the short authentication string, what
 * is played and what is heard. `caller.ts` and `callee.ts` bring it there.
 */
import type { Clock, Timer } from '../../bytes/ports.ts';
import type { CallMedia } from '../../endpoint/call-media.ts';
import type { SecuredStream, StreamStatistics } from '../../endpoint/secured-stream.ts';
import type { ReportStatistics } from '../../endpoint/stream-reports.ts';
import type { KeptVideo } from '../../endpoint/video-stream.ts';
import { EndpointError } from '../../endpoint/errors.ts';
import type { MikeyRefusal } from '../../ibake/error-message.ts';
import type { DeliveredContent } from '../../endpoint/deferred-content.ts';
import type { ExchangeResult } from '../../endpoint/key-exchange.ts';
import { addressOfRecord, parseUri } from '../../sip/uri.ts';

export type CallState = 'setting-up' | 'ringing' | 'established' | 'ended';

export type CallEvent =
  | { readonly kind: 'state'; readonly state: CallState }
  /** Another is called instead. */
  | { readonly kind: 'redirected'; readonly to: string }
  /** The key exchange is complete. */
  | { readonly kind: 'secured'; readonly peer: string; readonly sas: string }
  /** The other end has sent a MIKEY error message, which is not authenticated. */
  | { readonly kind: 'refused'; readonly errorNo: number; readonly name: string }
  /** A mailbox delivers what was left there; who wrote it rests on the mailbox. */
  | { readonly kind: 'message'; readonly author: string; readonly mailbox: string };

/** Why a call ended: as the SIP agent says, or what went wrong before. */
export interface CallEnd {
  readonly reason: string;
  readonly error: EndpointError | null;
}

/** Those of the audio, and of the video where there is some. */
export interface CallStatistics extends MediumStatistics {
  readonly video: MediumStatistics | null;
  /** CS IDs of the exchange with their SSRCs, in order. */
  readonly sessions: readonly { readonly csId: number; readonly ssrc: number; readonly suite: string }[];
}

/** What of a call is audio, or video. */
export interface MediumStatistics extends StreamStatistics {
  readonly reports: ReportStatistics;
}

/** What the flow of a call does for it. */
export interface CallControl {
  hangUp(): Promise<void>;
}

export class PhoneCall {
  readonly direction: 'outgoing' | 'incoming';
  /** Whom the user called; `null` of an incoming call. */
  readonly called: string | null;
  #callId: string;
  readonly #media: CallMedia;
  readonly #clock: Clock;
  #state: CallState = 'setting-up';
  #result: ExchangeResult | null = null;
  #content: DeliveredContent | null = null;
  #control: CallControl | null = null;
  #listeners: ((event: CallEvent) => void)[] = [];
  #settleEstablished: { resolve: () => void; reject: (error: EndpointError) => void };
  #settleEnded: (end: CallEnd) => void = () => undefined;
  #linger: Timer | null = null;
  /** Resolves when the call is up and its media are secured; rejects with how it ended, if it ended before. */
  readonly established: Promise<void>;
  readonly ended: Promise<CallEnd>;

  constructor(
    direction: PhoneCall['direction'],
    callId: string,
    media: CallMedia,
    clock: Clock,
    called: string | null = null,
  ) {
    this.direction = direction;
    this.called = called;
    this.#callId = callId;
    this.#media = media;
    this.#clock = clock;
    this.#settleEstablished = { resolve: () => undefined, reject: () => undefined };
    this.established = new Promise((resolve, reject) => (this.#settleEstablished = { resolve, reject }));
    this.established.catch(() => undefined);
    this.ended = new Promise((resolve) => (this.#settleEnded = resolve));
  }

  get state(): CallState {
    return this.#state;
  }

  /** Of the INVITE that is on its way, or has brought the call about. */
  get callId(): string {
    return this.#callId;
  }

  /** The authenticated identity of the other end, once the key exchange is complete; the mailbox of what it delivers. */
  get peer(): string | null {
    return this.#result?.peer ?? this.#content?.mailbox ?? null;
  }

  /** A mailbox has answered: what is played is left there for the callee, and the mailbox cannot hear it. */
  get isLeft(): boolean {
    return this.#result?.isDeferred ?? false;
  }

  /** Who wrote what a mailbox delivers by this call, on the mailbox's word; `null` for other calls. */
  get author(): string | null {
    return this.#content?.author ?? null;
  }

  /** Whether the authenticated other end is somebody else than the user called: it was forwarded or redirected. */
  get isRetargeted(): boolean {
    const { peer, called } = this;
    if (peer === null || called === null) return false;
    return addressOfRecord(parseUri(peer)) !== addressOfRecord(parseUri(called));
  }

  get sas(): string | null {
    return this.#result?.sas ?? null;
  }

  get statistics(): CallStatistics {
    const sessions = this.#result?.sessions ?? this.#content?.streams ?? [];
    const { audio, video } = this.#media;
    return {
      ...statisticsOf(audio.stream),
      video: video === null ? null : statisticsOf(video.stream),
      sessions: sessions.map(({ csId, ssrc, suite }) => ({ csId, ssrc, suite: suite.name })),
    };
  }

  onEvent(listener: (event: CallEvent) => void): void {
    this.#listeners.push(listener);
  }

  /** Plays a recording to its end, once the call is up. */
  async play(samples: Int16Array): Promise<void> {
    await this.established;
    await this.#media.audio.play(samples);
  }

  /** What has been heard so far, gaps as silence. */
  heard(): Int16Array {
    return this.#media.audio.heard();
  }

  /** Whether the call has video, of which both ends can do the codec. */
  get hasVideo(): boolean {
    return this.#media.video?.isConnected ?? false;
  }

  /** Shows octets as video, frame by frame, once the call is up. @throws EndpointError `no-codec` without video */
  async show(octets: Uint8Array): Promise<void> {
    await this.established;
    const { video } = this.#media;
    if (video?.isConnected !== true) throw new EndpointError('no-codec', 'the call has no video');
    await video.show(octets);
  }

  /** What video has come in so far; `null` for a call without. */
  seen(): KeptVideo | null {
    return this.#media.video?.kept ?? null;
  }

  /** Presses keys, once the call is up. @throws EndpointError `key`, `no-codec`, `state` */
  async press(keys: string): Promise<void> {
    await this.established;
    await this.#media.audio.press(keys);
  }

  /** The keys that the other end has pressed so far. */
  get digits(): string {
    return this.#media.audio.digits;
  }

  /** Ends the call, whatever its state. */
  async hangUp(): Promise<void> {
    await this.#control?.hangUp();
  }

  /* ------------------------------------------------------------ for the flows */

  controlledBy(control: CallControl): void {
    this.#control = control;
  }

  /** Somebody said to call somebody else, which has another Call-ID. */
  redirected(callId: string, to: string): void {
    this.#callId = callId;
    this.#tell({ kind: 'redirected', to });
  }

  ringing(): void {
    if (this.#state === 'setting-up') this.#enter('ringing');
  }

  refused({ errorNo, name }: MikeyRefusal): void {
    this.#tell({ kind: 'refused', errorNo, name });
  }

  /** Another INVITE takes the place of the one before. */
  dialledAgain(callId: string): void {
    this.#callId = callId;
  }

  secured(result: ExchangeResult): void {
    this.#result = result;
    this.#tell({ kind: 'secured', peer: result.peer, sas: result.sas });
  }

  delivered(content: DeliveredContent): void {
    this.#content = content;
    this.#tell({ kind: 'message', author: content.author, mailbox: content.mailbox });
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
      this.#media.close();
      this.#result?.wipe();
      this.#content?.wipe();
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

function statisticsOf({ statistics, reports }: SecuredStream): MediumStatistics {
  return { ...statistics, reports };
}

function neverUp({ reason }: CallEnd): EndpointError {
  return new EndpointError('call-failed', `the call ended before it was up: ${reason}`);
}
