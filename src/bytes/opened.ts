/** What is open, to be closed when it is not needed any more. */
export class Opened {
  readonly #closes: (() => unknown)[] = [];

  /** To be closed before all that was opened earlier. */
  add(close: () => unknown): void {
    this.#closes.push(close);
  }

  /** Closes all, the last first; what cannot be closed keeps nothing else open. */
  async close(): Promise<void> {
    const close = this.#closes.pop();
    if (close === undefined) return;
    try {
      await close();
    } finally {
      await this.close();
    }
  }
}

/** What was started, as whoever starts it gives it: `stop` closes what was opened for it. */
export type Started<R> = Omit<R, 'stop'>;

/** Starts something; what was opened for it is closed when it stops, or if it cannot start. */
export async function opening<R extends object>(
  start: (opened: Opened) => Promise<R>,
): Promise<R & { stop(): Promise<void> }> {
  const opened = new Opened();
  try {
    return Object.assign(await start(opened), { stop: () => opened.close() });
  } catch (error) {
    await opened.close();
    throw error;
  }
}
