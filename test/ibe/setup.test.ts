/** Parameter generation and the pregenerated groups of the demo. */
import { checkPrimeSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { utf8 } from '../../src/bytes/octets.ts';
import { bigIntEngine } from '../../src/ibe/bigint-engine.ts';
import { hasOrder, multiply } from '../../src/ibe/curve.ts';
import { decodeGroup, encodeGroup, isDemoGroup, loadDemoGroup } from '../../src/ibe/demo-groups.ts';
import { bitLength } from '../../src/ibe/field.ts';
import { solinas } from '../../src/ibe/group.ts';
import { SECURITY_SIZES, validateBfParameters } from '../../src/ibe/parameters.ts';
import {
  drawMasterSecret,
  generateDistrict,
  generateGroup,
  isMasterSecretOf,
  remaining,
  solinasCandidates,
  type SetupProgress,
} from '../../src/ibe/setup.ts';
import { smallDistricts, somePoint } from './support/groups.ts';
import { seededRandom } from './support/octets.ts';

const code = (name: string) => expect.objectContaining({ code: name }) as Error;

describe('BFsetup', () => {
  it('makes a district of n = 2048 that passes validation and works', async () => {
    const progress: SetupProgress[] = [];
    const random = seededRandom('n = 2048');
    const { parameters, masterSecret } = await generateDistrict({
      n: 2048,
      random,
      onProgress: (p) => progress.push(p),
    });
    expect([bitLength(parameters.p), bitLength(parameters.q), parameters.hash]).toEqual([
      1024,
      224,
      'sha224',
    ]);
    expect(() => validateBfParameters(parameters)).not.toThrow();
    expect(multiply(parameters.P, masterSecret, parameters.p)).toEqual(parameters.Ppub);
    expect(new Set(progress.map(({ stage }) => stage))).toEqual(new Set(['q', 'p', 'point']));
    expect(progress.every(({ tried, expected }) => tried >= 0 && expected > 0)).toBe(true);
    const engine = bigIntEngine();
    const ciphertext = engine.encrypt(parameters, utf8('id'), utf8('key'), random.bytes(28));
    expect(
      engine.decrypt(parameters, engine.extract(parameters, masterSecret, utf8('id')), ciphertext),
    ).toEqual(utf8('key'));
  });

  it('draws the same from the same randomness, and another from other', async () => {
    const size = { pBits: 192, qBits: 140, hash: 'sha1' } as const;
    const [a, b, c] = await Promise.all(
      ['x', 'x', 'y'].map((seed) => generateGroup(size, { random: seededRandom(seed) })),
    );
    expect(a).toEqual(b);
    expect(a).not.toEqual(c);
    expect(hasOrder(a!.P, a!.q, a!.p)).toBe(true);
    expect([bitLength(a!.p), bitLength(a!.q)]).toEqual([192, 140]);
    expect(checkPrimeSync(a!.p) && checkPrimeSync(a!.q)).toBe(true);
  });

  it('draws master secrets from 2 to q − 1', () => {
    const { params } = smallDistricts()[0]!;
    for (let n = 0; n < 50; n++) {
      const { parameters, masterSecret } = drawMasterSecret(params, seededRandom(`s ${n}`));
      expect(masterSecret >= 2n && masterSecret < params.q).toBe(true);
      expect(parameters.Ppub).toEqual(multiply(params.P, masterSecret, params.p));
    }
  });

  it('tells whose master secret it is', () => {
    const { params, masterSecret } = smallDistricts()[0]!;
    expect(isMasterSecretOf(params, masterSecret)).toBe(true);
    for (const bad of [
      masterSecret + 1n,
      masterSecret + params.q,
      0n,
      1n,
      -masterSecret,
      params.q - masterSecret,
    ]) {
      expect(isMasterSecretOf(params, bad)).toBe(false);
    }
  });

  it('has no master secret for a point that is not of order q', () => {
    const { params } = smallDistricts()[0]!;
    expect(() => drawMasterSecret({ ...params, P: somePoint(3n, params.p) }, seededRandom('s'))).toThrow(
      code('parameters'),
    );
  });

  it('estimates the time that remains from the pace, however much has gone', () => {
    const at = (tried: number, seconds: number) =>
      remaining({ stage: 'p', tried, expected: 1000, proof: 200 }, seconds);
    expect(at(0, 0)).toBeNull();
    expect(at(36, 1)).toBeNull();
    expect(at(100, 10)!.mean).toBeCloseTo(120, 6);
    expect(at(5000, 500)).toEqual(at(100, 10));
    expect(at(100, 10)!.most).toBeCloseTo(319.6, 1);
  });

  it('takes as many candidates as it says, on average over many searches', async () => {
    const tried: number[] = [];
    let expected = 0;
    for (let n = 0; n < 60; n++) {
      let last = 0;
      const onProgress = (progress: SetupProgress): void => {
        if (progress.stage !== 'p') return;
        last = progress.tried;
        expected = progress.expected;
      };
      const random = seededRandom(`search ${n}`);
      await generateGroup({ pBits: 256, qBits: 140, hash: 'sha1' }, { random, onProgress });
      tried.push(last);
    }
    const mean = tried.reduce((sum, each) => sum + each, 0) / tried.length;
    expect(mean / expected).toBeGreaterThan(0.6);
    expect(mean / expected).toBeLessThan(1.6);
  });

  it('refuses n = 1024 and other sizes', async () => {
    for (const n of [1024, 0, 4096]) {
      await expect(generateDistrict({ n, random: seededRandom('n') })).rejects.toThrow(code('parameters'));
    }
    await expect(
      generateGroup({ pBits: 30, qBits: 40, hash: 'sha1' }, { random: seededRandom('n') }),
    ).rejects.toThrow(code('parameters'));
  });

  it('stops when the caller gives up, before and in the middle', async () => {
    const before = AbortSignal.abort();
    await expect(generateDistrict({ n: 2048, random: seededRandom('a'), signal: before })).rejects.toThrow(
      code('cancelled'),
    );
    const middle = new AbortController();
    const onProgress = ({ stage, tried }: SetupProgress): void => {
      if (stage === 'p' && tried >= 8) middle.abort();
    };
    const run = generateDistrict({ n: 15360, random: seededRandom('a'), signal: middle.signal, onProgress });
    await expect(run).rejects.toThrow(code('cancelled'));
  });

  it('knows Solinas primes of every size of the table', () => {
    for (const { qBits } of SECURITY_SIZES) {
      const candidates = solinasCandidates(qBits);
      expect(candidates.every((q) => bitLength(q) === qBits && solinas(q) !== null)).toBe(true);
      expect(candidates.some((q) => checkPrimeSync(q))).toBe(true);
    }
  });
});

describe('the demo groups', () => {
  it.each(['home1', 'home2'] as const)('%s passes validation under a fresh master secret', (home) => {
    const { parameters } = drawMasterSecret(loadDemoGroup(home), seededRandom(home));
    expect(() => validateBfParameters(parameters)).not.toThrow();
  });

  it('are two, and recognised whatever their points', () => {
    const [one, two] = [loadDemoGroup('home1'), loadDemoGroup('home2')];
    expect(one.p).not.toBe(two.p);
    expect(isDemoGroup(one) && isDemoGroup(two)).toBe(true);
    expect(isDemoGroup({ p: one.p, q: one.q })).toBe(true);
    expect(isDemoGroup({ p: one.p, q: two.q + 2n })).toBe(false);
    expect(isDemoGroup(smallDistricts()[0]!.params)).toBe(false);
  });

  it('a group file decodes to what was encoded; anything else is refused', () => {
    const group = loadDemoGroup('home1');
    const json = encodeGroup(group) as Record<string, unknown>;
    expect(decodeGroup(JSON.parse(JSON.stringify(json)))).toEqual(group);
    for (const bad of [
      null,
      1,
      [],
      {},
      { ...json, hash: 'sha1' },
      { ...json, p: 12 },
      { ...json, q: '0xG' },
      { ...json, P: ['0x1'] },
    ]) {
      expect(() => decodeGroup(bad)).toThrow(code('malformed'));
    }
    expect(() => decodeGroup({ ...json, P: ['0x1', '0x1'] })).toThrow(code('point'));
    expect(() => decodeGroup({ ...json, q: '0x8' })).toThrow(code('parameters'));
  });
});
