import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { berString, berValue, BerWalk, MAX_BER_DEPTH } from '../../src/bytes/ber.ts';
import { concat, fromHex, toHex } from '../../src/bytes/octets.ts';

const value = (hex: string) => berValue(fromHex(hex), 'value');
const contents = (hex: string) => toHex(value(hex).contents);

/** Any element in any form that BER has, with the contents that a reader of one level sees. */
const element: fc.Arbitrary<Uint8Array> = fc.letrec<{ element: Uint8Array }>((tie) => ({
  element: fc.oneof(
    { maxDepth: 5 },
    fc
      .uint8Array({ maxLength: 200 })
      .map((octets) => concat(Uint8Array.of(0x04, 0x81, octets.length), octets)),
    fc.array(tie('element'), { maxLength: 3 }).map((inside) => {
      return concat(Uint8Array.of(0x30, 0x80), ...inside, Uint8Array.of(0, 0));
    }),
    fc.array(tie('element'), { maxLength: 2 }).map((inside) => {
      const all = concat(...inside);
      return concat(Uint8Array.of(0x7f, 0x81, 0x23, 0x84, 0, 0, all.length >> 8, all.length & 0xff), all);
    }),
  ),
})).element;

describe('BER (X.690), as it is read', () => {
  it.each([
    ['0403010203', '010203'],
    ['048103010203', '010203'],
    ['0484000000 03010203', '010203'],
    ['048a00000000000000000003010203', '010203'],
    ['30800403010203 0000', '0403010203'],
    ['308030800403010203 0000 0401ff 0000', '30800403010203' + '0000' + '0401ff'],
    ['30800000', ''],
  ])('R-79: a length in any form: %s', (hex, expected) =>
    expect(contents(hex.replace(/ /g, ''))).toBe(expected),
  );

  it('R-79: end-of-contents octets in a primitive value inside an indefinite one end nothing', () => {
    expect(contents('3080' + '0404' + '00000000' + '0401aa' + '0000')).toBe('0404' + '00000000' + '0401aa');
  });

  it.each([
    ['24080401010403020304', '01020304'],
    ['2480040101040302030400 00', '01020304'],
    ['24802405040301020304 0104 0000', '01020304'],
    ['2400', ''],
    ['a1060401aa0401bb', 'aabb'],
  ])('R-79: a string in segments: %s', (hex, expected) => {
    expect(toHex(berString(value(hex.replace(/ /g, '')), 'text'))).toBe(expected);
  });

  it.each([
    ['a primitive value of indefinite length', '0480010203'],
    ['the reserved length', '04ff'],
    ['a length of five octets that mean something', '04850100000000'],
    ['an indefinite value without its end', '30800403010203'],
    ['a tag 0 with contents as an end', '3080000101'],
    ['a padded tag number', '1f800100'],
    ['octets after the value', '04000400'],
    ['nothing', ''],
  ])('%s is refused', (_, hex) => expect(() => value(hex)).toThrow(/value/));

  it('a string whose segment is of another type is refused', () => {
    expect(() => berString(value('2403020101'), 'text')).toThrow(/segment/);
  });

  it('values nested without end are refused, not followed', () => {
    expect(() => value('3080'.repeat(MAX_BER_DEPTH + 1) + '0000'.repeat(MAX_BER_DEPTH + 1))).toThrow(
      /nested/,
    );
    expect(contents('3080'.repeat(MAX_BER_DEPTH) + '0000'.repeat(MAX_BER_DEPTH))).toHaveLength(
      8 * (MAX_BER_DEPTH - 1),
    );
    const segments = Array.from({ length: 40 }).reduce<Uint8Array>(
      (inside) => concat(Uint8Array.of(0x24, 0x82, inside.length >> 8, inside.length & 0xff), inside),
      new Uint8Array(),
    );
    expect(() => berString(berValue(segments, 'x'), 'text')).toThrow(/nested/);
  });

  it('a string in hundreds of thousands of segments is put together', () => {
    const segments = new Uint8Array(4 + 2 * 300_000);
    segments.set(fromHex('2480'));
    for (let at = 2; at < segments.length - 2; at += 2) segments[at] = 4;
    expect(berString(berValue(segments, 'x'), 'text')).toHaveLength(0);
  });

  it('the end of an element is the same in one piece and octet by octet', () => {
    fc.assert(
      fc.property(element, fc.uint8Array({ maxLength: 5 }), (octets, after) => {
        expect(toHex(berValue(octets, 'x').raw)).toBe(toHex(octets));
        const stream = concat(octets, after);
        const walk = new BerWalk('x');
        for (let length = 0; length < octets.length; length++) {
          expect(walk.endIn(stream.subarray(0, length))).toBeNull();
        }
        expect(walk.endIn(stream)).toBe(octets.length);
        expect(new BerWalk('x').endIn(stream)).toBe(octets.length);
      }),
    );
  });

  it('any octets are read or refused, and never crash the reader', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (octets) => {
        try {
          berString(berValue(octets, 'x'), 'x');
        } catch (error) {
          expect(error).toHaveProperty('code');
        }
      }),
    );
  });
});
