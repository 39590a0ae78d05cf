/**
 * What a LEMF reads in an SDP (RFC 8866): media lines with their payload types, and MIKEY messages (RFC 4567:
 * `a=key-mgmt:mikey BASE64`, at session or media level). Tolerant: it was not written for us, and a line that says
 * nothing to us must not cost us the next.
 */
import { BytesError } from '../../bytes/errors.ts';
import { fromBase64 } from '../../bytes/octets.ts';
import type { Companding } from '../../media/g711.ts';
import { PAYLOAD_TYPE } from '../../media/rtp.ts';

export interface MediaLine {
  /** `audio`, `video`, … */
  readonly media: string;
  /** 0: refused or unused. */
  readonly port: number;
  /** `RTP/SAVP`, `RTP/AVP`, … */
  readonly protocol: string;
  /** Codec by payload type, in the SDP's words: `PCMA/8000`. */
  readonly codecs: ReadonlyMap<number, string>;
}

export interface SessionDescription {
  /** In order: the k-th m= line, counted from 1, has crypto sessions 2k−1 and 2k. */
  readonly media: readonly MediaLine[];
  readonly mikey: readonly Uint8Array[];
}

/** RFC 3551 table 4: what these payload types mean without rtpmap. */
export const STATIC_CODECS: ReadonlyMap<number, string> = new Map<number, string>([
  [PAYLOAD_TYPE.pcmu, 'PCMU/8000'],
  [PAYLOAD_TYPE.pcma, 'PCMA/8000'],
]);

export function readSdp(body: Uint8Array): SessionDescription {
  const text = Buffer.from(body.buffer, body.byteOffset, body.length).toString('latin1');
  const media: { media: string; port: number; protocol: string; codecs: Map<number, string> }[] = [];
  const mikey: Uint8Array[] = [];
  for (const line of text.split(/\r\n|\r|\n/)) {
    const m = /^m=(\S+) (\d+)(?:\/\d+)? (\S+)((?: \S+)*)$/.exec(line);
    if (m !== null) {
      const [, name = '', port = '', protocol = '', formats = ''] = m;
      media.push({ media: name, port: Number(port), protocol, codecs: staticCodecs(formats) });
      continue;
    }
    const rtpmap = /^a=rtpmap:(\d+) (\S+)/.exec(line);
    if (rtpmap !== null) media.at(-1)?.codecs.set(Number(rtpmap[1]), rtpmap[2] ?? '');
    const keyManagement = /^a=key-mgmt:\s*mikey\s+(\S+)/i.exec(line);
    if (keyManagement !== null) mikey.push(...base64(keyManagement[1] ?? ''));
  }
  return { media, mikey };
}

/** The law of a codec's name, or `null` if it is not G.711 at 8 kHz, mono. */
export function g711Law(codec: string): Companding | null {
  const match = /^(PCMA|PCMU)\/8000(?:\/1)?$/i.exec(codec);
  if (match === null) return null;
  return match[1]?.toUpperCase() === 'PCMA' ? 'pcma' : 'pcmu';
}

function staticCodecs(formats: string): Map<number, string> {
  const codecs = new Map<number, string>();
  for (const format of formats.trim().split(' ')) {
    const codec = STATIC_CODECS.get(Number(format));
    if (codec !== undefined) codecs.set(Number(format), codec);
  }
  return codecs;
}

/** One message, or none if it is not base64. */
function base64(text: string): Uint8Array[] {
  try {
    return [fromBase64(text)];
  } catch (error) {
    if (error instanceof BytesError) return [];
    throw error;
  }
}
