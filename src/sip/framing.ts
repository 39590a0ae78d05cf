/**
 * Messages out of a stream of octets (RFC 3261 sections 18.3 and 7.5).
 *
 * On TCP and TLS a message ends where Content-Length says; it is mandatory there, and one that is missing, doubled or
 * no number leaves no way to find the next message, so the connection is closed after the answer (RFC 4475 section
 * 3.1.2.3). CRLFs between messages are ignored; a double one is a keep-alive ping, answered with a single one
 * (RFC 5626 section 4.4.1). Segments may cut a message anywhere.
 */
import { concat } from '../bytes/octets.ts';
import { SipError } from './errors.ts';
import { headLength, parseMessage } from './message.ts';
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
  #pending: Uint8Array[] = [];
  #length = 0;
  /** Octets needed before it is worth while to look again. */
  #needed = 1;
  #broken = false;

  constructor(limits: FramingLimits = DEFAULT_LIMITS) {
    this.#limits = limits;
  }

  /** Octets that wait for the rest of their message. */
  get buffered(): number {
    return this.#length;
  }

  /** Takes a segment and returns what it completes. After `broken` everything is ignored. */
  push(segment: Uint8Array): Frame[] {
    if (this.#broken) return [];
    this.#pending.push(segment);
    this.#length += segment.length;
    const frames: Frame[] = [];
    while (this.#length >= this.#needed && this.#length > 0) {
      const frame = this.#next();
      if (frame === null) break;
      frames.push(frame);
      if (frame.kind === 'broken') {
        this.#broken = true;
        this.#keep(new Uint8Array());
        break;
      }
    }
    return frames;
  }

  #next(): Frame | null {
    const octets = this.#joined();
    const blank = leadingCrlf(octets);
    if (blank >= 4) {
      this.#keep(octets.subarray(4));
      return { kind: 'ping' };
    }
    const half = octets.length === blank + 1 && octets[blank] === 0x0d;
    if (octets.length === blank || half) {
      this.#needed = octets.length + 1;
      return null;
    }
    if (blank > 0) this.#keep(octets.subarray(blank));
    return this.#message(octets.subarray(blank));
  }

  #message(octets: Uint8Array): Frame | null {
    const head = headLength(octets);
    if ((head ?? octets.length) > this.#limits.head) return broken('too-large', 'the head is too large');
    if (head === null) {
      this.#needed = octets.length + 1;
      return null;
    }
    try {
      const message = parseMessage(octets.subarray(0, head));
      const body = message.contentLength();
      if (body === null) return broken('syntax', 'no single Content-Length', message);
      if (head + body > this.#limits.message) return broken('too-large', 'the message is too large', message);
      this.#needed = head + body;
      if (octets.length < this.#needed) return null;
      const whole = octets.slice(0, head + body);
      this.#keep(octets.subarray(head + body));
      return { kind: 'message', message: parseMessage(whole), octets: whole };
    } catch (cause) {
      if (cause instanceof SipError) return { kind: 'broken', message: null, error: cause };
      throw cause;
    }
  }

  #joined(): Uint8Array {
    const joined = this.#pending.length === 1 ? this.#pending[0] : undefined;
    const octets = joined ?? concat(...this.#pending);
    this.#pending = [octets];
    return octets;
  }

  #keep(rest: Uint8Array): void {
    this.#pending = rest.length === 0 ? [] : [rest];
    this.#length = rest.length;
    this.#needed = 1;
  }
}

function broken(code: 'syntax' | 'too-large', problem: string, message?: SipRequest | SipResponse): Frame {
  if (message !== undefined) message.complete = false;
  return { kind: 'broken', message: message ?? null, error: new SipError(code, problem) };
}

function leadingCrlf(octets: Uint8Array): number {
  let at = 0;
  while (octets[at] === 0x0d && octets[at + 1] === 0x0a) at += 2;
  return at;
}
