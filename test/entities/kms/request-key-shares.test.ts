/** REQUEST_KEY: nobody makes the others wait for all that it asks, and its work tells nothing about who exists. */
import { setImmediate } from 'node:timers/promises';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { MockInstance } from 'vitest';
import { FairQueue } from '../../../src/bytes/fair-queue.ts';
import type { KmsErrorCode } from '../../../src/entities/kms/errors.ts';
import { RequestKeyService } from '../../../src/entities/kms/request-key.ts';
import type { QuotaLimits } from '../../../src/bytes/quotas.ts';
import { KeyMaterial } from '../../../src/entities/kms/key-material.ts';
import type { KmsStore, PrivateKeyGenerator } from '../../../src/entities/kms/ports.ts';
import * as made from '../../../src/wire/request-key/request.ts';
import { AUTH_FAILURE, errorOf, open, request } from './support/client.ts';
import type { RequestOptions } from './support/client.ts';
import { exampleHome, psk } from './support/home.ts';
import { asked, homeWithSubscribers } from './support/requesters.ts';
import type { Kms } from './support/requesters.ts';

vi.mock('../../../src/wire/request-key/request.ts', { spy: true });

const code = (value: KmsErrorCode): Error => expect.objectContaining({ code: value }) as Error;

let kms: Kms;
/** Whose private keys were computed, in order; none is before the test lets go. */
let extracted: string[];
let letGo: () => void;
let seedsAsked: MockInstance;

/** Private keys for nothing: what is tested is whose turn it is. */
function generator(): PrivateKeyGenerator {
  const [x, y] = exampleHome().user.Sid.map((hex) => BigInt(hex));
  const gate = new Promise<void>((resolve) => (letGo = resolve));
  return {
    extract: async (_, id) => {
      await gate;
      await setImmediate();
      extracted.push(Buffer.from(id).toString('latin1').includes('carol') ? 'carol' : 'alice');
      return { x: x!, y: y! };
    },
  };
}

function service(share?: QuotaLimits) {
  const { district, store, audit, clock, random, roots } = kms;
  const settings = { district, skew: 300, nextPeriods: 31, mailboxRetention: 7 * 86_400 };
  const turns = new FairQueue({ atOnce: 1, each: Infinity, all: 64 });
  const material = new KeyMaterial(district, generator(), roots);
  const ports = { store, material, audit, clock, random, turns };
  return new RequestKeyService({ ...settings, ...(share === undefined ? {} : { share }) }, ports);
}

const carol = (): RequestOptions =>
  asked(kms, {
    psk: psk(2).expose(),
    credential: 'carol-phone',
    uris: ['sip:carol@home1.example;gr=phone'],
  });

beforeEach(async () => {
  kms = await homeWithSubscribers();
  extracted = [];
  seedsAsked = vi.spyOn(kms.store, 'issuedSeed');
});

describe('R-67: sixty requests of one subscriber at once', () => {
  it('make nobody else wait for them; what exceeds its share is refused and not used up', async () => {
    const keys = service();
    const many = Array.from({ length: 60 }, () => request(asked(kms, { credential: 'alice-1' })));
    const answers = many.map((octets) =>
      keys.answer(octets, undefined, '192.0.2.1').catch((e: unknown) => e),
    );
    await vi.waitFor(() => expect(keys.refused.subscriber).toBe(52), 30_000);
    const other = carol();
    const answered = keys.answer(request(other), undefined, '192.0.2.2');
    await vi.waitFor(() => expect(seedsAsked).toHaveBeenCalledTimes(9 * 2), 30_000);
    letGo();
    expect(open(await answered, other).length).toBeGreaterThan(0);
    expect(extracted.indexOf('carol')).toBeLessThan(3);
    const all = await Promise.all(answers);
    expect(all.filter((each) => each instanceof Error)).toEqual(Array(52).fill(code('share')));
    const at = all.findIndex((each) => each instanceof Error);
    expect(errorOf(await keys.answer(many[at]!))).toBeNull();
  });

  it('nobody of whom it is not known who asks makes another address wait', async () => {
    const keys = service();
    const order: string[] = [];
    const wrong = (): Uint8Array => request(asked(kms, { psk: psk(9).expose() }));
    const flood = Array.from({ length: 40 }, () =>
      keys.answer(wrong(), undefined, '192.0.2.1').then(() => order.push('flood')),
    );
    const one = keys.answer(wrong(), undefined, '192.0.2.2').then(() => order.push('one'));
    await Promise.all([...flood, one]);
    expect(order.indexOf('one')).toBeLessThan(4);
  });

  it('of one address so many wait: what exceeds that is refused, and counted', async () => {
    const keys = service();
    const octets = request(asked(kms, { psk: psk(9).expose() }));
    const all = Array.from({ length: 300 }, () => keys.answer(octets, undefined, '192.0.2.1'));
    const settled = await Promise.allSettled(all);
    const refused = settled.filter(({ status }) => status === 'rejected');
    expect(refused).toHaveLength(300 - 257);
    expect(keys.refused.address).toBe(43);
  });

  it('one after the other: a burst, then at a pace; the table of used requests does not fill', async () => {
    const keys = service({ each: 8, all: 8, pace: { burst: 3, seconds: 10 } });
    const one = () =>
      keys.answer(request(asked(kms, { credential: 'alice-1', uris: ['sip:other@home1.example'] })));
    const claims = vi.spyOn(kms.store, 'claimRequest');
    for (let n = 0; n < 3; n++) await one();
    for (let n = 0; n < 40; n++) await expect(one()).rejects.toEqual(code('share'));
    expect(claims).toHaveBeenCalledTimes(3);
    // The log does not fill either.
    expect(kms.audit.of('keys-refused').filter(({ reason }) => reason === 'share')).toHaveLength(20);
    kms.clock.advance(10_000);
    await one();
  });

  it('a queue that is full takes from whoever has most in it', async () => {
    const keys = service({ each: 32, all: 64 });
    const from = kms.clock.now() / 1000;
    const month = () => request(asked(kms, { wanted: { from, to: from + 31 * 86_400 } }));
    const flood = Array.from({ length: 20 }, () => keys.answer(month()).catch((e: unknown) => e));
    await vi.waitFor(() => expect(keys.refused.queue).toBeGreaterThan(0), 30_000);
    const other = carol();
    const answered = keys.answer(request(other));
    letGo();
    expect(open(await answered, other).length).toBeGreaterThan(0);
    expect((await Promise.all(flood)).filter((each) => each instanceof Error)).toContainEqual(code('busy'));
  });
});

describe('R-67: until V has verified', () => {
  const NOBODY = 'sip:nobody@home1.example';

  /** What the store is asked and how often a MAC is made, for a request that is refused. */
  async function workOf(options: Partial<RequestOptions>): Promise<unknown[]> {
    const work: unknown[] = [];
    const watched = new Proxy<KmsStore>(kms.store, {
      get: (store, name) => {
        const member: unknown = Reflect.get(store, name);
        if (typeof member !== 'function') return member;
        return (...args: unknown[]): unknown => {
          work.push(name);
          return Reflect.apply(member, store, args) as unknown;
        };
      },
    });
    const { district, material, audit, clock, random } = kms;
    const settings = { district, skew: 300, nextPeriods: 1, mailboxRetention: 0 };
    const keys = new RequestKeyService(settings, { store: watched, material, audit, clock, random });
    vi.mocked(made.isRequestMadeWith).mockClear();
    const octets = request(asked(kms, { psk: psk(9).expose(), ...options }));
    expect(errorOf(await keys.answer(octets))).toBe(AUTH_FAILURE);
    expect(audit.events).toHaveLength(0);
    return [...work, vi.mocked(made.isRequestMadeWith).mock.calls.length];
  }

  it('the work is the same for an unknown user, an unknown credential and a wrong key', async () => {
    const named = await workOf({ credential: 'alice-1' });
    expect(named).toEqual(['keyOfCredential', 1]);
    expect(await workOf({ credential: 'nobody-1' })).toEqual(named);
    expect(await workOf({ credential: 'nobody-1', uris: [NOBODY] })).toEqual(named);
    const unnamed = await workOf({});
    expect(unnamed).toEqual(['subscriberByIdentity', 1]);
    expect(await workOf({ uris: [NOBODY] })).toEqual(unnamed);
  });

  it('nobody’s key proves nothing', async () => {
    const zeros = { psk: new Uint8Array(32) };
    await workOf({ ...zeros, credential: 'nobody-1' });
    await workOf({ ...zeros, uris: [NOBODY] });
  });
});
