/** What tests of TLS listeners send and read on connections of theirs. */
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

/** The name of the server in its certificate. */
export const HOST = 'kms.home1.example';

export function secured(socket: TLSSocket): Promise<unknown> {
  return new Promise((resolve) => socket.once('secureConnect', resolve));
}

/** Reads until the other end is done: all that came. */
export function closed(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    socket.once('close', () => resolve(text));
  });
}

export const GET = `GET / HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`;

/** The head and body of one answer over HTTP/1.1, the connection is kept. */
export function answered(socket: TLSSocket, request = GET): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const listener = (chunk: Buffer): void => {
      text += chunk.toString('latin1');
      if (!text.includes('}')) return;
      socket.off('data', listener);
      resolve(text);
    };
    socket.on('data', listener);
    socket.write(request);
  });
}
