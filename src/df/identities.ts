/** Addresses of record, as far as the DF must compare a target's with one in a MIKEY message. */

/**
 * `sip:user@host` with the host in lower case, without port, parameters and headers; `sips` counts as `sip`. `null` for
 * anything else, such as a tel: URI, whose SIP form only the KMS and the registrar know.
 */
export function canonicalAor(uri: string): string | null {
  const match = /^sips?:([^@:;?]+)(?::[^@]*)?@(\[[^\]]*\]|[^:;?]+)/i.exec(uri.trim());
  return match === null ? null : `sip:${match[1] ?? ''}@${(match[2] ?? '').toLowerCase()}`;
}
