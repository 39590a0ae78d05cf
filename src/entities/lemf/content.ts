/**
 * What is in a CC payload (TS 102 232-5 clause 5.5): the payload itself, or what is in an UDP or IP packet, depending on
 * the frame type; and what that is (`media/demultiplex.ts`).
 */
import { BytesError } from '../../bytes/errors.ts';
import type { CcContents, CcPayload } from '../../wire/hi/ps-pdu.ts';
import { FRAME_TYPE, MMCC_PROTOCOL, readStreamName } from '../../wire/hi/ipmm-cc.ts';
import type { StreamName } from '../../wire/hi/ipmm-cc.ts';
import { ipPayload, udpPayload } from '../../wire/x2x3/ip-packet.ts';
import type { DatagramPayload } from '../../wire/x2x3/ip-packet.ts';
import { latin1 } from '../../wire/hi/text.ts';
import { MediaError } from '../../media/errors.ts';
import { mediaKindOf } from '../../media/demultiplex.ts';
import { decodeRtpHeader } from '../../media/rtp.ts';
import type { RtpHeader } from '../../media/rtp.ts';

export interface RtpContent {
  readonly header: RtpHeader;
  /** The packet as intercepted, from its RTP header on. */
  readonly packet: Uint8Array;
  /** Where it came from and went, as the delivery function says it or the packet does; `null` if neither does. */
  readonly path: string | null;
  /** The network has decrypted it, and says under the key of which crypto session (0: under one that the SDP showed). */
  readonly decrypted: number | null;
}

/** Content by what can be done with it. */
export type ContentItem =
  | ({ readonly kind: 'rtp' } & RtpContent)
  /** Reports and connectivity checks: no speech in them. */
  | { readonly kind: 'rtcp' | 'stun' }
  /** Parties that agree upon keys on the media's own way. */
  | { readonly kind: 'handshake' }
  /** Said to be RTP, and is not. */
  | { readonly kind: 'noise' }
  /** In a form that is not read here: another protocol, a fragment, audio without a header. */
  | { readonly kind: 'unsupported' };

/** The content of a CC payload. */
export function contentOf({ contents }: CcPayload): ContentItem {
  const unwrapped = packetOf(contents);
  if (unwrapped === null) return { kind: 'unsupported' };
  const { octets } = unwrapped;
  const kind = mediaKindOf(octets);
  if (kind !== 'rtp') return { kind };
  try {
    const { path, decrypted } = streamNameOf(contents) ?? { path: unwrapped.path, decrypted: null };
    return {
      kind,
      header: decodeRtpHeader(octets).header,
      packet: octets,
      path,
      decrypted: decrypted && (decrypted.csId ?? 0),
    };
  } catch (error) {
    if (error instanceof BytesError || error instanceof MediaError) return { kind: 'noise' };
    throw error;
  }
}

/** The RTP packet in a CC payload; `null` if it holds something else. */
export function rtpOf(payload: CcPayload): RtpContent | null {
  const content = contentOf(payload);
  return content.kind === 'rtp' ? content : null;
}

function packetOf(contents: CcContents): DatagramPayload | null {
  if (contents.kind === 'voip') {
    // TS 33.108 names no frame type: IP version 4 or 6 and RTP version 2 differ in their first bits.
    const { payload } = contents.cc;
    return unwrapped(payload, (payload[0] ?? 0) >> 6 === 2 ? FRAME_TYPE.rtpFrame : FRAME_TYPE.ipFrame);
  }
  if (contents.kind !== 'ipmm') return null;
  const { packet, frameType, protocol } = contents.cc;
  if (protocol !== undefined && protocol !== MMCC_PROTOCOL.rTP) return null;
  return unwrapped(packet, frameType ?? FRAME_TYPE.rtpFrame);
}

function streamNameOf(contents: CcContents): StreamName | null {
  const id = contents.kind === 'ipmm' ? contents.cc.streamIdentifier : undefined;
  return id === undefined ? null : readStreamName(latin1(id));
}

function unwrapped(packet: Uint8Array, frameType: number): DatagramPayload | null {
  switch (frameType) {
    case FRAME_TYPE.rtpFrame:
    case FRAME_TYPE.artificialRtpFrame:
      return { octets: packet, path: null };
    case FRAME_TYPE.udpFrame:
      return udpPayload(packet, '', '');
    case FRAME_TYPE.ipFrame:
      return ipPayload(packet);
    default:
      return null;
  }
}
