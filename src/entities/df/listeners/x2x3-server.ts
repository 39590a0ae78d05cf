/**
 * The DF's end of X2 and X3: a TLS listener for points of interception (TS 103 221-2 clause 6). Each connection's PDUs
 * go to the consumer in order; a keepalive is acknowledged only when the consumer has made everything before it
 * durable, so that an acknowledgement lets the POI forget.
 *
 * A frame that can be cut out of the stream but not understood is reported and passed over (closing would have the POI
 * send it again for ever); a stream that cannot be cut is closed. PDUs that cannot be stored are tried again and not
 * acknowledged meanwhile: a connection that is closed would say that one of them is refused.
 */
import { messageOf } from '../../../bytes/errors.ts';
import { viewOf } from '../../../bytes/octets.ts';
import { whyOf } from '../../../bytes/system-errors.ts';
import type { TLSSocket } from 'node:tls';
import { AttemptPauses } from '../../../bytes/back-off.ts';
import type { Clock, Timer } from '../../../bytes/ports.ts';
import { SharedTroubleLog } from '../../../bytes/trouble-log.ts';
import type { DeframerLimits } from '../../../wire/x2x3/deframer.ts';
import { Deframer } from '../../../wire/x2x3/deframer.ts';
import { ATTRIBUTE } from '../../../wire/x2x3/attributes.ts';
import type { Pdu } from '../../../wire/x2x3/pdu.ts';
import { PduDecoder } from '../../../wire/x2x3/pdu-decoder.ts';
import { encodePdu, keepalivePdu, numberAttribute, PDU_TYPE } from '../../../wire/x2x3/pdu.ts';
import type { ConnectionGuard, ConnectionLimits } from '../../../net/connections.ts';
import { TlsListener } from '../../../net/tls-listener.ts';
import type { TlsListenerOptions } from '../../../net/tls-listener.ts';
import type { Peer } from '../../../net/tls.ts';

/** A PDU, the octets that it came in, which may be part of more, and whose certificate it came under. */
export interface ReceivedPdu {
  readonly pdu: Pdu;
  readonly octets: Uint8Array;
  readonly peer: string;
}

export interface X2X3Consumer {
  /** Takes PDUs of one connection in order; resolves when all of them are durable. */
  accept(batch: readonly ReceivedPdu[]): Promise<void>;
  /** A frame that is no PDU that we understand. */
  refused(octets: Uint8Array, reason: string): void;
}

/** Points of interception are admitted. */
export interface X2X3ServerOptions extends Omit<TlsListenerOptions, 'name' | 'limits' | 'admit'> {
  readonly consumer: X2X3Consumer;
  readonly clock: Clock;
  readonly connections?: Partial<ConnectionLimits> | undefined;
  readonly limits?: DeframerLimits;
  /** Milliseconds without any PDU after which a connection is closed; default 180 s. */
  readonly silenceMs?: number;
}

/** PDUs of one connection that may wait for the consumer before the socket is paused. */
const MAX_WAITING = 2000;
/** The same in octets; also of all connections that have ended. */
const MAX_WAITING_OCTETS = 16 << 20;

/** Milliseconds between attempts to store. */
const FIRST_PAUSE = 200;
const LONGEST_PAUSE = 5_000;
const UNSTORED = {
  begins: 'X2/X3: PDUs cannot be stored for now',
  over: 'X2/X3: PDUs are stored again',
  level: 'error',
} as const;

export class X2X3Server {
  readonly #options: X2X3ServerOptions;
  readonly #unstored: SharedTroubleLog;
  readonly #listener: TlsListener;
  readonly #connections = new Set<Connection>();
  /** Octets that wait for the consumer though their connection has ended. */
  #orphaned = 0;

  constructor(options: X2X3ServerOptions) {
    this.#options = options;
    const { clock, logger } = options;
    this.#unstored = new SharedTroubleLog(UNSTORED, { logger, now: () => clock.now() });
    this.#listener = new TlsListener({
      ...options,
      name: 'X2/X3',
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
    return [...new Set([...this.#connections].map(({ peer }) => peer))];
  }

  /** Why PDUs cannot be stored now; `null`: they can, as far as it was tried. */
  get failure(): string | null {
    for (const { failure } of this.#connections) if (failure !== null) return failure;
    return null;
  }

  /** Listens, and gives the port. */
  start(): Promise<number> {
    return this.#listener.start();
  }

  /** Stops listening and closes all connections when what they have delivered is durable. */
  stop(): Promise<void> {
    return this.#listener.stop(() =>
      Promise.all([...this.#connections].map((connection) => connection.finish())),
    );
  }

  #admit(socket: TLSSocket, peer: Peer, send: (octets: Uint8Array) => void): void {
    const connection = new Connection(socket, peer, send, this.#options, this.#unstored);
    this.#connections.add(connection);
    socket.once('close', () => {
      this.#connections.delete(connection);
      this.#takeOver(connection);
    });
  }

  /**
   * What an ended connection has brought is still taken in: its POI may be gone for good. Within a bound, since a POI that
   * is not acknowledged connects again and again, each time with all that it keeps.
   */
  #takeOver(connection: Connection): void {
    const octets = connection.waitingOctets;
    if (this.#orphaned + octets > MAX_WAITING_OCTETS) {
      connection.forget();
      return;
    }
    this.#orphaned += octets;
    void connection.finish().finally(() => (this.#orphaned -= octets));
  }
}

class Connection {
  readonly #socket: TLSSocket;
  readonly #send: (octets: Uint8Array) => void;
  readonly #options: X2X3ServerOptions;
  /** Of all connections. */
  readonly #unstored: SharedTroubleLog;
  readonly #deframer: Deframer;
  readonly #decoder = new PduDecoder();
  readonly #peer: Peer;
  #waiting: ReceivedPdu[] = [];
  #waitingOctets = 0;
  #working: Promise<void> | null = null;
  #silence: Timer | null = null;
  readonly #pauses: AttemptPauses;
  #closing = false;
  #failure: string | null = null;

  constructor(
    socket: TLSSocket,
    peer: Peer,
    send: (octets: Uint8Array) => void,
    options: X2X3ServerOptions,
    unstored: SharedTroubleLog,
  ) {
    this.#socket = socket;
    this.#send = send;
    this.#peer = peer;
    this.#options = options;
    this.#unstored = unstored;
    this.#deframer = new Deframer(options.limits);
    this.#pauses = new AttemptPauses(options.clock, FIRST_PAUSE, LONGEST_PAUSE);
    // Each read of a socket has memory of its own.
    socket.on('data', (chunk: Buffer) => this.#onData(viewOf(chunk)));
    socket.on('error', (error: Error) =>
      options.logger.info({ reason: whyOf(error) }, 'X2/X3: connection lost'),
    );
    socket.once('close', () => {
      this.#silence?.cancel();
      this.#close();
    });
    this.#listenForSilence();
  }

  get peer(): string {
    return this.#peer.commonName;
  }

  /** Why what came cannot be stored now; `null`: it can. */
  get failure(): string | null {
    return this.#failure;
  }

  /** Octets that wait for the consumer, but for those that it is about to take. */
  get waitingOctets(): number {
    return this.#waitingOctets;
  }

  /** Drops what waits: it was not acknowledged. */
  forget(): void {
    this.#waiting = [];
    this.#waitingOctets = 0;
  }

  /** Reads no more, waits for the work under way, closes. */
  async finish(): Promise<void> {
    this.#socket.pause();
    this.#socket.removeAllListeners('data');
    this.#close();
    await this.#working;
    this.#socket.destroy();
  }

  #onData(chunk: Uint8Array): void {
    this.#listenForSilence();
    this.#decoder.forgetInTime(this.#options.clock.now());
    let frames: Uint8Array[];
    try {
      frames = this.#deframer.push(chunk);
    } catch (error) {
      this.#options.logger.error(
        { peer: this.#peer.commonName, reason: messageOf(error) },
        'X2/X3: bad stream',
      );
      this.#socket.destroy();
      return;
    }
    for (const octets of frames) this.#decode(octets);
    if (this.#waiting.length > MAX_WAITING || this.#waitingOctets > MAX_WAITING_OCTETS) this.#socket.pause();
    if (this.#waiting.length > 0) this.#working ??= this.#work();
  }

  #decode(octets: Uint8Array): void {
    try {
      const pdu = this.#decoder.decode(octets);
      const problem = policyProblem(pdu);
      if (problem === null) {
        this.#waiting.push({ pdu, octets, peer: this.#peer.commonName });
        this.#waitingOctets += octets.length;
      } else this.#options.consumer.refused(octets, problem);
    } catch (error) {
      this.#options.consumer.refused(octets, messageOf(error));
    }
  }

  /** Takes what waits, up to each keepalive, until nothing waits. */
  async #work(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        const taken = this.#waiting;
        this.forget();
        await this.#take(taken);
        if (this.#socket.isPaused()) this.#socket.resume();
      }
    } catch (error) {
      this.#options.logger.error({ reason: messageOf(error) }, 'X2/X3: PDUs could not be stored');
      this.forget();
      this.#socket.destroy();
    } finally {
      this.#working = null;
      this.#unstored.gone(this);
    }
  }

  async #take(taken: readonly ReceivedPdu[]): Promise<void> {
    const content = taken.filter(({ pdu }) => pdu.type === PDU_TYPE.x2 || pdu.type === PDU_TYPE.x3);
    if (content.length > 0) await this.#store(content);
    for (const { pdu } of taken) {
      if (pdu.type !== PDU_TYPE.keepalive) continue;
      const answer = keepalivePdu(PDU_TYPE.keepaliveAck, numberAttribute(pdu, ATTRIBUTE.sequenceNumber) ?? 0);
      this.#send(encodePdu(answer));
    }
  }

  /** Tries until it is done, or the connection ends. */
  async #store(content: readonly ReceivedPdu[]): Promise<void> {
    for (;;) {
      try {
        await this.#options.consumer.accept(content);
        this.#pauses.reset();
        this.#failure = null;
        this.#unstored.worked(this);
        return;
      } catch (error) {
        if (this.#closing) throw error;
        this.#failure = messageOf(error);
        this.#unstored.failed(this, { reason: messageOf(error) });
      }
      await this.#pauses.wait();
    }
  }

  /** No more attempts: what is not stored was not acknowledged either. */
  #close(): void {
    this.#closing = true;
    this.#pauses.end();
  }

  #listenForSilence(): void {
    this.#silence?.cancel();
    this.#silence = this.#options.clock.after(this.#options.silenceMs ?? 180_000, () => {
      this.#options.logger.warn({ peer: this.#peer.commonName }, 'X2/X3: no keepalive; connection closed');
      this.#socket.destroy();
    });
  }
}

/** Major version 0, and the octet-swapped 0x0500 that is in the field; X2, X3 and keepalives. */
function policyProblem(pdu: Pdu): string | null {
  if (pdu.version >> 8 !== 0 && pdu.version !== 0x0500) return `version ${pdu.version.toString(16)}`;
  const known: readonly number[] = [PDU_TYPE.x2, PDU_TYPE.x3, PDU_TYPE.keepalive];
  return known.includes(pdu.type) ? null : `PDU type ${pdu.type}`;
}
