/**
 * Roles of peers whose certificates were made elsewhere and do not say them: by the table of the configuration, each
 * row for the certificates of one subject, subject alternative name or fingerprint. A certificate that names roles of
 * ours has those, and none by the table.
 */
import 'reflect-metadata'; // @peculiar/x509 needs it before its own import
import type { X509Certificate as ParsedCertificate } from '@peculiar/x509';
import { Name, SubjectAlternativeNameExtension } from '@peculiar/x509';

/** A row: one of `subject`, `san` and `fingerprint`. */
export interface RoleGrant {
  /** All attributes, in any order: `CN=df, O=Operator, C=DE`. */
  readonly subject?: string | undefined;
  /** One of the DNS names, or of the URIs. */
  readonly san?: string | undefined;
  /** SHA-256 over the certificate, in hex with colons or without. */
  readonly fingerprint?: string | undefined;
  readonly roles: readonly string[];
}

/** The ways in which a row may name certificates. */
export const GRANT_KEYS = ['subject', 'san', 'fingerprint'] as const;

/** What of a certificate is compared with rows. */
export interface GrantedCertificate {
  readonly parsed: ParsedCertificate;
  readonly fingerprint: string;
}

export function grantedRoles(certificate: GrantedCertificate, table: readonly RoleGrant[]): string[] {
  const granted = table.filter((row) => isOf(certificate, row)).flatMap(({ roles }) => roles);
  return [...new Set(granted)];
}

/** The attributes of a subject, as they are compared. @throws Error if it is not a name */
export function subjectAttributes(subject: Name): string {
  const attributes = subject
    .toJSON()
    .flatMap((rdn) =>
      Object.entries(rdn).flatMap(([type, values]) => values.map((value) => JSON.stringify([type, value]))),
    );
  return attributes.sort().join();
}

/** Whether a text is a subject: with an attribute at least, and none empty. */
export function isSubject(text: string): boolean {
  try {
    const values = new Name(text).toJSON().flatMap((rdn) => Object.values(rdn).flat());
    return values.length > 0 && !values.includes('');
  } catch {
    return false;
  }
}

/** A fingerprint in hex as it is compared; `null`: it is not one. */
export function fingerprintHex(text: string): string | null {
  const hex = text.replaceAll(':', '').toLowerCase();
  return /^[0-9a-f]{64}$/.test(hex) ? hex : null;
}

function isOf({ parsed, fingerprint }: GrantedCertificate, row: RoleGrant): boolean {
  const { subject, san } = row;
  if (row.fingerprint !== undefined) return fingerprintHex(row.fingerprint) === fingerprintHex(fingerprint);
  if (subject !== undefined) {
    return subjectAttributes(new Name(subject)) === subjectAttributes(parsed.subjectName);
  }
  const names = parsed.getExtension(SubjectAlternativeNameExtension)?.names.items ?? [];
  return names.some(({ type, value }) =>
    type === 'dns' ? value.toLowerCase() === san?.toLowerCase() : type === 'url' && value === san,
  );
}
