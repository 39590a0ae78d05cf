/**
 * A key period that ends when a scenario wants it to. Periods begin at multiples of the key lifetime (profile, section 1), so
 * the lifetime is chosen by the time at which one shall end, and no clock is touched.
 */

/** Of a KMS's key periods, in seconds: a day at most, as is usual, and not less than a KMS takes. */
const LIFETIME = { least: 900, most: 86_400 };

export interface PeriodEnd {
  /** Unix seconds. */
  readonly end: number;
  /** Seconds; `end` is a multiple of it. */
  readonly keyLifetime: number;
}

/** The first second from `from` on (Unix seconds) at which periods of some lifetime end, and the longest such lifetime. */
export function periodEndFrom(from: number): PeriodEnd {
  for (let end = Math.ceil(from); ; end++) {
    for (let keyLifetime = LIFETIME.most; keyLifetime >= LIFETIME.least; keyLifetime--) {
      if (end % keyLifetime === 0) return { end, keyLifetime };
    }
  }
}
