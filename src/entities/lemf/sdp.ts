/**
 * What a LEMF reads in an SDP (RFC 8866): media lines with what their payload types mean and where they are received,
 * MIKEY messages (RFC 4567: `a=key-mgmt:mikey BASE64`, at session or media level), and whatever else says that a medium
 * is or may be encrypted. Tolerant: it was not written for us, and a line that says nothing to us must not cost us the
 * next.
 */
import { canonicalAddress, endpointText } from '../../bytes/network-address.ts';
import type { Companding } from '../../media/g711.ts';
import { attributeValues } from '../../sip/attributes.ts';
import { mediaProtection } from '../../sip/media-protection.ts';
import type { MediumProtection } from '../../sip/media-protection.ts';
import { SessionDescription } from '../../sip/sdp.ts';
import type { Medium } from '../../sip/sdp.ts';

export interface DescribedMedia extends MediumProtection {
  /** `audio`, `video`, … */
  readonly media: string;
  /** 0: refused or unused. */
  readonly port: number;
  /** `RTP/SAVP`, `RTP/AVP`, … */
  readonly protocol: string;
  /** Payload types in the line's order. */
  readonly formats: readonly number[];
  /** Codec by payload type, in the SDP's words: `PCMA/8000`. */
  readonly codecs: ReadonlyMap<number, string>;
  /** Address of its own c= line, else that of the session. */
  readonly address: string | null;
}

export interface SdpContents {
  /** In order: the k-th m= line, counted from 1, has crypto sessions 2k−1 and 2k. */
  readonly media: readonly DescribedMedia[];
  readonly mikey: readonly Uint8Array[];
}

/** RFC 3551 tables 4 and 5: what these payload types mean without rtpmap. */
export const STATIC_CODECS: ReadonlyMap<number, string> = new Map<number, string>([
  [0, 'PCMU/8000'],
  [3, 'GSM/8000'],
  [4, 'G723/8000'],
  [8, 'PCMA/8000'],
  [9, 'G722/8000'],
  [13, 'CN/8000'],
  [15, 'G728/8000'],
  [18, 'G729/8000'],
  [26, 'JPEG/90000'],
  [31, 'H261/90000'],
  [34, 'H263/90000'],
]);

export function readSdp(body: Uint8Array): SdpContents {
  const description = SessionDescription.salvage(body);
  const protections = mediaProtection(description);
  return {
    media: description.media.flatMap((medium, at) => {
      const protection = protections[at];
      return protection === undefined ? [] : [mediaLine(medium, protection)];
    }),
    mikey: description.mikeyMessages.filter((message) => message !== null),
  };
}

/** The law of a codec's name, or `null` if it is not G.711 at 8 kHz, mono. */
export function g711Law(codec: string): Companding | null {
  const match = /^(PCMA|PCMU)\/8000(?:\/1)?$/i.exec(codec);
  if (match === null) return null;
  return match[1]?.toUpperCase() === 'PCMA' ? 'pcma' : 'pcmu';
}

/** Whether a codec's name is that of telephone events (RFC 4733). */
export function isTelephoneEvent(codec: string): boolean {
  return /^telephone-event\/\d+(?:\/1)?$/i.test(codec);
}

/** Where a medium is received, as paths of packets have it: `address:port`, of IPv6 `[address]:port`. */
export function receiverText({ address, port }: Pick<DescribedMedia, 'address' | 'port'>): string {
  return endpointText({ address: canonicalAddress(address ?? ''), port });
}

function mediaLine(
  { media, port, protocol, ...medium }: Medium,
  protection: MediumProtection,
): DescribedMedia {
  const formats = medium.formats.filter((format) => /^\d{1,3}$/.test(format)).map(Number);
  const codecs = new Map(
    formats.flatMap((format): [number, string][] => {
      const codec = STATIC_CODECS.get(format);
      return codec === undefined ? [] : [[format, codec]];
    }),
  );
  for (const value of attributeValues(medium.attributes, 'rtpmap')) {
    const [, format, codec] = /^(\d{1,3})\s+(\S+)/.exec(value) ?? [];
    if (format !== undefined && codec !== undefined) codecs.set(Number(format), codec);
  }
  return {
    media,
    port,
    protocol,
    formats,
    codecs,
    address: medium.connection?.address ?? null,
    ...protection,
  };
}
