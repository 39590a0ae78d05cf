/**
 * Deferred delivery at the recipient (RFC 6267 sections 3.3 and 4.2.2.5, profile section 3): the mailbox delivers the whole
 * I_MESSAGE_2 that it got, and the recipient opens the ESK, which is bound to it.
 *
 * The SK does not prove who wrote the content: the initiator's identity is what the mailbox has verified.
 */
import { equalOctets } from '../bytes/octets.ts';
import type { Secret } from '../bytes/secret.ts';
import { decodeContainer } from './container.ts';
import { IbakeError } from './errors.ts';
import { readIMessage2 } from './messages.ts';
import { decodeSecretKey } from './plaintext.ts';
import type { Endpoint } from './ports.ts';
import { isFor, openAs, sha256 } from './sealing.ts';

export interface DeferredKey {
  /** IDRi, on the mailbox's word. */
  readonly initiator: string;
  readonly sk: Secret;
}

/**
 * The SK in a delivered I_MESSAGE_2; `null` if its ESK is for somebody else, or there is none.
 * @throws IbakeError `malformed`, `identity`, or `rejected` if it is for this user and does not verify
 */
export function openDeferred(
  endpoint: Pick<Endpoint, 'districts' | 'engine' | 'keys' | 'addressOfRecord' | 'device'>,
  iMessage2: Uint8Array,
): DeferredKey | null {
  const { esk, ibake, t, idri } = readIMessage2(iMessage2);
  if (esk === null) return null;
  const container = decodeContainer(esk.encrData);
  const own = [endpoint.addressOfRecord, endpoint.device].find((identity) =>
    isFor(endpoint, container, identity, t.seconds),
  );
  if (own === undefined) return null;
  const bound = decodeContainer(ibake.encrData).bindings.esk;
  // Both hashes are public: that they differ may be told before the pairing.
  if (bound === null || !equalOctets(bound, sha256(esk.payload)))
    throw new IbakeError('rejected', 'the message says that another ESK follows');
  const plaintext = openAs(endpoint, own, t.seconds, esk.encrData, {
    prefix: sha256(ibake.prefix),
    esk: null,
    transcript: null,
  });
  return { initiator: idri.uri, sk: decodeSecretKey(plaintext, idri.data) };
}
