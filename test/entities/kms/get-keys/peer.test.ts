/**
 * What the other party can forge: it knows the target's point, opens what the target sent, and seals what it likes around
 * that point, under the nonce that the point was drawn with. The secret's context has the prefix (profile, section 5), so
 * that the KMS never draws the target's secret under another policy, map or header.
 */
import { describe, expect, it } from 'vitest';
import { concat, utf8 } from '../../../../src/bytes/octets.ts';
import type { Secret } from '../../../../src/bytes/secret.ts';
import { policyPayload, SRTP_POLICY } from '../../../../src/ibake/policy.ts';
import { sha256 } from '../../../../src/ibake/sealing.ts';
import { macOctets, verificationMac } from '../../../../src/ibake/session-keys.ts';
import type { CsbSession } from '../../../../src/ibake/session.ts';
import { UpdateOffer, answerUpdate } from '../../../../src/ibake/update.ts';
import type { SrtpIdEntry } from '../../../../src/mikey/header.ts';
import { decodeMessage, encodeMessage, onlyPayload } from '../../../../src/mikey/message.ts';
import type { Payload } from '../../../../src/mikey/payload.ts';
import { EXT_TYPE } from '../../../../src/mikey/registry.ts';
import { forged } from '../../../ibake/support/forger.ts';
import type { TestHome } from '../../../ibake/support/network.ts';
import { ALICE, BOB, Network, answered, completed } from '../../../ibake/support/scenario.ts';
import { header, map, type Change } from './support/changes.ts';
import { TestRecords, ask, spelt } from './support/kms.ts';

const each = (change: Partial<SrtpIdEntry>) =>
  map((entries) => entries.map((entry) => ({ ...entry, ...change })));

const first = (change: Partial<SrtpIdEntry>) =>
  map(([entry, ...others]) => [{ ...entry!, ...change }, ...others]);

const inserted =
  (payload: Payload): Change =>
  ({ header: unchanged, payloads }) => {
    const at = payloads.findIndex(({ kind }) => kind === 'ext');
    return { header: unchanged, payloads: [...payloads.slice(0, at), payload, ...payloads.slice(at)] };
  };

const otherProtocols: Change = ({ header: unchanged, payloads }) => ({
  header: unchanged,
  payloads: payloads.map((payload): Payload =>
    payload.kind === 'ext' ? { kind: 'ext', type: EXT_TYPE['SDP IDs'], data: utf8('mikey sdes') } : payload,
  ),
});

const gcm = inserted(policyPayload(1, SRTP_POLICY.aesGcm256));

const same: Change = (message) => message;

/** The message changed in the clear, its container sealed anew by who can open it, under the nonce that it had. */
function resealed(
  octets: Uint8Array,
  recipient: TestHome,
  change: Change,
  transcript?: Uint8Array,
): Uint8Array {
  const { header: head, payloads } = change(decodeMessage(octets));
  const changed = encodeMessage({ header: head, payloads: [...payloads] });
  const { offset } = onlyPayload(decodeMessage(changed), 'ibake')!;
  const prefix = sha256(changed.subarray(0, offset));
  return forged(changed, recipient, {
    bindings: (known) => ({ ...known, prefix, transcript: transcript ?? known.transcript }),
  });
}

const question = { xid: 'xid', iMessage2: null, rMessage2: null, updates: [], midCall: false };

describe('R-66: the callee forges an I_MESSAGE_1 around the caller’s own point', () => {
  /** The callee answers what it has forged, and hands both over. */
  async function verdict(change: Change) {
    const network = new Network('forging callee');
    const { message } = network.offer(network.endpoint(ALICE), BOB);
    const iMessage1 = resealed(message, network.home2, change);
    const protocols = change === otherProtocols ? ['mikey', 'sdes'] : ['mikey'];
    const { message: rMessage1 } = answered(network.endpoint(BOB), iMessage1, { ssrcs: [7, 8], protocols });
    const records = new TestRecords(network.home1, [ALICE]);
    return spelt(await ask(records, { ...question, targetKmsIdentity: ALICE, iMessage1, rMessage1 }));
  }

  it('unchanged: keys', async () => {
    expect(await verdict(same)).toMatchObject({ verified: true });
  });

  it.each<[string, Change]>([
    ['with another SP', (message) => each({ policyNo: 1 })(gcm(message))],
    ['with an SP for one direction', (message) => first({ policyNo: 1 })(gcm(message))],
    ['with an SP that nothing refers to', gcm],
    ['with another SSRC', first({ ssrc: 99 })],
    ['with an SSRC left open', first({ ssrc: 0 })],
    ['with another roll-over counter', each({ roc: 1 })],
    ['with one more m= line', map((entries) => [...entries, ...entries])],
    ['with another PRF', header({ prfFunc: 0 })],
    ['with the V flag the other way', header({ v: false })],
    ['with another list of protocols', otherProtocols],
  ])('%s: endpoint-not-compliant, never keys', async (_, change) => {
    expect(await verdict(change)).toBe('endpoint-not-compliant');
  });
});

describe('R-66: the caller forges messages around the callee’s own point', () => {
  /** The caller changes what it sent, or what it was answered, and confirms that. */
  async function verdict(offered: Change, answeredWith: Change) {
    const network = new Network('forging caller');
    const initiator = network.offer(network.endpoint(ALICE), BOB);
    const call = completed(initiator, answered(network.endpoint(BOB), initiator.message));
    const iMessage1 = resealed(call.iMessage1, network.home2, offered);
    const rMessage1 = resealed(call.rMessage1, network.home1, answeredWith, sha256(iMessage1));
    const iMessage2 = resealed(call.iMessage2, network.home2, answeredWith, sha256(iMessage1, rMessage1));
    const records = new TestRecords(network.home2, [BOB]);
    const messages = { iMessage1, rMessage1, iMessage2 };
    return spelt(await ask(records, { ...question, targetKmsIdentity: BOB, ...messages }));
  }

  it('unchanged: keys', async () => {
    expect(await verdict(same, same)).toMatchObject({ verified: true });
  });

  it.each<[string, Change, Change]>([
    ['another SP', (message) => each({ policyNo: 1 })(gcm(message)), each({ policyNo: 1 })],
    ['an SP that nothing refers to', gcm, same],
    ['another SSRC of its own', first({ ssrc: 99 }), first({ ssrc: 99 })],
    ['another SSRC of the callee', same, map(([own, theirs]) => [own!, { ...theirs!, ssrc: 99 }])],
    ['a roll-over counter', each({ roc: 1 }), each({ roc: 1 })],
    ['another PRF', header({ prfFunc: 0 }), header({ prfFunc: 0 })],
    ['another list of protocols', otherProtocols, same],
  ])('%s: endpoint-not-compliant, never keys', async (_, offered, answeredWith) => {
    expect(await verdict(offered, answeredWith)).toBe('endpoint-not-compliant');
  });
});

describe('R-66: the peer forges an update around the target’s own new point', () => {
  const MORE = map((entries) => [...entries, ...entries.map((entry) => ({ ...entry, ssrc: 0 }))]);

  /** The one side starts an update, the other one answers. */
  function updated(seed: string) {
    const network = new Network(seed);
    const [alice, bob] = [network.endpoint(ALICE), network.endpoint(BOB)];
    const initiator = network.offer(alice, BOB);
    const call = completed(initiator, answered(bob, initiator.message));
    network.clock.advance(1_000);
    const offer = UpdateOffer.start(alice, call.sessions.initiator, { rekey: true });
    return { network, bob, call, offer };
  }

  /** A changed message of an update with the V that its forger can give it. */
  function signed(octets: Uint8Array, mpk: Secret, { csb, idri, idrr }: CsbSession): Uint8Array {
    const withoutMac = octets.subarray(0, -macOctets(csb.prfFunc));
    return concat(withoutMac, verificationMac(mpk, csb, withoutMac, { idri: idri.data, idrr: idrr.data }));
  }

  it.each<[string, Change, string | object]>([
    ['unchanged', same, { verified: true }],
    ['another map', MORE, 'endpoint-not-compliant'],
    ['the V flag the other way', header({ v: false }), 'endpoint-not-compliant'],
  ])('whom the target asked, and who answers a forgery: %s', async (_, change, verdict) => {
    const { network, bob, call, offer } = updated('forging answerer');
    const { responder } = call.sessions;
    const forgery = resealed(offer.message, network.home2, change);
    const iMessage1 = signed(forgery, responder.keys.mpk, responder);
    const { message: rMessage1 } = answerUpdate(bob, responder, iMessage1);
    const records = new TestRecords(network.home1, [ALICE]);
    const updates = [{ iMessage1, rMessage1 }];
    const { iMessage2, rMessage2, ...first } = call;
    const messages = { iMessage1: first.iMessage1, rMessage1: first.rMessage1, iMessage2, rMessage2 };
    const answer = spelt(await ask(records, { ...question, targetKmsIdentity: ALICE, ...messages, updates }));
    if (typeof verdict === 'string') expect(answer).toBe(verdict);
    else expect(answer).toMatchObject(verdict);
  });

  it.each<[string, Change, string | object]>([
    ['unchanged', same, { verified: true }],
    ['another map', MORE, 'messages-inconsistent'],
    ['the V flag the other way', header({ v: true }), 'messages-inconsistent'],
  ])('whom the target answered, with the V that it knows: %s', async (_, change, verdict) => {
    const { network, bob, call, offer } = updated('forging starter');
    const { message } = answerUpdate(bob, call.sessions.responder, offer.message);
    const after = offer.complete(message);
    const iMessage1 =
      change === MORE
        ? signed(resealed(offer.message, network.home2, MORE), call.sessions.initiator.keys.mpk, after)
        : offer.message;
    const forgery = resealed(message, network.home1, change, sha256(iMessage1));
    const updates = [{ iMessage1, rMessage1: signed(forgery, after.keys.mpk, after) }];
    const records = new TestRecords(network.home2, [BOB]);
    const { iMessage2, rMessage2, ...first } = call;
    const messages = { iMessage1: first.iMessage1, rMessage1: first.rMessage1, iMessage2, rMessage2 };
    const answer = spelt(await ask(records, { ...question, targetKmsIdentity: BOB, ...messages, updates }));
    if (typeof verdict === 'string') expect(answer).toBe(verdict);
    else expect(answer).toMatchObject(verdict);
  });
});
