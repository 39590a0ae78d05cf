/**
 * A certificate authority of a laboratory (RFC 5280): ECDSA P-256, one level or two, with revocation lists. Its key is
 * kept in the clear, in a file of mode 0600. An operator brings certificates of its own, from an authority whose key is
 * better guarded.
 *
 *     root ─issues─► certificates                    ca.pem
 *     root ─issues─► intermediate ─issues─► …        ca.pem, intermediate.pem; a certificate's file has both
 */
import 'reflect-metadata'; // @peculiar/x509 needs it before its own import
import { createPrivateKey, randomBytes, webcrypto, X509Certificate as Certificate } from 'node:crypto';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
  X509Crl,
  X509CrlGenerator,
} from '@peculiar/x509';
import type { Extension, X509CrlEntryParams } from '@peculiar/x509';
import { uriNamesOf } from '../../net/certified.ts';
import { pemBlocks, pemOctets, pemText } from '../../net/chains.ts';
import { CRL_LABEL } from '../../net/revocation.ts';
import { peerOfCertificate, ROLE_PREFIX } from '../../net/tls.ts';
import type { Role } from '../../net/tls.ts';
import { LabError } from '../errors.ts';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** Whom a certificate is for. */
export interface Subject {
  /** Also the certificate's common name and, for X1, the ADMF or NE identifier. */
  readonly commonName: string;
  readonly dnsNames: readonly string[];
  readonly roles: readonly Role[];
  /** Identities that it bears as addresses. */
  readonly uris?: readonly string[];
  /** What its key is for; default: TLS, on either end. */
  readonly use?: CertificateUse;
}

/**
 * What a certificate's key is for: TLS (ECDSA P-256), or REQUEST_KEY (RSA of 2048 bits): that of a device signs, and to that of
 * a KMS devices encrypt.
 */
export type CertificateUse = 'tls' | 'signing' | 'encryption';

/** Unix milliseconds. */
export interface Validity {
  readonly from: number;
  readonly to: number;
}

/** PEM texts. */
export interface IssuedPem {
  readonly certificate: string;
  /** PKCS #8. */
  readonly privateKey: string;
}

/** Whether an authority issues certificates itself, or has another between. */
export interface AuthorityLevels {
  readonly levels?: 1 | 2;
}

export class LabAuthority {
  readonly #keys: Pick<webcrypto.CryptoKeyPair, 'privateKey'>;
  readonly #root: X509Certificate;
  /** What stands behind each certificate that it issues: for a root nothing. */
  readonly #chain: string;
  readonly validity: Validity;

  private constructor(privateKey: webcrypto.CryptoKey, root: X509Certificate, chain = '') {
    this.#keys = { privateKey };
    this.#root = root;
    this.#chain = chain;
    this.validity = { from: root.notBefore.getTime(), to: root.notAfter.getTime() };
  }

  /** A root. */
  static async create(
    name: string,
    validity: Validity,
    { levels = 1 }: AuthorityLevels = {},
  ): Promise<LabAuthority> {
    const keys = await newKeys();
    const by = { name: `CN=${name}`, key: keys.privateKey };
    const root = await certify(by.name, keys.publicKey, by, validity, [
      new BasicConstraintsExtension(true, levels - 1, true),
      AUTHORITY_USAGE,
    ]);
    return new LabAuthority(keys.privateKey, root);
  }

  /** An authority under this one, in force as long as it is. */
  async intermediate(name: string): Promise<LabAuthority> {
    const keys = await newKeys();
    const certificate = await certify(`CN=${name}`, keys.publicKey, this.#issuer, this.validity, [
      new BasicConstraintsExtension(true, 0, true),
      AUTHORITY_USAGE,
      await AuthorityKeyIdentifierExtension.create(this.#root),
    ]);
    return new LabAuthority(keys.privateKey, certificate, pemOf(certificate));
  }

  /** An authority whose files were kept. @param level `intermediate`: it stands behind what it issues @throws LabError `pki` */
  static async open(
    { certificate, privateKey }: IssuedPem,
    name: string,
    level: 'root' | 'intermediate' = 'root',
  ): Promise<LabAuthority> {
    try {
      const given = createPrivateKey(privateKey);
      if (new Certificate(certificate).checkPrivateKey(given)) {
        const der = given.export({ type: 'pkcs8', format: 'der' });
        const key = await webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, true, ['sign']);
        const chain = level === 'root' ? '' : certificate;
        return new LabAuthority(key, new X509Certificate(certificate), chain);
      }
    } catch (cause) {
      throw new LabError('pki', `${name}: the authority's certificate or key cannot be used`, { cause });
    }
    throw new LabError('pki', `${name}: the authority's key belongs to another certificate`);
  }

  /** The authority's own certificate, PEM. */
  get certificate(): string {
    return pemOf(this.#root);
  }

  /** The authority's key, PEM: a secret, for its file alone. */
  revealKey(): Promise<string> {
    return pemOfKey(this.#keys.privateKey);
  }

  /** A certificate with a key of its own, valid on both ends of a connection. */
  async issue(subject: Subject, validity: Validity): Promise<IssuedPem> {
    const { commonName, dnsNames, roles, uris = [], use = 'tls' } = subject;
    const keys = await newKeys(use);
    const names = new SubjectAlternativeNameExtension([
      ...dnsNames.map((value) => ({ type: 'dns' as const, value })),
      ...[...roles.map((role) => ROLE_PREFIX + role), ...uris].map((value) => ({
        type: 'url' as const,
        value,
      })),
    ]);
    const own = { subject: `CN=${commonName}`, names, publicKey: keys.publicKey, use };
    const certificate = await this.#certify(own, validity);
    return { certificate, privateKey: await pemOfKey(keys.privateKey) };
  }

  /**
   * The same certificate for another time, PEM: its subject, names and key.
   * @throws LabError `pki` if it is not one of this authority's
   */
  async renew(pem: string, validity: Validity, name: string): Promise<string> {
    return this.#certify(await this.#ownCertificate(pem, name), validity);
  }

  /** As `renew`, with a new key. @throws LabError `pki` */
  async rekey(pem: string, validity: Validity, name: string): Promise<IssuedPem> {
    const own = await this.#ownCertificate(pem, name);
    const keys = await newKeys(own.use);
    const certificate = await this.#certify({ ...own, publicKey: keys.publicKey }, validity);
    return { certificate, privateKey: await pemOfKey(keys.privateKey) };
  }

  /**
   * A revocation list, PEM.
   * @param before what the last one said, if there was one: all of it is revoked still
   * @param revoked PEM of certificates of this authority
   * @throws LabError `pki`
   */
  async list(before: string | null, revoked: readonly string[], { from, to }: Validity): Promise<string> {
    const known = before === null ? null : await this.#ownList(before);
    const entries = new Map<string, X509CrlEntryParams>();
    for (const { serialNumber, revocationDate } of known?.entries ?? [])
      entries.set(serialNumber, { serialNumber, revocationDate });
    for (const pem of revoked) {
      const { serialNumber } = new X509Certificate(pemBlocks(pem, 'CERTIFICATE')[0] ?? pem);
      if (!entries.has(serialNumber))
        entries.set(serialNumber, { serialNumber, revocationDate: new Date(from) });
    }
    const list = await X509CrlGenerator.create({
      issuer: this.#root.subject,
      thisUpdate: new Date(from),
      nextUpdate: new Date(Math.min(to, this.validity.to)),
      signingAlgorithm: ALGORITHM,
      signingKey: this.#keys.privateKey,
      entries: [...entries.values()],
      extensions: [await AuthorityKeyIdentifierExtension.create(this.#root)],
    });
    return pemText(CRL_LABEL, new Uint8Array(list.rawData));
  }

  /** Whether a certificate is this authority's own. */
  isItself(pem: string): boolean {
    try {
      return new X509Certificate(pemBlocks(pem, 'CERTIFICATE')[0] ?? pem).equal(this.#root);
    } catch {
      return false;
    }
  }

  /** Whether a certificate is one of this authority's. */
  async hasIssued(pem: string): Promise<boolean> {
    try {
      const certificate = new X509Certificate(pemBlocks(pem, 'CERTIFICATE')[0] ?? pem);
      return await certificate.verify({ publicKey: this.#root, signatureOnly: true });
    } catch {
      return false;
    }
  }

  async #ownList(pem: string): Promise<X509Crl> {
    let list: X509Crl | null = null;
    try {
      list = new X509Crl(pemOctets(pem));
      if (await list.verify({ publicKey: this.#root })) return list;
    } catch (cause) {
      if (list === null)
        throw new LabError('pki', 'the revocation list that is there cannot be read', { cause });
    }
    throw new LabError('pki', 'the revocation list that is there was not made by this authority');
  }

  async #ownCertificate(pem: string, name: string): Promise<OwnCertificate> {
    let old: X509Certificate;
    try {
      // Behind it may be those of the authorities.
      old = new X509Certificate(pemBlocks(pem, 'CERTIFICATE')[0] ?? pem);
    } catch (cause) {
      throw new LabError('pki', `${name} is not a certificate`, { cause });
    }
    const isOwn = await old.verify({ publicKey: this.#root, signatureOnly: true }).catch(() => false);
    const names = old.getExtension(SubjectAlternativeNameExtension);
    if (!isOwn || names === null) throw new LabError('pki', `${name} was not issued by this authority`);
    return { subject: old.subject, publicKey: old.publicKey, names, use: useOf(old) };
  }

  async #certify({ subject, names, publicKey, use }: OwnCertificate, validity: Validity): Promise<string> {
    const certificate = await certify(subject, publicKey, this.#issuer, validity, [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(
        use === 'encryption' ? KeyUsageFlags.keyEncipherment : KeyUsageFlags.digitalSignature,
        true,
      ),
      ...(use === 'tls'
        ? [new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth])]
        : []),
      names,
      await AuthorityKeyIdentifierExtension.create(this.#root),
    ]);
    return pemOf(certificate) + this.#chain;
  }

  get #issuer(): Issuer {
    return { name: this.#root.subject, key: this.#keys.privateKey };
  }
}

const AUTHORITY_USAGE = new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true);

type PublicKey = webcrypto.CryptoKey | X509Certificate['publicKey'];

interface Issuer {
  readonly name: string;
  readonly key: webcrypto.CryptoKey;
}

async function certify(
  subject: string,
  publicKey: PublicKey,
  issuer: Issuer,
  { from, to }: Validity,
  extensions: readonly Extension[],
): Promise<X509Certificate> {
  return X509CertificateGenerator.create({
    ...{ serialNumber: newSerial(), subject, issuer: issuer.name, publicKey },
    ...{ notBefore: new Date(from), notAfter: new Date(to) },
    ...{ signingAlgorithm: ALGORITHM, signingKey: issuer.key },
    extensions: [...extensions, await SubjectKeyIdentifierExtension.create(publicKey)],
  });
}

interface OwnCertificate {
  readonly subject: string;
  readonly publicKey: PublicKey;
  readonly names: SubjectAlternativeNameExtension;
  readonly use: CertificateUse;
}

/** What a certificate of this authority was made for. */
function useOf(certificate: X509Certificate): CertificateUse {
  if (certificate.getExtension(ExtendedKeyUsageExtension) !== null) return 'tls';
  const usages = certificate.getExtension(KeyUsagesExtension)?.usages ?? 0;
  return (usages & KeyUsageFlags.keyEncipherment) === 0 ? 'signing' : 'encryption';
}

/** What a certificate says, for people. */
export interface ShownCertificate {
  readonly subject: string;
  readonly issuer: string;
  readonly serial: string;
  readonly dnsNames: readonly string[];
  readonly roles: readonly string[];
  /** Other addresses among its names: the identities of a device. */
  readonly uris: readonly string[];
  /** RFC 3339. */
  readonly from: string;
  readonly to: string;
  /** Whole days until it ends; negative: since it ended. */
  readonly daysLeft: number;
  readonly isAuthority: boolean;
  readonly fingerprint: string;
}

const DAY_MS = 86_400_000;

/** Every certificate of a PEM text, in its order; `null` if it holds none. @param now Unix milliseconds */
export function showCertificates(pem: string, now: number): readonly ShownCertificate[] | null {
  const texts = pemBlocks(pem, 'CERTIFICATE');
  try {
    return texts.length === 0 ? null : texts.map((text) => shownCertificate(new Certificate(text), now));
  } catch {
    return null;
  }
}

function shownCertificate(certificate: Certificate, now: number): ShownCertificate {
  const { dnsNames, roles, fingerprint } = peerOfCertificate(certificate);
  const to = Date.parse(certificate.validTo);
  return {
    subject: certificate.subject.replaceAll('\n', ', '),
    issuer: certificate.issuer.replaceAll('\n', ', '),
    serial: certificate.serialNumber,
    dnsNames,
    roles,
    uris: uriNamesOf(certificate).filter((uri) => !uri.startsWith(ROLE_PREFIX)),
    from: new Date(Date.parse(certificate.validFrom)).toISOString(),
    to: new Date(to).toISOString(),
    daysLeft: Math.floor((to - now) / DAY_MS),
    isAuthority: certificate.ca,
    fingerprint,
  };
}

/** 16 octets; positive, and without a leading zero (RFC 5280 section 4.1.2.2). */
function newSerial(): string {
  const octets = randomBytes(16);
  octets[0] = ((octets[0] ?? 0) & 0x3f) | 0x40;
  return octets.toString('hex');
}

const RSA = {
  name: 'RSASSA-PKCS1-v1_5',
  hash: 'SHA-256',
  modulusLength: 2048,
  publicExponent: Uint8Array.of(1, 0, 1),
};

function newKeys(use: CertificateUse = 'tls'): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(use === 'tls' ? ALGORITHM : RSA, true, ['sign', 'verify']);
}

function pemOf(certificate: X509Certificate): string {
  return certificate.toString('pem') + '\n';
}

async function pemOfKey(key: webcrypto.CryptoKey): Promise<string> {
  return pemText('PRIVATE KEY', new Uint8Array(await webcrypto.subtle.exportKey('pkcs8', key)));
}
