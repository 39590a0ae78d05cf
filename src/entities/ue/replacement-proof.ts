/**
 * How one end of a call vouches for somebody who is to take its place at the other (RFC 3891): a parameter of Replaces that
 * both ends of the call can make, and nobody else who knows its Call-ID and tags.
 *
 *     proof = base64url(HMAC-SHA-256(key, "Replaces v1" ‖ Call-ID ‖ 0 ‖ to-tag ‖ 0 ‖ from-tag ‖ 0 ‖ AOR of who replaces))
 *     key   = HMAC-SHA-256(TEK of the call's first crypto session at its beginning, "Replaces key v1")
 */
import { createHmac } from 'node:crypto';
import { utf8 } from '../../bytes/octets.ts';
import { Secret } from '../../bytes/secret.ts';
import type { ExchangeResult } from '../../endpoint/key-exchange.ts';
import type { DialogName, Replacement } from '../../sip/referral.ts';
import { paramOf } from '../../sip/text.ts';

const PROOF = 'proof';

/** What both ends of a call make proofs with. */
export function replacementKey({ sessions }: ExchangeResult): Secret | null {
  const first = sessions.find(({ csId }) => csId === 1);
  if (first === undefined) return null;
  const key = createHmac('sha256', first.masterKey.expose()).update('Replaces key v1').digest();
  return Secret.of(new Uint8Array(key));
}

/** The Replaces with which `by` takes the place of this end in a call; the dialog as the other end sees it. */
export function vouchedReplacement(key: Secret, dialog: DialogName, by: string): Replacement {
  const proof = Buffer.from(proofOf(key, dialog, by).expose()).toString('base64url');
  return { ...dialog, earlyOnly: false, further: [{ name: PROOF, value: proof }] };
}

/** Whether the other end of the call has vouched for `by`. */
export function isVouchedFor(key: Secret, replaces: Replacement, by: string): boolean {
  const given = paramOf(replaces.further, PROOF);
  if (given === null) return false;
  const octets = new Uint8Array(Buffer.from(given, 'base64url'));
  const expected = proofOf(key, replaces, by);
  return octets.length === expected.length && expected.equals(Secret.of(octets));
}

/** @param dialog as who is to give it up sees it */
function proofOf(key: Secret, { callId, localTag, remoteTag }: DialogName, by: string): Secret {
  const said = ['Replaces v1', `${callId}\0${localTag}\0${remoteTag}\0${by}`].map(utf8);
  const hmac = createHmac('sha256', key.expose());
  for (const part of said) hmac.update(part);
  return Secret.of(new Uint8Array(hmac.digest()));
}
