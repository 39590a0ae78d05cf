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
import { concat } from '../bytes/octets.ts';
import { SipError } from './errors.ts';
import { parseContacts, parseCSeq, parseNameAddr, parseVia, tagOf } from './fields.ts';
import type { CSeq, NameAddr, Via } from './fields.ts';
import { fieldKey } from './header-names.ts';
import { essenceOf } from './media-type.ts';
import { fromOctets, isToken, split, toOctets } from './text.ts';

/** Header lines at most in one message, and values of one list field: each is walked more than once. */
const MAX_LINES = 512;
const MAX_VALUES = 256;

/** What makes a message one that cannot be served, though it can be answered, and with what. */
export interface Fault {
  readonly status: number;
  readonly problem: string;
}

interface Line {
  /** Long form in lower case. */
  readonly key: string;
  /** As on the wire, CRLF and folds included. */
  readonly text: string;
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
  const end = blank ?? octets.length + 2;
  const [start = '', ...rest] = fromOctets(octets.subarray(0, end - 2)).split(/(?<=\r\n)(?![ \t])/);
  const lines = rest.slice(0, MAX_LINES).map(parseLine);
  const body = octets.slice(end);
  const message = parseStart(start, lines, body);
  if (blank === null) message.fault = { status: 400, problem: 'the head has no blank line at its end' };
  else if (rest.length > MAX_LINES) message.fault = { status: 400, problem: TOO_MANY_LINES };
  const declared = message.contentLength();
  if (declared !== null && declared < body.length) message.truncateBody(declared);
  return message;
}

/** What requests and responses share. Names are given as they shall be written; they compare in either form. */
export abstract class SipMessage {
  abstract readonly kind: 'request' | 'response';
  /** `null`: none that was found while it was taken apart. */
  fault: Fault | null = null;
  #lines: Line[];
  #body: Uint8Array;

  protected constructor(lines: readonly Line[], body: Uint8Array) {
    this.#lines = [...lines];
    this.#body = body;
  }

  /** The start line with CRLF. */
  abstract startLine(): string;

  /** The octets on the wire. */
  serialise(): Uint8Array {
    return concat(toOctets(this.head()), this.#body);
  }

  /** The head, blank line included, one code unit an octet. */
  head(): string {
    return `${this.startLine()}${this.#lines.map((line) => line.text).join('')}\r\n`;
  }

  get body(): Uint8Array {
    return this.#body;
  }

  /** Every field in order, as `[name in long lower-case form, value]`. */
  *fields(): IterableIterator<readonly [string, string]> {
    for (const line of this.#lines) yield [line.key, valueOf(line)];
  }

  /** The values of all lines of a field, unfolded and trimmed, not split at commas. */
  all(name: string): string[] {
    const key = fieldKey(name);
    return this.#lines.filter((line) => line.key === key).map(valueOf);
  }

  /** The value of the first line of a field; `null` if there is none. */
  first(name: string): string | null {
    return this.all(name)[0] ?? null;
  }

  /** The elements of a list field over all its lines. @throws SipError `syntax`, `too-large` */
  list(name: string): string[] {
    const values = this.all(name).flatMap((value) => (value === '' ? [] : split(value, ',')));
    if (values.length > MAX_VALUES) throw new SipError('too-large', `too many values of ${name}`);
    return values;
  }

  /** Whether a list of tokens (Supported, Require, Allow) has one; case matters not. */
  lists(name: string, token: string): boolean {
    return this.all(name).some((value) =>
      value.split(',').some((element) => element.trim().toLowerCase() === token.toLowerCase()),
    );
  }

  /** Replaces all lines of a field by one, in the place of the first, else at the end. */
  set(name: string, value: string): void {
    const key = fieldKey(name);
    const at = this.#lines.findIndex((line) => line.key === key);
    const line = makeLine(name, value);
    if (at < 0) this.#lines.push(line);
    else this.#lines = this.#lines.flatMap((old, i) => (i === at ? [line] : old.key === key ? [] : [old]));
  }

  /** Adds a line after the last of its kind, else at the end. */
  append(name: string, value: string): void {
    const key = fieldKey(name);
    const last = this.#lines.findLastIndex((line) => line.key === key);
    this.#lines.splice(last < 0 ? this.#lines.length : last + 1, 0, makeLine(name, value));
  }

  /** Adds a line before the first of its kind, else at the top. */
  prepend(name: string, value: string): void {
    const key = fieldKey(name);
    const at = this.#lines.findIndex((line) => line.key === key);
    this.#lines.splice(Math.max(at, 0), 0, makeLine(name, value));
  }

  remove(name: string): void {
    const key = fieldKey(name);
    this.#lines = this.#lines.filter((line) => line.key !== key);
  }

  /** Replaces the first element of a list field (`null`: takes it out); the line's other elements stay. */
  replaceFirst(name: string, value: string | null): void {
    const key = fieldKey(name);
    const at = this.#lines.findIndex((line) => line.key === key);
    const line = this.#lines[at];
    if (line === undefined) throw new SipError('state', `no ${name} to replace`);
    const elements = split(valueOf(line), ',').slice(1);
    if (value !== null) elements.unshift(value);
    this.#lines.splice(at, 1, ...(elements.length === 0 ? [] : [makeLine(name, elements.join(', '))]));
  }

  /** Takes the first elements of a list field out, however they are spread over lines, in one walk. */
  dropFirst(name: string, count: number): void {
    const key = fieldKey(name);
    let left = count;
    this.#lines = this.#lines.flatMap((line) => {
      if (line.key !== key || left === 0) return [line];
      const elements = split(valueOf(line), ',');
      const kept = elements.slice(left);
      left = Math.max(0, left - elements.length);
      return kept.length === 0 ? [] : [makeLine(name, kept.join(', '))];
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

  /** Drops octets that lie beyond Content-Length. */
  truncateBody(length: number): void {
    this.#body = this.#body.slice(0, length);
  }

  /** The declared length; `null` if absent, ambiguous or not a number. */
  contentLength(): number | null {
    const declared = this.all('Content-Length');
    return declared.length === 1 && /^[0-9]{1,9}$/.test(declared[0] ?? '') ? Number(declared[0]) : null;
  }

  /** The media type in lower case, without parameters; `null` where there is none that can be read. */
  get contentType(): string | null {
    const value = this.first('Content-Type');
    return value === null ? null : essenceOf(value);
  }

  get callId(): string {
    return this.#required('Call-ID');
  }

  get from(): NameAddr {
    return parseNameAddr(this.#required('From'), 'From');
  }

  get to(): NameAddr {
    return parseNameAddr(this.#required('To'), 'To');
  }

  get fromTag(): string | null {
    return tagOf(this.from);
  }

  get toTag(): string | null {
    return tagOf(this.to);
  }

  get cseq(): CSeq {
    return parseCSeq(this.#required('CSeq'));
  }

  get vias(): Via[] {
    return this.list('Via').map(parseVia);
  }

  get topVia(): Via {
    const line = this.#required('Via');
    return parseVia(split(line, ',')[0] ?? '');
  }

  /** The Contact values; none for `*`. */
  get contacts(): NameAddr[] {
    return parseContacts(this.list('Contact'));
  }

  get routes(): NameAddr[] {
    return this.list('Route').map((value) => parseNameAddr(value, 'Route'));
  }

  get recordRoutes(): NameAddr[] {
    return this.list('Record-Route').map((value) => parseNameAddr(value, 'Record-Route'));
  }

  protected copyLines(): readonly Line[] {
    return this.#lines;
  }

  #required(name: string): string {
    const value = this.first(name);
    if (value === null) throw new SipError('syntax', `${name} is missing`);
    return value;
  }
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
    lines: readonly Line[] = [],
    body: Uint8Array = new Uint8Array(),
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
    lines: readonly Line[] = [],
    body: Uint8Array = new Uint8Array(),
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

function parseStart(text: string, lines: Line[], body: Uint8Array): SipRequest | SipResponse {
  const response = /^(SIP\/[0-9]+\.[0-9]+) ([0-9]+)(?: ([^\r\n]*))?\r\n$/i.exec(text);
  if (response !== null) {
    const [, version = '', status = '', reason = ''] = response;
    return new SipResponse(Number(status), reason, lines, body, { version, start: text });
  }
  const line = text.slice(0, -2);
  const words = line.split(' ').filter((word) => word !== '');
  const [method = '', uri, version] = [words.shift(), words.slice(0, -1).join(' '), words.at(-1) ?? ''];
  const proper = isToken(method) && uri !== '' && /^SIP\/[0-9]+\.[0-9]+$/i.test(version);
  if (!proper || line.startsWith(' ') || !text.endsWith('\r\n') || /[\r\n]/.test(line))
    throw new SipError('syntax', 'neither a Request-Line nor a Status-Line');
  const exact = text === `${method} ${uri} ${version}\r\n`;
  return new SipRequest(method, uri, lines, body, { version, start: exact ? text : null });
}

const TOO_MANY_LINES = 'too many header lines';

function endsLine(octets: Uint8Array): boolean {
  return octets.at(-2) === 0x0d && octets.at(-1) === 0x0a;
}

function parseLine(text: string): Line {
  const match = /^([A-Za-z0-9\-.!%*_+`'~]+)[ \t]*:/.exec(text);
  if (match === null || !text.endsWith('\r\n') || /[\r\n]/.test(text.replaceAll('\r\n', '')))
    throw new SipError('syntax', 'a header line has no name');
  return { key: fieldKey(match[1] ?? ''), text };
}

function makeLine(name: string, value: string): Line {
  if (/[\r\n]/.test(value)) throw new SipError('syntax', `${name} must not break its line`);
  return { key: fieldKey(name), text: `${name}: ${value}\r\n` };
}

function valueOf(line: Line): string {
  return line.text
    .slice(line.text.indexOf(':') + 1)
    .replace(/\r\n[ \t]+/g, ' ')
    .trim();
}
