/** Keys of a KMS that has too much to do: whoever is told to ask later does so. */
import { describe, expect, it } from 'vitest';
import { Secret } from '../../src/bytes/secret.ts';
import { districtOfHost } from '../../src/ibake/identity.ts';
import { knownByKey } from '../../src/endpoint/credentials.ts';
import { KeyKeeper } from '../../src/endpoint/key-keeper.ts';
import { KeyRing } from '../../src/endpoint/key-ring.ts';
import type { KmsAnswer, KmsClient } from '../../src/endpoint/ports.ts';
import { retryAfterMs } from '../../src/net/https.ts';
import { decodeKeyRequest } from '../../src/wire/request-key/request.ts';
import { encodeKeyResponse } from '../../src/wire/request-key/response.ts';
import { ManualClock, settle } from '../support/manual-clock.ts';
import { silent } from '../support/silent.ts';

const DISTRICT = districtOfHost('home1.example');
const ALICE = 'sip:alice@home1.example';
const psk = Secret.of(new Uint8Array(32).fill(7));
const START = 1_782_550_800_000;

/** A keeper whose KMS answers in turn as it is told; then with keys. @param busy what it says of parameters before */
function keeperWith(later: number[], busy: number[] = []) {
  const clock = new ManualClock(START);
  const asked: { readonly at: number; readonly octets: Uint8Array }[] = [];
  const fetched: number[] = [];
  let drawn = 0;
  const random = { bytes: (count: number) => new Uint8Array(count).fill(++drawn) };
  const answer = (octets: Uint8Array): KmsAnswer => {
    asked.push({ at: clock.now() - START, octets });
    const afterMs = later.shift();
    if (afterMs !== undefined) return { kind: 'later', afterMs };
    const request = decodeKeyRequest(octets);
    if ('errorNo' in request) throw new Error('refused');
    const from = Math.floor(clock.now() / 1000);
    const key = { uri: ALICE, from, to: from + 86_400, privateKey: { x: 5n, y: 6n }, seed: null };
    return { kind: 'answer', octets: encodeKeyResponse(request, psk, [key]) };
  };
  const kms: KmsClient = {
    fetchParameters: () => Promise.reject(new Error('not asked here')),
    requestKeys: (octets) => Promise.resolve(answer(octets)),
  };
  const ring = new KeyRing(60);
  const keeper = new KeyKeeper({
    kms,
    identification: knownByKey({ name: 'alice-1', psk, district: DISTRICT }),
    skew: 60,
    addressOfRecord: ALICE,
    device: ALICE,
    ring,
    districts: {
      refresh: () => {
        fetched.push(clock.now() - START);
        return Promise.resolve(busy.shift() ?? null);
      },
      parametersOf: () => ({ keyLifetime: 86_400 }),
    },
    clock,
    random,
    logger: silent,
  });
  const wanting = () => ring.privateKey(ALICE, clock.now() / 1000) === null;
  return { clock, asked, fetched, keeper, wanting };
}

/** What becomes of a promise. */
function watch(promise: Promise<void>): { end: string } {
  const state = { end: 'open' };
  promise.then(
    () => (state.end = 'done'),
    (error: unknown) => (state.end = String(error)),
  );
  return state;
}

describe('R-67: a phone whose KMS answers REQUEST_KEY with 429 or 503 and Retry-After', () => {
  it('asks again then, not before, with a new message each time', async () => {
    const { clock, asked, keeper, wanting } = keeperWith([10_000, 5_000]);
    const refreshed = watch(keeper.refresh());
    await clock.pass(9_999);
    expect(asked.map(({ at }) => at)).toEqual([0]);
    await clock.pass(6_000);
    expect(asked.map(({ at }) => at)).toEqual([0, 10_000, 15_000]);
    expect(new Set(asked.map(({ octets }) => octets.join())).size).toBe(3);
    expect([refreshed.end, wanting()]).toEqual(['done', false]);
    keeper.stop();
  });

  it('is told when it would take too long, and leaves the KMS alone until then, whoever wants keys', async () => {
    const { clock, asked, keeper } = keeperWith([120_000]);
    await expect(keeper.refresh()).rejects.toMatchObject({ code: 'kms', message: /again in 120 s/ });
    await clock.pass(60_000);
    await expect(keeper.refresh()).rejects.toMatchObject({ code: 'kms', message: /again in 60 s/ });
    expect(asked).toHaveLength(1);
    await clock.pass(60_000);
    await keeper.refresh();
    expect(asked.map(({ at }) => at)).toEqual([0, 120_000]);
    keeper.stop();
  });

  it('does not ask at once where that says 0, nor in a hundred years where it says so', async () => {
    const { clock, asked, keeper } = keeperWith([0, 3e12]);
    const refreshed = watch(keeper.refresh());
    await settle();
    expect(asked).toHaveLength(1);
    await clock.pass(1_000);
    expect([asked.length, refreshed.end]).toEqual([2, expect.stringContaining('again in 3600 s')]);
    await clock.pass(3_600_000);
    await keeper.refresh();
    expect(asked).toHaveLength(3);
    keeper.stop();
  });

  it('waits no longer once it is stopped', async () => {
    const { clock, asked, keeper } = keeperWith([10_000]);
    const refreshed = watch(keeper.refresh());
    await settle();
    keeper.stop();
    await clock.pass(60_000);
    expect([asked.length, refreshed.end]).toEqual([1, expect.stringContaining('stopped')]);
  });
});

describe('R-67: a phone whose KMS answers for its parameters with 429 or 503 and Retry-After', () => {
  it('asks again then, not before, for parameters and keys alike', async () => {
    const { clock, asked, fetched, keeper } = keeperWith([5_000], [10_000]);
    const refreshed = watch(keeper.refresh());
    await clock.pass(9_999);
    expect([fetched, asked]).toEqual([[0], []]);
    await clock.pass(6_000);
    expect(fetched).toEqual([0, 10_000]);
    expect(asked.map(({ at }) => at)).toEqual([10_000, 15_000]);
    expect(refreshed.end).toBe('done');
    keeper.stop();
  });

  it('is told when it would take too long, and leaves the KMS alone until then', async () => {
    const { clock, asked, fetched, keeper } = keeperWith([], [120_000]);
    await expect(keeper.refresh()).rejects.toMatchObject({ code: 'kms', message: /again in 120 s/ });
    await clock.pass(60_000);
    await expect(keeper.refresh()).rejects.toMatchObject({ code: 'kms', message: /again in 60 s/ });
    expect([fetched, asked]).toEqual([[0], []]);
    await clock.pass(60_000);
    await keeper.refresh();
    expect(fetched).toEqual([0, 120_000]);
    keeper.stop();
  });
});

describe('Retry-After (RFC 9110 section 10.2.3)', () => {
  it.each([
    ['10', 10_000],
    [' 0 ', 0],
    ['Sat, 27 Jun 2026 09:00:30 GMT', 30_000],
    ['Sat, 27 Jun 2026 08:00:00 GMT', 0],
    ['', null],
    ['-5', null],
    ['1e3', null],
    ['soon', null],
    ['9'.repeat(10), null],
  ])('%j', (field, ms) => expect(retryAfterMs(field, Date.UTC(2026, 5, 27, 9))).toBe(ms));
});

describe('R-42: keys of periods that are over, for what a mailbox delivers', () => {
  /** A KMS that gives the key of any time that has passed, but none of before a day. */
  function keeperOfPast(oldest: number) {
    const clock = new ManualClock(START);
    const asked: number[] = [];
    const lifetime = 86_400;
    const kms: KmsClient = {
      fetchParameters: () => Promise.reject(new Error('not asked here')),
      requestKeys: (octets) => {
        const request = decodeKeyRequest(octets);
        if ('errorNo' in request) throw new Error('refused');
        const wanted = request.wanted.from ?? 0;
        asked.push(wanted);
        const from = Math.floor(wanted / lifetime) * lifetime;
        const key = { uri: ALICE, from, to: from + lifetime, privateKey: { x: 5n, y: 6n }, seed: null };
        const octetsOf = encodeKeyResponse(request, psk, wanted < oldest ? [] : [key]);
        return Promise.resolve({ kind: 'answer' as const, octets: octetsOf });
      },
    };
    let drawn = 0;
    const keeper = new KeyKeeper({
      kms,
      identification: knownByKey({ name: 'alice-1', psk, district: DISTRICT }),
      skew: 60,
      addressOfRecord: ALICE,
      device: ALICE,
      ring: new KeyRing(60),
      districts: {
        refresh: () => Promise.resolve(null),
        parametersOf: () => ({ keyLifetime: lifetime }),
      },
      clock,
      random: { bytes: (count: number) => new Uint8Array(count).fill(++drawn) },
      logger: silent,
    });
    return { clock, asked, keeper };
  }
  const now = START / 1000;
  const day = 86_400;

  it('are asked for once a period, those that the KMS does not give too, and never those to come', async () => {
    const { asked, keeper } = keeperOfPast(now - 10 * day);
    await keeper.fetchFor(now - 2 * day);
    await keeper.fetchFor(now - 2 * day + 1);
    expect(asked).toHaveLength(1);
    for (const time of [now - 20 * day, now - 20 * day + 1, now + 60])
      await expect(keeper.fetchFor(time)).rejects.toMatchObject({ code: 'no-key' });
    expect(asked).toHaveLength(2);
    keeper.stop();
  });

  it('are asked for so often at most, whatever times deliveries name; later again', async () => {
    const { clock, asked, keeper } = keeperOfPast(now);
    const fetched = async (from: number): Promise<string[]> => {
      const codes: string[] = [];
      for (let nth = 0; nth < 20; nth++)
        await keeper
          .fetchFor(now - (from + nth) * day)
          .catch((error: unknown) => codes.push((error as { code: string }).code));
      return codes;
    };
    const codes = await fetched(2);
    expect([asked.length, codes.filter((code) => code === 'kms').length]).toEqual([16, 4]);
    expect(keeper.pastKeysRefused).toBe(4);
    await clock.pass(60_000);
    await fetched(100);
    expect(asked).toHaveLength(18);
    keeper.stop();
  });
});
