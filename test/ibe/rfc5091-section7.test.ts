/** The test data of RFC 5091 section 7, section by section; the notes in the file say what is misprinted. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { fromHex, toHex, utf8 } from '../../src/bytes/octets.ts';
import {
  bb1Decrypt,
  bb1Encrypt,
  bb1Extract,
  bb1Parameters,
  bigIntBb1,
  type Bb1Parameters,
} from '../../src/ibe/bb1.ts';
import { bigIntEngine } from '../../src/ibe/bigint-engine.ts';
import { hasOrder, isOnCurve, multiply } from '../../src/ibe/curve.ts';
import { mod2 } from '../../src/ibe/field.ts';
import { groupOf } from '../../src/ibe/group.ts';
import { hashToRange, type BfHash } from '../../src/ibe/hash.ts';
import { hashToPoint } from '../../src/ibe/hash-to-point.ts';
import { FixedPairing } from '../../src/ibe/fixed-pairing.ts';
import { pairing } from '../../src/ibe/pairing.ts';
import { validateBfParameters, type BfParameters } from '../../src/ibe/parameters.ts';
import { WasmArithmetic, wasmBb1, wasmEngine } from '../../src/ibe/wasm-engine.ts';
import { WasmField } from '../../src/ibe/wasm/field.ts';
import { Points } from '../../src/ibe/wasm/points.ts';
import { pointOf } from './support/octets.ts';

type Pair = [string, string];
interface Bf {
  id: string;
  hash: BfHash;
  p: string;
  q: string;
  P: Pair;
  Ppub: Pair;
}
interface Bb {
  id: string;
  hash: BfHash;
  p: string;
  q: string;
  P: Pair;
  P1: Pair;
  P2: Pair;
  P3: Pair;
  v: Pair;
}
interface Section7 {
  '7.1': { q: string; p: string; A: Pair; l: string; lA: Pair };
  '7.2': { s: string; n: string; hash: BfHash; v: string };
  '7.3': { q: string; p: string; A: Pair; B: Pair; pairing: Pair };
  '7.4': Bf & { Qid: Pair };
  '7.5': Bf & { s: string; Sid: Pair };
  '7.6': Bf & {
    m: string;
    rho: string;
    U: Pair;
    V: string;
    W: string;
    printed: { U: Pair; V: string; W: string };
  };
  '7.7': Bb & { alpha: string; beta: string; gamma: string; r: string; D0: Pair; D1: Pair };
  '7.8': Bb & { m: string; s: string; u: string; C0: Pair; C1: Pair; y: string };
}

const file = path.resolve(import.meta.dirname, '../vectors/rfc5091/section7.json');
const data = JSON.parse(readFileSync(file, 'utf8')) as Section7;

const engines = [
  ['BigInt', bigIntEngine()],
  ['WebAssembly', wasmEngine()],
] as const;

const bb1Arithmetics = [
  ['BigInt', ({ p, q }: Bb1Parameters) => bigIntBb1(p, q)],
  ['WebAssembly', (params: Bb1Parameters) => wasmBb1(params)],
] as const;

function bfOf(v: Bf): BfParameters {
  return { hash: v.hash, p: BigInt(v.p), q: BigInt(v.q), P: pointOf(v.P), Ppub: pointOf(v.Ppub) };
}

function bbOf(v: Bb) {
  const [re, im] = v.v.map(BigInt) as [bigint, bigint];
  return {
    hash: v.hash,
    p: BigInt(v.p),
    q: BigInt(v.q),
    P: pointOf(v.P),
    P1: pointOf(v.P1),
    P2: pointOf(v.P2),
    P3: pointOf(v.P3),
    v: { re, im },
  };
}

describe('RFC 5091 section 7', () => {
  it('7.1 PointMultiply', () => {
    const v = data['7.1'];
    expect(multiply(pointOf(v.A), BigInt(v.l), BigInt(v.p))).toEqual(pointOf(v.lA));
    const kernel = new Points(new WasmField(BigInt(v.p)));
    expect(kernel.multiple(pointOf(v.A), BigInt(v.l))).toEqual(pointOf(v.lA));
  });

  it('7.2 HashToRange', () => {
    const v = data['7.2'];
    expect(hashToRange(v.hash, utf8(v.s), BigInt(v.n))).toBe(BigInt(v.v));
  });

  it('7.3 Pairing, generic and from a table', () => {
    const v = data['7.3'];
    const group = groupOf(BigInt(v.p), BigInt(v.q));
    const expected = { re: BigInt(v.pairing[0]), im: BigInt(v.pairing[1]) };
    expect(pairing(pointOf(v.A), pointOf(v.B), group)).toEqual(expected);
    expect(mod2(new FixedPairing(pointOf(v.A), group).pair(pointOf(v.B)), group.p)).toEqual(expected);
  });

  it('7.3 Pairing on the kernel, generic and from lines, either way round', () => {
    const v = data['7.3'];
    const [A, B] = [pointOf(v.A), pointOf(v.B)];
    const kernel = new WasmArithmetic({ hash: 'sha1', p: BigInt(v.p), q: BigInt(v.q), P: A, Ppub: B });
    const expected = { re: BigInt(v.pairing[0]), im: BigInt(v.pairing[1]) };
    for (const [fixed, other] of [
      [A, B],
      [B, A],
    ] as const) {
      expect(kernel.pairGeneric(fixed, other)).toEqual(expected);
      expect(kernel.pair(kernel.lines(fixed), other)).toEqual(expected);
    }
  });

  it('7.4 BFderivePubl, with the identity in reading order', () => {
    const v = data['7.4'];
    const group = groupOf(BigInt(v.p), BigInt(v.q));
    expect(hashToPoint(v.hash, utf8(v.id), group)).toEqual(pointOf(v.Qid));
    const kernel = new WasmArithmetic(bfOf(v));
    expect(kernel.clearCofactor(kernel.hashPoint(utf8(v.id)))).toEqual(pointOf(v.Qid));
  });

  it.each(engines)('7.5 BFextractPriv: the printed "Q_id" is S_id (%s)', (_, engine) => {
    const v = data['7.5'];
    const params = bfOf(v);
    expect(multiply(params.P, BigInt(v.s), params.p)).toEqual(params.Ppub);
    expect(engine.extract(params, BigInt(v.s), utf8(v.id))).toEqual(pointOf(v.Sid));
  });

  it.each(engines)('7.6 BFencrypt and BFdecrypt, with the corrected output (%s)', (_, engine) => {
    const v = data['7.6'];
    const params = bfOf(v);
    const ciphertext = engine.encrypt(params, utf8(v.id), utf8(v.m), fromHex(v.rho));
    expect(ciphertext.u).toEqual(pointOf(v.U));
    expect(toHex(ciphertext.v)).toBe(v.V);
    expect(toHex(ciphertext.w)).toBe(v.W);
    expect(engine.decrypt(params, pointOf(data['7.5'].Sid), ciphertext)).toEqual(utf8(v.m));
    expect(engine.decryptWithMaster(params, BigInt(data['7.5'].s), utf8(v.id), ciphertext)).toEqual(
      utf8(v.m),
    );
  });

  it.each(engines)('7.6 as printed is no ciphertext: its U does not even fit the field (%s)', (_, engine) => {
    const v = data['7.6'];
    const params = bfOf(v);
    const printed = { u: pointOf(v.printed.U), v: fromHex(v.printed.V), w: fromHex(v.printed.W) };
    expect(isOnCurve(printed.u, params.p)).toBe(false);
    expect(engine.decrypt(params, pointOf(data['7.5'].Sid), printed)).toBeNull();
  });

  it.each(bb1Arithmetics)('7.7 BBsetup and BBextractPriv (%s)', (_, arithmeticOf) => {
    const v = data['7.7'];
    const params = bbOf(v);
    const master = { alpha: BigInt(v.alpha), beta: BigInt(v.beta), gamma: BigInt(v.gamma) };
    const arithmetic = arithmeticOf(params);
    expect(bb1Parameters(params, master, arithmetic)).toEqual(params);
    expect(bb1Extract(params, master, utf8(v.id), BigInt(v.r), arithmetic)).toEqual({
      d0: pointOf(v.D0),
      d1: pointOf(v.D1),
    });
  });

  it.each(bb1Arithmetics)('7.8 BBencrypt and BBdecrypt (%s)', (_, arithmeticOf) => {
    const v = data['7.8'];
    const params = bbOf(v);
    const arithmetic = arithmeticOf(params);
    const ciphertext = bb1Encrypt(params, utf8(v.id), utf8(v.m), BigInt(v.s), arithmetic);
    expect(ciphertext).toEqual({ u: BigInt(v.u), c0: pointOf(v.C0), c1: pointOf(v.C1), y: fromHex(v.y) });
    const key = { d0: pointOf(data['7.7'].D0), d1: pointOf(data['7.7'].D1) };
    expect(bb1Decrypt(params, key, ciphertext, arithmetic)).toEqual(utf8(v.m));
  });

  it.each(bb1Arithmetics)('7.8 altered anywhere is refused (%s)', (_, arithmeticOf) => {
    const v = data['7.8'];
    const params = bbOf(v);
    const key = { d0: pointOf(data['7.7'].D0), d1: pointOf(data['7.7'].D1) };
    const good = { u: BigInt(v.u), c0: pointOf(v.C0), c1: pointOf(v.C1), y: fromHex(v.y) };
    const arithmetic = arithmeticOf(params);
    const swapped = { x: good.c0.x, y: params.p - good.c0.y };
    const bad = [
      { ...good, u: good.u ^ 1n },
      { ...good, u: params.q },
      { ...good, u: -1n },
      { ...good, c0: swapped },
      { ...good, c0: { x: good.c0.x, y: good.c0.y + 1n } },
      { ...good, c1: good.c0 },
      { ...good, c1: { x: 0n, y: 1n } },
      { ...good, c1: { x: params.p - 1n, y: 0n } },
      { ...good, y: good.y.map((octet, at) => (at === 0 ? octet ^ 1 : octet)) },
      { ...good, y: good.y.subarray(1) },
    ];
    for (const ciphertext of bad) expect(bb1Decrypt(params, key, ciphertext, arithmetic)).toBeNull();
    expect(bb1Decrypt(params, { d0: key.d1, d1: key.d0 }, good, arithmetic)).toBeNull();
  });

  it('the groups of section 7 are too small to be a district', () => {
    const params = bfOf(data['7.4']);
    expect(hasOrder(params.P, params.q, params.p)).toBe(true);
    expect(() => validateBfParameters(params)).toThrow(/no such size/);
  });
});
