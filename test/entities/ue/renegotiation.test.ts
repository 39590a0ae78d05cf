/** What two phones renegotiate in a call that is up, over TCP and UDP. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { decodeG711, encodeG711 } from '../../../src/media/g711.ts';
import type { PhoneCall } from '../../../src/entities/ue/call.ts';
import type { SipRequest, SipResponse } from '../../../src/sip/message.ts';
import { ALICE, BOB } from '../../ibake/support/scenario.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { requestsOf, twoPhones } from './support/phones.ts';
import type { PhoneSettings } from './support/phones.ts';

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

async function phones(settings: Parameters<typeof twoPhones>[0] = {}) {
  const made = await twoPhones(settings);
  stops.push(made.stop);
  return made;
}

/** A call of alice with bob that is up. */
async function talking(settings: Parameters<typeof twoPhones>[0] = {}, isOfferless = false) {
  const { alice, bob } = await phones(settings);
  const call = await (isOfferless ? alice.ue.callForOffer(BOB) : alice.ue.call(BOB, { video: false }));
  await call.established;
  const answered = bob.incoming!;
  await answered.established;
  return { alice, bob, call, answered };
}

const speech = (length: number, pitch: number) =>
  Int16Array.from({ length }, (_, i) => 9000 * Math.sin(i / pitch));
const heardOf = (samples: Int16Array) => decodeG711(encodeG711(samples, 'pcma'), 'pcma');

/** What is said to the end, and that it was heard, sample by sample, nothing refused. */
async function expectHeard(
  call: PhoneCall,
  answered: PhoneCall,
  [one, two]: readonly [Int16Array, Int16Array],
) {
  await vi.waitFor(() => {
    expect(answered.statistics.received.packets).toBe(call.statistics.sent.packets);
    expect(call.statistics.received.packets).toBe(answered.statistics.sent.packets);
  }, 30_000);
  expect(answered.heard()).toEqual(heardOf(one));
  expect(call.heard()).toEqual(heardOf(two));
  expect([call, answered].map(({ statistics }) => statistics.received.refused)).toEqual([0, 0]);
}

const different = (values: readonly string[]) => [...new Set(values)];
const mikeyIn = (messages: readonly (SipRequest | SipResponse)[]) =>
  messages.filter(({ body }) => Buffer.from(body).includes('key-mgmt'));

describe('keys that are replaced in a call', () => {
  test('R-43: by either side, over UPDATE and INVITE, while both speak: nothing is lost, and the string is another', async () => {
    const { alice, bob, call, answered } = await talking();
    const strings = [call.sas];
    const voices = [speech(9600, 9), speech(9600, 7)] as const;
    const said = Promise.all([call.play(voices[0]), answered.play(voices[1])]);
    for (const [who, method] of [
      [call, 'UPDATE'],
      [answered, 'UPDATE'],
      [call, 'INVITE'],
      [answered, 'INVITE'],
    ] as const) {
      await who.rekey(method);
      expect(call.sas).toBe(answered.sas);
      strings.push(call.sas);
      const count = alice.mkis.length;
      await vi.waitFor(() => expect(alice.mkis.length).toBeGreaterThan(count + 4), 30_000);
    }
    await said;
    await expectHeard(call, answered, voices);
    expect(new Set(strings).size).toBe(5);
    expect([call.updates, answered.updates]).toEqual([4, 4]);
    expect([different(alice.mkis).length, different(bob.mkis).length]).toEqual([5, 5]);
    expect(requestsOf(bob)).toEqual(['UPDATE', 'INVITE', 'ACK']);
  });

  test('R-43: by packets and by time, as settings say', async () => {
    const { alice, bob, call, answered } = await talking({
      alice: { rekeying: { everyMs: null, everyPackets: 10, method: 'UPDATE' } },
      bob: { rekeying: { everyMs: 150, everyPackets: null, method: 'INVITE' } },
    });
    const said = Promise.all([call.play(speech(800_000, 9)), answered.play(speech(800_000, 7))]);
    await vi.waitFor(() => {
      expect(requestsOf(alice)).toContain('UPDATE');
      expect(requestsOf(bob)).toContain('INVITE');
      expect(different(alice.mkis).length).toBeGreaterThanOrEqual(4);
    }, 30_000);
    await call.hangUp();
    await said;
    expect([call, answered].map(({ statistics }) => statistics.received.refused)).toEqual([0, 0]);
  });

  test('R-43: by both at once: the offers cross, and come again one after the other', async () => {
    const clock = new ManualClock(1_800_000_000_000);
    const { alice, bob } = await phones({ alice: { clock }, bob: { clock } });
    const advanced = async (settled: () => boolean): Promise<void> => {
      await vi.waitFor(() => {
        clock.advance(100);
        expect(settled()).toBe(true);
      }, 30_000);
    };
    const call = await alice.ue.call(BOB);
    await advanced(() => call.state === 'established' && bob.incoming?.state === 'established');
    let done = 0;
    const both = [call.rekey(), bob.incoming!.rekey()].map((one) => one.then(() => done++));
    await advanced(() => done === 2);
    await Promise.all(both);
    const refused = [...alice.sent, ...bob.sent].filter(
      (message) => message.kind === 'response' && message.status === 491,
    );
    expect(refused.length).toBeGreaterThanOrEqual(1);
    expect([call.updates, bob.incoming!.updates, call.sas]).toEqual([2, 2, bob.incoming!.sas]);
  });

  test('R-43: one that does not verify gets 488, and the call goes on under the keys before', async () => {
    const { bob, alice, call, answered } = await talking({ bob: { spoilsUpdate: true } });
    const sas = call.sas;
    await expect(answered.rekey()).rejects.toMatchObject({ code: 'call-failed' });
    expect(alice.sent.some((message) => message.kind === 'response' && message.status === 488)).toBe(true);
    expect([call.sas, answered.sas, call.updates]).toEqual([sas, sas, 0]);
    await call.rekey();
    await answered.rekey();
    expect([call.updates, call.sas]).toEqual([2, answered.sas]);
    expect(requestsOf(bob)).toEqual(['UPDATE', 'UPDATE']);
  });
});

describe('a call is held', () => {
  test.each(['UPDATE', 'INVITE'] as const)('R-43: and resumed over %s; its keys stay', async (method) => {
    const { alice, bob, call, answered } = await talking();
    const sas = call.sas;
    const voices = [speech(1600, 9), speech(4800, 7)] as const;
    const said = Promise.all([call.play(voices[0]), answered.play(voices[1])]);
    await call.hold(method);
    await expect(call.hold()).rejects.toMatchObject({ code: 'state' });
    const silent = bob.mkis.length;
    await new Promise((done) => setTimeout(done, 100));
    expect(bob.mkis.length).toBe(silent);
    await call.resume(method);
    await expect(call.resume()).rejects.toMatchObject({ code: 'state' });
    await said;
    expect(bob.mkis.length).toBeGreaterThan(silent);
    expect([call.sas, call.updates, different(alice.mkis).length, different(bob.mkis).length]).toEqual([
      sas,
      0,
      1,
      1,
    ]);
    expect(mikeyIn(alice.sent)).toHaveLength(2);
    expect([call, answered].map(({ statistics }) => statistics.received.refused)).toEqual([0, 0]);
  });

  test('R-43: and new keys come meanwhile: who was silent is understood afterwards', async () => {
    const { call, answered } = await talking();
    await call.hold();
    await call.rekey();
    await answered.rekey();
    await call.resume();
    const voices = [speech(800, 9), speech(800, 7)] as const;
    await Promise.all([call.play(voices[0]), answered.play(voices[1])]);
    await expectHeard(call, answered, voices);
  });
});

describe('a call without an offer', () => {
  test.each([
    ['with 100rel', true, ['INVITE', 'PRACK', 'ACK'], ['UPDATE']],
    ['without 100rel', false, ['INVITE', 'ACK'], ['UPDATE']],
  ])('R-43: %s: whoever is called offers, and begins the key exchange', async (_, reliable, ours, theirs) => {
    const bob: PhoneSettings = { policy: { kind: 'accept', ringMs: 5, answerMs: 5, reliable } };
    const all = await talking({ bob }, true);
    const { call, answered } = all;
    expect([call.peer, answered.peer, call.sas]).toEqual([BOB, ALICE, answered.sas]);
    expect([requestsOf(all.alice), requestsOf(all.bob)]).toEqual([ours, theirs]);
    const voices = [speech(800, 9), speech(960, 7)] as const;
    await Promise.all([call.play(voices[0]), answered.play(voices[1])]);
    await call.rekey();
    await answered.rekey('INVITE');
    await expectHeard(call, answered, voices);
    expect(call.sas).toBe(answered.sas);
  });

  test('R-43: an INVITE without an offer within a call is answered with one, and keeps the keys', async () => {
    const { alice, bob, call, answered } = await talking();
    const sas = call.sas;
    await call.askForOffer();
    const invite = alice.sent.findLast(
      (message) => message.kind === 'request' && message.method === 'INVITE',
    );
    const ack = alice.sent.findLast((message) => message.kind === 'request' && message.method === 'ACK');
    expect([invite?.body.length, ack?.contentType]).toEqual([0, 'application/sdp']);
    const voices = [speech(480, 9), speech(480, 7)] as const;
    await Promise.all([call.play(voices[0]), answered.play(voices[1])]);
    await expectHeard(call, answered, voices);
    expect([call.sas, different(bob.mkis).length]).toEqual([sas, 1]);
  });
});

describe('video that is added to a call', () => {
  test.each(['UPDATE', 'INVITE'] as const)(
    'R-43: over %s has keys of its own, while the audio keeps its and goes on',
    async (method) => {
      const { alice, call, answered } = await talking({ alice: { video: true }, bob: { video: true } });
      const sas = call.sas;
      const voices = [speech(3200, 9), speech(3200, 7)] as const;
      const said = Promise.all([call.play(voices[0]), answered.play(voices[1])]);
      await call.addVideo(method);
      const pictures = [
        Uint8Array.from({ length: 5000 }, (_, i) => i),
        new Uint8Array(3000).fill(7),
      ] as const;
      await Promise.all([call.show(pictures[0]), answered.show(pictures[1])]);
      await said;
      await expectHeard(call, answered, voices);
      await vi.waitFor(() => {
        for (const [from, to] of [[call, answered] as const, [answered, call] as const])
          expect(to.statistics.video?.received.packets).toBe(from.statistics.video?.sent.packets);
      }, 30_000);
      expect([answered, call].map((one) => Buffer.from(one.seen()?.octets ?? []))).toEqual(
        pictures.map((picture) => Buffer.from(picture)),
      );
      expect([call.sas, call.statistics.sessions.map(({ csId }) => csId)]).toEqual([sas, [1, 2, 3, 4]]);
      expect([call.updates, different(alice.mkis).length]).toEqual([1, 1]);
      await answered.rekey();
      expect(call.statistics.sessions).toEqual(answered.statistics.sessions);
    },
  );

  test('R-43: is refused by a phone without, and the call stays as it was', async () => {
    const { call, answered } = await talking({ alice: { video: true } });
    await expect(call.addVideo()).rejects.toMatchObject({ code: 'call-failed' });
    await expect(answered.addVideo()).rejects.toMatchObject({ code: 'no-codec' });
    const voices = [speech(480, 9), speech(480, 7)] as const;
    await Promise.all([call.play(voices[0]), answered.play(voices[1])]);
    await expectHeard(call, answered, voices);
    expect(call.hasVideo).toBe(false);
  });
});
