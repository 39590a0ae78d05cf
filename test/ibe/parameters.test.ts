/** BFPublicParameters: strict DER, and what a district's parameters must be. */
import { beforeAll, describe, expect, it } from 'vitest';
import { derInteger, derOid, derSequence } from '../../src/bytes/der.ts';
import { double, multiply, toAffine } from '../../src/ibe/curve.ts';
import { loadDemoGroup } from '../../src/ibe/demo-groups.ts';
import { HASHES, hashOfOid, type BfHash } from '../../src/ibe/hash.ts';
import { OID } from '../../src/ibe/oids.ts';
import {
  SECURITY_SIZES,
  decodeBfPublicParameters,
  encodeBfPublicParameters,
  requireOrderQ,
  validateBfParameters,
  type BfParameters,
} from '../../src/ibe/parameters.ts';
import { drawMasterSecret } from '../../src/ibe/setup.ts';
import { smallDistricts, somePoint } from './support/groups.ts';
import { seededRandom } from './support/octets.ts';
import { isCanonical, refusesEveryTruncation } from './support/truncation.ts';

const code = (name: string) => expect.objectContaining({ code: name }) as Error;
const small = smallDistricts()[0]!.params;

function der(
  params: BfParameters,
  change: Partial<Record<'version' | 'curve' | 'p' | 'q' | 'P' | 'hash', Uint8Array>> = {},
): Uint8Array {
  return derSequence(
    change.version ?? derInteger(2),
    change.curve ?? derOid(OID.type1Curve),
    change.p ?? derInteger(params.p),
    change.q ?? derInteger(params.q),
    change.P ?? derSequence(derInteger(params.P.x), derInteger(params.P.y)),
    derSequence(derInteger(params.Ppub.x), derInteger(params.Ppub.y)),
    change.hash ?? derOid(HASHES[params.hash].oid),
  );
}

describe('BFPublicParameters', () => {
  it('decode(encode(x)) = x for each hash function', () => {
    for (const hash of Object.keys(HASHES) as BfHash[]) {
      const params = { ...small, hash };
      expect(encodeBfPublicParameters(params)).toEqual(der(params));
      expect(decodeBfPublicParameters(der(params))).toEqual(params);
      expect(hashOfOid(HASHES[hash].oid)).toBe(hash);
    }
  });

  it('cut anywhere, or altered into another encoding, is refused', () => {
    refusesEveryTruncation(der(small), decodeBfPublicParameters);
    isCanonical(der(small), decodeBfPublicParameters, encodeBfPublicParameters);
  });

  it('of another version, curve or hash function is unsupported', () => {
    expect(() => decodeBfPublicParameters(der(small, { version: derInteger(1) }))).toThrow(
      code('unsupported'),
    );
    expect(() => decodeBfPublicParameters(der(small, { curve: derOid('1.2.3') }))).toThrow(
      code('unsupported'),
    );
    // The object identifier that section 7.2 misprints for SHA-1.
    expect(() => decodeBfPublicParameters(der(small, { hash: derOid('1.3.14.3.2.16') }))).toThrow(
      code('unsupported'),
    );
  });

  it('with p or q not of their form is refused before anything else is computed', () => {
    expect(() => decodeBfPublicParameters(der(small, { p: derInteger(small.p + 12n) }))).toThrow(
      code('parameters'),
    );
    expect(() => decodeBfPublicParameters(der(small, { q: derInteger(small.q + 2n) }))).toThrow(
      code('parameters'),
    );
    expect(() => decodeBfPublicParameters(der(small, { p: derInteger(0) }))).toThrow(code('parameters'));
    expect(() => decodeBfPublicParameters(der(small, { p: derInteger(-small.p) }))).toThrow(
      code('malformed'),
    );
  });

  it('with a point out of range or off the curve is refused', () => {
    const at = (x: bigint, y: bigint) => der(small, { P: derSequence(derInteger(x), derInteger(y)) });
    expect(() => decodeBfPublicParameters(at(small.P.x + small.p, small.P.y))).toThrow(code('point'));
    expect(() => decodeBfPublicParameters(at(small.P.x, small.P.y + small.p))).toThrow(code('point'));
    expect(() => decodeBfPublicParameters(at(small.P.x, small.P.y ^ 1n))).toThrow(code('point'));
    expect(() => decodeBfPublicParameters(at(0n, 0n))).toThrow(code('point'));
  });
});

describe('a district', () => {
  let params: BfParameters;
  beforeAll(() => {
    params = drawMasterSecret(loadDemoGroup('home1'), seededRandom('district')).parameters;
  });

  it('of n = 3072 passes, and again from memory', () => {
    expect(() => validateBfParameters(params)).not.toThrow();
    expect(() => validateBfParameters({ ...params })).not.toThrow();
  });

  it('of n = 1024, or with the hash function of another size, is refused', () => {
    expect(SECURITY_SIZES.map(({ n }) => n)).toEqual([2048, 3072, 7680, 15360]);
    for (const hash of ['sha1', 'sha224', 'sha384', 'sha512'] as const) {
      expect(() => validateBfParameters({ ...params, hash })).toThrow(code('parameters'));
    }
    expect(() => validateBfParameters(small)).toThrow(code('parameters'));
  });

  it('with a composite p of the right form and size is refused', () => {
    const step = 12n * params.q;
    let p = params.p + step;
    while (p % 5n !== 0n) p += step;
    expect(() => validateBfParameters({ ...params, p })).toThrow(/p is not prime/);
  });

  it('with a composite q of Solinas form is refused', () => {
    const q = (1n << 255n) + (1n << 254n) + 1n;
    const p = params.p - (params.p % (12n * q)) - 1n;
    expect(() => validateBfParameters({ ...params, q, p })).toThrow(/q is not prime/);
  });

  it('whose P or P_pub is not of order q is refused', () => {
    const { p } = params;
    for (const bad of [
      somePoint(1n, p),
      { x: 0n, y: 1n },
      { x: p - 1n, y: 0n },
      { x: params.P.x, y: params.P.y + 1n },
    ]) {
      expect(() => validateBfParameters({ ...params, P: bad })).toThrow(/^P is not a point of order q/);
      expect(() => validateBfParameters({ ...params, Ppub: bad })).toThrow(
        /^P_pub is not a point of order q/,
      );
      expect(() => requireOrderQ(bad, params)).toThrow(code('point'));
    }
    const twice = toAffine(double({ ...params.P, z: 1n }, p), p)!;
    expect(() => requireOrderQ(twice, params)).not.toThrow();
  });

  it('whose master secret is 1 or −1 for all to see is refused', () => {
    expect(() => validateBfParameters({ ...params, Ppub: params.P })).toThrow(code('parameters'));
    const minus = multiply(params.P, params.q - 1n, params.p)!;
    expect(() => validateBfParameters({ ...params, Ppub: minus })).toThrow(code('parameters'));
  });
});
