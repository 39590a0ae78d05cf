/**
 * Session descriptions of a mailbox (RFC 3264, RFC 4567): it takes every m= line of RTP over SAVP, whatever its codecs,
 * since it keeps packets as they come; and offers the same lines when it delivers, `sendonly`, with the three MIKEY
 * messages of the deposit (profile, section 3).
 */
import { isIP } from 'node:net';
import type { NetworkAddress } from '../../bytes/network-address.ts';
import type { DeliveredMessages } from '../../ibake/deferred.ts';
import type { Companding } from '../../media/g711.ts';
import { AUDIO_TYPE } from '../../media/rtp.ts';
import type { Body } from '../../sip/agent-types.ts';
import { parseAttribute } from '../../sip/attributes.ts';
import { SipError } from '../../sip/errors.ts';
import { formatKeyManagement } from '../../sip/key-management.ts';
import { essenceOf } from '../../sip/media-type.ts';
import { makeSdp, SDP_TYPE, SessionDescription } from '../../sip/sdp.ts';
import type { Medium } from '../../sip/sdp.ts';
import { decimal } from '../../sip/text.ts';
import { MailboxError } from './errors.ts';
import type { KeptMedium, MessageHead } from './ports.ts';

const LAWS: readonly Companding[] = ['pcma', 'pcmu'];
const PROTOCOLS: readonly string[] = ['RTP/SAVP', 'RTP/SAVPF'];
/** m= lines of one deposit at most; a CS ID has one octet. */
const MAX_LINES = 127;
/** Of those, how many are kept: audio, video, and room for more. */
const MAX_KEPT = 8;
/** What says what formats are. */
const FORMAT_ATTRIBUTES: readonly string[] = ['rtpmap', 'fmtp', 'ptime', 'maxptime'];
/** Of a static payload type without an rtpmap (RFC 3551), in hertz: audio, and video. */
const CLOCK_RATES: Readonly<Record<string, number>> = { audio: 8000, video: 90_000 };

export interface DepositOffer {
  /** I_MESSAGE_1, or I_MESSAGE_2. */
  readonly mikey: Uint8Array;
  readonly protocols: readonly string[];
  /** All m= lines. */
  readonly lines: readonly Medium[];
  /** Those of which packets are kept. */
  readonly media: readonly KeptMedium[];
}

/** An m= line of an answer, as far as it takes something. */
export interface TakenMedium {
  readonly index: number;
  readonly remote: NetworkAddress;
}

/** The MIKEY message of a description, and its m= lines. @throws MailboxError `not-acceptable` */
export function readDeposit(type: string | null, octets: Uint8Array): DepositOffer {
  const description = parsedDescription(type, octets);
  const { media: lines, sessionMikey, keyManagement } = description;
  const [mikey] = sessionMikey;
  if (mikey === undefined || sessionMikey.length > 1)
    throw new MailboxError('not-acceptable', 'the offer does not have one MIKEY message');
  const media = lines.flatMap((line, index) => (isKept(line) ? [keptMedium(line, index)] : []));
  if (media.length === 0 || media.length > MAX_KEPT || lines.length > MAX_LINES)
    throw new MailboxError('not-acceptable', 'no media over SRTP, or too many');
  return { mikey, protocols: keyManagement, lines, media };
}

/**
 * The m= line that something is said on to who leaves a message, and how: the first of G.711 whose sender also listens;
 * `null`: none.
 */
export function spokenLine({ lines, media }: DepositOffer): { index: number; law: Companding } | null {
  for (const { index, media: kind, formats } of media) {
    const said = (lines[index]?.attributes ?? []).map((attribute) => parseAttribute(attribute).name);
    const law = LAWS.find((each) => formats[0] === String(AUDIO_TYPE[each]));
    if (kind === 'audio' && law !== undefined && !said.includes('sendonly') && !said.includes('inactive'))
      return { index, law };
  }
  return null;
}

/** Where an answer wants the m= lines of an offer; none that it refuses. @throws MailboxError `not-acceptable` */
export function readTaken(type: string | null, octets: Uint8Array): readonly TakenMedium[] {
  const { media } = parsedDescription(type, octets);
  return media.flatMap(({ port, connection }, index) => {
    const address = connection?.address ?? '';
    return port === 0 || isIP(address) === 0 ? [] : [{ index, remote: { address, port } }];
  });
}

/** Who describes. */
export interface MailboxSide {
  readonly username: string;
  readonly sessionId: string;
  readonly address: string;
}

/** The answer to a deposit's offer: each line that is kept is taken, with the port of its number; on one something is said. */
export function depositAnswer(
  side: MailboxSide,
  offer: DepositOffer,
  mikey: Uint8Array,
  said: {
    readonly version: number;
    readonly ports: ReadonlyMap<number, number>;
    readonly spoken: number | null;
  },
): Body {
  const { version, ports, spoken } = said;
  const media = offer.lines.map((line, index) => {
    const kept = offer.media.find((each) => each.index === index);
    const port = kept === undefined ? 0 : (ports.get(index) ?? 0);
    const direction = index === spoken ? 'sendrecv' : 'recvonly';
    return lineOf(line, port, port === 0 ? [] : [...(kept?.attributes ?? []), direction]);
  });
  return described(side, version, [mikey], media);
}

/** The offer of a delivery. */
export function deliveryOffer(
  side: MailboxSide,
  { messages, lines, media }: MessageHead,
  ports: ReadonlyMap<number, number>,
): Body {
  const { iMessage1, rMessage1, iMessage2 } = messages satisfies DeliveredMessages;
  const all = Array.from({ length: lines }, (_, index) => {
    const kept = media.find((each) => each.index === index);
    if (kept === undefined) return lineOf(UNKEPT, 0, []);
    return lineOf(kept, ports.get(index) ?? 0, [...kept.attributes, 'sendonly']);
  });
  return described(side, 1, [iMessage1, rMessage1, iMessage2], all);
}

/* ---------------------------------------------------------------- helpers */

/** Keeps the place of an m= line of which nothing was kept. */
const UNKEPT = { media: 'audio', protocol: 'RTP/SAVP', formats: ['0'] };

function parsedDescription(type: string | null, octets: Uint8Array): SessionDescription {
  try {
    if (type === null || essenceOf(type) !== SDP_TYPE)
      throw new MailboxError('not-acceptable', 'there is no session description');
    return SessionDescription.parse(octets);
  } catch (cause) {
    if (!(cause instanceof SipError)) throw cause;
    throw new MailboxError('not-acceptable', 'the session description is malformed', { cause });
  }
}

function isKept({ protocol, port, formats }: Medium): boolean {
  return PROTOCOLS.includes(protocol) && port !== 0 && formats.length > 0;
}

function keptMedium({ media, protocol, formats, attributes }: Medium, index: number): KeptMedium {
  const own = attributes.filter((attribute) => FORMAT_ATTRIBUTES.includes(parseAttribute(attribute).name));
  return { index, media, protocol, formats, attributes: own, clockRate: clockRateOf(media, formats, own) };
}

/** That of the first format: `rtpmap:96 H264/90000`. */
function clockRateOf(media: string, [first = '']: readonly string[], attributes: readonly string[]): number {
  for (const attribute of attributes) {
    const { name, value } = parseAttribute(attribute);
    const [, format, rate] = /^(\d+)\s+[^/\s]+\/(\d+)/.exec(value ?? '') ?? [];
    const hertz = decimal(rate ?? '', 1_000_000);
    if (name === 'rtpmap' && format === first && hertz !== null && hertz > 0) return hertz;
  }
  return CLOCK_RATES[media] ?? 8000;
}

type MediumParts = Parameters<typeof makeSdp>[0]['media'][number];

function lineOf(
  { media, protocol, formats }: Pick<Medium, 'media' | 'protocol' | 'formats'>,
  port: number,
  attributes: readonly string[],
): MediumParts {
  return { line: { media, port, protocol, formats }, attributes };
}

function described(
  { username, sessionId, address }: MailboxSide,
  version: number,
  mikey: readonly Uint8Array[],
  media: readonly MediumParts[],
): Body {
  const addressType = isIP(address) === 6 ? 'IP6' : 'IP4';
  const connection = { addressType, address } as const;
  const attributes = mikey.map((data) => formatKeyManagement({ protocol: 'mikey', data }));
  const description = makeSdp({ username, sessionId, version, connection, attributes, media });
  return { type: SDP_TYPE, octets: description.serialise() };
}
