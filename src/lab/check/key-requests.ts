/** Whether a KMS will know a phone by what it proves itself by: a pre-shared key, or a certificate; and how long. */
import type { EndpointConfig, KmsProof } from '../../endpoint/config.ts';
import type { KmsConfig } from '../../entities/kms/config.ts';
import { LiveCertification } from '../../entities/kms/start-certification.ts';
import { chainFault, uriNamesOf } from '../../net/certified.ts';
import { readPemFile, readRsaCertificate, readRsaPair } from '../../net/rsa-pair.ts';
import { loadRevocation } from '../../net/tls.ts';
import { TlsError } from '../../net/tls-error.ts';
import { chainValidity } from '../../net/validity.ts';
import type { TimeInForce } from '../../net/validity.ts';
import { certificatesOf, endSoon } from './certificates.ts';
import type { Checked, ConfigFinding } from './configurations.ts';

type ProofOf<K extends KmsProof['kind']> = Extract<KmsProof, { kind: K }>;

/** What is wrong; `null`: nothing. @param of how the KMS is called in it */
export function wrongKey(
  { credential, psk }: ProofOf<'psk'>,
  { subscribers }: Pick<KmsConfig, 'subscribers'>,
  of: string,
): string | null {
  const device = subscribers.flatMap(({ devices }) => devices).find((each) => each.credential === credential);
  if (device === undefined) return `kms.credential: ${of} has none of that name`;
  if (device.psk === undefined) return `kms.psk: ${of} takes certificates of ${credential} alone`;
  return device.psk.equals(psk) ? null : `kms.psk is not the one that ${of} has`;
}

/**
 * What is wrong with the certificates, keys and lists of key requests that a configuration names, whoever is at the other end;
 * and what of them ends soon.
 * @param now Unix milliseconds
 */
export function certificationFindings(checked: Checked, now: number): ConfigFinding[] {
  const { file } = checked;
  const setting = checked.kind === 'kms' ? 'certificates' : 'kms.certificate';
  const finding = (severity: ConfigFinding['severity'], text: string): ConfigFinding => ({
    ...{ severity, file, text: `${setting}: ${text}` },
  });
  try {
    return endSoon(certificationOf(checked, now), now).map((text) => finding('warning', text));
  } catch (error) {
    if (error instanceof TlsError) return [finding('error', error.message)];
    throw error;
  }
}

/** @throws TlsError */
function certificationOf({ kind, config }: Checked, now: number): readonly TimeInForce[] {
  if (kind === 'kms') return LiveCertification.open(config, now)?.validity ?? [];
  if ((kind !== 'ue' && kind !== 'mailbox') || config.kms.proof.kind !== 'certificate') return [];
  const { proof } = config.kms;
  const theirs = readRsaCertificate(proof.kmsCertificate, 'keyEncipherment', now);
  return [
    chainValidity(proof.certificate, readRsaPair(proof, 'digitalSignature', now).chain),
    chainValidity(proof.kmsCertificate, [theirs]),
  ];
}

/** As `wrongKey`; files that cannot be used are told of whoever names them. @param now Unix milliseconds */
export function wrongCertificate(
  files: ProofOf<'certificate'>,
  { identity, device: own = identity }: Pick<EndpointConfig, 'identity' | 'device'>,
  kms: KmsConfig,
  { of, now }: { readonly of: string; readonly now: number },
): string | null {
  const { certificates, subscribers, tls } = kms;
  const device = subscribers.flatMap(({ devices }) => devices).find((each) => each.identity === own);
  if (certificates === undefined) return `kms.certificate: ${of} takes no certificates`;
  if (device === undefined) return `kms.certificate: ${of} has no device ${own}`;
  if (!device.certified) return `kms.certificate: ${of} takes a pre-shared key of ${own} alone`;
  try {
    const { chain } = readRsaPair(files, 'digitalSignature', now);
    const theirs = readRsaCertificate(files.kmsCertificate, 'keyEncipherment', now);
    const [leaf] = chain;
    if (leaf === undefined || !uriNamesOf(leaf).includes(own))
      return `kms.certificate: ${files.certificate} does not bear ${own}`;
    const keys = certificates.keys.flatMap(({ certificate }) => certificatesOf(certificate).slice(0, 1));
    if (!keys.some(({ fingerprint256 }) => fingerprint256 === theirs.fingerprint256))
      return `kms.certificate.kmsCertificate is not one that ${of} has`;
    const { authorities: file = tls.authorities } = certificates;
    const usual = certificates.authorities === undefined ? (tls.revocationLists ?? []) : [];
    const lists = certificates.revocationLists ?? usual;
    const revocation =
      loadRevocation({ authorities: readPemFile(file, 'authorities') }, lists, now) ?? undefined;
    const fault = chainFault(chain, { authorities: certificatesOf(file), revocation }, now);
    return fault === null ? null : `kms.certificate: ${of} refuses ${files.certificate}: ${fault}`;
  } catch (error) {
    if (error instanceof TlsError) return null;
    throw error;
  }
}
