/**
 * SIP over TLS (RFC 3261 section 26.3.1): what the transport needs of whoever has certificates, and connections whose
 * handshake is under way.
 *
 * A connection counts from its first octet on: until it is through its handshake as a stranger's, in a time of its own.
 */
import type { Socket } from 'node:net';
import type { Server, TLSSocket } from 'node:tls';
import { countedAddress } from '../bytes/network-address.ts';
import type { NetworkAddress } from '../bytes/network-address.ts';
import type { Clock, Timer } from '../bytes/ports.ts';
import type { Counted, TcpConnections, TcpCut } from './tcp-connections.ts';

/** Certificates for SIP, in force at each moment. */
export interface SipSecurity {
  /** A server that asks for a certificate and takes those that show none. */
  server(): Server;
  /** Begins a connection to `remote`, which fails unless the certificate there is one of who is called `host`. */
  connect(remote: NetworkAddress, host: string): TLSSocket;
  /**
   * The SIP domains (RFC 5922) that the certificate at the other end proves, none where it shows none; `null`: one that
   * is not to be trusted.
   */
  identities(socket: TLSSocket): readonly string[] | null;
}

/** Milliseconds from the connection to the end of the handshake. */
const HANDSHAKE_MS = 10_000;

/** A connection that has not shown yet that it is one of TLS. */
export class Handshake implements Counted {
  readonly outgoing = false;
  readonly owner = null;
  readonly held = 0;
  readonly active: number;
  readonly countedFor: string;
  readonly #raw: Socket;
  readonly #address: string;
  readonly #connections: TcpConnections;
  #patience: Timer | null = null;

  constructor(raw: Socket, connections: TcpConnections, clock: Clock) {
    this.#raw = raw;
    this.#connections = connections;
    this.#address = raw.remoteAddress ?? '';
    this.countedFor = countedAddress(this.#address);
    this.active = clock.now();
    connections.add(this);
    this.#patience = clock.after(HANDSHAKE_MS, () => this.cut('handshake'));
    raw.once('close', () => this.done());
  }

  /** The handshake is over: what comes of it counts for itself. */
  done(): void {
    this.#patience?.cancel();
    this.#connections.delete(this);
  }

  cut(reason: TcpCut): void {
    this.#connections.counted(reason, this.#address);
    this.done();
    this.#raw.destroy();
  }
}

/** By what the two ends of a handshake know each other's socket. */
export function endsOfSocket({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress ?? ''} ${String(remotePort ?? '')}`;
}
