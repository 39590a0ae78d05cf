/**
 * Calls that take the place of others (RFC 3891), such as that of somebody whom the other end of a call has referred here.
 *
 *     none that is known, or several           481
 *     over                                     603
 *     early, and begun by the other end        481
 *     early-only, and it is up                 486
 *     from somebody who may not                481: whoever has only heard of the call learns nothing of it
 *
 * Call-ID and tags are no secret: they pass through every proxy in the clear. A call is given up for that of somebody who
 * is in it, as the user at its other end with another device, or for whom that user has vouched, in a parameter `proof` of
 * Replaces that both ends of the call can make and nobody else:
 *
 *     proof = base64url(HMAC-SHA-256(key, "Replaces v1" ‖ Call-ID ‖ 0 ‖ to-tag ‖ 0 ‖ from-tag ‖ 0 ‖ AOR of who replaces))
 *     key   = HMAC-SHA-256(TEK of the call's first crypto session at its beginning, "Replaces key v1")
 *
 * Either must then prove to be who it says that it is, by the key exchange of the new call; the call is given up when that
 * has verified and the new call is up, and not before.
 */
import { SipError } from '../../sip/errors.ts';
import type { SipRequest } from '../../sip/message.ts';
import { replacementIn } from '../../sip/referral.ts';
import type { DialogName, Replacement } from '../../sip/referral.ts';
import { addressOfRecord, parseUri } from '../../sip/uri.ts';
import type { PhoneCall } from './call.ts';
import { callerOf } from './offerless-callee.ts';
import { isVouchedFor } from './replacement-proof.ts';

export type ReplacementVerdict =
  | { readonly kind: 'none' }
  | { readonly kind: 'refused'; readonly status: number }
  /** `by`: address of record of whom it is given up for, which the new call's key exchange must show. */
  | { readonly kind: 'replaces'; readonly call: PhoneCall; readonly by: string };

/** What becomes of an INVITE that may be to take the place of one of these calls. */
export function judgeReplacement(request: SipRequest, calls: readonly PhoneCall[]): ReplacementVerdict {
  const replaces = readReplacement(request);
  if (replaces === null) return { kind: 'none' };
  if (replaces === 'malformed') return { kind: 'refused', status: 400 };
  const found = calls.flatMap((call) =>
    call.legs.filter((leg) => isNamed(leg, replaces)).map((leg) => ({ call, leg })),
  );
  const [match] = found;
  if (match === undefined || found.length > 1) return { kind: 'refused', status: 481 };
  const { call, leg } = match;
  const by = addressOfRecord(parseUri(callerOf(request)));
  if (!mayReplace(call, replaces, by)) return { kind: 'refused', status: 481 };
  if (leg.state === 'terminated' || call.state === 'ended') return { kind: 'refused', status: 603 };
  if (leg.state === 'early' && !leg.isCaller) return { kind: 'refused', status: 481 };
  if (leg.state === 'confirmed' && replaces.earlyOnly) return { kind: 'refused', status: 486 };
  return { kind: 'replaces', call, by };
}

/* ---------------------------------------------------------------- helpers */

function readReplacement(request: SipRequest): Replacement | 'malformed' | null {
  try {
    return replacementIn(request);
  } catch (cause) {
    if (!(cause instanceof SipError)) throw cause;
    return 'malformed';
  }
}

function isNamed(dialog: DialogName, { callId, localTag, remoteTag }: DialogName): boolean {
  return dialog.callId === callId && dialog.localTag === localTag && dialog.remoteTag === remoteTag;
}

function mayReplace(call: PhoneCall, replaces: Replacement, by: string): boolean {
  if (call.peer !== null && addressOfRecord(parseUri(call.peer)) === by) return true;
  return call.replacementKey !== null && isVouchedFor(call.replacementKey, replaces, by);
}
