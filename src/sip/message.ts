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
import { SipMessage } from './head-and-body.ts';
import { HeaderLine, headLinesOf } from './header-line.ts';
import { fromOctets, isToken } from './text.ts';

/** Header lines at most in one message: each is walked more than once. */
const MAX_LINES = 512;

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
  const [start = '', ...rest] = headLinesOf(fromOctets(octets.subarray(0, end - 2)));
  const message = parseStart(
    start,
    rest.slice(0, MAX_LINES).map((line) => HeaderLine.received(line)),
  );
  if (rest.length > MAX_LINES) message.fault = { status: 400, problem: TOO_MANY_LINES };
  return message;
}

export class SipRequest extends SipMessage {
  readonly kind = 'request';
  readonly method: string;
  readonly version: string;
  /** What whoever watches it pass knows of it, if anything: neither on the wire nor of a copy. */
  note: object | null = null;
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

function endsLine(octets: Uint8Array): boolean {
  return octets.at(-2) === 0x0d && octets.at(-1) === 0x0a;
}
