/** RFC 7616 section 3.9.1 (SHA-256 and MD5 of one exchange) and what a server must refuse. */
import { describe, expect, it } from 'vitest';
import { utf8 } from '../../src/bytes/octets.ts';
import { Secret } from '../../src/bytes/secret.ts';
import {
  authorize,
  bestChallenge,
  formatChallenge,
  parseAuthorization,
  parseChallenge,
  verify,
} from '../../src/sip/digest.ts';
import type { Algorithm } from '../../src/sip/digest.ts';
import { SipError } from '../../src/sip/errors.ts';

const credentials = { username: 'Mufasa', password: Secret.of(utf8('Circle of Life')) };
const use = { cnonce: 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ', nonceCount: 1 };
const request = { method: 'GET', uri: '/dir/index.html' };

function challenge(algorithm: Algorithm) {
  return {
    realm: 'http-auth@example.org',
    nonce: '7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v',
    algorithm,
    opaque: 'FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS',
    stale: false,
  };
}

describe('digest', () => {
  it.each([
    ['MD5', '8ca523f5e9506fed4657c9700eebdbec'],
    ['SHA-256', '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1'],
  ] as const)('RFC 7616 3.9.1 with %s', (algorithm, response) => {
    const value = authorize(challenge(algorithm), credentials, request, use);
    const parsed = parseAuthorization(value)!;
    expect(parsed).toMatchObject({ response, username: 'Mufasa', nonceCount: 1, algorithm });
    expect(verify(parsed, 'GET', credentials.password)).toBe(true);
    expect(verify(parsed, 'POST', credentials.password)).toBe(false);
    expect(verify({ ...parsed, nonceCount: 2 }, 'GET', credentials.password)).toBe(false);
    expect(verify(parsed, 'GET', Secret.of(utf8('circle of life')))).toBe(false);
  });

  it('challenges survive writing and reading; the strongest is chosen', () => {
    const both = [challenge('MD5'), challenge('SHA-256')].map(formatChallenge);
    expect(parseChallenge(both[0]!)).toEqual(challenge('MD5'));
    expect(bestChallenge(both)?.algorithm).toBe('SHA-256');
    expect(
      bestChallenge(['Basic realm="x"', 'Digest realm="x", nonce="y", algorithm=SHA-512-256, qop="auth"']),
    ).toBeNull();
  });

  it('credentials without qop could be replayed for ever and are not taken', () => {
    const value = authorize(challenge('MD5'), credentials, request, use);
    expect(parseAuthorization(value.replace('qop=auth, ', ''))).toBeNull();
    expect(parseAuthorization('NoOneKnowsThisScheme opaque-data=here')).toBeNull();
    expect(() => parseAuthorization(value.replace('nc=00000001', 'nc=1'))).toThrow(SipError);
    expect(() => parseAuthorization('Digest username="x"')).toThrow(SipError);
  });
});
