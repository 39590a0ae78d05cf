/**
 * A message while it is being left: the mailbox answers in the callee's place (RFC 6267 sections 3.3 and 7.5).
 *
 *     INVITE  offer, I_MESSAGE_1 for the callee         →
 *                                                       ←   183 reliable: answer, R_MESSAGE_1 with ECCPTr alone
 *     PRACK   offer, I_MESSAGE_2 with ESK               →
 *                                                       ←   200: answer, R_MESSAGE_2; 200 INVITE
 *     SRTP under keys that follow from the ESK's SK     →   kept as it comes
 *                                                       ←   a tone, under the session's own keys
 *
 * and without 100rel I_MESSAGE_2 in an UPDATE. Nobody here can open the ESK, nor what comes then: kept is what comes from
 * the first source that sends with the SSRC of the map, whatever it is.
 */
import type { NetworkAddress } from '../../bytes/network-address.ts';
import { messageOf } from '../../bytes/errors.ts';
import type { Clock, Logger, Random, Timer } from '../../bytes/ports.ts';
import { Reader } from '../../bytes/reader.ts';
import { randomOrigin } from '../../endpoint/rtp-origin.ts';
import type { RtpOrigin } from '../../endpoint/rtp-origin.ts';
import { keyedStream } from '../../endpoint/csb-updates.ts';
import { KeyedAnswer } from '../../endpoint/keyed-answer.ts';
import { packetise, Player } from '../../endpoint/player.ts';
import type { SpeechPacket } from '../../endpoint/player.ts';
import { readIMessage1 } from '../../ibake/messages.ts';
import type { Endpoint } from '../../ibake/ports.ts';
import { respond } from '../../ibake/responder.ts';
import type { ResponderLeg } from '../../ibake/responder-leg.ts';
import { wipeSession } from '../../ibake/session.ts';
import type { CsbSession } from '../../ibake/session.ts';
import type { Datagrams, UdpPortRange } from '../../media/datagrams.ts';
import { AUDIO_TYPE, encodeRtp, isRtcp } from '../../media/rtp.ts';
import { SrtpSender } from '../../media/srtp/stream.ts';
import type { Body, IncomingCall, Reply } from '../../sip/agent-types.ts';
import type { SipRequest } from '../../sip/message.ts';
import { depositAnswer, readDeposit, readTaken, spokenLine } from './descriptions.ts';
import type { DepositOffer, MailboxSide } from './descriptions.ts';
import { MailboxError } from './errors.ts';
import { CallSockets } from './media.ts';
import { clearHeader } from './pace.ts';
import { holderOf } from './holdings.ts';
import type { OpenHolding, MailboxHoldings } from './holdings.ts';
import type { KeptMessage, MailboxLimits, MessageHead, MessageStore, MessageWriter } from './ports.ts';
import { TONE } from './tone.ts';

export interface DepositParts {
  readonly incoming: IncomingCall;
  readonly endpoint: Endpoint;
  readonly datagrams: Datagrams;
  readonly ports: UdpPortRange;
  readonly side: Omit<MailboxSide, 'sessionId'>;
  readonly store: Pick<MessageStore, 'create'>;
  /** Those that are in force. */
  readonly limits: () => Pick<MailboxLimits, 'messageMs'>;
  readonly holdings: Pick<MailboxHoldings, 'admit' | 'open'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly counts: { foreign: number; cut: number };
}

/** How it ended: a message that waits now, or nothing. */
export type DepositEnd = KeptMessage | null;

export class Deposit {
  readonly #parts: DepositParts;
  readonly #sockets: CallSockets;
  readonly #offer: DepositOffer;
  readonly #side: MailboxSide;
  readonly #leg: ResponderLeg;
  readonly #origin: RtpOrigin;
  readonly #sources = new Map<number, NetworkAddress>();
  #session: CsbSession | null = null;
  #writer: MessageWriter | null = null;
  #holding: OpenHolding | null = null;
  #first: number | null = null;
  #player: Player<SpeechPacket> | null = null;
  #timer: Timer | null = null;
  #over = false;
  #settle: (end: DepositEnd) => void = () => undefined;
  /** Resolves when the call is over. */
  readonly ended: Promise<DepositEnd>;

  private constructor(
    parts: DepositParts,
    exchange: { offer: DepositOffer; leg: ResponderLeg; origin: RtpOrigin },
    sockets: CallSockets,
  ) {
    this.#parts = parts;
    this.#offer = exchange.offer;
    this.#leg = exchange.leg;
    this.#origin = exchange.origin;
    this.#sockets = sockets;
    const sessionId = String(new Reader(parts.random.bytes(4)).u32('session id'));
    this.#side = { ...parts.side, sessionId };
    this.ended = new Promise((resolve) => (this.#settle = resolve));
    for (const [index, socket] of sockets.all)
      socket.onDatagram((octets, from) => this.#take(index, octets, from));
  }

  /** Judges the offer, and answers it. @throws MailboxError */
  static async begin(parts: DepositParts): Promise<Deposit> {
    const { incoming, endpoint, datagrams, ports, random } = parts;
    const { contentType, body } = incoming.request;
    const offer = readDeposit(contentType, body);
    requireCallee(offer.mikey, parts);
    const sockets = await CallSockets.bind(datagrams, ports, offer.media);
    try {
      const origin = randomOrigin(random);
      const spoken = spokenLine(offer)?.index;
      const ssrcs = offer.lines.map((_, index) => (index === spoken ? origin.ssrc : 0));
      const verdict = respond(endpoint, offer.mikey, { ssrcs, protocols: offer.protocols });
      if (verdict.kind === 'silence')
        throw new MailboxError('key-exchange', 'I_MESSAGE_1 is not answered', { cause: verdict.reason });
      if (verdict.kind === 'error')
        throw new MailboxError('key-exchange', `I_MESSAGE_1 is refused with error ${verdict.errorNo}`);
      const deposit = new Deposit(parts, { offer, leg: verdict.leg, origin }, sockets);
      void deposit.#run();
      return deposit;
    } catch (error) {
      sockets.close();
      throw error;
    }
  }

  /** The mailbox stops: what was left so far is kept. */
  async hangUp(): Promise<void> {
    const { incoming } = this.#parts;
    if (incoming.leg.state === 'confirmed') await incoming.leg.bye();
    else incoming.reject(480);
    this.#end();
  }

  async #run(): Promise<void> {
    const { incoming, clock } = this.#parts;
    const isReliable = incoming.supports100rel;
    const answer = new KeyedAnswer({
      ...{ incoming, clock, isReliable, answer: () => this.#answer(this.#leg.message, 1) },
      keyed: (request) => this.#within(request),
      isKeyed: () => this.#session !== null,
      late: () => new MailboxError('empty', 'no I_MESSAGE_2 came'),
      refusal: () => ({ status: 488 }),
      failed: (cause) => this.#fail(cause),
      ready: () => Promise.resolve(true),
    });
    incoming.handler = { ...answer.handler, ended: () => this.#end() };
    await answer.send();
  }

  /** The first offer with I_MESSAGE_2; nothing is changed afterwards (profile, section 3: it is not updated). */
  #within(request: SipRequest): Reply {
    if (request.body.length === 0) return {};
    return this.#session === null ? { body: this.#confirm(request) } : { status: 488 };
  }

  #confirm({ contentType, body }: SipRequest): Body {
    const { store, clock, limits, endpoint, holdings } = this.#parts;
    const { mikey: iMessage2 } = readDeposit(contentType, body);
    const { message, session, hasDeferredKey } = this.#leg.confirm(iMessage2);
    this.#session = session;
    this.#leg.end();
    if (!hasDeferredKey) throw new MailboxError('no-key-left', 'the caller does not take this for a mailbox');
    const { mikey: iMessage1, lines, media } = this.#offer;
    const recipient = readIMessage1(iMessage1).idrr.addressOfRecord;
    this.#holding = holdings.open(holderOf({ recipient, initiator: this.#leg.initiator }));
    const messages = { iMessage1, rMessage1: this.#leg.message, iMessage2 };
    const head: MessageHead = {
      recipient,
      initiator: this.#leg.initiator,
      time: endpoint.clock.now(),
      messages,
      lines: lines.length,
      media,
    };
    this.#writer = store.create(head);
    this.#timer?.cancel();
    this.#timer = clock.after(limits().messageMs, () => {
      this.#parts.counts.cut++;
      void this.hangUp();
    });
    this.#speak({ contentType, body }, session);
    return this.#answer(message, 2);
  }

  /** Says that the message may begin, where the caller can hear it. */
  #speak({ contentType, body }: Pick<SipRequest, 'contentType' | 'body'>, session: CsbSession): void {
    const spoken = spokenLine(this.#offer);
    const socket = spoken === null ? null : this.#sockets.rtp(spoken.index);
    const to = readTaken(contentType, body).find(({ index }) => index === spoken?.index)?.remote;
    const own = session.cryptoSessions.find(({ csId }) => csId === 2 * (spoken?.index ?? 0) + 2);
    if (spoken === null || socket === null || to === undefined || own === undefined) return;
    const sender = new SrtpSender(keyedStream(own));
    const { ssrc, sequenceNumber, timestamp } = this.#origin;
    let numbered = 0;
    this.#player = new Player(this.#parts.clock, packetise(TONE, spoken.law), ({ offset, payload }) => {
      const packet = encodeRtp({
        marker: offset === 0,
        payloadType: AUDIO_TYPE[spoken.law],
        sequenceNumber: (sequenceNumber + numbered++) & 0xffff,
        timestamp: (timestamp + offset) % 2 ** 32,
        ssrc,
        csrc: [],
        extension: null,
        payload,
      });
      socket.send(sender.protect(packet), to);
    });
    this.#player.start();
  }

  #take(index: number, octets: Uint8Array, from: NetworkAddress): void {
    const writer = this.#writer;
    if (writer === null || this.#over || isRtcp(octets)) return;
    const ssrc = this.#session?.map[2 * index]?.ssrc ?? 0;
    const source = this.#sources.get(index) ?? from;
    const isLatched = source.address === from.address && source.port === from.port;
    if (ssrc === 0 || clearHeader(octets)?.ssrc !== ssrc || !isLatched) {
      this.#parts.counts.foreign++;
      return;
    }
    const { clock } = this.#parts;
    if (this.#holding?.grow(octets.length) === false) {
      this.#parts.counts.cut++;
      void this.hangUp();
      return;
    }
    this.#sources.set(index, source);
    this.#first ??= clock.now();
    try {
      writer.append({ index, at: Math.max(0, Math.round(clock.now() - this.#first)), octets });
    } catch (error) {
      this.#fail(error);
    }
  }

  #answer(mikey: Uint8Array, version: number): Body {
    const spoken = spokenLine(this.#offer)?.index ?? null;
    return depositAnswer(this.#side, this.#offer, mikey, { version, ports: this.#sockets.ports, spoken });
  }

  #fail(cause: unknown): void {
    if (this.#over) return;
    const { incoming, logger } = this.#parts;
    logger.warn({ problem: messageOf(cause) }, 'a message that was being left is given up');
    if (incoming.leg.state === 'confirmed') void incoming.leg.bye();
    else incoming.reject(488);
    this.#end();
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#timer?.cancel();
    this.#player?.stop();
    this.#sockets.close();
    this.#leg.end();
    if (this.#session !== null) wipeSession(this.#session);
    this.#settle(this.#finish());
  }

  /** What is left of it: without a packet nothing. */
  #finish(): DepositEnd {
    const writer = this.#writer;
    const holding = this.#holding;
    if (writer === null) {
      holding?.settle(null);
      return null;
    }
    try {
      if (this.#first !== null) return this.#complete(writer);
      holding?.settle(null);
      writer.discard();
    } catch (cause) {
      const problem = messageOf(cause);
      this.#parts.logger.error(
        { problem },
        'a message cannot be completed; it is when the mailbox starts again',
      );
    }
    return null;
  }

  #complete(writer: MessageWriter): KeptMessage {
    const message = writer.finish();
    this.#holding?.settle(message.octets);
    return message;
  }
}

/** Whom it is for, before anything is computed for it. @throws MailboxError `nobody`, `full`; IbakeError */
function requireCallee(iMessage1: Uint8Array, { holdings, endpoint }: DepositParts): void {
  const { idri, idrr } = readIMessage1(iMessage1);
  const { addressOfRecord } = endpoint;
  if (idrr.host !== addressOfRecord.host || idrr.addressOfRecord === addressOfRecord.uri)
    throw new MailboxError('nobody', 'no messages are kept for whom this is for');
  holdings.admit({ recipient: idrr.addressOfRecord, caller: idri.addressOfRecord });
}
