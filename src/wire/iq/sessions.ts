/**
 * The control interface between CSCF and media gateway ("Iq"): JSON over HTTPS with certificates on both sides. A
 * departure from 3GPP's Iq, which is H.248: what is said is the same, in a form that needs no ASN.1 of its own.
 *
 *     PUT    /iq/v1/sessions/ID   the wanted state of a session, all of it, as often as it changes → its local addresses
 *     DELETE /iq/v1/sessions/ID   ends it
 *
 * A session has two sides: `a`, from where the first offer came, and `b`. Stream k is the k-th m= line of the SDP;
 * `null` is one with port 0. The CSCF says where either side's party wants its media (as soon as it has said so), who
 * the parties are, what they described, and the correlation ID: for every call, intercepted or not, so that the control
 * interface tells nobody which calls are.
 */
import type { NetworkAddress } from '../../bytes/network-address.ts';
import { isIP } from 'node:net';
import { fromHex, toHex } from '../../bytes/octets.ts';
import { IqError } from './errors.ts';

/** Below which each session has its ID. */
export const IQ_SESSIONS_PATH = '/iq/v1/sessions/';

export type Side = 'a' | 'b';

export const SIDES: readonly Side[] = ['a', 'b'];

export function otherSide(side: Side): Side {
  return side === 'a' ? 'b' : 'a';
}

export interface MediaAddress extends NetworkAddress {
  /** Where RTCP goes; port + 1 of the same address unless the SDP says otherwise (a=rtcp, RFC 3605; a=rtcp-mux). */
  readonly rtcp?: NetworkAddress;
}

export interface WantedStream {
  /** Where that side's party receives; `null` until it has said so. */
  readonly a: MediaAddress | null;
  readonly b: MediaAddress | null;
}

export interface WantedSession {
  /** 8 octets: the first of SHA-256(ICID, else Call-ID). */
  readonly correlation: Uint8Array;
  /** Public identities of the party on either side (sip: and tel: URIs). */
  readonly parties: { readonly a: readonly string[]; readonly b: readonly string[] };
  /** The session description that either side made last. */
  readonly sdps: { readonly a: string | null; readonly b: string | null };
  readonly streams: readonly (WantedStream | null)[];
}

/** Where the gateway receives from either side, by stream. */
export type AnchoredStream = { readonly a: NetworkAddress; readonly b: NetworkAddress } | null;

const MAX_STREAMS = 16;
/** Identities of one party: a subscriber may have many, and other homes assert some. */
const MAX_IDENTITIES = 256;
const MAX_TEXT = 64 * 1024;

export function encodeWanted(wanted: WantedSession): unknown {
  return { ...wanted, correlation: toHex(wanted.correlation) };
}

/** @throws IqError `malformed`, naming the field */
export function decodeWanted(json: unknown): WantedSession {
  const object = record(json, 'session');
  const parties = record(object['parties'], 'parties');
  const sdps = record(object['sdps'], 'sdps');
  return {
    correlation: correlation(object['correlation']),
    parties: { a: texts(parties['a'], 'parties.a'), b: texts(parties['b'], 'parties.b') },
    sdps: {
      a: nullable(sdps['a'], (value) => text(value, 'sdps.a')),
      b: nullable(sdps['b'], (value) => text(value, 'sdps.b')),
    },
    streams: list(object['streams'], 'streams', MAX_STREAMS).map((stream, at) =>
      nullable(stream, (value) => wantedStream(value, `streams[${at}]`)),
    ),
  };
}

export function encodeAnchored(streams: readonly AnchoredStream[]): unknown {
  return { streams };
}

/** @throws IqError `malformed`, naming the field */
export function decodeAnchored(json: unknown): AnchoredStream[] {
  return list(record(json, 'answer')['streams'], 'streams', MAX_STREAMS).map((stream, at) =>
    nullable(stream, (value) => {
      const sides = record(value, `streams[${at}]`);
      return { a: endpoint(sides['a'], `streams[${at}].a`), b: endpoint(sides['b'], `streams[${at}].b`) };
    }),
  );
}

/* ---------------------------------------------------------------- helpers */

function wantedStream(value: unknown, path: string): WantedStream {
  const sides = record(value, path);
  const at = (side: Side) => nullable(sides[side], (address) => mediaAddress(address, `${path}.${side}`));
  return { a: at('a'), b: at('b') };
}

function mediaAddress(value: unknown, path: string): MediaAddress {
  const rtcp = record(value, path)['rtcp'];
  return {
    ...endpoint(value, path),
    ...(rtcp === undefined ? {} : { rtcp: endpoint(rtcp, `${path}.rtcp`) }),
  };
}

function endpoint(value: unknown, path: string): NetworkAddress {
  const { address, port } = record(value, path);
  if (typeof address !== 'string' || isIP(address) === 0) throw expected(`${path}.address`, 'an IP address');
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 1 || port > 65535) {
    throw expected(`${path}.port`, 'a port');
  }
  return { address, port };
}

function correlation(value: unknown): Uint8Array {
  if (typeof value !== 'string' || !/^[0-9a-f]{16}$/.test(value)) {
    throw expected('correlation', '16 hexadecimal digits');
  }
  return fromHex(value);
}

function texts(value: unknown, path: string): string[] {
  return list(value, path, MAX_IDENTITIES).map((element, at) => text(element, `${path}[${at}]`));
}

function text(value: unknown, path: string): string {
  if (typeof value !== 'string' || value.length > MAX_TEXT) throw expected(path, 'a text');
  return value;
}

function list(value: unknown, path: string, most: number): unknown[] {
  if (!Array.isArray(value) || value.length > most) throw expected(path, 'a list');
  return value;
}

function record(value: unknown, path: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw expected(path, 'an object');
  return value as Record<string, unknown>;
}

function nullable<T>(value: unknown, read: (value: unknown) => T): T | null {
  return value === null ? null : read(value);
}

function expected(path: string, what: string): IqError {
  return new IqError('malformed', `${path}: ${what} is expected`);
}
