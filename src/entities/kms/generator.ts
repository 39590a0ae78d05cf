/**
 * What is computed with a master secret, in the thread that asks: one operation in each turn of the event loop, so that
 * what else it does gets in between; cancellable, and bounded for private keys, as the pool of workers is
 * (`entities/kms/workers/pairing-pool.ts`). For small set-ups, and in each worker for questions.
 */
import { SerialQueue } from '../../bytes/serial-queue.ts';
import { setImmediate } from 'node:timers/promises';
import { toBigInt } from '../../bytes/octets.ts';
import type { BfCiphertext } from '../../ibe/blocks.ts';
import type { AffinePoint } from '../../ibe/curve.ts';
import type { IbeEngine } from '../../ibe/engine.ts';
import { KmsError } from './errors.ts';
import type { CiphertextOpener, MasterKey, PrivateKeyGenerator } from './ports.ts';

export class EngineGenerator implements PrivateKeyGenerator, CiphertextOpener {
  readonly #engine: IbeEngine;
  readonly #limit: number;
  #waiting = 0;
  readonly #turns = new SerialQueue();

  /** @param limit operations that may wait */
  constructor(engine: IbeEngine, limit = Infinity) {
    this.#engine = engine;
    this.#limit = limit;
  }

  decrypt(
    { bf, masterSecret }: MasterKey,
    id: Uint8Array,
    ciphertext: BfCiphertext,
    signal?: AbortSignal,
  ): Promise<Uint8Array | null> {
    return this.#inTurn(signal, () =>
      this.#engine.decryptWithMaster(bf, toBigInt(masterSecret.expose()), id, ciphertext),
    );
  }

  extract({ bf, masterSecret }: MasterKey, id: Uint8Array, signal?: AbortSignal): Promise<AffinePoint> {
    return this.#inTurn(signal, () => this.#engine.extract(bf, toBigInt(masterSecret.expose()), id));
  }

  async #inTurn<T>(signal: AbortSignal | undefined, compute: () => T): Promise<T> {
    if (this.#waiting >= this.#limit) throw busy(this.#limit);
    this.#waiting++;
    await this.#turns.run(() => setImmediate());
    this.#waiting--;
    if (signal?.aborted === true) throw cancelled();
    return compute();
  }
}

export function busy(limit: number): KmsError {
  return new KmsError('busy', `${limit} operations are waiting already`);
}

export function cancelled(): KmsError {
  return new KmsError('cancelled', 'whoever asked is gone');
}
