/** Requests to the ADMF's door for officers as tests make them. */
import { Agent, request as httpsRequest } from 'node:https';
import { readFileSync } from 'node:fs';
import type { TlsFiles } from '../../../../src/net/tls.ts';
import type { OfficersHome } from './door.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly json: Record<string, unknown>;
}

export interface Asking {
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

/** With one connection that stays open. */
export function agentOf({ certificate, privateKey, authorities }: TlsFiles): Agent {
  const [cert, key, ca] = [certificate, privateKey, authorities].map((file) => readFileSync(file));
  return new Agent({ cert, key, ca, keepAlive: true, maxSockets: 1 });
}

/** Asks the ADMF's door for officers; `call` is the method and the path. */
export function askAdmf(
  home: OfficersHome,
  agent: Agent | undefined,
  call: string,
  { body, headers = {} }: Asking = {},
): Promise<Answer> {
  const [method = '', url = ''] = call.split(' ');
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const type: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
  return new Promise((resolve, reject) => {
    const request = httpsRequest(
      {
        ...{ host: '127.0.0.1', port: home.admf.officers!.port, servername: 'admf.home1.example' },
        ...{ method, path: url, agent, headers: { ...type, ...headers } },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const { statusCode: status = 0, headers: given } = response;
          const octets = Buffer.concat(chunks).toString();
          resolve({
            status,
            headers: given,
            json: octets === '' ? {} : (JSON.parse(octets) as Answer['json']),
          });
        });
      },
    );
    request.on('error', reject);
    request.end(body === undefined ? undefined : text);
  });
}
