/**
 * MIKEY-IBAKE for calls: `ibake/` has the messages and what they mean, `key-exchange.ts` what a call wants of them.
 *
 * Whoever answers is accepted if the exchange with them verifies; that it may be somebody else than was called
 * (retargeting) is why the user is shown the authenticated identity, and `others` may refuse it. What is left with a mailbox
 * is for the callee alone; only those that the settings name are taken for one.
 */
import { ClavigerError } from '../bytes/errors.ts';
import { readErrorMessage } from '../ibake/error-message.ts';
import type { MikeyRefusal } from '../ibake/error-message.ts';
import { Initiator } from '../ibake/initiator.ts';
import type { InitiatorLeg } from '../ibake/initiator-leg.ts';
import type { SrtpPolicy } from '../ibake/policy.ts';
import type { Endpoint } from '../ibake/ports.ts';
import { respond } from '../ibake/responder.ts';
import type { ResponderLeg } from '../ibake/responder-leg.ts';
import { exchangeStep, once, resultOf } from './csb-updates.ts';
import { EndpointError, PolicyRefusal } from './errors.ts';
import type {
  AnsweredExchange,
  InitiatedExchange,
  KeyAgreement,
  OwnLines,
  RespondedExchange,
} from './key-exchange.ts';

/** What key management the endpoint's offers list (RFC 4567). */
const PROTOCOLS = ['mikey'];

/** What becomes of a call that somebody else would answer than was called: forwarded, or redirected. */
export type OthersPolicy = 'accept' | 'refuse';

/** What this end's offers ask for; offers of others may ask for anything of the profile. Absent: its default. */
export interface OfferSettings {
  readonly policy?: SrtpPolicy;
  readonly curve?: number;
  readonly prfFunc?: number;
  /** Whether an exchange goes on with somebody else than was called; default `accept`. */
  readonly others?: OthersPolicy;
  /** Identities that content for somebody else is left with, when they answer. */
  readonly mailboxes?: readonly string[];
}

export class IbakeAgreement implements KeyAgreement {
  readonly #endpoint: Endpoint;
  readonly #settings: OfferSettings;

  constructor(endpoint: Endpoint, settings: OfferSettings = {}) {
    this.#endpoint = endpoint;
    this.#settings = settings;
  }

  initiate(callee: string, lines: OwnLines, curve = this.#settings.curve): Promise<InitiatedExchange> {
    return exchangeStep('the key exchange cannot begin', () => {
      const { policy, prfFunc, mailboxes = [] } = this.#settings;
      const media = lines.map((ssrc) => (policy === undefined ? { ssrc } : { ssrc, policy }));
      const initiator = Initiator.offer(this.#endpoint, {
        callee,
        media,
        protocols: PROTOCOLS,
        // A line that an update adds later may ask for the same.
        ...(curve === undefined ? {} : { curve }),
        ...(prfFunc === undefined ? {} : { prfFunc }),
      });
      return {
        iMessage1: initiator.message,
        answer: (rMessage1) =>
          exchangeStep('R_MESSAGE_1 does not verify', () =>
            answered(
              this.#endpoint,
              initiator.answer(rMessage1, {
                acceptResponder: this.#accepting(callee),
                acceptMailbox: (responder) => mailboxes.includes(responder),
              }),
            ),
          ),
        refusal: (octets) => refusalOf(octets, initiator.csbId),
        close: once(() => initiator.end()),
      };
    });
  }

  /** What is told of an answer from elsewhere is not proved yet, and does not go on where others are refused. */
  #accepting(callee: string): (responder: string, isRetargeted: boolean) => boolean {
    return (responder, isRetargeted) => {
      if (!isRetargeted || this.#settings.others !== 'refuse') return true;
      throw new EndpointError(
        'other-party',
        `${responder} answers instead of ${callee}, which is refused here`,
      );
    };
  }

  respond(iMessage1: Uint8Array, lines: OwnLines, protocols: readonly string[]): Promise<RespondedExchange> {
    return exchangeStep('I_MESSAGE_1 does not verify', () => {
      const verdict = respond(this.#endpoint, iMessage1, { ssrcs: lines, protocols });
      if (verdict.kind === 'silence') {
        throw new EndpointError('key-exchange', 'I_MESSAGE_1 is not answered', { cause: verdict.reason });
      }
      if (verdict.kind === 'error') {
        const { message, errorNo } = verdict;
        throw new PolicyRefusal(message, errorNo, readErrorMessage(message)?.name ?? '');
      }
      return responded(this.#endpoint, verdict.leg);
    });
  }
}

/* ---------------------------------------------------------------- helpers */

function answered(endpoint: Endpoint, leg: InitiatorLeg): AnsweredExchange {
  return {
    iMessage2: leg.message,
    confirm: (rMessage2) =>
      exchangeStep('R_MESSAGE_2 does not verify', () => {
        const session = leg.verify(rMessage2);
        const content = leg.contentSessions();
        return resultOf(endpoint, { session, peer: leg.responder, before: null, content });
      }),
  };
}

function responded(endpoint: Endpoint, leg: ResponderLeg): RespondedExchange {
  return {
    rMessage1: leg.message,
    confirm: (iMessage2) =>
      exchangeStep('I_MESSAGE_2 does not verify', () => {
        const { message, session } = leg.confirm(iMessage2);
        const held = { session, peer: leg.initiator, before: null };
        return { rMessage2: message, result: resultOf(endpoint, held) };
      }),
    close: once(() => leg.end()),
  };
}

/** What an error message says, if it is one and of this CSB; it is not authenticated. */
function refusalOf(octets: Uint8Array, csbId: number): MikeyRefusal | null {
  try {
    const refusal = readErrorMessage(octets);
    return refusal?.csbId === csbId ? refusal : null;
  } catch (cause) {
    if (cause instanceof ClavigerError) return null;
    throw cause;
  }
}
