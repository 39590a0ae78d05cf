/**
 * Bodies of SIP messages taken apart into their leaves (RFC 5621, RFC 2046 section 5.1), for those who let some of them
 * through and others not. What is kept is kept octet for octet; a part that goes takes its delimiter line with it.
 *
 *     preamble  --b CRLF  part  CRLF --b CRLF  part  CRLF --b-- CRLF  epilogue
 *
 * Whoever writes a body may want to hide something in it. So what cannot be taken apart is gone as a whole: a type that
 * cannot be read or is said twice, an encoding, a boundary that is not there. Preamble and epilogue are nobody's.
 */
import { SipError } from './errors.ts';
import { readMessage } from './message.ts';
import { parseMediaType } from './media-type.ts';
import type { MediaType } from './media-type.ts';
import { fromOctets, toOctets, unquote } from './text.ts';

/** One body that has no parts. */
export interface BodyLeaf {
  /** Type and subtype in lower case. */
  readonly type: string;
  readonly body: Uint8Array;
}

/** What becomes of a leaf: its octets, others in their place, or `null`: it goes. */
export type LeafJudge = (leaf: BodyLeaf) => Uint8Array | null;

/** Parts within parts within …; beyond, all goes. */
const MAX_DEPTH = 4;

/** Fields that say what a body is. */
interface BodyFields {
  readonly type: readonly string[];
  readonly encodings: readonly string[];
}

/**
 * The body with what is left of it; `null`: nothing.
 * @param judge asked of each leaf
 */
export function reducedBody(
  fields: BodyFields,
  body: Uint8Array,
  judge: LeafJudge,
  depth = 0,
): Uint8Array | null {
  const type = typeOf(fields);
  if (type === null || depth > MAX_DEPTH) return null;
  if (!type.essence.startsWith('multipart/')) return judge({ type: type.essence, body });
  const boundary = type.params.find(({ name }) => name.toLowerCase() === 'boundary')?.value ?? null;
  return boundary === null ? null : reducedParts(fromOctets(body), unquote(boundary), judge, depth);
}

/* ---------------------------------------------------------------- helpers */

/** Encodings that leave octets as they are (RFC 2045 section 6.2; RFC 3261 section 20.12). */
const PLAIN = new Set(['7bit', '8bit', 'binary', 'identity']);

function typeOf({ type, encodings }: BodyFields): MediaType | null {
  const [only, ...others] = type;
  if (only === undefined || others.length > 0) return null;
  if (!encodings.every((encoding) => PLAIN.has(encoding.trim().toLowerCase()))) return null;
  try {
    return parseMediaType(only);
  } catch (error) {
    if (error instanceof SipError) return null;
    throw error;
  }
}

function reducedParts(text: string, boundary: string, judge: LeafJudge, depth: number): Uint8Array | null {
  if (boundary === '') return null;
  const delimiter = new RegExp(`(?:^|\\r\\n)--${escaped(boundary)}(--)?[ \\t]*(?:\\r\\n|$(?![^]))`, 'g');
  const found = [...text.matchAll(delimiter)];
  const kept: string[] = [];
  let end = '';
  for (const [at, match] of found.entries()) {
    if (match[1] !== undefined) {
      end = match[0];
      break;
    }
    const from = match.index + match[0].length;
    const part = reducedPart(text.slice(from, found[at + 1]?.index ?? text.length), judge, depth);
    if (part !== null) kept.push(match[0] + part);
  }
  if (kept.length === 0) return null;
  return toOctets(kept.join('') + end);
}

function reducedPart(text: string, judge: LeafJudge, depth: number): string | null {
  const blank = text.indexOf('\r\n\r\n');
  if (blank < 0) return null;
  const head = text.slice(0, blank + 4);
  const fields = fieldsOf(head);
  if (fields === null) return null;
  const body = reducedBody(fields, toOctets(text.slice(head.length)), judge, depth + 1);
  return body === null ? null : head + fromOctets(body);
}

/** The head of a part has the form of a message's. */
function fieldsOf(head: string): BodyFields | null {
  try {
    return bodyFieldsOf(readMessage(toOctets(`SIP/2.0 200 OK\r\n${head}`)));
  } catch (error) {
    if (error instanceof SipError) return null;
    throw error;
  }
}

/** What a message, or the head of a part, says of its body. */
export function bodyFieldsOf(message: { all(name: string): string[] }): BodyFields {
  return {
    type: message.all('Content-Type'),
    encodings: [...message.all('Content-Encoding'), ...message.all('Content-Transfer-Encoding')],
  };
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}
