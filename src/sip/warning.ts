/**
 * Warnings (RFC 3261 section 20.43): why a session is refused, a code for machines and a text for people.
 *
 *     Warning: 305 phone.example "no G.711 is offered"
 */
import type { ResponseParts } from './response.ts';

/** Codes of section 27.2 that are given here. */
export type WarningCode =
  /** Incompatible network address formats. */
  | 301
  /** Incompatible transport protocol. */
  | 302
  /** Media type not available. */
  | 304
  /** Incompatible media format. */
  | 305
  /** RFC 5630: sips: has nowhere to go over TLS. */
  | 380
  /** Anything else, for a person to read. */
  | 399;

export interface Warning {
  readonly code: WarningCode;
  /** Goes over the wire: nothing that depends on a secret. */
  readonly text: string;
}

/** What there is to say where nobody said more. */
const UNSAID: Warning = { code: 399, text: 'the session that is described is not possible here' };

/** The field of a response of `agent` (host and port, or a name): with 488 always, with others if there is a warning. */
export function warningFields(
  status: number,
  agent: string,
  warning?: Warning,
): ResponseParts['fields'] & object {
  if (warning === undefined && status !== 488) return [];
  const { code, text } = warning ?? UNSAID;
  return [['Warning', `${code} ${agent} "${text.replace(/["\\]/g, '\\$&')}"`]];
}
