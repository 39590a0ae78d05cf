/**
 * Whoever puts questions to a KMS at next to no cost of its own, so that on a machine with few cores it takes little from
 * the KMS: one connection of HTTP/2 that stays, questions as they were made before, and of an answer the status alone. A DF
 * does more (`HttpsClient`).
 */
import { once } from 'node:events';
import { connect } from 'node:http2';
import type { ClientHttp2Session } from 'node:http2';
import { connect as connectTls } from 'node:tls';
import type { TlsMaterial } from '../../src/net/tls.ts';
import { secureContext } from '../../src/net/tls.ts';
import { GET_KEYS_PATH } from '../../src/wire/xk/get-keys.ts';

const STATUS_OK = 200;

export class LeanAsker {
  readonly #session: ClientHttp2Session;

  private constructor(session: ClientHttp2Session) {
    this.#session = session;
  }

  /** @param host which the KMS's certificate bears @param port on this machine */
  static async connect(host: string, port: number, tls: TlsMaterial): Promise<LeanAsker> {
    const context = { ...secureContext(tls, 'TLSv1.3'), servername: host, ALPNProtocols: ['h2'] };
    const session = connect(`https://${host}`, {
      createConnection: () => connectTls({ ...context, host: '127.0.0.1', port }),
    });
    await once(session, 'connect');
    return new LeanAsker(session);
  }

  /** @throws if there is no answer, or it is a failure */
  ask(question: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      const stream = this.#session.request({
        ':method': 'POST',
        ':path': GET_KEYS_PATH,
        'content-type': 'application/json',
        'content-length': question.length,
      });
      let status = 0;
      stream.once('response', (fields) => (status = fields[':status'] ?? 0));
      stream.once('end', () => {
        if (status === STATUS_OK) resolve();
        else reject(new Error(`get_keys: status ${status}`));
      });
      stream.once('error', reject);
      stream.resume();
      stream.end(question);
    });
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.#session.close(resolve));
  }
}
