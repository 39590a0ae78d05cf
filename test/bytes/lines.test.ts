/** Lines of a text that comes in pieces. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { utf8 } from '../../src/bytes/octets.ts';
import { splitLines } from '../../src/bytes/lines.ts';

const split = (pieces: readonly string[], longest?: number) => [...splitLines(pieces.map(utf8), longest)];

it.each([
  [[], []],
  [['\n', '\n\n'], []],
  [['a\nb\n'], ['a', 'b']],
  [
    ['a\nb', 'c\n', '\nd'],
    ['a', 'bc', 'd'],
  ],
])('%j: %j', (pieces, lines) => expect(split(pieces)).toEqual(lines));

it('are the same however the text is cut, also within a character', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme' })), fc.array(fc.nat(200)), (texts, cuts) => {
      const octets = utf8(texts.join('\n'));
      const places = [0, ...cuts.filter((cut) => cut < octets.length).sort((a, b) => a - b), octets.length];
      const pieces = places.slice(1).map((end, i) => octets.slice(places[i], end));
      const lines = texts
        .join('\n')
        .split('\n')
        .filter((line) => line !== '');
      expect([...splitLines(pieces)]).toEqual(lines);
    }),
  );
});

it('a piece may be written over when its lines have been taken', () => {
  const piece = new Uint8Array(4);
  function* pieces() {
    for (const text of ['ab\nc', 'de\nf']) {
      piece.set(utf8(text));
      yield piece;
    }
  }
  expect([...splitLines(pieces())]).toEqual(['ab', 'cde', 'f']);
});

it('of a line that goes on beyond the bound only the end is kept, and the next is whole', () => {
  expect(split(['x'.repeat(4), 'x'.repeat(4), 'end\nnext\n'], 6)).toEqual(['end', 'next']);
});
