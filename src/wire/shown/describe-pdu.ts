/**
 * PDUs of X2, X3, HI2 and HI3 for people: read by the wire's own readers, every value by its name. Keys are not shown,
 * only their length; nothing in them can speak to a terminal.
 */
import { BytesError, ClavigerError } from '../../bytes/errors.ts';
import { fromUtf8, toHex } from '../../bytes/octets.ts';
import type { SetAsidePdu } from '../../bytes/ports.ts';
import { Secret } from '../../bytes/secret.ts';
import { mediaKindOf } from '../../media/demultiplex.ts';
import { MediaError } from '../../media/errors.ts';
import { decodeRtpHeader } from '../../media/rtp.ts';
import { decodeMessage } from '../../mikey/message.ts';
import { describeMessage } from '../../mikey/describe.ts';
import { KEY_MANAGEMENT, keyManagementOf, parseKeyManagement } from '../../sip/key-management.ts';
import { FRAME_TYPE } from '../hi/ipmm-cc.ts';
import type { PsPdu } from '../hi/ps-pdu.ts';
import { decodePsPdu } from '../hi/ps-pdu.ts';
import { decodeSessionStart } from '../hi/session-start.ts';
import { attributeName } from '../x2x3/attributes.ts';
import { ipPayload, udpPayload } from '../x2x3/ip-packet.ts';
import type { Pdu } from '../x2x3/pdu.ts';
import { decodePdu, DIRECTION, PAYLOAD_FORMAT, PDU_TYPE } from '../x2x3/pdu.ts';
import { berTree } from './ber-tree.ts';
import { calendarTime, meaningOf, nameIn } from './pdu-names.ts';
import type { ShownFields, ShownValue } from './shown.ts';

/** What a PDU says, or why it cannot be read. */
export function describePdu({ reference, octets }: Pick<SetAsidePdu, 'reference' | 'octets'>): ShownFields {
  try {
    return reference === 'x2' || reference === 'x3'
      ? describeX2X3(decodePdu(octets))
      : describePsPdu(decodePsPdu(octets));
  } catch (error) {
    if (!(error instanceof ClavigerError)) throw error;
    return { unreadable: error.message };
  }
}

/** A PDU of HI2 or HI3, member by member. */
export function describePsPdu(pdu: PsPdu): ShownFields {
  return fieldsOf(pdu);
}

/** A PDU of X2 or X3: header, attributes, payload and what it is. */
export function describeX2X3(pdu: Pdu): ShownFields {
  const { version, type, payloadFormat, direction, xid, correlation, attributes, payload } = pdu;
  return {
    version: `${version >> 8}.${version & 0xff}`,
    type: nameIn(PDU_TYPE, type),
    payloadFormat: nameIn(PAYLOAD_FORMAT, payloadFormat),
    direction: nameIn(DIRECTION, direction),
    xid,
    correlation: toHex(correlation),
    attributes: attributes.map(({ type: number, ...rest }) => ({
      name: attributeName(number),
      value:
        rest.kind === 'timestamp' ? calendarTime(rest.seconds, rest.nanoseconds / 1e9, 9) : shown(rest.value),
    })),
    payload: payloadFormat === PAYLOAD_FORMAT.sip ? lenientText(payload) : shown(payload),
    ...payloadDetails(pdu),
  };
}

function payloadDetails({ payloadFormat, payload }: Pdu): ShownFields {
  switch (payloadFormat) {
    case PAYLOAD_FORMAT.sip:
      return mikeyIn(payload);
    case PAYLOAD_FORMAT.rtp:
      return media(payload, FRAME_TYPE.rtpFrame);
    case PAYLOAD_FORMAT.ipv4:
    case PAYLOAD_FORMAT.ipv6:
      return media(payload, FRAME_TYPE.ipFrame);
    case PAYLOAD_FORMAT.epsIriContent:
      return { start: fieldsOf(decodeSessionStart(payload)) };
    default:
      return {};
  }
}

/** Octets that are shown in hex; of more, and of what is not a text, their number alone is: they may be a key. */
const SHORT = 8;

function shown(value: unknown): ShownValue {
  if (value instanceof Secret) return `secret, ${value.length} octets`;
  if (value instanceof Uint8Array) return textOf(value) ?? octetsOf(value);
  if (Array.isArray(value)) return value.map(shown);
  if (typeof value === 'object' && value !== null) return fieldsOf(value);
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string') return value;
  return typeof value === 'bigint' ? value.toString() : null;
}

function fieldsOf(value: object): ShownFields {
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return {
    ...Object.fromEntries(members.map(([name, member]) => [name, memberOf(value, name, member)])),
    ...detailsOf(value),
  };
}

function memberOf(holder: object, name: string, member: unknown): ShownValue {
  if (typeof member === 'number') return meaningOf(name, member, holder) ?? member;
  if (name === 'time' && isMicroTime(member))
    return calendarTime(member.seconds, member.microSeconds / 1e6, 6);
  // What no reader here knows, and what one could not read.
  if (name === 'element' && member instanceof Uint8Array)
    return berTree(member, (contents) => textOf(contents) ?? octetsOf(contents));
  if (TEXTS.has(name) && member instanceof Uint8Array) return lenientText(member);
  return shown(member);
}

/** Members that are text whatever a stranger put into it. */
const TEXTS: ReadonlySet<string> = new Set([
  'sipMessage',
  'sipMessageHeaderOffer',
  'sipMessageHeaderAnswer',
  'sdpOffer',
  'sdpAnswer',
  'content',
]);

function lenientText(octets: Uint8Array): string {
  return Buffer.from(octets).toString('utf8');
}

function isMicroTime(value: unknown): value is { readonly seconds: number; readonly microSeconds: number } {
  return typeof value === 'object' && value !== null && 'seconds' in value && 'microSeconds' in value;
}

/** What is in octets that a value carries: the MIKEY messages of SIP and SDP, the header of RTP. */
function detailsOf(value: object): ShownFields {
  if ('packet' in value && value.packet instanceof Uint8Array && !('message' in value)) {
    const frameType = 'frameType' in value ? value.frameType : FRAME_TYPE.rtpFrame;
    return media(value.packet, typeof frameType === 'number' ? frameType : -1);
  }
  const texts = Object.values(value).filter((member) => member instanceof Uint8Array);
  return mikeyIn(...texts);
}

/** The MIKEY messages that texts carry, by name. */
export function mikeyNames(...texts: readonly Uint8Array[]): string[] {
  const found = texts.flatMap((octets) => {
    const text = Buffer.from(octets).toString('latin1');
    return text.includes(KEY_MANAGEMENT) ? keyManagementOf(text) : [];
  });
  return found.map(mikeyName);
}

function mikeyIn(...texts: readonly Uint8Array[]): ShownFields {
  const names = mikeyNames(...texts);
  return names.length === 0 ? {} : { mikey: names };
}

function mikeyName(attribute: string): string {
  try {
    const { data } = parseKeyManagement(attribute);
    return `${describeMessage(decodeMessage(data), data.length).name}, ${data.length} octets`;
  } catch (error) {
    if (error instanceof ClavigerError) return `unreadable: ${error.message}`;
    throw error;
  }
}

/** The RTP header of a packet, and where it went; nothing where it is not RTP. */
function media(packet: Uint8Array, frameType: number): ShownFields {
  const { ipFrame, udpFrame, rtpFrame, artificialRtpFrame } = FRAME_TYPE;
  const bare = frameType === rtpFrame || frameType === artificialRtpFrame;
  const datagram = bare
    ? { octets: packet, path: null }
    : frameType === ipFrame
      ? ipPayload(packet)
      : frameType === udpFrame
        ? udpPayload(packet, '', '')
        : null;
  if (datagram === null) return {};
  const { octets, path } = datagram;
  const way = path === null ? {} : { path };
  if (mediaKindOf(octets) !== 'rtp') return { ...way, content: mediaKindOf(octets) };
  try {
    const { header, length } = decodeRtpHeader(octets);
    const { payloadType, sequenceNumber, timestamp, marker } = header;
    const ssrc = `0x${header.ssrc.toString(16).padStart(8, '0')}`;
    const rtp = { ssrc, payloadType, sequenceNumber, timestamp, marker, payload: octets.length - length };
    return { ...way, rtp };
  } catch (error) {
    if (error instanceof BytesError || error instanceof MediaError) return way;
    throw error;
  }
}

function octetsOf(octets: Uint8Array): string {
  return octets.length <= SHORT ? `0x${toHex(octets)}` : `${octets.length} octets`;
}

/** Octets that are a text, such as a SIP message; `null`: they are not. */
function textOf(octets: Uint8Array): string | null {
  if (octets.length <= SHORT) return null;
  if (octets.some((octet) => octet < 0x20 && octet !== TAB && octet !== LF && octet !== CR)) return null;
  try {
    return fromUtf8(octets);
  } catch {
    return null;
  }
}

const [TAB, LF, CR] = [0x09, 0x0a, 0x0d];
