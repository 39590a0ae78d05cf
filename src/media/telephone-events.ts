/**
 * Telephone events (RFC 4733): the keys that a party pressed.
 *
 *      0                   1                   2                   3
 *     +---------------+-+-+-----------+-------------------------------+
 *     |     event     |E|R| volume    |          duration             |
 *     +---------------+-+-+-----------+-------------------------------+
 *
 * Packets of one event have its start as their timestamp and a growing duration; the last is sent three times. Some
 * senders let the timestamp go on with the duration instead; then timestamp − duration stays. An event longer than the
 * duration can say goes on in a segment that begins where the last ended (2.5.1.3). A packet may hold several, the next
 * beginning where the one before it ends (2.5.1.5).
 */

export interface TelephoneEvent {
  /** 0–9, 10 `*`, 11 `#`, 12–15 `A`–`D`, 16 flash, … */
  readonly event: number;
  /** RTP timestamp of its start. */
  readonly timestamp: number;
  /** In units of the timestamp. */
  readonly duration: number;
}

const DIGITS = '0123456789*#ABCD';
const BLOCK = 4;
const LONGEST_SEGMENT = 0xffff;
const END = 0x80;
/** Power of the tone in −dBm0, as is usual. */
const VOLUME = 10;

/** The event of a key; `null`: there is no such key. */
export function eventOfKey(key: string): number | null {
  const event = key.length === 1 ? DIGITS.indexOf(key.toUpperCase()) : -1;
  return event < 0 ? null : event;
}

/** The key of an event; `null`: it is not a key. */
export function keyOfEvent(event: number): string | null {
  return DIGITS[event] ?? null;
}

/** The payload of a packet of one event. @param duration so far, at most 65,535 */
export function encodeTelephoneEvent(event: number, duration: number, isEnd: boolean): Uint8Array {
  return Uint8Array.of(event, (isEnd ? END : 0) | VOLUME, duration >> 8, duration & 0xff);
}

/** Events that are listed; all are counted. */
const MAX_EVENTS = 10_000;

export class EventList {
  readonly #events: { event: number; timestamp: number; duration: number }[] = [];
  #passedOver = 0;
  /** The block read last. */
  #last: { readonly event: number; readonly timestamp: number; readonly duration: number } | null = null;

  /** What the payload of a packet says; whether it could be read. Packets come in the order of their numbers. */
  add(timestamp: number, payload: Uint8Array): boolean {
    if (payload.length === 0 || payload.length % BLOCK !== 0) return false;
    let start = timestamp;
    for (let at = 0; at < payload.length; at += BLOCK) {
      const duration = 256 * (payload[at + 2] ?? 0) + (payload[at + 3] ?? 0);
      this.#block({ event: payload[at] ?? 0, timestamp: start, duration });
      start = (start + duration) >>> 0;
    }
    return true;
  }

  /** Events beyond those that are listed. */
  get passedOver(): number {
    return this.#passedOver;
  }

  get events(): readonly TelephoneEvent[] {
    return this.#events;
  }

  /** The keys, in order; events that are not keys are left out. */
  get digits(): string {
    return this.#events.map(({ event }) => DIGITS[event] ?? '').join('');
  }

  #block(block: TelephoneEvent): void {
    const last = this.#last;
    const open = this.#events.at(-1);
    this.#last = block;
    if (last === null || open === undefined || !continues(last, block)) {
      if (this.#events.length < MAX_EVENTS) this.#events.push({ ...block });
      else this.#passedOver++;
      return;
    }
    if (this.#passedOver > 0) return;
    const end = (block.timestamp + block.duration - open.timestamp) >>> 0;
    open.duration = Math.max(open.duration, last.timestamp === block.timestamp ? block.duration : end);
  }
}

function continues(last: TelephoneEvent, { event, timestamp, duration }: TelephoneEvent): boolean {
  if (last.event !== event) return false;
  const after = (timestamp - last.timestamp) >>> 0;
  if (after === 0) return true;
  if (after === last.duration && last.duration === LONGEST_SEGMENT) return true;
  return duration > last.duration && duration - last.duration === after;
}
