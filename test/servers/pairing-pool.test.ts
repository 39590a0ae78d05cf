/** The pairing pool with real workers: right answers, bounds, cancellation, and workers that die. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { utf8 } from '../../src/bytes/octets.ts';
import { defaultEngine } from '../../src/ibe/default-engine.ts';
import { PairingPool, type PoolErrorCode } from '../../src/servers/pairing-pool.ts';
import { smallDistricts } from '../ibe/support/groups.ts';

const root = path.resolve(import.meta.dirname, '../..');
const folder = mkdtempSync(path.join(tmpdir(), 'claviger-pool-'));
const { params, masterSecret } = smallDistricts().at(-1)!;
const engine = defaultEngine();
const id = utf8('alice');
const message = utf8('a key');
const ciphertext = engine.encrypt(params, id, message, new Uint8Array(32).fill(1));
const pools: PairingPool[] = [];
const code = (value: PoolErrorCode): Error => expect.objectContaining({ code: value }) as Error;

function pool(options: { workers: number; queue: number; worker?: URL }): PairingPool {
  const made = new PairingPool({ worker: module('pairing-worker.mjs'), ...options });
  pools.push(made);
  return made;
}

function module(name: string): URL {
  return pathToFileURL(path.join(folder, name));
}

/** A worker that dies whenever the identity begins with "die" and there is no file of that name yet. */
const MORTAL = `
  import { existsSync, writeFileSync } from 'node:fs';
  import { parentPort } from 'node:worker_threads';
  parentPort.on('message', ({ number, task }) => {
    const id = new TextDecoder().decode(task.id);
    const file = ${JSON.stringify(folder)} + '/' + id;
    if (id === 'die always' || (id.startsWith('die') && !existsSync(file))) {
      writeFileSync(file, '');
      process.exit(1);
    }
    if (id === 'slow') return setTimeout(() => parentPort.postMessage({ number, result: { kind: 'opened', message: null } }), 300);
    parentPort.postMessage({ number, result: { kind: 'opened', message: task.id } });
  });
`;

beforeAll(async () => {
  await build({
    root,
    configFile: false,
    logLevel: 'error',
    build: {
      ssr: 'src/servers/pairing-worker.ts',
      target: 'node20',
      outDir: folder,
      rollupOptions: { output: { entryFileNames: 'pairing-worker.mjs' } },
    },
  });
  writeFileSync(path.join(folder, 'mortal.mjs'), MORTAL);
});

afterAll(async () => {
  await Promise.all(pools.map((each) => each.close()));
  rmSync(folder, { recursive: true });
});

describe('a pairing pool', () => {
  it('opens and extracts as the engine does, for many at once', async () => {
    const two = pool({ workers: 2, queue: 100 });
    const keys = await Promise.all(
      Array.from({ length: 20 }, (_, at) => two.extract(params, masterSecret, utf8(`user ${at}`))),
    );
    keys.forEach((key, at) => expect(key).toEqual(engine.extract(params, masterSecret, utf8(`user ${at}`))));
    expect(await two.decryptWithMaster(params, masterSecret, id, ciphertext)).toEqual(message);
    expect(await two.decryptWithMaster(params, masterSecret, utf8('bob'), ciphertext)).toBeNull();
  });

  it('passes on what the engine refuses', async () => {
    const one = pool({ workers: 1, queue: 1 });
    const bad = { ...params, q: params.q + 2n };
    await expect(one.extract(bad, masterSecret, id)).rejects.toMatchObject({ code: 'parameters' });
    expect(await one.decryptWithMaster(params, masterSecret, id, ciphertext)).toEqual(message);
  });

  const ask = (from: PairingPool, who: string, signal?: AbortSignal): Promise<Uint8Array | null> =>
    from.decryptWithMaster(params, masterSecret, utf8(who), ciphertext, signal);

  it('refuses at once what does not fit the queue, and takes more when there is room again', async () => {
    const one = pool({ workers: 1, queue: 2, worker: module('mortal.mjs') });
    const running = ask(one, 'slow');
    const waiting = [ask(one, 'a'), ask(one, 'b')];
    await expect(ask(one, 'c')).rejects.toThrow(code('busy'));
    expect(await Promise.all([running, ...waiting])).toEqual([null, utf8('a'), utf8('b')]);
    expect(await ask(one, 'c')).toEqual(utf8('c'));
  });

  it('drops a task that is cancelled while it waits, or while it runs', async () => {
    const one = pool({ workers: 1, queue: 2, worker: module('mortal.mjs') });
    const [first, second] = [new AbortController(), new AbortController()];
    const running = ask(one, 'slow', first.signal);
    const waiting = ask(one, 'a', second.signal);
    second.abort();
    await expect(waiting).rejects.toThrow(code('cancelled'));
    expect(one.waiting).toBe(0);
    first.abort();
    await expect(running).rejects.toThrow(code('cancelled'));
    expect(await ask(one, 'b')).toEqual(utf8('b'));
    await expect(ask(one, 'c', first.signal)).rejects.toThrow(code('cancelled'));
  });

  it('loses nothing when workers die in the middle of their tasks', async () => {
    const two = pool({ workers: 2, queue: 50, worker: module('mortal.mjs') });
    const names = Array.from({ length: 24 }, (_, at) => (at % 4 === 0 ? `die ${at}` : `live ${at}`));
    expect(await Promise.all(names.map((name) => ask(two, name)))).toEqual(names.map(utf8));
  });

  it('gives up a task that workers die of again and again, and goes on with the others', async () => {
    const one = pool({ workers: 1, queue: 5, worker: module('mortal.mjs') });
    const deadly = ask(one, 'die always');
    const next = ask(one, 'next');
    await expect(deadly).rejects.toThrow(code('failed'));
    expect(await next).toEqual(utf8('next'));
  });

  it('closes if no worker can be started, rather than try for ever', async () => {
    const none = pool({ workers: 2, queue: 5, worker: module('absent.mjs') });
    await expect(ask(none, 'a')).rejects.toMatchObject({ name: 'PoolError' });
  });

  it('rejects what it still holds when it is closed', async () => {
    const one = pool({ workers: 1, queue: 5, worker: module('mortal.mjs') });
    const held = [ask(one, 'slow'), ask(one, 'a')].map((each) =>
      expect(each).rejects.toThrow(code('closed')),
    );
    await one.close();
    await Promise.all(held);
    await expect(ask(one, 'b')).rejects.toThrow(code('closed'));
  });
});
