/**
 * REQUEST_KEY_INIT_PSK (RFC 6267 section 4.2.1, profile section 4): a device asks its KMS for keys.
 *
 *     HDR, T, RAND, [TRs], [TRe], IDRi…, IDRkms, [IDRpsk], V                 no KEMAC
 *
 * The order is ours; that of others is taken as it comes. Payloads that are not expected are ignored, as 4.2.1.2 has it,
 * save KEMAC.
 */
import { concat, equalOctets, fromUtf8, utf8 } from '../../bytes/octets.ts';
import type { Random } from '../../bytes/ports.ts';
import { Reader } from '../../bytes/reader.ts';
import type { Secret } from '../../bytes/secret.ts';
import type { CommonHeader } from '../../mikey/header.ts';
import { authKeyOctets } from '../../mikey/mac.ts';
import { decodeMessage, encodeMessage, onlyPayload, payloadsOf } from '../../mikey/message.ts';
import type { MikeyMessage } from '../../mikey/message.ts';
import { ntpFromUnixMs, unixSecondsFromNtp } from '../../mikey/ntp.ts';
import type { Payload } from '../../mikey/payload.ts';
import type { IdrPayload } from '../../mikey/payloads/idr.ts';
import type { TPayload } from '../../mikey/payloads/t.ts';
import { isSupportedPrf } from '../../mikey/prf.ts';
import {
  CS_ID_MAP_TYPE,
  DATA_TYPE,
  ERROR_NO,
  ID_ROLE,
  ID_TYPE,
  MIKEY_VERSION,
  PRF_FUNC,
  TS_ROLE,
  TS_TYPE,
} from '../../mikey/registry.ts';
import { RequestKeyError } from './errors.ts';
import { requestKeyMac, requestKeyMacAlg } from './protection.ts';
import type { RequestKeyContext } from './protection.ts';

const RAND_OCTETS = 16;

/** What a device shares with its KMS. */
export interface KmsCredential {
  /** ID data of IDRpsk: which pre-shared key. */
  readonly name: string;
  readonly psk: Secret;
  /** ID data of IDRkms. */
  readonly district: string;
}

/** Unix seconds; the end is exclusive. Where they are `null` the KMS chooses. */
export interface WantedDates {
  readonly from: number | null;
  readonly to: number | null;
}

export interface WantedKeys {
  /** Canonical URIs of the user's identities. */
  readonly uris: readonly string[];
  /** Unix milliseconds; T of the request. */
  readonly time: number;
  readonly wanted: WantedDates;
}

/** A request as its sender keeps it until the answer comes. */
export interface SentKeyRequest extends RequestKeyContext {
  readonly octets: Uint8Array;
}

/** A request that has the prescribed form; nothing about it is authenticated yet. */
export interface KeyRequest extends RequestKeyContext {
  readonly octets: Uint8Array;
  readonly header: CommonHeader;
  readonly t: TPayload;
  /** Unix seconds of T. */
  readonly time: number;
  readonly uris: readonly string[];
  /** What IDRpsk names, if it is there. */
  readonly credential: string | null;
  readonly wanted: WantedDates;
  /** The MAC of V. */
  readonly mac: Uint8Array;
}

/** A request that is answered with an Error message. */
export interface RefusedRequest {
  readonly header: CommonHeader;
  readonly t: TPayload;
  readonly errorNo: number;
}

/** A new request, with a CSB ID and RAND of its own. */
export function makeKeyRequest(
  credential: KmsCredential,
  { uris, time, wanted }: WantedKeys,
  random: Random,
): SentKeyRequest {
  const context: RequestKeyContext = {
    prfFunc: PRF_FUNC['PRF-HMAC-SHA-256'],
    csbId: new Reader(random.bytes(4)).u32('CSB ID'),
    rand: random.bytes(RAND_OCTETS),
    t: { kind: 't', tsType: TS_TYPE['NTP-UTC'], value: ntpFromUnixMs(time) },
    idri: uris.map((uri) => idrOf(ID_ROLE.IDRi, uri)),
    idrkms: idrOf(ID_ROLE.IDRkms, credential.district),
  };
  const { prfFunc, csbId, t, rand, idri, idrkms } = context;
  const authAlg = requestKeyMacAlg(prfFunc);
  const octets = encodeMessage({
    header: {
      version: MIKEY_VERSION,
      dataType: DATA_TYPE.REQUEST_KEY_PSK,
      v: true,
      prfFunc,
      csbId,
      csCount: 0,
      csIdMapType: CS_ID_MAP_TYPE['Empty map'],
      csIdMap: { kind: 'empty' },
    },
    payloads: [
      t,
      { kind: 'rand', rand },
      ...roleOfTime(TS_ROLE.TRs, wanted.from),
      ...roleOfTime(TS_ROLE.TRe, wanted.to),
      ...idri,
      idrkms,
      idrOf(ID_ROLE.IDRpsk, credential.name),
      { kind: 'v', authAlg, data: new Uint8Array(authKeyOctets(authAlg)) },
    ],
  });
  octets.set(requestKeyMac(context, credential.psk, octets), octets.length - authKeyOctets(authAlg));
  return { ...context, octets };
}

/**
 * Takes a request apart.
 * @throws RequestKeyError `malformed` where not even an Error message can be made of it
 */
export function decodeKeyRequest(octets: Uint8Array): KeyRequest | RefusedRequest {
  const message = decode(octets);
  const { header } = message;
  const t = onlyPayload(message, 't');
  if (t === null || header.version !== MIKEY_VERSION)
    throw new RequestKeyError('malformed', 'not a MIKEY message with a timestamp');
  const refuse = (error: keyof typeof ERROR_NO): RefusedRequest => ({ header, t, errorNo: ERROR_NO[error] });
  if (header.dataType !== DATA_TYPE.REQUEST_KEY_PSK) return refuse('Invalid DT');
  if (!isSupportedPrf(header.prfFunc)) return refuse('Invalid PRF');
  if (header.csCount !== 0 || header.csIdMapType !== CS_ID_MAP_TYPE['Empty map'])
    return refuse('Unspecified error');
  if (t.tsType !== TS_TYPE['NTP-UTC']) return refuse('Invalid TS');
  const rand = onlyPayload(message, 'rand');
  const v = onlyPayload(message, 'v');
  if (rand === null || rand.rand.length < RAND_OCTETS || payloadsOf(message, 'kemac').length > 0)
    return refuse('Unspecified error');
  if (v === null || v.offset + v.length !== octets.length) return refuse('Auth failure');
  if (v.authAlg !== requestKeyMacAlg(header.prfFunc)) return refuse('Invalid MAC');
  const identities = readIdentities(message);
  if (identities === null) return refuse('Invalid ID');
  return {
    octets,
    header,
    prfFunc: header.prfFunc,
    csbId: header.csbId,
    t,
    time: unixTime(t.value),
    rand: rand.rand,
    ...identities,
    wanted: { from: timeOfRole(message, TS_ROLE.TRs), to: timeOfRole(message, TS_ROLE.TRe) },
    mac: v.data,
  };
}

/** Whether V was made with this pre-shared key. */
export function isRequestMadeWith(request: KeyRequest, psk: Secret): boolean {
  return equalOctets(requestKeyMac(request, psk, request.octets), request.mac);
}

/* ---------------------------------------------------------------- helpers */

function decode(octets: Uint8Array): MikeyMessage {
  try {
    return decodeMessage(octets);
  } catch (cause) {
    throw new RequestKeyError('malformed', 'not a MIKEY message', { cause });
  }
}

function idrOf(role: number, text: string): IdrPayload {
  return { kind: 'idr', role, type: ID_TYPE.URI, data: utf8(text) };
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

function roleOfTime(role: number, unixSeconds: number | null): Payload[] {
  if (unixSeconds === null) return [];
  return [{ kind: 'tr', role, tsType: TS_TYPE['NTP-UTC'], value: ntpFromUnixMs(unixSeconds * 1000) }];
}

function timeOfRole(message: MikeyMessage, role: number): number | null {
  const tr = payloadsOf(message, 'tr').find((payload) => payload.role === role);
  if (tr === undefined) return null;
  if (tr.tsType === TS_TYPE['NTP-UTC-32']) return unixTime(concat(tr.value, new Uint8Array(4)));
  return tr.tsType === TS_TYPE['NTP-UTC'] ? unixTime(tr.value) : null;
}

function unixTime(ntp: Uint8Array): number {
  const { seconds, fraction } = unixSecondsFromNtp(ntp);
  return seconds + fraction;
}
