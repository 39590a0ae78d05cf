/**
 * What KEMAC of REQUEST_KEY_RESP holds, once decrypted (RFC 6267 section 6.1.3, profile section 4): for each identity and
 * period
 *
 *     IDR      the identity
 *     K_PR     BFPrivateKeyBlock (RFC 5091 section 8), valid from the period's begin to its end
 *     LI seed  the key of one slot, valid from the slot's begin to the period's end, or without validity: that of the
 *              first slot; for device identities only
 */
import { fromUtf8, utf8 } from '../../bytes/octets.ts';
import { Secret } from '../../bytes/secret.ts';
import { decodeBfPrivateKeyBlock, encodeBfPrivateKeyBlock } from '../../ibe/blocks.ts';
import type { AffinePoint } from '../../ibe/curve.ts';
import { decodeChain, encodeChain } from '../../mikey/chain.ts';
import { ntpFromUnixMs, unixSecondsFromNtp } from '../../mikey/ntp.ts';
import type { Payload } from '../../mikey/payload.ts';
import { NO_VALIDITY } from '../../mikey/payloads/fields.ts';
import type { KeyValidity } from '../../mikey/payloads/fields.ts';
import type { KeyDataPayload } from '../../mikey/payloads/key-data.ts';
import { ID_ROLE, ID_TYPE, KEY_DATA_TYPE, PAYLOAD_TYPE } from '../../mikey/registry.ts';
import { RequestKeyError } from './errors.ts';

const SEED_OCTETS = 32;

/** What the KMS gives for one identity and period. Times are whole Unix seconds, the end exclusive. */
export interface IssuedKey {
  readonly uri: string;
  readonly from: number;
  readonly to: number;
  readonly privateKey: AffinePoint;
  /** Key of the slot that begins at `slotStart`, `null`: that of the first slot, sent without validity. */
  readonly seed: { readonly key: Secret; readonly slotStart: number | null } | null;
}

/** The sub-payloads; the octets hold the keys in clear, the caller's to overwrite. */
export function encodeIssuedKeys(keys: readonly IssuedKey[]): Uint8Array {
  const payloads = keys.flatMap(payloadsOfKey);
  const octets = encodeChain(payloads);
  for (const payload of payloads) {
    if (payload.kind === 'key-data' && payload.type === KEY_DATA_TYPE.K_PR) payload.key.wipe();
  }
  return octets;
}

/**
 * @throws RequestKeyError `no-keys` for other payloads, or in another order, or an identity that is not UTF-8
 * @throws MikeyError, IbeError for what cannot be decoded at all
 */
export function decodeIssuedKeys(octets: Uint8Array): IssuedKey[] {
  const payloads = decodeChain(PAYLOAD_TYPE.IDR, octets);
  const keys: IssuedKey[] = [];
  for (let at = 0; at < payloads.length;) {
    const [identity, key, next] = payloads.slice(at, at + 3);
    if (identity?.kind !== 'idr' || key?.kind !== 'key-data' || key.type !== KEY_DATA_TYPE.K_PR)
      throw new RequestKeyError('no-keys', 'the keys of the KMS are in no known order');
    const seed = next?.kind === 'key-data' && next.type === KEY_DATA_TYPE.LI_SEED ? next : null;
    keys.push({
      uri: uriOf(identity.data),
      ...readInterval(key),
      privateKey: decodeBfPrivateKeyBlock(key.key.expose()),
      seed: seed === null ? null : readSeed(seed),
    });
    key.key.wipe();
    at += seed === null ? 2 : 3;
  }
  return keys;
}

/* ---------------------------------------------------------------- helpers */

function uriOf(data: Uint8Array): string {
  try {
    return fromUtf8(data);
  } catch (cause) {
    throw new RequestKeyError('no-keys', 'an identity from the KMS is not UTF-8', { cause });
  }
}

function payloadsOfKey({ uri, from, to, privateKey, seed }: IssuedKey): Payload[] {
  const identity = { kind: 'idr', role: ID_ROLE.IDRi, type: ID_TYPE.URI, data: utf8(uri) } as const;
  const block = Secret.of(encodeBfPrivateKeyBlock(privateKey));
  const key = keyData(KEY_DATA_TYPE.K_PR, block, interval(from, to));
  if (seed === null) return [identity, key];
  const { slotStart } = seed;
  const kv = slotStart === null ? NO_VALIDITY : interval(slotStart, to);
  return [identity, key, keyData(KEY_DATA_TYPE.LI_SEED, seed.key, kv)];
}

function keyData(type: number, key: Secret, kv: KeyValidity): KeyDataPayload {
  return { kind: 'key-data', type, key, salt: null, kv };
}

/** VF and VT: a length octet's worth of NTP-UTC each. */
function interval(from: number, to: number): KeyValidity {
  return { kind: 'interval', from: ntpFromUnixMs(from * 1000), to: ntpFromUnixMs(to * 1000) };
}

function readInterval({ kv }: KeyDataPayload): { readonly from: number; readonly to: number } {
  if (kv.kind !== 'interval')
    throw new RequestKeyError('no-keys', 'a key of the KMS does not say when it is valid');
  return { from: unixSecondsFromNtp(kv.from).seconds, to: unixSecondsFromNtp(kv.to).seconds };
}

function readSeed(seed: KeyDataPayload): NonNullable<IssuedKey['seed']> {
  if (seed.key.length !== SEED_OCTETS)
    throw new RequestKeyError('no-keys', `a seed of ${seed.key.length} octets`);
  return { key: seed.key, slotStart: seed.kv.kind === 'interval' ? readInterval(seed).from : null };
}
