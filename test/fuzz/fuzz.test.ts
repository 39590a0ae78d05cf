/** The fuzzer itself, and the corpus as it is; mutated inputs for 20 s are a step of the gate (`npm run fuzz`). */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { fromUtf8, toHex, utf8 } from '../../src/bytes/octets.ts';
import { MikeyError } from '../../src/mikey/errors.ts';
import { SipError } from '../../src/sip/errors.ts';
import { keepInput, readCorpus } from './corpus.ts';
import { DECODERS } from './decoders.ts';
import type { FuzzedDecoder } from './decoder.ts';
import { Fuzzer } from './fuzzer.ts';
import { FuzzRandom, mutated } from './mutators.ts';
import { WatchedInput, Watchdog } from './watchdog.ts';

const CORPUS = path.join(import.meta.dirname, 'corpus');

describe('every decoder', () => {
  it('has a name of its own', () => {
    expect(new Set(DECODERS.map(({ name }) => name)).size).toBe(DECODERS.length);
  });

  it.each(DECODERS.map((decoder) => [decoder.name, decoder] as const))(
    '%s reads its own samples',
    (_, decoder) => {
      expect(decoder.samples().length).toBeGreaterThan(0);
      for (const sample of decoder.samples()) {
        const fuzzer = new Fuzzer({ ...decoder, samples: () => [sample] }, 'samples', []);
        expect(fuzzer.replay()).toBeNull();
        expect([...fuzzer.outcomes.keys()].some((kind) => !/Error /.test(kind))).toBe(true);
      }
    },
  );

  it.each(DECODERS.map((decoder) => [decoder.name, decoder] as const))(
    '%s throws nothing but its own errors, and ends, on the corpus and some mutated inputs',
    (name, decoder) => {
      const fuzzer = new Fuzzer(decoder, 'test', readCorpus(CORPUS, name));
      expect(fuzzer.replay()).toBeNull();
      for (let n = 0; n < 20; n++) expect(fuzzer.run()).toBeNull();
    },
  );

  it('has a corpus', () => {
    for (const { name } of DECODERS)
      expect([name, readCorpus(CORPUS, name).length > 0]).toEqual([name, true]);
  });
});

describe('the fuzzer', () => {
  const planted = (decode: FuzzedDecoder['decode']): FuzzedDecoder => ({
    name: 'planted',
    errors: [SipError],
    samples: () => [utf8('Content-Length: 42\r\n')],
    decode,
  });
  const search = (decoder: FuzzedDecoder, seed: string) => {
    const fuzzer = new Fuzzer(decoder, seed, []);
    for (let n = 0; n < 20_000; n++) {
      const fault = fuzzer.run();
      if (fault !== null) return { fault, runs: fuzzer.runs };
    }
    return null;
  };

  it.each([
    ['an error of the engine', () => JSON.parse('{') as unknown],
    [
      'an error of another domain',
      () => {
        throw new MikeyError('malformed', 'x');
      },
    ],
  ])('finds what throws %s, and again with the same seed', (_, fault) => {
    // Seen only where the number has become another, of more than 30 digits.
    const decoder = planted((octets) =>
      /: 4?1{30}/.test(Buffer.from(octets).toString('latin1')) ? fault() : null,
    );
    const found = search(decoder, 'a');
    expect(found?.fault).toMatchObject({ decoder: 'planted', seed: 'a' });
    expect(found?.fault.problem).toMatch(/^throws what is not its own: /);
    const again = search(decoder, 'a');
    expect([again?.runs, again?.fault.input]).toEqual([found?.runs, found?.fault.input]);
    expect(search(decoder, 'b')?.runs).not.toBe(found?.runs);
  });

  it('finds what changes its input, and takes refusals of its own for what they are', () => {
    expect(
      search(
        planted((octets) => octets.fill(0)),
        'a',
      )?.fault.problem,
    ).toBe('changes its input');
    const refusing = planted(() => {
      throw new SipError('syntax', 'never');
    });
    expect(search(refusing, 'a')).toBeNull();
  });

  it('goes where the decoder makes differences: a way of three steps is found by its kinds of outcome', () => {
    const steps = planted((octets) => {
      const text = Buffer.from(octets).toString('latin1');
      const depth = ['<!--', '{"', '[::1]'].findIndex((token) => !text.includes(token));
      if (depth < 0) throw new TypeError('found');
      throw new SipError('syntax', 'abc'.slice(0, depth + 1));
    });
    expect(search(steps, 'a')?.fault.problem).toMatch(/TypeError: found/);
  });

  it('mutates the same way with the same seed, in bounds', () => {
    const sample = utf8('x'.repeat(5000));
    const run = (seed: string): string[] => {
      const random = new FuzzRandom(seed);
      return Array.from({ length: 200 }, () => toHex(mutated(sample, random, [sample])));
    };
    expect(run('s')).toEqual(run('s'));
    expect(run('s')).not.toEqual(run('t'));
    expect(run('s').every((hex) => hex.length <= 2 << 16)).toBe(true);
  });

  it('sees from another thread what does not end', () => {
    const shown = new WatchedInput();
    const seen = new WatchedInput(shown.shared);
    const watchdog = new Watchdog(seen, 1000);
    expect([watchdog.stuck(0), watchdog.stuck(5000)]).toEqual([false, false]);
    shown.show('sip', utf8('first'));
    shown.show('hi', utf8('second'));
    expect([watchdog.stuck(6000), watchdog.stuck(6999), watchdog.stuck(7000)]).toEqual([false, false, true]);
    expect([seen.decoder, fromUtf8(seen.input)]).toEqual(['hi', 'second']);
    shown.show('hi', utf8('third'));
    expect(watchdog.stuck(7500)).toBe(false);
  });

  it('keeps an input in a file, and reads it again', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'claviger-fuzz-'));
    const input = Uint8Array.from({ length: 200 }, (_, at) => at);
    expect(keepInput(folder, 'sip', input)).toMatch(/sip\/[0-9a-f]{16}\.hex$/);
    keepInput(folder, 'sip', new Uint8Array());
    expect(readCorpus(folder, 'sip')).toHaveLength(2);
    expect(readCorpus(folder, 'sip')).toContainEqual(input);
    expect(readCorpus(folder, 'hi')).toEqual([]);
  });
});
