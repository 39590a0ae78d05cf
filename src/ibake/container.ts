/**
 * The container in `Encr data` of IBAKE and ESK (profile, section 2). RFC 5091 encrypts a key of at most hashlen octets,
 * not a message, so what RFC 6267 calls "IBE encrypted" is the IETF's container for that: CMS AuthEnvelopedData (RFC
 * 5083) with AES-GCM (RFC 5084), its content-encryption key encrypted to an identity (RFC 5409).
 *
 * ```asn1
 * ContentInfo ::= SEQUENCE { contentType OID id-ct-authEnvelopedData, content [0] EXPLICIT AuthEnvelopedData }
 * AuthEnvelopedData ::= SEQUENCE {
 *   version                   INTEGER 0,
 *   recipientInfos            SET OF { ori [4] IMPLICIT SEQUENCE { oriType OID ibeORIType, oriValue IBERecipientInfo } },
 *   authEncryptedContentInfo  SEQUENCE {
 *     contentType OID id-data,
 *     contentEncryptionAlgorithm SEQUENCE { OID, SEQUENCE { nonce OCTET STRING (12), icvlen INTEGER 16 } },
 *     encryptedContent [0] IMPLICIT OCTET STRING },
 *   authAttrs                 [1] IMPLICIT SET OF SEQUENCE { OID, SET OF value },      -- one value each
 *   mac                       OCTET STRING (16) }
 * IBERecipientInfo ::= SEQUENCE {
 *   cmsVersion INTEGER 3, keyFetchMethod OID uriPPSOID, recipientIdentity IBEIdentityInfo,
 *   serverInfo SEQUENCE OF SEQUENCE { OID, OCTET STRING } OPTIONAL,                    -- not sent, ignored
 *   encryptedKey OCTET STRING }                                                        -- DER BFCiphertextBlock
 * ```
 *
 * The AAD is the DER SET OF of the authenticated attributes: content-type and the bindings, exactly. They tie the
 * container to its place: to the message before it, to the ESK after it, to the messages before that one.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import {
  DerReader,
  derDecode,
  derExplicit,
  derImplicit,
  derInteger,
  derOctets,
  derOid,
  derSequence,
  derSet,
  derSetOf,
  tlv,
} from '../bytes/der.ts';
import { BytesError } from '../bytes/errors.ts';
import { equalOctets } from '../bytes/octets.ts';
import type { Secret } from '../bytes/secret.ts';
import { decodeBfCiphertextBlock, encodeBfCiphertextBlock, type BfCiphertext } from '../ibe/blocks.ts';
import { IbeError } from '../ibe/errors.ts';
import { decodeIbeIdentityInfo } from '../ibe/identity.ts';
import { OID } from '../ibe/oids.ts';
import { IbakeError } from './errors.ts';
import { BINDING_OID, CMS_OID } from './oids.ts';

export const GCM_NONCE_OCTETS = 12;
const TAG_OCTETS = 16;
const HASH_OCTETS = 32;
const CONTEXT_SET = 1;

const CIPHERS = [
  { oid: CMS_OID.aes128Gcm, name: 'aes-128-gcm', keyOctets: 16 },
  { oid: CMS_OID.aes256Gcm, name: 'aes-256-gcm', keyOctets: 32 },
] as const;

type Cipher = (typeof CIPHERS)[number];

/** SHA-256 hashes that tie a container to its place; `null` where it has no such binding. */
export interface Bindings {
  readonly prefix: Uint8Array;
  readonly esk: Uint8Array | null;
  readonly transcript: Uint8Array | null;
}

/** A decoded container; nothing of it is verified. */
export interface Container {
  /** DER of IBEIdentityInfo, as received. */
  readonly recipientIdentity: Uint8Array;
  readonly encryptedKey: BfCiphertext;
  readonly nonce: Uint8Array;
  readonly bindings: Bindings;
  readonly sealed: SealedContent;
}

interface SealedContent {
  readonly cipher: Cipher;
  readonly ciphertext: Uint8Array;
  readonly aad: Uint8Array;
  readonly tag: Uint8Array;
}

/** What seals a container: key and nonce, and how the key is encrypted to the recipient. */
export interface Sealing {
  readonly recipientIdentity: Uint8Array;
  readonly nonce: Uint8Array;
  /** Content-encryption key: 16 octets for AES-128-GCM, 32 for AES-256-GCM. */
  readonly cek: Secret;
  readonly encryptedKey: BfCiphertext;
}

/** DER of a container around `plaintext`. */
export function sealContainer(sealing: Sealing, plaintext: Uint8Array, bindings: Bindings): Uint8Array {
  const cipher = CIPHERS.find(({ keyOctets }) => keyOctets === sealing.cek.length);
  if (cipher === undefined)
    throw new IbakeError('state', 'content-encryption key of 16 or 32 octets expected');
  const attributes = encodeAttributes(bindings);
  const gcm = createCipheriv(cipher.name, sealing.cek.expose(), sealing.nonce).setAAD(attributes);
  const ciphertext = new Uint8Array(Buffer.concat([gcm.update(plaintext), gcm.final()]));
  const envelope = derSequence(
    derInteger(0),
    derSet(encodeRecipient(sealing)),
    encodeContentInfo(cipher, sealing.nonce, ciphertext),
    derImplicit(CONTEXT_SET, attributes),
    derOctets(new Uint8Array(gcm.getAuthTag())),
  );
  return derSequence(derOid(CMS_OID.authEnvelopedData), derExplicit(0, envelope));
}

/** @throws IbakeError `malformed` */
export function decodeContainer(der: Uint8Array): Container {
  try {
    return derDecode(der, 'container', (reader) =>
      within(reader.sequence('ContentInfo'), (info) => {
        requireOid(info, CMS_OID.authEnvelopedData, 'contentType');
        return within(info.context(0, 'content'), (content) =>
          within(content.sequence('AuthEnvelopedData'), readEnvelope),
        );
      }),
    );
  } catch (cause) {
    if (cause instanceof BytesError || cause instanceof IbeError)
      throw new IbakeError('malformed', `container: ${cause.message}`, { cause });
    throw cause;
  }
}

/** Whether a container has exactly these bindings. They are public; so is when this says no. */
export function hasBindings({ bindings }: Container, expected: Bindings): boolean {
  return (
    equalOctets(bindings.prefix, expected.prefix) &&
    sameHash(bindings.esk, expected.esk) &&
    sameHash(bindings.transcript, expected.transcript)
  );
}

/**
 * The plaintext; `null` if key or content do not verify. `decrypt` is the engine's answer to the encrypted key; where it
 * has none, another key takes its place, so that what fails cannot be told from the time it takes. The answer is wiped.
 */
export function openContainer(
  { sealed, nonce, encryptedKey }: Container,
  decrypt: (encryptedKey: BfCiphertext) => Uint8Array | null,
): Uint8Array | null {
  const { cipher, ciphertext, aad, tag } = sealed;
  const answer = decrypt(encryptedKey);
  const cek = answer?.length === cipher.keyOctets ? answer : new Uint8Array(cipher.keyOctets);
  const gcm = createDecipheriv(cipher.name, cek, nonce, { authTagLength: TAG_OCTETS });
  gcm.setAAD(aad).setAuthTag(tag);
  answer?.fill(0);
  const deciphered = gcm.update(ciphertext);
  try {
    gcm.final();
    return cek === answer ? new Uint8Array(deciphered) : null;
  } catch {
    return null;
  } finally {
    deciphered.fill(0);
  }
}

/* ------------------------------------------------------------- recipient */

function encodeRecipient({ recipientIdentity, encryptedKey }: Sealing): Uint8Array {
  const info = derSequence(
    derInteger(3),
    derOid(OID.uriPps),
    recipientIdentity,
    derOctets(encodeBfCiphertextBlock(encryptedKey)),
  );
  return derImplicit(4, derSequence(derOid(CMS_OID.ibeOri), info));
}

function readRecipient(ori: DerReader): Pick<Container, 'recipientIdentity' | 'encryptedKey'> {
  requireOid(ori, CMS_OID.ibeOri, 'oriType');
  return within(ori.sequence('IBERecipientInfo'), (info) => {
    info.small('cmsVersion', 3, 3);
    requireOid(info, OID.uriPps, 'keyFetchMethod');
    const recipientIdentity = info.expect('universal', 16, true, 'recipientIdentity').raw.slice();
    decodeIbeIdentityInfo(recipientIdentity);
    if (info.nextIs(16, 'universal')) skipServerInfo(info.sequence('serverInfo'));
    return { recipientIdentity, encryptedKey: decodeBfCiphertextBlock(info.octets('encryptedKey')) };
  });
}

/** RFC 5409 section 2.2: hints for the key request, of no use here. */
function skipServerInfo(info: DerReader): void {
  let pairs = 0;
  for (; info.more; pairs++) {
    within(info.sequence('OIDValuePairs'), (pair) => {
      pair.oid('fieldID');
      pair.octets('fieldData');
    });
  }
  if (pairs === 0) throw new IbakeError('malformed', 'container: empty serverInfo');
}

/* --------------------------------------------------------------- content */

function encodeContentInfo(cipher: Cipher, nonce: Uint8Array, ciphertext: Uint8Array): Uint8Array {
  const parameters = derSequence(derOctets(nonce), derInteger(TAG_OCTETS));
  return derSequence(
    derOid(CMS_OID.data),
    derSequence(derOid(cipher.oid), parameters),
    derImplicit(0, derOctets(ciphertext)),
  );
}

function readEnvelope(envelope: DerReader): Container {
  envelope.small('version', 0, 0);
  const recipient = within(envelope.set('recipientInfos'), (recipients) =>
    within(recipients.context(4, 'ori'), readRecipient),
  );
  const content = within(envelope.sequence('authEncryptedContentInfo'), readContentInfo);
  const { contents } = envelope.expect('context', CONTEXT_SET, true, 'authAttrs');
  const aad = tlv('universal', true, 17, contents);
  const bindings = readAttributes(new DerReader(contents), aad);
  const tag = envelope.octets('mac');
  if (tag.length !== TAG_OCTETS) throw new IbakeError('malformed', 'container: mac of another length');
  const { cipher, nonce, ciphertext } = content;
  return { ...recipient, nonce, bindings, sealed: { cipher, ciphertext, aad, tag } };
}

function readContentInfo(info: DerReader): { cipher: Cipher; nonce: Uint8Array; ciphertext: Uint8Array } {
  requireOid(info, CMS_OID.data, 'contentType');
  const algorithm = within(info.sequence('contentEncryptionAlgorithm'), (inside) => {
    const oid = inside.oid('algorithm');
    const cipher = CIPHERS.find((known) => known.oid === oid);
    if (cipher === undefined) throw new IbakeError('malformed', `container: content encryption ${oid}`);
    return within(inside.sequence('GCMParameters'), (parameters) => {
      const nonce = parameters.octets('aes-nonce');
      if (nonce.length !== GCM_NONCE_OCTETS)
        throw new IbakeError('malformed', 'container: nonce of another length');
      parameters.small('aes-ICVlen', TAG_OCTETS, TAG_OCTETS);
      return { cipher, nonce };
    });
  });
  return { ...algorithm, ciphertext: info.contextPrimitive(0, 'encryptedContent').slice() };
}

/* ------------------------------------------------------------ attributes */

/** DER SET OF the attributes, which is the AAD. */
function encodeAttributes({ prefix, esk, transcript }: Bindings): Uint8Array {
  return derSetOf(
    attribute(CMS_OID.contentType, derOid(CMS_OID.data)),
    attribute(BINDING_OID.prefix, derOctets(prefix)),
    ...(esk === null ? [] : [attribute(BINDING_OID.esk, derOctets(esk))]),
    ...(transcript === null ? [] : [attribute(BINDING_OID.transcript, derOctets(transcript))]),
  );
}

function attribute(oid: string, value: Uint8Array): Uint8Array {
  return derSequence(derOid(oid), derSet(value));
}

/** The bindings, from attributes that are exactly what `encodeAttributes` makes of them. */
function readAttributes(attributes: DerReader, encoded: Uint8Array): Bindings {
  const hashes = new Map<string, Uint8Array>();
  while (attributes.more) {
    within(attributes.sequence('Attribute'), (inside) => {
      const oid = inside.oid('attrType');
      within(inside.set('attrValues'), (values) => {
        if (oid === CMS_OID.contentType) requireOid(values, CMS_OID.data, 'content-type');
        else hashes.set(oid, readHash(values));
      });
    });
  }
  const prefix = hashes.get(BINDING_OID.prefix);
  if (prefix === undefined) throw new IbakeError('malformed', 'container: no binding to its message');
  const bindings = {
    prefix,
    esk: hashes.get(BINDING_OID.esk) ?? null,
    transcript: hashes.get(BINDING_OID.transcript) ?? null,
  };
  // Catches what is missing, unknown, twice, or in another order, all at once.
  if (!equalOctets(encodeAttributes(bindings), encoded))
    throw new IbakeError('malformed', 'container: other attributes than the profile has');
  return bindings;
}

function readHash(values: DerReader): Uint8Array {
  const hash = values.octets('binding');
  if (hash.length !== HASH_OCTETS) throw new IbakeError('malformed', 'container: not a SHA-256 hash');
  return hash;
}

/* --------------------------------------------------------------- helpers */

function sameHash(a: Uint8Array | null, b: Uint8Array | null): boolean {
  return a === null || b === null ? a === b : equalOctets(a, b);
}

function requireOid(reader: DerReader, expected: string, field: string): void {
  const oid = reader.oid(field);
  if (oid !== expected) throw new IbakeError('malformed', `container: ${field} is ${oid}`);
}

/** Reads all of one level. */
function within<T>(inside: DerReader, read: (reader: DerReader) => T): T {
  const value = read(inside);
  inside.end('container');
  return value;
}
