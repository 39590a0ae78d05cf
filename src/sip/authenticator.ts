/**
 * A user agent's side of digest: answers challenges, and keeps the last one of each realm so that later requests come
 * with credentials at once (RFC 3261 section 22.3).
 */
import { authorize, bestChallenge } from './digest.ts';
import type { Challenge, Credentials } from './digest.ts';
import type { Identifiers } from './identifiers.ts';
import type { SipRequest, SipResponse } from './message.ts';

/** Realms to remember at most. */
const MAX_REALMS = 16;

interface Known {
  readonly challenge: Challenge;
  readonly field: 'Authorization' | 'Proxy-Authorization';
  uses: number;
}

export class Authenticator {
  readonly #credentials: Credentials;
  readonly #identifiers: Identifiers;
  readonly #known = new Map<string, Known>();

  constructor(credentials: Credentials, identifiers: Identifiers) {
    this.#credentials = credentials;
    this.#identifiers = identifiers;
  }

  /**
   * Puts credentials for every known realm on a request that is about to leave: the registrar's on REGISTER alone,
   * since nobody takes them off a request that goes on to others; a proxy's on the rest.
   */
  prepare(request: SipRequest): void {
    if (request.method === 'ACK' || request.method === 'CANCEL') return;
    const field = request.method === 'REGISTER' ? 'Authorization' : 'Proxy-Authorization';
    for (const known of this.#known.values()) if (known.field === field) this.#sign(request, known);
  }

  /** The request again with the challenge answered and the next CSeq; `null` if there is none that can be. */
  answer(request: SipRequest, response: SipResponse): SipRequest | null {
    if (response.status !== 401 && response.status !== 407) return null;
    const proxy = response.status === 407;
    const challenge = bestChallenge(response.all(proxy ? 'Proxy-Authenticate' : 'WWW-Authenticate'));
    if (challenge === null) return null;
    const field = proxy ? 'Proxy-Authorization' : 'Authorization';
    const known: Known = { challenge, field, uses: 0 };
    this.#remember(known);
    const retry = request.clone();
    retry.remove(field);
    this.#sign(retry, known);
    retry.set('CSeq', `${request.cseq.number + 1} ${request.method}`);
    return retry;
  }

  #sign(request: SipRequest, known: Known): void {
    known.uses++;
    const cnonce = this.#identifiers.of('cnonce', known.challenge.nonce, String(known.uses));
    const value = authorize(known.challenge, this.#credentials, request, { cnonce, nonceCount: known.uses });
    request.remove(known.field);
    request.append(known.field, value);
  }

  #remember(known: Known): void {
    const key = `${known.field} ${known.challenge.realm}`;
    this.#known.delete(key);
    this.#known.set(key, known);
    const [oldest] = this.#known.keys();
    if (this.#known.size > MAX_REALMS && oldest !== undefined) this.#known.delete(oldest);
  }
}
