/**
 * Certificates of PEM files, and the chain that an entity shows (RFC 8446 section 4.4.2): its own certificate first, then
 * the authority that issued it, and so on; the last one is issued by an authority that peers know.
 *
 *     own certificate ◄─issued─ intermediate authority ◄─issued─ … ◄─issued─ one of the authorities
 *     shown                     shown                            shown       known to the peer
 *
 * TLS would refuse a chain in disorder only at the peer, where nobody knows why.
 */
import 'reflect-metadata'; // @peculiar/x509 needs it before its own import
import { X509Certificate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { BasicConstraintsExtension, X509Certificate as ParsedCertificate } from '@peculiar/x509';
import { TlsError } from './tls-error.ts';

/** The blocks of a PEM text that have a label, each whole. */
export function pemBlocks(text: string, label: string): string[] {
  return text.match(new RegExp(`-----BEGIN ${label}-----[^-]+-----END ${label}-----`, 'g')) ?? [];
}

/** What a block of PEM holds. */
export function pemOctets(block: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(block.replace(/-----[^-]+-----/g, ''), 'base64'));
}

/** RFC 7468 section 3. */
export function pemText(label: string, der: Uint8Array): string {
  const lines = Buffer.from(der)
    .toString('base64')
    .replace(/(.{64})/g, '$1\n');
  return `-----BEGIN ${label}-----\n${lines.trimEnd()}\n-----END ${label}-----\n`;
}

/**
 * Every certificate of a PEM text, in its order.
 * @param name where it is from, for the error
 * @throws TlsError if there is none, or one does not parse
 */
export function readCertificates(pem: string, name: string): readonly X509Certificate[] {
  const blocks = pemBlocks(pem, 'CERTIFICATE');
  const begun = pem.split('-----BEGIN CERTIFICATE-----').length - 1;
  if (begun === 0) throw problem(`${name}: not a PEM certificate`);
  return Array.from({ length: begun }, (_, at) => {
    try {
      if (begun !== blocks.length) throw new Error('a block without end');
      return new X509Certificate(blocks[at] ?? '');
    } catch (cause) {
      throw problem(
        begun === 1
          ? `${name}: not a PEM certificate`
          : `${name}: of its ${begun} certificates, ${begun === blocks.length ? `number ${at + 1}` : 'one'} does not parse`,
        cause,
      );
    }
  });
}

/**
 * Checks the order of a chain, that each one issued the one before it and may do so, and that all are in force.
 * @param name the file, for errors
 * @param now Unix milliseconds
 * @throws TlsError that names the certificate
 */
export function checkChain(
  chain: readonly X509Certificate[],
  key: KeyObject,
  name: string,
  now: number,
): void {
  const [own] = chain;
  const holder = chain.findIndex((each) => each.checkPrivateKey(key));
  if (holder < 0 || own === undefined)
    throw problem(`${name}: the private key belongs to another certificate`);
  if (holder > 0)
    throw problem(
      `${name}: the private key belongs to ${placeIn(chain, holder)}: put the own certificate first, then its issuer`,
    );
  for (const [at, certificate] of chain.entries()) {
    const named = chain.length === 1 ? name : `${name}: ${placeIn(chain, at)}`;
    checkInForce(certificate, named, now);
    if (at === 0) continue;
    checkIssued(chain, at, named);
    const why = mayNotIssue(certificate, at - 1);
    if (why !== null) throw problem(`${named} ${why}`);
  }
}

/** Whether a certificate of a chain issued the one before it. */
function checkIssued(chain: readonly X509Certificate[], at: number, named: string): void {
  const [before, certificate] = [chain[at - 1], chain[at]];
  if (before === undefined || certificate === undefined || hasIssued(certificate, before)) return;
  throw problem(
    `${named} did not issue ${placeIn(chain, at - 1)}: put each certificate's issuer behind it, the own certificate first`,
  );
}

function checkInForce(certificate: X509Certificate, named: string, now: number): void {
  const { validFrom, validTo } = certificate;
  if (now >= Date.parse(validFrom) && now <= Date.parse(validTo)) return;
  throw problem(
    `${named}: in force from ${validFrom} to ${validTo} only: get one that is in force, or set the clock`,
  );
}

/**
 * Why peers that know `authorities` refuse a chain that is right in itself; `null`: they do not; empty: none of them has
 * issued any of it.
 * @param now Unix milliseconds
 */
export function whyNotTrusted(
  chain: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
  now: number,
): string | null {
  // The authority may stand at the end of the chain, or be somewhere in it.
  for (const [at, certificate] of chain.entries()) {
    const anchors = authorities.filter((each) => hasIssued(each, certificate));
    const reasons = anchors.map((anchor) => {
      const ended = now > Date.parse(anchor.validTo) ? `is in force until ${anchor.validTo} only` : null;
      return ended ?? mayNotIssue(anchor, at);
    });
    if (reasons.includes(null)) return null;
    const [first] = anchors;
    if (first !== undefined) return `${subjectText(first)} ${reasons[0] ?? ''}`;
  }
  return '';
}

/** Whether one certificate was issued by the other. */
export function hasIssued(issuer: X509Certificate, certificate: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

/** Why it may not (RFC 5280 section 4.2.1.9); `null`: it may. @param below authorities between it and the own certificate */
export function mayNotIssue(issuer: X509Certificate, below: number): string | null {
  if (!issuer.ca) return 'is not the certificate of an authority, which alone may issue others';
  const most = new ParsedCertificate(issuer.raw).getExtension(BasicConstraintsExtension)?.pathLength;
  return most !== undefined && most < below
    ? `allows ${most === 0 ? 'no authority' : `${most} authorities at most`} between itself and what is issued`
    : null;
}

function placeIn(chain: readonly X509Certificate[], at: number): string {
  const certificate = chain[at];
  return `certificate ${at + 1}${certificate === undefined ? '' : ` (${subjectText(certificate)})`}`;
}

/** A certificate's subject in one line. */
export function subjectText({ subject, subjectAltName = '' }: X509Certificate): string {
  return (subject || subjectAltName).replaceAll('\n', ', ');
}

function problem(message: string, cause?: unknown): TlsError {
  return new TlsError('tls-configuration', message, { cause });
}
