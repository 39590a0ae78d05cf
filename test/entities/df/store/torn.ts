/** What a loss of power leaves in the spool of a store. */
import { appendFileSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/**
 * What a write leaves that was under way: the beginning of a batch, or its length without its octets.
 * @param n which of the segments, how much, and which of the two
 */
export function tear(store: string, n: number): void {
  const names = readdirSync(`${store}.spool`).sort();
  const name = names[n % Math.max(1, names.length)];
  if (name === undefined) return;
  const segment = path.join(`${store}.spool`, name);
  const octets = readFileSync(segment);
  const batch = octets.subarray(Math.max(0, octets.lastIndexOf('CVSB')));
  const torn = batch.subarray(0, Math.min(batch.length - 1, 30 + (n % 200)));
  appendFileSync(segment, n % 2 === 0 ? torn : new Uint8Array(torn.length));
}
