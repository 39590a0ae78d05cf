/**
 * The client's half of REQUEST_KEY under a pre-shared key (RFC 6267 section 4.2.1, with the profile's section 4):
 *
 *     REQUEST_KEY_INIT_PSK = HDR, T, RAND, [TRs, TRe], IDRi…, IDRkms, IDRpsk, V
 *     REQUEST_KEY_RESP     = HDR, T, [IDRi…], [IDRkms], KEMAC, V
 *
 *     V     = MAC(auth_key, message without MAC ‖ ID data of each IDRi ‖ ID data of IDRkms)
 *     KEMAC = E(encr_key, for each identity and period: IDR, K_PR, and for a device identity its LI seed)
 *
 * Both keys come from the pre-shared key, CSB ID and RAND, so the answer proves that it is the KMS's and that it is to
 * this request.
 */
import { concat, equalOctets, fromUtf8, utf8 } from '../bytes/octets.ts';
import type { Random } from '../bytes/ports.ts';
import type { Secret } from '../bytes/secret.ts';
import { Reader } from '../bytes/reader.ts';
import type { AffinePoint } from '../ibe/curve.ts';
import { decodeBfPrivateKeyBlock } from '../ibe/blocks.ts';
import { decodeChain } from '../mikey/chain.ts';
import { deriveMessageKey } from '../mikey/kdf.ts';
import { cryptKemac } from '../mikey/kemac.ts';
import { authKeyOctets, computeMac } from '../mikey/mac.ts';
import { decodeMessage, encodeMessage, onlyPayload } from '../mikey/message.ts';
import { ntpFromUnixMs, unixSecondsFromNtp } from '../mikey/ntp.ts';
import type { LocatedPayload, Payload } from '../mikey/payload.ts';
import type { KeyDataPayload } from '../mikey/payloads/key-data.ts';
import {
  CS_ID_MAP_TYPE,
  DATA_TYPE,
  ERROR_NO,
  ID_ROLE,
  ID_TYPE,
  KEY_DATA_TYPE,
  MAC_ALG,
  MIKEY_VERSION,
  PAYLOAD_TYPE,
  PRF_FUNC,
  TS_ROLE,
  TS_TYPE,
  nameOf,
} from '../mikey/registry.ts';
import { UeError } from './errors.ts';

/** What the endpoint shares with its KMS. */
export interface KmsCredential {
  /** ID data of IDRpsk: which pre-shared key. */
  readonly name: string;
  readonly psk: Secret;
  /** ID data of IDRkms. */
  readonly district: string;
}

export interface WantedKeys {
  /** Canonical URIs of the user's identities. */
  readonly uris: readonly string[];
  /** Unix milliseconds; T of the request. */
  readonly time: number;
  /** Unix seconds; without them the KMS chooses. */
  readonly from?: number;
  readonly to?: number;
}

/** What the KMS gave for one identity and period. Times are Unix seconds, the end exclusive. */
export interface GrantedKey {
  readonly uri: string;
  readonly from: number;
  readonly to: number;
  readonly privateKey: AffinePoint;
  /** k_j of the slot that begins at `slotStart`; for device identities only. */
  readonly seed: { readonly key: Secret; readonly slotStart: number } | null;
}

const PRF = PRF_FUNC['PRF-HMAC-SHA-256'];
const MAC = MAC_ALG['HMAC-SHA-256-256'];
const RAND_OCTETS = 16;
const SEED_OCTETS = 32;

/** One request and the judgement of its answer. */
export class KeyRequest {
  readonly #credential: KmsCredential;
  readonly #csbId: number;
  readonly #rand: Uint8Array;
  readonly #t: Payload & { readonly kind: 't' };
  readonly #identities: Uint8Array;
  readonly octets: Uint8Array;

  constructor(credential: KmsCredential, wanted: WantedKeys, random: Random) {
    this.#credential = credential;
    this.#csbId = new Reader(random.bytes(4)).u32('CSB ID');
    this.#rand = random.bytes(RAND_OCTETS);
    this.#t = { kind: 't', tsType: TS_TYPE['NTP-UTC'], value: ntpFromUnixMs(wanted.time) };
    this.#identities = concat(...wanted.uris.map(utf8), utf8(credential.district));
    this.octets = this.#encode(wanted);
  }

  /**
   * The keys in the answer.
   * @throws UeError `kms` if it is not the answer to this request, under this pre-shared key
   */
  granted(answer: Uint8Array): GrantedKey[] {
    try {
      return this.#granted(answer);
    } catch (cause) {
      if (cause instanceof UeError) throw cause;
      throw new UeError('kms', 'the answer of the KMS cannot be understood', { cause });
    }
  }

  #encode({ uris, from, to }: WantedKeys): Uint8Array {
    const { district, name } = this.#credential;
    const payloads: Payload[] = [
      this.#t,
      { kind: 'rand', rand: this.#rand },
      ...wantedDate(TS_ROLE.TRs, from),
      ...wantedDate(TS_ROLE.TRe, to),
      ...uris.map((uri) => idr(ID_ROLE.IDRi, uri)),
      idr(ID_ROLE.IDRkms, district),
      idr(ID_ROLE.IDRpsk, name),
      { kind: 'v', authAlg: MAC, data: new Uint8Array(authKeyOctets(MAC)) },
    ];
    const header = {
      version: MIKEY_VERSION,
      dataType: DATA_TYPE.REQUEST_KEY_PSK,
      v: true,
      prfFunc: PRF,
      csbId: this.#csbId,
      csCount: 0,
      csIdMapType: CS_ID_MAP_TYPE['Empty map'],
      csIdMap: { kind: 'empty' as const },
    };
    const message = encodeMessage({ header, payloads });
    message.set(this.#mac(message), message.length - authKeyOctets(MAC));
    return message;
  }

  #granted(answer: Uint8Array): GrantedKey[] {
    const message = decodeMessage(answer);
    const { header } = message;
    const refusal = onlyPayload(message, 'err');
    if (header.dataType === DATA_TYPE.ERROR && refusal !== null) {
      const name = nameOf(ERROR_NO, refusal.errorNo) ?? `error ${refusal.errorNo}`;
      throw new UeError('kms', `the KMS refuses: ${name}`);
    }
    const t = onlyPayload(message, 't');
    const kemac = onlyPayload(message, 'kemac');
    const v = message.payloads.at(-1);
    const fits =
      header.version === MIKEY_VERSION &&
      header.dataType === DATA_TYPE.REQUEST_KEY_RESP &&
      header.prfFunc === PRF &&
      header.csbId === this.#csbId &&
      t?.tsType === this.#t.tsType &&
      equalOctets(t.value, this.#t.value);
    if (!fits) throw new UeError('kms', 'the answer of the KMS is to another request');
    if (v?.kind !== 'v' || v.authAlg !== MAC || !equalOctets(v.data, this.#mac(answer))) {
      throw new UeError('kms', 'the answer of the KMS does not verify');
    }
    if (kemac === null) throw new UeError('kms', 'the answer of the KMS has no keys');
    const context = {
      key: this.#credential.psk,
      prfFunc: PRF,
      csbId: this.#csbId,
      rand: this.#rand,
      t: this.#t,
    };
    const plain = cryptKemac(kemac.encrAlg, context, kemac.encrData);
    const keys = readKeys(decodeChain(PAYLOAD_TYPE.IDR, plain));
    plain.fill(0);
    return keys;
  }

  /** The MAC over a message whose last field it is. */
  #mac(message: Uint8Array): Uint8Array {
    const context = { prfFunc: PRF, csbId: this.#csbId, rand: this.#rand };
    const key = deriveMessageKey('auth', this.#credential.psk, context, authKeyOctets(MAC));
    const covered = message.subarray(0, message.length - authKeyOctets(MAC));
    const mac = computeMac(MAC, key, covered, this.#identities);
    key.wipe();
    return mac;
  }
}

/* ---------------------------------------------------------------- helpers */

function idr(role: number, text: string): Payload {
  return { kind: 'idr', role, type: ID_TYPE.URI, data: utf8(text) };
}

function wantedDate(role: number, unixSeconds: number | undefined): Payload[] {
  if (unixSeconds === undefined) return [];
  return [{ kind: 'tr', role, tsType: TS_TYPE['NTP-UTC'], value: ntpFromUnixMs(unixSeconds * 1000) }];
}

/** The plaintext: an IDR, its K_PR, perhaps its seed; again for the next. */
function readKeys(payloads: readonly LocatedPayload[]): GrantedKey[] {
  const keys: GrantedKey[] = [];
  for (let at = 0; at < payloads.length;) {
    const [identity, key, seed] = payloads.slice(at, at + 3);
    if (identity?.kind !== 'idr' || key?.kind !== 'key-data' || key.type !== KEY_DATA_TYPE.K_PR) {
      throw new UeError('kms', 'the keys of the KMS are in no known order');
    }
    const { from, to } = validity(key);
    const own = seed?.kind === 'key-data' && seed.type === KEY_DATA_TYPE.LI_SEED ? seed : null;
    keys.push({
      uri: fromUtf8(identity.data),
      from,
      to,
      privateKey: decodeBfPrivateKeyBlock(key.key.expose()),
      seed: own === null ? null : { key: seedKey(own), slotStart: slotStart(own, from) },
    });
    at += own === null ? 2 : 3;
  }
  return keys;
}

function seedKey({ key }: KeyDataPayload): Secret {
  if (key.length !== SEED_OCTETS) throw new UeError('kms', `a seed of ${key.length} octets`);
  return key;
}

/** Without validity, a seed is that of the period's first slot. */
function slotStart(seed: KeyDataPayload, periodStart: number): number {
  return seed.kv.kind === 'interval' ? validity(seed).from : periodStart;
}

/** VF and VT: a length octet's worth of NTP-UTC each. */
function validity({ kv }: KeyDataPayload): { from: number; to: number } {
  if (kv.kind !== 'interval') throw new UeError('kms', 'a key of the KMS does not say when it is valid');
  return { from: unixSecondsFromNtp(kv.from).seconds, to: unixSecondsFromNtp(kv.to).seconds };
}
