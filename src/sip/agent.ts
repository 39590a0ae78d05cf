/**
 * A user agent (RFC 3261 sections 8, 10, 12–15) behind one outbound proxy: registers, calls, is called.
 * `agent-types.ts` tells how a call goes.
 *
 * Everything leaves over the flow to the outbound proxy, which also is where calls come in. A challenge (401, 407) is
 * answered once a nonce, with the same body: nothing has been seen of it by anybody but the proxy.
 */
import { messageOf } from '../bytes/errors.ts';
import type { Clock, Logger, Random, Timer } from '../bytes/ports.ts';
import { AgentIncomingCall } from './agent-incoming.ts';
import { AgentLeg, finish, ignoreSip, success } from './agent-leg.ts';
import type { LegHost } from './agent-leg.ts';
import { AgentOutgoingCall } from './agent-outgoing.ts';
import type { Body, IncomingCall, OutgoingCall, OutgoingHandler, Reply } from './agent-types.ts';
import { Authenticator } from './authenticator.ts';
import { Dialog, dialogKey } from './dialog.ts';
import type { Credentials } from './digest.ts';
import { SipError } from './errors.ts';
import type { NameAddr } from './fields.ts';
import type { NextHop } from './flow.ts';
import { Identifiers } from './identifiers.ts';
import { SipRequest } from './message.ts';
import type { SipResponse } from './message.ts';
import { decimal, paramOf } from './text.ts';
import { PersistentResponse } from './persistence.ts';
import { REFERRAL_METHODS, REFERRAL_OPTIONS } from './referral.ts';
import { makeResponse } from './response.ts';
import type { ResponseParts } from './response.ts';
import type { ServerTransaction } from './server-transaction.ts';
import type { TimerValues } from './timers.ts';
import { TransactionLayer } from './transactions.ts';
import type { LayerOptions } from './transactions.ts';
import { isSips } from './uri.ts';
import { admit } from './verdict.ts';
import type { Abilities } from './verdict.ts';
import { warningFields } from './warning.ts';
import type { Warning } from './warning.ts';

/** Milliseconds until a registration that failed is tried again, and the longest that one is relied upon. */
const RETRY_MS = 30_000;
const LONGEST_MS = 24 * 3_600_000;
/** Milliseconds until one is tried anew whose connection over TLS broke. */
const RECONNECT_MS = 1_000;

export interface AgentOptions {
  readonly transport: LayerOptions['transport'];
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Address of record, `sip:alice@home1.example`. */
  readonly identity: string;
  /** Where this agent wants to be called, `sip:alice@192.0.2.7:5060;transport=tcp`. */
  readonly contact: string;
  /** The same for calls by sips:, which it registers; absent: it takes part in none. */
  readonly secureContact?: string;
  /** The URN of this device (RFC 5626 section 4.1): it is registered, and called by the GRUU that the registrar makes of it. */
  readonly instance?: string;
  /** `host[:port]` of its Via. */
  readonly sentBy: string;
  readonly outbound: NextHop;
  readonly credentials: Credentials;
  /** Whether its legs are given REFER and NOTIFY, and its calls may be to take the place of others (RFC 3515, RFC 3891). */
  readonly referrals?: boolean;
  readonly timers?: TimerValues;
}

export class UserAgent {
  readonly #options: AgentOptions;
  readonly #layer: TransactionLayer;
  readonly #identifiers: Identifiers;
  readonly #authenticator: Authenticator;
  readonly #legs = new Map<string, AgentLeg>();
  readonly #host: LegHost;
  readonly #abilities: Abilities;
  readonly #registration: { callId: string; cseq: number; tag: string };
  #refresh: Timer | null = null;
  /** Whether to stay registered. */
  #registering = false;
  /** Seconds that registrations are asked for. */
  #asked = 3600;
  /** What leads to this device and to no other of its user (RFC 5627); `null`: the registrar has given none. */
  #gruu: string | null = null;
  /** Set to be called; without it calls are answered with 480. */
  incoming: ((call: IncomingCall) => void) | null = null;
  /**
   * REGISTER of the registrar, which tells that somebody else has registered (TS 24.229 clause 5.4.1.7); without it 405.
   */
  told: ((request: SipRequest) => void) | null = null;
  /** MESSAGE outside a dialog; without it 501. */
  message: ((request: SipRequest) => Reply | Promise<Reply>) | null = null;

  constructor(options: AgentOptions) {
    this.#options = options;
    this.#abilities = abilitiesOf(options);
    const { transport, clock, logger, random } = options;
    this.#identifiers = new Identifiers(random);
    this.#layer = new TransactionLayer({
      transport,
      clock,
      logger,
      identifiers: this.#identifiers,
      sentBy: () => options.sentBy,
      ...(options.timers === undefined ? {} : { timers: options.timers }),
    });
    this.#authenticator = new Authenticator(options.credentials, this.#identifiers);
    this.#registration = { callId: this.#newCallId(), cseq: 0, tag: this.#identifiers.fresh('tag') };
    this.#host = {
      contact: (secure) => `<${(secure ? null : this.#gruu) ?? this.#contactFor(secure)}>`,
      exchange: (request) => this.#exchange(request),
      acknowledge: (request) => this.#acknowledge(request),
      respond: (transaction, status, parts, warning) => this.#respond(transaction, status, parts, warning),
      persist: (transaction, response, gaveUp) =>
        new PersistentResponse({ clock, timers: this.#layer.timers }, transaction, response, gaveUp),
      ended: (leg) => this.#legs.delete(leg.dialog.key),
    };
    this.#layer.attach({
      request: (transaction) =>
        void this.#request(transaction).catch((cause: unknown) => this.#broke(transaction, cause)),
      ack: (request) => this.#legOf(request)?.acknowledged(request),
      stray: (response) => this.#repeated(response),
      closed: () => this.#disconnected(),
    });
  }

  /** Address of record. */
  get identity(): string {
    return this.#options.identity;
  }

  /** The public GRUU that the registrar has given this device; `null`: none. */
  get gruu(): string | null {
    return this.#gruu;
  }

  /** The transaction layer, for who wants to watch the messages. */
  get layer(): TransactionLayer {
    return this.#layer;
  }

  /** Registers the contact, and again when half the granted time is over. @throws SipError */
  async register(expires = 3600): Promise<SipResponse> {
    this.#registering = true;
    this.#asked = expires;
    const response = success(await this.#exchange(this.#registerRequest(expires)));
    const own = response.contacts.find(({ uri }) => uri.text === this.#contactFor(true));
    this.#gruu = own === undefined ? null : paramOf(own.params, 'pub-gruu');
    const granted = grantedExpiry(response, own) ?? expires;
    if (granted > 0) this.#registerAfter(Math.min(granted * 500, LONGEST_MS), expires);
    return response;
  }

  /** Takes the contact away again. */
  async unregister(): Promise<void> {
    this.#registering = false;
    this.#refresh?.cancel();
    await this.#exchange(this.#registerRequest(0)).catch(ignoreSip);
  }

  /** Calls `target`, a SIP or tel URI. */
  invite(
    target: string,
    what: { readonly body?: Body; readonly fields?: readonly (readonly [string, string])[] },
    handler: OutgoingHandler,
  ): OutgoingCall {
    const request = this.#initial('INVITE', target);
    request.append('Contact', this.#host.contact(isSips(target)));
    for (const [name, value] of this.#able) request.append(name, value);
    for (const [name, value] of what.fields ?? []) request.append(name, value);
    const call = new AgentOutgoingCall(finish(request, what.body), handler, {
      send: (again, client) => this.#layer.send(again, this.#options.outbound, this.#branch(again), client),
      authorize: (original, response) => this.#authenticator.answer(original, response),
      leg: (original, response) => this.#newLeg(Dialog.atCaller(original, response), original.cseq.number),
      prepare: (original) => this.#authenticator.prepare(original),
    });
    call.start();
    return call;
  }

  /** Sends a MESSAGE outside a dialog (RFC 3428). @throws SipError unless it is accepted */
  async sendMessage(target: string, body: Body): Promise<SipResponse> {
    return success(await this.#exchange(finish(this.#initial('MESSAGE', target), body)));
  }

  /** Ends everything on this side at once; legs that are up get BYE. */
  async close(): Promise<void> {
    this.#registering = false;
    this.#refresh?.cancel();
    await Promise.all([...this.#legs.values()].map((leg) => leg.bye().catch(ignoreSip)));
    this.#layer.abandon();
  }

  /** A registration that fails is tried again: until then nobody can call. */
  #registerAfter(ms: number, expires: number): void {
    this.#refresh?.cancel();
    if (!this.#registering) return;
    this.#refresh = this.#options.clock.after(ms, () => {
      this.register(expires).catch((cause: unknown) => {
        ignoreSip(cause);
        this.#registerAfter(RETRY_MS, expires);
      });
    });
  }

  /** Over TLS nobody connects to a phone, which has no certificate: without its connection it cannot be called. */
  #disconnected(): void {
    if (this.#options.outbound.protocol !== 'TLS') return;
    this.#registerAfter(RECONNECT_MS, this.#asked);
  }

  #contactFor(secure: boolean): string {
    const { contact, secureContact } = this.#options;
    return secure ? (secureContact ?? contact) : contact;
  }

  #initial(method: string, target: string): SipRequest {
    const request = new SipRequest(method, target);
    request.append('Max-Forwards', '70');
    request.append('From', `<${this.#options.identity}>;tag=${this.#identifiers.fresh('tag')}`);
    request.append('To', `<${target}>`);
    request.append('Call-ID', this.#newCallId());
    request.append('CSeq', `1 ${method}`);
    return request;
  }

  #registerRequest(expires: number): SipRequest {
    const { identity, instance } = this.#options;
    const contact = this.#contactFor(true);
    const device = instance === undefined ? '' : `;+sip.instance="<${instance}>"`;
    const request = new SipRequest('REGISTER', identity.replace(/:.*@/, ':'));
    request.append('Max-Forwards', '70');
    request.append('From', `<${identity}>;tag=${this.#registration.tag}`);
    request.append('To', `<${identity}>`);
    request.append('Call-ID', this.#registration.callId);
    request.append('CSeq', `${++this.#registration.cseq} REGISTER`);
    request.append('Contact', `<${contact}>${device};expires=${expires}`);
    if (instance !== undefined) request.append('Supported', 'gruu');
    return finish(request);
  }

  /** One request and its final response; a challenge is answered on the way. */
  async #exchange(request: SipRequest): Promise<SipResponse> {
    this.#authenticator.prepare(request);
    const response = await this.#once(request.clone());
    const retry = this.#authenticator.answer(request, response);
    if (retry === null) return response;
    if (retry.method === 'REGISTER') this.#registration.cseq = retry.cseq.number;
    return this.#once(retry);
  }

  #once(request: SipRequest): Promise<SipResponse> {
    return new Promise((resolve, reject) => {
      let answered = false;
      this.#layer.send(request, this.#options.outbound, this.#branch(request), {
        response: (response) => {
          if (response.status < 200) return;
          if (answered) this.#repeated(response);
          answered = true;
          resolve(response);
        },
        failed: reject,
      });
    });
  }

  #acknowledge(request: SipRequest): void {
    // The same ACK has the same branch each time it is sent: it is one message.
    const branch = this.#identifiers.branch(
      'ack',
      request.callId,
      request.toTag ?? '',
      request.first('CSeq') ?? '',
    );
    this.#layer.sendAck(request, this.#options.outbound, branch);
  }

  #respond(
    transaction: ServerTransaction,
    status: number,
    parts: ResponseParts = {},
    warning?: Warning,
  ): SipResponse {
    const { request } = transaction;
    const fields = [...(parts.fields ?? []), ...warningFields(status, this.#options.sentBy, warning)];
    const toTag = this.#identifiers.of('to tag', request.callId, request.fromTag ?? '');
    const response = makeResponse(request, status, { toTag, ...parts, fields });
    transaction.respond(response);
    return response;
  }

  async #request(transaction: ServerTransaction): Promise<void> {
    const { request } = transaction;
    const secured = transaction.flow.protocol === 'TLS' && this.#options.secureContact !== undefined;
    if (request.method === 'REGISTER' && this.told !== null) {
      this.told(request);
      this.#respond(transaction, 200);
      return;
    }
    const schemes = secured ? ['sip', 'sips', 'tel'] : ['sip', 'tel'];
    const verdict = admit(request, { ...this.#abilities, schemes });
    if (verdict.kind === 'reject') {
      this.#respond(transaction, verdict.status, this.#unsupported(verdict.status));
      return;
    }
    if (request.method !== 'INVITE' && request.all('Replaces').length > 0) {
      this.#respond(transaction, 400);
      return;
    }
    if (request.toTag !== null) {
      const leg = this.#legOf(request);
      if (leg === null) this.#respond(transaction, 481);
      else await leg.request(transaction);
    } else if (request.method === 'INVITE') this.#invited(transaction);
    else if (request.method === 'OPTIONS') this.#respond(transaction, 200, { fields: this.#able });
    // Whoever is in no call with this user refers them to nobody.
    else if (request.method === 'REFER') this.#respond(transaction, 403);
    else if (request.method === 'MESSAGE' && this.message !== null) {
      const reply = await this.message(request);
      this.#respond(transaction, reply.status ?? 200);
    } else this.#respond(transaction, 481);
  }

  #invited(transaction: ServerTransaction): void {
    const { request } = transaction;
    if (this.incoming === null) {
      this.#respond(transaction, 480);
      return;
    }
    transaction.respond(makeResponse(request, 100));
    const tag = this.#identifiers.of('leg', request.callId, request.fromTag ?? '', transaction.key);
    const leg = this.#newLeg(Dialog.atCallee(request, tag), request.cseq.number);
    const { clock } = this.#options;
    const rseq = 1 + (parseInt(this.#identifiers.of('rseq', tag).slice(0, 7), 16) % 1_000_000);
    const context = {
      clock,
      timers: this.#layer.timers,
      contact: this.#host.contact(isSips(request.uri)),
      name: this.#options.sentBy,
      able: this.#able,
      rseq,
    };
    this.incoming(new AgentIncomingCall(leg, transaction, context));
  }

  /** A 2xx to an INVITE that has been acknowledged: it wants the ACK again. */
  #repeated(response: SipResponse): void {
    const { number, method } = response.cseq;
    if (method !== 'INVITE' || response.status < 200 || response.status >= 300) return;
    this.#legs
      .get(dialogKey(response.callId, response.fromTag ?? '', response.toTag ?? ''))
      ?.repeatAck(number);
  }

  #newLeg(dialog: Dialog, inviteSeq: number): AgentLeg {
    const known = this.#legs.get(dialog.key);
    if (known !== undefined) return known;
    const leg = new AgentLeg(this.#host, dialog, inviteSeq);
    this.#legs.set(dialog.key, leg);
    return leg;
  }

  #legOf(request: SipRequest): AgentLeg | null {
    return this.#legs.get(dialogKey(request.callId, request.toTag ?? '', request.fromTag ?? '')) ?? null;
  }

  /** What it says of itself in INVITEs and responses. */
  get #able(): readonly (readonly [string, string])[] {
    return [
      ['Supported', this.#abilities.options.join(', ')],
      ['Allow', this.#abilities.methods?.join(', ') ?? ''],
    ];
  }

  #unsupported(status: number): ResponseParts {
    return status === 501 || status === 405 ? { fields: this.#able } : {};
  }

  #broke(transaction: ServerTransaction, cause: unknown): void {
    const problem = messageOf(cause);
    this.#options.logger.error(
      { method: transaction.request.method, problem },
      'a SIP request could not be served',
    );
    this.#respond(transaction, cause instanceof SipError && cause.code === 'syntax' ? 400 : 500);
  }

  /** No two requests of this side share Call-ID, tags, CSeq number and method; each dialog of a forked call counts by itself. */
  #branch(request: SipRequest): string {
    const { callId, fromTag, toTag } = request;
    return this.#identifiers.branch(callId, fromTag ?? '', toTag ?? '', request.first('CSeq') ?? '');
  }

  #newCallId(): string {
    return this.#identifiers.fresh('call-id');
  }
}

/** Methods that every agent understands. */
const METHODS = ['INVITE', 'ACK', 'BYE', 'CANCEL', 'OPTIONS', 'PRACK', 'UPDATE', 'MESSAGE'];

function abilitiesOf({ referrals = false }: AgentOptions): Abilities {
  return {
    role: 'user-agent',
    methods: referrals ? [...METHODS, ...REFERRAL_METHODS] : METHODS,
    schemes: [],
    options: referrals ? ['100rel', ...REFERRAL_OPTIONS] : ['100rel'],
    bodies: null,
  };
}

/** Seconds that the registrar gave this contact; `null` where it does not say. */
function grantedExpiry(response: SipResponse, own: NameAddr | undefined): number | null {
  const value = own === undefined ? response.first('Expires') : paramOf(own.params, 'expires');
  return value === null ? null : decimal(value, 2 ** 32);
}
