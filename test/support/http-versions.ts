/** One request over HTTP/1.1 and over HTTP/2, as ALPN settles it: what a server of ours says to either. */
import http2 from 'node:http2';
import https from 'node:https';
import { secureContext } from '../../src/net/tls.ts';
import type { TlsMaterial } from '../../src/net/tls.ts';

export interface VersionedRequest {
  readonly port: number;
  /** Of the server's certificate. */
  readonly name: string;
  readonly tls: TlsMaterial;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly type?: string;
  readonly body?: string | Uint8Array;
}

/** The statuses, by protocol. */
export async function askedBothWays(request: VersionedRequest): Promise<Record<'http/1.1' | 'h2', number>> {
  return { 'http/1.1': await overHttp1(request), h2: await overHttp2(request) };
}

function overHttp1({ port, name, tls, method, path, type, body }: VersionedRequest): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = https.request({
      ...{ host: '127.0.0.1', port, servername: name, method, path },
      agent: new https.Agent({ ...secureContext(tls, 'TLSv1.2'), ALPNProtocols: ['http/1.1'] }),
      headers: { host: name, ...(type === undefined ? {} : { 'content-type': type }) },
    });
    asked.once('error', reject);
    asked.once('response', (answer) => {
      answer.resume();
      answer.once('end', () => resolve(answer.httpVersion === '1.1' ? (answer.statusCode ?? 0) : 0));
    });
    asked.end(body);
  });
}

function overHttp2({ port, name, tls, method, path, type, body }: VersionedRequest): Promise<number> {
  return new Promise((resolve, reject) => {
    const session = http2.connect(`https://127.0.0.1:${port}`, {
      ...secureContext(tls, 'TLSv1.2'),
      ...{ servername: name, ALPNProtocols: ['h2'] },
    });
    session.once('error', reject);
    const stream = session.request({
      ...{ ':method': method, ':path': path, ':authority': name },
      ...(type === undefined ? {} : { 'content-type': type }),
    });
    let status = 0;
    stream.once('error', reject);
    stream.once(
      'response',
      (headers) => (status = session.alpnProtocol === 'h2' ? (headers[':status'] ?? 0) : 0),
    );
    stream.once('end', () => session.close(() => resolve(status)));
    stream.resume();
    stream.end(body);
  });
}
