/**
 * By which one thread tells another, which waits for datagrams, that it has said something: an eventfd (`eventfd(2)`),
 * which ends the wait, and beside it whether it has rung since the other looked, so that looking takes no call.
 */
import { LINUX } from './system-calls.ts';
import type { SystemCalls } from './system-calls.ts';

/** Plain, as messages between threads are. */
export interface Bell {
  readonly descriptor: number;
  readonly rung: Int32Array<SharedArrayBuffer>;
}

/** @returns `null` if the system has no descriptor left */
export function bell(calls: Pick<SystemCalls, 'eventfd'>): Bell | null {
  const descriptor = calls.eventfd(0, LINUX.EFD_NONBLOCK | LINUX.EFD_CLOEXEC);
  if (descriptor < 0) return null;
  return { descriptor, rung: new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)) };
}

/** Whether it has, since this was asked last. */
export function hasRung({ rung }: Bell): boolean {
  return Atomics.exchange(rung, 0, 0) === 1;
}

export class Ringer {
  readonly #bell: Bell;
  readonly #calls: Pick<SystemCalls, 'write' | 'close'>;
  /** What an eventfd is to be written. */
  readonly #one = new BigUint64Array(new ArrayBuffer(8)).fill(1n);
  readonly #oneAt: number;
  #isOpen = true;

  constructor(bell: Bell, calls: Pick<SystemCalls, 'write' | 'close' | 'addressOf'>) {
    this.#bell = bell;
    this.#calls = calls;
    this.#oneAt = calls.addressOf(this.#one.buffer);
  }

  ring(): void {
    if (!this.#isOpen) return;
    Atomics.store(this.#bell.rung, 0, 1);
    this.#calls.write(this.#bell.descriptor, this.#oneAt, this.#one.byteLength);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#calls.close(this.#bell.descriptor);
  }
}
