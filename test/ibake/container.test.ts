/** The container: strict DER both ways, bindings, and what altering it does. */
import { describe, expect, it } from 'vitest';
import { derContents, derImplicitSet, edited, replaceOnce } from './support/der-edit.ts';
import { concat } from '../../src/bytes/octets.ts';
import {
  derImplicit,
  derInteger,
  derOctets,
  derOid,
  derSequence,
  derSet,
  derSetOf,
  tlv,
  type DerValue,
} from '../../src/bytes/der.ts';
import { Secret } from '../../src/bytes/secret.ts';
import {
  decodeContainer,
  hasBindings,
  openContainer,
  sealContainer,
  type Bindings,
  type Container,
} from '../../src/ibake/container.ts';
import { IbakeError } from '../../src/ibake/errors.ts';
import { BINDING_OID, CMS_OID } from '../../src/ibake/oids.ts';
import { sha256 } from '../../src/ibake/sealing.ts';
import { encodeIbeIdentityInfo } from '../../src/ibe/identity.ts';
import { OID } from '../../src/ibe/oids.ts';

const CEK = new Uint8Array(16).fill(7);
const PLAINTEXT = new TextEncoder().encode('the plaintext');
const bindings: Bindings = {
  prefix: sha256(Uint8Array.of(1)),
  esk: sha256(Uint8Array.of(2)),
  transcript: sha256(Uint8Array.of(3)),
};
const recipientIdentity = encodeIbeIdentityInfo({
  district: 'https://kms.home1.example/.well-known/ibe',
  serial: 1,
  identityType: OID.sipIdentity,
  identityData: new Uint8Array(),
});
const encryptedKey = { u: { x: 5n, y: 6n }, v: new Uint8Array(32), w: new Uint8Array(16) };
const nonce = new Uint8Array(12).fill(9);

const isIdentity = ({ raw }: DerValue) => Buffer.compare(raw, recipientIdentity) === 0;

const seal = (change: Partial<Bindings> = {}, cek = CEK) =>
  sealContainer({ recipientIdentity, nonce, cek: Secret.of(cek.slice()), encryptedKey }, PLAINTEXT, {
    ...bindings,
    ...change,
  });
const open = (container: Container, cek: Uint8Array | null = CEK) =>
  openContainer(container, () => cek?.slice() ?? null);

describe('a container', () => {
  it.each([
    ['AES-128-GCM', CEK],
    ['AES-256-GCM', new Uint8Array(32).fill(8)],
  ])('%s: what was sealed is opened', (_, cek) => {
    const container = decodeContainer(seal({}, cek));
    expect(container).toMatchObject({ recipientIdentity, nonce, encryptedKey, bindings });
    expect(open(container, cek)).toEqual(PLAINTEXT);
  });

  it('bindings may be absent, and then are not present', () => {
    const container = decodeContainer(seal({ esk: null, transcript: null }));
    expect(hasBindings(container, { ...bindings, esk: null, transcript: null })).toBe(true);
    expect(hasBindings(container, { ...bindings, transcript: null })).toBe(false);
    expect(hasBindings(container, { ...bindings, esk: null })).toBe(false);
    expect(hasBindings(decodeContainer(seal()), { ...bindings, esk: null })).toBe(false);
    expect(hasBindings(decodeContainer(seal()), { ...bindings, prefix: bindings.transcript! })).toBe(false);
  });

  it('a key that the engine refuses, a wrong one, and one of another length all give nothing', () => {
    const container = decodeContainer(seal());
    for (const cek of [null, new Uint8Array(16), new Uint8Array(32).fill(7), new Uint8Array()])
      expect(open(container, cek)).toBeNull();
  });

  it('the content-encryption key is wiped, whether it opens or not', () => {
    for (const octet of [7, 8]) {
      const cek = new Uint8Array(16).fill(octet);
      const plaintext = openContainer(decodeContainer(seal()), () => cek);
      expect([plaintext === null, [...cek]]).toEqual([octet === 8, Array(16).fill(0)]);
    }
  });

  it('a content encrypted under the key that takes the place of a refused one is not opened', () => {
    expect(open(decodeContainer(seal({}, new Uint8Array(16))), null)).toBeNull();
  });

  it('any octet altered: refused as DER, not opened, or for another recipient or with another key', () => {
    const der = seal();
    for (let at = 0; at < der.length; at++) {
      const altered = der.map((octet, i) => (i === at ? octet ^ 0x01 : octet));
      let container: Container;
      try {
        container = decodeContainer(altered);
      } catch (error) {
        expect(error).toBeInstanceOf(IbakeError);
        continue;
      }
      const isElsewhere =
        Buffer.compare(container.recipientIdentity, recipientIdentity) !== 0 ||
        JSON.stringify([
          String(container.encryptedKey.u.x),
          String(container.encryptedKey.u.y),
          [...container.encryptedKey.v],
          [...container.encryptedKey.w],
        ]) !== JSON.stringify(['5', '6', [...encryptedKey.v], [...encryptedKey.w]]);
      if (!isElsewhere) expect(open(container), `octet ${at}`).toBeNull();
    }
  });

  it('every truncation, and an octet too many, are refused', () => {
    const der = seal();
    for (let length = 0; length < der.length; length++)
      expect(() => decodeContainer(der.subarray(0, length))).toThrow(IbakeError);
    expect(() => decodeContainer(concat(der, Uint8Array.of(0)))).toThrow(IbakeError);
  });
});

describe('what the DER must be', () => {
  const attribute = (oid: string, ...values: Uint8Array[]) => derSequence(derOid(oid), derSet(...values));
  const contentType = attribute(CMS_OID.contentType, derOid(CMS_OID.data));
  const prefix = attribute(BINDING_OID.prefix, derOctets(bindings.prefix));
  const esk = attribute(BINDING_OID.esk, derOctets(bindings.prefix));
  const transcript = attribute(BINDING_OID.transcript, derOctets(bindings.prefix));
  const unsorted = [prefix, esk, contentType].reverse();

  it.each([
    ['no attributes', []],
    ['no content-type', [prefix]],
    ['no binding to the message', [contentType]],
    ['a transcript alone', [contentType, transcript]],
    ['a binding twice', [contentType, prefix, prefix]],
    [
      'two values',
      [contentType, attribute(BINDING_OID.prefix, derOctets(bindings.prefix), derOctets(bindings.prefix))],
    ],
    ['an unknown attribute', [contentType, prefix, attribute('1.2.3', derInteger(1))]],
    ['a hash of 20 octets', [contentType, attribute(BINDING_OID.prefix, derOctets(new Uint8Array(20)))]],
    ['another content type', [attribute(CMS_OID.contentType, derOid('1.2.3')), prefix]],
  ])('attributes: %s is refused', (_, attributes) => {
    expect(() => decodeContainer(withAttributes(derContents(derSetOf(...attributes))))).toThrow(IbakeError);
  });

  it('attributes out of order are refused', () => {
    const sorted = derContents(derSetOf(contentType, prefix, esk));
    expect(decodeContainer(withAttributes(sorted)).bindings.esk).not.toBeNull();
    const contents = concat(...unsorted);
    const wrong = Buffer.compare(contents, sorted) === 0 ? concat(...unsorted.reverse()) : contents;
    expect(() => decodeContainer(withAttributes(wrong))).toThrow(IbakeError);
  });

  const isRecipient = ({ tagClass, number }: DerValue) => tagClass === 'context' && number === 4;
  /** The envelope's own version is the first INTEGER. */
  const isInteger = ({ tagClass, number }: DerValue) => tagClass === 'universal' && number === 2;
  const isMac = ({ raw }: DerValue) => raw[0] === 4 && raw.length === 18;

  it('serverInfo is ignored, unless it is empty or no list of pairs', () => {
    const pair = derSequence(derOid('1.2.3'), derOctets(Uint8Array.of(1)));
    const withServerInfo = (info: Uint8Array) =>
      edited(seal(), isIdentity, (value) => concat(value.raw, info));
    const container = decodeContainer(withServerInfo(derSequence(pair, pair)));
    expect(open(container)).toEqual(PLAINTEXT);
    for (const info of [derSequence(), derSequence(derOid('1.2.3')), derSequence(derSequence(pair))])
      expect(() => decodeContainer(withServerInfo(info))).toThrow(IbakeError);
  });

  it.each<[string, (value: DerValue) => boolean, (value: DerValue) => Uint8Array]>([
    ['originatorInfo', isInteger, ({ raw }) => concat(raw, derImplicit(0, derSequence()))],
    ['version 1', isInteger, () => derInteger(1)],
    ['a second recipient', isRecipient, ({ raw }) => concat(raw, raw)],
    ['no recipient', isRecipient, () => new Uint8Array()],
    ['a recipient of another kind', isRecipient, ({ contents }) => tlv('context', true, 2, contents)],
    [
      'unauthAttrs',
      isMac,
      ({ raw }) => concat(raw, derImplicitSet(2, derSequence(derOid('1.2.3'), derSet(derInteger(1))))),
    ],
    ['a tag of 12 octets', isMac, ({ contents }) => derOctets(contents.subarray(0, 12))],
    [
      'a nonce of 16 octets',
      ({ raw }) => Buffer.compare(raw, derOctets(nonce)) === 0,
      () => derOctets(new Uint8Array(16)),
    ],
    ['aes-ICVlen 12', ({ raw }) => Buffer.compare(raw, derInteger(16)) === 0, () => derInteger(12)],
    [
      'no aes-ICVlen (its default is 12)',
      ({ raw }) => Buffer.compare(raw, derInteger(16)) === 0,
      () => new Uint8Array(),
    ],
    [
      'AES-192-GCM',
      ({ raw }) => Buffer.compare(raw, derOid(CMS_OID.aes128Gcm)) === 0,
      () => derOid('2.16.840.1.101.3.4.1.26'),
    ],
    [
      'content in pieces',
      ({ tagClass, number, constructed }) => tagClass === 'context' && number === 0 && !constructed,
      ({ contents }) => tlv('context', true, 0, derOctets(contents)),
    ],
    [
      'IBERecipientInfo of version 2',
      ({ raw }) => Buffer.compare(raw, derInteger(3)) === 0,
      () => derInteger(2),
    ],
    [
      'another key fetch method',
      ({ raw }) => Buffer.compare(raw, derOid(OID.uriPps)) === 0,
      () => derOid('1.2.3'),
    ],
  ])('%s: refused', (_, which, change) => {
    const der = edited(seal(), which, change);
    expect(Buffer.compare(der, seal())).not.toBe(0);
    expect(() => decodeContainer(der)).toThrow(IbakeError);
  });

  /** The container with other contents of authAttrs. */
  function withAttributes(contents: Uint8Array): Uint8Array {
    const plain = seal({ esk: null, transcript: null });
    const known = derContents(
      derSetOf(contentType, attribute(BINDING_OID.prefix, derOctets(bindings.prefix))),
    );
    return replaceOnce(plain, derImplicitSet(1, known), derImplicitSet(1, contents));
  }
});
