/** Commands that wait until the elements are far enough: each looks again whenever something has changed. */
export class Waiting {
  readonly #looks = new Set<() => void>();

  /** Whoever waits looks again. */
  look(): void {
    for (const look of [...this.#looks]) look();
  }

  /** Resolves at the first look at which it is enough; the first is by whoever calls `look` next. @throws what `enough` throws */
  until(enough: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        try {
          if (!enough()) return;
          resolve();
        } catch (error) {
          reject(error instanceof Error ? error : new Error('not an error', { cause: error }));
        }
        this.#looks.delete(look);
      };
      this.#looks.add(look);
    });
  }
}
