/** Certificates of configurations: whether TLS takes them, how long, and whether they bear the entity's name and role. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hasRole, loadTls, peerOfCertificate, requireOwn, ROLE_PREFIX, TlsError } from '../../net/tls.ts';
import type { Peer, TlsMaterial } from '../../net/tls.ts';
import type { Checked, ConfigFinding } from './configurations.ts';

const DAY_MS = 86_400_000;
/** A certificate that ends sooner is pointed out. */
const SOON_DAYS = 30;

/** The certificate of a configuration that can be used. */
export interface OwnCertificate {
  readonly material: TlsMaterial;
  readonly peer: Peer;
}

/** Adds what is wrong to `found`. @returns `null`: it has none, or none that can be used @param now Unix milliseconds */
export function ownCertificate(checked: Checked, now: number, found: ConfigFinding[]): OwnCertificate | null {
  const { file } = checked;
  const error = (text: string): void => void found.push({ severity: 'error', file, text });
  const warn = (text: string): void => void found.push({ severity: 'warning', file, text });
  if (checked.kind === 'ue') {
    const { authorities } = checked.config;
    if (certificatesOf(authorities).length === 0) error(`authorities: ${authorities} holds no certificate`);
    return null;
  }
  const { tls } = checked.config;
  let material: TlsMaterial;
  try {
    material = loadTls(tls, now);
  } catch (cause) {
    if (!(cause instanceof TlsError)) throw cause;
    error(`tls: ${cause.message}`);
    return null;
  }
  const leaf = new X509Certificate(material.certificate);
  const days = Math.floor((Date.parse(leaf.validTo) - now) / DAY_MS);
  if (days < SOON_DAYS) warn(`tls: ${tls.certificate} ends in ${days} days, on ${leaf.validTo}: renew it`);
  if (!chains(leaf, certificatesOf(tls.certificate).slice(1), certificatesOf(tls.authorities)))
    warn(
      `tls: ${tls.certificate} does not chain to ${tls.authorities}: peers with these authorities refuse it`,
    );
  const peer = peerOfCertificate(leaf, material);
  // What a person or an agency may do is up to the ADMF.
  if (checked.kind === 'officer' || checked.kind === 'agency') return { material, peer };
  try {
    const name = certifiedName(checked);
    if (name !== null) requireOwn(material, name, checked.kind);
    else if (!hasRole(peer, checked.kind))
      error(
        `tls: the own certificate does not have the role ${checked.kind} (${ROLE_PREFIX}${checked.kind}, or a row in tls.roles)`,
      );
  } catch (cause) {
    if (!(cause instanceof TlsError)) throw cause;
    error(`tls: ${cause.message}`);
  }
  return { material, peer };
}

/** What the entity is called on X1; `null`: nothing. */
export function certifiedName(checked: Checked): string | null {
  switch (checked.kind) {
    case 'kms':
      return checked.config.name;
    case 'admf':
      return checked.config.identifier;
    case 'cscf':
    case 'gateway':
    case 'df':
      return checked.config.x1.identifier;
    case 'lemf':
    case 'ue':
    case 'officer':
    case 'agency':
      return null;
  }
}

/** Whether a certificate is issued by one of `authorities`, over `between`. */
export function chains(
  leaf: X509Certificate,
  between: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
): boolean {
  let at = leaf;
  const left = [...between];
  for (;;) {
    const issued = (by: X509Certificate): boolean => at.checkIssued(by) && at.verify(by.publicKey);
    if (authorities.some(issued)) return true;
    const next = left.findIndex(issued);
    const [found] = next < 0 ? [] : left.splice(next, 1);
    if (found === undefined) return false;
    at = found;
  }
}

/** Certificates of a PEM file; none where it cannot be read. */
export function certificatesOf(file: string): X509Certificate[] {
  try {
    const pem = readFileSync(file, 'utf8');
    const texts = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
    return texts.map((text) => new X509Certificate(text));
  } catch {
    return [];
  }
}
