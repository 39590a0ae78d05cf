/**
 * SIP messages (RFC 3261 section 7) that keep their octets.
 *
 *     generic-message = start-line *message-header CRLF [ message-body ]
 *     Request-Line    = Method SP Request-URI SP SIP-Version CRLF
 *     Status-Line     = SIP-Version SP Status-Code SP Reason-Phrase CRLF
 *
 * A message is its start line, its header lines with folds and white space as received, and its body. An edit touches
 * the line that it edits and no other: what a proxy need not change goes on octet by octet. Unknown fields are lines
 * like any other.
 *
 * Parsing here only takes apart; whether the message is a good one is for `verdict.ts`, since a bad request deserves
 * an answer and an answer needs its fields.
 */
import { SipError } from './errors.ts';
import { formatVia, nameAddrReader, parseCSeq, parseVia, tagOf } from './fields.ts';
import type { CSeq, NameAddr, Via } from './fields.ts';
import { HeaderLine } from './header-line.ts';
import type { ValueReader } from './header-line.ts';
import { fieldKey } from './header-names.ts';
import { essenceOf } from './media-type.ts';
import { fromOctets, isToken } from './text.ts';

/** Header lines at most in one message, and values of one list field: each is walked more than once. */
const MAX_LINES = 512;
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

/** Where the blank line ends the head: the offset of the body, or `null` if there is none at or after `from`. */
export function headLength(octets: Uint8Array, from = 0): number | null {
  const at = Buffer.from(octets.buffer, octets.byteOffset, octets.length).indexOf('\r\n\r\n', from, 'latin1');
  return at < 0 ? null : at + 4;
}

/**
 * Takes one message apart. `octets` is a datagram, or a message that a stream framer cut out: what lies beyond
 * Content-Length is dropped (section 18.3).
 * @throws SipError `syntax` if it is not even a start line and header lines, `too-large`
 */
export function parseMessage(octets: Uint8Array): SipRequest | SipResponse {
  const message = readMessage(octets);
  if (message.fault?.problem === TOO_MANY_LINES) throw new SipError('too-large', TOO_MANY_LINES);
  return message;
}

/**
 * The same for those who answer: of a message with too many header lines the first are read, and `fault` says so.
 * @throws SipError `syntax`
 */
export function readMessage(octets: Uint8Array): SipRequest | SipResponse {
  const blank = headLength(octets);
  if (blank === null && !endsLine(octets)) throw new SipError('syntax', 'the head has no end');
  const message = readHead(octets, blank ?? octets.length + 2);
  if (blank === null) message.fault = { status: 400, problem: 'the head has no blank line at its end' };
  else message.takeBody(octets.subarray(blank));
  return message;
}

/**
 * A message of which the head has come, without its body. @param end offset of the body in `octets`
 * @throws SipError `syntax`
 */
export function readHead(octets: Uint8Array, end: number): SipRequest | SipResponse {
  const [start = '', ...rest] = linesOf(fromOctets(octets.subarray(0, end - 2)));
  const message = parseStart(
    start,
    rest.slice(0, MAX_LINES).map((line) => HeaderLine.received(line)),
  );
  if (rest.length > MAX_LINES) message.fault = { status: 400, problem: TOO_MANY_LINES };
  return message;
}

/** What requests and responses share. Names are given as they shall be written; they compare in either form. */
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

export class SipRequest extends SipMessage {
  readonly kind = 'request';
  readonly method: string;
  readonly version: string;
  #uri: string;
  /** As received, until the Request-URI is changed. */
  #start: string | null;

  constructor(
    method: string,
    uri: string,
    lines: readonly HeaderLine[] = [],
    body: Uint8Array = NOTHING,
    received: { version: string; start: string | null } = { version: 'SIP/2.0', start: null },
  ) {
    super(lines, body);
    this.method = method;
    this.#uri = uri;
    this.version = received.version;
    this.#start = received.start;
  }

  /** The Request-URI as text. */
  get uri(): string {
    return this.#uri;
  }

  set uri(uri: string) {
    if (uri !== this.#uri) this.#start = null;
    this.#uri = uri;
  }

  /** Whether the start line is not the one that was received: it had spaces too many, or the URI was changed. */
  get rewritten(): boolean {
    return this.#start === null;
  }

  startLine(): string {
    return this.#start ?? `${this.method} ${this.#uri} ${this.version}\r\n`;
  }

  clone(): SipRequest {
    return new SipRequest(this.method, this.#uri, this.copyLines(), this.body, {
      version: this.version,
      start: this.#start,
    });
  }
}

export class SipResponse extends SipMessage {
  readonly kind = 'response';
  readonly status: number;
  readonly reason: string;
  readonly version: string;
  readonly #start: string | null;

  constructor(
    status: number,
    reason: string,
    lines: readonly HeaderLine[] = [],
    body: Uint8Array = NOTHING,
    received: { version: string; start: string | null } = { version: 'SIP/2.0', start: null },
  ) {
    super(lines, body);
    this.status = status;
    this.reason = reason;
    this.version = received.version;
    this.#start = received.start;
  }

  startLine(): string {
    return this.#start ?? `${this.version} ${this.status} ${this.reason}\r\n`;
  }

  clone(): SipResponse {
    return new SipResponse(this.status, this.reason, this.copyLines(), this.body, {
      version: this.version,
      start: this.#start,
    });
  }
}

function parseStart(text: string, lines: readonly HeaderLine[]): SipRequest | SipResponse {
  const response = /^(SIP\/[0-9]+\.[0-9]+) ([0-9]+)(?: ([^\r\n]*))?\r\n$/i.exec(text);
  if (response !== null) {
    const [, version = '', status = '', reason = ''] = response;
    return new SipResponse(Number(status), reason, lines, NOTHING, { version, start: text });
  }
  const line = text.slice(0, -2);
  const words = line.split(' ').filter((word) => word !== '');
  const [method = '', uri, version] = [words.shift(), words.slice(0, -1).join(' '), words.at(-1) ?? ''];
  const proper = isToken(method) && uri !== '' && /^SIP\/[0-9]+\.[0-9]+$/i.test(version);
  if (!proper || line.startsWith(' ') || !text.endsWith('\r\n') || /[\r\n]/.test(line))
    throw new SipError('syntax', 'neither a Request-Line nor a Status-Line');
  const exact = text === `${method} ${uri} ${version}\r\n`;
  return new SipRequest(method, uri, lines, NOTHING, { version, start: exact ? text : null });
}

const TOO_MANY_LINES = 'too many header lines';
const NOTHING = new Uint8Array();
const [SPACE, TAB] = [0x20, 0x09];

function endsLine(octets: Uint8Array): boolean {
  return octets.at(-2) === 0x0d && octets.at(-1) === 0x0a;
}

/** Lines of a head with their ends; a line that begins with white space is part of the one before (section 7.3.1). */
function linesOf(head: string): string[] {
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
