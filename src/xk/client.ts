/**
 * The asking end of Xk, of DF2/MF and of a LEMF that may ask: get_keys as a POST over TLS 1.3 with certificates on both
 * sides. Any answer of the closed list is an answer; everything else, from a refused connection to a page of some
 * proxy, is none, and the question may be put again.
 */
import { ClavigerError } from '../bytes/errors.ts';
import { fromUtf8, utf8 } from '../bytes/octets.ts';
import { decodeGetKeysResponse, encodeGetKeysRequest, GET_KEYS_PATH, XkError } from '../wire/xk/get-keys.ts';
import type { GetKeysRequest, GetKeysResponse } from '../wire/xk/get-keys.ts';
import type { HostMap } from '../net/hosts.ts';
import { HttpsClient } from '../net/https.ts';
import type { TlsMaterial } from '../net/tls.ts';

export type XkClientErrorCode =
  /** Something came that is neither an answer nor a failure of the closed list. */
  'no-answer';

/** The KMS has not answered the question. */
export class XkClientError extends ClavigerError<XkClientErrorCode> {}

/** One exchange as it went over the wire; it holds keys, and is for the laboratory alone. */
export interface XkExchange {
  readonly request: string;
  readonly status: number;
  readonly response: string;
}

export interface XkClientOptions {
  /** Base URL of the KMS's Xk, e.g. `https://kms.home1.example:8443`. */
  readonly url: string;
  readonly hosts: HostMap;
  readonly tls: TlsMaterial;
  readonly timeoutMs?: number;
  /** Told of every exchange, keys included: to be set only where secrets are to be revealed. */
  readonly onExchange?: (exchange: XkExchange) => void;
}

export class XkClient {
  readonly #https: HttpsClient;
  readonly #url: string;
  readonly #onExchange: ((exchange: XkExchange) => void) | undefined;

  constructor(options: XkClientOptions) {
    const { hosts, tls, timeoutMs = 5_000 } = options;
    this.#https = new HttpsClient({ hosts, tls, timeoutMs, minVersion: 'TLSv1.3' });
    this.#url = `${options.url.replace(/\/$/, '')}${GET_KEYS_PATH}`;
    this.#onExchange = options.onExchange;
  }

  async getKeys(question: GetKeysRequest): Promise<GetKeysResponse> {
    const request = encodeGetKeysRequest(question);
    const body = { type: 'application/json', octets: utf8(request) };
    const answer = await this.#https.request('POST', this.#url, body);
    const response = readText(answer.body);
    this.#onExchange?.({ request, status: answer.status, response });
    try {
      return decodeGetKeysResponse(response);
    } catch (cause) {
      if (!(cause instanceof XkError)) throw cause;
      throw new XkClientError('no-answer', `the KMS answers with status ${answer.status} and no answer`);
    } finally {
      answer.body.fill(0);
    }
  }

  async close(): Promise<void> {
    await this.#https.close();
  }
}

function readText(body: Uint8Array): string {
  try {
    return fromUtf8(body);
  } catch {
    throw new XkClientError('no-answer', 'the KMS answers with something that is not text');
  }
}
