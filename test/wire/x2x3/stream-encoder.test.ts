/** The encoder of a stream of content, whose headers are encoded once. */
import { describe, expect, it } from 'vitest';
import { ATTRIBUTE } from '../../../src/wire/x2x3/attributes.ts';
import { encodePdu, PAYLOAD_FORMAT, PDU_TYPE, timestampAttribute } from '../../../src/wire/x2x3/pdu.ts';
import { StreamEncoder } from '../../../src/wire/x2x3/stream-encoder.ts';
import { samplePdu } from './support.ts';

const SENT = { header: 1_000, payload: 2_000 };
const text = (type: number, value: string) => ({ kind: 'text', type, value }) as const;

function pdu(sequenceNumber: number, time: number, payload: Uint8Array) {
  return samplePdu({
    type: PDU_TYPE.x3,
    payloadFormat: PAYLOAD_FORMAT.rtp,
    attributes: [
      text(ATTRIBUTE.did, 'a destination, größer'),
      { kind: 'number', type: ATTRIBUTE.sequenceNumber, value: sequenceNumber },
      timestampAttribute(time),
      text(ATTRIBUTE.sourceIpv6, '2001:db8::1'),
      { kind: 'number', type: ATTRIBUTE.sourcePort, value: 40_000 },
    ],
    payload,
  });
}

describe('an encoder of a stream', () => {
  const encoder = new StreamEncoder(pdu(0, 0, new Uint8Array(0)), SENT);

  it('R-53: gives what is encoded one by one, whatever number, time and payload are', () => {
    for (const number of [0, 1, 0x80, 0xffff, 0x12345678, 0xffffffff])
      for (const time of [0, 1_805_440_640_000.123, 1_805_440_640_999.999, 4_294_967_295_000])
        for (const octets of [0, 1, 172, 2_000]) {
          const payload = new Uint8Array(octets).fill(0xa5);
          expect(encoder.encode(number, time, payload)).toEqual(encodePdu(pdu(number, time, payload)));
        }
  });

  it('gives octets of their own: what is done to one PDU is nothing to the next', () => {
    encoder.encode(1, 1, Uint8Array.of(1)).fill(0xff);
    expect(encoder.encode(2, 2, Uint8Array.of(2))).toEqual(encodePdu(pdu(2, 2, Uint8Array.of(2))));
  });

  it('refuses what is larger than may be sent, and a stream without numbers or times', () => {
    expect(() => encoder.encode(1, 1, new Uint8Array(2_001))).toThrow('payload of 2001 octets');
    expect(() => new StreamEncoder(pdu(0, 0, new Uint8Array(0)), { header: 60, payload: 1 })).toThrow(
      'header of',
    );
    expect(() => new StreamEncoder(samplePdu({ attributes: [] }), SENT)).toThrow('without attribute 8');
  });
});
