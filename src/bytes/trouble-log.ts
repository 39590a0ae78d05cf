/**
 * What goes wrong again and again is logged once when it begins, then once a minute with how often it was, and when it is
 * over: who puts many questions to a peer that is away would else fill the log with the same line.
 */
import type { Logger } from './ports.ts';

/** Between two lines about the same, milliseconds. */
const EACH_MS = 60_000;

export interface TroubleWords {
  /** What goes wrong. */
  readonly begins: string;
  /** That it does no more. */
  readonly over: string;
  readonly level?: 'warn' | 'error';
}

export interface TroubleLogPorts {
  readonly logger: Logger;
  /** Milliseconds, from whenever. */
  readonly now: () => number;
}

export class TroubleLog {
  readonly #ports: TroubleLogPorts;
  readonly #words: TroubleWords;
  #toldAt = -Infinity;
  /** How often it went wrong without being told. */
  #untold = 0;
  /** Whether the last that was told is that it goes wrong. */
  #isOpen = false;

  constructor(words: TroubleWords, ports: TroubleLogPorts) {
    this.#words = words;
    this.#ports = ports;
  }

  /** It went wrong. @param fields of this time */
  failed(fields: Readonly<Record<string, unknown>>): void {
    const now = this.#ports.now();
    const passed = now - this.#toldAt;
    // A clock that was set back starts anew.
    if (passed >= 0 && passed < EACH_MS) {
      this.#untold += 1;
      return;
    }
    const { level = 'warn', begins } = this.#words;
    this.#ports.logger[level]({ ...fields, ...this.#untoldField() }, begins);
    this.#toldAt = now;
    this.#isOpen = true;
  }

  /** It went well. */
  worked(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#ports.logger.info(this.#untoldField(), this.#words.over);
  }

  #untoldField(): Readonly<Record<string, unknown>> {
    const untold = this.#untold;
    this.#untold = 0;
    return untold === 0 ? {} : { untold };
  }
}

/** The same of many that go wrong each by itself: one log, and it is over when none of them goes wrong any more. */
export class SharedTroubleLog {
  readonly #log: TroubleLog;
  readonly #failing = new Set<object>();

  constructor(words: TroubleWords, ports: TroubleLogPorts) {
    this.#log = new TroubleLog(words, ports);
  }

  /** @param whose told apart by identity, and kept until it works or is gone @param fields of this time */
  failed(whose: object, fields: Readonly<Record<string, unknown>>): void {
    this.#failing.add(whose);
    this.#log.failed(fields);
  }

  /** It went well. */
  worked(whose: object): void {
    this.#failing.delete(whose);
    if (this.#failing.size === 0) this.#log.worked();
  }

  /** It is there no more, however it went: whether it is over the others show. */
  gone(whose: object): void {
    this.#failing.delete(whose);
  }
}
