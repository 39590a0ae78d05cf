/**
 * The TLS profile of every reference point (RFC 9325): TLS 1.2 with forward-secret AEAD suites at least, TLS 1.3 only
 * where `TLSv1.3` is asked for (Xk), X.509 on both sides. What a
 * peer may do is in its certificate: a subject alternative name `urn:claviger:role:ROLE` a role; for certificates of
 * others, which have none of these, it is in a table of the configuration (`role-table.ts`).
 *
 * A bad configuration refuses to start and never falls back to plain text: `loadTls` checks that the files can
 * be read, that the key belongs to the certificate, that the certificate is in force and that the key file is not
 * open to others.
 */
import 'reflect-metadata'; // @peculiar/x509 needs it before its own import
import { constants, createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import type { SecureContextOptions, TLSSocket, TlsOptions } from 'node:tls';
import { SubjectAlternativeNameExtension, X509Certificate as ParsedCertificate } from '@peculiar/x509';
import { RecentlyMade } from '../bytes/recently-made.ts';
import { whyOf } from '../bytes/system-errors.ts';
import { checkChain, readCertificates, subjectText } from './chains.ts';
import { RevocationLists } from './revocation.ts';
import type { ListFile } from './revocation.ts';
import { grantedRoles } from './role-table.ts';
import type { RoleGrant } from './role-table.ts';
import { TlsError } from './tls-error.ts';

/** Paths of PEM files: own certificate (chain), its private key, and the authorities that peers must chain to. */
export interface TlsFiles {
  readonly certificate: string;
  readonly privateKey: string;
  readonly authorities: string;
  /** Lists of what authorities have revoked, PEM or DER; absent: nothing is looked up. */
  readonly revocationLists?: readonly string[];
  /** Roles of certificates that do not say them. */
  readonly roles?: readonly RoleGrant[];
}

/** Whom peers must chain to, as PEM. */
export interface TrustMaterial {
  readonly authorities: string;
  /** Absent: nobody is taken for revoked. */
  readonly revocation?: RevocationLists | undefined;
}

/** PEM texts that have been checked to belong together. */
export interface TlsMaterial extends TrustMaterial {
  readonly certificate: string;
  readonly privateKey: string;
  readonly roles?: readonly RoleGrant[] | undefined;
}

/** What a functional entity is. */
export const ENTITY_ROLES = ['admf', 'df', 'kms', 'cscf', 'gateway', 'lemf', 'mailbox', 'ue'] as const;

type EntityRole = (typeof ENTITY_ROLES)[number];

/**
 * What a person may do at the ADMF, at an entity's admin listener or at a LEMF; a certificate may bear several of them.
 *
 * - `officer` enters, amends, suspends and withdraws warrants
 * - `approver` approves and rejects what another has entered
 * - `auditor` reads everything, the audit log too, and changes nothing
 * - `operator` reads how the system is, and never whom a warrant is about
 * - `analyst` reads at a LEMF what was handed over to it, and what was said
 */
export const PERSON_ROLES = ['officer', 'approver', 'auditor', 'operator', 'analyst'] as const;

export type PersonRole = (typeof PERSON_ROLES)[number];

/** Those that the ADMF's door for officers is for. */
export const OFFICE_ROLES = [
  'officer',
  'approver',
  'auditor',
  'operator',
] as const satisfies readonly PersonRole[];

export type Role = EntityRole | PersonRole;

/** Who is at the other end of a mutually authenticated connection. */
export interface Peer {
  /** Of the subject; of a certificate without one, its first DNS name. */
  readonly commonName: string;
  readonly dnsNames: readonly string[];
  readonly roles: readonly string[];
  /** SHA-256 over the certificate, upper-case hex with colons. */
  readonly fingerprint: string;
}

export const ROLE_PREFIX = 'urn:claviger:role:';

/** RFC 9325 section 4.2: forward secrecy and AEAD; the TLS 1.3 suites come first. */
const CIPHERS = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_AES_128_GCM_SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
].join(':');

/**
 * Reads and checks TLS files.
 * @param now Unix milliseconds, for the validity of the certificate
 * @throws TlsError with a sentence that says what to mend
 */
export function loadTls(files: TlsFiles, now: number): TlsMaterial {
  const material = {
    certificate: readPem(files.certificate, 'certificate'),
    privateKey: readPem(files.privateKey, 'private key'),
    authorities: readPem(files.authorities, 'authorities'),
    roles: files.roles,
  };
  if ((statSync(files.privateKey).mode & 0o077) !== 0) {
    throw new TlsError('tls-configuration', `${files.privateKey} is open to others: chmod 600 it`);
  }
  checkTls(material, now, files.certificate);
  const revocation = loadRevocation(material, files.revocationLists ?? [], now);
  return revocation === null ? material : { ...material, revocation };
}

/**
 * Reads revocation lists: of each authority, and of those in the own chain, there must be one.
 * @returns `null` where no file is named
 * @throws TlsError
 */
export function loadRevocation(
  { authorities, certificate }: Pick<TlsMaterial, 'authorities'> & Partial<Pick<TlsMaterial, 'certificate'>>,
  files: readonly string[],
  now: number,
): RevocationLists | null {
  if (files.length === 0) return null;
  const chain = certificate === undefined ? [] : readCertificates(certificate, 'tls.certificate');
  const issuers = [...readCertificates(authorities, 'tls.authorities'), ...chain.slice(1)];
  const lists = RevocationLists.read(files.map(readList), issuers, now);
  const revoked = chain.find((each) => lists.revokes(each));
  if (revoked !== undefined)
    throw new TlsError(
      'tls-configuration',
      `tls.certificate: ${subjectText(revoked)} is revoked: peers refuse it; get a new certificate`,
    );
  return lists;
}

/** Checks that certificate, key and authorities parse and belong together; `name` is that of the certificate's file. */
export function checkTls(material: TlsMaterial, now: number, name: string): void {
  const chain = readCertificates(material.certificate, name);
  const key = parsed(() => createPrivateKey(material.privateKey), `${name}: its private key does not parse`);
  parsed(() => readCertificates(material.authorities, name), `${name}: the authorities file is not PEM`);
  checkChain(chain, key, name, now);
}

/** Options that both ends share. */
export function secureContext(
  material: TlsMaterial,
  minVersion: 'TLSv1.2' | 'TLSv1.3',
): SecureContextOptions {
  return {
    cert: material.certificate,
    key: material.privateKey,
    ca: material.authorities,
    ...(material.revocation === undefined ? {} : { crl: [...material.revocation.pem] }),
    minVersion,
    ciphers: CIPHERS,
    honorCipherOrder: true,
    sessionTimeout: 300,
  };
}

/** Server options that make every connection a full handshake: no tickets, and no cache that a session could be in. */
export const NO_RESUMPTION: Pick<SecureContextOptions, 'secureOptions'> = {
  secureOptions: constants.SSL_OP_NO_TICKET,
};

/** Server options: a client certificate that chains to the authorities is demanded. */
export function mutualServer(
  material: TlsMaterial,
  minVersion: 'TLSv1.2' | 'TLSv1.3' = 'TLSv1.2',
): TlsOptions {
  return { ...secureContext(material, minVersion), requestCert: true, rejectUnauthorized: true };
}

/**
 * The authenticated peer of a TLS connection: read once a connection, whose certificate stays what it is (TLS 1.3 has no
 * renegotiation, and OpenSSL refuses a client's in TLS 1.2).
 * @param own what one's own end goes by: it may say roles of certificates that do not
 * @throws TlsError if the connection is not authorised or shows no certificate
 */
export function peerOf(socket: TLSSocket, own?: Pick<TlsMaterial, 'roles'>): Peer {
  if (!socket.authorized) throw new TlsError('tls-configuration', 'peer is not authenticated');
  const known = PEERS.get(socket);
  if (known !== undefined && known.roles === own?.roles) return known.peer;
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) throw new TlsError('tls-configuration', 'peer is not authenticated');
  const peer = peerOfCertificate(certificate, own);
  PEERS.set(socket, { roles: own?.roles, peer });
  return peer;
}

/** The peers of connections, each with the table of roles by which it was read: another one is in force after a reload. */
const PEERS = new WeakMap<
  TLSSocket,
  { readonly roles: readonly RoleGrant[] | undefined; readonly peer: Peer }
>();

/** As `peerOf`. */
export function peerOfCertificate(certificate: X509Certificate, own?: Pick<TlsMaterial, 'roles'>): Peer {
  const fingerprint = certificate.fingerprint256;
  const { parsed, commonName, dnsNames, said } = READ.of(fingerprint, () => readNames(certificate));
  const granted = (): string[] => grantedRoles({ parsed, fingerprint }, own?.roles ?? []);
  return {
    commonName,
    dnsNames,
    roles: said.length > 0 ? said : granted(),
    fingerprint,
  };
}

/** What a certificate says, by its fingerprint: peers ask often, and to read it takes as long as to answer them. */
const READ = new RecentlyMade<SaidNames>(256);

interface SaidNames {
  readonly parsed: ParsedCertificate;
  readonly commonName: string;
  readonly dnsNames: readonly string[];
  /** Roles that it bears itself. */
  readonly said: readonly string[];
}

function readNames(certificate: X509Certificate): SaidNames {
  const parsed = new ParsedCertificate(certificate.raw);
  const names = parsed.getExtension(SubjectAlternativeNameExtension)?.names.items ?? [];
  const urls = names.filter((name) => name.type === 'url').map((name) => name.value);
  const dnsNames = names.filter((name) => name.type === 'dns').map((name) => name.value);
  const said = urls.filter((url) => url.startsWith(ROLE_PREFIX)).map((url) => url.slice(ROLE_PREFIX.length));
  const commonName = /^CN=(.+)$/m.exec(certificate.subject)?.[1] ?? dnsNames[0] ?? '';
  return { parsed, commonName, dnsNames, said };
}

/** Whether the peer's certificate carries one of the roles. */
export function hasRole(peer: Pick<Peer, 'roles'>, ...roles: readonly Role[]): boolean {
  return roles.some((role) => peer.roles.includes(role));
}

/** Whether a certificate bears a name, as its common name or one of its DNS names. */
export function isNamed(peer: Pick<Peer, 'commonName' | 'dnsNames'>, name: string): boolean {
  const lower = name.toLowerCase();
  return peer.commonName === name || peer.dnsNames.some((each) => each.toLowerCase() === lower);
}

/** Who may connect: an authority may serve many operators, so a role alone admits nobody. */
export interface Admission {
  readonly roles: readonly Role[];
  /** One of these names must be in the certificate. */
  readonly names: readonly string[];
}

/** Whether a peer has one of the roles and one of the names. */
export function isAdmitted(
  peer: Pick<Peer, 'commonName' | 'dnsNames' | 'roles'>,
  { roles, names }: Admission,
): boolean {
  return hasRole(peer, ...roles) && names.some((name) => isNamed(peer, name));
}

/**
 * Who is admitted in some roles: whom the configuration names, else the entities of the own domain by their usual names:
 * `ROLE.DOMAIN`, where the own certificate is for `ANYTHING.DOMAIN`.
 */
export function admissionOf(
  configured: readonly string[] | undefined,
  own: TlsMaterial,
  roles: readonly Role[],
): Admission {
  if (configured !== undefined) return { roles, names: configured };
  const { commonName } = peerOfCertificate(new X509Certificate(own.certificate));
  const domain = /^[^.]+\.(.+)$/.exec(commonName)?.[1];
  return { roles, names: domain === undefined ? [] : roles.map((role) => `${role}.${domain}`) };
}

/**
 * Checks that the own certificate bears the entity's name and role: others would refuse it, or take it for somebody else.
 * @throws TlsError with a sentence that says what to mend
 */
export function requireOwn(material: TlsMaterial, name: string, role: Role): void {
  const own = peerOfCertificate(new X509Certificate(material.certificate), material);
  if (!isNamed(own, name)) {
    const names = [...new Set([own.commonName, ...own.dnsNames])].join(', ');
    throw new TlsError(
      'tls-configuration',
      `the own certificate is for ${names === '' ? 'nobody' : names}, not for ${name}: mend the name in the configuration, or get a certificate for it`,
    );
  }
  if (!hasRole(own, role))
    throw new TlsError(
      'tls-configuration',
      `the own certificate of ${name} does not have the role ${role}: it needs the subject alternative name ${ROLE_PREFIX}${role}, or a row in tls.roles`,
    );
}

function readPem(file: string, what: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new TlsError('tls-configuration', `cannot read the ${what} file ${file}: ${whyOf(cause)}`, {
      cause,
    });
  }
}

function readList(name: string): ListFile {
  try {
    return { name, octets: new Uint8Array(readFileSync(name)) };
  } catch (cause) {
    throw new TlsError('tls-configuration', `cannot read the revocation list ${name}: ${whyOf(cause)}`, {
      cause,
    });
  }
}

function parsed<T>(read: () => T, problem: string): T {
  try {
    return read();
  } catch (cause) {
    throw new TlsError('tls-configuration', problem, { cause });
  }
}
