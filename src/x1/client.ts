/** X1 documents to the other end, over HTTPS: the transport of `X1Requester`. */
import { X1ExchangeError } from './requester.ts';
import type { X1Transport } from './requester.ts';
import { HttpsError } from '../net/https.ts';
import type { HttpsClient } from '../net/https.ts';
import { X1_CONTENT_TYPE } from './server.ts';

/** @param url e.g. `https://cscf.home1.example/X1/NE` */
export function x1Transport(client: Pick<HttpsClient, 'request'>, url: string): X1Transport {
  return async (octets) => {
    try {
      const answer = await client.request('POST', url, { type: X1_CONTENT_TYPE, octets });
      if (answer.status === 200) return answer.body;
      if (answer.status === 413) throw new X1ExchangeError('too-large', `${url}: the request is too large`);
      throw new X1ExchangeError('no-answer', `${url} answered HTTP ${answer.status}`);
    } catch (cause) {
      if (cause instanceof HttpsError && cause.code === 'too-large')
        throw new X1ExchangeError('too-large', `${url}: ${cause.message}`, { cause });
      if (cause instanceof HttpsError) throw new X1ExchangeError('no-answer', cause.message, { cause });
      throw cause;
    }
  };
}
