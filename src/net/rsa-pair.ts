/** Certificates of RSA keys, and the keys, from files: for what is signed or encrypted in messages, outside of TLS. */
import { createPrivateKey } from 'node:crypto';
import type { KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { isUsableRsaKey, RSA_BITS } from '../bytes/rsa-keys.ts';
import { mayBeUsedFor, timeFault } from './certified.ts';
import type { CertifiedUsage } from './certified.ts';
import { checkChain, readCertificates } from './chains.ts';
import { TlsError } from './tls-error.ts';

export interface RsaPair {
  /** The own certificate first, then those of the authorities between it and a known one. */
  readonly chain: readonly X509Certificate[];
  readonly privateKey: KeyObject;
}

/**
 * A certificate's file and that of its key.
 * @param now Unix milliseconds
 * @throws TlsError with a sentence that says what to mend
 */
export function readRsaPair(
  files: { readonly certificate: string; readonly privateKey: string },
  usage: CertifiedUsage,
  now: number,
): RsaPair {
  const chain = readCertificates(readPemFile(files.certificate, 'certificate'), files.certificate);
  const privateKey = readKey(files.privateKey);
  checkChain(chain, privateKey, files.certificate, now);
  requireUsage(chain, files.certificate, usage);
  return { chain, privateKey };
}

/**
 * The certificate of somebody else, alone in its file or before those of authorities.
 * @param now Unix milliseconds
 * @throws TlsError with a sentence that says what to mend
 */
export function readRsaCertificate(file: string, usage: CertifiedUsage, now: number): X509Certificate {
  const chain = readCertificates(readPemFile(file, 'certificate'), file);
  const own = requireUsage(chain, file, usage);
  if (timeFault(own, now) !== null)
    throw problem(
      `${file}: in force from ${own.validFrom} to ${own.validTo} only: get one that is in force, or set the clock`,
    );
  return own;
}

/** @throws TlsError */
export function readPemFile(file: string, what: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw problem(`cannot read the ${what} file ${file}`, cause);
  }
}

/* ---------------------------------------------------------------- helpers */

function requireUsage(
  [own]: readonly X509Certificate[],
  file: string,
  usage: CertifiedUsage,
): X509Certificate {
  if (own === undefined || !isUsableRsaKey(own.publicKey))
    throw problem(`${file}: REQUEST_KEY takes RSA keys of ${RSA_BITS.least} to ${RSA_BITS.most} bits`);
  if (!mayBeUsedFor(own, usage)) throw problem(`${file}: its key usage lacks ${usage}, for which it is here`);
  return own;
}

function readKey(file: string): KeyObject {
  const text = readPemFile(file, 'private key');
  if ((statSync(file).mode & 0o077) !== 0) throw problem(`${file} is open to others: chmod 600 it`);
  try {
    return createPrivateKey(text);
  } catch (cause) {
    throw problem(`${file}: not a private key in PEM`, cause);
  }
}

function problem(message: string, cause?: unknown): TlsError {
  return new TlsError('tls-configuration', message, { cause });
}
