/** The same value in another of BER's forms: what somebody else's encoder may send of what ours would. */
import { DerReader } from '../../../src/bytes/der.ts';
import type { DerValue } from '../../../src/bytes/der.ts';
import { concat } from '../../../src/bytes/octets.ts';

export type BerForm = 'long' | 'indefinite';

const CLASS_BITS = { universal: 0x00, application: 0x40, context: 0x80, private: 0xc0 } as const;

/** Lengths of eight octets throughout, or indefinite ones wherever there is something inside. */
export function rewritten(octets: Uint8Array, form: BerForm): Uint8Array {
  const reader = new DerReader(octets);
  const parts: Uint8Array[] = [];
  while (reader.more) parts.push(element(reader.any('element'), form));
  return concat(...parts);
}

function element(value: DerValue, form: BerForm): Uint8Array {
  const lead = CLASS_BITS[value.tagClass] | (value.constructed ? 0x20 : 0);
  const contents = value.constructed ? rewritten(value.contents, form) : value.contents;
  const tag =
    value.number < 31
      ? Uint8Array.of(lead | value.number)
      : Uint8Array.of(lead | 31, ...base128(value.number));
  if (form === 'indefinite' && value.constructed) {
    return concat(tag, Uint8Array.of(0x80), contents, Uint8Array.of(0, 0));
  }
  const length = new Uint8Array(9);
  length[0] = 0x88;
  new DataView(length.buffer).setUint32(5, contents.length);
  return concat(tag, length, contents);
}

function base128(number: number): number[] {
  const octets = [number & 0x7f];
  for (let rest = number >> 7; rest > 0; rest >>= 7) octets.unshift((rest & 0x7f) | 0x80);
  return octets;
}
