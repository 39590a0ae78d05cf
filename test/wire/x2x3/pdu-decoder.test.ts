/** The decoder of a delivery function, which does not decode again what it decoded lately. */
import { describe, expect, it } from 'vitest';
import { ATTRIBUTE } from '../../../src/wire/x2x3/attributes.ts';
import { PduDecoder } from '../../../src/wire/x2x3/pdu-decoder.ts';
import { decodePdu, encodePdu, timestampAttribute } from '../../../src/wire/x2x3/pdu.ts';
import { samplePdu } from './support.ts';

/** PDUs of several tasks, destinations and addresses, with text that is none now and then; no two alike. */
function various(n: number): Uint8Array {
  const text = (type: number, value: string) => ({ kind: 'text', type, value }) as const;
  return encodePdu(
    samplePdu({
      xid: `37418${String(n % 7).padStart(3, '0')}-971b-4aa9-85f4-466d2b1adc7f`,
      attributes: [
        text(ATTRIBUTE.nfid, 'cscf.home1.example'),
        text(ATTRIBUTE.did, `destination ${n % 2000}`),
        text(ATTRIBUTE.sourceIpv4, `192.0.2.${n % 200}`),
        // The same octets mean another text in an attribute of another form.
        text(ATTRIBUTE.ipid, '\x01\x02\x03\x04'),
        text(ATTRIBUTE.destinationIpv4, '1.2.3.4'),
        text(ATTRIBUTE.destinationIpv6, `2001:db8::${n % 100}`),
        { kind: 'number', type: ATTRIBUTE.sequenceNumber, value: n },
        timestampAttribute(1_805_440_640_000 + n),
        { kind: 'octets', type: 4, value: Uint8Array.of(n & 0xff) },
        ...(n % 50 === 0 ? [text(ATTRIBUTE.sdp, `v=0\r\n${'a'.repeat(n)}`)] : []),
      ],
    }),
  );
}

/** Where the contents of the first attribute of a type are, in a PDU. */
function contentsAt(octets: Uint8Array, type: number): number {
  for (let at = 40; ; at += 4 + octets[at + 2]! * 256 + octets[at + 3]!)
    if (octets[at]! * 256 + octets[at + 1]! === type) return at + 4;
}

describe('a decoder of many PDUs', () => {
  it('R-73: gives what is decoded one by one, also when there is more to remember than it may', () => {
    const decoder = new PduDecoder();
    for (let round = 0; round < 2; round++)
      for (let n = 0; n < 1_200; n++) expect(decoder.decode(various(n))).toEqual(decodePdu(various(n)));
  });

  it('gives octets of their own, and takes none of those that it was given', () => {
    const decoder = new PduDecoder();
    const octets = various(1);
    octets[contentsAt(octets, ATTRIBUTE.nfid)] = 0xff;
    const expected = decodePdu(octets);
    const decoded = decoder.decode(octets);
    const again = decoder.decode(octets);
    octets.fill(0);
    expect(decoded).toEqual(expected);
    for (const attribute of decoded.attributes) if (attribute.kind === 'octets') attribute.value.fill(1);
    expect(again).toEqual(expected);
  });

  it('refuses what cannot be decoded each time', () => {
    const decoder = new PduDecoder();
    const octets = various(1);
    octets[contentsAt(octets, ATTRIBUTE.sourceIpv4) - 1] = 3;
    for (let n = 0; n < 2; n++) expect(() => decoder.decode(octets)).toThrow('3 octets, not 4');
  });
});
