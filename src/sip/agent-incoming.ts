/**
 * A call that comes in: provisional responses, reliable ones with their PRACK (RFC 3262 section 3), the 2xx with its
 * ACK (RFC 3261 section 13.3.1.4).
 *
 * Without PRACK the call is refused with 504, without ACK it is ended. One reliable response is outstanding at a time,
 * and the 2xx waits for it.
 */
import type { Clock } from '../bytes/ports.ts';
import type { AgentLeg } from './agent-leg.ts';
import { ignoreSip } from './agent-leg.ts';
import type { Body, IncomingCall, LegHandler } from './agent-types.ts';
import { SipError } from './errors.ts';
import type { SipRequest, SipResponse } from './message.ts';
import { PersistentResponse } from './persistence.ts';
import { makeResponse } from './response.ts';
import type { ResponseParts } from './response.ts';
import type { ServerTransaction } from './server-transaction.ts';
import type { TimerValues } from './timers.ts';
import { warningFields } from './warning.ts';
import type { Warning } from './warning.ts';

/** Something sent again and again until its answer comes. */
interface Outstanding {
  readonly rseq: number;
  readonly resolve: (answer: SipRequest) => void;
  readonly reject: (error: SipError) => void;
  readonly sending: PersistentResponse;
}

export class AgentIncomingCall implements IncomingCall {
  readonly request: SipRequest;
  readonly leg: AgentLeg;
  readonly #transaction: ServerTransaction;
  readonly #time: { readonly clock: Clock; readonly timers: TimerValues };
  readonly #contact: string;
  readonly #name: string;
  readonly #able: readonly (readonly [string, string])[];
  #rseq: number;
  #waiting: Outstanding | null = null;
  /** Settles when nothing reliable is outstanding any more. */
  #outstanding: Promise<void> = Promise.resolve();
  #accepted = false;

  constructor(
    leg: AgentLeg,
    transaction: ServerTransaction,
    context: {
      readonly clock: Clock;
      readonly timers: TimerValues;
      readonly contact: string;
      /** Who warns. */
      readonly name: string;
      /** What its responses say that this end can do. */
      readonly able: ResponseParts['fields'];
      readonly rseq: number;
    },
  ) {
    this.leg = leg;
    this.request = transaction.request;
    this.#transaction = transaction;
    this.#time = context;
    this.#contact = context.contact;
    this.#name = context.name;
    this.#able = context.able ?? [];
    this.#rseq = context.rseq;
    transaction.handler = { cancelled: (cancel) => this.#cancelled(cancel) };
    leg.pracked = (request, rseq, cseq) => this.#answered(request, rseq, cseq);
    leg.over = () => this.#stop()?.reject(new SipError('state', 'the call is over'));
    leg.acked = (request) => {
      if (this.#accepted) this.#stop()?.resolve(request);
    };
  }

  get handler(): LegHandler {
    return this.leg.handler;
  }

  set handler(handler: LegHandler) {
    this.leg.handler = handler;
  }

  get supports100rel(): boolean {
    return this.request.lists('Supported', '100rel') || this.request.lists('Require', '100rel');
  }

  provisional(status: number, body?: Body): void {
    this.#transaction.respond(this.#response(status, body));
  }

  async reliable(status: number, body?: Body): Promise<SipRequest> {
    if (!this.supports100rel) throw new SipError('state', 'the caller cannot do 100rel');
    await this.#outstanding;
    const rseq = this.#rseq++;
    const fields = [['Require', '100rel'] as const, ['RSeq', String(rseq)] as const];
    return this.#persist(this.#response(status, body, fields), rseq, () => {
      this.leg.end('unacknowledged', null);
      this.reject(504);
    });
  }

  async accept(body?: Body): Promise<SipRequest> {
    await this.#outstanding;
    const response = this.#response(200, body);
    this.#accepted = true;
    this.leg.dialog.confirm(null);
    return this.#persist(response, 0, () => void this.leg.bye().catch(ignoreSip));
  }

  reject(status: number, warning?: Warning, body?: Body): void {
    this.#refuse(status, warningFields(status, this.#name, warning), body);
  }

  redirect(to: string): void {
    this.#refuse(302, [['Contact', `<${to}>`]]);
  }

  #refuse(status: number, fields: ResponseParts['fields'], body?: Body): void {
    if (!this.#transaction.respond(this.#response(status, body, fields))) return;
    this.#stop()?.reject(new SipError('state', 'the call was refused'));
    this.leg.end('failed', null);
  }

  #response(status: number, body?: Body, fields: ResponseParts['fields'] = []): SipResponse {
    return makeResponse(this.request, status, {
      toTag: this.leg.localTag,
      dialog: status > 100 && status < 300,
      ...(status > 100 && status < 300 ? { contact: this.#contact } : {}),
      fields: status < 300 ? [...fields, ...this.#able] : fields,
      ...(body === undefined ? {} : { body }),
    });
  }

  #persist(response: SipResponse, rseq: number, gaveUp: () => void): Promise<SipRequest> {
    if (!this.#transaction.respond(response))
      return Promise.reject(new SipError('state', 'the INVITE has been answered'));
    const answered = new Promise<SipRequest>((resolve, reject) => {
      const sending = new PersistentResponse(this.#time, this.#transaction, response, () => {
        this.#stop()?.reject(new SipError('timeout', `no answer to ${response.status}`));
        gaveUp();
      });
      this.#waiting = { rseq, resolve, reject, sending };
    });
    this.#outstanding = answered.then(ignore, ignore);
    return answered;
  }

  #answered(request: SipRequest, rseq: number, cseq: number): (() => void) | null {
    const expected = this.#waiting !== null && !this.#accepted && this.#waiting.rseq === rseq;
    if (!expected || cseq !== this.request.cseq.number) return null;
    const waiting = this.#stop();
    return () => waiting?.resolve(request);
  }

  #cancelled(cancel: SipRequest): void {
    if (this.#accepted || !this.#transaction.respond(this.#response(487))) return;
    this.#stop()?.reject(new SipError('state', 'the caller gave up'));
    this.leg.end('cancelled', cancel);
  }

  /** Ends the retransmissions; the promise is still to be settled. */
  #stop(): Outstanding | null {
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.sending.stop();
    return waiting;
  }
}

function ignore(): void {
  // How it ended is for who sent it; the next one only has to wait.
}
