/**
 * Messages out of a stream of octets (RFC 3261 sections 18.3 and 7.5).
 *
 * On TCP and TLS a message ends where Content-Length says; it is mandatory there, and one that is missing, doubled or
 * no number leaves no way to find the next message, so the connection is closed after the answer (RFC 4475 section
 * 3.1.2.3). CRLFs between messages are ignored; a double one is a keep-alive ping, answered with a single one
 * (RFC 5626 section 4.4.1). Segments may cut a message anywhere.
 */
import { SipError } from './errors.ts';
import { headLength, readHead, readMessage } from './message.ts';
import type { SipRequest, SipResponse } from './message.ts';

export interface FramingLimits {
  /** Octets of a head at most. */
  readonly head: number;
  /** Octets of a whole message at most. */
  readonly message: number;
}

export const DEFAULT_LIMITS: FramingLimits = { head: 64 << 10, message: 256 << 10 };

/** One thing found in the stream. */
export type Frame =
  | { readonly kind: 'message'; readonly message: SipRequest | SipResponse; readonly octets: Uint8Array }
  /** A double CRLF: answer with one. */
  | { readonly kind: 'ping' }
  /** The stream cannot be framed any more; `message` is what could be read of the culprit. */
  | { readonly kind: 'broken'; readonly message: SipRequest | SipResponse | null; readonly error: SipError };

export class StreamFramer {
  readonly #limits: FramingLimits;
  /** What waits lies between these two; what a growing message needs is doubled, so that each octet is moved a few times. */
  #buffer: Uint8Array = NOTHING;
  #start = 0;
  #end = 0;
  /** Octets of what waits in which no head ends. */
  #searched = 0;
  /** The message whose head has come: octets of the head and of all, and what it says. */
  #whole: Whole | null = null;
  #broken = false;

  constructor(limits: FramingLimits = DEFAULT_LIMITS) {
    this.#limits = limits;
  }

  /** Octets that wait for the rest of their message. */
  get buffered(): number {
    return this.#end - this.#start;
  }

  /** Takes a segment and returns what it completes. After `broken` everything is ignored. */
  push(segment: Uint8Array): Frame[] {
    if (this.#broken) return [];
    this.#append(segment);
    const frames: Frame[] = [];
    for (let frame = this.#next(); frame !== null; frame = this.#next()) {
      frames.push(frame);
      if (frame.kind !== 'broken') continue;
      this.#broken = true;
      this.#take(this.buffered);
    }
    return frames;
  }

  #next(): Frame | null {
    for (;;) {
      const octets = this.#buffer.subarray(this.#start, this.#end);
      if (octets[0] !== CR || (octets.length > 1 && octets[1] !== LF))
        return octets.length === 0 ? null : this.#message(octets);
      if (octets[2] === CR && octets[3] === LF) {
        this.#take(4);
        return { kind: 'ping' };
      }
      // One CRLF may become a ping, or be white space before a message.
      if (octets.length < 3 || (octets.length === 3 && octets[2] === CR)) return null;
      this.#take(2);
    }
  }

  #message(octets: Uint8Array): Frame | null {
    try {
      this.#whole ??= this.#head(octets);
      if (this.#whole === null || octets.length < this.#whole.length) return null;
      const { head, length, message } = this.#whole;
      // A segment that is one message is nobody else's; a part of one would keep all of it.
      const whole = this.#buffer.length === length ? octets : octets.slice(0, length);
      this.#take(length);
      message.takeBody(whole.subarray(head));
      return { kind: 'message', message, octets: whole };
    } catch (cause) {
      if (cause instanceof Unframed) return { kind: 'broken', message: cause.culprit, error: cause };
      if (cause instanceof SipError) return { kind: 'broken', message: null, error: cause };
      throw cause;
    }
  }

  /** The message that begins here; `null`: its head is not all there. @throws SipError */
  #head(octets: Uint8Array): Whole | null {
    const head = headLength(octets, Math.max(0, this.#searched - 3));
    this.#searched = octets.length;
    if ((head ?? octets.length) > this.#limits.head)
      throw new Unframed('too-large', cutHead(octets, this.#limits.head));
    if (head === null) return null;
    const message = readHead(octets, head);
    const body = message.contentLength();
    if (body === null) throw new Unframed('syntax', faulty(message, 400, 'no single Content-Length'));
    if (head + body > this.#limits.message) throw new Unframed('too-large', faulty(message, 513, TOO_LARGE));
    return { head, length: head + body, message };
  }

  #append(segment: Uint8Array): void {
    const { buffered } = this;
    if (buffered === 0) {
      [this.#buffer, this.#start, this.#end] = [segment, 0, segment.length];
      return;
    }
    if (this.#end + segment.length > this.#buffer.length) {
      const larger = new Uint8Array(2 * (buffered + segment.length));
      larger.set(this.#buffer.subarray(this.#start, this.#end));
      [this.#buffer, this.#start, this.#end] = [larger, 0, buffered];
    }
    this.#buffer.set(segment, this.#end);
    this.#end += segment.length;
  }

  #take(octets: number): void {
    this.#start += octets;
    this.#searched = 0;
    this.#whole = null;
    if (this.#start === this.#end) [this.#buffer, this.#start, this.#end] = [NOTHING, 0, 0];
  }
}

const [CR, LF] = [0x0d, 0x0a];
const NOTHING = new Uint8Array();
const TOO_LARGE = 'the message is too large';

/** A message as far as its head says. */
interface Whole {
  readonly head: number;
  readonly length: number;
  readonly message: SipRequest | SipResponse;
}

/** No message can be found any more in the stream. */
class Unframed extends SipError {
  readonly culprit: SipRequest | SipResponse | null;

  constructor(code: 'syntax' | 'too-large', culprit: SipRequest | SipResponse | null) {
    super(code, culprit?.fault?.problem ?? TOO_LARGE);
    this.culprit = culprit;
  }
}

function faulty(
  message: SipRequest | SipResponse,
  status: number,
  problem: string,
): SipRequest | SipResponse {
  message.fault = { status, problem };
  return message;
}

/** What can be read of a head that is too large, so that its sender has an answer. */
function cutHead(octets: Uint8Array, most: number): SipRequest | SipResponse | null {
  const head = octets.subarray(0, most);
  const line = Buffer.from(head.buffer, head.byteOffset, head.length).lastIndexOf('\r\n');
  try {
    return faulty(readMessage(head.subarray(0, line + 2)), 513, TOO_LARGE);
  } catch (cause) {
    if (cause instanceof SipError) return null;
    throw cause;
  }
}
