/**
 * SDP (RFC 8866, RFC 4566) that keeps its octets: a list of lines, with edits in place.
 *
 *     v= o= s= [i= u= e= p= c= b=] t= [r= z= k=] *(a=)  then for each medium  m= [i=] [c=] *(b=) [k=] *(a=)
 *     m=<media> <port>["/"<number>] <proto> <fmt> …        c=<nettype> <addrtype> <address>
 *
 * The one reader of this grammar, in two manners. `parse` is for those who act on a description or pass it on: what
 * two readers could take differently is refused, so that nothing goes on that was not understood. It accepts LF line
 * ends, blank lines after the last line, several blanks or tabs between fields, blanks at the end of a line, and names
 * in any case; it refuses other letters than RFC 8866 knows (section 5), and CR and NUL within a line. `salvage` is for
 * those who look on, and reads what `parse` reads in the same way, passing over what is not a line.
 */
import { attributeValues } from './attributes.ts';
import { SipError } from './errors.ts';
import {
  formatKeyManagement,
  isMikey,
  KEY_MANAGEMENT,
  keyManagementIn,
  parseKeyManagement,
} from './key-management.ts';
import { decimal, fromOctets, toOctets } from './text.ts';

export const SDP_TYPE = 'application/sdp';

/** Lines and media at most: more is not a session description but an attack. */
const MAX_LINES = 2000;
const TYPES = 'vosiuepcbtrzkam';

interface Line {
  readonly type: string;
  readonly value: string;
  /** CRLF or LF. */
  readonly end: string;
}

export interface MediaLine {
  readonly media: string;
  readonly port: number;
  /** `/n` after the port, else 1. */
  readonly ports: number;
  readonly protocol: string;
  readonly formats: readonly string[];
}

export interface Connection {
  readonly addressType: 'IP4' | 'IP6';
  /** An address in numbers, or a host name. */
  readonly address: string;
}

/** One m= section: a window on the description's lines. */
export interface Medium extends MediaLine {
  /** Its own c= line, else that of the session; `null` without either. */
  readonly connection: Connection | null;
  readonly attributes: readonly string[];
}

export class SessionDescription {
  #session: Line[];
  #media: Line[][];
  /** Blank lines after the last line. */
  readonly #tail: string;

  private constructor(lines: readonly Line[], tail: string) {
    this.#session = [];
    this.#media = [];
    this.#tail = tail;
    for (const line of lines) {
      if (line.type === 'm') this.#media.push([line]);
      else (this.#media.at(-1) ?? this.#session).push(line);
    }
  }

  /** @throws SipError `syntax`, `too-large` */
  static parse(octets: Uint8Array): SessionDescription {
    const parts = linesOf(fromOctets(octets).split(/(?<=\n)/));
    const last = parts.findLastIndex((part) => !/^[ \t]*\r?\n?$/.test(part));
    const lines = parts.slice(0, last + 1).map(strictLine);
    const tail = parts.slice(last + 1).join('');
    if (lines[0]?.type !== 'v' || lines[0].value.trim() !== '0')
      throw new SipError('syntax', 'SDP does not begin with v=0');
    if (lines.filter(({ type }) => type === 'v').length > 1)
      throw new SipError('syntax', 'SDP: more than one description');
    for (const { type, value } of lines) {
      if (type === 'm' && mediaLine(value) === null) throw new SipError('syntax', 'SDP: m= is malformed');
      if (type === 'c' && connectionIn(value) === null) throw new SipError('syntax', 'SDP: c= is malformed');
    }
    const description = new SessionDescription(lines, tail);
    keyManagementIn(description.allAttributes);
    return description;
  }

  /** What can be read of it, also within other text, such as a multipart body. */
  static salvage(octets: Uint8Array): SessionDescription {
    const parts = fromOctets(octets).split(/(?<=\n|\r(?!\n))/);
    return new SessionDescription(
      parts.flatMap((part) => looseLine(part) ?? []),
      '',
    );
  }

  serialise(): Uint8Array {
    const lines = [...this.#session, ...this.#media.flat()];
    return toOctets(lines.map(({ type, value, end }) => `${type}=${value}${end}`).join('') + this.#tail);
  }

  get media(): readonly Medium[] {
    const shared = connectionOf(this.#session);
    return this.#media.map((lines) => ({
      ...(mediaLine(lines[0]?.value ?? '') ?? UNREADABLE),
      connection: connectionOf(lines) ?? shared,
      attributes: attributesOf(lines),
    }));
  }

  /** The o= line's value: who, session id, version, address. */
  get origin(): string | null {
    return this.#session.find((line) => line.type === 'o')?.value ?? null;
  }

  /** Session level a= values, in order. */
  get attributes(): readonly string[] {
    return attributesOf(this.#session);
  }

  /** The a= values of both levels, in order. */
  get allAttributes(): readonly string[] {
    return [...this.attributes, ...this.#media.flatMap(attributesOf)];
  }

  /** The protocols of session level key-mgmt lines, in order. */
  get keyManagement(): readonly string[] {
    return keyManagementIn(this.attributes).map(({ protocol }) => protocol);
  }

  /**
   * The MIKEY message of the session level key-mgmt line; `null` without one.
   * @throws SipError `syntax` if there are two, or its base64 is not
   */
  get mikey(): Uint8Array | null {
    const [found = null, ...others] = this.sessionMikey;
    if (others.length > 0) throw new SipError('syntax', 'SDP: more than one MIKEY message at session level');
    return found;
  }

  /** The MIKEY messages of the session level key-mgmt lines, in order. @throws SipError `syntax` */
  get sessionMikey(): readonly Uint8Array[] {
    return keyManagementIn(this.attributes)
      .filter(({ protocol }) => protocol === MIKEY)
      .map(({ data }) => data);
  }

  /** The MIKEY messages of both levels, for those who look on: `null` for one that is not base64. */
  get mikeyMessages(): readonly (Uint8Array | null)[] {
    return attributeValues(this.allAttributes.filter(isMikey), KEY_MANAGEMENT).map((value) => {
      try {
        return parseKeyManagement(value).data;
      } catch (error) {
        if (error instanceof SipError) return null;
        throw error;
      }
    });
  }

  /** Puts a MIKEY message at session level, in the place of the one that is there; `null` takes it out. */
  setMikey(message: Uint8Array | null): void {
    const at = this.#session.findIndex((line) => line.type === 'a' && isMikey(line.value));
    const end = this.#session[0]?.end ?? '\r\n';
    const value = message === null ? '' : formatKeyManagement({ protocol: MIKEY, data: message });
    const line = message === null ? [] : [{ type: 'a', value, end }];
    this.#session.splice(at < 0 ? this.#session.length : at, at < 0 ? 0 : 1, ...line);
  }

  /**
   * Rewrites port and address of the k-th medium (from 0): its m= line, and its c= lines, of which one is left, or a
   * new one.
   */
  setMedium(index: number, port: number, connection: Connection): void {
    const lines = this.#media[index];
    const [first] = lines ?? [];
    if (lines === undefined || first === undefined) throw new SipError('state', `SDP has no medium ${index}`);
    const end = first.end === '' ? '\r\n' : first.end;
    lines[0] = { ...first, end, value: formatMedia({ ...(mediaLine(first.value) ?? UNREADABLE), port }) };
    const shared = connectionOf(this.#session);
    const own = lines.findIndex((line) => line.type === 'c');
    if (own < 0 && shared !== null && sameConnection(shared, connection)) return;
    const place =
      own < 0
        ? Math.max(
            lines.findIndex((each) => each.type === 'i'),
            0,
          ) + 1
        : own;
    const others = lines.filter((line) => line.type !== 'c');
    const last = others[place - 1];
    if (last?.end === '') others[place - 1] = { ...last, end };
    this.#media[index] = others.toSpliced(place, 0, { type: 'c', value: formatConnection(connection), end });
  }

  /** Takes the attributes out, at either level, that `unwanted` says yes to. */
  dropAttributes(unwanted: (attribute: string) => boolean): void {
    const without = (lines: readonly Line[]): Line[] =>
      lines.filter((line) => line.type !== 'a' || !unwanted(line.value));
    this.#session = without(this.#session);
    this.#media = this.#media.map(without);
  }

  /** Rewrites the session level c= line, where there is one; further ones go. */
  setConnection(connection: Connection): void {
    const value = formatConnection(connection);
    const first = this.#session.find((line) => line.type === 'c');
    this.#session = this.#session.flatMap((line) => {
      if (line.type !== 'c') return [line];
      return line === first ? [{ ...line, value }] : [];
    });
  }
}

export interface SdpParts {
  readonly username: string;
  readonly sessionId: string;
  readonly version: number;
  readonly connection: Connection;
  /** Session level a= values. */
  readonly attributes?: readonly string[];
  readonly media: readonly {
    readonly line: Omit<MediaLine, 'ports'>;
    readonly attributes: readonly string[];
  }[];
}

/** A new description. */
export function makeSdp(parts: SdpParts): SessionDescription {
  const where = formatConnection(parts.connection);
  const lines = [
    'v=0',
    `o=${parts.username} ${parts.sessionId} ${parts.version} ${where}`,
    's=-',
    `c=${where}`,
    't=0 0',
    ...(parts.attributes ?? []).map((value) => `a=${value}`),
    ...parts.media.flatMap(({ line, attributes }) => [
      `m=${line.media} ${line.port} ${line.protocol} ${line.formats.join(' ')}`,
      ...attributes.map((value) => `a=${value}`),
    ]),
  ];
  return SessionDescription.parse(toOctets(lines.map((line) => `${line}\r\n`).join('')));
}

const MIKEY = 'mikey';
/** An m= line of which nothing can be read keeps its place. */
const UNREADABLE: MediaLine = { media: '', port: 0, ports: 1, protocol: '', formats: [] };

function linesOf(parts: readonly string[]): readonly string[] {
  if (parts.length > MAX_LINES) throw new SipError('too-large', 'SDP has too many lines');
  return parts;
}

/** No blank beside the `=` (RFC 8866 section 5) where what follows is taken apart at blanks. */
function strictLine(text: string): Line {
  const match = /^([a-z])=([^\r\n\0]*)(\r?\n)?$/.exec(text);
  const [, type = '', value = '', end = ''] = match ?? [];
  if (match === null || !TYPES.includes(type) || ('vocma'.includes(type) && /^[ \t]/.test(value)))
    throw new SipError('syntax', 'SDP: a line is not <type>=<value>');
  return { type, value, end };
}

function looseLine(text: string): Line | null {
  const [, type, value = ''] = /^[ \t]*([A-Za-z])[ \t]*=([^\r\n]*)[\r\n]*$/.exec(text) ?? [];
  if (type === undefined || !TYPES.includes(type.toLowerCase())) return null;
  return { type: type.toLowerCase(), value: value.trim(), end: '\r\n' };
}

function mediaLine(value: string): MediaLine | null {
  const match = /^(\S+)[ \t]+(\d+)(?:\/(\d+))?[ \t]+(\S+)((?:[ \t]+\S+)*)[ \t]*$/.exec(value);
  const port = decimal(match?.[2] ?? '', 65536);
  const ports = decimal(match?.[3] ?? '1', 256);
  if (match === null || port === null || ports === null) return null;
  const [, media = '', , , protocol = '', formats = ''] = match;
  return { media, port, ports, protocol, formats: formats.split(/[ \t]+/).filter((format) => format !== '') };
}

function formatMedia({ media, port, ports, protocol, formats }: MediaLine): string {
  return [media, ports === 1 ? port : `${port}/${ports}`, protocol, ...formats].join(' ');
}

function connectionOf(lines: readonly Line[]): Connection | null {
  const line = lines.find((each) => each.type === 'c');
  return line === undefined ? null : connectionIn(line.value);
}

function connectionIn(value: string): Connection | null {
  const match = /^IN[ \t]+(IP[46])[ \t]+([^\s/]+)(?:\/[0-9/]+)?[ \t]*$/i.exec(value);
  const [, type = '', address = ''] = match ?? [];
  if (match === null) return null;
  return { addressType: type.toUpperCase() === 'IP6' ? 'IP6' : 'IP4', address };
}

function formatConnection(connection: Connection): string {
  return `IN ${connection.addressType} ${connection.address}`;
}

function sameConnection(a: Connection, b: Connection): boolean {
  return a.addressType === b.addressType && a.address === b.address;
}

function attributesOf(lines: readonly Line[]): string[] {
  return lines.filter((line) => line.type === 'a').map((line) => line.value);
}
