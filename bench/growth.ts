/** How every figure grows with n, on the groups that the tests use. */
import { utf8 } from '../src/bytes/octets.ts';
import { pointOfOrdinate } from '../src/ibe/hash-to-point.ts';
import type { BfParameters } from '../src/ibe/parameters.ts';
import { WasmArithmetic, wasmEngine } from '../src/ibe/wasm-engine.ts';
import { WasmField } from '../src/ibe/wasm/field.ts';
import { largeGroups } from '../test/ibe/support/groups.ts';
import { measure } from './measure.ts';

export interface Growth {
  readonly n: number;
  readonly multiply: number;
  readonly square: number;
  readonly invert: number;
  readonly pairingFixed: number;
  readonly decrypt: number;
  readonly encryptCold: number;
  readonly encryptCached: number;
  /** A KMS's opening for a target never seen. */
  readonly openCold: number;
  readonly hashToPoint: number;
  readonly extract: number;
  readonly baseMultiple: number;
  readonly power: number;
  /** kB that a private key's lines take. */
  readonly kilobytes: number;
}

const SECRET = 12345n;

export function measureGrowth(): Growth[] {
  return largeGroups().map(({ pBits, p, q }) => {
    const raw = pointOfOrdinate(1234567n, p);
    const first = new WasmArithmetic({ hash: 'sha512', p, q, P: raw, Ppub: raw });
    const P = first.clearCofactor(raw) ?? raw;
    const params: BfParameters = { hash: 'sha512', p, q, P, Ppub: first.privateKey(raw, SECRET) ?? raw };
    const arithmetic = new WasmArithmetic(params);
    const field = new WasmField(p);
    const [r, a] = [field.take(), field.take()];
    field.set(a, 3n ** 400n);
    const many = Math.ceil(200_000 / pBits);
    const rounds = pBits > 2000 ? 3 : 15;
    const each = (run: () => void): number =>
      (measure(rounds, () => {
        for (let at = 0; at < many; at++) run();
      }).median *
        1e6) /
      many;
    const lines = arithmetic.lines(params.Ppub);
    const theta = arithmetic.theta(raw);
    if (theta === null) throw new Error('θ = 1');
    const median = (run: (round: number) => unknown): number => {
      return measure(rounds, (round) => void run(round)).median;
    };
    const engine = wasmEngine();
    const [id, message, rho] = [utf8('known'), new Uint8Array(16), new Uint8Array(64)];
    const ciphertext = engine.encrypt(params, id, message, rho);
    const key = engine.extract(params, SECRET, id);
    return {
      n: 2 * pBits,
      multiply: each(() => field.multiply(r, a, a)),
      square: each(() => field.square(r, a)),
      invert: median(() => field.invert(r, a)) * 1e6,
      pairingFixed: median(() => arithmetic.pair(lines, raw)),
      decrypt: median(() => engine.decrypt(params, key, ciphertext)),
      encryptCold: median((round) => engine.encrypt(params, utf8(`never seen ${round}`), message, rho)),
      encryptCached: median(() => engine.encrypt(params, id, message, rho)),
      openCold: median((round) => {
        return engine.decryptWithMaster(params, SECRET, utf8(`target ${round}`), ciphertext);
      }),
      hashToPoint: median(() => arithmetic.hashPoint(utf8('x'))),
      extract: median(() => arithmetic.privateKey(raw, q - 2n)),
      baseMultiple: median(() => arithmetic.baseMultiple(q - 2n)),
      power: median(() => arithmetic.thetaPower(theta, q - 2n)),
      kilobytes: arithmetic.linesOctets / 1000,
    };
  });
}
