/** A time as people and JSON read it: ISO 8601, of UTC, in milliseconds. */
export function isoTime(unixMs: number): string {
  return new Date(unixMs).toISOString();
}
