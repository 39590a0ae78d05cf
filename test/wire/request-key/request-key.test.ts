/** Both directions of REQUEST_KEY against each other; the octets are judged in `test/entities/kms`. */
import { describe, expect, it } from 'vitest';
import { Secret } from '../../../src/bytes/secret.ts';
import { ERROR_NO } from '../../../src/mikey/registry.ts';
import { RequestKeyError } from '../../../src/wire/request-key/errors.ts';
import type { IssuedKey } from '../../../src/wire/request-key/issued-keys.ts';
import { decodeIssuedKeys, encodeIssuedKeys } from '../../../src/wire/request-key/issued-keys.ts';
import type { KeyRequest, KmsCredential } from '../../../src/wire/request-key/request.ts';
import {
  decodeKeyRequest,
  isRequestMadeWith,
  makeKeyRequest,
} from '../../../src/wire/request-key/request.ts';
import {
  decodeKeyResponse,
  encodeKeyError,
  encodeKeyResponse,
} from '../../../src/wire/request-key/response.ts';

const psk = Secret.of(new Uint8Array(32).fill(7));
const credential: KmsCredential = {
  name: 'alice-1',
  psk,
  district: 'https://kms.home1.example/.well-known/ibe',
};
const uris = ['sip:alice@home1.example', 'sip:alice@home1.example;gr=phone'];
const TIME = 1_782_550_800;
let drawn = 0;
const random = { bytes: (count: number) => new Uint8Array(count).fill(++drawn) };

function sent(from: number | null = null, to: number | null = null) {
  return makeKeyRequest(credential, { uris, time: TIME * 1000, wanted: { from, to } }, random);
}

function received(octets: Uint8Array): KeyRequest {
  const request = decodeKeyRequest(octets);
  if ('errorNo' in request) throw new Error(`refused: ${request.errorNo}`);
  return request;
}

const keys = (): IssuedKey[] => [
  {
    uri: uris[0]!,
    from: TIME,
    to: TIME + 86_400,
    privateKey: { x: 5n, y: 6n },
    seed: { key: Secret.of(new Uint8Array(32).fill(1)), slotStart: TIME + 900 },
  },
  { uri: uris[1]!, from: TIME, to: TIME + 86_400, privateKey: { x: 7n, y: 8n }, seed: null },
  {
    uri: uris[0]!,
    from: TIME + 86_400,
    to: TIME + 2 * 86_400,
    privateKey: { x: 9n, y: 10n },
    seed: { key: Secret.of(new Uint8Array(32).fill(2)), slotStart: null },
  },
];

/** Keys with their seeds' octets, for comparison. */
const exposed = (issued: readonly IssuedKey[]) =>
  issued.map(({ seed, ...rest }) => ({
    ...rest,
    seed: seed === null ? null : [seed.slotStart, [...seed.key.expose()]],
  }));

describe('REQUEST_KEY under a pre-shared key (RFC 6267 section 4.2.1)', () => {
  it('is read as it was made', () => {
    const request = sent(TIME, TIME + 7);
    expect(received(request.octets)).toMatchObject({
      time: TIME,
      uris,
      proof: { kind: 'psk', credential: 'alice-1' },
      wanted: { from: TIME, to: TIME + 7 },
      csbId: request.csbId,
      rand: request.rand,
    });
    expect(received(sent().octets).wanted).toEqual({ from: null, to: null });
  });

  it('verifies under the key that it was made with, and no octet may change', () => {
    const { octets } = sent();
    expect(isRequestMadeWith(received(octets), psk)).toBe(true);
    expect(isRequestMadeWith(received(octets), Secret.of(new Uint8Array(32)))).toBe(false);
    for (let at = 0; at < octets.length; at++) {
      const altered = octets.map((octet, i) => (i === at ? octet ^ 1 : octet));
      const verdict = () => {
        const request = decodeKeyRequest(altered);
        return 'errorNo' in request ? false : isRequestMadeWith(request, psk);
      };
      try {
        expect(verdict(), `octet ${at}`).toBe(false);
      } catch (error) {
        expect(error).toBeInstanceOf(RequestKeyError);
      }
    }
  });

  it('is answered with keys that its sender alone takes', () => {
    const request = sent();
    const answer = encodeKeyResponse(received(request.octets), psk, keys());
    expect(exposed(decodeKeyResponse(request, psk, answer))).toEqual(exposed(keys()));
    const codes = [
      () => decodeKeyResponse(sent(), psk, answer),
      () => decodeKeyResponse(request, Secret.of(new Uint8Array(32)), answer),
      () => decodeKeyResponse(request, psk, answer.subarray(0, 40)),
    ].map(codeOf);
    expect(codes).toEqual(['other-request', 'unverified', 'malformed']);
  });

  it('an Error message says which error, and is read as refusal', () => {
    const request = sent();
    const error = encodeKeyError({ ...received(request.octets), errorNo: 2 });
    expect(codeOf(() => decodeKeyResponse(request, psk, error))).toBe('refused');
    expect(() => decodeKeyResponse(request, psk, error)).toThrow('the KMS refuses: Invalid PRF');
  });

  it('octets that are not MIKEY are malformed, others get an error number', () => {
    expect(codeOf(() => decodeKeyRequest(Uint8Array.of(1, 2, 3)))).toBe('malformed');
    const answer = encodeKeyResponse(received(sent().octets), psk, keys());
    expect(decodeKeyRequest(answer)).toMatchObject({ errorNo: ERROR_NO['Invalid DT'] });
  });
});

describe('what KEMAC of the answer holds', () => {
  it('is read as it was written', () => {
    expect(exposed(decodeIssuedKeys(encodeIssuedKeys(keys())))).toEqual(exposed(keys()));
  });

  it('a seed of another length, and keys out of order, are refused', () => {
    const [first] = keys();
    const short = { ...first!, seed: { key: Secret.of(new Uint8Array(31)), slotStart: null } };
    expect(codeOf(() => decodeIssuedKeys(encodeIssuedKeys([short])))).toBe('no-keys');
    const octets = encodeIssuedKeys([first!]);
    octets[0] = 14;
    expect(() => decodeIssuedKeys(octets)).toThrow();
  });
});

function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof RequestKeyError) return error.code;
    throw error;
  }
  return 'none';
}
