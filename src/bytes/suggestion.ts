/** Which known name somebody meant who misspelt it. */
import { closest, distance } from 'fastest-levenshtein';

/** Names that are not known come from outside. */
export const LONGEST_NAME = 64;

/** The known name that a misspelt one is near to, or ''. */
export function nearestName(name: string, known: readonly string[]): string {
  if (known.length === 0 || name.length > LONGEST_NAME) return '';
  const near = closest(name, known);
  return distance(name.toLowerCase(), near.toLowerCase()) <= Math.max(2, near.length / 3) ? near : '';
}
