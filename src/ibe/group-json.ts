/** How groups stand in JSON: integers in hex with 0x, points as the list of their coordinates. */
import Type from 'typebox';
import type { AffinePoint } from './curve.ts';

export const GROUP_INTEGER = Type.Decode(
  Type.String({ pattern: '^0x[0-9a-fA-F]+$', errorMessage: 'an integer in hex with 0x' }),
  (hex) => BigInt(hex),
);

export const GROUP_POINT = Type.Decode(
  Type.Array(GROUP_INTEGER, {
    minItems: 2,
    maxItems: 2,
    errorMessage: 'a list of two integers in hex with 0x',
  }),
  ([x = 0n, y = 0n]): AffinePoint => ({ x, y }),
);

export function hexOf(value: bigint): string {
  return `0x${value.toString(16)}`;
}

export function pointToJson({ x, y }: AffinePoint): string[] {
  return [hexOf(x), hexOf(y)];
}
