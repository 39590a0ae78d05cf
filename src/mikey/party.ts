/** Who the parties of a MIKEY-IBAKE message are: its IDR payloads (RFC 6043 section 6.6), as DF and LEMF read them. */
import { BytesError } from '../bytes/errors.ts';
import { fromUtf8 } from '../bytes/octets.ts';
import { payloadsOf } from './message.ts';
import type { MikeyMessage } from './message.ts';

/** ID data of the first IDR with that role (`ID_ROLE`); `null` without one, or if it is not text. */
export function partyIn(message: MikeyMessage, role: number): string | null {
  const found = payloadsOf(message, 'idr').find((payload) => payload.role === role);
  if (found === undefined) return null;
  try {
    return fromUtf8(found.data);
  } catch (error) {
    if (error instanceof BytesError) return null;
    throw error;
  }
}
