/**
 * The endpoint's way to KMSs over HTTPS, where the server alone shows a certificate: parameters of any configured
 * district by GET (RFC 5408 section 4.1; the successor by RFC 5829), keys of the user's own KMS by POST of MIKEY messages (RFC 6267 4.2.1).
 */
import { PPS_MEDIA_TYPE, decodePublication } from '../wire/pps/publication.ts';
import { MIKEY_MEDIA_TYPE, REQUEST_KEY_PATH } from '../wire/request-key/transport.ts';
import { EndpointError } from './errors.ts';
import type { KmsAnswer, KmsClient, ParametersAnswer } from './ports.ts';
import type { Clock } from '../bytes/ports.ts';
import { retryAfterMs } from '../net/https.ts';
import type { HttpsAnswer, HttpsClient } from '../net/https.ts';

/** Too many requests of this user or address; too many of all. With Retry-After both say when there is room again. */
const BUSY = new Set([429, 503]);

export class HttpsKmsClient implements KmsClient {
  readonly #https: HttpsClient;
  readonly #requestKey: string;

  readonly #clock: Clock;

  /** @param kms base URL of the user's KMS, e.g. `https://kms.home1.example` */
  constructor(https: HttpsClient, kms: string, clock: Clock) {
    this.#https = https;
    this.#clock = clock;
    this.#requestKey = `${kms.replace(/\/$/, '')}${REQUEST_KEY_PATH}`;
  }

  async fetchParameters(uri: string): Promise<ParametersAnswer> {
    const answer = await this.#request('GET', uri);
    const afterMs = this.#laterAfter(answer);
    if (afterMs !== null) return { kind: 'later', afterMs };
    const { body, link } = expect(answer, uri, PPS_MEDIA_TYPE);
    try {
      return { kind: 'parameters', parameters: decodePublication(body, link) };
    } catch (cause) {
      throw new EndpointError('kms', `${uri} answers with something else than parameters`, { cause });
    }
  }

  async requestKeys(message: Uint8Array): Promise<KmsAnswer> {
    const body = { type: MIKEY_MEDIA_TYPE, octets: message };
    const answer = await this.#request('POST', this.#requestKey, body);
    const afterMs = this.#laterAfter(answer);
    if (afterMs !== null) return { kind: 'later', afterMs };
    const { body: octets, date } = expect(answer, this.#requestKey, MIKEY_MEDIA_TYPE);
    return { kind: 'answer', octets, date };
  }

  /** Milliseconds after which it wants to be asked again; `null`: this is its answer. */
  #laterAfter({ status, retryAfter }: HttpsAnswer): number | null {
    return BUSY.has(status) ? retryAfterMs(retryAfter, this.#clock.now()) : null;
  }

  async #request(
    method: 'GET' | 'POST',
    url: string,
    body?: { readonly type: string; readonly octets: Uint8Array },
  ): Promise<HttpsAnswer> {
    try {
      return await this.#https.request(method, url, body);
    } catch (cause) {
      throw new EndpointError('kms', `${url} does not answer`, { cause });
    }
  }
}

function expect(answer: HttpsAnswer, url: string, type: string): HttpsAnswer {
  const [media = ''] = answer.contentType.split(';');
  if (answer.status !== 200) throw new EndpointError('kms', `${url} answers with status ${answer.status}`);
  if (media.trim().toLowerCase() !== type) throw new EndpointError('kms', `${url} answers with ${media}`);
  return answer;
}
