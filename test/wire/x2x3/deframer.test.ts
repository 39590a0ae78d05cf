import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat, toHex } from '../../../src/bytes/octets.ts';
import { Deframer } from '../../../src/wire/x2x3/deframer.ts';
import { encodePdu, keepalivePdu } from '../../../src/wire/x2x3/pdu.ts';
import { samplePdu } from './support.ts';

const FRAMES = [
  encodePdu(samplePdu()),
  encodePdu(keepalivePdu(3, 1)),
  encodePdu(samplePdu({ payload: new Uint8Array(5000).fill(7) })),
  encodePdu(samplePdu({ attributes: [], payload: new Uint8Array(0) })),
];

describe('X2/X3 stream', () => {
  it('gives the frames that it was made of, octet by octet arriving', () => {
    const deframer = new Deframer();
    const got: Uint8Array[] = [];
    for (const octet of concat(...FRAMES)) got.push(...deframer.push(Uint8Array.of(octet)));
    expect(got).toEqual(FRAMES);
    expect(deframer.buffered).toBe(0);
  });

  it('property: cut anywhere, the frames are the same', () => {
    const stream = concat(...FRAMES, ...FRAMES);
    const expected = [...FRAMES, ...FRAMES].map(toHex);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: stream.length }), { maxLength: 20 }), (cuts) => {
        const deframer = new Deframer();
        const edges = [0, ...cuts.toSorted((a, b) => a - b), stream.length];
        const got = edges.slice(1).flatMap((end, i) => deframer.push(stream.subarray(edges[i], end)));
        expect(got.map(toHex)).toEqual(expected);
      }),
    );
  });

  it('gives frames that are whole in what arrived without a copy of them', () => {
    const stream = concat(...FRAMES);
    const deframer = new Deframer();
    const got = [
      ...deframer.push(stream.subarray(0, stream.length - 1)),
      ...deframer.push(stream.subarray(-1)),
    ];
    expect(got).toEqual(FRAMES);
    expect(got.map(({ buffer }) => buffer === stream.buffer)).toEqual([true, true, true, false]);
  });

  it('announcing more than the bounds is refused before it is buffered', () => {
    const header = encodePdu(samplePdu({ attributes: [], payload: new Uint8Array(0) }));
    const payload = header.slice();
    payload.set([0, 0x10, 0, 1], 8);
    expect(() => new Deframer().push(payload.subarray(0, 12))).toThrow(/payload of/);
    const long = header.slice();
    long.set([0, 1, 0, 1], 4);
    expect(() => new Deframer().push(long)).toThrow(/header of/);
    const short = header.slice();
    short.set([0, 0, 0, 0], 4);
    expect(() => new Deframer().push(short)).toThrow(/header length/);
  });
});
