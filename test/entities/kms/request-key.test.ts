/** REQUEST_KEY (RFC 6267 4.2.1, profile 4), judged by a client and a key derivation that share no code with the KMS. */
import { createHmac } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { bigIntEngine } from '../../../src/ibe/bigint-engine.ts';
import { decodeBfPrivateKeyBlock } from '../../../src/ibe/blocks.ts';
import type { BfParameters } from '../../../src/ibe/parameters.ts';
import { KmsError } from '../../../src/entities/kms/errors.ts';
import { MAX_ANSWER_OCTETS } from '../../../src/entities/kms/request-key.ts';
import { decodeMessage, onlyPayload } from '../../../src/mikey/message.ts';
import type { RequestOptions } from './support/client.ts';
import { AUTH_FAILURE, UNSPECIFIED, errorOf, open, request } from './support/client.ts';
import { engineGenerator, home, psk, exampleHome, exampleTime } from './support/home.ts';
import { asked, homeWithSubscribers, keysFor, type Kms } from './support/requesters.ts';

const DAY = 86_400;
const SLOT = 900;

const vector = exampleHome();
const alice = vector.user.uri;
const now = exampleTime();
const period = Math.floor(now / DAY) * DAY;
const phone = `${alice};gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6`;
const tablet = `${alice};gr=tablet`;

/** kⱼ from k₀, as section 5 of the profile has it. */
function slotKey(k0: string, j: number): string {
  let key = Buffer.from(k0, 'hex');
  for (let i = 0; i < j; i++) key = createHmac('sha256', key).update('next').digest();
  return key.toString('hex');
}

let kms: Kms;

const ask = (options: Partial<RequestOptions> = {}) => asked(kms, options);
const keys = (options: RequestOptions) => keysFor(kms, options);

beforeEach(async () => {
  kms = await homeWithSubscribers();
});

describe('an owner', () => {
  it.each([1, 0] as const)('gets key and seed of its identity, under PRF func %i', async (prfFunc) => {
    const options = ask({ prfFunc });
    const issued = await keys(options);
    const [key, seed] = issued;
    expect(issued.map(({ uri, type }) => [uri, type])).toEqual([
      [alice, 7],
      [alice, 15],
      [alice, 7],
      [alice, 15],
    ]);
    const sid = decodeBfPrivateKeyBlock(new Uint8Array(key!.key));
    expect([sid.x, sid.y]).toEqual(vector.user.Sid.map(BigInt));
    expect([key!.from, key!.to]).toEqual([period, period + DAY]);
    const slot = Math.floor((Math.max(period, now - 300) - period) / SLOT);
    expect(seed!.key.toString('hex')).toBe(slotKey(vector.user.liSeed, slot));
    expect([seed!.from, seed!.to]).toEqual([period + slot * SLOT, period + DAY]);
  });

  it("gets the next period's k₀, without an interval", async () => {
    const [, , key, seed] = await keys(ask());
    expect([key!.from, key!.to]).toEqual([period + DAY, period + 2 * DAY]);
    expect([seed!.from, seed!.to]).toEqual([null, null]);
    kms.clock.advance((period + DAY - now) * 1000);
    const [, later] = await keys(ask());
    expect(later!.key).toEqual(seed!.key);
    expect(later!.from).toBe(period + DAY);
  });

  it('is found by its identity, or by the credential it names', async () => {
    const carol = { uris: ['sip:carol@home1.example;gr=tablet'], psk: psk(3).expose() };
    expect(await keys(ask(carol))).toHaveLength(4);
    expect(await keys(ask({ ...carol, credential: 'carol-tablet' }))).toHaveLength(4);
    const unnamed = { uris: ['sip:carol@home1.example'], psk: psk(2).expose() };
    expect(errorOf(await kms.requestKey.answer(request(ask(unnamed))))).toBe(AUTH_FAILURE);
    expect(await keys(ask({ ...unnamed, credential: 'carol-phone' }))).toHaveLength(2);
  });

  it('gets keys of the address of record with any device, the seed of its own device only', async () => {
    const uris = ['sip:carol@home1.example', 'sip:carol@home1.example;gr=phone'];
    const issued = await keys(ask({ uris, psk: psk(2).expose() }));
    expect(issued.filter(({ type }) => type === 15).map(({ uri }) => uri)).toEqual([uris[1], uris[1]]);
    expect(issued.filter(({ type }) => type === 7)).toHaveLength(4);
  });

  it('gets the dates it wants: future keys to the limit, past ones for addresses of record', async () => {
    const uris = ['sip:carol@home1.example', 'sip:carol@home1.example;gr=phone'];
    const wanted = { from: period - 2 * DAY, to: period + 3 * DAY };
    const issued = await keys(ask({ uris, psk: psk(2).expose(), wanted }));
    const dates = (uri: string) =>
      issued.filter((each) => each.uri === uri && each.type === 7).map(({ from }) => (from! - period) / DAY);
    expect(dates(uris[0]!)).toEqual([0, 1, -1, 2, -2]);
    expect(dates(uris[1]!)).toEqual([0, 1, 2]);
  });

  it('gets past keys for as long as mailboxes keep messages, and no longer', async () => {
    const issued = await keys(ask({ wanted: { from: period - 30 * DAY, to: period } }));
    expect(issued.map(({ from }) => (from! - period) / DAY)).toEqual([-1, -2, -3, -4, -5, -6, -7]);
  });

  it('gets nothing under parameters before they are announced, then key and seed under those', async () => {
    const serial = kms.district.serialFor(period)!;
    const next = { ...serial, serial: serial.serial + 1, notBefore: period + 3 * DAY };
    kms.district.add(next);
    const wanted = { from: period, to: period + 6 * DAY };
    const days = (issued: Awaited<ReturnType<typeof keys>>) =>
      issued.filter(({ type }) => type === 7).map(({ from }) => (from! - period) / DAY);
    expect(days(await keys(ask({ wanted })))).toEqual([0, 1, 2]);
    kms.clock.advance(2 * DAY * 1000);
    expect(days(await keys(ask({ wanted })))).toEqual([2, 3, 1, 4, 0, 5]);
    const serials = kms.audit.of('keys-issued').map((event) => [event['serial'], event['seed']]);
    expect(serials.slice(3, 6)).toEqual([
      [serial.serial, true],
      [next.serial, true],
      [serial.serial, false],
    ]);
    expect(await kms.store.issuedSeed(alice, period + 3 * DAY)).toMatchObject({ serial: next.serial });
  });

  it('gets nothing beyond the allowed future', async () => {
    const wanted = { from: period + 32 * DAY };
    expect(errorOf(await kms.requestKey.answer(request(ask({ wanted }))))).toBe(UNSPECIFIED);
  });

  it('gets nearest periods first, until 60,000 octets, and asks again for the rest', async () => {
    const quick = { ...bigIntEngine(), extract: (params: BfParameters) => params.Ppub };
    kms = await home(now, vector, engineGenerator(quick));
    await kms.enrol({
      id: 'dave',
      publicIdentities: Array.from({ length: 6 }, (_, i) => `sip:dave${i}@home1.example`),
      aliases: [],
      devices: [{ credential: 'dave', psk: psk(4), identity: 'sip:dave0@home1.example' }],
    });
    const uris = Array.from({ length: 6 }, (_, i) => `sip:dave${i}@home1.example`);
    const options = ask({ uris, psk: psk(4).expose(), wanted: { from: period, to: period + 31 * DAY } });
    const answer = await kms.requestKey.answer(request(options));
    const kemac = onlyPayload(decodeMessage(answer), 'kemac');
    expect(kemac!.encrData.length).toBeLessThanOrEqual(MAX_ANSWER_OCTETS);
    expect(kemac!.encrData.length).toBeGreaterThan(MAX_ANSWER_OCTETS - 1000);
    const periods = open(answer, options)
      .filter(({ type }) => type === 7)
      .map(({ from }) => from!);
    expect(periods).toEqual([...periods].sort((a, b) => a - b));
    const rest = ask({
      uris,
      psk: psk(4).expose(),
      wanted: { from: periods.at(-1)!, to: period + 31 * DAY },
    });
    expect((await keys(rest)).at(-1)!.from).toBe(period + 30 * DAY);
  });
});

describe('what the phone has erased', () => {
  it('seeds cannot be refetched for erased slots', async () => {
    const slots: number[] = [];
    for (let hour = 0; hour < 4; hour++) {
      const [, seed] = await keys(ask());
      slots.push((seed!.from! - period) / SLOT);
      kms.clock.advance(3_600_000);
    }
    expect(slots).toEqual([...slots].sort((a, b) => a - b));
    const oldest = Math.floor((kms.clock.now() / 1000 - 300 - period) / SLOT);
    const wanted = { from: period - 5 * DAY, to: period + 2 * DAY };
    const issued = (await keys(ask({ wanted }))).filter(({ type }) => type === 15);
    expect(issued.map(({ from }) => from)).toEqual([period + oldest * SLOT, null]);
    expect(issued.map(({ key }) => key.toString('hex'))).not.toContain(vector.user.liSeed);
  });

  it('a past period has no seed, whatever dates are wanted', async () => {
    const issued = await keys(ask({ wanted: { from: period - 7 * DAY, to: period } }));
    expect(issued.length).toBeGreaterThan(0);
    expect(issued.every(({ type }) => type === 7)).toBe(true);
  });
});

describe('devices of one subscriber', () => {
  it('a second device beside one that uses the address itself gets neither seed nor key of it, until the first moves', async () => {
    const devices = [
      { credential: 'alice-1', psk: psk(1), identity: alice },
      { credential: 'alice-2', psk: psk(5), identity: tablet },
    ];
    const identities = { id: 'alice', publicIdentities: [alice], aliases: [] };
    await kms.enrol({ ...identities, devices });
    const second = { uris: [alice, tablet], psk: psk(5).expose(), credential: 'alice-2' };
    expect((await keys(ask(second))).map(({ uri }) => uri)).toEqual([tablet, tablet, tablet, tablet]);

    await kms.enrol({ ...identities, devices: [{ ...devices[0]!, identity: phone }, devices[1]!] });
    const issued = await keys(ask(second));
    const address = issued.filter(({ uri }) => uri === alice);
    expect(address.map(({ type, from }) => [type, from])).toEqual([[7, period + DAY]]);
    const first = await keys(ask({ uris: [alice, phone], credential: 'alice-1' }));
    expect(first.filter(({ type }) => type === 15).map(({ uri }) => uri)).toEqual([alice, phone]);
  });

  it('a device that replaces another gets neither key nor seed of what the other has drawn under', async () => {
    await keys(ask());
    const devices = [{ credential: 'alice-new', psk: psk(6), identity: alice }];
    await kms.enrol({ id: 'alice', publicIdentities: [alice], aliases: [], devices });
    const replacement = { psk: psk(6).expose(), credential: 'alice-new' };
    expect(errorOf(await kms.requestKey.answer(request(ask(replacement))))).toBe(UNSPECIFIED);
    kms.clock.advance(2 * DAY * 1000);
    expect(await keys(ask(replacement))).toHaveLength(4);
    const past = await keys(ask({ ...replacement, wanted: { from: period - DAY, to: period + 3 * DAY } }));
    const days = past.filter(({ type }) => type === 7).map(({ from }) => (from! - period) / DAY);
    expect(days).toEqual([2, -1]);
  });

  it('two devices cannot be enrolled under one identity', async () => {
    const devices = [
      { credential: 'alice-1', psk: psk(1), identity: alice },
      { credential: 'alice-2', psk: psk(5), identity: alice },
    ];
    await expect(kms.enrol({ id: 'alice', publicIdentities: [alice], aliases: [], devices })).rejects.toThrow(
      KmsError,
    );
  });

  it("identities of another operator's host cannot be enrolled (R-12)", async () => {
    const bob = { id: 'bob', publicIdentities: ['sip:bob@home2.example'], aliases: [], devices: [] };
    await expect(kms.enrol(bob)).rejects.toThrow(/does not serve/);
  });

  it("another subscriber's identity or credential cannot be taken over", async () => {
    const mallory = { id: 'mallory', aliases: [] as string[] };
    const own = 'sip:mallory@home1.example';
    await expect(kms.enrol({ ...mallory, publicIdentities: [own, alice], devices: [] })).rejects.toThrow(
      KmsError,
    );
    await expect(
      kms.enrol({
        ...mallory,
        publicIdentities: [own],
        devices: [{ credential: 'alice-1', psk: psk(9), identity: own }],
      }),
    ).rejects.toThrow(KmsError);
    expect(await keys(ask())).toHaveLength(4);
  });
});

describe('while keys are computed', () => {
  /** Extractions that wait to be let go, each to succeed or to fail. */
  const held = () => {
    const waiting: ((error?: KmsError) => void)[] = [];
    const inner = engineGenerator();
    return {
      waiting,
      generator: {
        extract: async (...of: Parameters<typeof inner.extract>) => {
          const error = await new Promise<KmsError | undefined>((resolve) => waiting.push(resolve));
          if (error !== undefined) throw error;
          return inner.extract(...of);
        },
      },
    };
  };
  const device = (credential: string, fill: number) => ({
    ...{ id: 'alice', publicIdentities: [alice], aliases: [] },
    devices: [{ credential, psk: psk(fill), identity: alice }],
  });

  it('nothing counts as issued if one of them cannot be', async () => {
    const { waiting, generator } = held();
    kms = await home(now, vector, generator);
    await kms.enrol(device('alice-1', 1));
    const asked = kms.requestKey.answer(request(ask({ wanted: { from: period, to: period + 6 * DAY } })));
    const refused = expect(asked).rejects.toThrow(expect.objectContaining({ code: 'busy' }) as Error);
    await expect.poll(() => waiting).toHaveLength(4);
    for (const letGo of waiting.splice(0)) letGo();
    await expect.poll(() => waiting).toHaveLength(2);
    waiting[0]!();
    waiting[1]!(new KmsError('busy', 'too much to do'));
    await refused;
    expect(kms.audit.events.map(({ kind }) => kind)).toEqual(['keys-refused']);
    expect(kms.audit.events[0]).toMatchObject({ credential: 'alice-1', reason: 'busy' });
    expect(await kms.store.issuedSeed(alice, period)).toBeNull();
  });

  it('a device that is replaced and the one that replaces it do not both get the seed', async () => {
    const { waiting, generator } = held();
    kms = await home(now, vector, generator);
    await kms.enrol(device('alice-1', 1));
    const wanted = { from: period, to: period + DAY };
    const options = [ask({ wanted }), ask({ wanted, psk: psk(6).expose(), credential: 'alice-new' })];
    const first = kms.requestKey.answer(request(options[0]!));
    await expect.poll(() => waiting).toHaveLength(1);
    await kms.enrol(device('alice-new', 6));
    const second = kms.requestKey.answer(request(options[1]!));
    await expect.poll(() => waiting).toHaveLength(2);
    for (const letGo of waiting) letGo();
    const answers = await Promise.all([first, second]);
    expect(open(answers[0], options[0]!)).toHaveLength(2);
    expect(errorOf(answers[1])).toBe(UNSPECIFIED);
    expect(kms.audit.of('keys-issued')).toMatchObject([{ credential: 'alice-1', seed: true }]);
  });
});
