/** The private-key generator in the KMS's own thread: right, one operation a turn, bounded, cancellable. */
import { describe, expect, it } from 'vitest';
import { fromBigInt, utf8 } from '../../../src/bytes/octets.ts';
import { Secret } from '../../../src/bytes/secret.ts';
import { defaultEngine } from '../../../src/ibe/default-engine.ts';
import { EngineGenerator } from '../../../src/entities/kms/generator.ts';
import { smallDistricts } from '../../ibe/support/groups.ts';

const { params, masterSecret } = smallDistricts().at(-1)!;
const key = { bf: params, masterSecret: Secret.of(fromBigInt(masterSecret, 32)) };
const engine = defaultEngine();
const id = utf8('alice');
const message = utf8('a key');
const ciphertext = engine.encrypt(params, id, message, new Uint8Array(32).fill(1));

describe('the generator in the own thread', () => {
  it('opens and extracts as the engine does', async () => {
    const generator = new EngineGenerator(engine);
    expect(await generator.extract(key, id)).toEqual(engine.extract(params, masterSecret, id));
    expect(await generator.decrypt(key, id, ciphertext)).toEqual(message);
    expect(await generator.decrypt(key, utf8('bob'), ciphertext)).toBeNull();
  });

  it('lets the event loop turn before each operation, however many are asked for at once', async () => {
    const generator = new EngineGenerator(engine);
    let turns = 0;
    const turn = (): void => {
      turns++;
      timer = setImmediate(turn);
    };
    let timer = setImmediate(turn);
    const seen: number[] = [];
    await Promise.all(
      Array.from({ length: 12 }, async () => {
        await generator.decrypt(key, id, ciphertext);
        seen.push(turns);
      }),
    );
    clearImmediate(timer);
    expect(new Set(seen).size).toBe(12);
  });

  it('refuses what does not fit, and takes more when there is room again', async () => {
    const generator = new EngineGenerator(engine, 2);
    const asked = [1, 2, 3].map(() => generator.decrypt(key, id, ciphertext));
    const settled = await Promise.allSettled(asked);
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    expect(settled[2]).toMatchObject({ reason: { code: 'busy' } });
    expect(await generator.decrypt(key, id, ciphertext)).toEqual(message);
  });

  it('does not compute for whoever is gone', async () => {
    let computed = 0;
    const counting = {
      ...{ encrypt: engine.encrypt.bind(engine), decrypt: engine.decrypt.bind(engine) },
      decryptWithMaster: engine.decryptWithMaster.bind(engine),
      extract: (...of: Parameters<typeof engine.extract>) => {
        computed++;
        return engine.extract(...of);
      },
    };
    const generator = new EngineGenerator(counting);
    const gone = new AbortController();
    const asked = generator.extract(key, id, gone.signal);
    gone.abort();
    await expect(asked).rejects.toMatchObject({ code: 'cancelled' });
    expect(computed).toBe(0);
    await generator.extract(key, id);
    expect(computed).toBe(1);
  });

  it('goes on after an operation that the engine refuses', async () => {
    const generator = new EngineGenerator(engine);
    const bad = { ...key, bf: { ...params, q: params.q + 2n } };
    const asked = [generator.extract(bad, id), generator.decrypt(key, id, ciphertext)] as const;
    await expect(asked[0]).rejects.toMatchObject({ code: 'parameters' });
    expect(await asked[1]).toEqual(message);
  });
});
