/**
 * What a KMS takes REQUEST_KEYs with certificates by, from files: the keys that phones encrypt to, and the authorities that have
 * certified phones. They are read at the start, and anew by SIGHUP and `claviger reload`; what is not sound is refused whole.
 */
import type { KeyObject } from 'node:crypto';
import { equalOctets } from '../../bytes/octets.ts';
import { chainFault, mayBeUsedFor, readDerCertificate, uriNamesOf } from '../../net/certified.ts';
import type { KnownAuthorities } from '../../net/certified.ts';
import { readCertificates } from '../../net/chains.ts';
import { readPemFile, readRsaPair } from '../../net/rsa-pair.ts';
import { loadRevocation } from '../../net/tls.ts';
import { chainValidity, listValidity } from '../../net/validity.ts';
import type { TimeInForce } from '../../net/validity.ts';
import { certificateHash } from '../../wire/request-key/signature.ts';
import type { CertificateTrust, RefusedCertificate, TrustedCertificate } from './authentication.ts';
import type { KmsConfig } from './config.ts';

interface Material {
  readonly keys: readonly { readonly hash: Uint8Array; readonly privateKey: KeyObject }[];
  readonly known: KnownAuthorities;
  /** Of the keys, and of lists that are not those of `tls`. */
  readonly validity: readonly TimeInForce[];
  /** Whether it is the same as other. */
  readonly digest: string;
}

export class LiveCertification implements CertificateTrust {
  #material: Material;

  private constructor(material: Material) {
    this.#material = material;
  }

  /** `null`: the KMS takes no certificates. @param now Unix milliseconds @throws TlsError that says what to mend */
  static open(config: KmsConfig, now: number): LiveCertification | null {
    const material = read(config, now);
    return material === null ? null : new LiveCertification(material);
  }

  /** Reads the files anew; whether anything is other than before. @throws TlsError: then what was in force still is */
  reread(config: KmsConfig, now: number): boolean {
    const material = read(config, now);
    if (material === null || material.digest === this.#material.digest) return false;
    this.#material = material;
    return true;
  }

  /** How long what was read is in force; revocation lists of `tls` aside. */
  get validity(): readonly TimeInForce[] {
    return this.#material.validity;
  }

  judge(chain: readonly Uint8Array[], now: number): TrustedCertificate | RefusedCertificate {
    return judgedCertificate(chain, this.#material.known, now);
  }

  keyFor(hash: Uint8Array | null): KeyObject | null {
    const { keys } = this.#material;
    const key = hash === null ? keys[0] : keys.find((each) => equalOctets(each.hash, hash));
    return key?.privateKey ?? null;
  }
}

/** What a chain proves that came in a message. @param now Unix seconds */
export function judgedCertificate(
  octets: readonly Uint8Array[],
  known: KnownAuthorities,
  now: number,
): TrustedCertificate | RefusedCertificate {
  const chain = octets.map(readDerCertificate).filter((each) => each !== null);
  const [own] = chain;
  if (own === undefined || chain.length !== octets.length)
    return { fault: 'unreadable', fingerprint: own?.fingerprint256 ?? null };
  const { fingerprint256: fingerprint } = own;
  const fault = chainFault(chain, known, now * 1000);
  if (fault !== null) return { fault, fingerprint };
  if (own.ca || !mayBeUsedFor(own, 'digitalSignature')) return { fault: 'unsuitable', fingerprint };
  return { publicKey: own.publicKey, names: uriNamesOf(own) };
}

function read({ certificates, tls }: KmsConfig, now: number): Material | null {
  if (certificates === undefined) return null;
  const { keys: pairs, authorities: file = tls.authorities } = certificates;
  const usual = certificates.authorities === undefined ? (tls.revocationLists ?? []) : [];
  const read = pairs.map((pair) => readRsaPair(pair, 'keyEncipherment', now));
  const keyed = pairs.map(({ certificate }, at) => chainValidity(certificate, read[at]?.chain ?? []));
  const keys = read.flatMap(({ chain: [own], privateKey }) =>
    own === undefined ? [] : [{ hash: certificateHash(own), privateKey }],
  );
  const pem = readPemFile(file, 'authorities');
  const authorities = readCertificates(pem, file);
  const revocation =
    loadRevocation({ authorities: pem }, certificates.revocationLists ?? usual, now) ?? undefined;
  const digest = JSON.stringify([pem, revocation?.digest, keys.map(({ hash }) => [...hash])]);
  const listed = certificates.revocationLists === undefined ? [] : listValidity(revocation);
  return { keys, known: { authorities, revocation }, validity: [...keyed, ...listed], digest };
}
