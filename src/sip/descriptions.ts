/**
 * Where a SIP message has its session description: the body of type `application/sdp`, or what lies within a multipart
 * body (RFC 5621).
 *
 * Those who act on descriptions use `openDescription`: a description that they cannot see in the open is an error, not
 * a message without one. Those who look on use `seenDescription`, which takes what it can get: the lines of a
 * description are looked for, within whatever frame, and in a body that does not say what it is.
 */
import { SipError } from './errors.ts';
import type { SipMessage } from './head-and-body.ts';
import { SDP_TYPE, SessionDescription } from './sdp.ts';
import { fromOctets } from './text.ts';

/**
 * The description of a message, `null` without one.
 * @throws SipError `untyped-body` if nothing says what the body is, `unsupported-body` if the description is encoded or
 * within another body, `syntax` if it is malformed
 */
export function openDescription(message: SipMessage): SessionDescription | null {
  const { body, contentType } = message;
  if (body.length === 0) return null;
  if (contentType === null)
    throw new SipError('untyped-body', 'a body without a media type that can be read');
  if (contentType.startsWith('multipart/') ? mentionsSdp(body) : contentType === SDP_TYPE && encoded(message))
    throw new SipError('unsupported-body', 'the session description is not in the open');
  return contentType === SDP_TYPE ? SessionDescription.parse(body) : null;
}

/** What an onlooker can read of the description of a message; `null` where there is nothing to look for. */
export function seenDescription(message: SipMessage): SessionDescription | null {
  const { body, contentType } = message;
  if (body.length === 0) return null;
  const mayHaveOne = contentType === null || contentType === SDP_TYPE || contentType.startsWith('multipart/');
  return mayHaveOne ? SessionDescription.salvage(body) : null;
}

/** However a part says that it is SDP (RFC 2045 allows comments there); another part that only speaks of it counts, too. */
function mentionsSdp(body: Uint8Array): boolean {
  return /sdp|^[ \t]*v=/im.test(fromOctets(body));
}

function encoded(message: SipMessage): boolean {
  return message.all('Content-Encoding').some((value) => value.toLowerCase() !== 'identity');
}
