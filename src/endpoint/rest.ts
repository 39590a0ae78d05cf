/** Milliseconds for which a KMS that has too much to do is left alone at least, and at most, whatever it says. */
const REST_MS = { least: 1_000, most: 3_600_000 } as const;

/** For how many milliseconds a KMS is left alone that wants to be asked again after `afterMs`. */
export function restFor(afterMs: number): number {
  return Math.min(Math.max(afterMs, REST_MS.least), REST_MS.most);
}
