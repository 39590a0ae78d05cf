import { fromUtf8 } from './octets.ts';

/** What octets say as JSON, in UTF-8; `null` where they say none. */
export function jsonIn(octets: Uint8Array): unknown {
  try {
    return JSON.parse(fromUtf8(octets)) as unknown;
  } catch {
    return null;
  }
}

/** What a text says as JSON; `null` where it is none. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}
