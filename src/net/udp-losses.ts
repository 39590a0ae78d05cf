/**
 * Datagrams that the system had no room for until they were read, and has dropped: nobody else knows of them. Linux counts
 * them for each socket (`drops`, the last column of /proc/net/udp, proc(5)); other systems tell nothing of one port.
 */
import { readFileSync } from 'node:fs';

const TABLES = ['/proc/net/udp', '/proc/net/udp6'];

/** How many were dropped so far that came to one of these ports; 0 where the system does not tell. */
export function datagramsLost(ports: readonly number[]): number {
  const ends = ports.map((port) => `:${port.toString(16).toUpperCase().padStart(4, '0')}`);
  return TABLES.flatMap(rowsOf)
    .filter(([, local = '']) => ends.some((end) => local.endsWith(end)))
    .reduce((sum, row) => sum + Number(row.at(-1)), 0);
}

/** Rows without the one of names, each by its columns. */
function rowsOf(table: string): string[][] {
  try {
    const [, ...lines] = readFileSync(table, 'latin1').trim().split('\n');
    return lines.map((line) => line.trim().split(/\s+/));
  } catch {
    // No such system, or no IPv6.
    return [];
  }
}
