/** Identity-based encryption in the vectors of the profile: districts, identities, keys, pairings, ciphertexts. */
import { describe, expect, it } from 'vitest';
import { fromBase64, fromHex, toBase64, toHex } from '../../src/bytes/octets.ts';
import {
  decodeBfCiphertextBlock,
  decodeBfPrivateKeyBlock,
  encodeBfCiphertextBlock,
  encodeBfPrivateKeyBlock,
} from '../../src/ibe/blocks.ts';
import { canonical } from '../../src/ibe/canonical.ts';
import { groupOf } from '../../src/ibe/group.ts';
import { hashToPoint } from '../../src/ibe/hash-to-point.ts';
import { decodeIbeIdentityInfo, encodeIbeIdentityInfo } from '../../src/ibe/identity.ts';
import { OID } from '../../src/ibe/oids.ts';
import { FixedPairing } from '../../src/ibe/fixed-pairing.ts';
import { pairing } from '../../src/ibe/pairing.ts';
import {
  decodeBfPublicParameters,
  encodeBfPublicParameters,
  validateBfParameters,
} from '../../src/ibe/parameters.ts';
import { wasmEngine } from '../../src/ibe/wasm-engine.ts';
import { missingShared, vectorFile } from '../support/shared.ts';
import { pointOf } from './support/octets.ts';

type Pair = [string, string];
interface Key {
  identityDER: string;
  Sid: Pair;
}
interface Home {
  district: string;
  serial: number;
  p: string;
  q: string;
  P: Pair;
  Ppub: Pair;
  masterSecret: string;
  bfPublicParametersDER: string;
  user: Key & { Qid: Pair; pairingPpubQid: string; aor?: Key };
}
interface Exchange {
  kms: { initiator: Home; responder: Home };
  messages: Record<string, { message: string; cek?: string; rho?: string }>;
}

const engine = wasmEngine();

describe.each(['exchange-1.json', 'exchange-fork-gcm.json'])('%s', (name) => {
  const missing = missingShared(`vectors/${name}`);
  const load = (): Exchange => vectorFile(name) as Exchange;

  describe.skipIf(missing).each(['initiator', 'responder'] as const)('home of the %s', (role) => {
    const home = (): Home => load().kms[role];
    const params = () => decodeBfPublicParameters(fromBase64(home().bfPublicParametersDER));

    it('bfPublicParametersDER decodes to the numbers given, is valid, and is encoded again octet by octet', () => {
      const v = home();
      const decoded = params();
      expect(decoded).toEqual({
        hash: 'sha256',
        p: BigInt(v.p),
        q: BigInt(v.q),
        P: pointOf(v.P),
        Ppub: pointOf(v.Ppub),
      });
      expect(toBase64(encodeBfPublicParameters(decoded))).toBe(v.bfPublicParametersDER);
      expect(() => validateBfParameters(decoded)).not.toThrow();
    });

    it('identityDER names the district and serial, and is encoded again octet by octet', () => {
      const v = home();
      const info = decodeIbeIdentityInfo(fromHex(v.user.identityDER));
      expect(info).toMatchObject({ district: v.district, serial: v.serial, identityType: OID.sipIdentity });
      expect(toHex(encodeIbeIdentityInfo(info))).toBe(v.user.identityDER);
    });

    it('Qid, Sid', () => {
      const v = home();
      const group = groupOf(BigInt(v.p), BigInt(v.q));
      expect(hashToPoint('sha256', fromHex(v.user.identityDER), group)).toEqual(pointOf(v.user.Qid));
      for (const key of [v.user, ...(v.user.aor === undefined ? [] : [v.user.aor])]) {
        const sid = engine.extract(params(), BigInt(v.masterSecret), fromHex(key.identityDER));
        expect(sid).toEqual(pointOf(key.Sid));
        expect(decodeBfPrivateKeyBlock(encodeBfPrivateKeyBlock(sid))).toEqual(sid);
      }
    });

    it('pairingPpubQid, three ways', () => {
      const v = home();
      const { p, Ppub } = params();
      const group = groupOf(p, BigInt(v.q));
      const qid = pointOf(v.user.Qid);
      expect(toHex(canonical(pairing(Ppub, qid, group), 0, p))).toBe(v.user.pairingPpubQid);
      expect(toHex(canonical(new FixedPairing(Ppub, group).pair(qid), 0, p))).toBe(v.user.pairingPpubQid);
      expect(toHex(canonical(new FixedPairing(qid, group).pair(Ppub), 0, p))).toBe(v.user.pairingPpubQid);
    });
  });

  it.skipIf(missing)(
    'the ciphertext of every container: made from cek and rho, found in the message, opened both ways',
    () => {
      const { kms, messages } = load();
      const homes = [kms.initiator, kms.responder];
      let found = 0;
      for (const { message, cek, rho } of Object.values(messages)) {
        if (cek === undefined || rho === undefined) continue;
        const octets = toHex(fromBase64(message));
        for (const home of homes) {
          const params = decodeBfPublicParameters(fromBase64(home.bfPublicParametersDER));
          for (const key of [home.user, ...(home.user.aor === undefined ? [] : [home.user.aor])]) {
            const id = fromHex(key.identityDER);
            const ciphertext = engine.encrypt(params, id, fromHex(cek), fromHex(rho));
            const block = encodeBfCiphertextBlock(ciphertext);
            if (!octets.includes(toHex(block))) continue;
            found++;
            const decoded = decodeBfCiphertextBlock(block);
            expect(engine.decrypt(params, pointOf(key.Sid), decoded)).toEqual(fromHex(cek));
            expect(engine.decryptWithMaster(params, BigInt(home.masterSecret), id, decoded)).toEqual(
              fromHex(cek),
            );
          }
        }
      }
      expect(found).toBe(Object.values(messages).filter(({ cek }) => cek !== undefined).length);
    },
  );
});
