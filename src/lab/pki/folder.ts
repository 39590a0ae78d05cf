/**
 * A laboratory authority's folder, and the files of the certificates that it issues:
 *
 *     ca.pem, ca.key                    the authority
 *     intermediate.pem, ….key           the one under it that issues, if there is one
 *     crl.pem                           revocation lists: of the authority, then of the one under it
 *     kms.home1.example.pem, ….key      a certificate, by its common name
 *
 * Keys are of mode 0600. What is there is never overwritten, save by a renewal.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { whyOf } from '../../bytes/system-errors.ts';
import { FileError, makeFolder, replaceFile, writeWhole } from '../../storage/files.ts';
import { pemBlocks } from '../../net/chains.ts';
import { CRL_LABEL } from '../../net/revocation.ts';
import { LabError } from '../errors.ts';
import { LabAuthority } from './authority.ts';
import type { IssuedPem, Subject, Validity } from './authority.ts';

export const DAY_MS = 86_400_000;
/** How long an authority of the laboratory, and what it issues, are in force. */
export const AUTHORITY_DAYS = 3650;
export const CERTIFICATE_DAYS = 365;
/** Clocks may differ, and a certificate is often used at once. */
const BACKDATED_MS = 3_600_000;

/** Names of authorities' files. */
const LEVELS = { root: 'ca', intermediate: 'intermediate' } as const;
const LISTS = 'crl.pem';

/** Paths of a certificate and its key. */
export interface CertificateFiles {
  readonly certificate: string;
  readonly privateKey: string;
}

/** How an authority is made. */
export interface AuthorityOrder {
  readonly name: string;
  readonly days: number;
  /** Whether another one under it issues certificates. */
  readonly intermediate?: boolean;
  /** Unix milliseconds. */
  readonly now: number;
}

/** Makes an authority in `folder`, and gives the one that issues. @throws FileError `in-the-way` if there is one */
export async function createAuthority(
  folder: string,
  { name, days, intermediate = false, now }: AuthorityOrder,
): Promise<LabAuthority> {
  for (const level of Object.values(LEVELS)) {
    const { certificate, privateKey } = authorityFiles(folder, level);
    for (const file of [certificate, privateKey])
      if (existsSync(file)) throw new FileError('in-the-way', `${file} exists already: nothing was changed`);
  }
  const root = await LabAuthority.create(name, validityFrom(now, days), { levels: intermediate ? 2 : 1 });
  const issuing = intermediate ? await root.intermediate(`${name} intermediate`) : root;
  makeFolder(folder, 0o700);
  const write = async (level: string, authority: LabAuthority): Promise<void> =>
    writePair(authorityFiles(folder, level), {
      certificate: authority.certificate,
      privateKey: await authority.revealKey(),
    });
  await write(LEVELS.root, root);
  if (intermediate) await write(LEVELS.intermediate, issuing);
  return issuing;
}

/** The authority of a folder that issues certificates. @throws LabError `pki` */
export async function openAuthority(folder: string): Promise<LabAuthority> {
  const [root, intermediate] = await openLevels(folder);
  return intermediate ?? root;
}

/** The authority of a folder, and the one under it if there is one. */
async function openLevels(folder: string): Promise<[LabAuthority, LabAuthority?]> {
  const open = (level: keyof typeof LEVELS): Promise<LabAuthority> => {
    const { certificate, privateKey } = authorityFiles(folder, LEVELS[level]);
    const pem = { certificate: readPem(certificate), privateKey: readPem(privateKey) };
    if ((statSync(privateKey).mode & 0o077) !== 0)
      throw new LabError('pki', `${privateKey} is open to others: chmod 600 it`);
    return LabAuthority.open(pem, folder, level);
  };
  const root = await open('root');
  const hasTwo = existsSync(authorityFiles(folder, LEVELS.intermediate).certificate);
  return hasTwo ? [root, await open('intermediate')] : [root];
}

/**
 * Makes the revocation lists of a folder's authorities anew: with all that they had, and with `files`.
 * @param files certificates that are revoked from now on; none: the same lists, for another time
 * @returns the file of lists, and when they end, Unix milliseconds
 * @throws LabError `pki`: then nothing was changed
 */
export async function revokeIn(
  folder: string,
  files: readonly string[],
  { days, now }: { readonly days: number; readonly now: number },
): Promise<{ readonly file: string; readonly to: number }> {
  const levels = (await openLevels(folder)).filter((level) => level !== undefined);
  const lists = path.join(folder, LISTS);
  const before = existsSync(lists) ? pemBlocks(readPem(lists), CRL_LABEL) : null;
  // What was revoked before is never forgotten.
  const isWhole = before === null || before.length === levels.length;
  if (!isWhole)
    throw new LabError(
      'pki',
      `${lists} has ${before.length} revocation lists, and there are ${levels.length} authorities: remove it to begin anew, and revoke again what it had`,
    );
  const revoked = levels.map((): string[] => []);
  for (const file of files) {
    const pem = readPem(file);
    // On its own list it would have everybody refused, and nobody would know by whom.
    if (levels[0]?.isItself(pem) === true)
      throw new LabError('pki', `${file} is the authority: make another, rather than have it revoke itself`);
    const issued = await Promise.all(levels.map((level) => level.hasIssued(pem)));
    const whose = revoked[issued.indexOf(true)];
    if (whose === undefined) throw new LabError('pki', `${file} was not issued by this authority`);
    whose.push(pem);
  }
  const [root] = levels;
  const validity = validityFrom(now, days, root);
  const made: string[] = [];
  for (const [level, authority] of levels.entries())
    made.push(await authority.list(before?.[level] ?? null, revoked[level] ?? [], validity));
  replaceFile(lists, made.join(''));
  return { file: lists, to: validity.to };
}

/** How the files of a certificate are named: of one name there may be one for TLS and others for REQUEST_KEY. */
export function certificateName({ commonName, use = 'tls' }: Subject): string {
  return use === 'tls' ? commonName : `${commonName}.${use}`;
}

/** Issues a certificate into `folder`. @throws FileError `in-the-way` */
export async function issueInto(
  folder: string,
  authority: LabAuthority,
  subject: Subject,
  validity: Validity,
): Promise<CertificateFiles> {
  const files = pairOf(path.join(folder, certificateName(subject)));
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

function authorityFiles(folder: string, level: string): CertificateFiles {
  return pairOf(path.join(folder, level));
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
    throw new LabError('pki', `cannot read ${file}: ${whyOf(cause)}`, { cause });
  }
}
