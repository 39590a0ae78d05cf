/**
 * Certificates that come in messages instead of a TLS handshake (RFC 5280 section 6): whether a chain leads to an authority
 * that is known here, whether all of it is in force, and whether a list says otherwise.
 *
 *     own certificate ◄─issued─ … ◄─issued─ one of the authorities
 *
 * It is walked down from the authority, so that a signature is verified with a key that is known to be of an authority, and
 * never with one that whoever sent the chain has chosen.
 */
import 'reflect-metadata'; // @peculiar/x509 needs it before its own import
import { X509Certificate } from 'node:crypto';
import {
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509Certificate as ParsedCertificate,
} from '@peculiar/x509';
import { equalOctets } from '../bytes/octets.ts';
import { hasIssued, mayNotIssue } from './chains.ts';
import type { RevocationLists } from './revocation.ts';

/** Why a chain is not taken. */
export type ChainFault =
  /** No authority that is known here has issued any of it, or the order is not right. */
  | 'untrusted'
  /** Not in force any more, or not yet. */
  | 'expired'
  | 'not-yet-valid'
  | 'revoked'
  /** There are lists, but none in force of an authority in the chain. */
  | 'unlisted';

/** Whom chains must lead to. */
export interface KnownAuthorities {
  readonly authorities: readonly X509Certificate[];
  /** Absent: nobody is taken for revoked. */
  readonly revocation?: RevocationLists | undefined;
}

/** A certificate in DER, all of it; `null`: it is none. */
export function readDerCertificate(der: Uint8Array): X509Certificate | null {
  try {
    const certificate = new X509Certificate(der);
    // What Node.js reads may be PEM, too, and have octets behind it.
    return equalOctets(new Uint8Array(certificate.raw), der) ? certificate : null;
  } catch {
    return null;
  }
}

/**
 * What is wrong with a chain, the own certificate first; `null`: nothing.
 * @param now Unix milliseconds
 */
export function chainFault(
  chain: readonly X509Certificate[],
  known: KnownAuthorities,
  now: number,
): ChainFault | null {
  for (const [at, certificate] of chain.entries()) {
    const anchor = known.authorities.find((each) => hasIssued(each, certificate));
    if (anchor === undefined) continue;
    return walkedDown([...chain.slice(0, at + 1), anchor], known, now);
  }
  return 'untrusted';
}

/** Addresses (uniformResourceIdentifier) among the subject alternative names. */
export function uriNamesOf({ raw }: Pick<X509Certificate, 'raw'>): readonly string[] {
  const names = new ParsedCertificate(raw).getExtension(SubjectAlternativeNameExtension)?.names.items ?? [];
  return names.filter(({ type }) => type === 'url').map(({ value }) => value);
}

/** What a key may be for (RFC 5280 section 4.2.1.3): signatures, or keys that are encrypted to it. */
export type CertifiedUsage = 'digitalSignature' | 'keyEncipherment';

/** Whether the key of a certificate may be used so. */
export function mayBeUsedFor({ raw }: Pick<X509Certificate, 'raw'>, usage: CertifiedUsage): boolean {
  const usages = new ParsedCertificate(raw).getExtension(KeyUsagesExtension)?.usages;
  return usages === undefined || (usages & KeyUsageFlags[usage]) !== 0;
}

/** Whether a certificate is in force: `null`, or why not. @param now Unix milliseconds */
export function timeFault(
  { validFrom, validTo }: Pick<X509Certificate, 'validFrom' | 'validTo'>,
  now: number,
): 'expired' | 'not-yet-valid' | null {
  if (now > Date.parse(validTo)) return 'expired';
  return now < Date.parse(validFrom) ? 'not-yet-valid' : null;
}

/* ---------------------------------------------------------------- helpers */

/** @param path the last one is known here, and has issued the one before it */
function walkedDown(
  path: readonly X509Certificate[],
  { revocation }: KnownAuthorities,
  now: number,
): ChainFault | null {
  for (let at = path.length - 2; at >= 0; at--) {
    const [certificate, issuer] = [path[at], path[at + 1]];
    if (certificate === undefined || issuer === undefined || !hasIssued(issuer, certificate))
      return 'untrusted';
    if (mayNotIssue(issuer, at) !== null) return 'untrusted';
    const fault = timeFault(issuer, now) ?? timeFault(certificate, now);
    if (fault !== null) return fault;
    const standing = revocation?.standingOf(certificate, issuer, now) ?? 'good';
    if (standing !== 'good') return standing;
  }
  return null;
}
