/** Certificates of configurations: whether TLS takes them, how long, and whether they bear the entity's name and role. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isoTime } from '../../bytes/iso-time.ts';
import { readCertificates, subjectText, whyNotTrusted } from '../../net/chains.ts';
import { isNearEnd } from '../../net/revocation.ts';
import {
  hasRole,
  loadRevocation,
  loadTls,
  peerOfCertificate,
  requireOwn,
  ROLE_PREFIX,
} from '../../net/tls.ts';
import { TlsError } from '../../net/tls-error.ts';
import type { Peer, TlsMaterial } from '../../net/tls.ts';
import { chainValidity, listValidity } from '../../net/validity.ts';
import type { TimeInForce } from '../../net/validity.ts';
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
    const { authorities, revocationLists = [] } = checked.config;
    if (certificatesOf(authorities).length === 0) error(`authorities: ${authorities} holds no certificate`);
    else phoneLists(authorities, revocationLists, now, { error, warn });
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
  const chain = certificatesOf(tls.certificate);
  const leaf = new X509Certificate(material.certificate);
  for (const [at, each] of chain.entries()) {
    const which = at === 0 ? tls.certificate : `${subjectText(each)} in ${tls.certificate}`;
    for (const text of endSoon([chainValidity(which, [each])], now)) warn(`tls: ${text}`);
  }
  const why = whyNotTrusted(chain, certificatesOf(tls.authorities), now);
  if (why !== null)
    warn(
      `tls: ${tls.certificate} does not chain to ${tls.authorities}${why === '' ? '' : ` (${why})`}: peers with these authorities refuse it`,
    );
  for (const text of endSoon(listValidity(material.revocation), now)) warn(`tls: ${text}`);
  const peer = peerOfCertificate(leaf, material);
  // What a person or an agency may do is up to whom they ask.
  if (checked.kind === 'officer' || checked.kind === 'analyst' || checked.kind === 'agency')
    return { material, peer };
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

/** What of it has less than 30 days left, a list less than a quarter of its time: a sentence's part each. */
export function endSoon(all: readonly TimeInForce[], now: number): string[] {
  return all.flatMap((each) => {
    const { kind, file, to } = each;
    if (kind === 'revocation-list')
      return isNearEnd(each, now)
        ? [`the revocation list ${file} ends on ${isoTime(to)}: get a new one`]
        : [];
    const days = Math.floor((to - now) / DAY_MS);
    return days < SOON_DAYS ? [`${file} ends in ${days} days, on ${isoTime(to)}: renew it`] : [];
  });
}

/** Tells what is wrong with a phone's revocation lists. */
function phoneLists(
  authorities: string,
  files: readonly string[],
  now: number,
  { error, warn }: Readonly<Record<'error' | 'warn', (text: string) => void>>,
): void {
  try {
    const lists = loadRevocation({ authorities: readFileSync(authorities, 'utf8') }, files, now);
    for (const text of endSoon(listValidity(lists ?? undefined), now)) warn(text);
  } catch (cause) {
    if (!(cause instanceof TlsError)) throw cause;
    error(cause.message.replace('tls.', ''));
  }
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
    case 'mailbox':
    case 'ue':
    case 'officer':
    case 'analyst':
    case 'agency':
      return null;
  }
}

/** Certificates of a PEM file; none where it cannot be read. */
export function certificatesOf(file: string): readonly X509Certificate[] {
  try {
    return readCertificates(readFileSync(file, 'utf8'), file);
  } catch {
    return [];
  }
}
