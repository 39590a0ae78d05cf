/** The LEMF's end of HI2 and HI3: a TLS listener for delivery functions, and for nobody else. */
import type { AddressInfo, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { createServer } from 'node:tls';
import type { Logger } from '../bytes/ports.ts';
import type { LemfAcceptor } from '../lemf/ports.ts';
import { hasRole, mutualServer, peerOf } from './tls.ts';
import type { Peer, TlsMaterial } from './tls.ts';

export interface HandoverServerOptions {
  readonly address: string;
  /** 0: any free one. */
  readonly port: number;
  readonly tls: TlsMaterial;
  readonly acceptor: LemfAcceptor;
  readonly logger: Logger;
}

export class HandoverServer {
  readonly #options: HandoverServerOptions;
  readonly #server;
  /** Also those that are not through their handshake. */
  readonly #sockets = new Set<Socket>();

  constructor(options: HandoverServerOptions) {
    this.#options = options;
    this.#server = createServer(mutualServer(options.tls), (socket) => this.#admit(socket));
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    this.#server.on('tlsClientError', (error) =>
      options.logger.warn({ reason: error.message }, 'HI: a connection was refused'),
    );
  }

  /** Listens, and gives the port. */
  async start(): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#options.port, this.#options.address, resolve);
    });
    return (this.#server.address() as AddressInfo).port;
  }

  /** Stops listening and closes all connections. What has no acknowledgement yet, the delivery function sends again. */
  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #admit(socket: TLSSocket): void {
    const { logger, acceptor } = this.#options;
    const peer = identified(socket);
    if (peer === null || !hasRole(peer, 'df')) {
      logger.warn({ peer: peer?.commonName }, 'HI: the certificate has not the role of a delivery function');
      socket.destroy();
      return;
    }
    socket.setNoDelay(true);
    // A delivery function that has lost its power says no goodbye.
    socket.setKeepAlive(true, 60_000);
    const connection = acceptor.accept(
      {
        send: (octets) => {
          if (socket.writable) socket.write(octets);
        },
        close: () => socket.destroySoon(),
      },
      peer.commonName,
    );
    socket.on('data', (chunk: Buffer) => connection.received(new Uint8Array(chunk)));
    socket.on('error', (error: Error) => logger.info({ reason: error.message }, 'HI: connection lost'));
    socket.once('close', () => connection.closed());
  }
}

function identified(socket: TLSSocket): Peer | null {
  try {
    return peerOf(socket);
  } catch {
    return null;
  }
}
