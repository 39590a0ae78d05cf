/**
 * Server transactions (RFC 3261 section 17.2, with the accepted state of RFC 6026 section 7.1).
 *
 *     INVITE:      proceeding → completed (timers G, H) → confirmed (timer I) → terminated
 *                             → accepted (timer L)                            → terminated
 *     non-INVITE:  trying → proceeding → terminated; over UDP timer J is for the layer (`settled.ts`)
 *
 * A retransmitted request gets the last response again and reaches nobody else. In the accepted state the
 * user's own retransmissions of the 2xx pass.
 *
 * Nothing of a request need stay: `answerOnce` answers as a stateless element does (8.2.7, 26.3.2.4), which is how those
 * are answered of whom nobody knows who they are.
 */
import type { Clock, Timer } from '../bytes/ports.ts';
import { SipError } from './errors.ts';
import type { Flow } from './flow.ts';
import type { MessagePlace } from './shares.ts';
import type { SipRequest, SipResponse } from './message.ts';
import type { TimerValues } from './timers.ts';

export type ServerState = 'trying' | 'proceeding' | 'completed' | 'confirmed' | 'accepted' | 'terminated';

/** What the user of a server transaction may want to hear. */
export interface ServerHandler {
  /** The client gave the INVITE up; the CANCEL itself has been answered. */
  cancelled?(cancel: SipRequest): void;
  /** The ACK for a final response other than 2xx. */
  acknowledged?(): void;
  /** No ACK came for it (timer H). */
  unacknowledged?(): void;
}

/** What the layer does for its transactions. */
export interface ServerHost {
  readonly clock: Clock;
  readonly timers: TimerValues;
  /** Puts a response on the wire; `first` unless it is a retransmission. */
  transmit(response: SipResponse, octets: Uint8Array, transaction: ServerTransaction, first: boolean): void;
  /** Puts a response on the wire that is never sent again, if it may be so large. */
  transmitOnce(response: SipResponse, transaction: ServerTransaction): void;
  /** A place for a request of this party; `null`: there is none. */
  place(owner: string | null, octets: number): MessagePlace | null;
  terminated(transaction: ServerTransaction): void;
  /** The same of one with a final answer that copies of its request are to get again. */
  answered(transaction: ServerTransaction, octets: Uint8Array, place: MessagePlace | null): void;
}

export class ServerTransaction {
  readonly request: SipRequest;
  readonly flow: Flow;
  readonly key: string;
  handler: ServerHandler = {};
  readonly #host: ServerHost;
  readonly #invite: boolean;
  #state: ServerState;
  /** As received, until the final answer. */
  #received: Uint8Array;
  #last: { readonly status: number; readonly octets: Uint8Array } | null = null;
  /** The last response, as long as it may have to be sent again. */
  #repeatable: SipResponse | null = null;
  #timeout: Timer | null = null;
  #retransmit: Timer | null = null;
  #owner: string | null = null;
  #place: MessagePlace | null = null;

  constructor(host: ServerHost, key: string, request: SipRequest, octets: Uint8Array, flow: Flow) {
    this.#host = host;
    this.key = key;
    this.request = request;
    this.#received = octets;
    this.flow = flow;
    this.#invite = request.method === 'INVITE';
    this.#state = this.#invite ? 'proceeding' : 'trying';
  }

  get state(): ServerState {
    return this.#state;
  }

  /** The request as received; nothing of it stays after a final answer. */
  get octets(): Uint8Array {
    return this.#received;
  }

  /** The status of the last response sent, 0 before any. */
  get lastStatus(): number {
    return this.#last?.status ?? 0;
  }

  /** Whose request it is; `null`: nobody's whom this element knows by name. */
  get owner(): string | null {
    return this.#owner;
  }

  /** Whether it is known whose request it is, so that it may be kept. */
  get admitted(): boolean {
    return this.#place !== null;
  }

  /** It is known whose request it is, and it stays until its end; `false`: there is no room for it. */
  admit(owner: string | null): boolean {
    if (this.#place !== null) return true;
    this.#owner = owner;
    this.#place = this.#host.place(owner, this.#received.length);
    return this.#place !== null;
  }

  /** Sends a final response, keeps nothing, and forgets the request: if it comes again, it is a new one. */
  answerOnce(response: SipResponse): void {
    if (this.#state !== 'trying' && this.#state !== 'proceeding') return;
    this.#terminate();
    this.#host.transmitOnce(response, this);
  }

  /** Sends a response. A second final one, but for the 2xx to an INVITE, is dropped: `false`. */
  respond(response: SipResponse): boolean {
    const open = this.#state === 'trying' || this.#state === 'proceeding';
    if (!open && !(this.#state === 'accepted' && response.status >= 200 && response.status < 300))
      return false;
    const octets = response.serialise();
    const first = !sameOctets(this.#last?.octets, octets);
    this.#last = { status: response.status, octets };
    this.#repeatable = response;
    if (response.status >= 200) this.#received = NOTHING;
    this.#place?.resize(this.#received.length + octets.length);
    this.#transmit(first);
    if (response.status < 200) this.#state = 'proceeding';
    else if (!this.#invite) this.#complete(octets);
    else if (response.status < 300) this.#accept();
    else this.#refuse();
    return true;
  }

  /** The request again, or the ACK for a final response other than 2xx. */
  receive(request: SipRequest): void {
    if (request.method === 'ACK') this.#confirm();
    else if (this.#state !== 'accepted' && this.#state !== 'confirmed') this.#transmit(false);
  }

  abandon(): void {
    this.#terminate();
  }

  #accept(): void {
    // It is for who made it to send it again (RFC 6026 section 8.7).
    this.#repeatable = null;
    if (this.#state === 'accepted') return;
    this.#state = 'accepted';
    this.#timeout = this.#host.clock.after(64 * this.#host.timers.t1, () => this.#terminate());
  }

  #refuse(): void {
    this.#state = 'completed';
    if (this.flow.protocol === 'UDP') this.#armRetransmission(this.#host.timers.t1);
    this.#timeout = this.#host.clock.after(64 * this.#host.timers.t1, () => {
      this.#terminate();
      this.handler.unacknowledged?.();
    });
  }

  #confirm(): void {
    if (this.#state !== 'completed' || !this.#invite) return;
    this.#retransmit?.cancel();
    this.#timeout?.cancel();
    this.#state = 'confirmed';
    this.#repeatable = null;
    this.#endAfter(this.flow.protocol === 'UDP' ? this.#host.timers.t4 : 0);
    this.handler.acknowledged?.();
  }

  #complete(octets: Uint8Array): void {
    const place = this.#place;
    if (this.flow.protocol === 'UDP') {
      // The place goes to what stays.
      this.#place = null;
      this.#host.answered(this, octets, place);
    }
    this.#terminate();
  }

  #transmit(first: boolean): void {
    if (this.#last === null || this.#repeatable === null) return;
    try {
      this.#host.transmit(this.#repeatable, this.#last.octets, this, first);
    } catch (cause) {
      // 17.2.4: nobody is left to tell; the client's own timers end its side.
      if (!(cause instanceof SipError)) throw cause;
    }
  }

  #armRetransmission(interval: number): void {
    this.#retransmit = this.#host.clock.after(interval, () => {
      this.#transmit(false);
      this.#armRetransmission(Math.min(interval * 2, this.#host.timers.t2));
    });
  }

  #endAfter(ms: number): void {
    if (ms === 0) this.#terminate();
    else this.#timeout = this.#host.clock.after(ms, () => this.#terminate());
  }

  #terminate(): void {
    if (this.#state === 'terminated') return;
    this.#state = 'terminated';
    this.#retransmit?.cancel();
    this.#timeout?.cancel();
    this.#place?.leave();
    this.#host.terminated(this);
  }
}

const NOTHING = new Uint8Array();

function sameOctets(a: Uint8Array | undefined, b: Uint8Array): boolean {
  return a !== undefined && Buffer.compare(a, b) === 0;
}
