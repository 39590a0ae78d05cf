/** A TLS listener with certificates on both sides, for peers of certain roles and for nobody else (X2/X3, HI2/HI3). */
import type { AddressInfo, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { createServer } from 'node:tls';
import type { Logger } from '../bytes/ports.ts';
import { hasRole, mutualServer, peerOf } from './tls.ts';
import type { Peer, Role, TlsMaterial } from './tls.ts';

export interface TlsListenerOptions {
  /** The reference point, for the log. */
  readonly name: string;
  readonly address: string;
  /** 0: any free one. */
  readonly port: number;
  readonly tls: TlsMaterial;
  readonly roles: readonly Role[];
  readonly logger: Logger;
  /** Takes a connection whose peer has one of the roles. */
  readonly admit: (socket: TLSSocket, peer: Peer) => void;
}

export class TlsListener {
  readonly #options: TlsListenerOptions;
  readonly #server;
  /** Also those that are not through their handshake. */
  readonly #sockets = new Set<Socket>();

  constructor(options: TlsListenerOptions) {
    const { name, tls, logger } = options;
    this.#options = options;
    this.#server = createServer(mutualServer(tls), (socket) => this.#admit(socket));
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    this.#server.on('tlsClientError', (error) =>
      logger.warn({ reason: error.message }, `${name}: a connection was refused`),
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

  /** Stops listening; when `finish` is done, closes all connections. */
  async stop(finish: () => Promise<unknown> = () => Promise.resolve()): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    await finish();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #admit(socket: TLSSocket): void {
    const { name, roles, logger, admit } = this.#options;
    const peer = identified(socket);
    if (peer === null || !hasRole(peer, ...roles)) {
      logger.warn({ peer: peer?.commonName }, `${name}: the certificate has no role for it`);
      socket.destroy();
      return;
    }
    socket.setNoDelay(true);
    admit(socket, peer);
  }
}

function identified(socket: TLSSocket): Peer | null {
  try {
    return peerOf(socket);
  } catch {
    return null;
  }
}
