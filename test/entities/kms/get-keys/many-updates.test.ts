/**
 * A call that is updated many times: what the DF asks about each update is answered, and the last costs what the first did.
 * The updates are those of our own state machines; CLAVIGER_UPDATES sets how many.
 */
import { expect, it } from 'vitest';
import { toBase64, toHex } from '../../../../src/bytes/octets.ts';
import { UpdateOffer, answerUpdate, type UpdateOptions } from '../../../../src/ibake/update.ts';
import { sightingIn } from '../../../../src/entities/df/extraction.ts';
import {
  newSession,
  openOnes,
  questionOf,
  withQuestion,
  withSighting,
} from '../../../../src/entities/df/key-session.ts';
import { GetKeys } from '../../../../src/entities/kms/get-keys/get-keys.ts';
import { EngineGenerator } from '../../../../src/entities/kms/generator.ts';
import { XkService } from '../../../../src/entities/kms/xk.ts';
import type { AffinePoint } from '../../../../src/ibe/curve.ts';
import { encodeGetKeysRequest, isGetKeysFailure } from '../../../../src/wire/xk/get-keys.ts';
import { acknowledging, LEG, reliable, sip, type Place } from '../../df/support.ts';
import { identityAt } from '../../../ibake/support/network.ts';
import { ALICE, BOB, NOON, Network, answered, completed } from '../../../ibake/support/scenario.ts';
import { toyEngine } from '../../../ibake/support/toy-engine.ts';
import { silent } from '../../../support/silent.ts';
import { home } from '../support/home.ts';
import { TestRecords, sessions } from './support/kms.ts';

const UPDATES = Number(process.env['CLAVIGER_UPDATES'] ?? 100);
const XID = '29f28e1c-f230-486a-a860-f5a784ab9172';
const PEER = { commonName: 'df.home1.example', roles: ['df'], fingerprint: 'AA:BB', admitted: true };
/** Milliseconds between two. */
const PAUSE = 10_000;

/** Two phones and their call, over an engine that costs nothing. */
function phones() {
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
  let [ours, theirs] = [call.sessions.initiator, call.sessions.responder];
  /** An update that one of them starts, and the keys after it. */
  const update = (isByAlice: boolean, options: UpdateOptions) => {
    network.clock.advance(PAUSE);
    const [from, to] = isByAlice ? [alice, bob] : [bob, alice];
    const offer = UpdateOffer.start(from, isByAlice ? ours : theirs, options);
    const answer = answerUpdate(to, isByAlice ? theirs : ours, offer.message, [7]);
    const ended = offer.complete(answer.message);
    offer.end();
    [ours, theirs] = isByAlice ? [ended, answer.session] : [answer.session, ended];
    const keys = ended.cryptoSessions.map(({ csId, tek }) => ({ csId, tek: toHex(tek.expose()) }));
    return { iMessage1: offer.message, rMessage1: answer.message, keys };
  };
  return { network, engine, call, update };
}

/** The KMS, with a task for Alice. */
async function kmsFor({ network, engine }: ReturnType<typeof phones>) {
  const kms = await home(NOON / 1000);
  await kms.enrol({ id: 'alice', publicIdentities: [ALICE], aliases: [], devices: [] });
  const end = NOON / 1000 + 86_400;
  await kms.store.putWarrant({ xid: XID, periods: [{ targets: [ALICE], start: NOON / 1000 - 60, end }] });
  const getKeys = new GetKeys(new TestRecords(network.home1, [ALICE]), new EngineGenerator(engine));
  return new XkService(
    { sessionMemory: 86_400, retention: 86_400 },
    {
      ...{ store: kms.store, audit: kms.audit, clock: kms.clock, logger: silent },
      compute: (question) => getKeys.answer(question),
    },
  );
}

/** What the DF knows of the call, and asks. */
class KeySessionOfCall {
  #session = newSession(XID, 'c');

  see(startLine: string, message: Uint8Array, place: Place, isFromAlice: boolean): void {
    const octets = sip(startLine, LEG, toBase64(message), place);
    this.#session = withSighting(this.#session, sightingIn(octets, isFromAlice, 5), [], 0);
  }

  /** Each question that is due, with an answer taken for verified. */
  *questions() {
    for (const question of openOnes(this.#session)) {
      yield questionOf(this.#session, question, [{ name: 'sipUri', value: ALICE }])!;
      this.#session = withQuestion(this.#session, question.id, { state: 'answered', verified: true }, 0);
    }
  }

  get size(): number {
    return JSON.stringify(this.#session).length;
  }
}

it('R-66: every one of many updates of one call is answered', { timeout: 300_000 }, async () => {
  const made = phones();
  const service = await kmsFor(made);
  const session = new KeySessionOfCall();
  const { call } = made;
  session.see('INVITE sip:bob@home2.example SIP/2.0', call.iMessage1, {}, true);
  session.see('SIP/2.0 183 Session Progress', call.rMessage1, reliable(), false);
  session.see('PRACK sip:bob@127.0.0.2 SIP/2.0', call.iMessage2, acknowledging(), true);
  session.see('SIP/2.0 200 OK', call.rMessage2, { cseq: '2 PRACK' }, false);
  expect([...session.questions()]).toHaveLength(1);

  const sizes: number[] = [];
  for (let n = 1; n <= UPDATES; n++) {
    // Some add an m= line, and change no keys.
    const adds = n % 25 === 7 && n < 200;
    const isByAlice = n % 2 === 1;
    const added = adds ? [{ ssrc: n, policyNo: 0 }] : [];
    const { iMessage1, rMessage1, keys } = made.update(isByAlice, { rekey: !adds, added });
    const place = { cseq: `${3 + n} UPDATE` };
    session.see('UPDATE sip:x SIP/2.0', iMessage1, place, isByAlice);
    session.see('SIP/2.0 200 OK', rMessage1, place, !isByAlice);
    const [question, ...others] = [...session.questions()];
    expect([question?.updates.length, others]).toEqual([adds ? 2 : 1, []]);
    const answer = await service.answer(PEER, question!);
    if (isGetKeysFailure(answer)) expect.unreachable(`update ${n}: ${answer.failureIndication}`);
    expect(answer.verified).toBe(true);
    expect(sessions(answer.cryptoSessions)).toMatchObject(keys);
    if (!adds) sizes.push(encodeGetKeysRequest(question!).length + session.size);
  }
  // Lines that were added make each message longer by 18 octets; nothing else grows.
  expect(sizes.at(-1)! - sizes[20]!).toBeLessThan(60_000);
});
