/** Whoever dies at a drawn write or request, before it or after it: nothing passes any more. */
import { X1ExchangeError } from '../../../src/x1/requester.ts';
import type { Clock } from '../../../src/bytes/ports.ts';
import { RecordingAudit } from '../../poi/support.ts';

/** Mulberry32: numbers below `below`. */
export function drawing(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** Counts writes and requests, and is dead from a given one on: nothing passes any more. */
export class Mortal {
  #left: number;
  isDead = false;

  /** @param left writes and requests, each before and after it, until it dies */
  constructor(left: number) {
    this.#left = left;
  }

  step(): void {
    this.#left -= 1;
    if (this.#left <= 0) this.isDead = true;
    if (this.isDead) throw new X1ExchangeError('no-answer', 'it is dead');
  }

  async around<T>(work: () => Promise<T>): Promise<T> {
    this.step();
    const result = await work();
    this.step();
    return result;
  }

  /** An audit log whose records are steps. */
  audit(): RecordingAudit {
    const audit = new RecordingAudit();
    const append = audit.append.bind(audit);
    audit.append = (event) => {
      this.step();
      return append(event);
    };
    return audit;
  }

  /** A clock whose timers do nothing for the dead. */
  clock(clock: Clock): Clock {
    return {
      now: () => clock.now(),
      after: (ms, action) =>
        clock.after(ms, () => {
          if (!this.isDead) action();
        }),
    };
  }
}
