/**
 * A call that is rekeyed many times: every update is answered, and the last costs what the first did. The updates are
 * those of our own state machines; CLAVIGER_UPDATES sets how many.
 */
import { expect, it } from 'vitest';
import { toHex } from '../../../../src/bytes/octets.ts';
import { UpdateOffer, answerUpdate } from '../../../../src/ibake/update.ts';
import { GetKeys } from '../../../../src/entities/kms/get-keys/get-keys.ts';
import { EngineGenerator } from '../../../../src/entities/kms/generator.ts';
import { XkService } from '../../../../src/entities/kms/xk.ts';
import type { AffinePoint } from '../../../../src/ibe/curve.ts';
import { encodeGetKeysRequest, isGetKeysFailure } from '../../../../src/wire/xk/get-keys.ts';
import type { GetKeysRequest } from '../../../../src/wire/xk/get-keys.ts';
import { identityAt } from '../../../ibake/support/network.ts';
import { ALICE, BOB, NOON, Network, answered, completed } from '../../../ibake/support/scenario.ts';
import { toyEngine } from '../../../ibake/support/toy-engine.ts';
import { silent } from '../../../support/silent.ts';
import { home } from '../support/home.ts';
import { TestRecords, sessions } from './support/kms.ts';

const UPDATES = Number(process.env['CLAVIGER_UPDATES'] ?? 100);
const XID = '29f28e1c-f230-486a-a860-f5a784ab9172';
const df = { commonName: 'df.home1.example', roles: ['df'], fingerprint: 'AA:BB', admitted: true };
/** Milliseconds between two. */
const PAUSE = 10_000;

it('R-66: every one of many updates of one call is answered', { timeout: 300_000 }, async () => {
  const network = new Network('many updates');
  const points = new Map<AffinePoint, Uint8Array>();
  const engine = toyEngine((key) => points.get(key)!);
  const phone = (uri: string, of: 'home1' | 'home2') => {
    const endpoint = { ...network.endpoint(uri), engine };
    const identity = identityAt(network[of], uri, NOON / 1000);
    points.set(endpoint.keys.privateKey(uri, NOON / 1000)!, identity);
    return endpoint;
  };
  const [alice, bob] = [phone(ALICE, 'home1'), phone(BOB, 'home2')];
  const initiator = network.offer(alice, BOB);
  const call = completed(initiator, answered(bob, initiator.message));
  const { iMessage1, rMessage1, iMessage2, rMessage2 } = call;
  const messages = { iMessage1, rMessage1, iMessage2, rMessage2 };
  const asked = { targetKmsIdentity: ALICE, xid: XID, ...messages, updates: [], midCall: false };

  const kms = await home(NOON / 1000);
  await kms.enrol({ id: 'alice', publicIdentities: [ALICE], aliases: [], devices: [] });
  const end = NOON / 1000 + 86_400;
  await kms.store.putWarrant({ xid: XID, periods: [{ targets: [ALICE], start: NOON / 1000 - 60, end }] });
  const getKeys = new GetKeys(new TestRecords(network.home1, [ALICE]), new EngineGenerator(engine));
  const times = { sessionMemory: 86_400, retention: 86_400 };
  const service = new XkService(times, {
    ...{ store: kms.store, audit: kms.audit, clock: kms.clock, logger: silent },
    compute: (question) => getKeys.answer(question),
  });
  const keysFor = async (request: GetKeysRequest) => {
    const answer = await service.answer(df, request);
    return isGetKeysFailure(answer)
      ? answer
      : { verified: answer.verified, keys: sessions(answer.cryptoSessions) };
  };

  let [ours, theirs] = [call.sessions.initiator, call.sessions.responder];
  const lengths = new Set<number>();
  for (let n = 1; n <= UPDATES; n++) {
    network.clock.advance(PAUSE);
    const isByAlice = n % 2 === 1;
    const [from, to] = isByAlice ? [alice, bob] : [bob, alice];
    const offer = UpdateOffer.start(from, isByAlice ? ours : theirs, { rekey: true });
    const answer = answerUpdate(to, isByAlice ? theirs : ours, offer.message);
    const ended = offer.complete(answer.message);
    offer.end();
    [ours, theirs] = isByAlice ? [ended, answer.session] : [answer.session, ended];
    const updates = [{ iMessage1: offer.message, rMessage1: answer.message }];
    const request = { ...asked, updates };
    lengths.add(Math.round(encodeGetKeysRequest(request).length / 100));
    const keys = ours.cryptoSessions.map(({ tek }) => ({ tek: toHex(tek.expose()) }));
    expect(await keysFor(request), `update ${n}`).toMatchObject({ verified: true, keys });
  }
  // The size varies by the lengths of DER integers alone.
  expect(Math.max(...lengths) - Math.min(...lengths)).toBeLessThan(3);
});
