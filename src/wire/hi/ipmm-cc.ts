/**
 * Content of an IP multimedia communication, TS 102 232-5 clause 5.5: one intercepted packet, octet for octet.
 *
 *     IPMMCC ::= SEQUENCE {
 *       iPMMCCObjId      [0] RELATIVE-OID,        -- li-ps(5) iPMultimedia(5) version17(17) cC(2)
 *       mMCCContents     [1] OCTET STRING,
 *       ...,
 *       frameType        [2] ENUMERATED { ipFrame(0), udpFrame(1), rtpFrame(2), audioFrame(3), ..., tcpFrame(4), … } OPTIONAL,
 *       streamIdentifier [3] OCTET STRING OPTIONAL,
 *       mMCCprotocol     [4] ENUMERATED { rTP(0), mSRP(1), ..., uDPTL(2) } OPTIONAL }
 *
 * The module's own OID comment writes four arcs (5.5.17.2), relative to { lawfulIntercept }.
 */
import { optional } from '../../bytes/fields.ts';
import type { ValueOf } from '../../bytes/fields.ts';
import { integer, octetString, RELATIVE_OID } from './contents.ts';
import { component, optionalComponent, sequence } from './fields.ts';

export const IPMM_CC_OBJECT = '5.5.17.2';

/** FrameType. */
export const FRAME_TYPE = {
  ipFrame: 0,
  udpFrame: 1,
  rtpFrame: 2,
  audioFrame: 3,
  artificialRtpFrame: 5,
} as const;

/** MMCCprotocol. */
export const MMCC_PROTOCOL = { rTP: 0, mSRP: 1, uDPTL: 2 } as const;

const IPMM_CC_PARTS = {
  objectId: component(0, 'iPMMCCObjId', RELATIVE_OID),
  /** The packet as intercepted. */
  packet: component(1, 'mMCCContents', octetString()),
  /** Not to be guessed: a packet whose frame type cannot be read is not decoded. The same holds for the protocol. */
  frameType: optional(component(2, 'frameType', integer())),
  /** Tells the streams of one CIN apart; our delivery function writes `source>destination`, addresses and ports. */
  streamIdentifier: optionalComponent(3, 'streamIdentifier', octetString()),
  protocol: optional(component(4, 'mMCCprotocol', integer())),
};

export type IpmmCc = ValueOf<typeof IPMM_CC_PARTS>;

export const IPMM_CC = sequence([0, 1], 'skipped', IPMM_CC_PARTS);

/** What our delivery function says of a stream. */
export interface StreamName {
  /** `source>destination`, addresses and ports; may be empty. */
  readonly path: string;
  /** The network has decrypted the packet, under a key of this crypto session (`null`: one that the SDP showed). */
  readonly decrypted: { readonly csId: number | null } | null;
}

/**
 * A stream identifier: the path, and after it what the network has done to the packet.
 *
 *     192.0.2.1:4000>198.51.100.7:5000               as intercepted
 *     192.0.2.1:4000>198.51.100.7:5000;decrypted=2   decrypted in the network under the key of crypto session 2
 *     192.0.2.1:4000>198.51.100.7:5000;decrypted     … under a key that the SDP showed
 */
export function streamNameText({ path, decrypted }: StreamName): string {
  if (decrypted === null) return path;
  return `${path};decrypted${decrypted.csId === null ? '' : `=${decrypted.csId}`}`;
}

/** Of a stream identifier in the words of others, all is path. */
export function readStreamName(text: string): StreamName {
  const match = /^([^;]*);decrypted(?:=([1-9]\d{0,2}))?$/.exec(text);
  if (match === null) return { path: text, decrypted: null };
  const [, path = '', csId] = match;
  return { path, decrypted: { csId: csId === undefined ? null : Number(csId) } };
}
