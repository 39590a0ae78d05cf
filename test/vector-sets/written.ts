/** What a set says of messages, secrets and keys: written down while the state machines make them. */
import { toBase64, toHex } from '../../src/bytes/octets.ts';
import { DerReader } from '../../src/bytes/der.ts';
import { Secret } from '../../src/bytes/secret.ts';
import { decodeIbeIdentityInfo } from '../../src/ibe/identity.ts';
import { decodeContainer, openContainer } from '../../src/ibake/container.ts';
import { publicPoint, sharedPoint, type EcCurve } from '../../src/ibake/curves.ts';
import { periodStart } from '../../src/ibake/identity.ts';
import type { EskPart, MessageBase, SealedPart } from '../../src/ibake/messages.ts';
import {
  drawContext,
  drawSecret,
  drawSecretKey,
  slotOf,
  type DrawContext,
  type SecretRole,
} from '../../src/ibake/recoverable-secret.ts';
import { sha256 } from '../../src/ibake/sealing.ts';
import { macOctets, type Csb, type CryptoSession } from '../../src/ibake/session-keys.ts';
import type { CsbSession } from '../../src/ibake/session.ts';
import type { SrtpIdEntry } from '../../src/mikey/header.ts';
import { deriveMessageKey } from '../../src/mikey/kdf.ts';
import type { CryptoSessionForm, DrawnForm, EntryForm, KeysForm, MessageForm, SealingForm } from './form.ts';
import { hexOf, type Party } from './world.ts';

type Written = MessageBase & {
  readonly ibake: SealedPart | null;
  readonly esk?: EskPart | null;
  readonly v?: { readonly data: Uint8Array };
};

type Material = readonly [nonce: Uint8Array, cek: Uint8Array, rho: Uint8Array];

const NONCE = 12;
const CEK = 16;

/** A message with all that went into it; `drawn` is what its sender drew for it. */
export function messageForm(
  message: Written,
  drawn: readonly Uint8Array[],
  more: { readonly transcript?: Uint8Array; readonly mpk?: Secret; readonly csb?: Csb } = {},
): MessageForm {
  const materials = materialsIn(drawn);
  const { octets, ibake, esk = null, v } = message;
  const form = {
    message: toBase64(octets),
    ...(esk === null
      ? {}
      : {
          esk: { ...sealingForm(esk.encrData, materials.shift()), payloadSha256: toHex(sha256(esk.payload)) },
        }),
    ...(ibake === null
      ? {}
      : {
          ...sealingForm(ibake.encrData, materials.shift()),
          prefixSha256: toHex(sha256(ibake.prefix)),
          ...(more.transcript === undefined ? {} : { transcriptSha256: toHex(more.transcript) }),
        }),
    ...(v === undefined || more.mpk === undefined || more.csb === undefined
      ? {}
      : { authKey: authKeyOf(more.mpk, more.csb), mac: toHex(v.data) }),
  };
  if (materials.length > 0) throw new Error('more was drawn than the message has');
  return form;
}

/** A secret that `party` drew for a message, and its point; `first` is the I_MESSAGE_1 that an R_MESSAGE_1 answers. */
export function drawnForm(
  party: Party,
  role: SecretRole,
  curve: EcCurve,
  message: MessageBase & { readonly ibake: SealedPart | null },
  csb: Csb,
  first?: SealedPart,
): DrawnForm & { readonly secret: string; readonly point: string } {
  if (message.ibake === null) throw new Error('no point');
  const prefix = sha256(...(first === undefined ? [] : [first.prefix]), message.ibake.prefix);
  const context = contextOf(message, message.ibake.encrData, csb, prefix);
  const { slotKey, form } = slotForm(party, message);
  const secret = drawSecret(slotKey, role, curve, context);
  return {
    ...{ party: party.name, uri: party.device, role, curve: curve.id, ...form },
    context: toHex(drawContext(role, curve.id, context)),
    prefixSha256: toHex(prefix),
    secret: hexOf(BigInt(`0x${toHex(secret.expose())}`)),
    point: toHex(publicPoint(curve, secret)),
  };
}

/** The SK of an I_MESSAGE_2's ESK. */
export function secretKeyForm(
  party: Party,
  message: MessageBase & { readonly ibake: SealedPart },
  esk: EskPart,
  csb: Csb,
): DrawnForm & { readonly sk: string } {
  const prefix = sha256(message.ibake.prefix);
  const context = contextOf(message, esk.encrData, csb, prefix);
  const { slotKey, form } = slotForm(party, message);
  return {
    ...{ party: party.name, uri: party.device, role: 3, ...form },
    context: toHex(drawContext(3, 0, context)),
    prefixSha256: toHex(prefix),
    sk: toHex(drawSecretKey(slotKey, context).expose()),
  };
}

/** Keys in force, with the point that they rest on. */
export function keysForm(
  session: CsbSession,
  own: { readonly secret: string },
  peer: { readonly point: string },
): KeysForm {
  const { curve } = session;
  const secret = Secret.of(octetsOf(own.secret.slice(2).padStart(2 * curve.octets, '0')));
  const kSession = sharedPoint(curve, secret, octetsOf(peer.point));
  return { kSession: toHex(kSession.expose()), ...keysFormWithoutPoint(session) };
}

/** The same where no new points were exchanged. */
export function keysFormWithoutPoint(session: CsbSession): KeysForm {
  const { csb, keys, cryptoSessions, sas } = session;
  return {
    mpk: toHex(keys.mpk.expose()),
    tgk: toHex(keys.tgk.expose()),
    authKey: authKeyOf(keys.mpk, csb),
    cryptoSessions: cryptoSessions.map(cryptoSessionForm),
    sas,
  };
}

export function cryptoSessionForm(session: CryptoSession): CryptoSessionForm {
  const { csId, direction, ssrc, mki, policyNo, policy, tek, salt } = session;
  return {
    ...{ csId, direction, ssrc, mki: mki === null ? '' : toHex(mki), policy: policyNo, cipher: policy.name },
    ...{ tek: toHex(tek.expose()), salt: toHex(salt.expose()) },
  };
}

export function mapForm(map: readonly SrtpIdEntry[]): EntryForm[] {
  return map.map(({ policyNo, ssrc, roc }) => ({ policy: policyNo, ssrc, roc }));
}

/** The SPI of the point that a message carries, as it was drawn. */
export function spiIn(drawn: readonly Uint8Array[]): string {
  const spi = drawn.find(({ length }) => length === 8);
  if (spi === undefined) throw new Error('no SPI was drawn');
  return toHex(spi);
}

/* ---------------------------------------------------------------- helpers */

/** Nonce, content-encryption key and rho of each container; SPIs, CSB ID and RAND have other lengths before them. */
function materialsIn(drawn: readonly Uint8Array[]): Material[] {
  const materials: Material[] = [];
  for (let at = 0; at + 2 < drawn.length; at++) {
    const [nonce, cek, rho] = drawn.slice(at, at + 3);
    if (nonce?.length === NONCE && cek?.length === CEK && rho !== undefined)
      materials.push([nonce, cek, rho]);
  }
  return materials;
}

function sealingForm(encrData: Uint8Array, material: Material | undefined): SealingForm {
  if (material === undefined) throw new Error('nothing was drawn for a container');
  const [nonce, cek, rho] = material;
  const container = decodeContainer(encrData);
  const plaintext = openContainer(container, () => cek.slice());
  if (plaintext === null) throw new Error('not the key of this container');
  const { identityData } = decodeIbeIdentityInfo(container.recipientIdentity);
  const uri = new DerReader(new DerReader(identityData).any('identity').contents).any('uri').contents;
  return {
    recipientIdentity: Buffer.from(uri).toString('utf8'),
    plaintext: toHex(plaintext),
    ...{ cek: toHex(cek), rho: toHex(rho), gcmNonce: toHex(nonce) },
  };
}

function contextOf(message: MessageBase, encrData: Uint8Array, csb: Csb, prefix: Uint8Array): DrawContext {
  const { idri, idrr, t } = message;
  const { nonce } = decodeContainer(encrData);
  return { ...csb, t: t.octets, idri: idri.data, idrr: idrr.data, nonce, prefix };
}

function slotForm({ home, endpoint, device }: Party, { t }: MessageBase) {
  const slotKey = endpoint.keys.slotKey(device, t.seconds);
  const slot = slotOf(t.seconds, periodStart(t.seconds, home.keyLifetime));
  return { slotKey, form: { slot, slotKey: toHex(slotKey.expose()) } };
}

function authKeyOf(mpk: Secret, csb: Csb): string {
  return toHex(deriveMessageKey('auth', mpk, csb, macOctets(csb.prfFunc)).expose());
}

function octetsOf(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'));
}
