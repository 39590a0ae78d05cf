/**
 * A certificate authority for one run of the laboratory: ECDSA P-256, a few days of validity, keys in files of mode
 * 0600. An operator brings certificates of its own.
 */
import 'reflect-metadata'; // @peculiar/x509 needs it before its own import
import { webcrypto } from 'node:crypto';
import path from 'node:path';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';
import type { X509Certificate } from '@peculiar/x509';
import { ROLE_PREFIX } from '../../net/tls.ts';
import type { Role, TlsFiles } from '../../net/tls.ts';
import { makeFolder, writeWhole } from '../../storage/files.ts';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const WEEK_MS = 7 * 86_400_000;

export interface Subject {
  /** Also the certificate's common name and, for X1, the ADMF or NE identifier. */
  readonly commonName: string;
  readonly dnsNames: readonly string[];
  readonly roles: readonly Role[];
}

/** Unix milliseconds. */
export interface Validity {
  readonly from: number;
  readonly to: number;
}

export class LabPki {
  readonly #folder: string;
  readonly #keys: webcrypto.CryptoKeyPair;
  readonly #root: X509Certificate;
  readonly #authorities: string;
  readonly #validity: Validity;
  #serial = 1;

  private constructor(
    folder: string,
    keys: webcrypto.CryptoKeyPair,
    root: X509Certificate,
    validity: Validity,
  ) {
    this.#folder = folder;
    this.#keys = keys;
    this.#root = root;
    this.#validity = validity;
    this.#authorities = path.join(folder, 'ca.pem');
    writeWhole(this.#authorities, root.toString('pem') + '\n');
  }

  /** Makes an authority whose files live in `folder`. `validity`: when, or Unix milliseconds that a week around will do. */
  static async create(
    folder: string,
    validity: Validity | number,
    name = 'Claviger laboratory',
  ): Promise<LabPki> {
    const { from, to } =
      typeof validity === 'number' ? { from: validity - WEEK_MS, to: validity + WEEK_MS } : validity;
    makeFolder(folder, 0o700);
    const keys = await newKeys();
    const root = await X509CertificateGenerator.createSelfSigned({
      name: `CN=${name}`,
      notBefore: new Date(from),
      notAfter: new Date(to),
      signingAlgorithm: ALGORITHM,
      keys,
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      ],
    });
    return new LabPki(folder, keys, root, { from, to });
  }

  /** The authority's certificate file. */
  get authorities(): string {
    return this.#authorities;
  }

  /** A certificate for `subject`, valid on both ends of a connection, and its files. */
  async issue(subject: Subject): Promise<TlsFiles> {
    const keys = await newKeys();
    const certificate = await X509CertificateGenerator.create({
      serialNumber: (++this.#serial).toString(16).padStart(4, '0'),
      subject: `CN=${subject.commonName}`,
      issuer: this.#root.subject,
      notBefore: new Date(this.#validity.from),
      notAfter: new Date(this.#validity.to),
      signingAlgorithm: ALGORITHM,
      publicKey: keys.publicKey,
      signingKey: this.#keys.privateKey,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
        new SubjectAlternativeNameExtension([
          ...subject.dnsNames.map((value) => ({ type: 'dns' as const, value })),
          ...subject.roles.map((role) => ({ type: 'url' as const, value: ROLE_PREFIX + role })),
        ]),
      ],
    });
    const files = {
      certificate: path.join(this.#folder, `${subject.commonName}.pem`),
      privateKey: path.join(this.#folder, `${subject.commonName}.key`),
      authorities: this.#authorities,
    };
    writeWhole(files.certificate, certificate.toString('pem') + '\n');
    writeWhole(files.privateKey, await pemOfKey(keys.privateKey), { mode: 0o600 });
    return files;
  }
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

async function pemOfKey(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key)).toString('base64');
  const label = 'PRIVATE KEY';
  return `-----BEGIN ${label}-----\n${der.replace(/(.{64})/g, '$1\n').trimEnd()}\n-----END ${label}-----\n`;
}
