/**
 * REQUEST_KEY_INIT (RFC 6267 section 4.2.1, profile section 4): a device asks its KMS for keys, and proves who it is by a
 * pre-shared key or by the key of a certificate.
 *
 *     PSK   HDR, T, RAND, [TRs], [TRe], IDRi…, IDRkms, [IDRpsk], V
 *     PKE   HDR, T, RAND, [TRs], [TRe], IDRi…, CERT…, IDRkms, [CHASH], PKE, SIGN                    no KEMAC in either
 *
 * The order is ours; that of others is taken as it comes. Payloads that are not expected are ignored, as 4.2.1.2 has it,
 * save KEMAC, and what the other of the two would prove it by: a message has one.
 */
import type { KeyObject, X509Certificate } from 'node:crypto';
import { concat, equalOctets, fromUtf8, utf8 } from '../../bytes/octets.ts';
import type { Random } from '../../bytes/ports.ts';
import { Reader } from '../../bytes/reader.ts';
import { isUsableRsaKey } from '../../bytes/rsa-keys.ts';
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
  CACHE_TYPE,
  CERT_TYPE,
  CS_ID_MAP_TYPE,
  DATA_TYPE,
  ERROR_NO,
  HASH_FUNC,
  ID_ROLE,
  ID_TYPE,
  MIKEY_VERSION,
  PRF_FUNC,
  SIGN_TYPE,
  TS_ROLE,
  TS_TYPE,
} from '../../mikey/registry.ts';
import { RequestKeyError } from './errors.ts';
import { requestKeyMac, requestKeyMacAlg } from './protection.ts';
import type { RequestKeyContext } from './protection.ts';
import { certificateHash, newEnvelope, signatureOctets, signRequestKey } from './signature.ts';

const RAND_OCTETS = 16;
/** CERT payloads of a request: a device's own, and those of authorities between it and one that the KMS knows. */
const MAX_CERTIFICATES = 5;

/** What a device shares with its KMS. */
export interface KmsCredential {
  /** ID data of IDRpsk: which pre-shared key. */
  readonly name: string;
  readonly psk: Secret;
  /** ID data of IDRkms. */
  readonly district: string;
}

/** What a device proves itself by instead: a certificate. */
export interface CertifiedCredential {
  /** Its own certificate first, then those of the authorities between it and one that the KMS knows. */
  readonly chain: readonly X509Certificate[];
  /** RSA, as the certificate has it. */
  readonly privateKey: KeyObject;
  /** Of the KMS, with the key that the envelope key is encrypted to. */
  readonly kms: X509Certificate;
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

/** One whose answer is protected by an envelope key of its own. */
export interface SentCertifiedRequest extends SentKeyRequest {
  readonly envelope: Secret;
}

/** By what a request proves who sent it. */
export type RequestProof =
  | {
      readonly kind: 'psk';
      /** What IDRpsk names, if it is there. */
      readonly credential: string | null;
      /** The MAC of V. */
      readonly mac: Uint8Array;
    }
  | {
      readonly kind: 'certificate';
      /** DER, in their order; one at least. */
      readonly chain: readonly Uint8Array[];
      /** Of the KMS's certificate, if the request says which it means. */
      readonly certificateHash: Uint8Array | null;
      /** Data of PKE. */
      readonly envelope: Uint8Array;
      readonly signature: Uint8Array;
    };

type ProofOf<K extends RequestProof['kind']> = Extract<RequestProof, { kind: K }>;

/** A request that has the prescribed form; nothing about it is authenticated yet. */
export interface KeyRequest extends RequestKeyContext {
  readonly octets: Uint8Array;
  readonly header: CommonHeader;
  readonly t: TPayload;
  /** Unix seconds of T. */
  readonly time: number;
  readonly uris: readonly string[];
  readonly wanted: WantedDates;
  readonly proof: RequestProof;
}

/** A request that is answered with an Error message. */
export interface RefusedRequest {
  readonly header: CommonHeader;
  readonly t: TPayload;
  readonly errorNo: number;
}

/** A new request under a pre-shared key, with a CSB ID and RAND of its own. */
export function makeKeyRequest(
  credential: KmsCredential,
  wanted: WantedKeys,
  random: Random,
): SentKeyRequest {
  const context = newContext(credential.district, wanted, random);
  const authAlg = requestKeyMacAlg(context.prfFunc);
  const octets = encodeMessage({
    header: headerOf(context, DATA_TYPE.REQUEST_KEY_PSK),
    payloads: [
      ...commonPayloads(context, wanted),
      ...context.idri,
      context.idrkms,
      idrOf(ID_ROLE.IDRpsk, credential.name),
      { kind: 'v', authAlg, data: new Uint8Array(authKeyOctets(authAlg)) },
    ],
  });
  octets.set(requestKeyMac(context, credential.psk, octets), octets.length - authKeyOctets(authAlg));
  return { ...context, octets };
}

/**
 * The same with a certificate, and with an envelope key of its own, the caller's to wipe.
 * @throws RequestKeyError `credential` for keys that are not RSA of a size that is used
 */
export function makeCertifiedKeyRequest(
  { chain, privateKey, kms, district }: CertifiedCredential,
  wanted: WantedKeys,
  random: Random,
): SentCertifiedRequest {
  if (!isUsableRsaKey(privateKey) || !isUsableRsaKey(kms.publicKey))
    throw new RequestKeyError(
      'credential',
      'keys of certificates for REQUEST_KEY are RSA of 2048 to 8192 bits',
    );
  const context = newContext(district, wanted, random);
  const { key: envelope, data } = newEnvelope(kms.publicKey, random);
  const signature = new Uint8Array(signatureOctets(privateKey));
  const octets = encodeMessage({
    header: headerOf(context, DATA_TYPE.REQUEST_KEY_PKE),
    payloads: [
      ...commonPayloads(context, wanted),
      ...context.idri,
      ...chain.map(({ raw }) => ({
        kind: 'cert' as const,
        type: CERT_TYPE['X.509v3'],
        data: new Uint8Array(raw),
      })),
      context.idrkms,
      { kind: 'chash', hashFunc: HASH_FUNC['SHA-256'], hash: certificateHash(kms) },
      { kind: 'pke', cache: CACHE_TYPE['No cache'], data },
      { kind: 'sign', type: SIGN_TYPE['RSA/PSS'], signature },
    ],
  });
  octets.set(signRequestKey(context, privateKey, octets), octets.length - signature.length);
  return { ...context, octets, envelope };
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
  const readProof = PROOFS[header.dataType];
  if (readProof === undefined) return refuse('Invalid DT');
  if (!isSupportedPrf(header.prfFunc)) return refuse('Invalid PRF');
  if (header.csCount !== 0 || header.csIdMapType !== CS_ID_MAP_TYPE['Empty map'])
    return refuse('Unspecified error');
  if (t.tsType !== TS_TYPE['NTP-UTC']) return refuse('Invalid TS');
  const rand = onlyPayload(message, 'rand');
  if (rand === null || rand.rand.length < RAND_OCTETS || payloadsOf(message, 'kemac').length > 0)
    return refuse('Unspecified error');
  const proof = readProof(message, octets.length);
  if (typeof proof === 'string') return refuse(proof);
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
    proof,
  };
}

/** Whether V was made with this pre-shared key; of a message without V: no. */
export function isRequestMadeWith(request: KeyRequest, psk: Secret): boolean {
  const { proof, octets } = request;
  return proof.kind === 'psk' && equalOctets(requestKeyMac(request, psk, octets), proof.mac);
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

function newContext(district: string, { uris, time }: WantedKeys, random: Random): RequestKeyContext {
  return {
    prfFunc: PRF_FUNC['PRF-HMAC-SHA-256'],
    csbId: new Reader(random.bytes(4)).u32('CSB ID'),
    rand: random.bytes(RAND_OCTETS),
    t: { kind: 't', tsType: TS_TYPE['NTP-UTC'], value: ntpFromUnixMs(time) },
    idri: uris.map((uri) => idrOf(ID_ROLE.IDRi, uri)),
    idrkms: idrOf(ID_ROLE.IDRkms, district),
  };
}

function headerOf({ prfFunc, csbId }: RequestKeyContext, dataType: number): CommonHeader {
  return {
    version: MIKEY_VERSION,
    dataType,
    v: true,
    prfFunc,
    csbId,
    csCount: 0,
    csIdMapType: CS_ID_MAP_TYPE['Empty map'],
    csIdMap: { kind: 'empty' },
  };
}

function commonPayloads({ t, rand }: RequestKeyContext, { wanted }: WantedKeys): Payload[] {
  return [
    t,
    { kind: 'rand', rand },
    ...roleOfTime(TS_ROLE.TRs, wanted.from),
    ...roleOfTime(TS_ROLE.TRe, wanted.to),
  ];
}

type ReadProof = (message: MikeyMessage, length: number) => RequestProof | keyof typeof ERROR_NO;

const PROOFS: Readonly<Record<number, ReadProof>> = {
  [DATA_TYPE.REQUEST_KEY_PSK]: readMac,
  [DATA_TYPE.REQUEST_KEY_PKE]: readSignature,
};

/** What a request with a certificate alone has. */
const OF_CERTIFICATES = ['cert', 'chash', 'pke', 'sign'] as const;

function readMac(message: MikeyMessage, length: number): ProofOf<'psk'> | keyof typeof ERROR_NO {
  const v = onlyPayload(message, 'v');
  const names = pskNames(message);
  if (v === null || v.offset + v.length !== length) return 'Auth failure';
  if (v.authAlg !== requestKeyMacAlg(message.header.prfFunc)) return 'Invalid MAC';
  if (OF_CERTIFICATES.some((kind) => payloadsOf(message, kind).length > 0)) return 'Unspecified error';
  const [credential = null, ...others] = names.map((data) => text(data));
  if (others.length > 0 || (names.length > 0 && credential === null)) return 'Invalid ID';
  return { kind: 'psk', credential, mac: v.data };
}

function readSignature(message: MikeyMessage): ProofOf<'certificate'> | keyof typeof ERROR_NO {
  const sign = onlyPayload(message, 'sign');
  if (sign === null || sign.type !== SIGN_TYPE['RSA/PSS']) return 'Auth failure';
  if (payloadsOf(message, 'v').length > 0 || pskNames(message).length > 0) return 'Unspecified error';
  const certificates = payloadsOf(message, 'cert');
  const isShown = (type: number): boolean =>
    type === CERT_TYPE['X.509v3'] || type === CERT_TYPE['X.509v3 Sign'];
  if (certificates.length === 0 || certificates.length > MAX_CERTIFICATES) return 'Invalid Cert';
  if (!certificates.every(({ type }) => isShown(type))) return 'Invalid Cert';
  const [hash = null, ...others] = payloadsOf(message, 'chash');
  if (others.length > 0) return 'Unspecified error';
  if (hash !== null && hash.hashFunc !== HASH_FUNC['SHA-256']) return 'Invalid HA';
  const envelope = onlyPayload(message, 'pke');
  // To keep an envelope key as a pre-shared one, as the other types ask, is nothing that this exchange has.
  if (envelope === null || envelope.cache !== CACHE_TYPE['No cache']) return 'Unspecified error';
  return {
    kind: 'certificate',
    chain: certificates.map(({ data }) => data),
    certificateHash: hash === null ? null : hash.hash,
    envelope: envelope.data,
    signature: sign.signature,
  };
}

function pskNames(message: MikeyMessage): readonly Uint8Array[] {
  return payloadsOf(message, 'idr').flatMap(({ role, data }) => (role === ID_ROLE.IDRpsk ? [data] : []));
}

function readIdentities(message: MikeyMessage): Pick<KeyRequest, 'idri' | 'uris' | 'idrkms'> | null {
  const idrs = payloadsOf(message, 'idr');
  const idri = idrs.filter(({ role }) => role === ID_ROLE.IDRi);
  const [idrkms, ...others] = idrs.filter(({ role }) => role === ID_ROLE.IDRkms);
  if (idri.length === 0 || idrkms === undefined || others.length > 0) return null;
  if ([...idri, idrkms].some(({ type }) => type !== ID_TYPE.URI)) return null;
  const uris = idri.map(({ data }) => text(data));
  if (uris.some((uri) => uri === null) || new Set(uris).size !== uris.length) return null;
  return { idri, idrkms, uris: uris.filter((uri) => uri !== null) };
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
