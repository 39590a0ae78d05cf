/**
 * REQUEST_KEY_PSK and its answer as messages (RFC 6267 section 4.2.1, profile section 4).
 *
 *     request  = HDR, T, RAND, (IDRi), IDRkms, [IDRpsk], [TRs], [TRe], V        no KEMAC
 *     answer   = HDR, T, (IDRi), IDRkms, KEMAC, V
 *     V        = MAC(message without MAC ‖ ID data of each IDRi ‖ ID data of IDRkms)
 *     error    = HDR, T, ERR                                                  (RFC 3830 section 5.1.2)
 *
 * Payloads that are not expected are ignored, as RFC 6267 4.2.1.2 has it, save KEMAC.
 */
import { concat, equalOctets, fromUtf8 } from '../../bytes/octets.ts';
import type { Secret } from '../../bytes/secret.ts';
import type { CommonHeader } from '../../mikey/header.ts';
import { deriveMessageKey } from '../../mikey/kdf.ts';
import { cryptKemac } from '../../mikey/kemac.ts';
import { authKeyOctets, computeMac } from '../../mikey/mac.ts';
import { decodeMessage, encodeMessage, onlyPayload, payloadsOf } from '../../mikey/message.ts';
import type { MikeyMessage } from '../../mikey/message.ts';
import { unixSecondsFromNtp } from '../../mikey/ntp.ts';
import type { Payload } from '../../mikey/payload.ts';
import type { IdrPayload } from '../../mikey/payloads/idr.ts';
import type { TPayload } from '../../mikey/payloads/t.ts';
import { isSupportedPrf } from '../../mikey/prf.ts';
import {
  CS_ID_MAP_TYPE,
  DATA_TYPE,
  ENCR_ALG,
  ERROR_NO,
  ID_ROLE,
  ID_TYPE,
  MAC_ALG,
  MIKEY_VERSION,
  PRF_FUNC,
  TS_ROLE,
  TS_TYPE,
} from '../../mikey/registry.ts';
import { KmsError } from './errors.ts';
import type { WantedDates } from './issuance.ts';

const MIN_RAND_OCTETS = 16;

/** A request that has the prescribed form; nothing about it is authenticated yet. */
export interface KeyRequest {
  readonly octets: Uint8Array;
  readonly header: CommonHeader;
  readonly t: TPayload;
  /** Unix seconds of T. */
  readonly time: number;
  readonly rand: Uint8Array;
  readonly idri: readonly IdrPayload[];
  readonly uris: readonly string[];
  readonly idrkms: IdrPayload;
  /** What IDRpsk names, if it is there. */
  readonly credential: string | null;
  readonly wanted: WantedDates;
  readonly verification: { readonly data: Uint8Array; readonly covered: Uint8Array };
}

/** A request that is answered with an Error message. */
export interface RefusedRequest {
  readonly message: MikeyMessage;
  readonly errorNo: number;
}

/**
 * Takes a request apart.
 * @throws KmsError `malformed-request` where not even an Error message can be made of it
 */
export function parseKeyRequest(octets: Uint8Array): KeyRequest | RefusedRequest {
  const message = decode(octets);
  const { header } = message;
  const t = onlyPayload(message, 't');
  if (t === null || header.version !== MIKEY_VERSION)
    throw new KmsError('malformed-request', 'not a MIKEY message with a timestamp');
  const refuse = (error: keyof typeof ERROR_NO): RefusedRequest => ({ message, errorNo: ERROR_NO[error] });
  if (header.dataType !== DATA_TYPE.REQUEST_KEY_PSK) return refuse('Invalid DT');
  if (!isSupportedPrf(header.prfFunc)) return refuse('Invalid PRF');
  if (header.csCount !== 0 || header.csIdMapType !== CS_ID_MAP_TYPE['Empty map'])
    return refuse('Unspecified error');
  if (t.tsType !== TS_TYPE['NTP-UTC']) return refuse('Invalid TS');
  const rand = onlyPayload(message, 'rand');
  const v = onlyPayload(message, 'v');
  if (rand === null || rand.rand.length < MIN_RAND_OCTETS || payloadsOf(message, 'kemac').length > 0)
    return refuse('Unspecified error');
  if (v === null || v.offset + v.length !== octets.length) return refuse('Auth failure');
  if (v.authAlg !== authAlgOf(header.prfFunc)) return refuse('Invalid MAC');
  const identities = readIdentities(message);
  if (identities === null) return refuse('Invalid ID');
  return {
    octets,
    header,
    t,
    time: unixTime(t.value),
    rand: rand.rand,
    ...identities,
    wanted: { from: roleTime(message, TS_ROLE.TRs), to: roleTime(message, TS_ROLE.TRe) },
    verification: { data: v.data, covered: octets.subarray(0, octets.length - v.data.length) },
  };
}

/** Whether V was made with this pre-shared key. */
export function verifies(request: KeyRequest, psk: Secret): boolean {
  const authAlg = authAlgOf(request.header.prfFunc);
  const expected = macOver(request, psk, authAlg, request.verification.covered);
  return equalOctets(expected, request.verification.data);
}

/** REQUEST_KEY_RESP with these sub-payloads in its KEMAC. */
export function encodeKeyResponse(request: KeyRequest, psk: Secret, subPayloads: Uint8Array): Uint8Array {
  const { header, rand, t } = request;
  const context = { key: psk, prfFunc: header.prfFunc, csbId: header.csbId, rand, t };
  const encrAlg = ENCR_ALG['AES-CM-128'];
  const authAlg = authAlgOf(header.prfFunc);
  const encrData = cryptKemac(encrAlg, context, subPayloads);
  const unsigned = encodeMessage({
    header: { ...header, dataType: DATA_TYPE.REQUEST_KEY_RESP, v: false },
    payloads: [
      { kind: 't', tsType: t.tsType, value: t.value },
      ...request.idri,
      request.idrkms,
      { kind: 'kemac', encrAlg, encrData, macAlg: MAC_ALG.NULL, mac: new Uint8Array() },
      { kind: 'v', authAlg, data: new Uint8Array(authKeyOctets(authAlg)) },
    ],
  });
  const covered = unsigned.subarray(0, unsigned.length - authKeyOctets(authAlg));
  return concat(covered, macOver(request, psk, authAlg, covered));
}

/** The Error message for a request; without V, since who asked may be unknown. */
export function encodeKeyError(
  message: Pick<MikeyMessage, 'header' | 'payloads'>,
  errorNo: number,
): Uint8Array {
  const t = onlyPayload(message, 't');
  const payloads: Payload[] = [...(t === null ? [] : [t]), { kind: 'err' as const, errorNo, reserved: 0 }];
  const { header } = message;
  return encodeMessage({
    header: {
      ...header,
      dataType: DATA_TYPE.ERROR,
      v: false,
      csCount: 0,
      csIdMapType: CS_ID_MAP_TYPE['Empty map'],
      csIdMap: { kind: 'empty' },
    },
    payloads,
  });
}

/** The MAC algorithm that goes with a PRF func (profile, section 4). */
function authAlgOf(prfFunc: number): number {
  return prfFunc === PRF_FUNC['MIKEY-1'] ? MAC_ALG['HMAC-SHA-1-160'] : MAC_ALG['HMAC-SHA-256-256'];
}

function macOver(request: KeyRequest, psk: Secret, authAlg: number, covered: Uint8Array): Uint8Array {
  const { header, rand, idri, idrkms } = request;
  const context = { prfFunc: header.prfFunc, csbId: header.csbId, rand };
  const authKey = deriveMessageKey('auth', psk, context, authKeyOctets(authAlg));
  const mac = computeMac(authAlg, authKey, covered, ...idri.map(({ data }) => data), idrkms.data);
  authKey.wipe();
  return mac;
}

function decode(octets: Uint8Array): MikeyMessage {
  try {
    return decodeMessage(octets);
  } catch (cause) {
    throw new KmsError('malformed-request', 'not a MIKEY message', { cause });
  }
}

function readIdentities(
  message: MikeyMessage,
): Pick<KeyRequest, 'idri' | 'uris' | 'idrkms' | 'credential'> | null {
  const idrs = payloadsOf(message, 'idr');
  const idri = idrs.filter(({ role }) => role === ID_ROLE.IDRi);
  const [idrkms, ...others] = idrs.filter(({ role }) => role === ID_ROLE.IDRkms);
  const psks = idrs.filter(({ role }) => role === ID_ROLE.IDRpsk);
  if (idri.length === 0 || idrkms === undefined || others.length > 0 || psks.length > 1) return null;
  if ([...idri, idrkms].some(({ type }) => type !== ID_TYPE.URI)) return null;
  const uris = idri.map(({ data }) => text(data));
  const credential = psks[0] === undefined ? null : text(psks[0].data);
  if (uris.some((uri) => uri === null) || new Set(uris).size !== uris.length) return null;
  if (psks[0] !== undefined && credential === null) return null;
  return { idri, idrkms, uris: uris.filter((uri) => uri !== null), credential };
}

function text(data: Uint8Array): string | null {
  try {
    return fromUtf8(data);
  } catch {
    return null;
  }
}

function roleTime(message: MikeyMessage, role: number): number | null {
  const tr = payloadsOf(message, 'tr').find((payload) => payload.role === role);
  if (tr === undefined) return null;
  if (tr.tsType === TS_TYPE['NTP-UTC-32']) return unixTime(concat(tr.value, new Uint8Array(4)));
  return tr.tsType === TS_TYPE['NTP-UTC'] ? unixTime(tr.value) : null;
}

function unixTime(ntp: Uint8Array): number {
  const { seconds, fraction } = unixSecondsFromNtp(ntp);
  return seconds + fraction;
}
