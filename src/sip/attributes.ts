/**
 * Attributes of session descriptions (RFC 8866 section 5.13): what stands after `a=`.
 *
 *     attribute = attribute-name [ ":" attribute-value ]
 *
 * Names compare without case, and blanks beside the colon and at the end count for nothing: the grammar has neither,
 * but phones that read them so exist, and what one party reads the other parties must read, too.
 */
export interface SdpAttribute {
  /** In lower case. */
  readonly name: string;
  /** Without the blanks around it; `null` where there is no colon. */
  readonly value: string | null;
}

export function parseAttribute(text: string): SdpAttribute {
  const at = text.indexOf(':');
  const name = (at < 0 ? text : text.slice(0, at)).trim().toLowerCase();
  return { name, value: at < 0 ? null : text.slice(at + 1).trim() };
}

/** The values of all attributes of that name (in lower case), `''` for those that have none. */
export function attributeValues(attributes: readonly string[], name: string): string[] {
  return attributes.map(parseAttribute).flatMap((found) => (found.name === name ? [found.value ?? ''] : []));
}
