/**
 * The INVITEs of an outgoing call, one after the other: to whom it is for, to whom redirections name (RFC 3261 section
 * 8.1.3.4), and again on the curve that every responder answers on (profile, section 3).
 */
import type { CallMedia } from '../../endpoint/call-media.ts';
import { EndpointError } from '../../endpoint/errors.ts';
import type { OthersPolicy } from '../../endpoint/exchanges.ts';
import type { KeyAgreement } from '../../endpoint/key-exchange.ts';
import type { OwnDescriptions } from '../../endpoint/session-description.ts';
import { DEFAULT_CURVE } from '../../ibake/curves.ts';
import type { UserAgent } from '../../sip/agent.ts';
import { addressOfRecord } from '../../sip/uri.ts';
import type { PhoneCall } from './call.ts';
import { callableOr, uriOfTarget } from './callable.ts';
import type { Callable } from './callable.ts';
import { Caller } from './caller.ts';
import type { Redirection } from './caller.ts';
import type { RenegotiatedParts } from './renegotiated.ts';

/** Whom a call may be redirected to, one after the other. */
const MAX_REDIRECTIONS = 5;

/** An outgoing call before one of its INVITEs. */
export interface Dialling {
  /** Whom it went to so far, the last being the one that is called now. */
  readonly called: readonly string[];
  /** Whom else redirections have named, the best first. */
  readonly left: readonly string[];
  readonly media: CallMedia;
  /** Of the offer; absent: that of the settings. */
  readonly curve?: number;
  /** Further fields of its INVITEs. */
  readonly fields: readonly (readonly [string, string])[];
  /** The call, once its Call-ID is known. */
  readonly make: (callId: string) => PhoneCall;
}

export interface DiallerParts {
  readonly agent: UserAgent;
  readonly keys: KeyAgreement;
  /** What becomes of calls that somebody else would answer. */
  readonly others: OthersPolicy;
  readonly able: Callable;
  readonly renegotiating: () => RenegotiatedParts;
  /** What descriptions say about this end in one call. */
  readonly describing: (media: CallMedia) => OwnDescriptions;
  /** Milliseconds for which media on the way are still heard after a call has ended. */
  readonly lingerMs: number;
}

export class Dialler {
  readonly #parts: DiallerParts;

  constructor(parts: DiallerParts) {
    this.#parts = parts;
  }

  /** Each INVITE begins an exchange of its own: new CSB ID, RAND and T. */
  async dial(dialling: Dialling): Promise<PhoneCall> {
    const { called, media, curve, make, fields } = dialling;
    const { agent, keys, describing, renegotiating, lingerMs } = this.#parts;
    const target = called.at(-1) ?? '';
    const said = describing(media);
    const exchange = await keys.initiate(target, media.ssrcs, curve);
    const again = (call: PhoneCall): void => void this.#onKnownCurve(dialling, call);
    const redirected = (to: readonly string[]): Redirection => this.#follow(dialling, to);
    const own = { agent, target, fields, media, said, exchange, call: make, again, redirected };
    return new Caller({ ...renegotiating(), ...own, isAgain: curve !== undefined, lingerMs }).call;
  }

  /** The same callee again, with an exchange on the curve that every responder answers on (profile, section 3). */
  async #onKnownCurve(dialling: Dialling, call: PhoneCall): Promise<void> {
    const make = (callId: string): PhoneCall => {
      call.dialledAgain(callId);
      return call;
    };
    try {
      await this.dial({ ...dialling, curve: DEFAULT_CURVE, make });
    } catch (cause) {
      if (!(cause instanceof EndpointError)) throw cause;
      call.over({ reason: 'key-exchange', error: cause });
    }
  }

  #follow({ called, left: before, media, fields }: Dialling, to: readonly string[]): Redirection {
    const left = [...to, ...before];
    const next = this.nextAfter(called, left);
    if (next instanceof EndpointError) return next;
    return async (call) => {
      const make = (callId: string): PhoneCall => {
        call.redirected(callId, next);
        return call;
      };
      await this.dial({ called: [...called, next], left, media, make, fields });
    };
  }

  /** A 3xx names others (RFC 3261 section 8.1.3.4): the first that can be called and has not been yet. */
  nextAfter(called: readonly string[], to: readonly string[]): string | EndpointError {
    const { others, able } = this.#parts;
    const next = to.flatMap((uri) => callableOr(uri, able)).find((uri) => !called.includes(uri));
    if (next === undefined || called.length > MAX_REDIRECTIONS)
      return new EndpointError('call-failed', 'the call was redirected, and there is nobody to call instead');
    if (others === 'refuse')
      return new EndpointError('other-party', `the call was redirected to ${next}, which is refused here`);
    return next;
  }

  /** Who offers is the initiator of the key exchange: that it is whom this end called, nothing else shows. */
  demandCalled(called: string, peer: string): void {
    const { others } = this.#parts;
    const isCalled = addressOfRecord(uriOfTarget(peer)) === addressOfRecord(uriOfTarget(called));
    if (isCalled || others === 'accept') return;
    throw new EndpointError('other-party', `${peer} answers instead of ${called}, which is refused here`);
  }
}
