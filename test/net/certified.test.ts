/** Chains of certificates that come in messages: which lead to an authority that is known, and why others do not. */
import { X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { LabAuthority } from '../../src/lab/pki/authority.ts';
import { chainFault, mayBeUsedFor, readDerCertificate, uriNamesOf } from '../../src/net/certified.ts';
import { RevocationLists } from '../../src/net/revocation.ts';

const NOW = Date.UTC(2027, 2, 19);
const DAY = 86_400_000;
const AROUND = { from: NOW - DAY, to: NOW + DAY };
const YEARS = { from: NOW - 1000 * DAY, to: NOW + 1000 * DAY };
const URI = 'sip:alice@home1.example';

let root: LabAuthority;
let between: LabAuthority;
let leaf: X509Certificate;
let direct: X509Certificate;

const read = (pem: string): X509Certificate => new X509Certificate(pem);
const known = (...authorities: LabAuthority[]) => ({
  authorities: authorities.map(({ certificate }) => read(certificate)),
});
const subject = { commonName: 'alice', dnsNames: [], roles: [], uris: [URI] };

beforeAll(async () => {
  root = await LabAuthority.create('Root', YEARS, { levels: 2 });
  between = await root.intermediate('Between');
  leaf = read((await between.issue(subject, AROUND)).certificate);
  direct = read((await root.issue(subject, AROUND)).certificate);
});

describe('R-41: a chain', () => {
  it('leads to an authority, by those between or at once, with the authority in it or not', () => {
    const middle = read(between.certificate);
    expect(chainFault([leaf, middle], known(root), NOW)).toBeNull();
    expect(chainFault([leaf, middle, read(root.certificate)], known(root), NOW)).toBeNull();
    expect(chainFault([leaf], known(between), NOW)).toBeNull();
    expect(chainFault([direct], known(root), NOW)).toBeNull();
  });

  it('is not taken without those between, in another order, or of a stranger of the same name', async () => {
    const stranger = await LabAuthority.create('Root', YEARS, { levels: 2 });
    const middle = read(between.certificate);
    for (const [chain, authorities] of [
      [[leaf], known(root)],
      [[middle, leaf], known(between)],
      [[direct], known(stranger)],
      [[leaf, read(root.certificate)], known(root)],
      [[leaf, direct], known(root)],
      [[], known(root)],
    ] as const)
      expect(chainFault(chain, authorities, NOW)).toBe('untrusted');
  });

  it('through whoever is not an authority, or may have none under it, is not taken', async () => {
    const narrow = await LabAuthority.create('Narrow', YEARS);
    const under = await narrow.intermediate('Under');
    const own = read((await under.issue(subject, AROUND)).certificate);
    expect(chainFault([own, read(under.certificate)], known(narrow), NOW)).toBe('untrusted');
    expect(chainFault([own], known(under), NOW)).toBeNull();
  });

  it('is in force from the first to the last millisecond that it says, and not beside', () => {
    const [from, to] = [Date.parse(leaf.validFrom), Date.parse(leaf.validTo)];
    expect(chainFault([leaf], known(between), from)).toBeNull();
    expect(chainFault([leaf], known(between), from - 1)).toBe('not-yet-valid');
    expect(chainFault([leaf], known(between), to)).toBeNull();
    expect(chainFault([leaf], known(between), to + 1)).toBe('expired');
  });

  it('is held against a list in force of each authority in it', async () => {
    const of = async (...revoked: string[]): Promise<string> => between.list(null, revoked, AROUND);
    const ofRoot = await root.list(null, [], AROUND);
    const issuers = [read(root.certificate), read(between.certificate)];
    const lists = (...pems: string[]) =>
      RevocationLists.read(
        pems.map((pem) => ({ name: 'crl.pem', octets: new Uint8Array(Buffer.from(pem)) })),
        issuers.slice(0, pems.length),
        NOW,
      );
    const chain = [leaf, read(between.certificate)];
    const judged = (revocation: RevocationLists, now = NOW) =>
      chainFault(chain, { ...known(root), revocation }, now);
    expect(judged(lists(ofRoot, await of()))).toBeNull();
    expect(judged(lists(ofRoot, await of(leaf.toString())))).toBe('revoked');
    expect(judged(lists(ofRoot))).toBe('unlisted');
    const short = await between.list(null, [], { from: NOW - DAY, to: NOW + 1000 });
    expect(judged(lists(ofRoot, short), NOW + 2000)).toBe('unlisted');
    const gone = await root.list(null, [between.certificate], AROUND);
    expect(judged(lists(gone, await of()))).toBe('revoked');
  });
});

describe('R-41: a certificate in a message', () => {
  it('is DER, all of it', () => {
    const der = new Uint8Array(leaf.raw);
    expect(readDerCertificate(der)?.fingerprint256).toBe(leaf.fingerprint256);
    expect(readDerCertificate(Uint8Array.of(...der, 0))).toBeNull();
    expect(readDerCertificate(new Uint8Array(Buffer.from(leaf.toString())))).toBeNull();
    for (let length = 0; length < der.length; length += 5)
      expect(readDerCertificate(der.subarray(0, length))).toBeNull();
  });

  it('says addresses, and what its key is for', () => {
    expect(uriNamesOf(leaf)).toEqual([URI]);
    expect([mayBeUsedFor(leaf, 'digitalSignature'), mayBeUsedFor(leaf, 'keyEncipherment')]).toEqual([
      true,
      false,
    ]);
  });
});
