/** Making and opening containers at an endpoint: to a recipient of any district, and as a recipient of its own. */
import { createHash } from 'node:crypto';
import { equalOctets } from '../bytes/octets.ts';
import type { Random } from '../bytes/ports.ts';
import { Secret } from '../bytes/secret.ts';
import type { IbeEngine } from '../ibe/engine.ts';
import { HASHES } from '../ibe/hash.ts';
import type { BfParameters } from '../ibe/parameters.ts';
import {
  GCM_NONCE_OCTETS,
  decodeContainer,
  hasBindings,
  openContainer,
  sealContainer,
  type Bindings,
  type Container,
} from './container.ts';
import { IbakeError } from './errors.ts';
import { periodStart, publicIdentity, type SipIdentity } from './identity.ts';
import type { DistrictDirectory, Endpoint } from './ports.ts';

/** AES-128-GCM. */
const CEK_OCTETS = 16;

/** Whom a container is encrypted to. */
export interface Recipient {
  /** DER of IBEIdentityInfo. */
  readonly identity: Uint8Array;
  readonly bf: BfParameters;
}

/** What one container takes from the generator. */
export interface SealingMaterial {
  readonly nonce: Uint8Array;
  readonly cek: Secret;
  readonly rho: Secret;
}

/** The public key of an identity for the period that contains `time` (Unix seconds). */
export function recipientOf(
  districts: DistrictDirectory,
  { uri, host }: SipIdentity,
  time: number,
): Recipient {
  const parameters = districts.parameters(host, time);
  const identity = publicIdentity(uri, periodStart(time, parameters.keyLifetime), parameters);
  return { identity, bf: parameters.bf };
}

/** Draws nonce, content-encryption key and rho, in this order. */
export function drawMaterial(random: Random, { bf }: Recipient): SealingMaterial {
  const nonce = random.bytes(GCM_NONCE_OCTETS);
  const cek = Secret.of(random.bytes(CEK_OCTETS));
  const rho = Secret.of(random.bytes(HASHES[bf.hash].length));
  return { nonce, cek, rho };
}

/** The container; its key material is wiped, and so is the plaintext. */
export function seal(
  engine: IbeEngine,
  recipient: Recipient,
  { nonce, cek, rho }: SealingMaterial,
  plaintext: Uint8Array,
  bindings: Bindings,
): Uint8Array {
  const encryptedKey = engine.encrypt(recipient.bf, recipient.identity, cek.expose(), rho.expose());
  const sealing = { recipientIdentity: recipient.identity, nonce, cek, encryptedKey };
  const container = sealContainer(sealing, plaintext, bindings);
  for (const secret of [cek, rho]) secret.wipe();
  plaintext.fill(0);
  return container;
}

/** Whether a container is for this identity of one's own, in the period that contains `time`. */
export function isFor(
  endpoint: Pick<Endpoint, 'districts'>,
  container: Container,
  own: SipIdentity,
  time: number,
): boolean {
  return equalOctets(container.recipientIdentity, recipientOf(endpoint.districts, own, time).identity);
}

/**
 * The plaintext of a container for an identity of one's own.
 * @throws IbakeError `malformed` for other DER, else `rejected`, whose cost does not tell which key, content or binding
 *   it was that failed
 */
export function openAs(
  endpoint: Pick<Endpoint, 'districts' | 'engine' | 'keys'>,
  own: SipIdentity,
  time: number,
  encrData: Uint8Array,
  bindings: Bindings,
): Uint8Array {
  const container = decodeContainer(encrData);
  const privateKey = endpoint.keys.privateKey(own.uri, time);
  if (privateKey === null || !isFor(endpoint, container, own, time))
    throw new IbakeError('rejected', 'a container for somebody else');
  const { bf } = recipientOf(endpoint.districts, own, time);
  const plaintext = openContainer(container, (encryptedKey) =>
    endpoint.engine.decrypt(bf, privateKey, encryptedKey),
  );
  if (plaintext === null || !hasBindings(container, bindings))
    throw new IbakeError('rejected', 'a container that does not verify');
  return plaintext;
}

/** SHA-256 over the parts joined: bindings and transcripts. */
export function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}
