/**
 * Sets of vectors made again by both sides, octet by octet: all those of others; of our own, which prove no more than that
 * nothing has changed, one by default.
 */
import { describe, expect, it } from 'vitest';
import { fromHex, toBase64, toHex } from '../../src/bytes/octets.ts';
import { keyedStream } from '../../src/endpoint/csb-updates.ts';
import type { CsbSession } from '../../src/ibake/session.ts';
import { SrtpSender } from '../../src/media/srtp/stream.ts';
import { FILES } from '../ibake/support/vectors.ts';
import { vectorSets } from '../support/shared.ts';
import type { ExchangeForm } from './form.ts';
import { RemadeSet, type Remade } from './remake.ts';

const slow = process.env['CLAVIGER_SLOW'] !== undefined;
/** Those of the oldest form are made again in `test/ibake/vectors.test.ts`. */
const elsewhere: readonly string[] = FILES;

const SETS = vectorSets(/^exchange-.*\.json$/)
  .filter(({ origin, name }) =>
    origin === 'v2' ? !elsewhere.includes(name) : slow || name === 'exchange-forked.json',
  )
  .map(({ origin, name, set }) => [`${origin} ${name}`, set as ExchangeForm] as const);

function keysOf({ cryptoSessions, keys, sas }: CsbSession) {
  return {
    mpk: toHex(keys.mpk.expose()),
    tgk: toHex(keys.tgk.expose()),
    sas,
    cryptoSessions: cryptoSessions.map(({ csId, direction, ssrc, mki, tek, salt }) => ({
      ...{ csId, direction, ssrc, mki: toHex(mki ?? new Uint8Array()) },
      ...{ tek: toHex(tek.expose()), salt: toHex(salt.expose()) },
    })),
  };
}

function expectSame({ messages, said, sessions }: Remade): void {
  expect(messages.map(({ name, made }) => [name, toBase64(made)])).toEqual(
    messages.map(({ name, said: expected }) => [name, expected]),
  );
  for (const session of Object.values(sessions)) {
    const { cryptoSessions, ...keys } = keysOf(session);
    expect(said).toMatchObject(keys);
    expect(said.cryptoSessions).toMatchObject(cryptoSessions);
    expect(said.cryptoSessions).toHaveLength(cryptoSessions.length);
  }
}

describe.each(SETS)('%s', (_, set) => {
  it(`R-42, R-43: every message and all keys, made by both sides from the randomness given (${set.variant})`, () => {
    const remade = new RemadeSet(set);
    const answers = remade.answers();
    const updates = remade.updates(answers[0]!);
    expect([answers.length, updates.length]).toEqual([1 + (set.legs?.length ?? 0), set.updates?.length ?? 0]);
    for (const step of [...answers, ...updates]) expectSame(step);
    expect(Object.values(remade.left).filter((left) => left > 0)).toEqual([]);
    const { deferred } = set;
    if (deferred === undefined) return;
    const content = answers[0]!.leg.contentSessions()!;
    expect(deferred.cryptoSessions.map(({ csId }) => csId)).toEqual(content.map(({ csId }) => csId));
    for (const session of content) {
      const sender = new SrtpSender(keyedStream(session));
      const own = deferred.packets.filter(({ csId }) => csId === session.csId);
      for (const { rtp, srtp } of own) expect(toHex(sender.protect(fromHex(rtp)))).toBe(srtp);
    }
  });
});
