/**
 * Certificate revocation lists (RFC 5280 section 5), PEM or DER.
 *
 *     CertificateList ::= SEQUENCE { tbsCertList, signatureAlgorithm, signatureValue BIT STRING }
 *     tbsCertList     ::= SEQUENCE { version INTEGER OPTIONAL, signature AlgorithmIdentifier, issuer Name, thisUpdate Time,
 *       nextUpdate Time OPTIONAL, revokedCertificates SEQUENCE OF SEQUENCE { serial INTEGER, revocationDate Time, … } OPTIONAL,
 *       crlExtensions [0] OPTIONAL }
 *
 * TLS checks each certificate of a peer's chain against a list of its issuer, and refuses the peer where there is none, or
 * none in force: whoever sets lists needs one of every authority. So a set that lacks one, or that has one that is out of
 * force, broken or signed by somebody else, is refused as a whole.
 */
import { createHash, verify } from 'node:crypto';
import type { X509Certificate } from 'node:crypto';
import { isoTime } from '../bytes/iso-time.ts';
import { derDecode, DerReader } from '../bytes/der.ts';
import { messageOf } from '../bytes/errors.ts';
import { toHex } from '../bytes/octets.ts';
import { pemBlocks, pemOctets, pemText, subjectText } from './chains.ts';
import { TlsError } from './tls-error.ts';

/** Octets of a file of lists at most. */
export const LARGEST_LIST = 16 << 20;
/** RFC 7468 section 6. */
export const CRL_LABEL = 'X509 CRL';

/** A file of lists as it was read. */
export interface ListFile {
  readonly name: string;
  readonly octets: Uint8Array;
}

interface RevocationList {
  readonly file: string;
  /** DER of the issuer's name, in hex. */
  readonly issuer: string;
  /** Unix milliseconds. */
  readonly from: number;
  readonly to: number;
  /** Hex, without leading zeros. */
  readonly serials: ReadonlySet<string>;
  readonly pem: string;
  readonly signed: Uint8Array;
  readonly algorithm: string;
  readonly signature: Uint8Array;
}

/** Signature algorithms by object identifier: the hash that `verify` is told; `null`: none apart. */
const ALGORITHMS: Readonly<Record<string, string | null>> = {
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.3.101.112': null,
  '1.3.101.113': null,
};

/** Lists that have been checked, of all authorities. */
export class RevocationLists {
  readonly #lists: readonly RevocationList[];
  /** One list each, PEM, as TLS takes them. */
  readonly pem: readonly string[];
  /** Whether they are the same as others. */
  readonly digest: string;

  private constructor(lists: readonly RevocationList[]) {
    this.#lists = lists;
    this.pem = lists.map(({ pem }) => pem);
    this.digest = createHash('sha256').update(this.pem.join('\n')).digest('hex');
  }

  /**
   * @param issuers authorities, of each of which there must be a list
   * @param now Unix milliseconds
   * @throws TlsError that names the file, or the authority of which there is none
   */
  static read(files: readonly ListFile[], issuers: readonly X509Certificate[], now: number): RevocationLists {
    const lists = files.flatMap(readLists);
    for (const list of lists) {
      checkTime(list, now);
      checkSigned(list, issuers);
    }
    checkCovered(lists, issuers);
    return new RevocationLists(lists);
  }

  /** Whether a list has a certificate. */
  revokes(certificate: Pick<X509Certificate, 'raw'>): boolean {
    const { issuer, serial } = namesOf(certificate);
    return this.#lists.some((list) => list.issuer === issuer && list.serials.has(serial));
  }

  /**
   * What the lists say of a certificate, where no TLS asks: `unlisted` if none that its issuer has signed is in force, as TLS
   * refuses such a one.
   * @param now Unix milliseconds
   */
  standingOf(
    certificate: Pick<X509Certificate, 'raw'>,
    issuer: X509Certificate,
    now: number,
  ): 'good' | 'revoked' | 'unlisted' {
    const names = namesOf(certificate);
    const lists = this.#lists.filter(
      (list) => list.issuer === names.issuer && list.from <= now && now <= list.to && hasSigned(issuer, list),
    );
    if (lists.length === 0) return 'unlisted';
    return lists.some(({ serials }) => serials.has(names.serial)) ? 'revoked' : 'good';
  }

  /** Of the list that ends first: when it was made and when it ends, Unix milliseconds; `null`: there is none. */
  get firstToEnd(): { readonly file: string; readonly from: number; readonly to: number } | null {
    // Of one authority the newest list counts.
    const newest = new Map<string, RevocationList>();
    for (const list of this.#lists) {
      const known = newest.get(list.issuer);
      if (known === undefined || known.to < list.to) newest.set(list.issuer, list);
    }
    const [first] = [...newest.values()].sort((a, b) => a.to - b.to);
    return first ?? null;
  }
}

/** Whether a list has less than a quarter of its time left. */
export function isNearEnd(
  { from, to }: { readonly from: number; readonly to: number },
  now: number,
): boolean {
  return to - now < (to - from) / 4;
}

function readLists({ name, octets }: ListFile): RevocationList[] {
  if (octets.length > LARGEST_LIST)
    throw problem(`${name}: a revocation list of more than ${LARGEST_LIST} octets`);
  const text = Buffer.from(octets).toString('latin1');
  const isPem = text.includes('-----BEGIN ');
  const blocks = pemBlocks(text, CRL_LABEL);
  if (
    isPem &&
    (blocks.length === 0 || blocks.length !== text.split(`-----BEGIN ${CRL_LABEL}-----`).length - 1)
  )
    throw problem(`${name}: not a revocation list (PEM, ${CRL_LABEL})`);
  const lists = isPem ? blocks.map(pemOctets) : [octets];
  return lists.map((der) => {
    try {
      return readList(name, der);
    } catch (cause) {
      if (cause instanceof TlsError) throw cause;
      throw problem(`${name}: not a revocation list: ${messageOf(cause)}`, cause);
    }
  });
}

function readList(file: string, der: Uint8Array): RevocationList {
  return derDecode(der, 'CertificateList', (outer) => {
    const whole = outer.sequence('CertificateList');
    const tbs = whole.any('tbsCertList');
    const algorithm = whole.sequence('signatureAlgorithm').oid('algorithm');
    const bits = whole.expect('universal', 3, false, 'signatureValue').contents;
    whole.end('CertificateList');
    const list = new DerReader(tbs.contents);
    if (list.nextIs(2, 'universal')) list.small('version', 1, 1);
    list.sequence('signature');
    const issuer = toHex(list.any('issuer').raw);
    const from = timeOf(list, 'thisUpdate');
    if (!isTime(list)) throw problem(`${file}: a revocation list that does not say how long it is in force`);
    const to = timeOf(list, 'nextUpdate');
    const serials = new Set<string>();
    if (list.nextIs(16, 'universal')) {
      const entries = list.sequence('revokedCertificates');
      while (entries.more) serials.add(serialOf(entries.sequence('revokedCertificate')));
    }
    if (list.nextIs(0)) requireKnown(list.context(0, 'crlExtensions').sequence('Extensions'), file);
    list.end('tbsCertList');
    return {
      ...{ file, issuer, from, to, serials, algorithm, pem: pemText(CRL_LABEL, der) },
      ...{ signed: tbs.raw, signature: bits.subarray(1) },
    };
  });
}

/** A list of changes, or of a part, is not one of all that are revoked: its extensions are critical. */
function requireKnown(extensions: DerReader, file: string): void {
  while (extensions.more) {
    const extension = extensions.sequence('Extension');
    const id = extension.oid('extnID');
    if (extension.nextIs(1, 'universal') && extension.boolean('critical'))
      throw problem(
        `${file}: a revocation list with the critical extension ${id}: one of all certificates of its issuer is needed`,
      );
  }
}

function checkTime({ file, from, to }: RevocationList, now: number): void {
  if (now >= from && now <= to) return;
  throw problem(
    `${file}: a revocation list in force from ${isoTime(from)} to ${isoTime(to)} only: get the present one, or set the clock`,
  );
}

/** Of an authority that is not known here TLS sees whether it has signed, should it ever be in a peer's chain. */
function checkSigned(list: RevocationList, issuers: readonly X509Certificate[]): void {
  const named = issuers.filter((each) => namesOf(each).subject === list.issuer);
  const [first] = named;
  if (first === undefined || named.some((each) => hasSigned(each, list))) return;
  throw problem(`${list.file}: a revocation list that ${subjectText(first)} has not signed`);
}

/** There must be a list of each authority. */
function checkCovered(lists: readonly RevocationList[], issuers: readonly X509Certificate[]): void {
  const isCovered = (each: X509Certificate): boolean =>
    lists.some(({ issuer }) => issuer === namesOf(each).subject);
  const without = issuers.find((each) => each.ca && !isCovered(each));
  if (without === undefined) return;
  throw problem(
    `tls.revocationLists: there is no list of ${subjectText(without)}: all peers that it certifies would be refused`,
  );
}

function hasSigned({ publicKey }: X509Certificate, list: RevocationList): boolean {
  const hash = Object.hasOwn(ALGORITHMS, list.algorithm) ? ALGORITHMS[list.algorithm] : undefined;
  if (hash === undefined)
    throw problem(
      `${list.file}: a revocation list signed by an algorithm that is not known (${list.algorithm})`,
    );
  try {
    return verify(hash, list.signed, publicKey, list.signature);
  } catch {
    return false;
  }
}

/** Serial number, issuer and subject of a certificate (RFC 5280 section 4.1), in hex as they are compared. */
function namesOf({ raw }: Pick<X509Certificate, 'raw'>): Record<'serial' | 'issuer' | 'subject', string> {
  const tbs = new DerReader(raw).sequence('Certificate').sequence('tbsCertificate');
  if (tbs.nextIs(0)) tbs.any('version');
  const serial = serialOf(tbs);
  tbs.any('signature');
  const issuer = toHex(tbs.any('issuer').raw);
  tbs.any('validity');
  return { serial, issuer, subject: toHex(tbs.any('subject').raw) };
}

function serialOf(reader: DerReader): string {
  return reader.integer('serialNumber').toString(16);
}

function isTime(reader: DerReader): boolean {
  return reader.nextIs(UTC_TIME, 'universal') || reader.nextIs(24, 'universal');
}

const UTC_TIME = 23;

/** RFC 5280 section 4.1.2.5: `YYMMDDHHMMSSZ` up to 2049, GeneralizedTime from 2050 on. */
function timeOf(reader: DerReader, field: string): number {
  if (!reader.nextIs(UTC_TIME, 'universal')) return reader.generalizedTime(field) * 1000;
  const { contents } = reader.expect('universal', UTC_TIME, false, field);
  const text = Buffer.from(contents).toString('latin1');
  const [, year = '', rest = ''] = /^(\d\d)(\d{10})Z$/.exec(text) ?? [];
  const [month, day, hour, minute, second] = rest.match(/\d\d/g) ?? [];
  const time = Date.parse(
    `${Number(year) < 50 ? '20' : '19'}${year}-${month}-${day}T${hour}:${minute}:${second}Z`,
  );
  if (Number.isNaN(time)) throw new Error(`${field}: not a time`);
  return time;
}

function problem(message: string, cause?: unknown): TlsError {
  return new TlsError('tls-configuration', message, { cause });
}
