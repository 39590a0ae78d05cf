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
 *
 * The forms are those of `api/iq.openapi.yaml`. Members that they do not name are left out.
 */
import type { NetworkAddress } from '../../bytes/network-address.ts';
import { isIP } from 'node:net';
import Type from 'typebox';
import type { TSchema } from 'typebox';
import { fromHex, toHex, utf8 } from '../../bytes/octets.ts';
import { Form, Unfit } from '../../bytes/schema.ts';
import type { FormFault } from '../../bytes/schema.ts';
import { IqError } from './errors.ts';

/** Below which each session has its ID. */
export const IQ_SESSIONS_PATH = '/iq/v1/sessions/';

/** What a request is answered that would send media where they must not go; it is the fault of the description. */
export const IQ_DESTINATION_STATUS = 422;

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

/* ------------------------------------------------------------------ forms */

const MAX_STREAMS = 16;
/** Identities of one party: a subscriber may have many, and other homes assert some. */
const MAX_IDENTITIES = 256;
/** Octets of the identities of one party in all. */
const MAX_IDENTITY_OCTETS = 24 << 10;
/** Octets of a session description. */
export const IQ_SDP_OCTETS = 64 << 10;

/** An octet that JSON must escape is written as so many (RFC 8259 section 7). */
const ESCAPED = 6;

/** Octets of a request that the gateway takes: all that the bounds above allow, escaped, and the rest of it. */
export const IQ_REQUEST_OCTETS = ESCAPED * 2 * (IQ_SDP_OCTETS + MAX_IDENTITY_OCTETS) + (32 << 10);

const ADDRESS = Type.Decode(
  Type.String({ description: 'IPv4 or IPv6 address', errorMessage: 'an IP address' }),
  (address) => {
    if (isIP(address) === 0) throw new Unfit('an IP address');
    return address;
  },
);

const ENDPOINT_MEMBERS = { address: ADDRESS, port: Type.Integer({ minimum: 1, maximum: 65_535 }) };
const ENDPOINT = Type.Object(ENDPOINT_MEMBERS, { title: 'Endpoint' });

const text = (errorMessage: string) => Type.String({ maxLength: IQ_SDP_OCTETS, errorMessage });
const list = <S extends TSchema>(element: S, maxItems: number, description: string) =>
  Type.Array(element, { maxItems, description });
const orNull = <S extends TSchema>(schema: S, description: string) =>
  Type.Union([schema, Type.Null()], { description });

const MEDIA_ADDRESS = orNull(
  Type.Object(
    {
      ...ENDPOINT_MEMBERS,
      rtcp: Type.Optional(ENDPOINT),
    },
    {
      title: 'MediaAddress',
      description: 'rtcp: where RTCP goes; port + 1 of the same address unless the SDP says otherwise',
    },
  ),
  "Where that side's party receives; null until it has said so",
);
const IDENTITIES = list(text('a text'), MAX_IDENTITIES, 'SIP and tel URIs of the party on that side');
const SDP = orNull(text('a text'), 'The session description that that side made last');
const STREAMS = 'One for each m= line; null: one with port 0';

export const WANTED_SESSION = Type.Object(
  {
    correlation: Type.Decode(
      Type.String({
        pattern: '^[0-9a-f]{16}$',
        description: 'Correlation ID of the call',
        errorMessage: '16 hexadecimal digits',
      }),
      (hex) => fromHex(hex),
    ),
    parties: Type.Object({ a: IDENTITIES, b: IDENTITIES }),
    sdps: Type.Object({ a: SDP, b: SDP }),
    streams: list(
      Type.Union([Type.Object({ a: MEDIA_ADDRESS, b: MEDIA_ADDRESS }), Type.Null()]),
      MAX_STREAMS,
      STREAMS,
    ),
  },
  { title: 'WantedSession' },
);

export const ANCHORED = Type.Object(
  {
    streams: list(
      Type.Union([Type.Object({ a: ENDPOINT, b: ENDPOINT }), Type.Null()], {
        description: 'Where the gateway receives from either side',
      }),
      MAX_STREAMS,
      STREAMS,
    ),
  },
  { title: 'Anchored' },
);

const WANTED_FORM = new Form(WANTED_SESSION, { all: true });
const ANCHORED_FORM = new Form(ANCHORED, { all: true });

/** @throws IqError `too-large` if descriptions or identities have more octets than the gateway takes */
export function encodeWanted(wanted: WantedSession): unknown {
  for (const side of SIDES) {
    const sdp = wanted.sdps[side] ?? '';
    checkSize(`session description of side ${side}`, utf8(sdp).length, IQ_SDP_OCTETS);
    const identities = wanted.parties[side];
    checkSize(`number of identities of side ${side}`, identities.length, MAX_IDENTITIES);
    checkSize(`identities of side ${side}`, utf8(identities.join('')).length, MAX_IDENTITY_OCTETS);
  }
  checkSize('number of streams', wanted.streams.length, MAX_STREAMS);
  return { ...wanted, correlation: toHex(wanted.correlation) };
}

function checkSize(what: string, size: number, most: number): void {
  if (size > most) throw new IqError('too-large', `${what}: ${size}, at most ${most}`);
}

/** @throws IqError `malformed`, naming the fields */
export function decodeWanted(json: unknown): WantedSession {
  return WANTED_FORM.readOr(json, (faults) => malformed(faults, 'session'));
}

export function encodeAnchored(streams: readonly AnchoredStream[]): unknown {
  return { streams };
}

/** @throws IqError `malformed`, naming the fields */
export function decodeAnchored(json: unknown): AnchoredStream[] {
  return ANCHORED_FORM.readOr(json, (faults) => malformed(faults, 'answer')).streams;
}

function malformed(faults: readonly FormFault[], what: string): IqError {
  const told = faults.map(({ path, expected }) => `${path === '' ? what : path}: ${expected} is expected`);
  return new IqError('malformed', told.join('; '));
}
