/** The exchange vectors: made and consumed, octet by octet. */
import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../src/bytes/octets.ts';
import { Secret } from '../../src/bytes/secret.ts';
import { curveById, publicPoint, sharedPoint } from '../../src/ibake/curves.ts';
import { Initiator } from '../../src/ibake/initiator.ts';
import { readIMessage1, readRMessage1 } from '../../src/ibake/messages.ts';
import { readPolicies } from '../../src/ibake/policy.ts';
import {
  advanceSlotKey,
  drawContext,
  drawSecret,
  drawSecretKey,
  liSeed,
  type DrawContext,
  type SecretRole,
} from '../../src/ibake/recoverable-secret.ts';
import { respond } from '../../src/ibake/responder.ts';
import { deriveCsbKeys } from '../../src/ibake/session-keys.ts';
import type { CsbSession } from '../../src/ibake/session.ts';
import { readTimestamp } from '../../src/ibake/timestamps.ts';
import type { SrtpIdEntry } from '../../src/mikey/header.ts';
import { identityAt } from './support/network.ts';
import { FILES, endpointsOf, homesOf, loadVector, messageOf, type Vector } from './support/vectors.ts';

/** What the set's I_MESSAGE_1 offers: whom it calls, its m= lines with their policies. */
function offer(vector: Vector, side: ReturnType<typeof endpointsOf>) {
  const { map, policies, header, idrr } = readIMessage1(messageOf(vector, 'I_MESSAGE_1'));
  const table = readPolicies(policies, header.prfFunc);
  return Initiator.offer(side.initiator, {
    callee: idrr.uri,
    media: linesOf(map, 0).map(({ ssrc, policyNo }) => ({ ssrc, policy: table.get(policyNo)! })),
    curve: vector.curve,
    prfFunc: vector.prfFunc,
  });
}

/** Every m= line's crypto session of one direction: 0 from the initiator, 1 back. */
function linesOf(map: readonly SrtpIdEntry[], direction: 0 | 1): SrtpIdEntry[] {
  return map.filter((_, i) => i % 2 === direction);
}

function answer(vector: Vector, side: ReturnType<typeof endpointsOf>, iMessage1: Uint8Array) {
  const { map } = readRMessage1(messageOf(vector, 'R_MESSAGE_1'));
  const ssrcs = linesOf(map, 1).map(({ ssrc }) => ssrc);
  expect(ssrcs[0]).toBe(vector.ssrc.r);
  const verdict = respond(side.responder, iMessage1, { ssrcs });
  if (verdict.kind !== 'answer') throw new Error(verdict.kind);
  return verdict.leg;
}

function keysOf({ cryptoSessions, sas, keys }: CsbSession) {
  return {
    mpk: toHex(keys.mpk.expose()),
    tgk: toHex(keys.tgk.expose()),
    cryptoSessions: cryptoSessions.map(({ csId, direction, ssrc, mki, tek, salt }) => ({
      csId,
      direction,
      ssrc,
      mki: toHex(mki!),
      tek: toHex(tek.expose()),
      salt: toHex(salt.expose()),
    })),
    sas,
  };
}

describe.each(FILES)('%s', (file) => {
  describe('the exchange', () => {
    it('R-40: all four messages and all keys, made by both sides from the randomness given', () => {
      const vector = loadVector(file);
      const side = endpointsOf(vector);
      const { kSession: _, ...keys } = vector.keys;

      const initiator = offer(vector, side);
      expect(toHex(initiator.message)).toBe(toHex(messageOf(vector, 'I_MESSAGE_1')));
      const responder = answer(vector, side, initiator.message);
      expect(toHex(responder.message)).toBe(toHex(messageOf(vector, 'R_MESSAGE_1')));
      expect(responder.session).toBeNull();
      const leg = initiator.answer(responder.message);
      expect(toHex(leg.message)).toBe(toHex(messageOf(vector, 'I_MESSAGE_2')));
      expect(keysOf(leg.session!)).toEqual(keys);
      const { message, session } = responder.confirm(leg.message);
      expect(toHex(message)).toBe(toHex(messageOf(vector, 'R_MESSAGE_2')));
      expect(keysOf(session)).toEqual(keys);
      expect(keysOf(leg.verify(message))).toEqual(keys);
      expect([side.randoms.initiator.left, side.randoms.responder.left]).toEqual([0, 0]);
    });

    it('K_SESSION, MPK and TGK from the secrets of either side', () => {
      const vector = loadVector(file);
      const curve = curveById(vector.curve)!;
      const secret = (hex: string) => Secret.of(fromHex(hex.slice(2).padStart(2 * curve.octets, '0')));
      expect(toHex(publicPoint(curve, secret(vector.x)))).toBe(vector.xP);
      expect(toHex(publicPoint(curve, secret(vector.y)))).toBe(vector.yP);
      expect(toHex(sharedPoint(curve, secret(vector.x), fromHex(vector.yP)).expose())).toBe(
        vector.keys.kSession,
      );
      const kSession = sharedPoint(curve, secret(vector.y), fromHex(vector.xP));
      expect(toHex(kSession.expose())).toBe(vector.keys.kSession);
      const csb = { csbId: vector.csbId, prfFunc: vector.prfFunc, rand: fromHex(vector.rand) };
      const { mpk, tgk } = deriveCsbKeys(kSession, csb);
      expect([mpk, tgk].map((key) => toHex(key.expose()))).toEqual([vector.keys.mpk, vector.keys.tgk]);
      expect(() => kSession.expose()).toThrow('wiped');
    });
  });

  describe('the recoverable secret', () => {
    const contextOf = (vector: Vector, context: string): DrawContext => {
      // role, curve, CSB ID, T, RAND len, RAND, len, IDRi, len, IDRr, N, SHA-256 of the prefix
      const octets = Buffer.from(context, 'hex');
      const randEnd = 15 + octets[14]!;
      const idriEnd = randEnd + 2 + octets.readUInt16BE(randEnd);
      const idrrEnd = idriEnd + 2 + octets.readUInt16BE(idriEnd);
      return {
        csbId: vector.csbId,
        t: octets.subarray(6, 14),
        rand: octets.subarray(15, randEnd),
        idri: octets.subarray(randEnd + 2, idriEnd),
        idrr: octets.subarray(idriEnd + 2, idrrEnd),
        nonce: octets.subarray(idrrEnd, idrrEnd + 12),
        prefix: octets.subarray(idrrEnd + 12),
      };
    };

    it('seeds and slot keys follow from the LI roots', () => {
      const vector = loadVector(file);
      const homes = homesOf(vector);
      for (const { role, slot, slotKey } of vector.recoverableSecrets) {
        const side = role === 1 ? 'initiator' : 'responder';
        const { user } = vector.kms[side];
        const identity = identityAt(homes[side], user.uri, vector.time.unix);
        expect(toHex(identity)).toBe(user.identityDER);
        const seed = liSeed(Secret.of(homes[side].liRoot.slice()), identity);
        expect(toHex(seed.expose())).toBe(user.liSeed);
        expect(toHex(advanceSlotKey(seed, slot).expose())).toBe(slotKey);
      }
    });

    it('R-3: the secret of every curve and role is drawn again', () => {
      const vector = loadVector(file);
      const used = vector.recoverableSecrets.filter(({ curve }) => curve === vector.curve);
      expect(used.map(({ role }) => role)).toEqual([1, 2]);
      expect(used.map(({ secret }) => BigInt(secret))).toEqual([vector.x, vector.y].map(BigInt));
      for (const { role, curve: id, slotKey, context, secret } of vector.recoverableSecrets) {
        const curve = curveById(id)!;
        const draw = contextOf(vector, context);
        expect(toHex(drawContext(role as SecretRole, id, draw))).toBe(context);
        const drawn = drawSecret(Secret.of(fromHex(slotKey)), role as SecretRole, curve, draw);
        expect(BigInt('0x' + toHex(drawn.expose()))).toBe(BigInt(secret));
      }
    });

    it('the SK of deferred delivery is drawn again', () => {
      const vector = loadVector(file);
      const { initiator } = endpointsOf(vector);
      const draw = contextOf(vector, vector.recoverableSK.context);
      expect(toHex(drawContext(3, 0, draw))).toBe(vector.recoverableSK.context);
      // T of I_MESSAGE_2 may lie in another slot, or another period, than T of I_MESSAGE_1.
      const slotKey = initiator.keys.slotKey(initiator.device.uri, readTimestamp(draw.t).seconds);
      expect(toHex(drawSecretKey(slotKey, draw).expose())).toBe(vector.recoverableSK.sk);
    });
  });
});
