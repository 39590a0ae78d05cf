import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as der from '../../src/bytes/der.ts';
import { BytesError } from '../../src/bytes/errors.ts';
import { fromHex, toHex } from '../../src/bytes/octets.ts';

const ARC = '2.25.164985462316910257001782158127321009248';

describe('DER (X.690)', () => {
  it('writes the examples of X.690 and of the profile', () => {
    expect(toHex(der.derInteger(0))).toBe('020100');
    expect(toHex(der.derInteger(128))).toBe('02020080');
    expect(toHex(der.derInteger(-129))).toBe('0202ff7f');
    expect(toHex(der.derOid('1.2.840.113549'))).toBe('06062a864886f70d');
    expect(toHex(der.derOid(`${ARC}.1`))).toBe('06156981f89f85d4cdd0f2a9f79a8e8febe8e9ad986001');
    expect(toHex(der.derGeneralizedTime(1805414400))).toBe('180f32303237303331393030303030305a');
    expect(toHex(der.derExplicit(1, der.derNull()))).toBe('a1020500');
    expect(toHex(der.derImplicit(0, der.derOctets(fromHex('aa'))))).toBe('8001aa');
  });

  it('sorts a SET OF as octet strings', () => {
    const set = der.derSetOf(der.derInteger(3), der.derInteger(1), der.derOctets(fromHex('00')));
    expect(toHex(set)).toBe('3109' + '020101' + '020103' + '040100');
  });

  it('round-trips integers, octet strings and object identifiers of any size', () => {
    fc.assert(
      fc.property(
        fc.bigInt(),
        fc.uint8Array({ maxLength: 400 }),
        fc.bigInt({ min: 0n, max: 1n << 140n }),
        (i, o, a) => {
          const oid = `2.25.${String(a)}`;
          const octets = der.derSequence(der.derInteger(i), der.derOctets(o), der.derOid(oid));
          der.derDecode(octets, 'value', (reader) => {
            const inside = reader.sequence('sequence');
            expect(inside.integer('i')).toBe(i);
            expect(inside.octets('o')).toEqual(o);
            expect(inside.oid('a')).toBe(oid);
            inside.end('sequence');
          });
        },
      ),
    );
  });

  it.each([
    ['indefinite length', '3080020100' + '0000'],
    ['length not minimal', '30810302' + '0100'],
    ['length with leading zero', '3082000302' + '0100'],
    ['INTEGER not minimal', '3004' + '02020001'],
    ['negative INTEGER not minimal', '3004' + '0202ff80'],
    ['empty INTEGER', '3002' + '0200'],
    ['trailing octets inside', '3004' + '020100' + '00'],
    ['trailing octets outside', '3003' + '020100' + '00'],
    ['a constructed INTEGER', '3003' + '220100'],
    ['tag number in long form', '3f1003' + '020100'],
  ])('refuses %s', (_, hex) => {
    expect(() =>
      der.derDecode(fromHex(hex), 'value', (reader) => {
        const inside = reader.sequence('sequence');
        inside.integer('integer');
        inside.end('sequence');
      }),
    ).toThrow(BytesError);
  });

  it.each(['0601', '060180', '06028001', '0603' + '2a8001'])('refuses the object identifier %s', (hex) => {
    expect(() => der.derDecode(fromHex(hex), 'oid', (reader) => reader.oid('oid'))).toThrow(BytesError);
  });

  it.each(['20270230000000Z', '20270319000000', '20270319000000.5Z', '2027031900000Z'])(
    'refuses the time %s',
    (text) => {
      expect(() => der.generalizedTimeValue(text, 'time')).toThrow(BytesError);
    },
  );

  it('refuses BOOLEAN values other than 00 and ff', () => {
    expect(der.derDecode(fromHex('0101ff'), 'b', (reader) => reader.boolean('b'))).toBe(true);
    expect(() => der.derDecode(fromHex('010101'), 'b', (reader) => reader.boolean('b'))).toThrow(BytesError);
  });

  it('refuses every truncation, octet by octet', () => {
    const octets = der.derSequence(
      der.derInteger(1n << 1600n),
      der.derSequence(der.derUtf8('grüße'), der.derOid(ARC)),
    );
    const read = (input: Uint8Array) =>
      der.derDecode(input, 'value', (reader) => {
        const outer = reader.sequence('outer');
        outer.integer('i');
        const inner = outer.sequence('inner');
        inner.utf8('u');
        inner.oid('o');
        inner.end('inner');
        outer.end('outer');
      });
    expect(() => read(octets)).not.toThrow();
    for (let length = 0; length < octets.length; length++) {
      expect(() => read(octets.subarray(0, length))).toThrow(BytesError);
    }
  });

  it('bounds the depth of what it walks into', () => {
    let nested = der.derNull();
    for (let i = 0; i < 40; i++) nested = der.derSequence(nested);
    const descend = (reader: der.DerReader): void => descend(reader.sequence('level'));
    expect(() => descend(new der.DerReader(nested))).toThrow('nested too deeply');
  });
});
