/** Of figures that were measured several times. */

/** The figure below which a share of them lies; `NaN`: there is none. @param share 0 to 1 */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
}

/** The one in the middle, of an even number the greater of the two; `NaN`: there is none. */
export function middle(values: readonly number[]): number {
  return quantile(values, 0.5);
}
