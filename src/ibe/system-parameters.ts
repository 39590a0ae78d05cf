/**
 * IBESysParams (RFC 5408 section 4.2): what a district publishes, as DER in base64 (`application/ibe-pp-data`).
 *
 * ```asn1
 * IBESysParams ::= SEQUENCE {
 *   version              INTEGER { v2(2) },
 *   districtName         IA5String,
 *   districtSerial       INTEGER,
 *   validity             ValidityPeriod,
 *   ibePublicParameters  IBEPublicParameters,
 *   ibeIdentityType      OBJECT IDENTIFIER,
 *   ibeParamExtensions   IBEParamExtensions OPTIONAL
 * }
 * ValidityPeriod      ::= SEQUENCE { notBefore GeneralizedTime, notAfter GeneralizedTime }
 * IBEPublicParameters ::= SEQUENCE (1..MAX) OF IBEPublicParameter
 * IBEPublicParameter  ::= SEQUENCE { ibeAlgorithm OBJECT IDENTIFIER, publicParameterData OCTET STRING }
 * IBEParamExtensions  ::= SEQUENCE OF IBEParamExtension
 * IBEParamExtension   ::= SEQUENCE { ibeParamExtensionOID OBJECT IDENTIFIER, ibeParamExtensionValue OCTET STRING }
 * ```
 *
 * The codec keeps unknown algorithms and extensions. `districtParameters` then applies the RFC's rules of use: of the
 * algorithms it takes Boneh–Franklin; an extension that it cannot process forbids the use of the whole structure. That
 * includes pkgURI, whose presence binds clients to the key request protocol of RFC 5408 section 5.
 */
import {
  derGeneralizedTime,
  derIa5,
  derInteger,
  derOctets,
  derOid,
  derSequence,
  type DerReader,
} from '../bytes/der.ts';
import { IBE_VERSION, decodeStrict, decodeVersioned, readSequence } from './codec.ts';
import { IbeError } from './errors.ts';
import { OID } from './oids.ts';
import { decodeBfPublicParameters, encodeBfPublicParameters, type BfParameters } from './parameters.ts';

/** Key lifetime where the extension is absent, seconds. */
export const DEFAULT_KEY_LIFETIME = 86_400;

export interface IbePublicParameter {
  readonly ibeAlgorithm: string;
  readonly publicParameterData: Uint8Array;
}

export interface IbeParamExtension {
  readonly oid: string;
  readonly value: Uint8Array;
}

export interface IbeSysParams {
  readonly districtName: string;
  readonly districtSerial: number;
  /** Unix seconds, both inclusive. */
  readonly validity: { readonly notBefore: number; readonly notAfter: number };
  readonly ibePublicParameters: readonly IbePublicParameter[];
  readonly ibeIdentityType: string;
  readonly ibeParamExtensions: readonly IbeParamExtension[];
}

/** What a sender needs of a district, taken from its IBESysParams or about to become them. */
export interface DistrictParameters {
  readonly district: string;
  readonly serial: number;
  /** Unix seconds. */
  readonly notBefore: number;
  /** Unix seconds. */
  readonly notAfter: number;
  /** Seconds. */
  readonly keyLifetime: number;
  readonly bf: BfParameters;
}

export function encodeIbeSysParams(params: IbeSysParams): Uint8Array {
  const extensions = params.ibeParamExtensions.map(({ oid, value }) =>
    derSequence(derOid(oid), derOctets(value)),
  );
  return derSequence(
    derInteger(IBE_VERSION),
    derIa5(params.districtName),
    derInteger(params.districtSerial),
    derSequence(derGeneralizedTime(params.validity.notBefore), derGeneralizedTime(params.validity.notAfter)),
    derSequence(
      ...params.ibePublicParameters.map(({ ibeAlgorithm, publicParameterData }) =>
        derSequence(derOid(ibeAlgorithm), derOctets(publicParameterData)),
      ),
    ),
    derOid(params.ibeIdentityType),
    ...(extensions.length === 0 ? [] : [derSequence(...extensions)]),
  );
}

/** @throws IbeError `malformed` or `unsupported` (version) */
export function decodeIbeSysParams(der: Uint8Array): IbeSysParams {
  return decodeVersioned(der, 'IBESysParams', (inside) => ({
    districtName: inside.ia5('districtName'),
    districtSerial: inside.small('districtSerial'),
    validity: readSequence(inside, 'validity', (times) => ({
      notBefore: times.generalizedTime('notBefore'),
      notAfter: times.generalizedTime('notAfter'),
    })),
    ibePublicParameters: readPublicParameters(inside),
    ibeIdentityType: inside.oid('ibeIdentityType'),
    ibeParamExtensions: inside.more ? readPairs(inside, 'ibeParamExtensions') : [],
  }));
}

/** The IBESysParams that announce `district`. */
export function sysParamsOf(district: DistrictParameters): IbeSysParams {
  return {
    districtName: district.district,
    districtSerial: district.serial,
    validity: { notBefore: district.notBefore, notAfter: district.notAfter },
    ibePublicParameters: [
      { ibeAlgorithm: OID.bf, publicParameterData: encodeBfPublicParameters(district.bf) },
    ],
    ibeIdentityType: OID.sipIdentity,
    ibeParamExtensions: [{ oid: OID.keyLifetime, value: derInteger(district.keyLifetime) }],
  };
}

/**
 * The Boneh–Franklin district that `params` describe. The group itself is not validated here (`validateBfParameters`).
 * @throws IbeError `unsupported` for what RFC 5408 section 4.2 forbids to use, `malformed` if a part is
 */
export function districtParameters(params: IbeSysParams): DistrictParameters {
  if (params.ibeIdentityType !== OID.sipIdentity) {
    throw new IbeError('unsupported', `IBESysParams: identity type ${params.ibeIdentityType}`);
  }
  const unknown = params.ibeParamExtensions.find(({ oid }) => oid !== OID.keyLifetime);
  if (unknown !== undefined) throw new IbeError('unsupported', `IBESysParams: extension ${unknown.oid}`);
  const bf = params.ibePublicParameters.find(({ ibeAlgorithm }) => ibeAlgorithm === OID.bf);
  if (bf === undefined) throw new IbeError('unsupported', 'IBESysParams: no Boneh–Franklin parameters');
  return {
    district: params.districtName,
    serial: params.districtSerial,
    notBefore: params.validity.notBefore,
    notAfter: params.validity.notAfter,
    keyLifetime: keyLifetime(params),
    bf: decodeBfPublicParameters(bf.publicParameterData),
  };
}

function keyLifetime(params: IbeSysParams): number {
  const extension = params.ibeParamExtensions.find(({ oid }) => oid === OID.keyLifetime);
  if (extension === undefined) return DEFAULT_KEY_LIFETIME;
  return decodeStrict(extension.value, 'key lifetime', (reader) => reader.small('key lifetime', 1));
}

/**
 * A list of object identifiers with octets. An algorithm must not be given twice (RFC 5408 section 4.2); a repeated
 * extension would be ambiguous.
 */
function readPairs(reader: DerReader, what: string): { readonly oid: string; readonly value: Uint8Array }[] {
  const pairs = readSequence(reader, what, (inside) => {
    const list = [];
    while (inside.more)
      list.push(readSequence(inside, what, (pair) => ({ oid: pair.oid(what), value: pair.octets(what) })));
    return list;
  });
  const oids = pairs.map(({ oid }) => oid);
  const twice = oids.find((oid, at) => oids.indexOf(oid) !== at);
  if (twice !== undefined) throw new IbeError('malformed', `${what}: ${twice} twice`);
  return pairs;
}

function readPublicParameters(reader: DerReader): IbePublicParameter[] {
  const pairs = readPairs(reader, 'ibePublicParameters');
  if (pairs.length === 0) throw new IbeError('malformed', 'ibePublicParameters: empty');
  return pairs.map(({ oid, value }) => ({ ibeAlgorithm: oid, publicParameterData: value }));
}
