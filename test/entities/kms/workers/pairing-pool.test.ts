/** The pairing pool with real workers: right answers, bounds, cancellation, and workers that die. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromBigInt, toHex, utf8 } from '../../../../src/bytes/octets.ts';
import { Secret } from '../../../../src/bytes/secret.ts';
import { defaultEngine } from '../../../../src/ibe/default-engine.ts';
import type { KmsErrorCode } from '../../../../src/entities/kms/errors.ts';
import type { MasterKey } from '../../../../src/entities/kms/ports.ts';
import { PairingPool } from '../../../../src/entities/kms/workers/pairing-pool.ts';
import { smallDistricts } from '../../../ibe/support/groups.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-pool-'));
const { params, masterSecret } = smallDistricts().at(-1)!;
const key: MasterKey = { bf: params, masterSecret: Secret.of(fromBigInt(masterSecret, 32)) };
const engine = defaultEngine();
const id = utf8('alice');
/** What a mortal worker answers. */
const named = (who: string) => ({ x: BigInt(`0x${toHex(utf8(who))}`), y: 0n });
const pools: PairingPool[] = [];
const ignore = (): void => undefined;
const logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };
const code = (value: KmsErrorCode): Error => expect.objectContaining({ code: value }) as Error;

function pool(options: { workers: number; queue: number; worker?: URL }): PairingPool {
  const made = new PairingPool({ logger, ...options });
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
  parentPort.on('message', ({ kind, number, task }) => {
    if (kind === 'end') parentPort.close();
    if (kind !== 'task') return;
    const id = new TextDecoder().decode(task.id);
    const file = ${JSON.stringify(folder)} + '/' + id;
    if (id === 'die always' || (id.startsWith('die') && !existsSync(file))) {
      writeFileSync(file, '');
      process.exit(1);
    }
    const key = { x: BigInt('0x' + Buffer.from(task.id).toString('hex')), y: 0n };
    const answer = () => parentPort.postMessage({ number, result: { kind: 'extracted', key } });
    if (id === 'slow') setTimeout(answer, 300);
    else answer();
  });
`;

/** A worker that writes down what it is told, and what it was started with; it does not end when it is told to. */
const DEAF = `
  import { appendFileSync } from 'node:fs';
  import { parentPort, workerData } from 'node:worker_threads';
  const note = (line) => appendFileSync(${JSON.stringify(folder)} + '/notes', JSON.stringify(line) + '\\n');
  note([process.argv.slice(2), Object.keys(process.env), workerData]);
  parentPort.on('message', ({ kind, key, masterSecret, number }) => {
    note(masterSecret === undefined ? [kind, key] : [kind, key, ...masterSecret]);
    if (kind === 'task') parentPort.postMessage({ number, result: { kind: 'extracted', key: { x: 1n, y: 2n } } });
  });
`;

beforeAll(() => {
  writeFileSync(path.join(folder, 'mortal.mjs'), MORTAL);
  writeFileSync(path.join(folder, 'deaf.mjs'), DEAF);
});

afterAll(async () => {
  await Promise.all(pools.map((each) => each.close()));
  rmSync(folder, { recursive: true });
});

describe('a pairing pool', () => {
  it('opens and extracts as the engine does, for many at once', async () => {
    const two = pool({ workers: 2, queue: 100 });
    const keys = await Promise.all(
      Array.from({ length: 20 }, (_, at) => two.extract(key, utf8(`user ${at}`))),
    );
    keys.forEach((key, at) => expect(key).toEqual(engine.extract(params, masterSecret, utf8(`user ${at}`))));
  });

  it('passes on what the engine refuses', async () => {
    const one = pool({ workers: 1, queue: 1 });
    const bad = { ...key, bf: { ...params, q: params.q + 2n }, masterSecret: Secret.of(new Uint8Array([7])) };
    await expect(one.extract(bad, id)).rejects.toMatchObject({ code: 'parameters' });
    expect(await one.extract(key, id)).toEqual(engine.extract(params, masterSecret, id));
  });

  const ask = (from: PairingPool, who: string, signal?: AbortSignal) => from.extract(key, utf8(who), signal);

  it('refuses at once what does not fit the queue, and takes more when there is room again', async () => {
    const one = pool({ workers: 1, queue: 2, worker: module('mortal.mjs') });
    const running = ask(one, 'slow');
    const waiting = [ask(one, 'a'), ask(one, 'b')];
    await expect(ask(one, 'c')).rejects.toThrow(code('busy'));
    expect(await Promise.all([running, ...waiting])).toEqual(['slow', 'a', 'b'].map(named));
    expect(await ask(one, 'c')).toEqual(named('c'));
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
    expect(await ask(one, 'b')).toEqual(named('b'));
    await expect(ask(one, 'c', first.signal)).rejects.toThrow(code('cancelled'));
  });

  it('gives a worker each master secret once, by message alone, and has those forgotten that are not used', async () => {
    const one = pool({ workers: 1, queue: 20, worker: module('deaf.mjs') });
    const keys = Array.from({ length: 9 }, (_, at) => ({
      ...key,
      masterSecret: Secret.of(Uint8Array.of(at)),
    }));
    for (const each of [...keys, ...keys.slice(1)]) await one.extract(each, id);
    await one.close();
    const [start, ...orders] = readFileSync(path.join(folder, 'notes'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown[]);
    expect(start).toEqual([[], [], null]);
    expect(orders.filter(([kind]) => kind === 'key')).toEqual(keys.map((_, at) => ['key', at + 1, at]));
    expect(orders.filter(([kind]) => kind === 'forget')).toEqual([['forget', 1]]);
    expect(orders.at(-1)?.[0]).toBe('end');
    expect(keys.map(({ masterSecret: secret }) => secret.expose()[0])).toEqual(keys.map((_, at) => at));
  });

  it('loses nothing when workers die in the middle of their tasks', async () => {
    const two = pool({ workers: 2, queue: 50, worker: module('mortal.mjs') });
    const names = Array.from({ length: 24 }, (_, at) => (at % 4 === 0 ? `die ${at}` : `live ${at}`));
    expect(await Promise.all(names.map((name) => ask(two, name)))).toEqual(names.map(named));
  });

  it('gives up a task that workers die of again and again, and goes on with the others', async () => {
    const one = pool({ workers: 1, queue: 5, worker: module('mortal.mjs') });
    const deadly = ask(one, 'die always');
    const next = ask(one, 'next');
    await expect(deadly).rejects.toThrow(code('unavailable'));
    expect(await next).toEqual(named('next'));
  });

  it('closes if no worker can be started, rather than try for ever', async () => {
    const none = pool({ workers: 2, queue: 5, worker: module('absent.mjs') });
    await expect(ask(none, 'a')).rejects.toThrow(code('unavailable'));
  });

  it('rejects what it still holds when it is closed', async () => {
    const one = pool({ workers: 1, queue: 5, worker: module('mortal.mjs') });
    const held = [ask(one, 'slow'), ask(one, 'a')].map((each) =>
      expect(each).rejects.toThrow(code('unavailable')),
    );
    await one.close();
    await Promise.all(held);
    await expect(ask(one, 'b')).rejects.toThrow(code('unavailable'));
  });
});
