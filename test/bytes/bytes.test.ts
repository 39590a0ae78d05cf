import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BytesError } from '../../src/bytes/errors.ts';
import {
  concat,
  equalOctets,
  fromBase64,
  fromBigInt,
  fromHex,
  fromUtf8,
  toBase64,
  toBigInt,
  toHex,
} from '../../src/bytes/octets.ts';
import { Reader } from '../../src/bytes/reader.ts';
import { Secret } from '../../src/bytes/secret.ts';
import { Writer } from '../../src/bytes/writer.ts';

describe('Reader and Writer', () => {
  it('what is taken from a writer is no longer its own', () => {
    for (const writer of [new Writer(2), new Writer(64)]) {
      const taken = writer.u16(0x0102).take();
      expect([taken, writer.length]).toEqual([Uint8Array.of(1, 2), 0]);
      expect(writer.u16(0x0304).u8(5).take()).toEqual(Uint8Array.of(3, 4, 5));
      expect(taken).toEqual(Uint8Array.of(1, 2));
    }
  });

  it('round-trips fields of every width', () => {
    const u64 = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
    fc.assert(
      fc.property(
        fc.nat(0xff),
        fc.nat(0xffff),
        fc.nat(0xffffffff),
        u64,
        fc.uint8Array(),
        (a, b, c, d, tail) => {
          const octets = new Writer(1).u8(a).u16(b).u32(c).u64(d).uint(b, 6).bytes(tail).finish();
          const reader = new Reader(octets);
          expect([reader.u8('a'), reader.u16('b'), reader.u32('c'), reader.u64('d')]).toEqual([a, b, c, d]);
          expect(reader.uint(6, 'e')).toBe(b);
          expect(reader.rest()).toEqual(tail);
          reader.end('all');
        },
      ),
    );
  });

  it('refuses what does not fit its field', () => {
    expect(() => new Writer().u8(256)).toThrow(BytesError);
    expect(() => new Writer().u16(-1)).toThrow(BytesError);
    expect(() => new Writer().u64(1n << 64n)).toThrow(BytesError);
  });

  it('names the field that is missing, refuses leftovers, and keeps a window', () => {
    const reader = new Reader(fromHex('0102030405'), 1, 4);
    expect(reader.peek()).toBe(2);
    expect(reader.sub(2, 'pair').u16('pair')).toBe(0x0203);
    expect(() => reader.u16('length of IDR')).toThrow(/length of IDR: 2 octets needed at 3, 1 left/);
    expect(() => reader.end('payload')).toThrow(/payload: 1 octets left over/);
    expect(() => reader.view(-1, 'x')).toThrow(BytesError);
  });
});

describe('octet strings', () => {
  it('round-trips hex, base64 and integers', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1 }), (octets) => {
        expect(fromHex(toHex(octets))).toEqual(octets);
        expect(fromBase64(toBase64(octets))).toEqual(octets);
        expect(fromBigInt(toBigInt(octets), octets.length)).toEqual(octets);
        expect(equalOctets(octets, octets.slice())).toBe(true);
        expect(equalOctets(octets, concat(octets, Uint8Array.of(0)))).toBe(false);
      }),
    );
  });

  it.each(['0', 'zz', '0x00', '0 0'])('refuses %j as hex', (text) => {
    expect(() => fromHex(text)).toThrow(BytesError);
  });

  it.each(['A', 'AA', 'AA=', 'AB==', 'AAAA\n', 'AA_=', 'AA==AA=='])('refuses %j as base64', (text) => {
    expect(() => fromBase64(text)).toThrow(BytesError);
  });

  it('refuses malformed UTF-8', () => {
    expect(() => fromUtf8(fromHex('c328'))).toThrow(BytesError);
  });
});

describe('Secret', () => {
  it('does not print, serialise or leave the process by accident', () => {
    const secret = Secret.of(fromHex('c0ffee'));
    const shown = [
      String(secret),
      JSON.stringify({ secret }),
      inspect(secret),
      inspect({ deep: { secret } }),
    ].join();
    expect(shown).not.toMatch(/c0ffee|192|Uint8Array/i);
  });

  it('compares by value and refuses use after wiping', () => {
    const octets = fromHex('c0ffee');
    const secret = Secret.of(octets);
    expect(secret.equals(Secret.of(fromHex('c0ffee')))).toBe(true);
    expect(secret.equals(Secret.of(fromHex('c0ffef')))).toBe(false);
    secret.wipe();
    expect(octets).toEqual(new Uint8Array(3));
    expect(() => secret.expose()).toThrow(BytesError);
  });
});
