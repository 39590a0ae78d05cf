/**
 * BFdecrypt does the same work whatever becomes of a ciphertext, and gives back what it no longer keeps: told by a record
 * of what the engine asks of its arithmetic.
 */
import { describe, expect, it } from 'vitest';
import { utf8 } from '../../src/bytes/octets.ts';
import { BfEngine, type BfArithmetic, type Bounds, DEFAULT_BOUNDS } from '../../src/ibe/bf-engine.ts';
import type { BfCiphertext } from '../../src/ibe/blocks.ts';
import { multiply } from '../../src/ibe/curve.ts';
import { WasmArithmetic } from '../../src/ibe/wasm-engine.ts';
import { smallDistrict, somePoint } from './support/groups.ts';

/** Passes everything on, and writes down what. */
function recorded<Theta, Lines>(
  arithmetic: BfArithmetic<Theta, Lines>,
  calls: string[],
): BfArithmetic<Theta, Lines> {
  const note = <A extends unknown[], R>(name: string, run: (...args: A) => R) => {
    return (...args: A): R => {
      calls.push(name);
      return run(...args);
    };
  };
  return {
    hashPoint: note('hashPoint', (id) => arithmetic.hashPoint(id)),
    theta: note('theta', (point) => arithmetic.theta(point)),
    thetaPower: note('thetaPower', (theta, exponent) => arithmetic.thetaPower(theta, exponent)),
    baseMultiple: note('baseMultiple', (l) => arithmetic.baseMultiple(l)),
    isBaseMultiple: note('isBaseMultiple', (l, u) => arithmetic.isBaseMultiple(l, u)),
    lines: note('lines', (key) => arithmetic.lines(key)),
    pair: note('pair', (lines, u) => arithmetic.pair(lines, u)),
    pairWithMaster: note('pairWithMaster', (u, point, s) => arithmetic.pairWithMaster(u, point, s)),
    privateKey: note('privateKey', (point, s) => arithmetic.privateKey(point, s)),
    forgetTheta: note('forgetTheta', (theta) => {
      arithmetic.forgetTheta(theta);
    }),
    forgetLines: note('forgetLines', (lines) => {
      arithmetic.forgetLines(lines);
    }),
  };
}

const { params, masterSecret } = smallDistrict((1n << 47n) - (1n << 3n) - 1n, 96, 424242n);
const { p } = params;
const id = utf8('alice');

function engineOf(bounds: Bounds = DEFAULT_BOUNDS) {
  const calls: string[] = [];
  const engine = new BfEngine((given) => recorded(new WasmArithmetic(given), calls), bounds);
  /** What one step asks for. */
  const during = (run: () => void): string[] => {
    calls.length = 0;
    run();
    return [...calls];
  };
  return { engine, during };
}

describe('whatever is wrong with a ciphertext, decryption does what it does for a good one', () => {
  const { engine, during } = engineOf();
  const key = engine.extract(params, masterSecret, id);
  const good = engine.encrypt(params, id, utf8('a session key'), new Uint8Array(32).fill(3));
  const bad: Record<string, BfCiphertext> = {
    'U out of range': { ...good, u: { x: good.u.x + p, y: good.u.y } },
    'U negative': { ...good, u: { x: -good.u.x, y: good.u.y } },
    'U off the curve': { ...good, u: { x: good.u.x, y: good.u.y ^ 1n } },
    'U = (0, 0)': { ...good, u: { x: 0n, y: 0n } },
    'U of order 2': { ...good, u: { x: p - 1n, y: 0n } },
    'U of order 3': { ...good, u: { x: 0n, y: 1n } },
    'U of another order': { ...good, u: somePoint(5n, p) },
    'U of an order that divides the cofactor': { ...good, u: multiply(somePoint(6n, p), params.q, p)! },
    'another U': { ...good, u: params.P },
    'V altered': { ...good, v: good.v.map((octet) => octet ^ 1) },
    'V short': { ...good, v: good.v.subarray(1) },
    'V long': { ...good, v: new Uint8Array(33) },
    'W altered': { ...good, w: good.w.map((octet) => octet ^ 1) },
    'W long': { ...good, w: new Uint8Array(33) },
    'W empty': { ...good, w: new Uint8Array() },
  };
  engine.decrypt(params, key, good);

  it.each(Object.entries(bad))('%s: with a private key', (_, ciphertext) => {
    expect(during(() => engine.decrypt(params, key, good))).toEqual(['pair', 'isBaseMultiple']);
    const calls = during(() => {
      expect(engine.decrypt(params, key, ciphertext)).toBeNull();
    });
    expect(calls).toEqual(['pair', 'isBaseMultiple']);
  });

  it.each(Object.entries(bad))('%s: with the master secret, from the first question on', (_, ciphertext) => {
    const [one, two] = [engineOf(), engineOf()];
    for (const expected of [
      ['hashPoint', 'pairWithMaster', 'isBaseMultiple'],
      ['pairWithMaster', 'isBaseMultiple'],
      ['privateKey', 'lines', 'pair', 'isBaseMultiple'],
      ['pair', 'isBaseMultiple'],
    ]) {
      const accepted = one.during(() => {
        expect(one.engine.decryptWithMaster(params, masterSecret, id, good)).not.toBeNull();
      });
      const refused = two.during(() => {
        expect(two.engine.decryptWithMaster(params, masterSecret, id, ciphertext)).toBeNull();
      });
      expect(accepted).toEqual(expected);
      expect(refused).toEqual(expected);
    }
  });
});

describe('what is kept no longer is given back to be overwritten', () => {
  const ids = ['a', 'b', 'c'].map(utf8);

  it('θ of the identity that was used least recently', () => {
    const { engine, during } = engineOf({ districts: 1, identities: 2, privateKeys: 1 });
    const encrypt = (who: Uint8Array) => () => {
      engine.encrypt(params, who, utf8('m'), new Uint8Array(32));
    };
    expect(ids.map((who) => during(encrypt(who)).filter((call) => call === 'forgetTheta').length)).toEqual([
      0, 0, 1,
    ]);
  });

  it('lines of a private key, and everything of a district', () => {
    const { engine, during } = engineOf({ districts: 1, identities: 3, privateKeys: 1 });
    const open = (who: Uint8Array) => () => {
      const key = engine.extract(params, masterSecret, who);
      const ciphertext = engine.encrypt(params, who, utf8('m'), new Uint8Array(32));
      expect(engine.decrypt(params, key, ciphertext)).toEqual(utf8('m'));
    };
    const forgotten = (calls: string[]): string[] => calls.filter((call) => call.startsWith('forget'));
    expect(ids.map((who) => forgotten(during(open(who))))).toEqual([[], ['forgetLines'], ['forgetLines']]);
    const next = smallDistrict(params.q, 104, 99n).params;
    const calls = forgotten(during(() => engine.encrypt(next, id, utf8('m'), new Uint8Array(32))));
    expect(calls).toEqual(['forgetTheta', 'forgetTheta', 'forgetTheta', 'forgetLines']);
  });
});
