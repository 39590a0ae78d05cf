/**
 * A call as the user of the endpoint sees it: who it is with, whether it is up, the short authentication string, what
 * is played and what is heard. `caller.ts` and `callee.ts` bring it there.
 */
import type { Clock, Timer } from '../../bytes/ports.ts';
import type { CallMedia } from '../../endpoint/call-media.ts';
import type { KeptVideo } from '../../endpoint/video-stream.ts';
import { EndpointError } from '../../endpoint/errors.ts';
import type { OfferMethod } from '../../endpoint/rekey-schedule.ts';
import type { Renegotiation } from '../../endpoint/renegotiation.ts';
import type { MikeyRefusal } from '../../ibake/error-message.ts';
import type { DeliveredContent } from '../../endpoint/deferred-content.ts';
import type { ExchangeResult } from '../../endpoint/key-exchange.ts';
import type { Secret } from '../../bytes/secret.ts';
import type { Leg } from '../../sip/agent-types.ts';
import type { Replacement } from '../../sip/referral.ts';
import { addressOfRecord, parseUri } from '../../sip/uri.ts';
import { replacementKey } from './replacement-proof.ts';
import { statisticsOf } from './statistics.ts';
import type { CallStatistics } from './statistics.ts';

export type CallState = 'setting-up' | 'ringing' | 'established' | 'ended';

export type CallEvent =
  | { readonly kind: 'state'; readonly state: CallState }
  /** Another is called instead. */
  | { readonly kind: 'redirected'; readonly to: string }
  /** The key exchange is complete. */
  | { readonly kind: 'secured'; readonly peer: string; readonly sas: string }
  /** An update has changed the keys, or given some to further media; the string to read aloud is another if they changed. */
  | { readonly kind: 'rekeyed'; readonly sas: string }
  /** The other end has sent a MIKEY error message, which is not authenticated. */
  | { readonly kind: 'refused'; readonly errorNo: number; readonly name: string }
  /** A mailbox delivers what was left there; who wrote it rests on the mailbox. */
  | { readonly kind: 'message'; readonly author: string; readonly mailbox: string }
  /** The other end has referred this one to somebody else, who is called by another call. */
  | { readonly kind: 'transferred'; readonly to: string; readonly call: PhoneCall };

/** Why a call ended: as the SIP agent says, or what went wrong before. */
export interface CallEnd {
  readonly reason: string;
  readonly error: EndpointError | null;
  /** SIP status with which it was refused. */
  readonly status?: number | undefined;
}

/** What the flow of a call does for it. */
export interface CallControl {
  hangUp(): Promise<void>;
  /** Its dialogs: of a forked call there may be several that are early. */
  legs(): readonly Leg[];
}

/** What refers the other end to somebody else. */
export interface CallTransfer {
  refer(target: string, by: string, replaces: Replacement | null): Promise<void>;
  /** The call is over. */
  end(): void;
}

/** Whom a call came about by, that somebody was referred to. */
export interface CallReferral {
  /** Address of record. */
  readonly by: string;
  /** Referrals that led to it. */
  readonly referrals: number;
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
  #renegotiation: Renegotiation | null = null;
  #transfer: CallTransfer | null = null;
  #referral: CallReferral | null = null;
  #replaced: PhoneCall | null = null;
  #replacementKey: Secret | null = null;
  #updates = 0;
  #isHeld = false;
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
    await video.stream.ready;
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

  /** Updates of the keys so far (RFC 6267 section 5.3), of either side. */
  get updates(): number {
    return this.#updates;
  }

  /** Whether this end holds the other. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** New keys, once the call is up. @throws EndpointError `key-exchange`, `call-failed`: those before stay */
  async rekey(method?: OfferMethod): Promise<void> {
    await (await this.#up()).rekey(method);
  }

  /** The keys are not replaced by themselves any more. */
  keepKeys(): void {
    this.#renegotiation?.keepKeys();
  }

  /** Holds the other end, which sends nothing until `resume`; keys stay. @throws EndpointError `call-failed`, `state` */
  async hold(method?: OfferMethod): Promise<void> {
    await this.#direct(true, method);
  }

  /** The hold is over. @throws EndpointError `call-failed`, `state` */
  async resume(method?: OfferMethod): Promise<void> {
    await this.#direct(false, method);
  }

  /** Adds video to the call. @throws EndpointError `state`, `no-codec`, `no-ports`, `call-failed`: there is none then */
  async addVideo(method?: OfferMethod): Promise<void> {
    const renegotiation = await this.#up();
    await this.#media.add('video');
    try {
      await renegotiation.describe(method);
      if (!this.hasVideo) throw new EndpointError('call-failed', 'the other end takes no video');
    } catch (cause) {
      this.#media.remove('video');
      throw cause;
    }
  }

  /** Asks the other end to describe its media anew, by an INVITE without an offer. @throws EndpointError `call-failed` */
  async askForOffer(): Promise<void> {
    await (await this.#up()).ask();
  }

  /** Referrals that led to this call. */
  get referrals(): number {
    return this.#referral?.referrals ?? 0;
  }

  /** Address of record of who referred this end to the other; `null`: nobody. */
  get referredBy(): string | null {
    return this.#referral?.by ?? null;
  }

  /** The call that this one takes the place of, which ends when this one is up; `null`: none. */
  get replaced(): PhoneCall | null {
    return this.#replaced;
  }

  /** Its dialogs. */
  get legs(): readonly Leg[] {
    return this.#control?.legs() ?? [];
  }

  /** What both ends make proofs with that somebody may take the place of one (RFC 3891); `null`: there are no keys yet. */
  get replacementKey(): Secret | null {
    return this.#replacementKey;
  }

  /**
   * Has the other end call somebody else, and hangs up when they speak. @param by address of record of this end's user
   * @throws EndpointError `state`; `call-failed` if they do not: this call goes on
   */
  async transfer(target: string, by: string, replaces: Replacement | null = null): Promise<void> {
    await this.#up();
    if (this.#transfer === null) throw new EndpointError('state', 'this call cannot be transferred');
    await this.#transfer.refer(target, by, replaces);
    await this.hangUp();
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

  transferredBy(transfer: CallTransfer): void {
    this.#transfer = transfer;
  }

  /** Somebody has referred this end to the other. */
  cameBy(referral: CallReferral): void {
    this.#referral = referral;
  }

  /** The other end is called instead of somebody else's. */
  transferred(call: PhoneCall, to: string): void {
    this.#tell({ kind: 'transferred', to, call });
  }

  /**
   * This call takes the place of another, which ends when this one is up.
   * @param by address of record that its key exchange must show; whoever shows another is hung up on
   */
  takesPlaceOf(replaced: PhoneCall, by: string): void {
    this.#replaced = replaced;
    this.onEvent((event) => {
      if (event.kind === 'secured' && addressOfRecord(parseUri(event.peer)) !== by) void this.hangUp();
    });
    this.established.then(() => replaced.hangUp()).catch(() => undefined);
  }

  /** What either side may offer from now on; `up` begins its rekeying. */
  renegotiatedBy(renegotiation: Renegotiation): void {
    this.#renegotiation = renegotiation;
  }

  rekeyedWith(result: ExchangeResult): void {
    this.#result = result;
    this.#updates++;
    this.#tell({ kind: 'rekeyed', sas: result.sas });
  }

  secured(result: ExchangeResult): void {
    this.#result = result;
    this.#replacementKey?.wipe();
    this.#replacementKey = result.isDeferred ? null : replacementKey(result);
    this.#tell({ kind: 'secured', peer: result.peer, sas: result.sas });
  }

  delivered(content: DeliveredContent): void {
    this.#content = content;
    this.#tell({ kind: 'message', author: content.author, mailbox: content.mailbox });
  }

  up(): void {
    if (this.#state === 'ended' || this.#state === 'established') return;
    this.#enter('established');
    this.#renegotiation?.begin();
    this.#settleEstablished.resolve();
  }

  /** The end, once. What is still on the way for `lingerMs` is still heard. */
  over(end: CallEnd, lingerMs = 0): void {
    if (this.#state === 'ended') return;
    const wasUp = this.#state === 'established';
    this.#enter('ended');
    this.#renegotiation?.end();
    this.#transfer?.end();
    if (!wasUp) this.#settleEstablished.reject(end.error ?? neverUp(end));
    this.#linger ??= this.#clock.after(lingerMs, () => {
      this.#media.close();
      this.#result?.wipe();
      this.#replacementKey?.wipe();
      this.#content?.wipe();
      this.#settleEnded(end);
    });
  }

  async #up(): Promise<Renegotiation> {
    await this.established;
    if (this.#renegotiation === null || this.#state !== 'established')
      throw new EndpointError('state', 'the call is over');
    return this.#renegotiation;
  }

  async #direct(isHeld: boolean, method?: OfferMethod): Promise<void> {
    const renegotiation = await this.#up();
    if (this.#isHeld === isHeld)
      throw new EndpointError(
        'state',
        isHeld ? 'the other end is held already' : 'the other end is not held',
      );
    this.#hold(isHeld);
    try {
      await renegotiation.describe(method);
    } catch (cause) {
      this.#hold(!isHeld);
      throw cause;
    }
  }

  #hold(isHeld: boolean): void {
    this.#isHeld = isHeld;
    this.#media.direct(isHeld ? 'sendonly' : 'sendrecv');
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
