/**
 * What calls are called in memory: by correlation, hex, and with a LIID (`by-call.ts`). A packet's call is asked for
 * several times in a row, and the next packet of its stream asks again: each name is made once, and is one string.
 */
import { toHex } from '../../bytes/octets.ts';
import { RecentlyMade } from '../../bytes/recently-made.ts';
import { ByCall } from './by-call.ts';

export interface CallName {
  /** Its correlation, hex. */
  readonly call: string;
  /** Keys by LIID. */
  readonly keys: Map<string, string>;
}

/** Calls whose names are kept; when there are more, all of them are made anew. */
const KEPT = 4_096;

export class CallNames {
  readonly #known = new RecentlyMade<CallName>(KEPT);
  #lastCorrelation: Uint8Array | null = null;
  #lastName: CallName | null = null;

  /** @param correlation which nobody changes */
  of(correlation: Uint8Array): CallName {
    if (this.#lastCorrelation === correlation && this.#lastName !== null) return this.#lastName;
    const hex = toHex(correlation);
    const name = this.#known.of(hex, () => ({ call: hex, keys: new Map() }));
    this.#lastCorrelation = correlation;
    this.#lastName = name;
    return name;
  }

  /** Calls that have ended are not kept: all are forgotten, and those that are used have names again. */
  forget(): void {
    this.#known.clear();
    this.#lastCorrelation = this.#lastName = null;
  }

  /** The key of a call under a LIID. */
  key({ call, keys }: CallName, liid: string): string {
    const known = keys.get(liid);
    if (known !== undefined) return known;
    const key = ByCall.key(call, liid);
    keys.set(liid, key);
    return key;
  }
}
