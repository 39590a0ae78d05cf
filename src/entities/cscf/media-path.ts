/**
 * Session descriptions on their way through the CSCF: led to the gateway, or, where there is none, at least read.
 * One that cannot be is an error here, for offers and answers alike; nothing passes unread.
 *
 * Descriptions are at home in INVITE, ACK, PRACK and UPDATE and in what accepts them (RFC 3261 section 13.2.1, 3262,
 * 3311). Elsewhere in a call, in OPTIONS say or with a refusal, they only tell what somebody could do: the body is taken
 * off, or the request refused.
 */
import type { Side } from '../../wire/iq/sessions.ts';
import type { Logger } from '../../bytes/ports.ts';
import { ClavigerError } from '../../bytes/errors.ts';
import { canonicalAddress } from '../../bytes/network-address.ts';
import type { NetworkAddress } from '../../bytes/network-address.ts';
import { openDescription } from '../../sip/descriptions.ts';
import { SipError } from '../../sip/errors.ts';
import type { Identifiers } from '../../sip/identifiers.ts';
import type { SipRequest, SipResponse } from '../../sip/message.ts';
import { AnchoredCall, refusalOf } from './anchoring.ts';
import { calleeTagOf } from './calls.ts';
import type { Call } from './calls.ts';
import { correlationId } from './charging.ts';
import type { Peers } from './peers.ts';
import type { MediaAnchor } from './ports.ts';

const DESCRIBING = new Set(['INVITE', 'ACK', 'PRACK', 'UPDATE']);

export interface MediaPathParts {
  readonly logger: Logger;
  /** `null`: media go directly. */
  readonly anchor: MediaAnchor | null;
  readonly identifiers: Identifiers;
  readonly peers: Peers;
  /** Where this node listens for SIP. */
  readonly listening: readonly NetworkAddress[];
}

export class MediaPath {
  readonly #parts: MediaPathParts;

  constructor(parts: MediaPathParts) {
    this.#parts = parts;
  }

  /** The media sessions of a call that a request begins; `null`: it has none, or media go directly. */
  begin(request: SipRequest, icid: string, attempts: Call['attempts']): AnchoredCall | null {
    const { anchor, logger, identifiers } = this.#parts;
    if (anchor === null || request.method !== 'INVITE') return null;
    return new AnchoredCall(anchor, logger, {
      correlation: correlationId(icid),
      parties: (branch) => {
        const attempt = [...attempts].find(({ branches }) => branches.has(branch));
        return { a: [...(attempt?.parties.a ?? [])], b: [...(attempt?.parties.b ?? [])] };
      },
      newId: (branch) => identifiers.of('media session', branch),
      signalling: (at) => this.#parts.peers.listensAt(at) || this.#isOwn(at),
    });
  }

  /**
   * Leads the description of a message that goes on to the gateway; `branch` is that of a first request, else `null`.
   * @throws ClavigerError if it must not go on; `failed` says with which status
   */
  lead(
    call: Call,
    message: SipRequest | SipResponse,
    from: Side,
    branch: string | null,
  ): Promise<void> | undefined {
    const describing = DESCRIBING.has(message.cseq.method);
    if (!describing && call.media === null) return undefined;
    if (!describing || (message.kind === 'response' && message.status >= 300)) {
      withoutOne(message);
      return undefined;
    }
    if (call.media === null) {
      if (openDescription(message) === null || this.#parts.anchor === null) return undefined;
      throw new SipError('unsupported-body', 'a session description in a dialog without media');
    }
    if (branch === null) return call.media.inDialog(message, from, calleeTagOf(message, call) ?? '');
    return call.media.onBranch(message, from, branch, calleeTagOf(message, call));
  }

  /** Tells of a failure, and with which status a request fails for it. */
  failed(call: Call, cause: unknown): number {
    if (!(cause instanceof ClavigerError)) throw cause;
    const fields = { call: call.callId, problem: cause.message };
    const status = refusalOf(cause);
    if (status !== null) this.#parts.logger.warn(fields, 'a session description cannot be used');
    else this.#parts.logger.error(fields, 'media of a call could not be anchored');
    return status ?? 503;
  }

  /** The same for an answer: what is wrong with it is not the fault of the one who asked. */
  answerFailed(call: Call, cause: unknown): number {
    return this.failed(call, cause) === 503 ? 503 : 488;
  }

  /** Whether this node speaks SIP there; if it listens on every address, on every address. */
  #isOwn({ address, port }: NetworkAddress): boolean {
    const wanted = canonicalAddress(address);
    return this.#parts.listening.some(
      (own) =>
        own.port === port &&
        (canonicalAddress(own.address) === wanted || ['0.0.0.0', '::'].includes(own.address)),
    );
  }
}

/** @throws SipError `unsupported-body` for a request with a description where none belongs, save BYE, which must go on */
function withoutOne(message: SipRequest | SipResponse): void {
  if (!describes(message)) return;
  if (message.kind === 'request' && message.method !== 'BYE')
    throw new SipError('unsupported-body', `a session description in ${message.method}`);
  message.dropBody();
}

/** Whether a message has a description, whatever can be read of it. */
function describes(message: SipRequest | SipResponse): boolean {
  try {
    return openDescription(message) !== null;
  } catch (error) {
    if (error instanceof SipError) return true;
    throw error;
  }
}
