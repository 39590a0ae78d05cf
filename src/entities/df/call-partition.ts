/** Calls are in partitions, so that several processes can mediate: all of a call is in one. */
import type { CallPartition } from './ports.ts';

/** The partition of a call: FNV-1a over its correlation ID. */
export function partitionOf(correlation: Uint8Array, partitions: number): number {
  let hash = 0x811c9dc5;
  for (const octet of correlation) hash = Math.imul(hash ^ octet, 0x01000193);
  return (hash >>> 0) % partitions;
}

/** Where nobody else mediates. */
export const ALL_CALLS: CallPartition = { partition: 0, partitions: 1 };

/** The next CIN of a partition above another: n × partitions + partition + 1. */
export function nextCin(above: number, { partition, partitions }: CallPartition): number {
  const first = partition + 1;
  if (above < first) return first;
  return first + (Math.floor((above - first) / partitions) + 1) * partitions;
}
