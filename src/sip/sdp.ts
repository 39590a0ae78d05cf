/**
 * SDP (RFC 8866, RFC 4566) that keeps its octets: a list of lines, with edits in place.
 *
 *     v= o= s= [i= u= e= p= c= b=] t= [r= z= k=] *(a=)  then for each medium  m= [i=] [c=] *(b=) [k=] *(a=)
 *     m=<media> <port>["/"<number>] <proto> <fmt> …        c=<nettype> <addrtype> <address>
 *     a=key-mgmt:<protocol> <base64>                       RFC 4567 section 3.1.1
 *
 * Lines end in CRLF; a bare LF is accepted and kept. What is not understood stays as it is.
 */
import { fromBase64, toBase64 } from '../bytes/octets.ts';
import { BytesError } from '../bytes/errors.ts';
import { SipError } from './errors.ts';
import { decimal, fromOctets, toOctets } from './text.ts';

export const SDP_TYPE = 'application/sdp';

/** Lines and media at most: more is no session description but an attack. */
const MAX_LINES = 2000;

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

  private constructor(session: Line[], media: Line[][]) {
    this.#session = session;
    this.#media = media;
  }

  /** @throws SipError `syntax` */
  static parse(octets: Uint8Array): SessionDescription {
    const parts = fromOctets(octets).split(/(?<=\n)/);
    if (parts.length > MAX_LINES) throw new SipError('too-large', 'SDP has too many lines');
    const lines = parts.map(parseLine);
    if (lines[0]?.type !== 'v' || lines[0].value !== '0')
      throw new SipError('syntax', 'SDP does not begin with v=0');
    const session: Line[] = [];
    const media: Line[][] = [];
    for (const line of lines) {
      if (line.type === 'm') media.push([line]);
      else (media.at(-1) ?? session).push(line);
    }
    const description = new SessionDescription(session, media);
    // Taken apart once, so that a bad line is found here and not by who reads it later.
    if (description.media.some((medium) => medium.port < 0)) throw new SipError('syntax', 'SDP: a bad port');
    return description;
  }

  serialise(): Uint8Array {
    const lines = [...this.#session, ...this.#media.flat()];
    return toOctets(lines.map(({ type, value, end }) => `${type}=${value}${end}`).join(''));
  }

  get media(): readonly Medium[] {
    const shared = connectionOf(this.#session);
    return this.#media.map((lines) => ({
      ...parseMedia(lines[0]?.value ?? ''),
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

  /** The protocols of session level key-mgmt lines, in order. */
  get keyManagement(): readonly string[] {
    return this.attributes.flatMap((value) => /^key-mgmt:\s*([^\s]+)/.exec(value)?.[1]?.toLowerCase() ?? []);
  }

  /**
   * The MIKEY message of the session level key-mgmt line; `null` without one.
   * @throws SipError `syntax` if there are two, or its base64 is not
   */
  get mikey(): Uint8Array | null {
    const found = this.attributes.flatMap((value) => /^key-mgmt:\s*mikey\s+(.*)$/i.exec(value)?.[1] ?? []);
    if (found.length > 1) throw new SipError('syntax', 'SDP: more than one MIKEY message at session level');
    const [text] = found;
    if (text === undefined) return null;
    try {
      return fromBase64(text.trim());
    } catch (cause) {
      if (cause instanceof BytesError) throw new SipError('syntax', 'SDP: key-mgmt is not base64', { cause });
      throw cause;
    }
  }

  /** Puts a MIKEY message at session level, in the place of the one that is there; `null` takes it out. */
  setMikey(message: Uint8Array | null): void {
    const at = this.#session.findIndex(
      (line) => line.type === 'a' && /^key-mgmt:\s*mikey\s/i.test(line.value),
    );
    const end = this.#session[0]?.end ?? '\r\n';
    const line = message === null ? [] : [{ type: 'a', value: `key-mgmt:mikey ${toBase64(message)}`, end }];
    this.#session.splice(at < 0 ? this.#session.length : at, at < 0 ? 0 : 1, ...line);
  }

  /** Rewrites port and address of the k-th medium (from 0): its m= line, and its c= line or a new one. */
  setMedium(index: number, port: number, connection: Connection): void {
    const lines = this.#media[index];
    const [first] = lines ?? [];
    if (lines === undefined || first === undefined) throw new SipError('state', `SDP has no medium ${index}`);
    const end = first.end === '' ? '\r\n' : first.end;
    lines[0] = { ...first, end, value: first.value.replace(/^(\S+ +)\d+/, `$1${port}`) };
    const shared = connectionOf(this.#session);
    const own = lines.findIndex((line) => line.type === 'c');
    if (own < 0 && shared !== null && sameConnection(shared, connection)) return;
    const line = { type: 'c', value: formatConnection(connection), end };
    const after = lines.findIndex((each) => each.type === 'i');
    lines.splice(own < 0 ? Math.max(after, 0) + 1 : own, own < 0 ? 0 : 1, line);
  }

  /** Takes the attributes out that match, at either level, e.g. those that say where and are not true any more. */
  dropAttributes(pattern: RegExp): void {
    const without = (lines: readonly Line[]): Line[] =>
      lines.filter((line) => line.type !== 'a' || !pattern.test(line.value));
    this.#session = without(this.#session);
    this.#media = this.#media.map(without);
  }

  /** Rewrites the session level c= line, where there is one. */
  setConnection(connection: Connection): void {
    const value = formatConnection(connection);
    this.#session = this.#session.map((line) => (line.type === 'c' ? { ...line, value } : line));
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

function parseLine(text: string): Line {
  const match = /^([A-Za-z])=([^\r\n\0]*)(\r?\n)?$/.exec(text);
  if (match === null) throw new SipError('syntax', 'SDP: a line is not <type>=<value>');
  return { type: match[1] ?? '', value: match[2] ?? '', end: match[3] ?? '' };
}

function parseMedia(value: string): MediaLine {
  const match = /^(\S+) +(\d+)(?:\/(\d+))? +(\S+)((?: +\S+)*) *$/.exec(value);
  const port = decimal(match?.[2] ?? '', 65536);
  const ports = decimal(match?.[3] ?? '1', 256);
  if (match === null || port === null || ports === null) throw new SipError('syntax', 'SDP: m= is malformed');
  const [, media = '', , , protocol = '', formats = ''] = match;
  return { media, port, ports, protocol, formats: formats.split(' ').filter((format) => format !== '') };
}

function connectionOf(lines: readonly Line[]): Connection | null {
  const line = lines.find((each) => each.type === 'c');
  if (line === undefined) return null;
  const match = /^IN +(IP4|IP6) +([^\s/]+)(?:\/\S+)? *$/.exec(line.value);
  if (match === null) throw new SipError('syntax', 'SDP: c= is malformed');
  return { addressType: match[1] === 'IP6' ? 'IP6' : 'IP4', address: match[2] ?? '' };
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
