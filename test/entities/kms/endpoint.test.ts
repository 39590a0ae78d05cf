/** The endpoint's own client against the KMS. */
import { describe, expect, it } from 'vitest';
import { isOnCurve } from '../../../src/ibe/curve.ts';
import { makeKeyRequest } from '../../../src/wire/request-key/request.ts';
import { decodeKeyResponse } from '../../../src/wire/request-key/response.ts';
import { home, psk, exampleHome, exampleTime } from './support/home.ts';

describe("the endpoint's client", () => {
  it('reads what the KMS issues: keys by period, seeds with their slots', async () => {
    const kms = await home();
    const { uri, liSeed, Sid } = exampleHome().user;
    await kms.enrol({
      id: 'alice',
      publicIdentities: [uri],
      aliases: [],
      devices: [{ credential: 'alice-1', psk: psk(1), identity: uri }],
    });
    const credential = { name: 'alice-1', psk: psk(1), district: kms.district.name };
    const wanted = { uris: [uri], time: kms.clock.now(), wanted: { from: null, to: null } };
    const request = makeKeyRequest(credential, wanted, kms.random);
    const answer = await kms.requestKey.answer(request.octets);
    const granted = decodeKeyResponse(request, credential.psk, answer);
    const period = kms.district.periodOf(exampleTime());
    expect(granted.map(({ from, to }) => [from, to])).toEqual([
      [period, period + 86_400],
      [period + 86_400, period + 2 * 86_400],
    ]);
    expect(granted[0]?.privateKey).toEqual({ x: BigInt(Sid[0]), y: BigInt(Sid[1]) });
    expect(
      granted.every(({ privateKey }) => isOnCurve(privateKey, kms.district.serialFor(period)!.bf.p)),
    ).toBe(true);
    expect(granted[0]?.seed?.slotStart).toBe(period + Math.floor((exampleTime() - 300 - period) / 900) * 900);
    expect(granted[1]?.seed?.slotStart, 'the first slot').toBeNull();
    expect(Buffer.from(granted[0]!.seed!.key.expose()).toString('hex')).not.toBe(liSeed);
  });
});
