/** The operations of the table, at n = 3072, on the groups of the exchange vectors. */
import { bls12_381 } from '@noble/curves/bls12-381.js';
import { utf8 } from '../src/bytes/octets.ts';
import { defaultEngine } from '../src/ibe/default-engine.ts';
import type { NewDistrict } from '../src/ibe/setup.ts';
import { WasmArithmetic } from '../src/ibe/wasm-engine.ts';
import {
  decodeGetKeysRequest,
  encodeGetKeysRequest,
  encodeGetKeysResponse,
} from '../src/wire/xk/get-keys.ts';
import { isGetKeysFailure } from '../src/wire/xk/get-keys.ts';
import { EngineGenerator } from '../src/entities/kms/generator.ts';
import { GetKeys } from '../src/entities/kms/get-keys/get-keys.ts';
import { homesOf, loadVector } from '../test/ibake/support/vectors.ts';
import { recordsOf, requestOf } from '../test/entities/kms/get-keys/support/questions.ts';
import { measure, measureAsync, setUnit, unitOf, unitPeer, type Measured } from './measure.ts';

export interface Row {
  readonly key: string;
  readonly name: string;
  readonly measured: Measured;
  readonly atMost: number | null;
  readonly aim: number | null;
}

const VECTOR = 'exchange-1.json';

/** Parameters with their master secret. */
export function benchDistrict(): NewDistrict {
  const { bf, masterSecret } = homesOf(loadVector(VECTOR)).initiator;
  return { parameters: bf, masterSecret };
}

/** Runs the unit 200 times, and from then on between other runs. */
export function useUnit({ parameters: { p } }: NewDistrict): void {
  const unit = unitOf(p);
  const peer = unitPeer(p);
  setUnit(() => void unit.computeSecret(peer));
  measure(200, () => undefined, 0);
}

export async function measureOperations(district: NewDistrict): Promise<Row[]> {
  const rows: Row[] = [];
  const row = (key: string, name: string, limits: readonly [number, number] | null, measured: Measured) =>
    rows.push({ key, name, measured, atMost: limits?.[0] ?? null, aim: limits?.[1] ?? null });
  const { parameters, masterSecret } = district;
  const arithmetic = new WasmArithmetic(parameters);
  const engine = defaultEngine();
  const rho = new Uint8Array(32).fill(7);
  const message = new Uint8Array(16).fill(8);
  const id = utf8('cached');
  const name = (round: number): Uint8Array => utf8(`never seen ${round}`);

  const lines = arithmetic.lines(parameters.Ppub);
  const point = arithmetic.hashPoint(id);
  row(
    'pairingFixed',
    'pairing, fixed argument',
    [4.8, 3.6],
    measure(60, () => arithmetic.pair(lines, point)),
  );
  const key = engine.extract(parameters, masterSecret, id);
  const ciphertext = engine.encrypt(parameters, id, message, rho);
  const decrypt = (): unknown => engine.decrypt(parameters, key, ciphertext);
  row('decrypt', 'BFdecrypt, table cached', [5.5, 4.2], measure(60, decrypt));
  const encryptCold = (round: number): unknown => engine.encrypt(parameters, name(round), message, rho);
  row('encryptCold', 'BFencrypt, recipient never seen', [8.5, 6.5], measure(40, encryptCold));
  const encryptCached = (): unknown => engine.encrypt(parameters, id, message, rho);
  row('encryptCached', 'BFencrypt, recipient cached', [1.8, 1.3], measure(60, encryptCached));
  const extract = (round: number): unknown =>
    engine.extract(parameters, masterSecret, utf8(`key of ${round}`));
  row('extract', 'extraction of a private key', [19, 14], measure(20, extract));
  row('getKeysWarm', 'get_keys, warm, initiator', [8, 6], await getKeys('warm'));
  row('getKeysCold', 'get_keys, cold', [16, 12], await getKeys('cold'));

  row(
    'hashToPoint',
    'hash to a curve point',
    null,
    measure(30, (round) => arithmetic.hashPoint(name(round))),
  );
  const generic = (): unknown => arithmetic.pairWithMaster(parameters.P, point, masterSecret);
  row('pairingGeneric', "pairing without table, and the KMS's power", null, measure(30, generic));
  const table = (): void => arithmetic.forgetLines(arithmetic.lines(key));
  row('table', "table of a private key's lines", null, measure(12, table));
  row('noble', '@noble/curves BLS12-381 pairing', null, measure(30, noble()));
  return rows;
}

/** All of it, from the request's octets to the answer's; cold: in a KMS that never saw the target. */
async function getKeys(state: 'warm' | 'cold'): Promise<Measured> {
  const vector = loadVector(VECTOR);
  const { user } = vector.kms.initiator;
  const address = user.uri.split(';')[0] ?? '';
  const question = { ...requestOf(vector, 'initiator'), targetKmsIdentity: address };
  const request = encodeGetKeysRequest(question);
  const covered = new Set([address, user.uri]);
  const ask = async (service: GetKeys): Promise<void> => {
    const response = await service.answer({ request: decodeGetKeysRequest(request), covered });
    if (isGetKeysFailure(response)) throw new Error(response.failureIndication);
    encodeGetKeysResponse(response).wipe();
  };
  const kms = (engine = defaultEngine()): GetKeys =>
    new GetKeys(recordsOf(vector, 'initiator'), new EngineGenerator(engine));
  if (state === 'warm') {
    const service = kms();
    return measureAsync(60, () => ask(service), 60);
  }
  // The district's own tables are made; the target is new to each engine.
  const { parameters } = benchDistrict();
  const services = Array.from({ length: 14 }, () => {
    const engine = defaultEngine();
    engine.encrypt(parameters, utf8('someone else'), new Uint8Array(16), new Uint8Array(32));
    return kms(engine);
  });
  return measureAsync(10, (round) => ask(services[round] ?? kms()), 4);
}

function noble(): () => void {
  const { G1, G2 } = bls12_381;
  const a = G1.Point.BASE.multiply(123456789n);
  const b = G2.Point.BASE.multiply(987654321n);
  return () => void bls12_381.pairing(a, b);
}
