/**
 * The POI's end of X2 and X3: one TLS connection to one destination (TS 103 221-2 clause 6), opened by the POI, opened
 * again with growing pauses when it is lost.
 *
 * What is in the queue is sent oldest first, and gathered for some milliseconds, so that neither the call that is
 * intercepted waits for its copies nor each packet of media is a TLS record of its own. While PDUs wait for their
 * acknowledgement a keepalive follows them at short intervals, and where there are many after each few hundred of them, so
 * that they need not be kept for long; otherwise every 60 s at the latest. The acknowledgement of a keepalive frees what was
 * sent before it. Where none comes for 180 s the connection is closed, and the trouble reported over X1.
 *
 * A PDU that the destination refuses, by closing the connection, must not hold up all that waits behind it. After a
 * connection that was closed with PDUs under way the client is careful (`bytes/refusal-search.ts`): the destination has
 * to acknowledge a keepalive first, each lot is followed by one directly, and the suspect is sent alone.
 */
import { messageOf } from '../bytes/errors.ts';
import { whyOf } from '../bytes/system-errors.ts';
import type { TLSSocket } from 'node:tls';
import { BackOff } from '../bytes/back-off.ts';
import type { Clock, Logger, Timer } from '../bytes/ports.ts';
import { RefusalSearch } from '../bytes/refusal-search.ts';
import type { DeliveryQueue, DestinationIssues } from './queue.ts';
import type { RefusedPdus } from './refused.ts';
import { ATTRIBUTE } from '../wire/x2x3/attributes.ts';
import { Deframer } from '../wire/x2x3/deframer.ts';
import { decodePdu, encodePdu, keepalivePdu, numberAttribute, PDU_TYPE } from '../wire/x2x3/pdu.ts';
import type { HostMap } from '../net/hosts.ts';
import { connectTo } from '../net/tls-client.ts';
import type { TlsMaterial } from '../net/tls.ts';

export interface X2X3Timing {
  /** Milliseconds between keepalives while PDUs wait for acknowledgement; default 1 s. */
  readonly busyKeepaliveMs?: number;
  /** Milliseconds between keepalives otherwise; default 60 s. */
  readonly idleKeepaliveMs?: number;
  /** Milliseconds without an acknowledgement after which the connection is closed; default 180 s. */
  readonly acknowledgementMs?: number;
  /** Milliseconds until a connection must be up, its handshake done; default 10 s. */
  readonly connectMs?: number;
  /** Milliseconds for which PDUs are gathered that follow one another; default 100. */
  readonly gatherMs?: number;
  /** Milliseconds before the first attempt to reconnect, doubled each time; default 200. */
  readonly firstPauseMs?: number;
  /** Milliseconds between attempts at most; default 5 s. */
  readonly longestPauseMs?: number;
}

export interface X2X3ClientOptions {
  readonly queue: DeliveryQueue;
  /** Host name or IP address of the destination, and its port. */
  readonly host: string;
  readonly port: number;
  readonly hosts: HostMap;
  readonly tls: TlsMaterial;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly issues: DestinationIssues;
  readonly refused: RefusedPdus;
  readonly timing?: X2X3Timing;
}

const DEFAULTS: Required<X2X3Timing> = {
  busyKeepaliveMs: 1_000,
  idleKeepaliveMs: 60_000,
  acknowledgementMs: 180_000,
  connectMs: 10_000,
  gatherMs: 100,
  firstPauseMs: 200,
  longestPauseMs: 5_000,
};

/** PDUs that are not sent yet, and wait for no others. */
const GATHERED = 64;
/** Octets of PDUs that go to the socket in one piece; what a turn of the loop brings is one as a rule. */
const PIECE = 65_536;
/** After so many PDUs without a question whether they have come there is one at once, where no more than so many wait for an answer. */
const ASKED_AFTER = { pdus: 256, questions: 16 };

/** Connections that are refused one after the other before the pauses between them grow, though the destination lives. */
const QUICK_TRIALS = 64;

/** A keepalive that has not been answered, and how far the queue had been sent before it. */
interface Question {
  readonly sequenceNumber: number;
  readonly position: number;
}

export class X2X3Client {
  readonly #options: X2X3ClientOptions;
  readonly #timing: Required<X2X3Timing>;
  #socket: TLSSocket | null = null;
  #deframer = new Deframer();
  #questions: Question[] = [];
  #keepaliveNumber = 0;
  /** How far the queue had been sent when the last question was put. */
  #asked = 0;
  #flowing = false;
  /** What waits goes at the end of the turn. */
  #isPumping = false;
  readonly #search = new RefusalSearch();
  /** Whether the destination has acknowledged something on this connection. */
  #proven = false;
  /** We have closed the connection, which says nothing of PDUs. */
  #givenUp = false;
  #troubled = false;
  #stopped = false;
  readonly #pauses: BackOff;
  #keepalive: Timer | null = null;
  #keepaliveIsShort = false;
  /** Runs until the connection is up, then while a keepalive waits for its acknowledgement. */
  #patience: Timer | null = null;
  #retry: Timer | null = null;
  /** Runs while PDUs are gathered. */
  #gathering: Timer | null = null;
  #drained: (() => void)[] = [];

  constructor(options: X2X3ClientOptions) {
    this.#options = options;
    this.#timing = { ...DEFAULTS, ...options.timing };
    this.#pauses = new BackOff(this.#timing.firstPauseMs, this.#timing.longestPauseMs);
  }

  start(): void {
    this.#options.queue.onAppend(() => this.#appended());
    this.#connect();
  }

  /** Whether the connection is up, and nothing is known to be wrong with it. */
  get isUp(): boolean {
    return this.#flowing && !this.#troubled;
  }

  /** Waits until everything is acknowledged, at most `ms` milliseconds; gives whether it was. */
  async drain(ms: number): Promise<boolean> {
    if (this.#options.queue.waiting > 0 && !this.#stopped) {
      this.#pump();
      if (this.#flowing) this.#sendKeepalive();
      await new Promise<void>((resolve) => {
        const timer = this.#options.clock.after(ms, resolve);
        this.#drained.push(() => {
          timer.cancel();
          resolve();
        });
      });
    }
    return this.#options.queue.waiting === 0;
  }

  /** Closes the connection; what is not acknowledged stays in the queue. */
  stop(): void {
    this.#stopped = true;
    this.#options.queue.onAppend(null);
    this.#retry?.cancel();
    this.#socket?.destroy();
    this.#lost();
  }

  #connect(): void {
    const { host, port, hosts, tls } = this.#options;
    const socket = connectTo({ host, port, role: 'df' }, { tls, hosts }, (reason) => this.#giveUp(reason));
    this.#socket = socket;
    socket.once('secureConnect', () => this.#connected());
    socket.on('drain', () => this.#pump());
    socket.on('data', (chunk: Buffer) => this.#onData(new Uint8Array(chunk)));
    socket.on('error', (error: Error) => this.#trouble(whyOf(error)));
    socket.once('close', () => this.#closed(socket));
    this.#patience = this.#options.clock.after(this.#timing.connectMs, () => {
      this.#giveUp(`no connection within ${this.#timing.connectMs} ms`);
    });
  }

  #connected(): void {
    this.#deframer = new Deframer();
    this.#questions = [];
    this.#patience?.cancel();
    this.#patience = null;
    this.#flowing = true;
    this.#options.queue.rewind(this.#search.passedOver);
    this.#asked = this.#options.queue.sent;
    this.#pump();
    if (this.#questions.length === 0) this.#sendKeepalive();
  }

  /** A message that is intercepted does not wait until its copy is encrypted, and several copies cost little more than one. */
  #appended(): void {
    const { queue, clock } = this.#options;
    if (queue.waiting - queue.underWay >= GATHERED) this.#pumpSoon();
    else this.#gathering ??= clock.after(this.#timing.gatherMs, () => this.#pump());
  }

  /** With all that comes in this turn. */
  #pumpSoon(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    queueMicrotask(() => {
      this.#isPumping = false;
      this.#pump();
    });
  }

  /** Sends what the socket takes; the rest follows on `drain`. */
  #pump(): void {
    const { queue } = this.#options;
    this.#gathering?.cancel();
    this.#gathering = null;
    const socket = this.#socket;
    const search = this.#search;
    if (!this.#flowing || socket === null || socket.writableNeedDrain) return;
    if (search.searching && !this.#proven) return;
    const before = queue.sent;
    socket.cork();
    const pdus: Uint8Array[] = [];
    for (let octets = 0; queue.underWay < search.window && octets < PIECE;) {
      const pdu = queue.next();
      if (pdu === null) break;
      octets += pdu.length;
      pdus.push(pdu);
    }
    if (pdus.length > 0) socket.write(Buffer.concat(pdus));
    if (queue.sent > before && (search.searching || this.#isLong)) this.#sendKeepalive();
    socket.uncork();
    if (queue.sent > before) this.#scheduleKeepalive();
  }

  /** Whether many have been sent since it was asked last whether they have come. */
  get #isLong(): boolean {
    const { pdus, questions } = ASKED_AFTER;
    return this.#options.queue.sent - this.#asked >= pdus && this.#questions.length < questions;
  }

  /** One timer: short while something is not acknowledged, long otherwise; a running short one is not put off. */
  #scheduleKeepalive(): void {
    const busy = this.#options.queue.waiting > 0;
    if (busy && this.#keepaliveIsShort) return;
    this.#keepalive?.cancel();
    this.#keepaliveIsShort = busy;
    const ms = busy ? this.#timing.busyKeepaliveMs : this.#timing.idleKeepaliveMs;
    this.#keepalive = this.#options.clock.after(ms, () => this.#sendKeepalive());
  }

  #sendKeepalive(): void {
    if (!this.#flowing || this.#socket === null) return;
    const sequenceNumber = this.#keepaliveNumber;
    this.#keepaliveNumber = (sequenceNumber + 1) >>> 0;
    this.#asked = this.#options.queue.sent;
    this.#questions.push({ sequenceNumber, position: this.#asked });
    this.#socket.write(encodePdu(keepalivePdu(PDU_TYPE.keepalive, sequenceNumber)));
    this.#patience ??= this.#options.clock.after(this.#timing.acknowledgementMs, () => {
      this.#giveUp(`no acknowledgement for ${this.#timing.acknowledgementMs} ms`);
    });
    this.#keepaliveIsShort = false;
    this.#scheduleKeepalive();
  }

  #onData(chunk: Uint8Array): void {
    try {
      for (const frame of this.#deframer.push(chunk)) {
        const pdu = decodePdu(frame);
        if (pdu.type === PDU_TYPE.keepaliveAck) {
          this.#acknowledged(numberAttribute(pdu, ATTRIBUTE.sequenceNumber));
        }
      }
    } catch (error) {
      this.#giveUp(messageOf(error));
    }
  }

  #acknowledged(sequenceNumber: number | null): void {
    const index = this.#questions.findIndex((question) => question.sequenceNumber === sequenceNumber);
    const question = this.#questions[index];
    if (question === undefined) return;
    this.#questions = this.#questions.slice(index + 1);
    this.#patience?.cancel();
    this.#patience = null;
    this.#proven = true;
    const { queue } = this.#options;
    const taken = queue.acknowledge(question.position);
    if (taken > 0) this.#taken(question.position);
    if (taken > 0 || !this.#search.searching) this.#working();
    else if (this.#search.trials < QUICK_TRIALS) this.#pauses.reset();
    if (this.#search.searching || taken > 0) this.#pump();
    if (queue.waiting > 0) return;
    for (const done of this.#drained.splice(0)) done();
    this.#keepaliveIsShort = false;
    this.#scheduleKeepalive();
  }

  /** PDUs were acknowledged. */
  #taken(position: number): void {
    if (!this.#search.taken(position)) return;
    this.#questions = [];
    this.#options.queue.rewind();
    this.#asked = this.#options.queue.sent;
  }

  /** Only an acknowledgement shows that the other end works: with TLS 1.3 it may refuse us after the handshake. */
  #working(): void {
    this.#pauses.reset();
    if (this.#troubled) this.#options.issues.cleared(this.#options.queue.did);
    this.#troubled = false;
  }

  #closed(socket: TLSSocket): void {
    if (this.#socket !== socket || this.#stopped) return;
    this.#trouble('connection closed');
    const { queue, refused } = this.#options;
    const next = this.#search.closed(this.#givenUp ? 0 : queue.underWay, queue.sent, queue.waiting);
    this.#lost();
    const first = next === 'refused' ? queue.takeFirst() : null;
    if (first !== null) refused.put(queue.did, first);
    const pause = next === 'wait' ? this.#pauses.next() : 0;
    this.#retry = this.#options.clock.after(pause, () => this.#connect());
  }

  #giveUp(reason: string): void {
    this.#givenUp = true;
    this.#trouble(reason);
    this.#socket?.destroy();
  }

  #lost(): void {
    this.#flowing = false;
    this.#proven = false;
    this.#givenUp = false;
    this.#socket = null;
    this.#gathering?.cancel();
    this.#gathering = null;
    this.#keepalive?.cancel();
    this.#keepaliveIsShort = false;
    this.#patience?.cancel();
    this.#patience = null;
    if (this.#stopped) for (const done of this.#drained.splice(0)) done();
  }

  #trouble(description: string): void {
    if (this.#troubled || this.#stopped) return;
    this.#troubled = true;
    this.#options.logger.warn(
      { did: this.#options.queue.did, description },
      'X2/X3: destination unreachable',
    );
    this.#options.issues.raised(this.#options.queue.did, description);
  }
}
