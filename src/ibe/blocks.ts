/**
 * The Boneh–Franklin blocks of RFC 5091 section 8, but for the public parameters (`parameters.ts`).
 *
 * Decoding is about structure: DER, version 2, non-negative minimal integers. Whether a point is reduced and on the
 * curve depends on the district's parameters; the engine judges it, with one answer for all that is wrong.
 *
 * A private key block and a master secret are secrets. The block travels in payloads that are encrypted as a whole and
 * is returned as octets; the master secret rests in a file and is returned as `Secret`. As numbers both are BigInt,
 * which can be neither wiped nor used in constant time.
 */
import { derInteger, derOctets, derSequence } from '../bytes/der.ts';
import { Secret } from '../bytes/secret.ts';
import { IBE_VERSION, decodeVersioned, encodeFpPoint, readFpPoint, readNatural } from './codec.ts';
import type { AffinePoint } from './curve.ts';

/** (U, V, W) of Algorithm 5.4.1. */
export interface BfCiphertext {
  /** [l]P. */
  readonly u: AffinePoint;
  /** The masked rho, hashlen octets. */
  readonly v: Uint8Array;
  /** The masked message. */
  readonly w: Uint8Array;
}

/**
 * ```asn1
 * BFCiphertextBlock ::= SEQUENCE {
 *   version  INTEGER { v2(2) },
 *   u        FpPoint,
 *   v        OCTET STRING,
 *   w        OCTET STRING
 * }
 * ```
 */
export function encodeBfCiphertextBlock(ciphertext: BfCiphertext): Uint8Array {
  return derSequence(
    derInteger(IBE_VERSION),
    encodeFpPoint(ciphertext.u),
    derOctets(ciphertext.v),
    derOctets(ciphertext.w),
  );
}

/** @throws IbeError `malformed` or `unsupported` */
export function decodeBfCiphertextBlock(der: Uint8Array): BfCiphertext {
  return decodeVersioned(der, 'BFCiphertextBlock', (inside) => ({
    u: readFpPoint(inside, 'u'),
    v: inside.octets('v'),
    w: inside.octets('w'),
  }));
}

/**
 * ```asn1
 * BFPrivateKeyBlock ::= SEQUENCE {
 *   version     INTEGER { v2(2) },
 *   privateKey  FpPoint
 * }
 * ```
 */
export function encodeBfPrivateKeyBlock(privateKey: AffinePoint): Uint8Array {
  return derSequence(derInteger(IBE_VERSION), encodeFpPoint(privateKey));
}

/** @throws IbeError `malformed` or `unsupported` */
export function decodeBfPrivateKeyBlock(der: Uint8Array): AffinePoint {
  return decodeVersioned(der, 'BFPrivateKeyBlock', (inside) => readFpPoint(inside, 'privateKey'));
}

/**
 * ```asn1
 * BFMasterSecret ::= SEQUENCE {
 *   version        INTEGER { v2(2) },
 *   masterSecret   INTEGER
 * }
 * ```
 */
export function encodeBfMasterSecret(masterSecret: bigint): Secret {
  return Secret.of(derSequence(derInteger(IBE_VERSION), derInteger(masterSecret)));
}

/** @throws IbeError `malformed` or `unsupported` */
export function decodeBfMasterSecret(der: Secret): bigint {
  return decodeVersioned(der.expose(), 'BFMasterSecret', (inside) => readNatural(inside, 'masterSecret'));
}
