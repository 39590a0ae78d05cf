import type { Pdu } from '../../../src/wire/x2x3/pdu.ts';
import { ATTRIBUTE } from '../../../src/wire/x2x3/attributes.ts';
import { DIRECTION, PAYLOAD_FORMAT, PDU_TYPE, X2X3_VERSION } from '../../../src/wire/x2x3/pdu.ts';
import { utf8 } from '../../../src/bytes/octets.ts';

export const XID = '6f9619ff-8b86-4d01-b42d-00cf4fc964ff';

/** A PDU with every attribute that a POI of ours writes. */
export function samplePdu(changes: Partial<Pdu> = {}): Pdu {
  return {
    version: X2X3_VERSION,
    type: PDU_TYPE.x2,
    payloadFormat: PAYLOAD_FORMAT.sip,
    direction: DIRECTION.fromTarget,
    xid: XID,
    correlation: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
    attributes: [
      { kind: 'text', type: ATTRIBUTE.did, value: '00000000-0000-4000-8000-000000000001' },
      { kind: 'text', type: ATTRIBUTE.nfid, value: 'cscf.home1.example' },
      { kind: 'text', type: ATTRIBUTE.ipid, value: 'sip' },
      { kind: 'number', type: ATTRIBUTE.sequenceNumber, value: 7 },
      { kind: 'timestamp', type: ATTRIBUTE.timestamp, seconds: 1_805_440_640, nanoseconds: 123_456_000 },
      { kind: 'text', type: ATTRIBUTE.sourceIpv4, value: '127.0.0.1' },
      { kind: 'text', type: ATTRIBUTE.destinationIpv4, value: '127.0.0.2' },
      { kind: 'number', type: ATTRIBUTE.sourcePort, value: 5060 },
      { kind: 'number', type: ATTRIBUTE.destinationPort, value: 5080 },
      { kind: 'number', type: ATTRIBUTE.ipProtocol, value: 6 },
      { kind: 'text', type: ATTRIBUTE.matchedTarget, value: '<sipUri>sip:alice@home1.example</sipUri>' },
    ],
    payload: utf8('OPTIONS sip:bob@home2.example SIP/2.0\r\nContent-Length: 0\r\n\r\n'),
    ...changes,
  };
}
