/** The keys of a call through updates, as both ends hold them. */
import { describe, expect, test } from 'vitest';
import { toHex } from '../../src/bytes/octets.ts';
import { resultOf } from '../../src/endpoint/csb-updates.ts';
import type { ExchangeResult } from '../../src/endpoint/key-exchange.ts';
import type { AffinePoint } from '../../src/ibe/curve.ts';
import { identityAt } from '../ibake/support/network.ts';
import type { TestHome } from '../ibake/support/network.ts';
import { ALICE, BOB, NOON, Network, answered, completed } from '../ibake/support/scenario.ts';
import { toyEngine } from '../ibake/support/toy-engine.ts';

/** A call of alice with bob that is up, over an engine that costs nothing; both ends' keys. */
function call(seed: string) {
  const network = new Network(seed);
  const points = new Map<AffinePoint, Uint8Array>();
  const engine = toyEngine((key) => points.get(key) ?? new Uint8Array());
  const phone = (uri: string, home: TestHome) => {
    const endpoint = { ...network.endpoint(uri), engine };
    const point = endpoint.keys.privateKey(uri, NOON / 1000);
    if (point !== null) points.set(point, identityAt(home, uri, NOON / 1000));
    return endpoint;
  };
  const [alice, bob] = [phone(ALICE, network.home1), phone(BOB, network.home2)];
  const initiator = network.offer(alice, BOB);
  const { sessions } = completed(initiator, answered(bob, initiator.message));
  network.clock.advance(1000);
  return {
    alice: resultOf(alice, { session: sessions.initiator, peer: BOB, before: null }),
    bob: resultOf(bob, { session: sessions.responder, peer: ALICE, before: null }),
  };
}

const LINES = { alice: [0x01020304], bob: [0x0a0b0c0d] };

const facts = ({ sessions }: ExchangeResult) =>
  sessions.map(({ csId, ssrc, mki, masterKey }) =>
    [csId, ssrc, toHex(mki), toHex(masterKey.expose())].join(' '),
  );

/** New keys, begun by one end and taken by both. */
async function updated(
  from: ExchangeResult,
  to: ExchangeResult,
  lines: readonly number[],
  others: readonly number[],
) {
  const started = await from.update({ rekey: true, lines });
  const { rMessage1, result } = await to.answerUpdate(started.iMessage1, others);
  const own = await started.complete(rMessage1);
  started.close();
  return { own, result };
}

describe('updates of the keys of a call', () => {
  test('R-43: by either side in turn, both have the same keys each time, and another string to read aloud', async () => {
    let { alice, bob } = call('in turn');
    const strings = new Set([alice.sas]);
    for (const begins of ['alice', 'bob'] as const) {
      const [from, to] = begins === 'alice' ? [alice, bob] : [bob, alice];
      const before = facts(from);
      const others = begins === 'alice' ? LINES.bob : LINES.alice;
      const { own, result } = await updated(from, to, LINES[begins], others);
      expect(facts(own)).toEqual(facts(result));
      expect(facts(own)).not.toEqual(before);
      expect([own.sas, own.peer]).toEqual([result.sas, from.peer]);
      strings.add(own.sas);
      [alice, bob] = begins === 'alice' ? [own, result] : [result, own];
    }
    expect(strings.size).toBe(3);
  });

  test('R-43: a further m= line gets crypto sessions, with or without new keys; those that are there keep theirs', async () => {
    const { alice, bob } = call('line');
    const before = facts(alice);
    const started = await alice.update({ rekey: false, lines: [...LINES.alice, 77] });
    const { rMessage1, result } = await bob.answerUpdate(started.iMessage1, [...LINES.bob, 88]);
    const own = await started.complete(rMessage1);
    expect(facts(own)).toEqual(facts(result));
    expect(facts(own).slice(0, 2)).toEqual(before);
    expect(own.sessions.map(({ csId, ssrc }) => [csId, ssrc])).toEqual([
      [1, LINES.alice[0]],
      [2, LINES.bob[0]],
      [3, 77],
      [4, 88],
    ]);
    const next = await updated(result, own, [...LINES.bob, 88], [...LINES.alice, 77]);
    expect(facts(next.own)).toEqual(facts(next.result));
    expect(next.own.sessions).toHaveLength(4);
  });

  test('R-43: an end whose answer was altered on the way is met again under the keys before', async () => {
    const { alice, bob } = call('altered');
    const started = await alice.update({ rekey: true, lines: LINES.alice });
    const { rMessage1, result } = await bob.answerUpdate(started.iMessage1, LINES.bob);
    const altered = rMessage1.map((octet, at) => (at === rMessage1.length - 1 ? octet ^ 1 : octet));
    await expect(started.complete(altered)).rejects.toMatchObject({ code: 'key-exchange' });
    started.close();
    // The same message again brings nothing: T has passed.
    await expect(result.answerUpdate(started.iMessage1, LINES.bob)).rejects.toMatchObject({
      code: 'key-exchange',
    });
    const { own, result: after } = await updated(alice, result, LINES.alice, LINES.bob);
    expect(facts(own)).toEqual(facts(after));
  });

  test('R-43: keys that were replaced are overwritten, at the answerer once the other end has shown the new', async () => {
    const { alice, bob } = call('wiped');
    const { own, result } = await updated(alice, bob, LINES.alice, LINES.bob);
    expect(() => facts(alice)).toThrow(/wiped/);
    expect(facts(bob)).toHaveLength(2);
    result.settle();
    expect(() => facts(bob)).toThrow(/wiped/);
    expect(facts(own)).toEqual(facts(result));
    own.wipe();
    expect(() => facts(own)).toThrow(/wiped/);
  });

  test('R-43: an update that changes nothing cannot begin', async () => {
    const { alice } = call('nothing');
    await expect(alice.update({ rekey: false, lines: LINES.alice })).rejects.toMatchObject({
      code: 'key-exchange',
    });
  });
});
