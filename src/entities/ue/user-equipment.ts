/**
 * The user equipment: a phone that knows a pre-shared key, a SIP password and two URLs (KMS, CSCF), and finds all else
 * by itself. Its life:
 *
 *     register   parameters of the own district and of partners, own keys and seeds, registration at the CSCF
 *     call       sockets, I_MESSAGE_1, INVITE …                                  `dialler.ts`, `caller.ts`
 *     be called  offer read, I_MESSAGE_1 judged, 183 …                                        `callee.ts`
 *     listen     what a mailbox delivers is opened, and answered without MIKEY                `listener.ts`
 */
import { Reader } from '../../bytes/reader.ts';
import type { Clock, Logger, Random } from '../../bytes/ports.ts';
import type { Datagrams, UdpPortRange } from '../../media/datagrams.ts';
import type { IncomingCall } from '../../sip/agent-types.ts';
import type { UserAgent } from '../../sip/agent.ts';
import { SipError } from '../../sip/errors.ts';
import { sameUri } from '../../sip/uri.ts';
import { CallMedia } from '../../endpoint/call-media.ts';
import type { MediaAbilities } from '../../endpoint/call-media.ts';
import { PhoneCall } from './call.ts';
import type { AnswerPolicy } from './answering.ts';
import { Callee } from './callee.ts';
import { callable, callableOr, uriOfTarget } from './callable.ts';
import type { Callable } from './callable.ts';
import { Dialler } from './dialler.ts';
import { Listener } from './listener.ts';
import type { Listening } from './listener.ts';
import { streamMaker } from './stream-maker.ts';
import type { DeliveredContent } from '../../endpoint/deferred-content.ts';
import type { DeliveredMessages } from '../../ibake/deferred.ts';
import { callerOf, OfferlessCallee } from './offerless-callee.ts';
import { OfferlessCaller } from './offerless-caller.ts';
import type { RenegotiatedParts } from './renegotiated.ts';
import { judgeReplacement } from './replacing.ts';
import type { ReplacementVerdict } from './replacing.ts';
import { fieldsOf, leadsTo } from './referred.ts';
import { joinCalls } from './transfer.ts';
import type { Referrals, ReferredCall } from './transfer.ts';
import { NO_REKEYING } from '../../endpoint/rekey-schedule.ts';
import type { RekeySettings } from '../../endpoint/rekey-schedule.ts';
import { EndpointError } from '../../endpoint/errors.ts';
import { mikeyBodyFor, warningFor } from '../../endpoint/refusal.ts';
import type { OthersPolicy } from '../../endpoint/exchanges.ts';
import type { KeyAgreement } from '../../endpoint/key-exchange.ts';
import { OwnDescriptions, readDescription } from '../../endpoint/session-description.ts';
import type { SessionMedia } from '../../endpoint/session-description.ts';

/** Milliseconds for which media on the way are still heard after a call has ended. */
const LINGER_MS = 100;

type AcceptPolicy = Extract<AnswerPolicy, { kind: 'accept' }>;

const AUDIO_ALONE: MediaAbilities = { mux: false, video: null };
/** What becomes of it where the other end of a call wants this one to speak with somebody else. */
export type TransfersPolicy = 'accept' | 'refuse';

/** What the endpoint needs of its keys, beyond single exchanges. */
export interface KeySupply extends KeyAgreement {
  /** Fetches parameters, keys and seeds as far as they are wanting. @throws EndpointError `kms` */
  refresh(): Promise<void>;
  stop(): void;
  /** Opens what a mailbox delivers. @throws EndpointError `key-exchange`, `kms`, `no-key` */
  open(messages: DeliveredMessages): Promise<DeliveredContent>;
}

export interface UserEquipmentOptions {
  /** User part of the address of record. */
  readonly username: string;
  readonly agent: UserAgent;
  /** Whether it calls by sips:, over TLS. */
  readonly secure?: boolean;
  /** Device identity, which must be the GRUU that the registrar gives, if it gives one; absent: nothing to compare. */
  readonly device?: string;
  /** What becomes of calls that somebody else would answer; default `accept`. */
  readonly others?: OthersPolicy;
  /** What becomes of referrals, and of calls that are to take the place of others; default `accept`. */
  readonly transfers?: TransfersPolicy;
  /** SIP identities by telephone number, as `addressOfRecord` has it. */
  readonly numbers?: ReadonlyMap<string, string>;
  readonly keys: KeySupply;
  readonly datagrams: Datagrams;
  readonly ports: UdpPortRange;
  /** Where others send media for these ports; default: where they are bound. */
  readonly address?: string;
  readonly policy: AnswerPolicy;
  /** When keys of calls are replaced; absent: never by themselves. */
  readonly rekeying?: RekeySettings;
  /** Absent: audio alone, without RTCP on its port. */
  readonly abilities?: MediaAbilities;
  /** Mean milliseconds from one RTCP report to the next; `null`: none is sent. */
  readonly reportMs?: number | null;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export class UserEquipment {
  readonly #options: UserEquipmentOptions;
  readonly #calls = new Set<PhoneCall>();
  readonly #listening: Listening = new Map();
  readonly #dialler: Dialler;
  #incoming: (call: PhoneCall) => void = () => undefined;

  constructor(options: UserEquipmentOptions) {
    this.#options = options;
    const { agent, keys, others = 'accept' } = options;
    this.#dialler = new Dialler({
      ...{ agent, keys, others, able: this.#able, lingerMs: LINGER_MS },
      renegotiating: () => this.#renegotiating,
      describing: (media) => this.#describing(media),
    });
    options.agent.incoming = (incoming) => {
      this.#receive(incoming).catch((cause: unknown) => this.#refuse(incoming, cause));
    };
  }

  /** What leads to this device and to no other of its user (RFC 5627); `null`: the registrar has given nothing. */
  get gruu(): string | null {
    return this.#options.agent.gruu;
  }

  /** Calls that are up or being set up. */
  get calls(): readonly PhoneCall[] {
    return [...this.#calls];
  }

  /** Tells of calls that come in, as soon as their offer is understood. */
  onIncoming(listener: (call: PhoneCall) => void): void {
    this.#incoming = listener;
  }

  /** Makes the phone ready to call and be called. @throws EndpointError `kms`, `not-registered` */
  async register(): Promise<void> {
    await this.#options.keys.refresh();
    try {
      await this.#options.agent.register();
    } catch (cause) {
      if (!(cause instanceof SipError)) throw cause;
      throw new EndpointError('not-registered', `registration failed: ${cause.message}`, { cause });
    }
    this.#demandOwnGruu();
  }

  /**
   * Calls a SIP URI, or a telephone number that is known by one. The call is on its way when this resolves; its own
   * promises tell the rest.
   * @param options `video` false: without video, which may be added once the call is up
   * @throws EndpointError `target`, `no-key`, `no-ports`
   */
  async call(target: string, options: { readonly video?: boolean } = {}): Promise<PhoneCall> {
    return this.#call(target, options.video, null);
  }

  /** Has the other end of a call speak with somebody else. @throws EndpointError `target`, and as `PhoneCall.transfer` */
  async transfer(call: PhoneCall, target: string): Promise<void> {
    await call.transfer(this.#callable(target), this.identity);
  }

  /** Has the other ends of two calls speak with each other: the first is referred to the second. */
  async join(call: PhoneCall, other: PhoneCall): Promise<void> {
    await joinCalls(call, other, this.identity);
  }

  /** Address of record. */
  get identity(): string {
    return this.#options.agent.identity;
  }

  /** @param wish what it is referred by; `null`: by nobody */
  async #call(target: string, video: boolean | undefined, wish: ReferredCall | null): Promise<PhoneCall> {
    const callee = this.#callable(target);
    const media = await CallMedia.toOffer(streamMaker(this.#options), this.#abilities, video);
    const make = (callId: string): PhoneCall => {
      const call = new PhoneCall('outgoing', callId, media, this.#options.clock, callee);
      if (wish !== null) call.cameBy(wish);
      return this.#adopt(call);
    };
    try {
      return await this.#dialler.dial({ called: [callee], left: [], media, make, fields: fieldsOf(wish) });
    } catch (error) {
      media.close();
      throw error;
    }
  }

  /**
   * As `call`, and lets whoever is called offer: the INVITE has no offer. Resolves when somebody has offered.
   * @throws EndpointError `target`, `no-key`, `no-ports`; `call-failed` if nobody does
   */
  async callForOffer(target: string): Promise<PhoneCall> {
    const { agent, keys, clock } = this.#options;
    const callee = this.#callable(target);
    const called = [callee];
    let left: readonly string[] = [];
    const call = (callId: string, media: CallMedia): PhoneCall =>
      this.#adopt(new PhoneCall('outgoing', callId, media, clock, callee));
    return new OfferlessCaller({
      ...this.#renegotiating,
      agent,
      target: callee,
      keys,
      media: (offer) => CallMedia.toAnswer(streamMaker(this.#options), this.#abilities, offer),
      describing: (media) => this.#describing(media),
      call,
      redirected: (to) => {
        left = [...to, ...left];
        const next = this.#dialler.nextAfter(called, left);
        if (!(next instanceof EndpointError)) called.push(next);
        return next;
      },
      accepting: (peer) => this.#dialler.demandCalled(callee, peer),
      lingerMs: LINGER_MS,
    }).call;
  }

  /** The `gr` of SIP and of MIKEY are one: a device that is called by another than it is keyed by would not be found. */
  #demandOwnGruu(): void {
    const { agent, device } = this.#options;
    const { gruu } = agent;
    if (gruu === null || device === undefined || sameUri(uriOfTarget(gruu), uriOfTarget(device))) return;
    throw new EndpointError('not-registered', `the registrar calls this device ${gruu}, not ${device}`);
  }

  /** Cannot be called from now on, until `register`. */
  async unregister(): Promise<void> {
    await this.#options.agent.unregister();
  }

  /** Hangs up, takes the registration away, forgets the keys. */
  async stop(): Promise<void> {
    await Promise.all(this.calls.map((call) => call.hangUp()));
    await Promise.all(this.calls.map((call) => call.ended));
    await this.#options.agent.unregister();
    await this.#options.agent.close();
    this.#options.keys.stop();
  }

  async #receive(incoming: IncomingCall): Promise<void> {
    const { policy, transfers = 'accept' } = this.#options;
    const verdict = judgeReplacement(incoming.request, transfers === 'accept' ? this.calls : []);
    if (verdict.kind === 'refused') {
      incoming.reject(verdict.status);
      return;
    }
    // It takes the place of what the user has answered, or called: nobody is asked again.
    if (verdict.kind === 'replaces') {
      await this.#accept(incoming, { kind: 'accept', ringMs: 0, answerMs: 0 }, verdict);
      return;
    }
    if (policy.kind === 'reject') incoming.reject(policy.status);
    else if (policy.kind === 'redirect') incoming.redirect(policy.to);
    else await this.#accept(incoming, policy, verdict);
  }

  async #accept(incoming: IncomingCall, policy: AcceptPolicy, verdict: ReplacementVerdict): Promise<void> {
    const came = (call: PhoneCall): void => {
      this.#adopt(call);
      if (verdict.kind === 'replaces') call.takesPlaceOf(verdict.call, verdict.by);
      this.#incoming(call);
    };
    if (incoming.request.body.length === 0) await this.#offer(incoming, policy, came);
    else await this.#answer(incoming, policy, came);
  }

  async #answer(
    incoming: IncomingCall,
    policy: AcceptPolicy,
    came: (call: PhoneCall) => void,
  ): Promise<void> {
    const { keys, clock } = this.#options;
    const { request } = incoming;
    const offer = readDescription(request.contentType, request.body);
    if (offer.delivery !== null) {
      await this.#listen(incoming, offer, offer.delivery, policy);
      return;
    }
    if (offer.mikey === null) throw new EndpointError('not-acceptable', 'the offer has no MIKEY message');
    const media = await CallMedia.toAnswer(streamMaker(this.#options), this.#abilities, offer);
    try {
      const said = this.#describing(media);
      const exchange = await keys.respond(offer.mikey, media.ssrcs, offer.protocols);
      const call = new PhoneCall('incoming', request.callId, media, clock);
      came(call);
      const parts = { ...this.#renegotiating, incoming, call, said, media, offer, exchange, policy };
      await new Callee({ ...parts, lingerMs: LINGER_MS }).answer();
    } catch (error) {
      media.close();
      throw error;
    }
  }

  /** An INVITE without an offer: this end offers. */
  async #offer(incoming: IncomingCall, policy: AcceptPolicy, came: (call: PhoneCall) => void): Promise<void> {
    const { keys, clock } = this.#options;
    const { request } = incoming;
    const media = await CallMedia.toOffer(streamMaker(this.#options), this.#abilities);
    try {
      const said = this.#describing(media);
      const exchange = await keys.initiate(callerOf(request), media.ssrcs);
      const call = new PhoneCall('incoming', request.callId, media, clock);
      came(call);
      const parts = { ...this.#renegotiating, incoming, call, said, media, exchange, policy };
      await new OfferlessCallee({ ...parts, lingerMs: LINGER_MS }).answer();
    } catch (error) {
      media.close();
      throw error;
    }
  }

  async #listen(
    incoming: IncomingCall,
    offer: SessionMedia,
    messages: DeliveredMessages,
    policy: Extract<AnswerPolicy, { kind: 'accept' }>,
  ): Promise<void> {
    const { keys, clock, logger } = this.#options;
    const content = await keys.open(messages);
    const media = await CallMedia.toAnswer(streamMaker(this.#options), this.#abilities, offer);
    try {
      media.listen(content.streams);
    } catch (error) {
      media.close();
      throw error;
    }
    const said = this.#describing(media);
    const call = this.#adopt(new PhoneCall('incoming', incoming.request.callId, media, clock));
    this.#incoming(call);
    const heard = { content, listening: this.#listening };
    const parts = { incoming, call, said, media, offer, ...heard, policy, clock, logger };
    new Listener({ ...parts, lingerMs: LINGER_MS }).answer();
  }

  #refuse(incoming: IncomingCall, cause: unknown): void {
    const { logger } = this.#options;
    logger.warn({ callId: incoming.request.callId, error: cause }, 'a call that came in is refused');
    const busy = cause instanceof EndpointError && cause.code === 'no-ports';
    incoming.reject(busy ? 486 : 488, warningFor(cause), mikeyBodyFor(cause));
  }

  /** Whom a call to a target goes to. @throws EndpointError `target` */
  #callable(target: string): string {
    return callable(target, this.#able);
  }

  get #able(): Callable {
    const { secure = false, numbers = new Map<string, string>() } = this.#options;
    return { secure, numbers };
  }

  get #renegotiating(): RenegotiatedParts {
    const { clock, random, logger, rekeying = NO_REKEYING, transfers = 'accept' } = this.#options;
    return { clock, random, logger, rekeying, referrals: transfers === 'accept' ? this.#referrals : null };
  }

  get #referrals(): Referrals {
    const own = this.#options.device ?? this.gruu ?? this.identity;
    return {
      mayCall: (target) => callableOr(target, this.#able).some((uri) => !leadsTo(uri, this.identity, own)),
      call: (wish) => this.#call(wish.target, undefined, wish),
    };
  }

  get #abilities(): MediaAbilities {
    return this.#options.abilities ?? AUDIO_ALONE;
  }

  /** What descriptions say about this end in one call. */
  #describing(media: CallMedia): OwnDescriptions {
    const { address, random, username } = this.#options;
    const sessionId = String(new Reader(random.bytes(4)).u32('session id'));
    const where = address ?? media.audio.local.address;
    return new OwnDescriptions({ username, sessionId, address: where, lines: () => media.lines });
  }

  #adopt(call: PhoneCall): PhoneCall {
    this.#calls.add(call);
    void call.ended.then(() => this.#calls.delete(call));
    return call;
  }
}
