/** The CSCF's end of the control interface of the media gateway (`wire/iq/sessions.ts`, `wire/iq/losses.ts`). */
import { fromUtf8, utf8 } from '../../../bytes/octets.ts';
import type { MediaAnchor, MediaLosses } from '../ports.ts';
import { decodeLost, encodeKnown, IQ_LOSSES_PATH } from '../../../wire/iq/losses.ts';
import type { LossesKnown, LostSessions } from '../../../wire/iq/losses.ts';
import type { AnchoredStream, WantedSession } from '../../../wire/iq/sessions.ts';
import {
  IQ_DESTINATION_STATUS,
  IQ_SESSIONS_PATH,
  decodeAnchored,
  encodeWanted,
} from '../../../wire/iq/sessions.ts';
import { CscfError } from '../errors.ts';
import type { HttpsAnswer, HttpsClient } from '../../../net/https.ts';

export class IqClient implements MediaAnchor, MediaLosses {
  readonly #https: HttpsClient;
  readonly #base: string;
  readonly #losses: string;

  /** @param gateway base URL, e.g. `https://gateway.home1.example` */
  constructor(https: HttpsClient, gateway: string) {
    this.#https = https;
    const url = gateway.replace(/\/$/, '');
    this.#base = `${url}${IQ_SESSIONS_PATH}`;
    this.#losses = `${url}${IQ_LOSSES_PATH}`;
  }

  /**
   * Opens a session or brings it to the wanted state.
   * @throws CscfError `media`, `destination`, with the gateway's own words where there are any; IqError `too-large` before
   * anything is sent, `malformed`
   */
  async put(id: string, wanted: WantedSession): Promise<AnchoredStream[]> {
    const body = { type: 'application/json', octets: utf8(JSON.stringify(encodeWanted(wanted))) };
    const answer = await this.#request('PUT', this.#urlOf(id), body);
    if (answer.status !== 200) throw refusal(answer);
    return decodeAnchored(json(answer));
  }

  /** Ends a session; one that is gone already is not an error. @throws CscfError `media` */
  async delete(id: string): Promise<void> {
    const answer = await this.#request('DELETE', this.#urlOf(id));
    if (answer.status !== 204 && answer.status !== 404) throw refusal(answer);
  }

  /** @throws CscfError `media`; IqError `malformed` */
  async lost(known: LossesKnown | null): Promise<LostSessions> {
    const asked = known === null ? '' : encodeKnown(known);
    const answer = await this.#request('GET', this.#losses + asked);
    if (answer.status !== 200) throw refusal(answer);
    return decodeLost(json(answer));
  }

  /** @throws CscfError `media` */
  async stands(id: string): Promise<boolean> {
    const answer = await this.#request('GET', this.#urlOf(id));
    if (answer.status !== 204 && answer.status !== 404) throw refusal(answer);
    return answer.status === 204;
  }

  #urlOf(id: string): string {
    return this.#base + encodeURIComponent(id);
  }

  async #request(
    method: 'PUT' | 'DELETE' | 'GET',
    url: string,
    body?: { readonly type: string; readonly octets: Uint8Array },
  ): Promise<HttpsAnswer> {
    try {
      return await this.#https.request(method, url, body);
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
