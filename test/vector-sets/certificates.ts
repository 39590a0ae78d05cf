/** An authority, and certificates that it has issued for REQUEST_KEY: keys, numbers and signatures follow from the seed. */
import 'reflect-metadata'; // @peculiar/x509 needs it before its own import
import { createPublicKey, webcrypto, X509Certificate, type KeyObject } from 'node:crypto';
import {
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
  type Extension,
} from '@peculiar/x509';
import { toHex } from '../../src/bytes/octets.ts';
import { rsaKey } from './seeded-rsa.ts';

const DAY_MS = 86_400_000;
/** Its signatures have no randomness of their own. */
const RSA = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };

export interface Holder {
  readonly certificate: X509Certificate;
  readonly privateKey: KeyObject;
}

/** Who takes part in a REQUEST_KEY with certificates. */
export interface Certified {
  readonly authority: Holder;
  readonly device: Holder;
  readonly kms: Holder;
}

/**
 * @param draw octets, as many as are asked for
 * @param now Unix milliseconds; all are in force a day around it
 * @param uri the identity that the device's certificate bears
 */
export async function certified(
  draw: (octets: number) => Uint8Array,
  now: number,
  uri: string,
): Promise<Certified> {
  const validity = { notBefore: new Date(now - DAY_MS), notAfter: new Date(now + DAY_MS) };
  const own = rsaKey(draw);
  const issue = async (name: string, privateKey: KeyObject, extensions: Extension[]): Promise<Holder> => {
    const { rawData } = await X509CertificateGenerator.create({
      ...validity,
      serialNumber: toHex(Uint8Array.of(0x40, ...draw(15))),
      ...{ subject: `CN=${name}`, issuer: 'CN=Operator' },
      publicKey: await imported('spki', createPublicKey(privateKey)),
      ...{ signingAlgorithm: RSA, signingKey: await imported('pkcs8', own) },
      extensions,
    });
    return { certificate: new X509Certificate(Buffer.from(rawData)), privateKey };
  };
  const leaf = (usage: KeyUsageFlags) => [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(usage, true),
  ];
  return {
    authority: await issue('Operator', own, [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
    ]),
    device: await issue('alice', rsaKey(draw), [
      ...leaf(KeyUsageFlags.digitalSignature),
      new SubjectAlternativeNameExtension([{ type: 'url', value: uri }]),
    ]),
    kms: await issue('kms', rsaKey(draw), leaf(KeyUsageFlags.keyEncipherment)),
  };
}

function imported(format: 'spki' | 'pkcs8', key: KeyObject): Promise<webcrypto.CryptoKey> {
  const der = key.export({ type: format, format: 'der' });
  return webcrypto.subtle.importKey(format, der, RSA, true, [format === 'spki' ? 'verify' : 'sign']);
}
