/** get_keys for either party of the exchange vectors. */
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { fromUtf8 } from '../../../../src/bytes/octets.ts';
import { encodeGetKeysResponse } from '../../../../src/wire/xk/get-keys.ts';
import { FILES, homesOf, loadVector, type Vector } from '../../../ibake/support/vectors.ts';
import { TestRecords, ask, spelt } from './support/kms.ts';
import { PARTS, recordsOf, requestOf } from './support/questions.ts';

/** Hex of the octets of an integer. */
const octetsOf = (integer: string) => {
  const hex = integer.slice(2);
  return hex.padStart(hex.length + (hex.length % 2), '0');
};

describe.each(FILES)('%s', (file) => {
  describe.each(PARTS)('with the %s as target', (part) => {
    const keysOf = (vector: Vector) =>
      vector.keys.cryptoSessions.map(({ direction: _, ...session }) => session);

    it.each([
      ['all four messages', {}],
      ['R-4: I_MESSAGE_1, R_MESSAGE_1 and I_MESSAGE_2, as table 7B.7.2.1 has it', { rMessage2: null }],
    ])('R-3, R-6, R-9, R-32: the keys of every crypto session, from %s', async (_, change) => {
      const vector = loadVector(file);
      const response = await ask(recordsOf(vector, part), { ...requestOf(vector, part), ...change });
      const expected = { verified: true, cryptoSessions: keysOf(vector) };
      expect(spelt(response)).toEqual(expected);
    });

    it('without I_MESSAGE_2 while the call is being set up', async () => {
      const vector = loadVector(file);
      const request = { ...requestOf(vector, part), iMessage2: null, rMessage2: null };
      // A responder's own SPI is in what the initiator repeats; what is known is no less right.
      const expected = keysOf(vector).map((key) =>
        part === 'responder' && key.csId % 2 === 0 ? { ...key, mki: null } : key,
      );
      const response = spelt(await ask(recordsOf(vector, part), request));
      expect(response).toMatchObject({ verified: part === 'initiator', cryptoSessions: expected });
    });

    it('without I_MESSAGE_2, but with R_MESSAGE_2 that verifies', async () => {
      const vector = loadVector(file);
      const request = { ...requestOf(vector, part), iMessage2: null };
      expect(spelt(await ask(recordsOf(vector, part), request))).toMatchObject({ verified: true });
    });

    it('the answer holds no private key, seed, secret, K_SESSION, MPK or TGK', async () => {
      const vector = loadVector(file);
      const response = await ask(recordsOf(vector, part), requestOf(vector, part));
      const json = fromUtf8(encodeGetKeysResponse(response).expose());
      const { kSession, mpk, tgk } = vector.keys;
      const { liSeed } = vector.kms[part].user;
      const integers = [vector.x, vector.y, vector.kms[part].masterSecret].map(octetsOf);
      const slotKeys = vector.recoverableSecrets.map(({ slotKey }) => slotKey);
      for (const hex of [kSession, mpk, tgk, liSeed, vector.kms[part].liRootKey, ...integers, ...slotKeys]) {
        const octets = Buffer.from(hex, 'hex');
        expect(json).not.toContain(octets.toString('base64').slice(0, 40));
        expect(json).not.toContain(hex);
      }
      expect(inspect(response, { depth: 9 })).not.toContain(vector.keys.cryptoSessions[0]!.tek);
    });

    it('R-9: the other home’s KMS, with every record of its own, answers nothing for this party', async () => {
      const vector = loadVector(file);
      const other = part === 'initiator' ? 'responder' : 'initiator';
      const records = new TestRecords(homesOf(vector)[other], [vector.kms[part].user.uri]);
      const answer = spelt(await ask(records, requestOf(vector, part)));
      // Where both parties are of one home, it is that home's.
      const isOneHome = vector.kms.initiator.district === vector.kms.responder.district;
      if (isOneHome) expect(answer).toMatchObject({ verified: true });
      else expect(answer).toBe('messages-inconsistent');
    });
  });
});
