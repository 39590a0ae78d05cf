/**
 * The session descriptions that the endpoint makes and reads (RFC 3264, RFC 4567, RFC 3551): audio of G.711 and video of
 * some codec over SRTP, and the MIKEY message at session level.
 *
 *     m=audio PORT RTP/SAVP 8 0 101    PCMA, PCMU, telephone events; what an answer lists first is what both sides send
 *     m=video PORT RTP/SAVP 96         a codec by its name: what it says is nothing to the endpoint
 *     a=rtcp-mux                       RTCP on the port of RTP, where both say so (RFC 5761)
 *
 * An answer has every m= line of its offer, in order; those that it does not take get port 0 (RFC 3264 section 6).
 */
import type { NetworkAddress } from '../bytes/network-address.ts';
import { isIP } from 'node:net';
import { equalOctets } from '../bytes/octets.ts';
import type { DeliveredMessages } from '../ibake/deferred.ts';
import type { Companding } from '../media/g711.ts';
import { G711_CLOCK_RATE, AUDIO_TYPE } from '../media/rtp.ts';
import { attributeValues, parseAttribute } from '../sip/attributes.ts';
import { SipError } from '../sip/errors.ts';
import { essenceOf } from '../sip/media-type.ts';
import type { Medium } from '../sip/sdp.ts';
import { SDP_TYPE, SessionDescription, makeSdp } from '../sip/sdp.ts';
import type { Body } from '../sip/agent-types.ts';
import { EndpointError } from './errors.ts';

const PROTOCOL = 'RTP/SAVP';
const LAWS: readonly Companding[] = ['pcma', 'pcmu'];
const EVENTS = `telephone-event/${G711_CLOCK_RATE}`;
/** Of the dynamic payload types (RFC 3551 section 6), the one that most use for telephone events. */
const EVENT_TYPE = 101;

/** Which way media go, seen from who says it (RFC 3264 section 5.1). */
export type MediaDirection = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

/** The answer to each direction of an offer, from an endpoint that would send and receive (RFC 3264 section 6.1). */
const ANSWERED: Readonly<Record<MediaDirection, MediaDirection>> = {
  sendrecv: 'sendrecv',
  sendonly: 'recvonly',
  recvonly: 'sendonly',
  inactive: 'inactive',
};

export type MediaKind = 'audio' | 'video';

/** A dynamic payload type with its codec, in the SDP's words: `H264/90000`. */
export interface NamedFormat {
  readonly type: number;
  readonly codec: string;
}

/** An m= line of another end's description that could be taken. */
export interface DescribedLine {
  readonly kind: MediaKind;
  /** Counted from 0. */
  readonly index: number;
  /** Where the other side receives. */
  readonly remote: NetworkAddress;
  /** Where it receives RTCP, if it is not on the same port. */
  readonly remoteRtcp: NetworkAddress;
  /** Whether it says that RTCP may be on the port of RTP. */
  readonly mux: boolean;
  readonly direction: MediaDirection;
  /** Whether the other side wants media: not while it holds the call, by its direction or by the address 0.0.0.0. */
  readonly listens: boolean;
  /** Of audio: codecs that both can do, in the other side's order. */
  readonly laws: readonly Companding[];
  /** Of audio: payload type of telephone events. */
  readonly eventType: number | null;
  /** Of video: what it names. */
  readonly formats: readonly NamedFormat[];
}

/** What of a description concerns this endpoint. */
export interface SessionMedia {
  /** The first m= line of audio that can be taken. */
  readonly audio: DescribedLine;
  /** All that could be taken, in order; the audio among them. */
  readonly lines: readonly DescribedLine[];
  /** All m= lines, for an answer. */
  readonly media: readonly Medium[];
  readonly mikey: Uint8Array | null;
  /** What a mailbox delivers: the messages of the exchange in which it was left there, instead of `mikey`. */
  readonly delivery: DeliveredMessages | null;
  /** Key management protocols that were listed. */
  readonly protocols: readonly string[];
}

/** An m= line of this end. */
export interface OwnLine {
  readonly kind: MediaKind;
  readonly port: number;
  /** Whether RTCP may be on the same port. */
  readonly mux: boolean;
  /** What this end wants: `sendonly` holds the other. */
  readonly direction: MediaDirection;
  /** Of video: the codec, with the payload type that it is offered with. */
  readonly format: NamedFormat | null;
}

/** What goes into each description of one call. */
export interface LocalSide {
  readonly username: string;
  readonly sessionId: string;
  readonly address: string;
  /** By m= line; `null`: not taken, or off. */
  readonly lines: () => readonly (OwnLine | null)[];
}

/**
 * What this end has described in one dialog. The version counts: it goes up by one with each description that differs
 * from the one before, and stays where nothing does (RFC 3264 section 8). A later offer has every m= line that there
 * was before.
 */
export class OwnDescriptions {
  readonly #side: LocalSide;
  #version = 0;
  #last: Body | null = null;
  /** The m= lines of the last description. */
  #media: readonly MediumParts[] = [];

  constructor(side: LocalSide) {
    this.#side = side;
  }

  /** The same so far, for another early dialog of the INVITE that this began with. */
  fork(): OwnDescriptions {
    const other = new OwnDescriptions(this.#side);
    other.#version = this.#version;
    other.#last = this.#last;
    other.#media = this.#media;
    return other;
  }

  /** An offer of all that this end can do. `mikey`: `null` keeps the keys. */
  offer(mikey: Uint8Array | null): Body {
    const own = this.#side.lines();
    const count = Math.max(own.length, this.#media.length);
    const media = Array.from({ length: count }, (_, index) => {
      const line = own[index] ?? null;
      return line === null ? off(this.#media[index]) : offered(line);
    });
    return this.#describe(mikey, media);
  }

  /** The answer to `offer`: this end's lines, each with what it takes of the other's. */
  answer(mikey: Uint8Array | null, offer: SessionMedia): Body {
    const own = this.#side.lines();
    const media = offer.media.map((medium, index) => {
      const theirs = offer.lines.find((line) => line.index === index);
      const line = own[index] ?? null;
      return (line === null || theirs === undefined ? null : taken(line, theirs)) ?? refused(medium);
    });
    return this.#describe(mikey, media);
  }

  #describe(mikey: Uint8Array | null, media: readonly MediumParts[]): Body {
    this.#media = media;
    const again = describe(this.#side, this.#version, mikey, media);
    if (this.#last !== null && equalOctets(again.octets, this.#last.octets)) return this.#last;
    this.#last = describe(this.#side, ++this.#version, mikey, media);
    return this.#last;
  }
}

/**
 * Reads an offer or an answer.
 * @throws EndpointError `not-acceptable`, `no-audio`, `no-srtp`, `no-codec`, `no-address` if there is nothing in it for this endpoint
 */
export function readDescription(type: string | null, octets: Uint8Array): SessionMedia {
  if (type === null || essenceOf(type) !== SDP_TYPE) {
    throw new EndpointError('not-acceptable', 'there is no session description');
  }
  const description = parse(octets);
  const { media } = description;
  // What the audio lacks that comes nearest.
  let lacking: Lack = 'no-audio';
  const lines = media.flatMap((medium, index): DescribedLine[] => {
    const kind = KINDS.find((known) => known === medium.media);
    if (kind === undefined) return [];
    const line = { kind, index, ...read(medium, description) };
    const lack = lackOf(medium, line);
    if (lack === null) return [line];
    if (kind === 'audio' && WANTED.indexOf(lack) > WANTED.indexOf(lacking)) lacking = lack;
    return [];
  });
  const audio = lines.find(({ kind }) => kind === 'audio');
  if (audio === undefined) throw new EndpointError(lacking, 'no audio of G.711 over SRTP is described');
  return { audio, lines, media, ...keysIn(description), protocols: description.keyManagement };
}

/** Whether two names of codecs are one: they compare without case (RFC 4855 section 3). */
export function isSameCodec(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

/** The format of a video line that is this codec; `null` if there is none. */
export function formatOf({ formats }: DescribedLine, codec: string): NamedFormat | null {
  return formats.find((format) => isSameCodec(format.codec, codec)) ?? null;
}

/* ---------------------------------------------------------------- helpers */

const KINDS: readonly MediaKind[] = ['audio', 'video'];

/** What an m= line may lack, in the order in which it is looked for. */
const WANTED = ['no-audio', 'no-srtp', 'no-codec', 'no-address'] as const;
type Lack = (typeof WANTED)[number];

function lackOf({ protocol, port }: Medium, line: DescribedLine): Lack | null {
  if (port === 0) return 'no-audio';
  if (protocol !== PROTOCOL) return 'no-srtp';
  if ((line.kind === 'audio' ? line.laws : line.formats).length === 0) return 'no-codec';
  return isIP(line.remote.address) === 0 ? 'no-address' : null;
}

function read(medium: Medium, description: SessionDescription): Omit<DescribedLine, 'kind' | 'index'> {
  const { attributes, port } = medium;
  const address = medium.connection?.address ?? '';
  const direction = directionIn(attributes) ?? directionIn(description.attributes) ?? 'sendrecv';
  const named = formatsIn(medium);
  return {
    remote: { address, port },
    remoteRtcp: rtcpIn(attributes, address) ?? { address, port: port + 1 },
    mux: attributeValues(attributes, 'rtcp-mux').length > 0,
    direction,
    listens: (direction === 'sendrecv' || direction === 'recvonly') && address !== '0.0.0.0',
    laws: lawsOf(medium),
    eventType: named.find(({ codec }) => isSameCodec(codec, EVENTS))?.type ?? null,
    formats: named,
  };
}

/** `a=rtcp:port [IN IP4 address]` (RFC 3605). */
function rtcpIn(attributes: readonly string[], address: string): NetworkAddress | null {
  const [value] = attributeValues(attributes, 'rtcp');
  const [, port, other] = /^(\d{1,5})(?:\s+IN\s+IP[46]\s+(\S+))?$/i.exec(value ?? '') ?? [];
  if (port === undefined || Number(port) === 0 || Number(port) > 0xffff) return null;
  if (other !== undefined && isIP(other) === 0) return null;
  return { address: other ?? address, port: Number(port) };
}

/** `a=rtpmap:type name/rate[/channels]` of the formats that the line lists. */
function formatsIn({ attributes, formats }: Medium): NamedFormat[] {
  return attributeValues(attributes, 'rtpmap').flatMap((value) => {
    const [, type, codec] = /^(\d{1,3})\s+(\S+)$/.exec(value) ?? [];
    if (type === undefined || codec === undefined || !formats.includes(type) || Number(type) > 0x7f)
      return [];
    return [{ type: Number(type), codec }];
  });
}

/** One MIKEY message, or none; or the three of a delivery (profile, section 3). @throws EndpointError `not-acceptable` */
function keysIn({ sessionMikey }: SessionDescription): Pick<SessionMedia, 'mikey' | 'delivery'> {
  const [first = null, rMessage1, iMessage2, ...others] = sessionMikey;
  if (first === null || rMessage1 === undefined) return { mikey: first, delivery: null };
  if (iMessage2 === undefined || others.length > 0)
    throw new EndpointError('not-acceptable', 'neither one MIKEY message nor the three of a delivery');
  return { mikey: null, delivery: { iMessage1: first, rMessage1, iMessage2 } };
}

type MediumParts = Parameters<typeof makeSdp>[0]['media'][number];

function describe(
  side: LocalSide,
  version: number,
  mikey: Uint8Array | null,
  media: readonly MediumParts[],
): Body {
  const { username, sessionId, address } = side;
  const addressType = isIP(address) === 6 ? 'IP6' : 'IP4';
  const connection = { addressType, address } as const;
  const description = makeSdp({ username, sessionId, version, connection, media });
  description.setMikey(mikey);
  return { type: SDP_TYPE, octets: description.serialise() };
}

function offered(line: OwnLine): MediumParts {
  if (line.kind === 'audio') return audio(line.port, LAWS, EVENT_TYPE, line.direction, line.mux);
  return video(line.port, line.format, line.direction, line.mux);
}

/** What this end takes of a line of the other's; `null`: nothing. */
function taken(line: OwnLine, theirs: DescribedLine): MediumParts | null {
  const direction = answered(line.direction, theirs.direction);
  const mux = line.mux && theirs.mux;
  if (line.kind !== theirs.kind) return null;
  if (line.kind === 'audio')
    return audio(line.port, theirs.laws.slice(0, 1), theirs.eventType, direction, mux);
  const format = line.format === null ? null : formatOf(theirs, line.format.codec);
  return format === null ? null : video(line.port, format, direction, mux);
}

/** What is answered by an end that wants no more than `own`. */
function answered(own: MediaDirection, theirs: MediaDirection): MediaDirection {
  const most = ANSWERED[theirs];
  const sends = own.startsWith('send') && most.startsWith('send');
  const hears = /recv/.test(own) && /recv/.test(most);
  if (sends) return hears ? 'sendrecv' : 'sendonly';
  return hears ? 'recvonly' : 'inactive';
}

function audio(
  port: number,
  laws: readonly Companding[],
  eventType: number | null,
  direction: MediaDirection,
  mux: boolean,
): MediumParts {
  const events = eventType === null ? [] : [String(eventType)];
  return {
    line: {
      media: 'audio',
      port,
      protocol: PROTOCOL,
      formats: [...laws.map((law) => String(AUDIO_TYPE[law])), ...events],
    },
    attributes: [
      ...laws.map((law) => `rtpmap:${AUDIO_TYPE[law]} ${law.toUpperCase()}/${G711_CLOCK_RATE}`),
      ...events.flatMap((type) => [`rtpmap:${type} ${EVENTS}`, `fmtp:${type} 0-15`]),
      'ptime:20',
      direction,
      ...(mux ? ['rtcp-mux'] : []),
    ],
  };
}

function video(
  port: number,
  format: NamedFormat | null,
  direction: MediaDirection,
  mux: boolean,
): MediumParts {
  const formats = format === null ? [] : [format];
  return {
    line: { media: 'video', port, protocol: PROTOCOL, formats: formats.map(({ type }) => String(type)) },
    attributes: [
      ...formats.map(({ type, codec }) => `rtpmap:${type} ${codec}`),
      direction,
      ...(mux ? ['rtcp-mux'] : []),
    ],
  };
}

function refused({ media, protocol, formats }: Medium): MediumParts {
  return { line: { media, port: 0, protocol, formats }, attributes: [] };
}

/** A line that this end had described before, and does not use any more. */
function off(before: MediumParts | undefined): MediumParts {
  const { line } = before ?? video(0, { type: 96, codec: '' }, 'inactive', false);
  return { line: { ...line, port: 0 }, attributes: [] };
}

function directionIn(attributes: readonly string[]): MediaDirection | null {
  const said = attributes.map(parseAttribute).flatMap(({ name, value }) => (value === null ? [name] : []));
  return (Object.keys(ANSWERED) as MediaDirection[]).find((direction) => said.includes(direction)) ?? null;
}

function lawsOf(medium: Medium): Companding[] {
  return medium.formats.flatMap((format) => LAWS.find((law) => String(AUDIO_TYPE[law]) === format) ?? []);
}

function parse(octets: Uint8Array): SessionDescription {
  try {
    return SessionDescription.parse(octets);
  } catch (cause) {
    if (!(cause instanceof SipError)) throw cause;
    throw new EndpointError('not-acceptable', 'the session description is malformed', { cause });
  }
}
