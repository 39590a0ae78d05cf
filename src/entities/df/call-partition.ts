/** Calls are in partitions, so that several processes can mediate: all of a call is in one. */

/** The partition of a call: FNV-1a over its correlation ID. */
export function partitionOf(correlation: Uint8Array, partitions: number): number {
  let hash = 0x811c9dc5;
  for (const octet of correlation) hash = Math.imul(hash ^ octet, 0x01000193);
  return (hash >>> 0) % partitions;
}
