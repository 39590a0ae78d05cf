/**
 * What an operation with a secret leaves in the kernel's memory. Two instances with one history take two secrets: where
 * their memories differ afterwards, something of the secret is left. Nothing may be, but what is kept on purpose.
 */
import { describe, expect, it } from 'vitest';
import { loadDemoGroup } from '../../../src/ibe/demo-groups.ts';
import { multiply, type AffinePoint } from '../../../src/ibe/curve.ts';
import { drawMasterSecret } from '../../../src/ibe/setup.ts';
import { WasmArithmetic } from '../../../src/ibe/wasm-engine.ts';
import { smallDistrict, somePoint } from '../support/groups.ts';
import { seededRandom } from '../support/octets.ts';

// One block of limbs, and three; scalars short of q by far, and of q's size.
const small = smallDistrict((1n << 47n) - (1n << 3n) - 1n, 96, 424242n);
const demo = drawMasterSecret(loadDemoGroup('home1'), seededRandom('wiping'));
const districts = [
  { name: 'p of 96 bits', params: small.params, masterSecret: small.masterSecret },
  { name: 'n = 3072', params: demo.parameters, masterSecret: demo.masterSecret },
];

function memoryOf({ field }: WasmArithmetic): Buffer {
  return Buffer.from(field.view(field.zero).buffer);
}

describe.each(districts)('$name', ({ params, masterSecret }) => {
  const { p, q, P } = params;
  const point = (k: bigint): AffinePoint => multiply(P, k, p)!;
  const [u, other] = [point(1234n), somePoint(77n, p)];
  const keys = [point(masterSecret), point(q - 98765n)] as const;
  const scalars = [masterSecret, q / 3n] as const;

  /** An instance that has made all that it keeps. */
  function prepared() {
    const arithmetic = new WasmArithmetic(params);
    const theta = arithmetic.theta(other)!;
    arithmetic.forgetLines(arithmetic.lines(P));
    arithmetic.baseMultiple(3n);
    arithmetic.pairWithMaster(u, other, 3n);
    arithmetic.privateKey(other, 3n);
    arithmetic.power(arithmetic.pairGeneric(P, u), 3n);
    return { arithmetic, theta };
  }
  type Prepared = ReturnType<typeof prepared>;

  /** `run` with either secret leaves the same memory. */
  function leavesNothing<T>(secrets: readonly [T, T], run: (made: Prepared, secret: T) => void): void {
    const [left, right] = secrets.map((secret) => {
      const made = prepared();
      run(made, secret);
      return memoryOf(made.arithmetic);
    });
    expect(left!.equals(right!)).toBe(true);
  }

  it('the comparison sees a residue that is left', () => {
    const run = ({ arithmetic: { field } }: Prepared, secret: bigint): void => {
      field.set(field.take(), secret);
    };
    expect(() => leavesNothing(scalars, run)).toThrow();
  });

  it('[l]P, and the comparison with it', () => {
    leavesNothing(scalars, ({ arithmetic }, l) => void arithmetic.baseMultiple(l));
    leavesNothing(scalars, ({ arithmetic }, l) => void arithmetic.isBaseMultiple(l, u));
    leavesNothing([1234n, masterSecret], ({ arithmetic }, l) => void arithmetic.isBaseMultiple(l, u));
    leavesNothing([0n, masterSecret], ({ arithmetic }, l) => void arithmetic.baseMultiple(l));
  });

  it('a power in GT', () => {
    leavesNothing(scalars, ({ arithmetic, theta }, n) => void arithmetic.thetaPower(theta, n));
    leavesNothing([0n, masterSecret], ({ arithmetic, theta }, n) => void arithmetic.thetaPower(theta, n));
  });

  it('a power of a secret', () => {
    const made = prepared();
    const bases = scalars.map((n) => made.arithmetic.thetaPower(made.theta, n));
    leavesNothing([bases[0]!, bases[1]!], ({ arithmetic }, base) => void arithmetic.power(base, 12345n));
  });

  it('extraction, and [s]Q', () => {
    leavesNothing(scalars, ({ arithmetic }, s) => void arithmetic.privateKey(other, s));
    leavesNothing(scalars, ({ arithmetic }, s) => void arithmetic.secretMultiple(u, s));
    leavesNothing([0n, masterSecret], ({ arithmetic }, s) => void arithmetic.secretMultiple(u, s));
    leavesNothing(keys, ({ arithmetic }, key) => void arithmetic.secretMultiple(key, 12345n));
  });

  it('lines of a private key that were forgotten, and a pairing with them', () => {
    leavesNothing(keys, ({ arithmetic }, key) => {
      arithmetic.forgetLines(arithmetic.lines(key));
    });
    leavesNothing(keys, ({ arithmetic }, key) => {
      const lines = arithmetic.lines(key);
      arithmetic.pair(lines, u);
      arithmetic.pair(lines, { x: p - 1n, y: 0n });
      arithmetic.forgetLines(lines);
    });
  });

  it('a private key that is refused', () => {
    const bad = [somePoint(5n, p), somePoint(6n, p)] as const;
    leavesNothing(bad, ({ arithmetic }, key) => {
      expect(() => arithmetic.lines(key)).toThrow(/not a point of order q/);
    });
  });

  it("the KMS's pairing, and a pairing of a private key without lines", () => {
    leavesNothing(scalars, ({ arithmetic }, s) => void arithmetic.pairWithMaster(u, other, s));
    leavesNothing(keys, ({ arithmetic }, key) => void arithmetic.pairGeneric(key, u));
    leavesNothing(keys, ({ arithmetic }, key) => void arithmetic.pairGeneric(u, key));
  });
});
