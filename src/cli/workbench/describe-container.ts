/**
 * The containers of IBAKE and ESK for people (profile, section 2): to whom, how, bound to what; and with the recipient's
 * private key what is in them. Keys within are not shown.
 */
import { createHash } from 'node:crypto';
import { ClavigerError } from '../../bytes/errors.ts';
import { equalOctets, toHex } from '../../bytes/octets.ts';
import { decodeContainer, openContainer } from '../../ibake/container.ts';
import type { Container } from '../../ibake/container.ts';
import { decodeSipIdentity } from '../../ibake/identity.ts';
import { defaultEngine } from '../../ibe/default-engine.ts';
import { decodeIbeIdentityInfo } from '../../ibe/identity.ts';
import { decodeChain } from '../../mikey/chain.ts';
import { describePayload } from '../../mikey/describe.ts';
import type { DescribedFields, DescribedMessage } from '../../mikey/describe.ts';
import type { MikeyMessage } from '../../mikey/message.ts';
import { PAYLOAD_TYPE } from '../../mikey/registry.ts';
import type { PrivateKey } from './private-key-file.ts';
import { calendarTime } from '../../wire/shown/pdu-names.ts';

/** The description of a message with its containers taken apart. @param octets of the message */
export function withContainers(
  described: DescribedMessage,
  { payloads }: MikeyMessage,
  octets: Uint8Array,
  keys: readonly PrivateKey[],
): DescribedMessage {
  const first = payloads.find(({ kind }) => kind === 'ibake' || kind === 'esk');
  if (first === undefined) return described;
  const prefix = sha256Of(octets.subarray(0, first.offset));
  return {
    ...described,
    payloads: described.payloads.map((shown, at) => {
      const payload = payloads[at];
      if (payload?.kind !== 'ibake' && payload?.kind !== 'esk') return shown;
      return { ...shown, fields: { ...shown.fields, container: describe(payload.encrData, prefix, keys) } };
    }),
  };
}

function describe(encrData: Uint8Array, prefix: Uint8Array, keys: readonly PrivateKey[]): DescribedFields {
  let container: Container;
  try {
    container = decodeContainer(encrData);
  } catch (error) {
    if (!(error instanceof ClavigerError)) throw error;
    return { unreadable: error.message };
  }
  const { bindings, encryptedKey, nonce, recipientIdentity, sealed } = container;
  return {
    ...describeRecipient(recipientIdentity),
    'content encryption': sealed.cipher.name,
    nonce: toHex(nonce),
    'encrypted key': `${encryptedKey.w.length} octets, by Boneh–Franklin`,
    'encrypted content': `${sealed.ciphertext.length} octets`,
    bindings: {
      prefix: `${toHex(bindings.prefix)}, ${equalOctets(bindings.prefix, prefix) ? 'of this message' : 'NOT OF THIS MESSAGE'}`,
      ...(bindings.esk === null ? {} : { ESK: toHex(bindings.esk) }),
      ...(bindings.transcript === null ? {} : { transcript: toHex(bindings.transcript) }),
    },
    ...(keys.length === 0 ? {} : describeContents(container, keys)),
  };
}

function describeRecipient(der: Uint8Array): DescribedFields {
  const info = decodeIbeIdentityInfo(der);
  const identity = decodeSipIdentity(info);
  const who =
    identity === null
      ? { recipient: toHex(info.identityData) }
      : { recipient: visible(identity.uri), period: calendarTime(identity.period, 0, 0) };
  return { ...who, district: visible(info.district), serial: info.serial };
}

/** What the key of its recipient opens; a container for somebody else stays closed. */
function describeContents(container: Container, keys: readonly PrivateKey[]): DescribedFields {
  const own = keys.filter(({ identity }) => equalOctets(identity, container.recipientIdentity));
  if (own.length === 0)
    return { contents: 'not opened: none of the keys is of this recipient, period and serial' };
  for (const { bf, privateKey } of own) {
    const plaintext = openContainer(container, (encryptedKey) =>
      defaultEngine().decrypt(bf, privateKey, encryptedKey),
    );
    if (plaintext === null) continue;
    try {
      return { contents: describeChain(plaintext) };
    } finally {
      plaintext.fill(0);
    }
  }
  return { contents: 'not opened: the key is of this recipient, and does not open it' };
}

function describeChain(plaintext: Uint8Array): DescribedFields | string {
  try {
    const payloads = decodeChain(PAYLOAD_TYPE.IDR, plaintext).map(describePayload);
    return Object.fromEntries(payloads.map(({ name, fields }, at) => [`${at + 1}. ${name}`, fields]));
  } catch (error) {
    if (error instanceof ClavigerError)
      return `${plaintext.length} octets that are not sub-payloads: ${error.message}`;
    throw error;
  }
}

function sha256Of(octets: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(octets).digest());
}

/** As identities in the clear part are shown: what is not printed, in hex. */
function visible(text: string): string {
  return /^[ -~]*$/.test(text) ? text : `0x${Buffer.from(text).toString('hex')}`;
}
