/**
 * What a LEMF reads in an SDP (RFC 8866): media lines with what their payload types mean and where they are received,
 * MIKEY messages (RFC 4567: `a=key-mgmt:mikey BASE64`, at session or media level), and whatever else says that a medium
 * is or may be encrypted. Tolerant: it was not written for us, and a line that says nothing to us must not cost us the
 * next.
 */
import { BytesError } from '../../bytes/errors.ts';
import { fromBase64 } from '../../bytes/octets.ts';
import type { Companding } from '../../media/g711.ts';
import { SipError } from '../../sip/errors.ts';
import { parseCryptoAttribute } from '../../sip/sdes.ts';
import type { CryptoAttribute } from '../../sip/sdes.ts';

export interface MediaLine {
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
  /** a=crypto (RFC 4568). */
  readonly crypto: readonly CryptoAttribute[];
  /** Other ways to agree upon keys: `mikey`, `dtls`, `zrtp`, and `sdes` where a=crypto cannot be read. */
  readonly keying: ReadonlySet<Keying>;
}

export type Keying = 'mikey' | 'sdes' | 'dtls' | 'zrtp';

export interface SdpContents {
  /** In order: the k-th m= line, counted from 1, has crypto sessions 2k−1 and 2k. */
  readonly media: readonly MediaLine[];
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

/** a=crypto lines that are read of one medium; the parties' own offers have a handful. */
const MAX_CRYPTO = 16;

interface OpenMedia {
  media: string;
  port: number;
  protocol: string;
  formats: number[];
  codecs: Map<number, string>;
  address: string | null;
  crypto: CryptoAttribute[];
  keying: Set<Keying>;
}

export function readSdp(body: Uint8Array): SdpContents {
  const text = Buffer.from(body.buffer, body.byteOffset, body.length).toString('latin1');
  const media: OpenMedia[] = [];
  const mikey: Uint8Array[] = [];
  const session: Pick<OpenMedia, 'address' | 'keying'> = { address: null, keying: new Set() };
  for (const line of text.split(/\r\n|\r|\n/)) {
    const match = /^\s*([A-Za-z])=\s*(.*?)\s*$/.exec(line);
    const value = match?.[2] ?? '';
    const medium = media.at(-1);
    switch (match?.[1]?.toLowerCase()) {
      case 'm':
        media.push(...mediaLine(value));
        break;
      case 'c': {
        const address = /^IN\s+IP[46]\s+([^\s/]+)/i.exec(value)?.[1] ?? null;
        (medium ?? session).address = address;
        break;
      }
      case 'a':
        mikey.push(...mikeyOf(value));
        attribute(value, medium ?? null, (medium ?? session).keying);
        break;
    }
  }
  return {
    media: media.map((line) => ({
      ...line,
      address: line.address ?? session.address,
      keying: new Set([...line.keying, ...session.keying]),
    })),
    mikey,
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

function mediaLine(value: string): OpenMedia[] {
  const match = /^(\S+)\s+(\d{1,5})(?:\/\d+)?\s+(\S+)((?:\s+\S+)*)$/.exec(value);
  if (match === null) return [];
  const [, media = '', port = '', protocol = '', list = ''] = match;
  const formats = list
    .split(/\s+/)
    .filter((format) => /^\d{1,3}$/.test(format))
    .map(Number);
  const codecs = new Map(
    formats.flatMap((format): [number, string][] => {
      const codec = STATIC_CODECS.get(format);
      return codec === undefined ? [] : [[format, codec]];
    }),
  );
  return [
    { media, port: Number(port), protocol, formats, codecs, address: null, crypto: [], keying: new Set() },
  ];
}

function attribute(value: string, medium: OpenMedia | null, keying: Set<Keying>): void {
  const rtpmap = /^rtpmap:\s*(\d{1,3})\s+(\S+)/i.exec(value);
  if (rtpmap !== null) medium?.codecs.set(Number(rtpmap[1]), rtpmap[2] ?? '');
  if (/^key-mgmt:\s*mikey\b/i.test(value)) keying.add('mikey');
  if (/^fingerprint:/i.test(value)) keying.add('dtls');
  if (/^zrtp-hash:/i.test(value)) keying.add('zrtp');
  if (!/^crypto:/i.test(value)) return;
  keying.add('sdes');
  const crypto = cryptoOf(value);
  if (medium !== null && crypto !== null && medium.crypto.length < MAX_CRYPTO) medium.crypto.push(crypto);
}

function cryptoOf(value: string): CryptoAttribute | null {
  try {
    return parseCryptoAttribute(value);
  } catch (error) {
    if (error instanceof SipError) return null;
    throw error;
  }
}

/** The message of a key-mgmt line, or none: another attribute, or not base64. */
function mikeyOf(value: string): Uint8Array[] {
  const text = /^key-mgmt:\s*mikey\s+(\S+)/i.exec(value)?.[1];
  if (text === undefined) return [];
  try {
    return [fromBase64(text)];
  } catch (error) {
    if (error instanceof BytesError) return [];
    throw error;
  }
}
