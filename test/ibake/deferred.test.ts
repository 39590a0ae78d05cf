/**
 * Content left with a mailbox (profile, section 3): the set of another implementation, as its recipient and the mailbox have
 * it, and refusals. `test/vector-sets/remade.test.ts` has the sender's side.
 */
import { describe, expect, it } from 'vitest';
import { fromBase64, fromHex, toHex } from '../../src/bytes/octets.ts';
import { keyedStream } from '../../src/endpoint/csb-updates.ts';
import { openContent, timesOf, type DeliveredMessages } from '../../src/ibake/deferred.ts';
import { IbakeError } from '../../src/ibake/errors.ts';
import { readRMessage1 } from '../../src/ibake/messages.ts';
import type { CryptoSession } from '../../src/ibake/session-keys.ts';
import { SrtpReceiver } from '../../src/media/srtp/stream.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { vectorFile, vectorFiles } from '../support/shared.ts';
import { endpointFor } from './support/network.ts';
import {
  ALICE,
  answered,
  BOB,
  BOB_DESK,
  CAROL,
  completed,
  MAILBOX,
  Network,
  type Call,
} from './support/scenario.ts';
import { ScriptedRandom } from './support/scripted-random.ts';
import type { ExchangeForm } from '../vector-sets/form.ts';
import { homesIn } from '../vector-sets/remake.ts';

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof IbakeError) return error.code;
    throw error;
  }
  return 'none';
}

/** Bob, and his mailbox with the randomness that the set was made with. */
function partiesOf(set: ExchangeForm) {
  const { R_MESSAGE_1, R_MESSAGE_2 } = set.messages;
  const clock = new ManualClock(set.time.unix * 1000);
  const sealed = [R_MESSAGE_1, R_MESSAGE_2].flatMap(({ gcmNonce, cek, rho }) => [gcmNonce, cek, rho]);
  const drawn = [set.spi.mailbox, ...sealed].map((hex = '') => fromHex(hex));
  const of = (uri: string, random: ScriptedRandom) =>
    endpointFor(homesIn(set), { addressOfRecord: uri.replace(/;.*/, ''), device: uri }, { clock, random });
  return {
    mailbox: of(set.uri.mailbox ?? '', new ScriptedRandom(...drawn)),
    bob: of(set.uri.r, new ScriptedRandom()),
  };
}

const inHex = (sessions: readonly CryptoSession[]) =>
  sessions.map(({ csId, tek, salt }) => ({ csId, tek: toHex(tek.expose()), salt: toHex(salt.expose()) }));

describe.each(vectorFiles(/^exchange-deferred-.*\.json$/))('%s', (file) => {
  const set = vectorFile(file) as ExchangeForm;
  const { packets, cryptoSessions } = set.deferred!;
  const octets = (name: keyof ExchangeForm['messages']) => fromBase64(set.messages[name].message);

  it('R-42: the recipient opens what the mailbox delivers, and the packets', () => {
    const { bob } = partiesOf(set);
    const content = openContent(bob, {
      iMessage1: octets('I_MESSAGE_1'),
      rMessage1: octets('R_MESSAGE_1'),
      iMessage2: octets('I_MESSAGE_2'),
    });
    expect(content).toMatchObject({ author: set.uri.i, mailbox: set.uri.mailbox });
    expect(cryptoSessions).toMatchObject(inHex(content!.cryptoSessions));
    for (const session of content!.cryptoSessions) {
      const receiver = new SrtpReceiver(keyedStream(session));
      for (const { rtp, srtp } of packets.filter(({ csId }) => csId === session.csId))
        expect(toHex(receiver.unprotect(fromHex(srtp))!)).toBe(rtp);
    }
  });

  it('R-42: the mailbox opens neither the ESK nor a packet: its keys for the call are others', () => {
    const { mailbox } = partiesOf(set);
    const messages = {
      iMessage1: octets('I_MESSAGE_1'),
      rMessage1: octets('R_MESSAGE_1'),
      iMessage2: octets('I_MESSAGE_2'),
    };
    expect(openContent(mailbox, messages)).toBeNull();
    const responder = answered(mailbox, messages.iMessage1, {
      ssrcs: readRMessage1(messages.rMessage1)
        .map.filter((_, at) => at % 2 === 1)
        .map(({ ssrc }) => ssrc),
    });
    const { session } = responder.confirm(messages.iMessage2);
    const [own] = session.cryptoSessions;
    const [packet] = packets;
    expect(() => new SrtpReceiver(keyedStream(own!)).unprotect(fromHex(packet!.srtp))).toThrow(
      /does not verify/,
    );
  });
});

describe('R-42: what a recipient takes of a mailbox', () => {
  const left = (
    name: string,
    callee = BOB,
  ): { network: Network; messages: DeliveredMessages; call: Call } => {
    const network = new Network(name);
    const initiator = network.offer(network.endpoint(ALICE), callee);
    const call = completed(initiator, answered(network.endpoint(MAILBOX), initiator.message), {
      acceptMailbox: () => true,
    });
    const { iMessage1, rMessage1, iMessage2 } = call;
    return { network, call, messages: { iMessage1, rMessage1, iMessage2 } };
  };

  it('the author on the mailbox’s word, and the sender’s own keys, at any device of the recipient', () => {
    const { network, messages, call } = left('content');
    const content = openContent(network.endpoint(BOB, BOB_DESK), messages);
    expect(content).toMatchObject({ author: ALICE, mailbox: MAILBOX });
    expect(inHex(content!.cryptoSessions)).toEqual(inHex(call.leg.contentSessions()!));
    expect(content!.cryptoSessions.map(({ mki }) => toHex(mki!))).toEqual(
      call.leg.contentSessions()!.map(({ mki }) => toHex(mki!)),
    );
  });

  it('nothing that is for somebody else, or has no ESK', () => {
    const { network, messages } = left('others');
    expect(openContent(network.endpoint(CAROL), messages)).toBeNull();
    const initiator = network.offer(network.endpoint(ALICE), BOB);
    const live = completed(initiator, answered(network.endpoint(CAROL), initiator.message));
    expect(openContent(network.endpoint(BOB), live)).toBeNull();
  });

  it('no messages of two exchanges, whichever of them is another’s', () => {
    const { network, messages } = left('one');
    const other = left('two').messages;
    for (const name of ['iMessage1', 'rMessage1', 'iMessage2'] as const)
      expect(codeOf(() => openContent(network.endpoint(BOB), { ...messages, [name]: other[name] }))).toBe(
        'rejected',
      );
  });

  it('a replayed delivery is refused once it was heard, by whatever call it comes; one of another exchange is not', () => {
    const { network, messages } = left('replay');
    const bob = network.endpoint(BOB);
    expect(openContent(bob, messages)!.begin()).toBe(true);
    openContent(bob, messages)!.heard();
    expect(openContent(bob, messages)!.begin()).toBe(false);
    const second = network.offer(network.endpoint(ALICE), BOB);
    const call = completed(second, answered(network.endpoint(MAILBOX), second.message), {
      acceptMailbox: () => true,
    });
    expect(openContent(bob, call)!.begin()).toBe(true);
  });

  it('R-44: one that breaks off begins anew, three times at most', () => {
    const { network, messages } = left('broken off');
    const bob = network.endpoint(BOB);
    const begun = Array.from({ length: 4 }, () => openContent(bob, messages)!.begin());
    expect(begun).toEqual([true, true, true, false]);
  });

  it('R-42: for what is not for this user, has no ESK or is of long ago no key is asked for', () => {
    const { network, messages } = left('times');
    expect(timesOf(network.endpoint(CAROL), messages)).toBeNull();
    const initiator = network.offer(network.endpoint(ALICE), BOB);
    const live = completed(initiator, answered(network.endpoint(CAROL), initiator.message));
    expect(timesOf(network.endpoint(BOB), live)).toBeNull();
    const bob = network.endpoint(BOB);
    expect(timesOf(bob, messages)).toHaveLength(2);
    network.clock.advance(367 * 86_400_000);
    expect(codeOf(() => timesOf(bob, messages))).toBe('replayed');
  });

  it('one that is days old, but not one that is older than what is remembered', () => {
    const { network, messages } = left('old');
    network.clock.advance(7 * 86_400_000);
    expect(openContent(network.endpoint(BOB), messages)?.author).toBe(ALICE);
    network.clock.advance(366 * 86_400_000);
    expect(codeOf(() => openContent(network.endpoint(BOB), messages))).toBe('replayed');
  });
});
