/**
 * What a thread has open by calls of the C library, told to the thread that started it: such descriptors are the
 * process's, and stay open when a thread ends that did not close them.
 */
import type { SystemCalls } from './system-calls.ts';

/** Shared by two threads: descriptors, or −1 where there is none. */
export type SharedDescriptors = Int32Array<SharedArrayBuffer>;

const NONE = -1;

/** @param most open at once */
export function sharedDescriptors(most: number): SharedDescriptors {
  return new Int32Array(new SharedArrayBuffer(most * Int32Array.BYTES_PER_ELEMENT)).fill(NONE);
}

/** At the thread that has ended: closes what it left open. */
export function closeLeft(shared: SharedDescriptors, calls: Pick<SystemCalls, 'close'>): void {
  for (let at = 0; at < shared.length; at++) {
    const descriptor = Atomics.exchange(shared, at, NONE);
    if (descriptor !== NONE) calls.close(descriptor);
  }
}

/** At the thread that opens and closes. */
export class Descriptors {
  readonly #shared: SharedDescriptors;
  readonly #calls: Pick<SystemCalls, 'close'>;
  readonly #places = new Map<number, number>();
  readonly #free: number[];

  constructor(shared: SharedDescriptors, calls: Pick<SystemCalls, 'close'>) {
    this.#shared = shared;
    this.#calls = calls;
    this.#free = Array.from(shared, (_, at) => shared.length - 1 - at);
  }

  /** Notes what has just been opened. @returns whether there was room; else it is closed again */
  opened(descriptor: number): boolean {
    const place = this.#free.pop();
    if (place === undefined) {
      this.#calls.close(descriptor);
      return false;
    }
    Atomics.store(this.#shared, place, descriptor);
    this.#places.set(descriptor, place);
    return true;
  }

  /** Nobody else closes it from here on, so that what takes its number is not closed in its stead. */
  close(descriptor: number): void {
    const place = this.#places.get(descriptor);
    if (place === undefined) return;
    this.#places.delete(descriptor);
    Atomics.store(this.#shared, place, NONE);
    this.#free.push(place);
    this.#calls.close(descriptor);
  }
}
