/** The decoder of a delivery function, which does not decode again what it decoded lately. */
import { describe, expect, it } from 'vitest';
import { concat } from '../../../src/bytes/octets.ts';
import type { Attribute } from '../../../src/wire/x2x3/attributes.ts';
import { ATTRIBUTE } from '../../../src/wire/x2x3/attributes.ts';
import { PduDecoder } from '../../../src/wire/x2x3/pdu-decoder.ts';
import type { Pdu } from '../../../src/wire/x2x3/pdu.ts';
import {
  decodePdu,
  encodePdu,
  PAYLOAD_FORMAT,
  PDU_TYPE,
  timestampAttribute,
} from '../../../src/wire/x2x3/pdu.ts';
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

const NUMBER = 'number';
const TIME = 'time';
/** Orders of attributes: as others write them, without what differs, and with octets, or a second number. */
const ORDERS: readonly (readonly string[])[] = [
  [NUMBER, TIME, 'nfid', 'port'],
  [TIME, 'nfid', NUMBER],
  ['nfid', 'port', TIME, NUMBER],
  ['nfid', NUMBER],
  ['nfid', TIME],
  [NUMBER, TIME, NUMBER],
  [NUMBER, 'octets', TIME],
  [],
];

/** The nth PDU of a stream of content. */
function content(n: number, order = ORDERS[0] ?? []): Uint8Array {
  const attributes: Readonly<Record<string, Attribute>> = {
    number: { kind: 'number', type: ATTRIBUTE.sequenceNumber, value: 0xfffffff0 + n },
    time: timestampAttribute(1_805_440_640_000 + 20 * n),
    nfid: { kind: 'text', type: ATTRIBUTE.nfid, value: 'gateway.home1.example' },
    port: { kind: 'number', type: ATTRIBUTE.sourcePort, value: 4000 },
    octets: { kind: 'octets', type: ATTRIBUTE.proprietary, value: Uint8Array.of(1, 2) },
  };
  return encodePdu(
    samplePdu({
      ...{ type: PDU_TYPE.x3, payloadFormat: PAYLOAD_FORMAT.rtp },
      attributes: order.flatMap((name) => attributes[name] ?? []),
      payload: new Uint8Array(12 + n).fill(n),
    }),
  );
}

function outcomeOf(decode: () => Pdu): Pdu | string {
  try {
    return decode();
  } catch (error) {
    return String(error);
  }
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

  it('R-73: of a stream of content gives what is decoded one by one, whatever differs', () => {
    const decoder = new PduDecoder();
    for (const order of ORDERS)
      for (let n = 0; n < 4; n++) {
        const octets = content(n, order);
        expect(decoder.decode(octets)).toEqual(decodePdu(octets));
      }
  });

  it('R-73: takes no PDU of content for another, whichever octet is another, and refuses the same ones', () => {
    const decoder = new PduDecoder();
    const original = content(1);
    decoder.decode(original);
    for (let at = 0; at < original.length; at++)
      for (const change of [0x01, 0x80, 0xff]) {
        const octets = original.slice();
        octets[at] = (octets[at] ?? 0) ^ change;
        expect([at, outcomeOf(() => decoder.decode(octets))]).toEqual([
          at,
          outcomeOf(() => decodePdu(octets)),
        ]);
      }
    const longer = concat(original, Uint8Array.of(0));
    for (const octets of [longer, original.slice(0, -1), original.slice(0, 20)])
      expect(outcomeOf(() => decoder.decode(octets))).toEqual(outcomeOf(() => decodePdu(octets)));
  });

  it('gives content as a view of what it was given, and signalling as octets of its own', () => {
    const decoder = new PduDecoder();
    const packet = content(1);
    for (let n = 0; n < 2; n++) expect(decoder.decode(packet).payload.buffer).toBe(packet.buffer);
    expect(decoder.decode(various(1)).payload.buffer.byteLength).toBeLessThan(various(1).length);
  });

  it('forgets streams after ten seconds, and knows those again that go on', () => {
    const decoder = new PduDecoder();
    decoder.forgetInTime(0);
    const first = decoder.decode(content(1)).correlation;
    decoder.forgetInTime(9_999);
    expect(decoder.decode(content(2)).correlation).toBe(first);
    decoder.forgetInTime(10_000);
    const again = decoder.decode(content(3));
    expect(again.correlation).not.toBe(first);
    expect(again).toEqual(decodePdu(content(3)));
  });
});
