/** The LEMF's end of HI2 and HI3: a TLS listener for delivery functions, and for nobody else. */
import type { TLSSocket } from 'node:tls';
import { whyOf } from '../../../bytes/system-errors.ts';
import type { HandoverKind, LemfAcceptor } from '../ports.ts';
import type { ConnectionGuard, ConnectionLimits } from '../../../net/connections.ts';
import { TlsListener } from '../../../net/tls-listener.ts';
import type { TlsListenerOptions } from '../../../net/tls-listener.ts';
import type { Peer } from '../../../net/tls.ts';

/** Delivery functions are admitted. */
export interface HandoverServerOptions extends Omit<TlsListenerOptions, 'name' | 'limits' | 'admit'> {
  /** The interface that this port is for. */
  readonly kind: HandoverKind;
  readonly connections?: Partial<ConnectionLimits>;
  readonly acceptor: LemfAcceptor;
}

/** Octets that wait for a peer that does not read them: thousands of answers. */
const MOST_UNREAD = 1 << 20;

export class HandoverServer {
  readonly #options: HandoverServerOptions;
  readonly #listener: TlsListener;

  readonly #peers = new Map<TLSSocket, string>();

  constructor(options: HandoverServerOptions) {
    this.#options = options;
    this.#listener = new TlsListener({
      ...options,
      name: 'HI',
      limits: options.connections,
      admit: (socket, peer, send) => this.#admit(socket, peer, send),
    });
  }

  /** The bounds of connections, with their counters. */
  get bounds(): ConnectionGuard {
    return this.#listener.connections;
  }

  /** Who is connected, each once. */
  peers(): string[] {
    return [...new Set(this.#peers.values())];
  }

  /** Listens, and gives the port. */
  start(): Promise<number> {
    return this.#listener.start();
  }

  /** Stops listening and closes all connections. What has no acknowledgement yet, the delivery function sends again. */
  stop(): Promise<void> {
    return this.#listener.stop();
  }

  #admit(socket: TLSSocket, peer: Peer, send: (octets: Uint8Array) => void): void {
    const { logger, acceptor, kind } = this.#options;
    this.#peers.set(socket, peer.commonName);
    // A delivery function that has lost its power says no goodbye.
    socket.setKeepAlive(true, 60_000);
    const connection = acceptor.accept(
      {
        send: (octets) => {
          send(octets);
          if (socket.writableLength <= MOST_UNREAD) return;
          logger.warn({ peer: peer.commonName }, 'HI: connection closed: the peer does not read its answers');
          socket.destroy();
        },
        close: () => socket.destroySoon(),
      },
      peer.commonName,
      kind,
    );
    socket.on('data', (chunk: Buffer) => connection.received(new Uint8Array(chunk)));
    socket.on('error', (error: Error) => logger.info({ reason: whyOf(error) }, 'HI: connection lost'));
    socket.once('close', () => {
      this.#peers.delete(socket);
      connection.closed();
    });
  }
}
