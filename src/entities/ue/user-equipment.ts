/**
 * The user equipment: a phone that knows a pre-shared key, a SIP password and two URLs (KMS, CSCF), and finds all else
 * by itself. Its life:
 *
 *     register   parameters of the own district and of partners, own keys and seeds, registration at the CSCF
 *     call       sockets, I_MESSAGE_1, INVITE …                                               `caller.ts`
 *     be called  offer read, I_MESSAGE_1 judged, 183 …                                        `callee.ts`
 *     listen     what a mailbox delivers is opened, and answered without MIKEY                `listener.ts`
 */
import { Reader } from '../../bytes/reader.ts';
import type { Clock, Logger, Random } from '../../bytes/ports.ts';
import type { Datagrams, UdpPortRange } from '../../media/datagrams.ts';
import { bindPair } from '../../media/datagrams.ts';
import type { IncomingCall } from '../../sip/agent-types.ts';
import type { UserAgent } from '../../sip/agent.ts';
import { SipError } from '../../sip/errors.ts';
import { addressOfRecord, parseUri, sameUri } from '../../sip/uri.ts';
import type { Uri } from '../../sip/uri.ts';
import { AudioStream } from '../../endpoint/audio-stream.ts';
import { CallMedia } from '../../endpoint/call-media.ts';
import type { MediaAbilities, StreamMaker } from '../../endpoint/call-media.ts';
import { randomOrigin } from '../../endpoint/rtp-origin.ts';
import type { SecuredStreamOptions } from '../../endpoint/secured-stream.ts';
import { VideoStream } from '../../endpoint/video-stream.ts';
import { PhoneCall } from './call.ts';
import type { AnswerPolicy } from './answering.ts';
import { Callee } from './callee.ts';
import { Caller } from './caller.ts';
import type { Redirection } from './caller.ts';
import { Listener } from './listener.ts';
import type { Listening } from './listener.ts';
import type { DeliveredContent } from '../../endpoint/deferred-content.ts';
import type { DeliveredMessages } from '../../ibake/deferred.ts';
import { callerOf, OfferlessCallee } from './offerless-callee.ts';
import { OfferlessCaller } from './offerless-caller.ts';
import type { RenegotiatedParts } from './renegotiated.ts';
import { NO_REKEYING } from '../../endpoint/rekey-schedule.ts';
import type { RekeySettings } from '../../endpoint/rekey-schedule.ts';
import { EndpointError } from '../../endpoint/errors.ts';
import { DEFAULT_CURVE } from '../../ibake/curves.ts';
import { mikeyBodyFor, warningFor } from '../../endpoint/refusal.ts';
import type { OthersPolicy } from '../../endpoint/exchanges.ts';
import type { KeyAgreement } from '../../endpoint/key-exchange.ts';
import { OwnDescriptions, readDescription } from '../../endpoint/session-description.ts';
import type { SessionMedia } from '../../endpoint/session-description.ts';

/** Milliseconds for which media on the way are still heard after a call has ended. */
const LINGER_MS = 100;

type AcceptPolicy = Extract<AnswerPolicy, { kind: 'accept' }>;

const AUDIO_ALONE: MediaAbilities = { mux: false, video: null };
/** Whom a call may be redirected to, one after the other. */
const MAX_REDIRECTIONS = 5;

/** An outgoing call before one of its INVITEs. */
interface Dialling {
  /** Whom it went to so far, the last being the one that is called now. */
  readonly called: readonly string[];
  readonly media: CallMedia;
  /** Of the offer; absent: that of the settings. */
  readonly curve?: number;
  /** The call, once its Call-ID is known. */
  readonly make: (callId: string) => PhoneCall;
}

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
  #incoming: (call: PhoneCall) => void = () => undefined;

  constructor(options: UserEquipmentOptions) {
    this.#options = options;
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
    const callee = this.#callable(target);
    const media = await CallMedia.toOffer(this.#maker(), this.#abilities, options.video);
    const make = (callId: string): PhoneCall =>
      this.#adopt(new PhoneCall('outgoing', callId, media, this.#options.clock, callee));
    try {
      return await this.#dial({ called: [callee], media, make });
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
    const call = (callId: string, media: CallMedia): PhoneCall =>
      this.#adopt(new PhoneCall('outgoing', callId, media, clock, callee));
    return new OfferlessCaller({
      ...this.#renegotiating,
      agent,
      target: callee,
      keys,
      media: (offer) => CallMedia.toAnswer(this.#maker(), this.#abilities, offer),
      describing: (media) => this.#describing(media),
      call,
      lingerMs: LINGER_MS,
    }).call;
  }

  /** Each INVITE begins an exchange of its own: new CSB ID, RAND and T. */
  async #dial(dialling: Dialling): Promise<PhoneCall> {
    const { called, media, curve, make } = dialling;
    const { agent, keys } = this.#options;
    const target = called.at(-1) ?? '';
    const said = this.#describing(media);
    const exchange = await keys.initiate(target, media.ssrcs, curve);
    const again = (call: PhoneCall): void => void this.#onKnownCurve(dialling, call);
    const redirected = (to: readonly string[]): Redirection => this.#follow(dialling, to);
    const own = { agent, target, media, said, exchange, call: make, again, redirected };
    const parts = { ...this.#renegotiating, ...own };
    return new Caller({ ...parts, isAgain: curve !== undefined, lingerMs: LINGER_MS }).call;
  }

  /** The same callee again, with an exchange on the curve that every responder answers on (profile, section 3). */
  async #onKnownCurve(dialling: Dialling, call: PhoneCall): Promise<void> {
    const make = (callId: string): PhoneCall => {
      call.dialledAgain(callId);
      return call;
    };
    try {
      await this.#dial({ ...dialling, curve: DEFAULT_CURVE, make });
    } catch (cause) {
      if (!(cause instanceof EndpointError)) throw cause;
      call.over({ reason: 'key-exchange', error: cause });
    }
  }

  /** A 3xx names others (RFC 3261 section 8.1.3.4): the first that can be called and has not been yet. */
  #follow({ called, media }: Dialling, to: readonly string[]): Redirection {
    const { secure = false, others = 'accept', numbers = new Map<string, string>() } = this.#options;
    const next = to.flatMap((uri) => callableOr(uri, secure, numbers)).find((uri) => !called.includes(uri));
    if (next === undefined || called.length > MAX_REDIRECTIONS)
      return new EndpointError('call-failed', 'the call was redirected, and there is nobody to call instead');
    if (others === 'refuse')
      return new EndpointError('other-party', `the call was redirected to ${next}, which is refused here`);
    return async (call) => {
      const make = (callId: string): PhoneCall => {
        call.redirected(callId, next);
        return call;
      };
      await this.#dial({ called: [...called, next], media, make });
    };
  }

  /** The `gr` of SIP and of MIKEY are one: a device that is called by another than it is keyed by would not be found. */
  #demandOwnGruu(): void {
    const { agent, device } = this.#options;
    const { gruu } = agent;
    if (gruu === null || device === undefined || sameUri(uriOf(gruu), uriOf(device))) return;
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
    const { policy } = this.#options;
    if (policy.kind === 'reject') {
      incoming.reject(policy.status);
      return;
    }
    if (policy.kind === 'redirect') {
      incoming.redirect(policy.to);
      return;
    }
    if (incoming.request.body.length === 0) await this.#offer(incoming, policy);
    else await this.#answer(incoming, policy);
  }

  async #answer(incoming: IncomingCall, policy: AcceptPolicy): Promise<void> {
    const { keys, clock } = this.#options;
    const { request } = incoming;
    const offer = readDescription(request.contentType, request.body);
    if (offer.delivery !== null) {
      await this.#listen(incoming, offer, offer.delivery, policy);
      return;
    }
    if (offer.mikey === null) throw new EndpointError('not-acceptable', 'the offer has no MIKEY message');
    const media = await CallMedia.toAnswer(this.#maker(), this.#abilities, offer);
    try {
      const said = this.#describing(media);
      const exchange = await keys.respond(offer.mikey, media.ssrcs, offer.protocols);
      const call = this.#adopt(new PhoneCall('incoming', request.callId, media, clock));
      this.#incoming(call);
      const parts = { ...this.#renegotiating, incoming, call, said, media, offer, exchange, policy };
      await new Callee({ ...parts, lingerMs: LINGER_MS }).answer();
    } catch (error) {
      media.close();
      throw error;
    }
  }

  /** An INVITE without an offer: this end offers. */
  async #offer(incoming: IncomingCall, policy: AcceptPolicy): Promise<void> {
    const { keys, clock } = this.#options;
    const { request } = incoming;
    const media = await CallMedia.toOffer(this.#maker(), this.#abilities);
    try {
      const said = this.#describing(media);
      const exchange = await keys.initiate(callerOf(request), media.ssrcs);
      const call = this.#adopt(new PhoneCall('incoming', request.callId, media, clock));
      this.#incoming(call);
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
    const media = await CallMedia.toAnswer(this.#maker(), this.#abilities, offer);
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
    const { secure = false, numbers = new Map<string, string>() } = this.#options;
    return callable(target, secure, numbers);
  }

  get #renegotiating(): RenegotiatedParts {
    const { clock, random, logger, rekeying = NO_REKEYING } = this.#options;
    return { clock, random, logger, rekeying };
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

  /** Sockets and the beginnings of streams, for one call. */
  #maker(): StreamMaker {
    const { datagrams, ports, random, clock, reportMs = null } = this.#options;
    // Opaque, and another in every call (RFC 3550 section 6.5.1): it says who speaks together, not who it is.
    let name: string | null = null;
    const options = async (): Promise<Omit<SecuredStreamOptions, 'rate'>> => {
      const sockets = await bindPair(datagrams, ports);
      if (sockets === null) throw new EndpointError('no-ports', 'no pair of ports is free');
      const origin = randomOrigin(random);
      if (reportMs === null) return { sockets, clock, origin };
      name ??= Buffer.from(random.bytes(12)).toString('base64');
      return { sockets, clock, origin, reports: { intervalMs: reportMs, name, random } };
    };
    return {
      audio: async () => new AudioStream(await options()),
      video: async () => new VideoStream(await options()),
    };
  }

  #adopt(call: PhoneCall): PhoneCall {
    this.#calls.add(call);
    void call.ended.then(() => this.#calls.delete(call));
    return call;
  }
}

/**
 * Whom to call, as a SIP URI: a number is that of the identity that has it, since that is what keys are for.
 * @throws EndpointError `target`
 */
function callable(target: string, secure: boolean, numbers: ReadonlyMap<string, string>): string {
  const uri = uriOf(target);
  if (uri.kind === 'tel') {
    const identity = numbers.get(addressOfRecord(uri));
    if (identity !== undefined) return identity;
    throw new EndpointError(
      'target',
      'no SIP URI is known for this number: `numbers` in the settings has them',
    );
  }
  if (uri.kind !== 'sip') throw new EndpointError('target', 'not a SIP URI');
  if (uri.scheme === 'sips' && !secure)
    throw new EndpointError(
      'target',
      'sips: asks for TLS on every hop (RFC 5630), which this phone does not have',
    );
  return target;
}

/** As `callable`, of what others say: what cannot be called is passed over. */
function callableOr(target: string, secure: boolean, numbers: ReadonlyMap<string, string>): string[] {
  try {
    return [callable(target, secure, numbers)];
  } catch (cause) {
    if (!(cause instanceof EndpointError)) throw cause;
    return [];
  }
}

function uriOf(target: string): Uri {
  try {
    return parseUri(target);
  } catch (cause) {
    if (!(cause instanceof SipError)) throw cause;
    throw new EndpointError('target', 'not a SIP URI', { cause });
  }
}
