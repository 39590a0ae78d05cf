/**
 * One TCP connection as a flow: frames what arrives, answers keep-alive pings, and gives up on a peer that starts a
 * message and does not end it, or does not read what is sent to it. Neither may hold up anybody else.
 */
import type { NetworkAddress } from '../bytes/network-address.ts';
import type { Socket } from 'node:net';
import type { Clock, Timer } from '../bytes/ports.ts';
import { SipError } from './errors.ts';
import type { Flow } from './flow.ts';
import { StreamFramer } from './framing.ts';
import type { FramingLimits } from './framing.ts';
import type { SipRequest, SipResponse } from './message.ts';

/** Octets that may wait for a slow reader before the connection is dropped. */
const MAX_WAITING = 4 << 20;
/** Milliseconds in which a message that has begun must be complete. */
const MESSAGE_MS = 30_000;
const PONG = Uint8Array.of(0x0d, 0x0a);

export interface ConnectionUser {
  message(message: SipRequest | SipResponse, octets: Uint8Array): void;
  closed(): void;
}

export class TcpFlow implements Flow {
  readonly protocol = 'TCP';
  readonly local: NetworkAddress;
  readonly remote: NetworkAddress;
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #framer: StreamFramer;
  readonly #user: ConnectionUser;
  #open = true;
  #patience: Timer | null = null;

  constructor(socket: Socket, clock: Clock, limits: FramingLimits, user: ConnectionUser) {
    this.#socket = socket;
    this.#clock = clock;
    this.#framer = new StreamFramer(limits);
    this.#user = user;
    this.local = { address: socket.localAddress ?? '', port: socket.localPort ?? 0 };
    this.remote = { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 };
    socket.setNoDelay(true);
    socket.on('data', (octets) => this.#received(new Uint8Array(octets)));
    socket.on('error', () => this.#gone());
    socket.on('close', () => this.#gone());
    socket.on('end', () => socket.end());
  }

  get open(): boolean {
    return this.#open;
  }

  send(octets: Uint8Array): void {
    if (!this.#open) throw new SipError('unreachable', 'the connection is closed');
    this.#socket.write(octets);
    if (this.#socket.writableLength > MAX_WAITING) this.#drop();
  }

  /** Closes once everything sent is out; a peer that keeps its side open is cut off. */
  end(): Promise<void> {
    if (this.#socket.destroyed) return Promise.resolve();
    return new Promise((done) => {
      const impatience = this.#clock.after(500, () => this.#socket.destroy());
      this.#socket.once('close', () => {
        impatience.cancel();
        done();
      });
      this.#socket.end();
    });
  }

  #received(octets: Uint8Array): void {
    for (const frame of this.#framer.push(octets)) {
      if (frame.kind === 'ping') this.#socket.write(PONG);
      else if (frame.kind === 'message') this.#user.message(frame.message, frame.octets);
      else {
        if (frame.message !== null) this.#user.message(frame.message, frame.message.serialise());
        this.#socket.end();
      }
    }
    this.#watch();
  }

  #watch(): void {
    this.#patience?.cancel();
    this.#patience = null;
    if (this.#framer.buffered === 0 || !this.#open) return;
    this.#patience = this.#clock.after(MESSAGE_MS, () => this.#drop());
  }

  #drop(): void {
    this.#socket.destroy();
    this.#gone();
  }

  #gone(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#patience?.cancel();
    this.#user.closed();
  }
}
