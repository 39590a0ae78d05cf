/** The CSCF's end of the control interface of the media gateway (`wire/iq/sessions.ts`). */
import { fromUtf8, utf8 } from '../../../bytes/octets.ts';
import type { MediaAnchor } from '../ports.ts';
import type { AnchoredStream, WantedSession } from '../../../wire/iq/sessions.ts';
import {
  IQ_DESTINATION_STATUS,
  IQ_SESSIONS_PATH,
  decodeAnchored,
  encodeWanted,
} from '../../../wire/iq/sessions.ts';
import { CscfError } from '../errors.ts';
import type { HttpsAnswer, HttpsClient } from '../../../net/https.ts';

export class IqClient implements MediaAnchor {
  readonly #https: HttpsClient;
  readonly #base: string;

  /** @param gateway base URL, e.g. `https://gateway.home1.example` */
  constructor(https: HttpsClient, gateway: string) {
    this.#https = https;
    this.#base = `${gateway.replace(/\/$/, '')}${IQ_SESSIONS_PATH}`;
  }

  /**
   * Opens a session or brings it to the wanted state.
   * @throws CscfError `media`, `destination`, with the gateway's own words where there are any; IqError `too-large` before
   * anything is sent, `malformed`
   */
  async put(id: string, wanted: WantedSession): Promise<AnchoredStream[]> {
    const body = { type: 'application/json', octets: utf8(JSON.stringify(encodeWanted(wanted))) };
    const answer = await this.#request('PUT', id, body);
    if (answer.status !== 200) throw refusal(answer);
    return decodeAnchored(json(answer));
  }

  /** Ends a session; one that is gone already is not an error. @throws CscfError `media` */
  async delete(id: string): Promise<void> {
    const answer = await this.#request('DELETE', id);
    if (answer.status !== 204 && answer.status !== 404) throw refusal(answer);
  }

  async #request(
    method: 'PUT' | 'DELETE',
    id: string,
    body?: { readonly type: string; readonly octets: Uint8Array },
  ): Promise<HttpsAnswer> {
    try {
      return await this.#https.request(method, this.#base + encodeURIComponent(id), body);
    } catch (cause) {
      throw new CscfError('media', 'the media gateway does not answer', { cause });
    }
  }
}

function refusal(answer: HttpsAnswer): CscfError {
  const code = answer.status === IQ_DESTINATION_STATUS ? 'destination' : 'media';
  return new CscfError(code, `the media gateway answered ${answer.status}: ${detailOf(answer)}`);
}

function detailOf(answer: HttpsAnswer): string {
  const body = json(answer);
  const detail = typeof body === 'object' && body !== null && 'detail' in body ? body.detail : null;
  return typeof detail === 'string' ? detail : 'no reason given';
}

function json(answer: HttpsAnswer): unknown {
  try {
    return JSON.parse(fromUtf8(answer.body)) as unknown;
  } catch {
    return null;
  }
}
