/** Commands that wait until the elements are far enough: each looks again whenever something about it has changed. */
export class Waiting {
  /** By what they wait for. */
  readonly #looks = new Map<string, Set<() => void>>();

  /** What somebody waits for. */
  subjects(): string[] {
    return [...this.#looks.keys()];
  }

  /** Whoever waits for it looks again. */
  look(subject: string): void {
    for (const look of [...(this.#looks.get(subject) ?? [])]) look();
  }

  /** Resolves at the first look at which it is enough; the first is by whoever calls `look` next. @throws what `enough` throws */
  until(subject: string, enough: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        try {
          if (!enough()) return;
          resolve();
        } catch (error) {
          reject(error instanceof Error ? error : new Error('not an error', { cause: error }));
        }
        const looks = this.#looks.get(subject);
        looks?.delete(look);
        if (looks?.size === 0) this.#looks.delete(subject);
      };
      this.#looks.set(subject, (this.#looks.get(subject) ?? new Set()).add(look));
    });
  }
}
