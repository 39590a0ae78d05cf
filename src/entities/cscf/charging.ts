/**
 * P-Charging-Vector (RFC 7315 section 5.6): the ICID names a call through all networks. The first CSCF makes it, the
 * others keep it; it does not go to user equipment, and what user equipment says of it counts for nothing.
 *
 *     correlation ID of X2 and X3 = first 8 octets of SHA-256(ICID, else Call-ID)
 */
import { hash } from 'node:crypto';
import { fromHex } from '../../bytes/octets.ts';
import { icidOf } from '../../sip/fields.ts';
import type { Identifiers } from '../../sip/identifiers.ts';
import type { SipRequest } from '../../sip/message.ts';

const FIELD = 'P-Charging-Vector';

/** The ICID of the request, if `trusted`, else the one that this CSCF gives it: always the same for the same call. */
export function icidFor(request: SipRequest, trusted: boolean, identifiers: Identifiers): string {
  const value = trusted ? request.first(FIELD) : null;
  const received = value === null ? null : icidOf(value);
  return received ?? identifiers.of('icid', request.callId, request.fromTag ?? '');
}

/** Puts the ICID on a request within the trust domain; a vector that has it already stays as it is. */
export function putIcid(request: SipRequest, icid: string): void {
  const value = request.first(FIELD);
  if (value === null || icidOf(value) !== icid) request.set(FIELD, `icid-value=${icid}`);
}

/** Takes the vector off a message that leaves the trust domain. */
export function removeIcid(message: { remove(name: string): void }): void {
  message.remove(FIELD);
}

/** The correlation ID of an ICID or a Call-ID. */
export function correlationId(id: string): Uint8Array {
  return fromHex(hash('sha256', Buffer.from(id, 'latin1'), 'hex').slice(0, 16));
}
