/**
 * MIKEY-IBAKE for calls: `ibake/` has the messages and what they mean, `key-exchange.ts` what a call wants of them.
 *
 * Whoever answers is accepted if the exchange with them verifies; that it may be somebody else than was called
 * (retargeting) is why the user is shown the authenticated identity. A mailbox is not accepted: nothing is left there.
 */
import { Initiator } from '../ibake/initiator.ts';
import type { InitiatorLeg } from '../ibake/initiator-leg.ts';
import { DEFAULT_POLICY } from '../ibake/policy.ts';
import type { SrtpPolicy } from '../ibake/policy.ts';
import type { Endpoint } from '../ibake/ports.ts';
import { respond } from '../ibake/responder.ts';
import type { ResponderLeg } from '../ibake/responder-leg.ts';
import { judged, once, resultOf } from './csb-updates.ts';
import { EndpointError } from './errors.ts';
import type {
  AnsweredExchange,
  InitiatedExchange,
  KeyAgreement,
  OwnStream,
  RespondedExchange,
} from './key-exchange.ts';

/** What key management the endpoint's offers list (RFC 4567). */
const PROTOCOLS = ['mikey'];

export class IbakeAgreement implements KeyAgreement {
  readonly #endpoint: Endpoint;
  readonly #policy: SrtpPolicy;

  /** @param policy what this end's offers ask for; offers of others may ask for any */
  constructor(endpoint: Endpoint, policy: SrtpPolicy = DEFAULT_POLICY) {
    this.#endpoint = endpoint;
    this.#policy = policy;
  }

  initiate(callee: string, stream: OwnStream): Promise<InitiatedExchange> {
    return judged('the key exchange cannot begin', () => {
      const media = perLine(stream).map((ssrc) => ({ ssrc, policy: this.#policy }));
      const initiator = Initiator.offer(this.#endpoint, { callee, media, protocols: PROTOCOLS });
      return {
        iMessage1: initiator.message,
        answer: (rMessage1) =>
          judged('R_MESSAGE_1 does not verify', () => answered(this.#endpoint, initiator.answer(rMessage1))),
        close: once(() => initiator.end()),
      };
    });
  }

  respond(
    iMessage1: Uint8Array,
    stream: OwnStream,
    protocols: readonly string[],
  ): Promise<RespondedExchange> {
    return judged('I_MESSAGE_1 does not verify', () => {
      const verdict = respond(this.#endpoint, iMessage1, { ssrcs: perLine(stream), protocols });
      if (verdict.kind === 'silence') {
        throw new EndpointError('key-exchange', 'I_MESSAGE_1 is not answered', { cause: verdict.reason });
      }
      if (verdict.kind === 'error') {
        throw new EndpointError('key-exchange', `I_MESSAGE_1 is refused with error ${verdict.errorNo}`);
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
      judged('R_MESSAGE_2 does not verify', () =>
        resultOf(endpoint, { session: leg.verify(rMessage2), peer: leg.responder, before: null }),
      ),
  };
}

function responded(endpoint: Endpoint, leg: ResponderLeg): RespondedExchange {
  return {
    rMessage1: leg.message,
    confirm: (iMessage2) =>
      judged('I_MESSAGE_2 does not verify', () => {
        const { message, session } = leg.confirm(iMessage2);
        const held = { session, peer: leg.initiator, before: null };
        return { rMessage2: message, result: resultOf(endpoint, held) };
      }),
    close: once(() => leg.end()),
  };
}

/** SSRCs by m= line: this end's audio, 0 for lines that it does not take. */
function perLine({ index, count, ssrc }: OwnStream): number[] {
  return Array.from({ length: count }, (_, line) => (line === index ? ssrc : 0));
}
