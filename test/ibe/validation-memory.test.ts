/** Foreign parameters are validated once: told by how often a primality test is asked for. */
import { checkPrimeSync } from 'node:crypto';
import type * as Crypto from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import { multiply } from '../../src/ibe/curve.ts';
import { groupOf } from '../../src/ibe/group.ts';
import { validateBfParameters, type BfParameters } from '../../src/ibe/parameters.ts';
import { largeGroups, pointOfOrderQ, somePoint } from './support/groups.ts';

vi.mock('node:crypto', async (original) => {
  const crypto = await original<typeof Crypto>();
  return { ...crypto, checkPrimeSync: vi.fn(crypto.checkPrimeSync) };
});

const { p, q } = largeGroups().find(({ pBits }) => pBits === 1024)!;
const P = pointOfOrderQ(1n, groupOf(p, q));
const withSecret = (s: bigint): BfParameters => ({ hash: 'sha224', p, q, P, Ppub: multiply(P, s, p)! });

/** How many numbers are tested for primality in a validation. */
function tested(params: BfParameters): number {
  const before = vi.mocked(checkPrimeSync).mock.calls.length;
  try {
    validateBfParameters(params);
  } catch {
    // Refused: counted all the same.
  }
  return vi.mocked(checkPrimeSync).mock.calls.length - before;
}

describe('validation of parameters', () => {
  it('tests p and q the first time, and nothing the second time, for equal parameters', () => {
    expect(tested(withSecret(1000n))).toBe(2);
    expect(tested(withSecret(1000n))).toBe(0);
    expect(tested({ ...withSecret(1000n) })).toBe(0);
  });

  it('does not remember what was refused', () => {
    const bad = { ...withSecret(1001n), Ppub: somePoint(1n, p) };
    expect(tested(bad)).toBe(2);
    expect(tested(bad)).toBe(2);
    expect(() => validateBfParameters(bad)).toThrow(expect.objectContaining({ code: 'point' }) as Error);
  });

  it('remembers 64, and those longest that are asked for', () => {
    vi.mocked(checkPrimeSync).mockReturnValue(true);
    for (let s = 2n; s < 66n; s++) expect(tested(withSecret(s))).toBe(2);
    expect(tested(withSecret(2n))).toBe(0);
    expect(tested(withSecret(66n))).toBe(2);
    expect(tested(withSecret(2n))).toBe(0);
    expect(tested(withSecret(3n))).toBe(2);
  });
});
