/** The encoder of a point of interception, which does not encode again what it encoded lately. */
import { describe, expect, it } from 'vitest';
import { PduEncoder } from '../../../src/wire/x2x3/pdu-encoder.ts';
import { ATTRIBUTE } from '../../../src/wire/x2x3/attributes.ts';
import { encodePdu, timestampAttribute } from '../../../src/wire/x2x3/pdu.ts';
import type { Pdu } from '../../../src/wire/x2x3/pdu.ts';
import { samplePdu } from './support.ts';

/** PDUs of several tasks, destinations and addresses, a description of a session now and then; no two alike. */
function various(n: number): Pdu {
  const text = (type: number, value: string) => ({ kind: 'text', type, value }) as const;
  return samplePdu({
    xid: `37418${String(n % 7).padStart(3, '0')}-971b-4aa9-85f4-466d2b1adc7f`,
    attributes: [
      text(ATTRIBUTE.nfid, 'cscf.home1.example'),
      text(ATTRIBUTE.did, `destination ${n % 2000}`),
      text(ATTRIBUTE.sourceIpv4, `192.0.2.${n % 200}`),
      // The same text means other octets in an attribute of another form.
      text(ATTRIBUTE.ipid, `192.0.2.${n % 200}`),
      text(ATTRIBUTE.destinationIpv6, `2001:db8::${n % 100}`),
      { kind: 'number', type: ATTRIBUTE.sequenceNumber, value: n },
      timestampAttribute(1_805_440_640_000 + n),
      ...(n % 50 === 0 ? [text(ATTRIBUTE.sdp, `v=0\r\n${'a'.repeat(n)}`)] : []),
    ],
  });
}

describe('an encoder of many PDUs', () => {
  it('gives what is encoded one by one, also when there is more to remember than it may', () => {
    const encoder = new PduEncoder();
    for (let round = 0; round < 2; round++)
      for (let n = 0; n < 1_200; n++) {
        const octets = encoder.encode(various(n));
        if (Buffer.compare(octets, encodePdu(various(n))) !== 0)
          expect(octets).toEqual(encodePdu(various(n)));
      }
  });

  it('gives octets of their own: what is done to one PDU is nothing to the next', () => {
    const encoder = new PduEncoder();
    encoder.encode(various(1)).fill(0xff);
    expect(encoder.encode(various(1))).toEqual(encodePdu(various(1)));
  });

  it('refuses what cannot be encoded each time', () => {
    const encoder = new PduEncoder();
    const wrong = samplePdu({ attributes: [{ kind: 'text', type: ATTRIBUTE.sourceIpv4, value: 'nowhere' }] });
    for (let n = 0; n < 2; n++) {
      expect(() => encoder.encode(wrong)).toThrow('not an IPv4 address');
      expect(() => encoder.encode(samplePdu({ xid: 'none' }))).toThrow('not a UUID');
      expect(() => encoder.encode(samplePdu(), { header: 60, payload: 10_000 })).toThrow('header of');
    }
  });
});
