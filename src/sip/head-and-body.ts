/**
 * What SIP requests and responses share (RFC 3261 section 7): header lines and a body, both with their octets as received,
 * and the edits of them. An edit touches the line that it edits and no other.
 */
import { SipError } from './errors.ts';
import { formatVia, nameAddrReader, parseCSeq, parseVia, tagOf } from './fields.ts';
import type { CSeq, NameAddr, Via } from './fields.ts';
import { HeaderLine } from './header-line.ts';
import type { ValueReader } from './header-line.ts';
import { fieldKey } from './header-names.ts';
import { essenceOf } from './media-type.ts';

/** Values of one list field at most: each is walked more than once. */
const MAX_VALUES = 256;

const readFrom = nameAddrReader('From');
const readTo = nameAddrReader('To');
const readContact = nameAddrReader('Contact');
const readRoute = nameAddrReader('Route');
const readRecordRoute = nameAddrReader('Record-Route');

/** What makes a message one that cannot be served, though it can be answered, and with what. */
export interface Fault {
  readonly status: number;
  readonly problem: string;
}

/** Names are given as they shall be written; they compare in either form. */
export abstract class SipMessage {
  abstract readonly kind: 'request' | 'response';
  /** `null`: none that was found while it was taken apart. */
  fault: Fault | null = null;
  #lines: HeaderLine[];
  #body: Uint8Array;

  protected constructor(lines: readonly HeaderLine[], body: Uint8Array) {
    this.#lines = [...lines];
    this.#body = body;
  }

  /** The start line with CRLF. */
  abstract startLine(): string;

  /** The octets on the wire. */
  serialise(): Uint8Array {
    const head = this.head();
    const octets = Buffer.allocUnsafeSlow(head.length + this.#body.length);
    octets.write(head, 'latin1');
    octets.set(this.#body, head.length);
    return new Uint8Array(octets.buffer);
  }

  /** The head, blank line included, one code unit an octet. */
  head(): string {
    let head = this.startLine();
    for (const { text } of this.#lines) head += text;
    return `${head}\r\n`;
  }

  get body(): Uint8Array {
    return this.#body;
  }

  /** The values of all lines of a field, unfolded and trimmed, not split at commas. */
  all(name: string): string[] {
    const key = fieldKey(name);
    const values: string[] = [];
    for (const line of this.#lines) if (line.key === key) values.push(line.value);
    return values;
  }

  /** What the values of all lines of a field mean, each as a whole. @throws what `reader` throws */
  readAll<T>(name: string, reader: ValueReader<T>): T[] {
    const key = fieldKey(name);
    const read: T[] = [];
    for (const line of this.#lines) if (line.key === key) read.push(line.read(reader));
    return read;
  }

  /** The value of the first line of a field; `null` if there is none. */
  first(name: string): string | null {
    return this.#firstOf(name)?.value ?? null;
  }

  /** The elements of a list field over all its lines. @throws SipError `syntax`, `too-large` */
  list(name: string): string[] {
    const lines = this.#listed(name);
    return lines.length === 1 ? [...(lines[0]?.elements ?? [])] : lines.flatMap(({ elements }) => elements);
  }

  /** One of these fields, of which a message has one line at most, that has more; `null`: none has. @param bits by key */
  repeated(bits: ReadonlyMap<string, number>): string | null {
    let seen = 0;
    for (const { key } of this.#lines) {
      const bit = bits.get(key) ?? 0;
      if ((seen & bit) !== 0) return key;
      seen |= bit;
    }
    return null;
  }

  /** Whether a list of tokens (Supported, Require, Allow) has one; case matters not. */
  lists(name: string, token: string): boolean {
    return this.all(name).some((value) =>
      value.split(',').some((element) => element.trim().toLowerCase() === token.toLowerCase()),
    );
  }

  /** Replaces all lines of a field by one, in the place of the first, else at the end. */
  set(name: string, value: string): void {
    const line = HeaderLine.made(name, value);
    const at = this.#placeOf(line.key);
    if (at < 0) this.#lines.push(line);
    else {
      const after = this.#lines.splice(at).filter(({ key }) => key !== line.key);
      this.#lines.push(line, ...after);
    }
  }

  /** Adds a line after the last of its kind, else at the end. */
  append(name: string, value: string): void {
    const line = HeaderLine.made(name, value);
    const last = this.#lines.findLastIndex(({ key }) => key === line.key);
    if (last < 0) this.#lines.push(line);
    else this.#lines.splice(last + 1, 0, line);
  }

  /** Adds a line before the first of its kind, else at the top. */
  prepend(name: string, value: string): void {
    const line = HeaderLine.made(name, value);
    this.#lines.splice(Math.max(this.#placeOf(line.key), 0), 0, line);
  }

  remove(name: string): void {
    const key = fieldKey(name);
    if (this.#placeOf(key) >= 0) this.#lines = this.#lines.filter((line) => line.key !== key);
  }

  /** Replaces the first element of a list field (`null`: takes it out); the line's other elements stay. */
  replaceFirst(name: string, value: string | null): void {
    const at = this.#placeOf(fieldKey(name));
    const line = this.#lines[at];
    if (line === undefined) throw new SipError('state', `no ${name} to replace`);
    const elements = line.elements.slice(1);
    if (value !== null) elements.unshift(value);
    this.#lines.splice(at, 1, ...(elements.length === 0 ? [] : [HeaderLine.made(name, elements.join(', '))]));
  }

  /** Puts another Via in the place of the topmost. */
  replaceTopVia(via: Via): void {
    const at = this.#placeOf('via');
    const isOnly = this.#lines[at]?.elements.length === 1;
    if (isOnly) this.#lines[at] = HeaderLine.made('Via', formatVia(via)).knows(parseVia, via);
    else this.replaceFirst('Via', formatVia(via));
  }

  /** Takes the first elements of a list field out, however they are spread over lines, in one walk. */
  dropFirst(name: string, count: number): void {
    const key = fieldKey(name);
    let left = count;
    if (left === 0) return;
    this.#lines = this.#lines.flatMap((line) => {
      if (line.key !== key || left === 0) return [line];
      const { elements } = line;
      const kept = elements.slice(left);
      left = Math.max(0, left - elements.length);
      return kept.length === 0 ? [] : [HeaderLine.made(name, kept.join(', '))];
    });
  }

  /** Sets body, Content-Type and Content-Length. */
  setBody(type: string, body: Uint8Array): void {
    this.#body = body;
    if (body.length > 0) this.set('Content-Type', type);
    else this.remove('Content-Type');
    this.set('Content-Length', String(body.length));
  }

  /** Puts another body of the same type in place; Content-Length is touched only if it changes. */
  replaceBody(body: Uint8Array): void {
    if (this.contentLength() !== body.length) this.set('Content-Length', String(body.length));
    this.#body = body;
  }

  /** Takes the body off, and what is said of it. */
  dropBody(): void {
    for (const name of ['Content-Type', 'Content-Encoding', 'Content-Disposition', 'Content-Language'])
      this.remove(name);
    this.replaceBody(new Uint8Array());
  }

  /** Takes what follows the head as the body, without what lies beyond Content-Length (section 18.3). */
  takeBody(octets: Uint8Array): void {
    const declared = this.contentLength();
    this.#body = declared !== null && declared < octets.length ? octets.subarray(0, declared) : octets;
  }

  /** The declared length; `null` if absent, ambiguous or not a number. */
  contentLength(): number | null {
    const [declared = '', ...others] = this.all('Content-Length');
    return others.length === 0 && /^[0-9]{1,9}$/.test(declared) ? Number(declared) : null;
  }

  /** The media type in lower case, without parameters; `null` where there is none that can be read. */
  get contentType(): string | null {
    const value = this.first('Content-Type');
    return value === null ? null : essenceOf(value);
  }

  get callId(): string {
    return this.#required('Call-ID').value;
  }

  get from(): NameAddr {
    return this.#required('From').read(readFrom);
  }

  get to(): NameAddr {
    return this.#required('To').read(readTo);
  }

  get fromTag(): string | null {
    return tagOf(this.from);
  }

  get toTag(): string | null {
    return tagOf(this.to);
  }

  get cseq(): CSeq {
    return this.#required('CSeq').read(parseCSeq);
  }

  get vias(): readonly Via[] {
    return this.#elements('Via', parseVia);
  }

  get topVia(): Via {
    return this.#required('Via').readElement(parseVia, 0);
  }

  /** The Contact values; none for `*`. */
  get contacts(): readonly NameAddr[] {
    const lines = this.#listed('Contact');
    return lines.length === 1 && lines[0]?.value === '*' ? [] : readAll(lines, readContact);
  }

  get routes(): readonly NameAddr[] {
    return this.#elements('Route', readRoute);
  }

  get recordRoutes(): readonly NameAddr[] {
    return this.#elements('Record-Route', readRecordRoute);
  }

  protected copyLines(): readonly HeaderLine[] {
    return this.#lines;
  }

  #placeOf(key: string): number {
    for (let at = 0; at < this.#lines.length; at++) if (this.#lines[at]?.key === key) return at;
    return -1;
  }

  #firstOf(name: string): HeaderLine | undefined {
    const key = fieldKey(name);
    for (const line of this.#lines) if (line.key === key) return line;
    return undefined;
  }

  #required(name: string): HeaderLine {
    const line = this.#firstOf(name);
    if (line === undefined) throw new SipError('syntax', `${name} is missing`);
    return line;
  }

  /** The lines of a list field that say something. @throws SipError `syntax`, `too-large` */
  #listed(name: string): HeaderLine[] {
    const key = fieldKey(name);
    const lines: HeaderLine[] = [];
    let values = 0;
    for (const line of this.#lines) {
      if (line.key !== key || line.value === '') continue;
      lines.push(line);
      values += line.elements.length;
    }
    if (values > MAX_VALUES) throw new SipError('too-large', `too many values of ${name}`);
    return lines;
  }

  /** What each element of a list field means. @throws SipError `syntax`, `too-large` */
  #elements<T>(name: string, reader: ValueReader<T>): readonly T[] {
    return readAll(this.#listed(name), reader);
  }
}

function readAll<T>(lines: readonly HeaderLine[], reader: ValueReader<T>): readonly T[] {
  const [first] = lines;
  if (first === undefined) return [];
  return lines.length === 1 ? first.readAll(reader) : lines.flatMap((line) => line.readAll(reader));
}
