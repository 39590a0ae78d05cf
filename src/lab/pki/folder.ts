/**
 * A laboratory authority's folder, and the files of the certificates that it issues:
 *
 *     ca.pem, ca.key                    the authority
 *     kms.home1.example.pem, ….key      a certificate, by its common name
 *
 * Keys are of mode 0600. What is there is never overwritten, save by a renewal.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { FileError, makeFolder, replaceFile, writeWhole } from '../../storage/files.ts';
import { LabError } from '../errors.ts';
import { LabAuthority } from './authority.ts';
import type { IssuedPem, Subject, Validity } from './authority.ts';

export const DAY_MS = 86_400_000;
/** How long an authority of the laboratory, and what it issues, are in force. */
export const AUTHORITY_DAYS = 3650;
export const CERTIFICATE_DAYS = 365;
/** Clocks may differ, and a certificate is often used at once. */
const BACKDATED_MS = 3_600_000;

const CERTIFICATE = 'ca.pem';
const KEY = 'ca.key';

/** Paths of a certificate and its key. */
export interface CertificateFiles {
  readonly certificate: string;
  readonly privateKey: string;
}

/** Makes an authority in `folder`. @param now Unix milliseconds @throws FileError `in-the-way` if there is one */
export async function createAuthority(
  folder: string,
  { name, days, now }: { readonly name: string; readonly days: number; readonly now: number },
): Promise<LabAuthority> {
  const files = authorityFiles(folder);
  for (const file of [files.certificate, files.privateKey])
    if (existsSync(file)) throw new FileError('in-the-way', `${file} exists already: nothing was changed`);
  const authority = await LabAuthority.create(name, validityFrom(now, days));
  makeFolder(folder, 0o700);
  writePair(files, { certificate: authority.certificate, privateKey: await authority.revealKey() });
  return authority;
}

/** The authority of a folder. @throws LabError `pki` */
export async function openAuthority(folder: string): Promise<LabAuthority> {
  const files = authorityFiles(folder);
  const { certificate, privateKey } = files;
  const pem = { certificate: readPem(certificate), privateKey: readPem(privateKey) };
  if ((statSync(privateKey).mode & 0o077) !== 0)
    throw new LabError('pki', `${privateKey} is open to others: chmod 600 it`);
  return LabAuthority.open(pem, folder);
}

/** Issues a certificate into `folder`. @throws FileError `in-the-way` */
export async function issueInto(
  folder: string,
  authority: LabAuthority,
  subject: Subject,
  validity: Validity,
): Promise<CertificateFiles> {
  const files = pairOf(path.join(folder, subject.commonName));
  for (const file of [files.certificate, files.privateKey])
    if (existsSync(file)) throw new FileError('in-the-way', `${file} exists already: nothing was changed`);
  const issued = await authority.issue(subject, validity);
  makeFolder(folder, 0o700);
  writePair(files, issued);
  return files;
}

/**
 * Renews a certificate in its place: with the key that it has, one file is replaced whole, at once.
 * @throws FileError, LabError `pki`
 */
export async function renewInPlace(
  file: string,
  authority: LabAuthority,
  validity: Validity,
  newKey: boolean,
): Promise<CertificateFiles> {
  const files = pairOf(file.replace(/\.pem$/, ''));
  if (!file.endsWith('.pem')) throw new LabError('pki', `${file} does not end in .pem`);
  const old = readPem(file);
  if (newKey) {
    const renewed = await authority.rekey(old, validity, file);
    replaceFile(files.privateKey, renewed.privateKey, 0o600);
    replaceFile(files.certificate, renewed.certificate);
  } else replaceFile(files.certificate, await authority.renew(old, validity, file));
  return files;
}

/** `days` from now, no longer than the authority itself, if one is given. @throws LabError `pki` if that has ended */
export function validityFrom(now: number, days: number, within?: LabAuthority): Validity {
  const { from = -Infinity, to = Infinity } = within?.validity ?? {};
  if (to <= now) throw new LabError('pki', `the authority was in force until ${new Date(to).toISOString()}`);
  return { from: Math.max(from, now - BACKDATED_MS), to: Math.min(to, now + days * DAY_MS) };
}

function authorityFiles(folder: string): CertificateFiles {
  return { certificate: path.join(folder, CERTIFICATE), privateKey: path.join(folder, KEY) };
}

function pairOf(base: string): CertificateFiles {
  return { certificate: `${base}.pem`, privateKey: `${base}.key` };
}

/** The key first: without it the certificate is of no use. */
function writePair(files: CertificateFiles, pem: IssuedPem): void {
  writeWhole(files.privateKey, pem.privateKey, { mode: 0o600, flag: 'wx' });
  writeWhole(files.certificate, pem.certificate, { flag: 'wx' });
}

/** @throws LabError `pki` */
export function readPem(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new LabError('pki', `cannot read ${file}`, { cause });
  }
}
