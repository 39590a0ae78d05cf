/**
 * Contents of attributes 17 and 18: a child of X1's TargetIdentifier as XML text, `<sipUri>sip:alice@…</sipUri>`
 * (TS 103 221-2 clauses 5.3.18 and 5.3.19). Some senders write the bare value; reading gives them the name `null`.
 */

export interface PduTargetIdentifier {
  /** Element name of the X1 schema (`sipUri`, `telUri`, `impu`, …); `null` where the sender left it out. */
  readonly name: string | null;
  readonly value: string;
}

export function targetIdentifierXml(name: string, value: string): string {
  return `<${name}>${escapeXml(value)}</${name}>`;
}

export function parseTargetIdentifier(text: string): PduTargetIdentifier {
  const match = /^\s*<(?:[\w.-]+:)?([\w.-]+)(?:\s[^<>]*)?>([^<>]*)<\/(?:[\w.-]+:)?\1\s*>\s*$/.exec(text);
  return match === null
    ? { name: null, value: text.trim() }
    : { name: match[1] ?? null, value: unescapeXml(match[2] ?? '').trim() };
}

const ENTITIES: readonly (readonly [string, string])[] = [
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['"', '&quot;'],
  ["'", '&apos;'],
];

function escapeXml(text: string): string {
  return ENTITIES.slice(0, 3).reduce((escaped, [char, entity]) => escaped.replaceAll(char, entity), text);
}

/** The ampersand last, so that `&amp;lt;` reads `&lt;`. */
function unescapeXml(text: string): string {
  return ENTITIES.toReversed().reduce((plain, [char, entity]) => plain.replaceAll(entity, char), text);
}
