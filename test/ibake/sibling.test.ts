/**
 * What the other devices of a user learn of a call that one of them has taken (RFC 6267 sections 3.1 and 7.3): they hold
 * the address of record's private key, their own, their own seed, and all messages that were sent.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { toHex } from '../../src/bytes/octets.ts';
import { decodeContainer, openContainer } from '../../src/ibake/container.ts';
import { sharedPoint, publicPoint, curveById } from '../../src/ibake/curves.ts';
import { IbakeError } from '../../src/ibake/errors.ts';
import type { Eccpt } from '../../src/ibake/eccpt.ts';
import { readIMessage1, readIMessage2, readRMessage1, readRMessage2 } from '../../src/ibake/messages.ts';
import { decodePoints, identitiesOf } from '../../src/ibake/plaintext.ts';
import { drawSecret, SECRET_ROLE } from '../../src/ibake/recoverable-secret.ts';
import type { ResponderLeg } from '../../src/ibake/responder-leg.ts';
import { openAs, recipientOf, sha256 } from '../../src/ibake/sealing.ts';
import { deriveCsbKeys, verifies } from '../../src/ibake/session-keys.ts';
import { ALICE, BOB, BOB_DESK, BOB_MOBILE, Network, answered, completed } from './support/scenario.ts';
import type { Call, TestEndpoint } from './support/scenario.ts';

let alice: TestEndpoint;
let desk: TestEndpoint;
let mobile: TestEndpoint;
/** The desk phone has taken the call. */
let taken: Call;
/** The mobile phone had answered, too. */
let lost: ResponderLeg;

beforeAll(() => {
  const network = new Network('sibling');
  alice = network.endpoint(ALICE);
  [desk, mobile] = [network.endpoint(BOB, BOB_DESK), network.endpoint(BOB, BOB_MOBILE)];
  const initiator = network.offer(alice, BOB);
  const both = [desk, mobile].map((device) => answered(device, initiator.message));
  taken = completed(initiator, both[0]!);
  lost = both[1]!;
});

const bindingsOf = (prefix: Uint8Array, transcript: Uint8Array | null) => ({
  prefix: sha256(prefix),
  esk: null,
  transcript,
});

/** The initiator's point, which every device opens. */
function eccptiFor(device: TestEndpoint): Eccpt {
  const message = readIMessage1(taken.iMessage1);
  const { ibake, t } = message;
  const bindings = bindingsOf(ibake.prefix, null);
  const plaintext = openAs(device, device.addressOfRecord, t.seconds, ibake.encrData, bindings);
  return decodePoints('I_MESSAGE_1', plaintext, identitiesOf(message)).eccpti!;
}

/** What the initiator alone reads: the desk phone's point. */
function eccptrOfDesk(): Eccpt {
  const message = readRMessage1(taken.rMessage1);
  const { ibake, t } = message;
  const bindings = bindingsOf(ibake.prefix, sha256(taken.iMessage1));
  const plaintext = openAs(alice, alice.device, t.seconds, ibake.encrData, bindings);
  return decodePoints('R_MESSAGE_1', plaintext, identitiesOf(message)).eccptr!;
}

/** The secret of the desk phone's R_MESSAGE_1, as one draws it from the seed of `device`. */
function redrawn(device: string) {
  const [iMessage1, rMessage1] = [readIMessage1(taken.iMessage1), readRMessage1(taken.rMessage1)];
  const { nonce } = decodeContainer(rMessage1.ibake.encrData);
  const curve = curveById(8)!;
  const secret = drawSecret(desk.keys.slotKey(device, rMessage1.t.seconds), SECRET_ROLE.rMessage1, curve, {
    csbId: iMessage1.header.csbId,
    t: rMessage1.t.octets,
    rand: iMessage1.rand,
    idri: rMessage1.idri.data,
    idrr: rMessage1.idrr.data,
    nonce,
    prefix: sha256(iMessage1.ibake.prefix, rMessage1.ibake.prefix),
  });
  const csb = { ...iMessage1.header, rand: iMessage1.rand };
  const { mpk } = deriveCsbKeys(sharedPoint(curve, secret, eccptiFor(mobile).point), csb);
  return {
    point: toHex(publicPoint(curve, secret)),
    verifies: verifies(readRMessage2(taken.rMessage2), mpk, csb),
  };
}

describe('R-42: a device of the same user that the call was lost to', () => {
  test('is not whom I_MESSAGE_2 of the other is for, and refuses it as an answer to its own', () => {
    let code = 'accepted';
    try {
      lost.confirm(taken.iMessage2);
    } catch (error) {
      code = error instanceof IbakeError ? error.code : String(error);
    }
    expect(['identity', 'rejected']).toContain(code);
    expect(lost.session).toBeNull();
  });

  test('opens I_MESSAGE_2 of the other with none of its private keys, whatever it believes that it is for', () => {
    const { ibake, t } = readIMessage2(taken.iMessage2);
    const opened = (device: TestEndpoint, uri: string): boolean => {
      const key = device.keys.privateKey(uri, t.seconds);
      if (key === null) return false;
      const { bf } = recipientOf(device.districts, device.addressOfRecord, t.seconds);
      return (
        openContainer(decodeContainer(ibake.encrData), (each) => device.engine.decrypt(bf, key, each)) !==
        null
      );
    };
    expect([BOB, BOB_MOBILE, BOB_DESK].map((uri) => opened(mobile, uri))).toEqual([false, false, false]);
    expect(mobile.keys.privateKey(BOB_MOBILE, t.seconds)).not.toBeNull();
    expect(opened(desk, BOB_DESK)).toBe(true);
  });

  test("draws another secret from its seed than the other's, and has neither its point nor keys that verify", () => {
    const point = toHex(eccptrOfDesk().point);
    expect(redrawn(BOB_DESK)).toEqual({ point, verifies: true });
    const own = redrawn(BOB_MOBILE);
    expect([own.point === point, own.verifies]).toEqual([false, false]);
    // The address of record's, which all devices have, is no device's.
    expect(redrawn(BOB)).toMatchObject({ verifies: false });
  });

  test('gives no R_MESSAGE_2 that the initiator takes for the other', () => {
    const initiator = new Network('sibling, again').offer(alice, BOB);
    const [one, other] = [desk, mobile].map((device) => answered(device, initiator.message));
    const legs = [one!, other!].map((responder) => initiator.answer(responder.message));
    const confirmed = other!.confirm(legs[1]!.message);
    expect(() => legs[0]!.verify(confirmed.message)).toThrow(IbakeError);
    expect(legs[0]!.session).not.toEqual(confirmed.session);
  });
});
