/**
 * IBEIdentityInfo (RFC 5408 section 3): the identity string that RFC 5091 hashes is this structure's DER. It names the
 * district and the serial of its parameters, so that no two districts or serials share a public key.
 *
 * ```asn1
 * IBEIdentityInfo ::= SEQUENCE {
 *   district        IA5String,
 *   serial          INTEGER,
 *   identityType    OBJECT IDENTIFIER,
 *   identityData    OCTET STRING
 * }
 * ```
 */
import { derIa5, derInteger, derOctets, derOid, derSequence } from '../bytes/der.ts';
import { decodeStrict, readSequence } from './codec.ts';

export interface IbeIdentityInfo {
  /** URI of the district's parameters. */
  readonly district: string;
  /** Serial of the district's parameters; 0 to 2^53 − 1. */
  readonly serial: number;
  /** OBJECT IDENTIFIER in dotted decimal: what `identityData` is. */
  readonly identityType: string;
  readonly identityData: Uint8Array;
}

export function encodeIbeIdentityInfo(info: IbeIdentityInfo): Uint8Array {
  return derSequence(
    derIa5(info.district),
    derInteger(info.serial),
    derOid(info.identityType),
    derOctets(info.identityData),
  );
}

/** @throws IbeError `malformed` */
export function decodeIbeIdentityInfo(der: Uint8Array): IbeIdentityInfo {
  return decodeStrict(der, 'IBEIdentityInfo', (reader) =>
    readSequence(reader, 'IBEIdentityInfo', (inside) => ({
      district: inside.ia5('district'),
      serial: inside.small('serial'),
      identityType: inside.oid('identityType'),
      identityData: inside.octets('identityData'),
    })),
  );
}
