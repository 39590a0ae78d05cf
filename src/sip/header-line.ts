/**
 * One header line of a SIP message (RFC 3261 section 7.3): as it was received, and what has been read of it.
 *
 *     message-header = header-name HCOLON header-value CRLF
 *
 * A line never changes: an edit of a message puts another in its place. So what is read of it once holds for every copy of
 * the message that has it, and nothing is read that nobody asks for.
 */
import { SipError } from './errors.ts';
import { fieldKey, usualKey } from './header-names.ts';
import { isToken, split } from './text.ts';

/** Reads a value, or one element of a list; the same function for the same field. */
export type ValueReader<T> = (text: string) => T;

export class HeaderLine {
  /** Long form of the name in lower case. */
  readonly key: string;
  /** As on the wire, CRLF and folds included, one code unit an octet. */
  readonly text: string;
  /** Where the value begins: after the colon. */
  readonly #from: number;
  #value: string | null = null;
  #elements: readonly string[] | null = null;
  /** What `#reader` has made of the whole value, and of the elements. */
  #reader: ValueReader<unknown> | null = null;
  #whole: unknown = undefined;
  #each: unknown[] | null = null;
  /** All elements, where all have been read. */
  #all: readonly unknown[] | null = null;

  private constructor(key: string, text: string, from: number) {
    this.key = key;
    this.text = text;
    this.#from = from;
  }

  /** A line as received. @throws SipError `syntax` where it has no name, or a CR or LF that breaks no line */
  static received(text: string): HeaderLine {
    const colon = text.indexOf(':');
    const name = text.slice(0, endOfName(text, colon));
    const usual = usualKey(name);
    if ((usual === null && !isToken(name)) || !text.endsWith('\r\n') || hasBareBreak(text))
      throw new SipError('syntax', 'a header line has no name');
    return new HeaderLine(usual ?? fieldKey(name), text, colon + 1);
  }

  /** A line of our own. @throws SipError `syntax` where the value would break it */
  static made(name: string, value: string): HeaderLine {
    if (/[\r\n]/.test(value)) throw new SipError('syntax', `${name} must not break its line`);
    return new HeaderLine(fieldKey(name), `${name}: ${value}\r\n`, name.length + 1);
  }

  /** The value, unfolded and trimmed. */
  get value(): string {
    if (this.#value === null) {
      const value = this.text.slice(this.#from, -2);
      this.#value = (value.includes('\r') ? value.replace(/\r\n[ \t]+/g, ' ') : value).trim();
    }
    return this.#value;
  }

  /** The value split at its commas. @throws SipError `syntax` */
  get elements(): readonly string[] {
    this.#elements ??= split(this.value, ',');
    return this.#elements;
  }

  /** What the value means. @throws SipError `syntax` */
  read<T>(reader: ValueReader<T>): T {
    this.#goBy(reader);
    this.#whole ??= reader(this.value);
    return this.#whole as T;
  }

  /** What one of its elements means; beyond the last, what none means. @throws SipError `syntax` */
  readElement<T>(reader: ValueReader<T>, at: number): T {
    this.#goBy(reader);
    const each = (this.#each ??= []) as T[];
    return (each[at] ??= reader(this.elements[at] ?? ''));
  }

  /** What each of its elements means; the same array each time. @throws SipError `syntax` */
  readAll<T>(reader: ValueReader<T>): readonly T[] {
    if (this.#all !== null && this.#reader === reader) return this.#all as readonly T[];
    const all = this.elements.map((_, at) => this.readElement(reader, at));
    this.#all = all;
    return all;
  }

  /** Takes note of what the only element of a line of our own means, which it was made from. */
  knows<T>(reader: ValueReader<T>, read: T): this {
    this.#goBy(reader);
    this.#each = [read];
    return this;
  }

  /** What another reader has made of it counts no more. */
  #goBy(reader: ValueReader<unknown>): void {
    if (this.#reader === reader) return;
    this.#reader = reader;
    [this.#whole, this.#each, this.#all] = [undefined, null, null];
  }
}

const [SPACE, TAB] = [0x20, 0x09];

/** Lines of a head with their ends; a line that begins with white space is part of the one before (section 7.3.1). */
export function headLinesOf(head: string): string[] {
  const lines: string[] = [];
  let start = 0;
  for (let end = head.indexOf('\r\n'); end >= 0; end = head.indexOf('\r\n', end + 2)) {
    const next = head.charCodeAt(end + 2);
    if (next === SPACE || next === TAB) continue;
    lines.push(head.slice(start, end + 2));
    start = end + 2;
  }
  if (start < head.length) lines.push(head.slice(start));
  return lines;
}

/** Where white space before the colon begins, if there is any. */
function endOfName(text: string, colon: number): number {
  let end = Math.max(0, colon);
  while (end > 0 && (text[end - 1] === ' ' || text[end - 1] === '\t')) end--;
  return end;
}

/** Whether there is a CR or LF that is not part of a CRLF. */
function hasBareBreak(text: string): boolean {
  for (let at = 0; ;) {
    const [cr, lf] = [text.indexOf('\r', at), text.indexOf('\n', at)];
    if (cr < 0 && lf < 0) return false;
    if (lf !== cr + 1 || cr < 0) return true;
    at = lf + 1;
  }
}
