/**
 * Header field names (RFC 3261 section 20 and the extensions in use): what the short forms stand for (section 7.3.3
 * and the IANA registry), which fields are lists, and which may occur once only.
 */

const COMPACT: ReadonlyMap<string, string> = new Map(
  Object.entries({
    a: 'accept-contact',
    b: 'referred-by',
    c: 'content-type',
    d: 'request-disposition',
    e: 'content-encoding',
    f: 'from',
    i: 'call-id',
    j: 'reject-contact',
    k: 'supported',
    l: 'content-length',
    m: 'contact',
    n: 'identity-info',
    o: 'event',
    r: 'refer-to',
    s: 'subject',
    t: 'to',
    u: 'allow-events',
    v: 'via',
    x: 'session-expires',
    y: 'identity',
  }),
);

/** Names as they are mostly written, which need no conversion. */
const USUAL: ReadonlyMap<string, string> = new Map(
  [
    ...[
      'Via',
      'Max-Forwards',
      'Record-Route',
      'Route',
      'From',
      'To',
      'Call-ID',
      'CSeq',
      'Contact',
      'Expires',
    ],
    ...[
      'Allow',
      'Supported',
      'Require',
      'Proxy-Require',
      'User-Agent',
      'Server',
      'Content-Type',
      'Content-Length',
    ],
    ...['Authorization', 'Proxy-Authorization', 'WWW-Authenticate', 'Proxy-Authenticate', 'Accept', 'Date'],
    ...['P-Asserted-Identity', 'P-Preferred-Identity', 'P-Charging-Vector', 'P-Called-Party-ID', 'Privacy'],
    ...['Content-Encoding', 'Content-Disposition', 'Content-Language', 'Reason', 'Warning', 'Retry-After'],
    ...['Session-Expires', 'Min-SE', 'Min-Expires', 'RSeq', 'RAck', 'History-Info', 'Diversion', 'Event'],
    ...['Subscription-State', 'Refer-To', 'Referred-By', 'Allow-Events', 'P-Associated-URI'],
  ].map((name) => [name, name.toLowerCase()]),
);

/** Fields of which a message has one at most, a bit each: more make it malformed (RFC 4475 sections 3.3.8 and 3.3.9). */
export const SINGLE: ReadonlyMap<string, number> = new Map(
  [
    'call-id',
    'content-length',
    'content-type',
    'cseq',
    'expires',
    'from',
    'max-forwards',
    'min-expires',
    'p-charging-vector',
    'rack',
    'rseq',
    'session-expires',
    'to',
  ].map((key, at) => [key, 1 << at]),
);

/** The lower-case long form of a name that is written as it mostly is; `null`: it is not. */
export function usualKey(name: string): string | null {
  return USUAL.get(name) ?? null;
}

/** The lower-case long form of a name in whatever case or form. */
export function fieldKey(name: string): string {
  const usual = USUAL.get(name);
  if (usual !== undefined) return usual;
  const lower = name.toLowerCase();
  return COMPACT.get(lower) ?? lower;
}
