/**
 * How SIP says why a session is refused (RFC 3261 section 20.43). What failed in a key exchange is not told apart: it
 * depends on secrets (profile, "Failures").
 */
import type { Reply } from '../sip/agent-types.ts';
import type { Warning } from '../sip/warning.ts';
import { EndpointError } from './errors.ts';
import type { EndpointErrorCode } from './errors.ts';

const WARNINGS: Partial<Record<EndpointErrorCode, Warning>> = {
  'no-audio': { code: 304, text: 'no audio is described' },
  'no-srtp': { code: 302, text: 'audio is taken over RTP/SAVP only' },
  'no-codec': { code: 305, text: 'audio is taken as PCMA or PCMU only' },
  'no-address': { code: 301, text: 'audio is sent to IP addresses only' },
};

/** @returns `undefined` where there is no more to say than the status does */
export function warningFor(cause: unknown): Warning | undefined {
  return cause instanceof EndpointError ? WARNINGS[cause.code] : undefined;
}

/** 488, and why. */
export function notAcceptable(cause: unknown): Reply {
  return { status: 488, warning: warningFor(cause) };
}
