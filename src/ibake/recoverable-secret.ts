/**
 * The recoverable secret (profile, section 5): a device draws its Diffie–Hellman secret from a generator that its own KMS
 * has seeded, so that this KMS, and nobody else, can draw it again.
 *
 *     k₀      = HKDF-SHA-256(IKM = LI root, salt empty, info = "MIKEY-IBAKE LI seed v1" ‖ DER(IBEIdentityInfo), 32)
 *     kⱼ₊₁    = HMAC-SHA-256(kⱼ, "next"),   j = ⌊(T − period start) / 900 s⌋
 *     context = role ‖ curve ‖ CSB ID ‖ T ‖ RAND len ‖ RAND ‖ len ‖ IDRi ‖ len ‖ IDRr ‖ N ‖ SHA-256(prefix)
 *     secret  = HMAC_DRBG(entropy kⱼ, nonce SHA-256(context), personalization "MIKEY-IBAKE LI secret v2")
 *
 * N is the GCM nonce of the container in which the point (or the SK) is first sent: fresh from the sender's own
 * generator on every run, so that a peer that repeats T and RAND still meets a fresh secret (RFC 6539).
 *
 * The prefix is what precedes that container in its message: header with map, T, RAND, identities, policies. So a peer that
 * knows the point cannot make the KMS redraw it under another policy, map or header. An R_MESSAGE_1 has no policies of its
 * own; its prefix follows that of the I_MESSAGE_1 that it answers.
 *
 * What it costs: RFC 6267's secrecy against the KMS is gone by design.
 */
import { createHash, createHmac, hkdfSync } from 'node:crypto';
import { concat, toBigInt, utf8 } from '../bytes/octets.ts';
import { Secret } from '../bytes/secret.ts';
import { Writer } from '../bytes/writer.ts';
import { curveById, type EcCurve } from './curves.ts';
import { HmacDrbg } from './drbg.ts';
import { IbakeError } from './errors.ts';

/** Seconds for which one slot key is used. */
export const SLOT_SECONDS = 900;

/** What is drawn: who sends it in what. */
export const SECRET_ROLE = {
  /** Sender of the I_MESSAGE_1. */
  iMessage1: 1,
  /** Sender of the R_MESSAGE_1. */
  rMessage1: 2,
  /** The ESK's SK. */
  secretKey: 3,
} as const;

export type SecretRole = (typeof SECRET_ROLE)[keyof typeof SECRET_ROLE];

const SEED_INFO = utf8('MIKEY-IBAKE LI seed v1');
const PERSONALIZATION = utf8('MIKEY-IBAKE LI secret v2');
const KEY_OCTETS = 32;
const NONCE_OCTETS = 12;
const HASH_OCTETS = 32;

export interface DrawContext {
  readonly csbId: number;
  /** 8 octets: T of the message in which the point or SK is first sent. */
  readonly t: Uint8Array;
  /** The CSB's RAND. */
  readonly rand: Uint8Array;
  /** ID data in the clear part of that message. */
  readonly idri: Uint8Array;
  readonly idrr: Uint8Array;
  /** N: GCM nonce of that container. */
  readonly nonce: Uint8Array;
  /** SHA-256 of that message's prefix; in role 2 of the I_MESSAGE_1's prefix and, after it, the R_MESSAGE_1's. */
  readonly prefix: Uint8Array;
}

/** k₀ of a device and period, from the LI root of the period's epoch. */
export function liSeed(root: Secret, identity: Uint8Array): Secret {
  const info = concat(SEED_INFO, identity);
  return Secret.of(new Uint8Array(hkdfSync('sha256', root.expose(), new Uint8Array(), info, KEY_OCTETS)));
}

/** The slot of a time within its period; Unix seconds. */
export function slotOf(time: number, period: number): number {
  return Math.floor((time - period) / SLOT_SECONDS);
}

/** kⱼ₊steps from kⱼ, in octets of its own. */
export function advanceSlotKey(key: Secret, steps: number): Secret {
  let current = Secret.of(key.expose().slice());
  for (let step = 0; step < steps; step++) {
    const next = Secret.of(new Uint8Array(createHmac('sha256', current.expose()).update('next').digest()));
    current.wipe();
    current = next;
  }
  return current;
}

/** The Diffie–Hellman secret of a message: an integer from 1 to n − 1, as octets of n's length. */
export function drawSecret(slotKey: Secret, role: SecretRole, curve: EcCurve, context: DrawContext): Secret {
  const drbg = generator(slotKey, drawContext(role, curve.id, context));
  // n has 521 bits where its octets have 528; the other two fill theirs.
  const topBits = curve.n.toString(2).length % 8;
  for (;;) {
    const candidate = drbg.generate(curve.octets);
    const octets = candidate.expose();
    if (topBits !== 0) octets[0] = (octets[0] ?? 0) & ((1 << topBits) - 1);
    const value = toBigInt(octets);
    if (value >= 1n && value < curve.n) {
      drbg.wipe();
      return candidate;
    }
    candidate.wipe();
  }
}

/** The SK of an ESK payload. */
export function drawSecretKey(slotKey: Secret, context: DrawContext): Secret {
  const drbg = generator(slotKey, drawContext(SECRET_ROLE.secretKey, 0, context));
  const sk = drbg.generate(KEY_OCTETS);
  drbg.wipe();
  return sk;
}

/**
 *     role (1) ! curve (1) ! CSB ID (4) ! T (8) ! RAND len (1) ! RAND
 *     len (2) ! IDRi ! len (2) ! IDRr ! N (12) ! SHA-256 of the prefix (32)
 *
 * curve is 0 for an SK.
 */
export function drawContext(role: SecretRole, curve: number, context: DrawContext): Uint8Array {
  const { csbId, t, rand, idri, idrr, nonce, prefix } = context;
  const isWhole = t.length === 8 && nonce.length === NONCE_OCTETS && prefix.length === HASH_OCTETS;
  if (!isWhole || (curve !== 0 && curveById(curve) === null))
    throw new IbakeError('state', 'not the context of a secret');
  const writer = new Writer(128).u8(role).u8(curve).u32(csbId).bytes(t);
  writer.u8(rand.length).bytes(rand).u16(idri.length).bytes(idri).u16(idrr.length).bytes(idrr);
  writer.bytes(nonce);
  writer.bytes(prefix);
  return writer.finish();
}

function generator(slotKey: Secret, context: Uint8Array): HmacDrbg {
  const nonce = new Uint8Array(createHash('sha256').update(context).digest());
  return new HmacDrbg(slotKey, nonce, PERSONALIZATION);
}
