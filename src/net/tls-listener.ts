/** A TLS listener with certificates on both sides, for peers of certain names and roles and for nobody else (X2/X3, HI2/HI3). */
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { createServer } from 'node:tls';
import type { Logger } from '../bytes/ports.ts';
import { ConnectionGuard, STREAM_LIMITS } from './connections.ts';
import type { ConnectionLimits } from './connections.ts';
import { followTls, showsRevoked } from './live-tls.ts';
import { isAdmitted, mutualServer, peerOf, secureContext } from './tls.ts';
import type { Admission, Peer, TlsMaterial } from './tls.ts';
import type { NetworkAddress } from '../bytes/network-address.ts';

/** Octets of a connection within TLS, as they were read or written. */
export interface StreamSight {
  /** The listener's name. */
  readonly stream: string;
  readonly direction: 'received' | 'sent';
  readonly local: NetworkAddress;
  readonly remote: NetworkAddress;
  readonly octets: Uint8Array;
}

/** Is told of what listeners read and write, for a laboratory. What it does must not throw. */
export type StreamObserver = (sight: StreamSight) => void;

export interface TlsListenerOptions {
  /** The reference point, for the log. */
  readonly name: string;
  readonly address: string;
  /** 0: any free one. */
  readonly port: number;
  readonly tls: TlsMaterial;
  readonly admission: Admission;
  readonly logger: Logger;
  /** Where the bounds of connections are others than `STREAM_LIMITS`. */
  readonly limits?: Partial<ConnectionLimits> | undefined;
  readonly observe?: StreamObserver | undefined;
  /** Takes a connection whose peer is admitted. `send` writes to it, where it can still be written to. */
  readonly admit: (socket: TLSSocket, peer: Peer, send: (octets: Uint8Array) => void) => void;
}

export class TlsListener {
  readonly #options: TlsListenerOptions;
  readonly #server;
  /** The bounds of connections, with their counters. */
  readonly connections: ConnectionGuard;

  constructor(options: TlsListenerOptions) {
    this.#options = options;
    const limits = options.limits ?? STREAM_LIMITS;
    this.connections = new ConnectionGuard({ ...options, limits, mutual: true });
    this.#server = createServer(mutualServer(options.tls));
    const cutRevoked = (): void => this.connections.cutRevoked((socket) => showsRevoked(socket, options.tls));
    followTls(this.#server, options.tls, () => secureContext(options.tls, 'TLSv1.2'), cutRevoked);
    this.connections.watch(this.#server);
    this.#server.on('secureConnection', (socket) => this.#admit(socket));
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
    this.connections.cutAll();
    await closed;
  }

  #admit(socket: TLSSocket): void {
    const { admission, admit } = this.#options;
    const peer = identified(socket, this.#options.tls);
    if (peer === null || !isAdmitted(peer, admission)) {
      this.#refuse(socket, peer);
      return;
    }
    if (!this.connections.identified(socket, peer.fingerprint)) return;
    this.connections.stream(socket);
    socket.setNoDelay(true);
    const observed = this.#observer(socket);
    if (observed !== null) socket.on('data', (chunk: Buffer) => observed('received', chunk));
    admit(socket, peer, (octets) => {
      if (!socket.writable) return;
      observed?.('sent', octets);
      socket.write(octets);
    });
  }

  #observer(socket: TLSSocket): ((direction: StreamSight['direction'], octets: Uint8Array) => void) | null {
    const { name: stream, observe } = this.#options;
    if (observe === undefined) return null;
    const local = { address: socket.localAddress ?? '', port: socket.localPort ?? 0 };
    const remote = { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 };
    return (direction, octets) =>
      observe({ stream, direction, local, remote, octets: new Uint8Array(octets) });
  }

  #refuse(socket: TLSSocket, peer: Peer | null): void {
    const { name, logger } = this.#options;
    logger.warn(
      { peer: peer?.commonName },
      `${name}: the certificate has no role for it, or not a name that is admitted`,
    );
    socket.destroy();
  }
}

function identified(socket: TLSSocket, tls: TlsMaterial): Peer | null {
  try {
    return peerOf(socket, tls);
  } catch {
    return null;
  }
}
