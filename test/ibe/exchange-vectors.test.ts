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
import { HASHES } from '../../src/ibe/hash.ts';
import { hashToPoint } from '../../src/ibe/hash-to-point.ts';
import { decodeIbeIdentityInfo, encodeIbeIdentityInfo } from '../../src/ibe/identity.ts';
import { OID } from '../../src/ibe/oids.ts';
import { FixedPairing } from '../../src/ibe/fixed-pairing.ts';
import { pairing } from '../../src/ibe/pairing.ts';
import {
  decodeBfPublicParameters,
  encodeBfPublicParameters,
  SECURITY_SIZES,
  validateBfParameters,
} from '../../src/ibe/parameters.ts';
import { wasmEngine } from '../../src/ibe/wasm-engine.ts';
import { periodStart, publicIdentity } from '../../src/ibake/identity.ts';
import { unixSecondsFromNtp } from '../../src/mikey/ntp.ts';
import { vectorFile } from '../support/shared.ts';
import { pointOf } from './support/octets.ts';

type Pair = [string, string];
interface Key {
  uri: string;
  identityDER: string;
  Sid: Pair;
}
interface User extends Key {
  Qid: Pair;
  pairingPpubQid: string;
  aor?: Key;
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
  keyLifetime: number;
  user: User;
}
interface Exchange {
  time: { T1: string; T2: string };
  kms: { initiator: Home; responder: Home };
  messages: Record<string, { message: string; cek?: string; rho?: string }>;
}

const engine = wasmEngine();

/** Every identity that a message may be encrypted to: a user's own and address of record, for the periods of T1 and T2. */
function identitiesOf(home: Home, users: readonly User[], { T1, T2 }: Exchange['time']): Uint8Array[] {
  const uris = new Set(users.flatMap(({ uri, aor }) => [uri, ...(aor === undefined ? [] : [aor.uri])]));
  const periods = new Set(
    [T1, T2].map((t) => periodStart(unixSecondsFromNtp(fromHex(t)).seconds, home.keyLifetime)),
  );
  return [...uris].flatMap((uri) => [...periods].map((period) => publicIdentity(uri, period, home)));
}

/** The hash that goes with q (RFC 5091 section 5.1.2). */
const hashOf = ({ q }: Home) =>
  SECURITY_SIZES.find(({ qBits }) => qBits === BigInt(q).toString(2).length)!.hash;

describe.each(['exchange-1.json', 'exchange-fork-gcm.json'])('%s', (name) => {
  const load = (): Exchange => vectorFile(name) as Exchange;

  describe.each(['initiator', 'responder'] as const)('home of the %s', (role) => {
    const home = (): Home => load().kms[role];
    const params = () => decodeBfPublicParameters(fromBase64(home().bfPublicParametersDER));

    it('bfPublicParametersDER decodes to the numbers given, is valid, and is encoded again octet by octet', () => {
      const v = home();
      const decoded = params();
      expect(decoded).toEqual({
        hash: hashOf(v),
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
      expect(hashToPoint(hashOf(v), fromHex(v.user.identityDER), group)).toEqual(pointOf(v.user.Qid));
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

  it('the ciphertext of every container: made from cek and rho, found in the message, opened both ways', () => {
    const { kms, messages, time } = load();
    const homes = new Map([kms.initiator, kms.responder].map((home) => [home.district, home]));
    let found = 0;
    for (const { message, cek, rho } of Object.values(messages)) {
      if (cek === undefined || rho === undefined) continue;
      const octets = toHex(fromBase64(message));
      for (const home of homes.values()) {
        const params = decodeBfPublicParameters(fromBase64(home.bfPublicParametersDER));
        // rho is as long as the recipient's hash.
        if (2 * HASHES[params.hash].length !== rho.length) continue;
        for (const id of identitiesOf(home, [kms.initiator.user, kms.responder.user], time)) {
          const ciphertext = engine.encrypt(params, id, fromHex(cek), fromHex(rho));
          const block = encodeBfCiphertextBlock(ciphertext);
          if (!octets.includes(toHex(block))) continue;
          found++;
          const decoded = decodeBfCiphertextBlock(block);
          const masterSecret = BigInt(home.masterSecret);
          const sid = engine.extract(params, masterSecret, id);
          expect(engine.decrypt(params, sid, decoded)).toEqual(fromHex(cek));
          expect(engine.decryptWithMaster(params, masterSecret, id, decoded)).toEqual(fromHex(cek));
        }
      }
    }
    expect(found).toBe(Object.values(messages).filter(({ cek }) => cek !== undefined).length);
  });
});
