/**
 * Header field names (RFC 3261 section 20 and the extensions in use): what the short forms stand for (section 7.3.3
 * and the IANA registry), which fields are lists, and which may occur once only.
 */

const COMPACT: Readonly<Record<string, string>> = {
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
};

/** Fields of which a message has one at most: more make it malformed (RFC 4475 sections 3.3.8 and 3.3.9). */
export const SINGLE: readonly string[] = [
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
];

/** The lower-case long form of a name in whatever case or form. */
export function fieldKey(name: string): string {
  const lower = name.toLowerCase();
  return COMPACT[lower] ?? lower;
}
