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
import { relativeOidContents } from '../../bytes/der.ts';
import { constructed, Elements, number, optional, primitive } from './ber.ts';

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

export interface IpmmCc {
  readonly objectId: string;
  /** The packet as intercepted. */
  readonly packet: Uint8Array;
  readonly frameType?: number;
  /** Tells the streams of one CIN apart; our delivery function writes `source>destination`, addresses and ports. */
  readonly streamIdentifier?: Uint8Array;
  readonly protocol?: number;
}

/** [tag] IPMMCC. */
export function encodeIpmmCc(tag: number, cc: IpmmCc): Uint8Array {
  return constructed(
    tag,
    primitive(0, relativeOidContents(cc.objectId)),
    primitive(1, cc.packet),
    optional(cc.frameType, (type) => number(2, type)),
    optional(cc.streamIdentifier, (id) => primitive(3, id)),
    optional(cc.protocol, (protocol) => number(4, protocol)),
  );
}

export function decodeIpmmCc(contents: Uint8Array): IpmmCc {
  const elements = new Elements(contents, 'IPMMCC', [0, 1], 'skipped');
  const frameType = elements.optionalNumber(2, 'frameType');
  const streamIdentifier = elements.optionalOctets(3, 'streamIdentifier');
  const protocol = elements.optionalNumber(4, 'mMCCprotocol');
  return {
    objectId: elements.relativeOid(0, 'iPMMCCObjId'),
    packet: elements.octets(1, 'mMCCContents'),
    ...(frameType === undefined ? {} : { frameType }),
    ...(streamIdentifier === undefined ? {} : { streamIdentifier }),
    ...(protocol === undefined ? {} : { protocol }),
  };
}
