import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClavigerError } from '../../../src/bytes/errors.ts';
import { fromHex, toHex } from '../../../src/bytes/octets.ts';
import type { Attribute } from '../../../src/wire/x2x3/attributes.ts';
import { ATTRIBUTE } from '../../../src/wire/x2x3/attributes.ts';
import { ipv6Octets, ipv6Text } from '../../../src/wire/x2x3/addresses.ts';
import {
  decodePdu,
  encodePdu,
  keepalivePdu,
  numberAttribute,
  PDU_TYPE,
  textAttribute,
  timestampAttribute,
  timestampOf,
} from '../../../src/wire/x2x3/pdu.ts';
import { parseTargetIdentifier, targetIdentifierXml } from '../../../src/wire/x2x3/target.ts';
import { samplePdu, XID } from './support.ts';

describe('X2 and X3 PDUs (TS 103 221-2 clause 5)', () => {
  it('have the fixed header of clause 5.2, octet by octet', () => {
    const pdu = samplePdu({
      attributes: [{ kind: 'number', type: ATTRIBUTE.sequenceNumber, value: 9 }],
      payload: Uint8Array.of(0xaa, 0xbb),
    });
    expect(toHex(encodePdu(pdu))).toBe(
      '0005' +
        '0001' +
        '00000030' +
        '00000002' +
        '0009' +
        '0003' +
        XID.replaceAll('-', '') +
        '0102030405060708' +
        '0008' +
        '0004' +
        '00000009' +
        'aabb',
    );
  });

  it('decode to what was encoded', () => {
    expect(decodePdu(encodePdu(samplePdu()))).toEqual(samplePdu());
  });

  it('give their attributes by type', () => {
    const pdu = decodePdu(encodePdu(samplePdu()));
    expect(numberAttribute(pdu, ATTRIBUTE.sequenceNumber)).toBe(7);
    expect(textAttribute(pdu, ATTRIBUTE.nfid)).toBe('cscf.home1.example');
    expect(textAttribute(pdu, ATTRIBUTE.sdp)).toBeNull();
    expect(timestampOf(pdu)).toBeCloseTo(1_805_440_640_123.456, 3);
  });

  it('are refused when cut short anywhere', () => {
    const octets = encodePdu(samplePdu());
    for (let length = 0; length < octets.length; length++) {
      expect(() => decodePdu(octets.subarray(0, length)), `${length} octets`).toThrow(ClavigerError);
    }
  });

  it('are refused with octets left over', () => {
    const octets = encodePdu(samplePdu());
    expect(() => decodePdu(Uint8Array.of(...octets, 0))).toThrow(/left over/);
  });

  it('with a header length below 40 are refused', () => {
    const octets = encodePdu(samplePdu());
    octets.set([0, 0, 0, 39], 4);
    expect(() => decodePdu(octets)).toThrow(/header length/);
  });

  it('keep attributes, types, formats and versions that the tables do not know', () => {
    const strange = samplePdu({
      version: 0x0500,
      type: 77,
      payloadFormat: 999,
      direction: 12,
      attributes: [
        { kind: 'octets', type: 4711, value: Uint8Array.of(1, 2, 3) },
        { kind: 'octets', type: 4711, value: new Uint8Array(0) },
      ],
    });
    expect(decodePdu(encodePdu(strange))).toEqual(strange);
  });

  it('keep text attributes that are no UTF-8 as octets', () => {
    const pdu = samplePdu({
      attributes: [{ kind: 'octets', type: ATTRIBUTE.nfid, value: fromHex('ff00fe') }],
    });
    expect(decodePdu(encodePdu(pdu))).toEqual(pdu);
  });

  it.each([
    ['sequence number', '0008000300000a'],
    ['timestamp', '00090008' + '00000000' + '3b9aca00'],
    ['source IPv4 address', '000a00050102030405'],
    ['destination IPv6 address', '000d000401020304'],
    ['destination port', '000f000101'],
    ['IP protocol', '001000020011'],
  ])('with a malformed %s are refused', (name, attribute) => {
    const octets = encodePdu(samplePdu({ attributes: [], payload: new Uint8Array(0) }));
    const whole = fromHex(toHex(octets) + attribute);
    whole[7] = whole.length;
    expect(() => decodePdu(whole)).toThrow(new RegExp(name, 'i'));
  });

  it('of an attribute that the form does not fit are not made', () => {
    const wrong: Attribute[] = [
      { kind: 'number', type: ATTRIBUTE.sourcePort, value: 65536 },
      { kind: 'number', type: ATTRIBUTE.nfid, value: 1 },
      { kind: 'text', type: ATTRIBUTE.sourceIpv4, value: '::1' },
      { kind: 'text', type: ATTRIBUTE.sequenceNumber, value: '1' },
    ];
    for (const attribute of wrong) {
      expect(() => encodePdu(samplePdu({ attributes: [attribute] }))).toThrow(ClavigerError);
    }
  });

  it('property: decode(encode(x)) = x', () => {
    const attribute = fc.oneof(
      fc.record({
        kind: fc.constant('octets' as const),
        type: fc.integer({ min: 23, max: 65535 }),
        value: fc.uint8Array(),
      }),
      fc.record({
        kind: fc.constant('text' as const),
        type: fc.constantFrom(ATTRIBUTE.did, ATTRIBUTE.sdp),
        value: fc.string({ unit: 'grapheme' }),
      }),
      fc.record({
        kind: fc.constant('number' as const),
        type: fc.constant(ATTRIBUTE.sequenceNumber),
        value: fc.nat(),
      }),
    );
    const pdu = fc.record({
      version: fc.constant(5),
      type: fc.integer({ min: 0, max: 65535 }),
      payloadFormat: fc.integer({ min: 0, max: 65535 }),
      direction: fc.integer({ min: 0, max: 65535 }),
      xid: fc.uuid(),
      correlation: fc.uint8Array({ minLength: 8, maxLength: 8 }),
      attributes: fc.array(attribute, { maxLength: 6 }),
      payload: fc.uint8Array({ maxLength: 300 }),
    });
    fc.assert(
      fc.property(pdu, (x) => {
        expect(decodePdu(encodePdu(x))).toEqual(x);
      }),
      { numRuns: 200 },
    );
  });

  it('property: any octets decode to a PDU or to an error of ours', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (octets) => {
        try {
          decodePdu(octets);
        } catch (error) {
          expect(error).toBeInstanceOf(ClavigerError);
        }
      }),
    );
  });

  it('as keepalives have a sequence number, all else zero', () => {
    expect(toHex(encodePdu(keepalivePdu(PDU_TYPE.keepalive, 5)))).toBe(
      '0005' + '0003' + '00000030' + '00'.repeat(36 - 4) + '0008' + '0004' + '00000005',
    );
  });
});

describe('Attribute values', () => {
  it('time stamps keep microseconds', () => {
    const attributes = [timestampAttribute(1_805_440_640_999.9995)];
    expect(attributes[0]).toMatchObject({ seconds: 1_805_440_641, nanoseconds: 0 });
    expect(timestampOf(samplePdu({ attributes: [timestampAttribute(1_000.123)] }))).toBeCloseTo(1000.123, 6);
  });

  it.each(['::', '::1', 'fe80::1', '2001:db8::8:800:200c:417a', '1:2:3:4:5:6:7:8', 'ff01::101', '1::'])(
    'IPv6 %s survives',
    (text) => expect(ipv6Text(ipv6Octets(text))).toBe(text),
  );

  it('IPv6 with an IPv4 tail is read', () => {
    expect(ipv6Text(ipv6Octets('::ffff:192.0.2.1'))).toBe('::ffff:c000:201');
  });

  it('target identifiers are X1 elements; a bare one has no name', () => {
    const value = 'sip:a&<b>@home1.example';
    const xml = targetIdentifierXml('sipUri', value);
    expect(xml).toBe('<sipUri>sip:a&amp;&lt;b&gt;@home1.example</sipUri>');
    expect(parseTargetIdentifier(xml)).toEqual({ name: 'sipUri', value });
    expect(parseTargetIdentifier('<x1:impu xmlns:x1="u">sip:a@b</x1:impu>')).toEqual({
      name: 'impu',
      value: 'sip:a@b',
    });
    expect(parseTargetIdentifier('sip:alice@home1.example')).toEqual({
      name: null,
      value: 'sip:alice@home1.example',
    });
    expect(parseTargetIdentifier('<a>x</b>')).toEqual({ name: null, value: '<a>x</b>' });
  });
});
