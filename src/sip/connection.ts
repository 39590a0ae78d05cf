/**
 * One connection of TCP, or of TLS over it, as a flow: frames what arrives, answers keep-alive pings, and gives up on a peer that starts a
 * message and does not end it, does not read what is sent to it, or says nothing. None may hold up anybody else.
 */
import { canonicalAddress, countedAddress } from '../bytes/network-address.ts';
import type { NetworkAddress } from '../bytes/network-address.ts';
import type { Socket } from 'node:net';
import { viewOf } from '../bytes/octets.ts';
import type { Clock, Timer } from '../bytes/ports.ts';
import { SipError } from './errors.ts';
import type { Flow } from './flow.ts';
import { StreamFramer } from './framing.ts';
import type { FramingLimits } from './framing.ts';
import type { SipRequest, SipResponse } from './message.ts';
import type { Counted, TcpConnections, TcpCut } from './tcp-connections.ts';

/** Octets that may wait for a slow reader before the connection is dropped: one that is known, and a stranger. */
const MAX_WAITING = { known: 4 << 20, stranger: 256 << 10 } as const;
/** Milliseconds in which a message that has begun must be complete, however its octets are spread over them. */
const MESSAGE_MS = 30_000;
/** Milliseconds for the other side to close after this one has. */
const FAREWELL_MS = 5_000;
const PONG = Uint8Array.of(0x0d, 0x0a);

export interface ConnectionUser {
  message(message: SipRequest | SipResponse, octets: Uint8Array): void;
  closed(): void;
}

export interface TcpFlowParts {
  readonly clock: Clock;
  readonly limits: FramingLimits;
  readonly connections: TcpConnections;
  /** Over TLS: the domains that the other end has proven; `null`: it is without TLS. */
  readonly identities: readonly string[] | null;
  /** Whether this node has made the connection. */
  readonly outgoing: boolean;
  readonly user: ConnectionUser;
}

export class TcpFlow implements Flow, Counted {
  readonly protocol: 'TCP' | 'TLS';
  readonly identities: readonly string[];
  readonly local: NetworkAddress;
  readonly remote: NetworkAddress;
  readonly countedFor: string;
  readonly outgoing: boolean;
  readonly #socket: Socket;
  readonly #parts: TcpFlowParts;
  readonly #framer: StreamFramer;
  #open = true;
  #owner: string | null = null;
  #active: number;
  #held = 0;
  #patience: Timer | null = null;
  #rest: Timer;

  constructor(socket: Socket, parts: TcpFlowParts) {
    this.#socket = socket;
    this.#parts = parts;
    this.#framer = new StreamFramer(parts.limits);
    this.outgoing = parts.outgoing;
    this.protocol = parts.identities === null ? 'TCP' : 'TLS';
    this.identities = parts.identities ?? [];
    this.local = { address: canonicalAddress(socket.localAddress ?? ''), port: socket.localPort ?? 0 };
    this.remote = { address: canonicalAddress(socket.remoteAddress ?? ''), port: socket.remotePort ?? 0 };
    this.countedFor = countedAddress(this.remote.address);
    this.#active = parts.clock.now();
    this.#rest = this.#restAfter(this.#restMs);
    parts.connections.add(this);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 60_000);
    socket.on('data', (octets) => this.#received(viewOf(octets)));
    socket.on('drain', () => this.#account());
    socket.on('error', () => this.#gone());
    socket.on('close', () => this.#gone());
    socket.on('end', () => this.#farewell());
  }

  get open(): boolean {
    return this.#open;
  }

  get owner(): string | null {
    return this.#owner;
  }

  get active(): number {
    return this.#active;
  }

  get held(): number {
    return this.#held;
  }

  /** It is known whose connection this is. */
  vouch(owner: string): void {
    if (!this.#open || this.#owner === owner) return;
    this.#owner = owner;
    this.#rest.cancel();
    this.#rest = this.#restAfter(this.#restMs);
    if (!this.outgoing) this.#parts.connections.known(this);
  }

  send(octets: Uint8Array): void {
    if (!this.#open) throw new SipError('unreachable', 'the connection is closed');
    this.#active = this.#parts.clock.now();
    this.#write(octets);
  }

  /** Closes once everything sent is out; a peer that keeps its side open is cut off. */
  end(): Promise<void> {
    if (this.#socket.destroyed) return Promise.resolve();
    return new Promise((done) => {
      const impatience = this.#parts.clock.after(500, () => this.#socket.destroy());
      this.#socket.once('close', () => {
        impatience.cancel();
        done();
      });
      this.#socket.end();
    });
  }

  cut(reason: TcpCut): void {
    if (!this.#open) return;
    this.#parts.connections.counted(reason, this.remote.address);
    this.#socket.destroy();
    this.#gone();
  }

  #write(octets: Uint8Array): void {
    this.#socket.write(octets);
    const most = this.#owner === null && !this.outgoing ? MAX_WAITING.stranger : MAX_WAITING.known;
    if (this.#socket.writableLength > most) this.cut('slow-reader');
    else this.#account();
  }

  #received(octets: Uint8Array): void {
    let messages = 0;
    for (const frame of this.#framer.push(octets)) {
      if (!this.#open) return;
      if (frame.kind === 'ping') {
        this.#write(PONG);
        continue;
      }
      messages++;
      this.#active = this.#parts.clock.now();
      if (frame.kind === 'message') this.#parts.user.message(frame.message, frame.octets);
      else {
        if (frame.message !== null) this.#parts.user.message(frame.message, frame.message.serialise());
        this.#farewell();
      }
    }
    this.#watch(messages > 0);
    this.#account();
  }

  /** A message has its time from its first octet on, and each octet of it gives it none. */
  #watch(anew: boolean): void {
    if (this.#framer.buffered > 0 && !anew && this.#patience !== null) return;
    this.#patience?.cancel();
    this.#patience = null;
    if (this.#framer.buffered === 0 || !this.#open) return;
    this.#patience = this.#parts.clock.after(MESSAGE_MS, () => this.cut('slow-sender'));
  }

  get #restMs(): number {
    const { strangerMs, knownMs } = this.#parts.connections.limits;
    return this.#owner === null && !this.outgoing ? strangerMs : knownMs;
  }

  #restAfter(ms: number): Timer {
    return this.#parts.clock.after(ms, () => {
      const left = this.#active + this.#restMs - this.#parts.clock.now();
      if (left <= 0) this.cut('idle');
      else this.#rest = this.#restAfter(left);
    });
  }

  #account(): void {
    const held = this.#open ? this.#framer.buffered + this.#socket.writableLength : 0;
    const more = held - this.#held;
    this.#held = held;
    if (more !== 0) this.#parts.connections.holds(more);
  }

  /** Closes this side, and cuts the connection if the other does not close its own, or does not read. */
  #farewell(): void {
    this.#socket.end();
    const impatience = this.#parts.clock.after(FAREWELL_MS, () => this.#socket.destroy());
    this.#socket.once('close', () => impatience.cancel());
  }

  #gone(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#patience?.cancel();
    this.#rest.cancel();
    this.#parts.connections.delete(this);
    this.#account();
    this.#parts.user.closed();
  }
}
