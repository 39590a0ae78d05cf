/** IBESysParams of RFC 5408 and the profile's key lifetime. */
import { describe, expect, it } from 'vitest';
import { derIa5, derInteger, derNull } from '../../src/bytes/der.ts';
import { OID } from '../../src/ibe/oids.ts';
import {
  decodeIbeSysParams,
  districtParameters,
  encodeIbeSysParams,
  sysParamsOf,
  type IbeSysParams,
} from '../../src/ibe/system-parameters.ts';
import { smallDistricts } from './support/groups.ts';
import { isCanonical, refusesEveryTruncation } from './support/truncation.ts';

const code = (name: string) => expect.objectContaining({ code: name }) as Error;

const district = {
  district: 'https://kms.home1.example/.well-known/ibe',
  serial: 7,
  notBefore: Date.UTC(2027, 0, 1) / 1000,
  notAfter: Date.UTC(2028, 0, 1) / 1000,
  keyLifetime: 86_400,
  bf: smallDistricts()[0]!.params,
};
const sample = sysParamsOf(district);

describe('IBESysParams', () => {
  it('decode(encode(x)) = x, and the district comes back', () => {
    expect(decodeIbeSysParams(encodeIbeSysParams(sample))).toEqual(sample);
    expect(districtParameters(decodeIbeSysParams(encodeIbeSysParams(sample)))).toEqual(district);
  });

  it('cut anywhere, or altered into another encoding, is refused', () => {
    refusesEveryTruncation(encodeIbeSysParams(sample), decodeIbeSysParams);
    isCanonical(encodeIbeSysParams(sample), decodeIbeSysParams, encodeIbeSysParams);
  });

  it('unknown algorithms and extensions survive decoding', () => {
    const more: IbeSysParams = {
      ...sample,
      ibePublicParameters: [
        { ibeAlgorithm: OID.bb1, publicParameterData: derNull() },
        ...sample.ibePublicParameters,
      ],
      ibeParamExtensions: [...sample.ibeParamExtensions, { oid: '1.2.3', value: Uint8Array.of(9) }],
    };
    expect(decodeIbeSysParams(encodeIbeSysParams(more))).toEqual(more);
  });

  it('another algorithm beside Boneh–Franklin does no harm; without Boneh–Franklin there is nothing to use', () => {
    const bb1 = { ibeAlgorithm: OID.bb1, publicParameterData: derNull() };
    const both = { ...sample, ibePublicParameters: [bb1, ...sample.ibePublicParameters] };
    expect(districtParameters(both)).toEqual(district);
    expect(() => districtParameters({ ...sample, ibePublicParameters: [bb1] })).toThrow(code('unsupported'));
  });

  it('an extension that cannot be processed forbids the use of all (RFC 5408 section 4.2)', () => {
    for (const oid of ['1.2.3', OID.pkgUri]) {
      const ibeParamExtensions = [
        ...sample.ibeParamExtensions,
        { oid, value: derIa5('https://pkg.example') },
      ];
      expect(() => districtParameters({ ...sample, ibeParamExtensions })).toThrow(code('unsupported'));
    }
  });

  it('without a key lifetime it is a day; otherwise a positive INTEGER and nothing else', () => {
    const lifetime = (value: Uint8Array) => ({
      ...sample,
      ibeParamExtensions: [{ oid: OID.keyLifetime, value }],
    });
    const none = { ...sample, ibeParamExtensions: [] };
    expect(districtParameters(decodeIbeSysParams(encodeIbeSysParams(none))).keyLifetime).toBe(86_400);
    expect(districtParameters(lifetime(derInteger(3600))).keyLifetime).toBe(3600);
    for (const bad of [
      derInteger(0),
      derInteger(-1),
      derIa5('x'),
      new Uint8Array(),
      Uint8Array.of(2, 2, 0, 9),
      Uint8Array.of(2, 1, 9, 0),
    ]) {
      expect(() => districtParameters(lifetime(bad))).toThrow(code('malformed'));
    }
  });

  it('another identity type is unsupported', () => {
    expect(() => districtParameters({ ...sample, ibeIdentityType: '1.2.3' })).toThrow(code('unsupported'));
  });

  it('an algorithm or an extension given twice, or no algorithm, is malformed', () => {
    const [parameter] = sample.ibePublicParameters;
    const [extension] = sample.ibeParamExtensions;
    for (const bad of [
      { ...sample, ibePublicParameters: [parameter!, parameter!] },
      { ...sample, ibePublicParameters: [] },
      { ...sample, ibeParamExtensions: [extension!, extension!] },
    ]) {
      expect(() => decodeIbeSysParams(encodeIbeSysParams(bad))).toThrow(code('malformed'));
    }
  });
});
