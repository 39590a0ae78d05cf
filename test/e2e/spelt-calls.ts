/**
 * Two phones of one home whose calls agree on keys and go no further. The MIKEY messages are those of an endpoint's state
 * machines; each goes into a session description that is spelt as a test wishes, and is read as a phone reads it.
 *
 *     caller                   callee
 *       | INVITE  I_MESSAGE_1 →  |
 *       |  ← 183  R_MESSAGE_1    |
 *       | PRACK   I_MESSAGE_2 →  |
 *       |  ← 200  R_MESSAGE_2    |
 *       |  ← 486                 |
 */
import { toBase64 } from '../../src/bytes/octets.ts';
import type { ExchangeResult, InitiatedExchange, KeyAgreement } from '../../src/endpoint/key-exchange.ts';
import { readDescription } from '../../src/endpoint/session-description.ts';
import type { SipError } from '../../src/sip/errors.ts';
import type { NextHop } from '../../src/sip/flow.ts';
import { parseMessage } from '../../src/sip/message.ts';
import type { SipRequest, SipResponse } from '../../src/sip/message.ts';
import { makeResponse } from '../../src/sip/response.ts';
import type { ResponseParts } from '../../src/sip/response.ts';
import type { ServerTransaction } from '../../src/sip/server-transaction.ts';
import { fromOctets, toOctets } from '../../src/sip/text.ts';
import type { Spelling } from '../sip/spellings.ts';
import type { Network } from '../../src/lab/network/network.ts';
import { keyedPhone } from './keyed-phone.ts';
import type { KeyedPhone, KeyedUser } from './keyed-phone.ts';

/** The end of a message without a body. */
const NO_BODY = 'Content-Length: 0\r\n\r\n';

/** A message that reached a phone; `transaction` of a request. */
interface Arrival {
  readonly message: SipRequest | SipResponse;
  readonly transaction: ServerTransaction | null;
}

export class SpeltCalls {
  readonly #caller: KeyedPhone;
  readonly #callee: KeyedPhone;
  readonly #outbound: NextHop;
  #arrived: Arrival[] = [];
  #taken = 0;
  #waiting: (() => void) | null = null;
  #failure: SipError | null = null;

  private constructor(caller: KeyedPhone, callee: KeyedPhone, outbound: NextHop) {
    this.#caller = caller;
    this.#callee = callee;
    this.#outbound = outbound;
    callee.agent.layer.attach({
      request: (transaction) => this.#arrive({ message: transaction.request, transaction }),
      ack: () => undefined,
      stray: () => undefined,
      closed: () => undefined,
    });
  }

  /** @param port where the CSCF of home1 listens */
  static async start(
    network: Network,
    port: number,
    caller: KeyedUser,
    callee: KeyedUser,
  ): Promise<SpeltCalls> {
    const outbound = { protocol: 'TCP', host: '127.0.0.1', port } as const;
    const phone = (user: KeyedUser): Promise<KeyedPhone> => keyedPhone(network, user, outbound);
    return new SpeltCalls(await phone(caller), await phone(callee), outbound);
  }

  async stop(): Promise<void> {
    await this.#caller.stop();
    await this.#callee.stop();
  }

  /** What has reached either phone since the last INVITE, in order, 100 apart. */
  get arrived(): readonly (SipRequest | SipResponse)[] {
    return this.#arrived.map(({ message }) => message);
  }

  /** The caller's INVITE. @param spell makes a body of a MIKEY message */
  async invite(callId: string, spell: (mikey: Uint8Array) => Spelling): Promise<SpeltCall> {
    [this.#arrived, this.#taken, this.#failure] = [[], 0, null];
    const stream = [111];
    const offer = await this.#caller.agreement.initiate(this.#callee.identity, stream);
    const send = (method: string, uri: string, cseq: number, fields: readonly string[], mikey: Uint8Array) =>
      this.#send([`${method} ${uri} SIP/2.0`, `Call-ID: ${callId}`, `CSeq: ${cseq} ${method}`, ...fields], {
        branch: `z9hG4bK${callId}-${cseq}`,
        spelling: spell(mikey),
      });
    const to = `To: <${this.#callee.identity}>`;
    send('INVITE', this.#callee.identity, 1, [to, 'Supported: 100rel'], offer.iMessage1);
    return new SpeltCall(offer, {
      next: (what) => this.next(what),
      prack: (provisional, iMessage2) => {
        const routes = provisional.list('Record-Route').reverse();
        const fields = [`${to};tag=${provisional.toTag ?? ''}`, 'RAck: 1 1 INVITE'];
        send(
          'PRACK',
          this.#callee.contact,
          2,
          [...fields, ...routes.map((route) => `Route: ${route}`)],
          iMessage2,
        );
      },
      answer: (transaction, status, mikey, parts) =>
        respond(transaction, status, spell(mikey), { ...parts, contact: `<${this.#callee.contact}>` }),
      inform: (invited, spelling) => this.#inform(invited, spelling),
      respond: (offered, protocols) => this.#callee.agreement.respond(offered, [222], protocols),
    });
  }

  /** The next message to reach either phone. @throws Error unless it is a request of this method, or has this status */
  async next(what: string): Promise<Arrival> {
    if (this.#taken >= this.#arrived.length && this.#failure === null) {
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    }
    const arrival = this.#arrived[this.#taken++];
    if (arrival === undefined) throw this.#failure ?? new Error(`nothing instead of ${what}`);
    const { message } = arrival;
    const come = message.kind === 'request' ? message.method : String(message.status);
    if (come !== what) throw new Error(`${come} instead of ${what}`);
    return arrival;
  }

  #send(
    lines: readonly string[],
    { branch, spelling }: { readonly branch: string; readonly spelling: Spelling },
  ): void {
    const [start = '', ...fields] = lines;
    const { identity, contact, agent } = this.#caller;
    const head = [
      start,
      'Max-Forwards: 70',
      `From: <${identity}>;tag=a`,
      `Contact: <${contact}>`,
      ...fields,
      NO_BODY,
    ];
    const request = spelt(head.join('\r\n'), spelling);
    if (request.kind !== 'request') throw new Error('a request');
    agent.layer.send(request, this.#outbound, branch, {
      response: (message) => {
        if (message.status > 100) this.#arrive({ message, transaction: null });
      },
      failed: (cause) => {
        this.#failure = cause;
        this.#wake();
      },
    });
  }

  /** An INFO of the callee in the early dialog of an INVITE; resolves when it was answered, however that was. */
  #inform(invited: SipRequest, spelling: Spelling): Promise<void> {
    const { identity, contact, agent } = this.#callee;
    const callId = invited.first('Call-ID') ?? '';
    const head = [
      `INFO ${this.#caller.contact} SIP/2.0`,
      'Max-Forwards: 70',
      `From: <${identity}>;tag=c`,
      `To: <${this.#caller.identity}>;tag=a`,
      `Contact: <${contact}>`,
      ...invited.list('Record-Route').map((route) => `Route: ${route}`),
      ...[`Call-ID: ${callId}`, 'CSeq: 7 INFO', NO_BODY],
    ];
    const request = spelt(head.join('\r\n'), spelling);
    if (request.kind !== 'request') throw new Error('a request');
    return new Promise((resolve) => {
      const done = (): void => resolve();
      const response = ({ status }: SipResponse): void => (status >= 200 ? done() : undefined);
      agent.layer.send(request, this.#outbound, `z9hG4bK${callId}-7`, { response, failed: done });
    });
  }

  #arrive(arrival: Arrival): void {
    this.#arrived.push(arrival);
    this.#wake();
  }

  #wake(): void {
    this.#waiting?.();
    this.#waiting = null;
  }
}

/** What a call does through its phones. */
interface Sides {
  readonly next: SpeltCalls['next'];
  readonly prack: (provisional: SipResponse, iMessage2: Uint8Array) => void;
  readonly answer: (
    transaction: ServerTransaction | null,
    status: number,
    mikey: Uint8Array,
    parts?: ResponseParts,
  ) => void;
  /** The callee's INFO in the dialog of this INVITE. */
  readonly inform: (invited: SipRequest, spelling: Spelling) => Promise<void>;
  readonly respond: (
    iMessage1: Uint8Array,
    protocols: readonly string[],
  ) => ReturnType<KeyAgreement['respond']>;
}

export interface AgreedKeys {
  /** I_MESSAGE_1, R_MESSAGE_1, I_MESSAGE_2, R_MESSAGE_2. */
  readonly messages: readonly Uint8Array[];
  readonly caller: ExchangeResult;
  readonly callee: ExchangeResult;
}

/** Descriptions of an unreliable 183 and of an INFO. */
export interface Decoys {
  readonly progress: Spelling;
  readonly info: Spelling;
}

/** So many decoys of an R_MESSAGE_1 in each. @param plain how a message is spelt that stands alone */
export function decoysOf(
  rMessage1: Uint8Array,
  count: number,
  plain: (mikey: Uint8Array) => Spelling,
): Decoys {
  const decoys = Array.from({ length: count }, (_, number) => {
    const octets = rMessage1.slice();
    new DataView(octets.buffer).setUint16(octets.length - 2, number);
    return `a=key-mgmt:mikey ${toBase64(octets)}\r\n`;
  });
  const own = plain(rMessage1);
  const [first = '', ...others] = decoys;
  const line = /a=key-mgmt.*\r\n/;
  // More than one at session level the CSCF does not pass on.
  const progress = { ...own, body: own.body.replace(line, first) + others.join('') };
  return { progress, info: { ...own, body: own.body.replace(line, decoys.join('')) } };
}

export class SpeltCall {
  readonly #offer: InitiatedExchange;
  readonly #sides: Sides;
  #invite: ServerTransaction | null = null;

  constructor(offer: InitiatedExchange, sides: Sides) {
    this.#offer = offer;
    this.#sides = sides;
  }

  /**
   * The rest of the exchange; each side has nothing but what it reads in what reaches it.
   * @param decoys what the callee makes of its R_MESSAGE_1 before it sends it
   */
  async agree(decoys: ((rMessage1: Uint8Array) => Decoys) | null = null): Promise<AgreedKeys> {
    const { next, prack, answer, inform, respond: begin } = this.#sides;
    const invite = await next('INVITE');
    this.#invite = invite.transaction;
    const offered = read(invite);
    const callee = await begin(offered.mikey, offered.protocols);
    if (decoys !== null && invite.transaction !== null) {
      const { progress, info } = decoys(callee.rMessage1);
      respond(invite.transaction, 183, progress, { toTag: 'c', dialog: true });
      await inform(invite.transaction.request, info);
    }
    const reliable = [['Require', '100rel'] as const, ['RSeq', '1'] as const];
    answer(invite.transaction, 183, callee.rMessage1, { toTag: 'c', dialog: true, fields: reliable });
    const provisional = await this.#reliable();
    const caller = await this.#offer.answer(read(provisional).mikey);
    if (provisional.message.kind === 'response') prack(provisional.message, caller.iMessage2);
    const acknowledged = await next('PRACK');
    const { rMessage2, result } = await callee.confirm(read(acknowledged).mikey);
    answer(acknowledged.transaction, 200, rMessage2);
    const own = await caller.confirm(read(await next('200')).mikey);
    this.#offer.close();
    callee.close();
    const messages = [this.#offer.iMessage1, callee.rMessage1, caller.iMessage2, rMessage2];
    return { messages, caller: own, callee: result };
  }

  /** The 183 that is to be acknowledged: a phone passes over others. */
  async #reliable(): Promise<Arrival> {
    const arrival = await this.#sides.next('183');
    return arrival.message.lists('Require', '100rel') ? arrival : this.#reliable();
  }

  /** Nothing comes of the exchange. */
  giveUp(): void {
    this.#offer.close();
  }

  /** The callee is busy after all. */
  async end(): Promise<void> {
    if (this.#invite === null) throw new Error('there is no call');
    this.#invite.respond(makeResponse(this.#invite.request, 486, { toTag: 'c' }));
    await this.#sides.next('486');
  }
}

function read({ message }: Arrival): { readonly mikey: Uint8Array; readonly protocols: readonly string[] } {
  const { mikey, protocols } = readDescription(message.first('Content-Type'), message.body);
  if (mikey === null) throw new Error('a phone reads no MIKEY message');
  return { mikey, protocols };
}

function respond(
  transaction: ServerTransaction | null,
  status: number,
  spelling: Spelling,
  parts: ResponseParts,
): void {
  if (transaction === null) throw new Error('a request');
  const response = spelt(fromOctets(makeResponse(transaction.request, status, parts).serialise()), spelling);
  if (response.kind !== 'response') throw new Error('a response');
  transaction.respond(response);
}

/** A message without a body, with one that is spelt like this. */
function spelt(bare: string, { type, body }: Spelling): SipRequest | SipResponse {
  const head = bare.slice(0, -NO_BODY.length);
  const field = type === null ? '' : `${type}\r\n`;
  return parseMessage(toOctets(`${head}${field}Content-Length: ${body.length}\r\n\r\n${body}`));
}
