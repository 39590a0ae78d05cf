/** A KMS's records for tests, and questions to it. */
import { createHash } from 'node:crypto';
import { toHex } from '../../../../../src/bytes/octets.ts';
import { Secret } from '../../../../../src/bytes/secret.ts';
import type { BfCiphertext } from '../../../../../src/ibe/blocks.ts';
import { encodeBfCiphertextBlock } from '../../../../../src/ibe/blocks.ts';
import { isOnCurve } from '../../../../../src/ibe/curve.ts';
import type { IbeEngine } from '../../../../../src/ibe/engine.ts';
import { periodStart } from '../../../../../src/ibake/identity.ts';
import { EngineGenerator } from '../../../../../src/entities/kms/generator.ts';
import { GetKeys } from '../../../../../src/entities/kms/get-keys/get-keys.ts';
import type { GetKeysRecords } from '../../../../../src/entities/kms/get-keys/ports.ts';
import type { LiRootState, SerialRecord } from '../../../../../src/entities/kms/ports.ts';
import type {
  GetKeysRequest,
  GetKeysResponse,
  XkCryptoSession,
} from '../../../../../src/wire/xk/get-keys.ts';
import { isGetKeysFailure } from '../../../../../src/wire/xk/get-keys.ts';
import { engine, type TestHome } from '../../../../ibake/support/network.ts';

export class TestRecords implements GetKeysRecords {
  readonly #home: TestHome;
  /** Device identities whose seeds were issued, for every period. */
  readonly #devices: Set<string>;
  root: LiRootState;
  /** Serials that are valid beside the home's own. */
  others: SerialRecord[] = [];

  constructor(home: TestHome, devices: readonly string[]) {
    this.#home = home;
    this.#devices = new Set(devices);
    this.root = { state: 'kept', root: Secret.of(home.liRoot.slice()) };
  }

  get district(): string {
    return this.#home.district;
  }

  get keyLifetime(): number {
    return this.#home.keyLifetime;
  }

  serialsFor(period: number): SerialRecord[] {
    if (period !== periodStart(period, this.keyLifetime)) throw new Error('not the start of a period');
    return [...this.others, serialRecord(this.#home)];
  }

  issuedSeed(uri: string): Promise<{ serial: number } | null> {
    return Promise.resolve(this.#devices.has(uri) ? { serial: this.#home.serial } : null);
  }

  liRoot(): Promise<LiRootState> {
    const { root } = this;
    return Promise.resolve(
      root.state === 'kept' ? { ...root, root: Secret.of(root.root.expose().slice()) } : root,
    );
  }
}

export function serialRecord({ serial, bf, masterSecret }: TestHome): SerialRecord {
  const hex = masterSecret.toString(16);
  const octets = new Uint8Array(Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex'));
  return { serial, bf, notBefore: 0, notAfter: 2 ** 40, masterSecret: Secret.of(octets) };
}

/**
 * The engine with its answers remembered. A ciphertext whose U is off the curve is answered at once: the engine's own
 * tests show that it answers `null`, and at what cost.
 */
export function rememberingEngine(): IbeEngine {
  const answers = new Map<string, Uint8Array | null>();
  return {
    ...{ encrypt: engine.encrypt.bind(engine), decrypt: engine.decrypt.bind(engine) },
    extract: engine.extract.bind(engine),
    decryptWithMaster(params, masterSecret, id, ciphertext: BfCiphertext) {
      if (!isOnCurve(ciphertext.u, params.p)) return null;
      const hash = createHash('sha256').update(id).update(encodeBfCiphertextBlock(ciphertext));
      const key = hash.update(masterSecret.toString(16)).digest('hex');
      const known = answers.get(key);
      if (known !== undefined) return known?.slice() ?? null;
      const answer = engine.decryptWithMaster(params, masterSecret, id, ciphertext);
      answers.set(key, answer?.slice() ?? null);
      return answer;
    },
  };
}

export function ask(
  records: GetKeysRecords,
  request: GetKeysRequest,
  covered: readonly string[] = [request.targetKmsIdentity],
  using: IbeEngine = engine,
): Promise<GetKeysResponse> {
  return new GetKeys(records, new EngineGenerator(using)).answer({ request, covered: new Set(covered) });
}

/** Keys spelt out, or the failure. */
export function spelt(response: GetKeysResponse) {
  if (isGetKeysFailure(response)) return response.failureIndication;
  const { verified, cryptoSessions } = response;
  return { verified, cryptoSessions: sessions(cryptoSessions) };
}

export function sessions(list: readonly XkCryptoSession[]) {
  return list.map(({ csId, sessionKey, salt, ssrc, mki, deferred, headerUnverified }) => ({
    csId,
    ssrc,
    mki: mki === null ? null : toHex(mki),
    tek: toHex(sessionKey.expose()),
    salt: toHex(salt.expose()),
    ...(deferred ? { deferred } : {}),
    ...(headerUnverified ? { headerUnverified } : {}),
  }));
}
