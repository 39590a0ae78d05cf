/**
 * Sets of vectors judged by node:crypto alone: secrets, keys and V of every exchange, from its roots. The sets are those
 * that are kept here and those of others; nothing is imported from the product (`independent/`).
 */
import { describe, expect, it } from 'vitest';
import { vectorSets } from '../support/shared.ts';
import { counterMode, mac, messageKey } from '../support/rfc3830.ts';
import type { DrawnForm, ExchangeForm, KeysForm, LegForm, RequestKeyForm } from './form.ts';
import { holdersIn, openedOaep, saltOfPss } from './independent/certified.ts';
import { keysIn } from './independent/issued-keys.ts';
import {
  contentOf,
  csbOf,
  macOf,
  plaintextOf,
  protectedPacket,
  redrawn,
  redrawnKey,
  rekeyed,
  type Redrawn,
  type Rekeyed,
} from './independent/judge.ts';
import { identitiesOf, payloadOf, readMessage, timeOf, TYPE } from './independent/mikey-reader.ts';
import { identityInfo, secretOf, seedOf, sha256, slotKeyOf } from './independent/primitives.ts';

const SETS = vectorSets(/^exchange-.*\.json$/).map(({ origin, name, set }) => {
  return [`${origin} ${name}`, set as ExchangeForm] as const;
});

/** What the set says was drawn is what is drawn again: by the party whose secret it is, in the role it has. */
function expectDrawn(said: readonly DrawnForm[], role: number, curve: number, again: Redrawn): void {
  const own = said.filter((each) => each.role === role && (each.curve ?? curve) === curve);
  expect(own).toHaveLength(1);
  for (const { slot, slotKey, context, prefixSha256, secret, point, uri } of own) {
    expect({ slot, slotKey, context, prefixSha256 }).toEqual({
      slot: again.slot,
      slotKey: again.slotKey,
      context: again.context,
      prefixSha256: again.prefixSha256,
    });
    expect(BigInt(secret ?? '')).toBe(again.secret);
    // Sets of a single exchange name neither.
    if (uri !== undefined) expect([uri, point]).toEqual([again.uri, again.point]);
  }
}

function expectKeys({ kSession, authKey, cryptoSessions, ...said }: KeysForm, again: Rekeyed): void {
  if (kSession !== undefined) expect(kSession).toBe(again.kSession);
  if (authKey !== undefined) expect(authKey).toBe(again.authKey);
  expect(said).toEqual({ mpk: again.mpk, tgk: again.tgk, sas: again.sas });
  expect(cryptoSessions.map(({ policy: _, cipher: __, ...session }) => session)).toEqual(
    again.cryptoSessions,
  );
}

/** One answer to an I_MESSAGE_1: both secrets, keys, V, and what is inside the containers. */
function judgeLeg(
  set: ExchangeForm,
  leg: Pick<LegForm, 'messages' | 'keys' | 'recoverableSecrets'>,
): Rekeyed {
  const { I_MESSAGE_1 } = set.messages;
  const { R_MESSAGE_1, I_MESSAGE_2, R_MESSAGE_2 } = leg.messages;
  const csb = csbOf(set, R_MESSAGE_1);
  expect([csb.csbId.readUInt32BE(0), csb.rand.toString('hex')]).toEqual([set.csbId, set.rand]);
  const initiator = redrawn(csb, I_MESSAGE_1, csb.idri);
  const responder = redrawn(csb, R_MESSAGE_1, csb.idrr, I_MESSAGE_1);
  expectDrawn(set.recoverableSecrets, 1, set.curve, initiator);
  expectDrawn(leg.recoverableSecrets, 2, set.curve, responder);
  const keys = rekeyed(csb, [I_MESSAGE_1, R_MESSAGE_1], [initiator.secret, responder.secret]);
  expectKeys(leg.keys, keys);
  expect(R_MESSAGE_2.mac).toBe(macOf(csb, keys.mpk, R_MESSAGE_2));
  expect(
    readMessage(R_MESSAGE_2.message)
      .octets.toString('hex')
      .endsWith(R_MESSAGE_2.mac ?? '-'),
  ).toBe(true);
  for (const message of [I_MESSAGE_1, R_MESSAGE_1, I_MESSAGE_2, R_MESSAGE_2]) {
    if (message.plaintext !== undefined) expect(plaintextOf(message).toString('hex')).toBe(message.plaintext);
  }
  const octets = (each: { message: string }) => Buffer.from(each.message, 'base64');
  expect(R_MESSAGE_1.transcriptSha256).toBe(sha256(octets(I_MESSAGE_1)).toString('hex'));
  expect(I_MESSAGE_2.transcriptSha256).toBe(sha256(octets(I_MESSAGE_1), octets(R_MESSAGE_1)).toString('hex'));
  return keys;
}

function judgeUpdates(set: ExchangeForm): void {
  const csb = csbOf(set);
  let { mpk } = judgeLeg(set, set);
  let last: Parameters<typeof rekeyed> | null = null;
  for (const { startedBy, ibake, messages, keys: said, recoverableSecrets = [] } of set.updates ?? []) {
    const { I_MESSAGE_1, R_MESSAGE_1 } = messages;
    const [starter, answerer] = startedBy === 'initiator' ? [csb.idri, csb.idrr] : [csb.idrr, csb.idri];
    if (ibake) {
      const asking = redrawn(csb, I_MESSAGE_1, starter);
      const answering = redrawn(csb, R_MESSAGE_1, answerer, I_MESSAGE_1);
      expectDrawn(recoverableSecrets, 1, set.curve, asking);
      expectDrawn(recoverableSecrets, 2, set.curve, answering);
      last = [csb, [I_MESSAGE_1, R_MESSAGE_1], [asking.secret, answering.secret], startedBy];
    }
    last ??= initialOf(set);
    const keys = rekeyed(last[0], last[1], last[2], last[3], R_MESSAGE_1);
    expect(I_MESSAGE_1.mac).toBe(macOf(csb, mpk, I_MESSAGE_1));
    expect(R_MESSAGE_1.mac).toBe(macOf(csb, keys.mpk, R_MESSAGE_1));
    expectKeys(said, keys);
    ({ mpk } = keys);
  }
}

/** What the keys of the initial exchange rest on. */
function initialOf(set: ExchangeForm): Parameters<typeof rekeyed> {
  const csb = csbOf(set);
  const { I_MESSAGE_1, R_MESSAGE_1 } = set.messages;
  const secrets = [
    redrawn(csb, I_MESSAGE_1, csb.idri),
    redrawn(csb, R_MESSAGE_1, csb.idrr, I_MESSAGE_1),
  ] as const;
  return [csb, [I_MESSAGE_1, R_MESSAGE_1], [secrets[0].secret, secrets[1].secret]];
}

describe.each(SETS)('%s, by node:crypto alone', (_, set) => {
  it(`R-3, R-40, R-44: secrets, keys and V of the exchange (${set.variant})`, () => {
    judgeLeg(set, set);
  });

  it('R-3: every secret that the set names, on every curve, from its slot key and context', () => {
    const all = [...set.recoverableSecrets, ...(set.legs ?? []).flatMap((leg) => leg.recoverableSecrets)];
    for (const { slotKey = '', curve = 0, context, secret } of all)
      expect(secretOf(Buffer.from(slotKey, 'hex'), curve, Buffer.from(context, 'hex'))).toBe(
        BigInt(secret ?? ''),
      );
  });

  for (const leg of set.legs ?? [])
    it(`R-42: secrets, keys and V of answer ${leg.number} to the same I_MESSAGE_1`, () => {
      const keys = judgeLeg(set, leg);
      expect(keys.mpk).not.toBe(set.keys.mpk);
    });

  if (set.updates !== undefined)
    it('R-43, R-45: secrets, keys and both V of every update, whoever starts it', () => {
      judgeUpdates(set);
    });

  const { abandoned, deferred, recoverableSK } = set;

  if (abandoned !== undefined)
    it('R-42: what was left unanswered has another CSB ID and RAND, and its point another secret', () => {
      const [left] = Object.values(abandoned);
      const before = csbOf({ ...set, messages: { ...set.messages, I_MESSAGE_1: left! } });
      const csb = csbOf(set);
      expect(before.csbId).not.toEqual(csb.csbId);
      expect(before.rand).not.toEqual(csb.rand);
      const secrets = [redrawn(before, left!, csb.idri), redrawn(csb, set.messages.I_MESSAGE_1, csb.idri)];
      expect(secrets[0]!.secret).not.toBe(secrets[1]!.secret);
      expect(plaintextOf(left!).toString('hex')).toBe(left!.plaintext);
    });

  if (recoverableSK !== undefined && set.messages.I_MESSAGE_2.esk !== undefined)
    it('R-42: the SK of the ESK', () => {
      const { context, sk } = redrawnKey(csbOf(set), set.messages.I_MESSAGE_2);
      expect({ context, sk }).toEqual({ context: recoverableSK.context, sk: recoverableSK.sk });
    });

  if (deferred !== undefined)
    it('R-42, R-45: keys of the content that is left, and its packets', () => {
      const csb = csbOf(set);
      const { I_MESSAGE_1, I_MESSAGE_2 } = set.messages;
      const sessions = contentOf(csb, redrawnKey(csb, I_MESSAGE_2).sk, I_MESSAGE_1, I_MESSAGE_2);
      expect(deferred.cryptoSessions.map(({ policy: _, cipher: __, ...session }) => session)).toEqual(
        sessions,
      );
      expect(deferred.packets.length).toBeGreaterThan(0);
      for (const packet of deferred.packets) {
        const { srtp, ke, ka, ks } = protectedPacket(
          csb,
          sessions.find(({ csId }) => csId === packet.csId)!,
          packet,
        );
        expect(packet.srtp).toBe(srtp);
        const { ka: saidKa = ka, ...said } = packet.sessionKeys;
        expect({ ...said, ka: saidKa }).toEqual({ ke, ka, ks });
      }
    });
});

const REQUESTS = vectorSets(/^request-key-.*\.json$/).map(({ origin, name, set }) => {
  return [`${origin} ${name}`, set as RequestKeyForm] as const;
});

describe.each(REQUESTS)('%s, by node:crypto alone', (_, set) => {
  const { messages, psk, certified, kms } = set;
  const init = readMessage(messages.REQUEST_KEY_INIT.message);
  const resp = readMessage(messages.REQUEST_KEY_RESP.message);
  const hash = set.prfFunc === 1 ? 'sha256' : 'sha1';
  const rand = payloadOf(init, TYPE.rand).octets.subarray(2);
  const shared = Buffer.from(psk ?? certified?.envelopeKey ?? '', 'hex');
  const key = (constant: Parameters<typeof messageKey>[0], bits: number) =>
    messageKey(constant, hash, shared, init.csbId, rand, bits);
  const identities = [...identitiesOf(init, 1), ...identitiesOf(init, 3)];

  it('R-41: the request’s V and the answer’s', () => {
    const authKey = key('2d22ac75', hash === 'sha256' ? 256 : 160);
    for (const [message, said] of [
      ...(psk === undefined ? [] : [[init, messages.REQUEST_KEY_INIT] as const]),
      [resp, messages.REQUEST_KEY_RESP] as const,
    ]) {
      const { from } = payloadOf(message, TYPE.v);
      const covered = message.octets.subarray(0, from + 2);
      const again = mac(hash, authKey, covered, ...identities).toString('hex');
      expect(message.octets.subarray(from + 2).toString('hex')).toBe(again);
      expect([said.mac, said.authKey]).toEqual([again, authKey.toString('hex')]);
    }
    expect(shared.length).toBeGreaterThan(0);
    expect([resp.csbId, timeOf(resp)]).toEqual([init.csbId, timeOf(init)]);
    expect([init.csbId.readUInt32BE(0), timeOf(init).toString('hex')]).toEqual([set.csbId, set.time.T]);
  });

  if (certified !== undefined)
    it('R-41: PKE, CHASH, CERT and SIGN of a request with a certificate', () => {
      const { device, kms: own, authority } = holdersIn(certified);
      for (const { certificate } of [device, own, authority])
        expect(certificate.verify(authority.certificate.publicKey)).toBe(true);
      const after = (type: number, octets: number) => payloadOf(init, type).octets.subarray(octets);
      expect(init.dataType).toBe(20);
      expect(after(TYPE.cert, 4)).toEqual(device.certificate.raw);
      expect(after(TYPE.chash, 2)).toEqual(sha256(own.certificate.raw));
      expect(openedOaep(own.key, after(TYPE.pke, 3))).toEqual({
        ...{ message: certified.envelopeKey, seed: certified.oaepSeed },
      });
      const { from } = payloadOf(init, TYPE.sign);
      const covered = Buffer.concat([init.octets.subarray(0, from + 2), ...identities]);
      const { publicKey } = device.certificate;
      expect(saltOfPss(publicKey, covered, after(TYPE.sign, 2))).toBe(certified.pssSalt);
      const altered = Buffer.from(covered);
      altered.writeUInt8(altered.readUInt8(0) ^ 1, 0);
      expect(saltOfPss(publicKey, altered, after(TYPE.sign, 2))).toBeNull();
    });

  it('R-41: what KEMAC holds: private keys with their periods, and seeds that follow from the LI root', () => {
    const { octets } = payloadOf(resp, TYPE.kemac);
    const encrData = octets.subarray(4, 4 + octets.readUInt16BE(2));
    const [encrKey, saltKey] = [key('150533e1', 128), key('29b88916', 112)];
    const plaintext = counterMode(encrKey, saltKey, init.csbId, timeOf(init), encrData);
    const { REQUEST_KEY_RESP: said } = messages;
    expect([said.plaintext, said.encrKey, said.saltKey]).toEqual(
      [plaintext, encrKey, saltKey].map((each) => each.toString('hex')),
    );
    // NULL: V has the MAC.
    expect(octets.subarray(4 + encrData.length)).toEqual(Buffer.of(0));
    const keys = keysIn(plaintext);
    expect(keys).toEqual(set.issued.map(({ uri, from, to, Sid, seed }) => ({ uri, from, to, Sid, seed })));
    expect(keys.length).toBeGreaterThan(0);
    for (const { uri, from, seed } of keys.filter((each) => each.seed !== undefined)) {
      const identity = identityInfo(kms.own.district, kms.own.serial, uri, from);
      const slot = ((seed!.slotStart ?? from) - from) / 900;
      expect(slotKeyOf(seedOf(kms.own.liRootKey, identity), slot).toString('hex')).toBe(seed!.key);
    }
  });
});
