/** Keys are renewed ahead of the period's end, each phone at its own time, and a clock that is off is told of. */
import { describe, expect, it } from 'vitest';
import { Secret } from '../../src/bytes/secret.ts';
import { knownByKey } from '../../src/endpoint/credentials.ts';
import { EndpointError } from '../../src/endpoint/errors.ts';
import { KeyKeeper } from '../../src/endpoint/key-keeper.ts';
import { KeyRing } from '../../src/endpoint/key-ring.ts';
import type { KmsAnswer, KmsClient } from '../../src/endpoint/ports.ts';
import { ERROR_NO } from '../../src/mikey/registry.ts';
import { decodeKeyRequest } from '../../src/wire/request-key/request.ts';
import { encodeKeyError, encodeKeyResponse } from '../../src/wire/request-key/response.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { silent } from '../support/silent.ts';

const ALICE = 'sip:alice@home1.example';
const DAY = 86_400;
const HOUR_MS = 3_600_000;
const psk = Secret.of(new Uint8Array(32).fill(7));
/** Noon. */
const START = 20_600 * DAY * 1000 + 12 * HOUR_MS;

interface Course {
  /** Octets of the phone's chance: all alike. */
  readonly chance?: number;
  /** Whether the KMS answers at a time, milliseconds from noon. */
  readonly answersAt?: (ms: number) => boolean;
  /** By how many seconds the KMS's clock is ahead of the phone's. */
  readonly kmsAhead?: number;
}

/** A phone, and a KMS that gives the keys of the period that is on and of the next, as ours does. */
function phoneWith({ chance = 0, answersAt = () => true, kmsAhead = 0 }: Course = {}) {
  const clock = new ManualClock(START);
  const asked: number[] = [];
  const warned: object[] = [];
  let nonce = 0;
  const random = {
    bytes: (count: number) =>
      count === 4 ? new Uint8Array(4).fill(chance) : new Uint8Array(count).fill(++nonce),
  };
  const answer = (octets: Uint8Array): KmsAnswer => {
    asked.push(clock.now() - START);
    if (!answersAt(clock.now() - START)) throw new EndpointError('kms', 'it does not answer');
    const now = clock.now() / 1000 + kmsAhead;
    const date = Math.floor(now) * 1000;
    const request = decodeKeyRequest(octets);
    if ('errorNo' in request) throw new Error('refused');
    if (Math.abs(request.time - now) > 300) {
      const refused = encodeKeyError({ ...request, errorNo: ERROR_NO['Invalid TS'] });
      return { kind: 'answer', octets: refused, date };
    }
    const period = Math.floor(now / DAY) * DAY;
    const keys = [period, period + DAY].map((from) => ({
      ...{ uri: ALICE, from, to: from + DAY, privateKey: { x: 5n, y: 6n }, seed: null },
    }));
    return { kind: 'answer', octets: encodeKeyResponse(request, psk, keys), date };
  };
  const kms: KmsClient = {
    fetchParameters: () => Promise.reject(new Error('not asked here')),
    requestKeys: (octets) => new Promise((resolve) => resolve(answer(octets))),
  };
  const ring = new KeyRing(300);
  const keeper = new KeyKeeper({
    ...{ kms, ring, clock, random, addressOfRecord: ALICE, device: ALICE, skew: 300 },
    identification: knownByKey({
      name: 'alice-1',
      psk,
      district: 'https://kms.home1.example/.well-known/ibe',
    }),
    districts: { refresh: () => Promise.resolve(null), parametersOf: () => ({ keyLifetime: DAY }) },
    logger: { ...silent, warn: (fields) => void warned.push(fields) },
  });
  const hours = (count: number): Promise<void> => clock.pass(count * HOUR_MS);
  const isHeld = (ms: number): boolean => ring.privateKey(ALICE, (START + ms) / 1000) !== null;
  return { clock, asked, warned, keeper, hours, isHeld };
}

describe('R-41: a phone’s keys', () => {
  // Asked at noon, they last to the end of the next day: 36 hours.
  it.each([
    [0, 30],
    [0x80, 27],
    [0xff, 24],
  ])('are renewed a quarter to a half of a period before they end, by chance %s', async (chance, after) => {
    const { asked, keeper, hours, isHeld } = phoneWith({ chance });
    await keeper.refresh();
    await hours(after - 1);
    expect(asked).toEqual([0]);
    await hours(2);
    expect(asked).toHaveLength(2);
    expect(Math.abs(asked[1]! / HOUR_MS - after)).toBeLessThan(0.1);
    expect(isHeld(48 * HOUR_MS)).toBe(true);
    keeper.stop();
  });

  it('that do not come are asked for again, ever less often, and those that are there stay', async () => {
    const down = (ms: number): boolean => ms > 0 && ms < 31 * HOUR_MS;
    const { asked, keeper, hours, isHeld } = phoneWith({ answersAt: (ms) => !down(ms) });
    await keeper.refresh();
    await hours(31);
    const pauses = asked.slice(2).map((at, nth) => (at - asked[nth + 1]!) / 60_000);
    expect(pauses.slice(0, 4)).toEqual([1, 1, 2, 3]);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(3);
    expect(isHeld(35 * HOUR_MS)).toBe(true);
    await hours(1);
    expect(isHeld(40 * HOUR_MS)).toBe(true);
    keeper.stop();
  });

  it('of a period that is over stay while messages of it may come, and go then', async () => {
    const { keeper, hours, clock, isHeld } = phoneWith();
    await keeper.refresh();
    await hours(12);
    const [before, after] = [12 * HOUR_MS - 1000, 12 * HOUR_MS];
    expect([isHeld(before), isHeld(after)]).toEqual([true, true]);
    await clock.pass(4 * 60_000);
    expect(isHeld(before)).toBe(true);
    await clock.pass(2 * 60_000);
    expect([isHeld(before), isHeld(after)]).toEqual([false, true]);
    keeper.stop();
  });
});

describe('R-41: a clock that is off', () => {
  it.each([
    [400, /the own clock is 400 s behind the KMS's/],
    [-3600, /the own clock is 3600 s ahead of the KMS's/],
  ])('by more than the KMS takes (%s s) is why there are no keys, and it is said', async (kmsAhead, why) => {
    const { keeper } = phoneWith({ kmsAhead });
    await expect(keeper.refresh()).rejects.toMatchObject({ code: 'clock', message: why });
  });

  it.each([
    [0, 0],
    [100, 0],
    [200, 1],
    [-290, 1],
  ])('by %s s is warned of %s times, before calls fail', async (kmsAhead, times) => {
    const { keeper, warned } = phoneWith({ kmsAhead });
    await keeper.refresh();
    expect(warned).toHaveLength(times);
    keeper.stop();
  });
});
