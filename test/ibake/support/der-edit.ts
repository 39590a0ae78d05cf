/** Rewriting DER from the inside out, with all lengths around the change put right. */
import { concat } from '../../../src/bytes/octets.ts';
import { DerReader, tlv, type DerValue } from '../../../src/bytes/der.ts';

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
  return edited(
    der,
    ({ raw }) => Buffer.compare(raw, from) === 0,
    () => to,
  );
}

/** `der` with the first element that `which` picks replaced by what `change` makes of it. */
export function edited(
  der: Uint8Array,
  which: (value: DerValue) => boolean,
  change: (value: DerValue) => Uint8Array,
): Uint8Array {
  let count = 0;
  const walk = (octets: Uint8Array): Uint8Array => {
    const reader = new DerReader(octets);
    const parts: Uint8Array[] = [];
    while (reader.more) {
      const value = reader.any('element');
      if (count === 0 && which(value)) {
        count++;
        parts.push(change(value));
      } else if (value.constructed) parts.push(tlv(value.tagClass, true, value.number, walk(value.contents)));
      else parts.push(value.raw);
    }
    return concat(...parts);
  };
  const result = walk(der);
  if (count === 0) throw new Error('nothing to replace');
  return result;
}
