/**
 * How SIP says why a session is refused (RFC 3261 section 20.43). What failed in a key exchange is not told apart: it
 * depends on secrets (profile, "Failures").
 */
import type { Body, Reply } from '../sip/agent-types.ts';
import { essenceOf } from '../sip/media-type.ts';
import type { SipResponse } from '../sip/message.ts';
import type { Warning } from '../sip/warning.ts';
import { MIKEY_MEDIA_TYPE } from '../wire/request-key/transport.ts';
import { EndpointError, PolicyRefusal } from './errors.ts';
import type { EndpointErrorCode } from './errors.ts';

const WARNINGS: Partial<Record<EndpointErrorCode, Warning>> = {
  'no-audio': { code: 304, text: 'no audio is described' },
  'no-srtp': { code: 302, text: 'audio is taken over RTP/SAVP only' },
  'no-codec': { code: 305, text: 'audio is taken as PCMA or PCMU only' },
  policy: { code: 399, text: 'the security policy is not supported' },
  'no-address': { code: 301, text: 'audio is sent to IP addresses only' },
};

/** @returns `undefined` where there is no more to say than the status does */
export function warningFor(cause: unknown): Warning | undefined {
  return cause instanceof EndpointError ? WARNINGS[cause.code] : undefined;
}

/**
 * The MIKEY message that a refusal carries as its body (RFC 3830 section 5.1.2); `undefined` where none is to be sent. It
 * is not in a session description: those of refusals do not pass the CSCF, which hides where media would go.
 */
export function mikeyBodyFor(cause: unknown): Body | undefined {
  return cause instanceof PolicyRefusal ? { type: MIKEY_MEDIA_TYPE, octets: cause.octets } : undefined;
}

/** The MIKEY message in a refusal; `null` if there is none. */
export function mikeyBodyOf({ contentType, body }: SipResponse): Uint8Array | null {
  return contentType !== null && essenceOf(contentType) === MIKEY_MEDIA_TYPE ? body : null;
}

/** 488, and why. */
export function notAcceptable(cause: unknown): Reply {
  return { status: 488, warning: warningFor(cause), body: mikeyBodyFor(cause) };
}

/** The same for what an offer is at fault for; whatever else it is, is thrown on. */
export function refusalReply(cause: unknown): Reply {
  if (!(cause instanceof EndpointError)) throw cause;
  return notAcceptable(cause);
}
