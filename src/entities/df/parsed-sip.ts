/**
 * A SIP message as several look at it one after the other, within a turn of the mediation: it is taken apart once. Whoever
 * looks changes nothing of it.
 */
import { parseMessage, readMessage } from '../../sip/message.ts';
import type { SipRequest, SipResponse } from '../../sip/message.ts';

/** The message that was taken apart last. */
let last: { readonly octets: Uint8Array; readonly message: SipRequest | SipResponse } | null = null;

/** As `readMessage`, of octets that nobody changes. @throws SipError `syntax` */
export function readOnce(octets: Uint8Array): SipRequest | SipResponse {
  if (last?.octets !== octets) last = { octets, message: readMessage(octets) };
  return last.message;
}

/** As `parseMessage`, of octets that nobody changes. @throws SipError `syntax`, `too-large` */
export function parseOnce(octets: Uint8Array): SipRequest | SipResponse {
  const message = readOnce(octets);
  // It says what of it is too large.
  return message.fault === null ? message : parseMessage(octets);
}
