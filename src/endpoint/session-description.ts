/**
 * The session descriptions that the endpoint makes and reads (RFC 3264, RFC 4567, RFC 3551): one audio stream of G.711
 * over SRTP, and the MIKEY message at session level.
 *
 *     m=audio PORT RTP/SAVP 8 0        PCMA, PCMU; what an answer lists first is what both sides send
 *
 * An answer has every m= line of its offer, in order; those that it does not take get port 0 (RFC 3264 section 6).
 */
import type { NetworkAddress } from '../bytes/network-address.ts';
import { isIP } from 'node:net';
import { equalOctets } from '../bytes/octets.ts';
import type { Companding } from '../media/g711.ts';
import { G711_CLOCK_RATE, AUDIO_TYPE } from '../media/rtp.ts';
import { parseAttribute } from '../sip/attributes.ts';
import { SipError } from '../sip/errors.ts';
import { essenceOf } from '../sip/media-type.ts';
import type { Medium } from '../sip/sdp.ts';
import { SDP_TYPE, SessionDescription, makeSdp } from '../sip/sdp.ts';
import type { Body } from '../sip/agent-types.ts';
import { EndpointError } from './errors.ts';

const PROTOCOL = 'RTP/SAVP';
const LAWS: readonly Companding[] = ['pcma', 'pcmu'];

/** Which way media go, seen from who says it (RFC 3264 section 5.1). */
type MediaDirection = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

/** The answer to each direction of an offer, from an endpoint that would send and receive (RFC 3264 section 6.1). */
const ANSWERED: Readonly<Record<MediaDirection, MediaDirection>> = {
  sendrecv: 'sendrecv',
  sendonly: 'recvonly',
  recvonly: 'sendonly',
  inactive: 'inactive',
};

/** What of a description concerns this endpoint. */
export interface AudioDescription {
  /** Where the other side receives. */
  readonly remote: NetworkAddress;
  readonly direction: MediaDirection;
  /** Whether the other side wants media: not while it holds the call, by its direction or by the address 0.0.0.0. */
  readonly listens: boolean;
  /** Codecs that both can do, in the other side's order. */
  readonly laws: readonly Companding[];
  /** Its m= line, counted from 0. */
  readonly index: number;
  /** All m= lines, for an answer. */
  readonly media: readonly Medium[];
  readonly mikey: Uint8Array | null;
  /** Key management protocols that were listed. */
  readonly protocols: readonly string[];
}

/** What goes into each description of one call. */
export interface LocalSide {
  readonly username: string;
  readonly sessionId: string;
  readonly local: NetworkAddress;
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
  /** The m= lines of the last description, and which of them is the audio. */
  #media: readonly MediumParts[] = [];
  #index = 0;

  constructor(side: LocalSide) {
    this.#side = side;
  }

  /** The same so far, for another early dialog of the INVITE that this began with. */
  fork(): OwnDescriptions {
    const other = new OwnDescriptions(this.#side);
    other.#version = this.#version;
    other.#last = this.#last;
    other.#media = this.#media;
    other.#index = this.#index;
    return other;
  }

  /** An offer of all that this end can do. `mikey`: `null` keeps the keys. */
  offer(mikey: Uint8Array | null): Body {
    const all = audio(this.#side.local.port, LAWS);
    const media = this.#media.length === 0 ? [all] : this.#media.with(this.#index, all);
    return this.#describe(mikey, media);
  }

  /** The answer to `offer`, taking its audio with `law`. */
  answer(mikey: Uint8Array | null, offer: AudioDescription, law: Companding): Body {
    const taken = audio(this.#side.local.port, [law], ANSWERED[offer.direction]);
    const media = offer.media.map((medium, index) => (index === offer.index ? taken : refused(medium)));
    this.#index = offer.index;
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
export function readDescription(type: string | null, octets: Uint8Array): AudioDescription {
  if (type === null || essenceOf(type) !== SDP_TYPE) {
    throw new EndpointError('not-acceptable', 'there is no session description');
  }
  const description = parse(octets);
  const { media } = description;
  // What the line lacks that comes nearest.
  let lacking: Lack = 'no-audio';
  for (const [index, medium] of media.entries()) {
    const laws = lawsOf(medium);
    const address = medium.connection?.address ?? '';
    const lack = lackOf(medium, laws, address);
    if (lack !== null) {
      if (WANTED.indexOf(lack) > WANTED.indexOf(lacking)) lacking = lack;
      continue;
    }
    const direction = directionIn(medium.attributes) ?? directionIn(description.attributes) ?? 'sendrecv';
    return {
      remote: { address, port: medium.port },
      direction,
      listens: (direction === 'sendrecv' || direction === 'recvonly') && address !== '0.0.0.0',
      laws,
      index,
      media,
      mikey: description.mikey,
      protocols: description.keyManagement,
    };
  }
  throw new EndpointError(lacking, 'no audio of G.711 over SRTP is described');
}

/* ---------------------------------------------------------------- helpers */

/** What an m= line may lack, in the order in which it is looked for. */
const WANTED = ['no-audio', 'no-srtp', 'no-codec', 'no-address'] as const;
type Lack = (typeof WANTED)[number];

function lackOf(
  { media, protocol, port }: Medium,
  laws: readonly Companding[],
  address: string,
): Lack | null {
  if (media !== 'audio' || port === 0) return 'no-audio';
  if (protocol !== PROTOCOL) return 'no-srtp';
  if (laws.length === 0) return 'no-codec';
  return isIP(address) === 0 ? 'no-address' : null;
}

type MediumParts = Parameters<typeof makeSdp>[0]['media'][number];

function describe(
  side: LocalSide,
  version: number,
  mikey: Uint8Array | null,
  media: readonly MediumParts[],
): Body {
  const { username, sessionId, local } = side;
  const addressType = isIP(local.address) === 6 ? 'IP6' : 'IP4';
  const connection = { addressType, address: local.address } as const;
  const description = makeSdp({ username, sessionId, version, connection, media });
  description.setMikey(mikey);
  return { type: SDP_TYPE, octets: description.serialise() };
}

function audio(
  port: number,
  laws: readonly Companding[],
  direction: MediaDirection = 'sendrecv',
): MediumParts {
  return {
    line: {
      media: 'audio',
      port,
      protocol: PROTOCOL,
      formats: laws.map((law) => String(AUDIO_TYPE[law])),
    },
    attributes: [
      ...laws.map((law) => `rtpmap:${AUDIO_TYPE[law]} ${law.toUpperCase()}/${G711_CLOCK_RATE}`),
      'ptime:20',
      direction,
    ],
  };
}

function refused({ media, protocol, formats }: Medium): MediumParts {
  return { line: { media, port: 0, protocol, formats }, attributes: [] };
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
