/** Rewriting DER from the inside out, with all lengths around the change put right. */
import { concat } from '../../../src/bytes/octets.ts';
import { DerReader, tlv } from '../../../src/bytes/der.ts';

/** Contents of the one element in `der`. */
export function derContents(der: Uint8Array): Uint8Array {
  return new DerReader(der).any('element').contents;
}

/** [number] IMPLICIT SET with these contents. */
export function derImplicitSet(number: number, contents: Uint8Array): Uint8Array {
  return tlv('context', true, number, contents);
}

/** `der` with the one element whose octets are `from` replaced by `to`. */
export function replaceOnce(der: Uint8Array, from: Uint8Array, to: Uint8Array): Uint8Array {
  const [result, count] = replace(der, from, to);
  if (count !== 1) throw new Error(`replaced ${count} times`);
  return result;
}

function replace(der: Uint8Array, from: Uint8Array, to: Uint8Array): [Uint8Array, number] {
  const reader = new DerReader(der);
  const parts: Uint8Array[] = [];
  let count = 0;
  while (reader.more) {
    const element = reader.any('element');
    if (Buffer.compare(element.raw, from) === 0) {
      parts.push(to);
      count++;
    } else if (element.constructed) {
      const [inside, found] = replace(element.contents, from, to);
      parts.push(tlv(element.tagClass, true, element.number, inside));
      count += found;
    } else {
      parts.push(element.raw);
    }
  }
  return [concat(...parts), count];
}
