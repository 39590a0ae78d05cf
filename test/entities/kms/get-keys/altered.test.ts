/**
 * Altered questions. One octet altered, for both parties: within what this KMS opens or binds, refused; elsewhere,
 * refused or the very same keys. Never other keys. Truncated anywhere: refused.
 */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { UpdateOffer, answerUpdate } from '../../../../src/ibake/update.ts';
import { decodeMessage, encodeMessage, onlyPayload } from '../../../../src/mikey/message.ts';
import {
  ALICE,
  BOB,
  MAILBOX,
  Network,
  answered,
  completed,
  type Call,
} from '../../../ibake/support/scenario.ts';
import { FILES, loadVector } from '../../../ibake/support/vectors.ts';
import { TestRecords, ask, rememberingEngine, spelt } from './support/kms.ts';
import { PARTS, recordsOf, requestOf } from './support/questions.ts';

const MESSAGES = ['iMessage1', 'rMessage1', 'iMessage2', 'rMessage2'] as const;

/** Messages every octet of which is covered by a container that the party's KMS opens, or by V. */
const COVERED = {
  initiator: ['iMessage1', 'rMessage1', 'rMessage2'],
  responder: ['iMessage1', 'rMessage1', 'iMessage2', 'rMessage2'],
} as const;

/** Octets from one that is altered to the next: each of the header and the first payloads, then some of the containers. */
function stepAfter(at: number, file: string): number {
  if (process.env['CLAVIGER_SLOW'] !== undefined) return 1;
  if (file !== FILES[0]) return 7;
  return at < 100 ? 1 : 3;
}

/** Octets of the MAC in V, auth alg before it. */
const V_OCTETS = 33;

const REFUSALS = ['messages-inconsistent', 'target-not-party'];

describe.each(FILES)('%s', (file) => {
  describe.each(PARTS)('with the %s as target', (part) => {
    const vector = () => loadVector(file);
    const engine = rememberingEngine();

    it.each(MESSAGES)(
      'R-5: one octet of %s altered: refused, or the very same keys',
      { timeout: 120_000 },
      async (name) => {
        const records = recordsOf(vector(), part);
        const request = requestOf(vector(), part);
        const covered = [request.targetKmsIdentity];
        const right = spelt(await ask(records, request, covered, engine));
        expect(right).toMatchObject({ verified: true });
        const message = request[name]!;
        const isCovered = (COVERED[part] as readonly string[]).includes(name);
        for (let at = 0; at < message.length; at += stepAfter(at, file)) {
          const altered = message.map((octet, i) => (i === at ? octet ^ 0x01 : octet));
          const answer = spelt(await ask(records, { ...request, [name]: altered }, covered, engine));
          if (typeof answer === 'string') expect(REFUSALS, `octet ${at}`).toContain(answer);
          else expect({ at, isCovered, answer }).toEqual({ at, isCovered: false, answer: right });
        }
      },
    );

    it.each(MESSAGES)('%s truncated anywhere: refused', async (name) => {
      const records = recordsOf(vector(), part);
      const request = requestOf(vector(), part);
      const covered = [request.targetKmsIdentity];
      for (let length = 0; length < request[name]!.length; length++) {
        const cut = { ...request, [name]: request[name]!.subarray(0, length) };
        expect(spelt(await ask(records, cut, covered, engine)), `${length} octets`).toBe(
          'messages-inconsistent',
        );
      }
    });
  });
});

describe('an update', () => {
  it(
    'R-43: octets of its messages altered: refused, or the very same keys, by either KMS',
    { timeout: 120_000 },
    async () => {
      const network = new Network('altered update');
      const [alice, bob] = [network.endpoint(ALICE), network.endpoint(BOB)];
      const initiator = network.offer(alice, BOB);
      const call = completed(initiator, answered(bob, initiator.message));
      network.clock.advance(1_000);
      const offer = UpdateOffer.start(bob, call.sessions.responder, { rekey: true });
      const { message } = answerUpdate(alice, call.sessions.initiator, offer.message);
      const update = { iMessage1: offer.message, rMessage1: message };
      for (const [home, target] of [
        [network.home1, ALICE],
        [network.home2, BOB],
      ] as const) {
        const records = new TestRecords(home, [target]);
        const engine = rememberingEngine();
        const questionWith = (updates: (typeof update)[]) =>
          ask(records, { ...questionOf(call, target), updates }, [target], engine);
        const right = spelt(await questionWith([update]));
        expect(right).toMatchObject({ verified: true });
        for (const name of ['iMessage1', 'rMessage1'] as const) {
          for (let at = 0; at < update[name].length; at += 13) {
            const altered = update[name].map((octet, i) => (i === at ? octet ^ 0x01 : octet));
            const answer = spelt(await questionWith([{ ...update, [name]: altered }]));
            // V of an I_MESSAGE_1 with IBAKE is under a key that the question need not prove.
            if (target === ALICE && name === 'iMessage1' && at >= altered.length - V_OCTETS)
              expect(answer).toEqual(right);
            else expect(REFUSALS, `${name} ${at}`).toContain(answer);
          }
        }
      }
    },
  );
});

describe('deferred delivery', () => {
  it(
    'octets altered: the recipient’s KMS refuses; of I_MESSAGE_2 it may give the very same keys',
    { timeout: 120_000 },
    async () => {
      const network = new Network('altered ESK');
      const initiator = network.offer(network.endpoint(ALICE), BOB);
      const responder = answered(network.endpoint(MAILBOX), initiator.message);
      const call = completed(initiator, responder, { acceptMailbox: () => true });
      const records = new TestRecords(network.home2, []);
      const engine = rememberingEngine();
      const request = { ...questionOf(call, BOB), rMessage2: null };
      const right = spelt(await ask(records, request, [BOB], engine));
      expect(right).toMatchObject({ verified: false, cryptoSessions: [{ csId: 1, deferred: true }] });
      for (const name of ['iMessage1', 'iMessage2'] as const) {
        for (let at = 0; at < request[name].length; at += 3) {
          const altered = request[name].map((octet, i) => (i === at ? octet ^ 0x01 : octet));
          const answer = spelt(await ask(records, { ...request, [name]: altered }, [BOB], engine));
          if (name === 'iMessage1' || typeof answer === 'string') expect(REFUSALS).toContain(answer);
          else expect(answer, `${name} ${at}`).toEqual(right);
        }
      }
    },
  );
});

describe('an ESK', () => {
  const network = new Network('another ESK');
  const [alice, mailbox] = [network.endpoint(ALICE), network.endpoint(MAILBOX)];
  const initiator = network.offer(alice, BOB);
  const call = completed(initiator, answered(mailbox, initiator.message), { acceptMailbox: () => true });
  const parties = [
    ['recipient', new TestRecords(network.home2, []), BOB],
    ['sender', new TestRecords(network.home1, [ALICE]), ALICE],
  ] as const;

  it.each(parties)('that IBAKE does not name: refused for its %s', async (_, records, target) => {
    const request = { ...questionOf(call, target), rMessage2: null };
    expect(spelt(await ask(records, request))).toMatchObject({ verified: false });
    const esk = onlyPayload(decodeMessage(request.iMessage2), 'esk')!;
    const payload = request.iMessage2.subarray(esk.offset, esk.offset + esk.length);
    const binding = createHash('sha256').update(payload).digest();
    const at = Buffer.from(request.iMessage2).indexOf(binding);
    expect(at).toBeGreaterThan(0);
    const iMessage2 = request.iMessage2.map((octet, i) => (i === at ? octet ^ 0x01 : octet));
    expect(spelt(await ask(records, { ...request, iMessage2 }))).toBe('messages-inconsistent');
  });

  it.each(parties)('cut off, though IBAKE names it: no keys for its %s', async (part, records, target) => {
    const request = { ...questionOf(call, target), rMessage2: null };
    const { header, payloads } = decodeMessage(request.iMessage2);
    const kept = payloads.filter(({ kind }) => kind !== 'esk');
    const iMessage2 = encodeMessage({ header, payloads: kept });
    const refusal = part === 'sender' ? 'messages-inconsistent' : 'target-not-party';
    expect(spelt(await ask(records, { ...request, iMessage2 }))).toBe(refusal);
  });

  it('with an update: refused, since what a mailbox answered is not updated', async () => {
    const [[, records, target]] = parties;
    network.clock.advance(1_000);
    const { initiator: ours, responder: theirs } = call.sessions;
    const offer = UpdateOffer.start(alice, { ...ours, isDeferred: false }, { rekey: true });
    const { message } = answerUpdate(mailbox, { ...theirs, isDeferred: false }, offer.message);
    const updates = [{ iMessage1: offer.message, rMessage1: message }];
    const request = { ...questionOf(call, target), rMessage2: null };
    expect(spelt(await ask(records, { ...request, updates }))).toBe('messages-inconsistent');
    const [, [, home1]] = parties;
    const senders = { ...questionOf(call, ALICE), updates };
    expect(spelt(await ask(home1, senders))).toBe('messages-inconsistent');
  });
});

function questionOf({ iMessage1, rMessage1, iMessage2, rMessage2 }: Call, targetKmsIdentity: string) {
  const messages = { iMessage1, rMessage1, iMessage2, rMessage2 };
  return { targetKmsIdentity, xid: 'xid', ...messages, updates: [], midCall: false };
}
