/** Small groups for properties: every shape of Solinas prime, in sizes at which the reference is quick. */
import { checkPrimeSync } from 'node:crypto';
import { multiply, type AffinePoint } from '../../../src/ibe/curve.ts';
import { loadDemoGroup } from '../../../src/ibe/demo-groups.ts';
import { groupOf, solinas, type Group, type Solinas } from '../../../src/ibe/group.ts';
import { pointOfOrdinate } from '../../../src/ibe/hash-to-point.ts';
import type { BfParameters } from '../../../src/ibe/parameters.ts';
import { solinasCandidates } from '../../../src/ibe/setup.ts';
import { digest } from '../../../src/ibe/hash.ts';
import { toBigInt, utf8 } from '../../../src/bytes/octets.ts';

export interface SmallDistrict {
  readonly name: string;
  readonly params: BfParameters;
  readonly masterSecret: bigint;
  readonly group: Group;
}

/** A prime p = 12rq − 1 of about `pBits` bits, the first from a place that `q` determines. */
export function primeOver(q: bigint, pBits: number): bigint {
  for (let r = (1n << BigInt(pBits - 1)) / (12n * q) + 1n; ; r++) {
    const p = 12n * r * q - 1n;
    if (r % q !== 0n && checkPrimeSync(p)) return p;
  }
}

/** A point of E(F_p) of whatever order, from a number. */
export function somePoint(seed: bigint, p: bigint): AffinePoint {
  return pointOfOrdinate(toBigInt(digest('sha512', utf8(seed.toString()))) % p, p);
}

/** A point of order q, from a number. */
export function pointOfOrderQ(seed: bigint, { p, cofactor }: Group): AffinePoint {
  const point = multiply(somePoint(seed, p), cofactor, p);
  return point ?? pointOfOrderQ(seed + 1n, groupOf(p, (p + 1n) / cofactor));
}

export function smallDistrict(q: bigint, pBits: number, masterSecret: bigint): SmallDistrict {
  const p = primeOver(q, pBits);
  const group = groupOf(p, q);
  const P = pointOfOrderQ(1n, group);
  const Ppub = multiply(P, masterSecret, p);
  if (Ppub === null) throw new Error('master secret is 0');
  const shape = solinas(q)!;
  const sign = (n: 1 | -1): string => (n === 1 ? '+' : '-');
  const name = `q = 2^${shape.a} ${sign(shape.s)} 2^${shape.b} ${sign(shape.c)} 1, p of ${p.toString(2).length} bits`;
  return { name, params: { hash: 'sha256', p, q, P, Ppub }, masterSecret, group };
}

/** One group for each sign of s and c and each parity of b and a − b, as far as primes of these bits allow. */
export function smallDistricts(): SmallDistrict[] {
  const seen = new Map<string, bigint>();
  for (const bits of [24, 31, 32, 47]) {
    for (const q of solinasCandidates(bits)) {
      const shape = solinas(q);
      if (shape === null || shape.b < 2 || !checkPrimeSync(q)) continue;
      const key = [shape.s, shape.c, shape.b % 2, (shape.a - shape.b) % 2].join(' ');
      if (!seen.has(key)) seen.set(key, q);
    }
  }
  return [...seen.values()].map((q, at) => smallDistrict(q, 64 + 8 * at, 0x1234567n % q));
}

/** q = 2^a + s·2^b + c and p = 12rq − 1, r so much above the least of `pBits` bits. */
function groupAbove(pBits: number, { a, b, s, c }: Solinas, above: bigint) {
  const q = (1n << BigInt(a)) + BigInt(s) * (1n << BigInt(b)) + BigInt(c);
  return { pBits, q, p: 12n * ((1n << BigInt(pBits - 1)) / (12n * q) + 1n + above) * q - 1n };
}

/** A group of every size of RFC 5091's table, n = 1024 to 15360. */
export function largeGroups(): { readonly pBits: number; readonly p: bigint; readonly q: bigint }[] {
  const demo = loadDemoGroup('home1');
  return [
    groupAbove(512, { a: 159, b: 17, s: 1, c: 1 }, 137n),
    groupAbove(1024, { a: 223, b: 8, s: 1, c: -1 }, 153n),
    { pBits: 1536, p: demo.p, q: demo.q },
    groupAbove(3840, { a: 383, b: 155, s: 1, c: 1 }, 740n),
    groupAbove(7680, { a: 511, b: 19, s: 1, c: 1 }, 3260n),
  ];
}
