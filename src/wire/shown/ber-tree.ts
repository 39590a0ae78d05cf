/** A BER value that no reader here knows, as tags and what is in them; bounded in depth and in number. */
import { BerReader } from '../../bytes/ber.ts';
import { ClavigerError } from '../../bytes/errors.ts';
import type { ShownValue } from './shown.ts';

const MOST_DEPTH = 24;
const MOST_ELEMENTS = 2000;

/** @param leaf how the contents of a primitive value are shown */
export function berTree(octets: Uint8Array, leaf: (contents: Uint8Array) => ShownValue): ShownValue {
  const left = { elements: MOST_ELEMENTS };
  return treeOf(octets, leaf, left, 0) ?? leaf(octets);
}

/** `null`: these octets are not values one after the other. */
function treeOf(
  octets: Uint8Array,
  leaf: (contents: Uint8Array) => ShownValue,
  left: { elements: number },
  depth: number,
): ShownValue[] | null {
  if (depth > MOST_DEPTH) return null;
  const shown: ShownValue[] = [];
  try {
    const reader = new BerReader(octets);
    while (reader.more) {
      if (left.elements-- <= 0) return [...shown, 'further values are not shown'];
      const { tagClass, number, constructed, contents } = reader.any('value');
      const tag = tagClass === 'context' ? `[${number}]` : `${tagClass} ${number}`;
      const within = constructed ? treeOf(contents, leaf, left, depth + 1) : null;
      shown.push({ tag, value: within ?? leaf(contents) });
    }
  } catch (error) {
    if (error instanceof ClavigerError) return null;
    throw error;
  }
  return shown;
}
