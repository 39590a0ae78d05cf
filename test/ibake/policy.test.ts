/** Security policies: what is sent, what is understood, what is refused. */
import { describe, expect, it } from 'vitest';
import { PolicyError } from '../../src/ibake/errors.ts';
import { SRTP_POLICY, policyPayload, readPolicies, requirePolicies } from '../../src/ibake/policy.ts';
import type { SpPayload } from '../../src/mikey/payloads/sp.ts';

const sp = (params: readonly (readonly [number, ...number[]])[], policyNo = 1, protType = 0): SpPayload => ({
  kind: 'sp',
  policyNo,
  protType,
  params: params.map(([type, ...value]) => ({ type, value: Uint8Array.from(value) })),
});

const GCM = [
  [0, 6],
  [1, 16],
  [2, 0],
  [4, 12],
  [5, 0],
  [7, 1],
  [8, 1],
  [10, 0],
  [20, 16],
] as const;

function errorOf(payloads: readonly SpPayload[], prfFunc = 1): number | null {
  try {
    readPolicies(payloads, prfFunc);
    return null;
  } catch (error) {
    if (error instanceof PolicyError) return error.errorNo;
    throw error;
  }
}

describe('policies', () => {
  it.each(Object.values(SRTP_POLICY))('$name is read as it is sent', (policy) => {
    expect(readPolicies([policyPayload(3, policy)], 1).get(3)).toEqual(policy);
  });

  it('number 0 is the default, with and without others', () => {
    expect(readPolicies([], 1).get(0)).toEqual(SRTP_POLICY.aesCm128);
    expect(readPolicies([sp(GCM)], 1).get(0)).toEqual(SRTP_POLICY.aesCm128);
  });

  it('GCM in any order; AES-CM with its defaults spelt out, or nothing', () => {
    expect(readPolicies([sp([...GCM].reverse())], 1).get(1)).toEqual(SRTP_POLICY.aesGcm128);
    const defaults = [
      [0, 1],
      [1, 32],
      [2, 1],
      [3, 20],
      [4, 14],
      [5, 0],
      [6, 0],
      [7, 1],
      [8, 1],
      [10, 1],
      [11, 10],
    ] as const;
    expect(readPolicies([sp(defaults)], 1).get(1)).toEqual(SRTP_POLICY.aesCm256);
    expect(readPolicies([sp([])], 1).get(1)).toEqual(SRTP_POLICY.aesCm128);
  });

  it.each([
    ['SRTP encryption off', sp([[7, 0]]), 10],
    ['SRTCP encryption off', sp([[8, 0]]), 10],
    ['authentication off without AEAD', sp([[10, 0]]), 10],
    ['a tag of 4 octets', sp([[11, 4]]), 10],
    ['the NULL cipher', sp([[0, 0]]), 10],
    ['AES-F8', sp([[0, 2]]), 10],
    ['the NULL MAC', sp([[2, 0]]), 10],
    ['a key of 24 octets', sp([[1, 24]]), 10],
    ['an unknown parameter', sp([[21, 0]]), 10],
    [
      'a parameter twice',
      sp([
        [7, 1],
        [7, 1],
      ]),
      10,
    ],
    ['a parameter of two octets', sp([[1, 0, 16]]), 10],
    ['GCM with a parameter missing', sp(GCM.slice(0, -1)), 10],
    ['GCM with one too many', sp([...GCM, [6, 0]]), 10],
    ['GCM with a short tag', sp(GCM.map(([type, value]) => (type === 20 ? [type, 8] : [type, value]))), 10],
    [
      'GCM with SRTCP encryption off',
      sp(GCM.map(([type, value]) => (type === 8 ? [type, 0] : [type, value]))),
      10,
    ],
    ['number 0', sp([], 0), 9],
    ['another protocol', sp([], 1, 1), 9],
  ])('R-44: %s is refused', (_, payload, errorNo) => {
    expect(errorOf([payload])).toBe(errorNo);
  });

  it('R-44: a number twice, a number without its SP, a long TEK under the short PRF', () => {
    expect(errorOf([sp([]), sp(GCM)])).toBe(9);
    const entries = [{ policyNo: 2, ssrc: 1, roc: 0 }];
    expect(() => requirePolicies(entries, readPolicies([sp([])], 1))).toThrow(PolicyError);
    expect(errorOf([sp([[1, 32]])], 0)).toBe(10);
    expect(errorOf([sp([[1, 16]])], 0)).toBeNull();
  });
});
