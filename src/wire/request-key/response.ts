/**
 * What a KMS answers to REQUEST_KEY (RFC 6267 section 4.2.1, profile section 4):
 *
 *     REQUEST_KEY_RESP   HDR, T, IDRi…, IDRkms, KEMAC, V
 *     Error              HDR, T, ERR                                             (RFC 3830 section 5.1.2)
 *
 * An Error message has no V, since who asked may be unknown; so nothing is concluded from one but that there are no
 * keys.
 */
import { equalOctets } from '../../bytes/octets.ts';
import type { Secret } from '../../bytes/secret.ts';
import { authKeyOctets } from '../../mikey/mac.ts';
import { decodeMessage, encodeMessage, onlyPayload } from '../../mikey/message.ts';
import {
  CS_ID_MAP_TYPE,
  DATA_TYPE,
  ENCR_ALG,
  ERROR_NO,
  MAC_ALG,
  MIKEY_VERSION,
  nameOf,
} from '../../mikey/registry.ts';
import { RequestKeyError } from './errors.ts';
import { decodeIssuedKeys, encodeIssuedKeys } from './issued-keys.ts';
import type { IssuedKey } from './issued-keys.ts';
import { cryptRequestKey, requestKeyMac, requestKeyMacAlg } from './protection.ts';
import type { KeyRequest, RefusedRequest, SentKeyRequest } from './request.ts';

/** REQUEST_KEY_RESP with these keys. @param key the pre-shared one, or the envelope key of the request */
export function encodeKeyResponse(request: KeyRequest, key: Secret, keys: readonly IssuedKey[]): Uint8Array {
  const { header, t } = request;
  const encrAlg = ENCR_ALG['AES-CM-128'];
  const authAlg = requestKeyMacAlg(header.prfFunc);
  const subPayloads = encodeIssuedKeys(keys);
  const encrData = cryptRequestKey(encrAlg, request, key, subPayloads);
  subPayloads.fill(0);
  const message = encodeMessage({
    header: { ...header, dataType: DATA_TYPE.REQUEST_KEY_RESP, v: false },
    payloads: [
      { kind: 't', tsType: t.tsType, value: t.value },
      ...request.idri,
      request.idrkms,
      { kind: 'kemac', encrAlg, encrData, macAlg: MAC_ALG.NULL, mac: new Uint8Array() },
      { kind: 'v', authAlg, data: new Uint8Array(authKeyOctets(authAlg)) },
    ],
  });
  message.set(requestKeyMac(request, key, message), message.length - authKeyOctets(authAlg));
  return message;
}

/** The Error message for a request. */
export function encodeKeyError({ header, t, errorNo }: RefusedRequest): Uint8Array {
  return encodeMessage({
    header: {
      ...header,
      dataType: DATA_TYPE.ERROR,
      v: false,
      csCount: 0,
      csIdMapType: CS_ID_MAP_TYPE['Empty map'],
      csIdMap: { kind: 'empty' },
    },
    payloads: [t, { kind: 'err', errorNo, reserved: 0 }],
  });
}

/**
 * The keys in the answer to a request, the caller's own to wipe.
 * @param key the pre-shared one, or the envelope key of the request
 * @throws RequestKeyError whatever else it is
 */
export function decodeKeyResponse(request: SentKeyRequest, key: Secret, answer: Uint8Array): IssuedKey[] {
  try {
    return keysOf(request, key, answer);
  } catch (cause) {
    if (cause instanceof RequestKeyError) throw cause;
    throw new RequestKeyError('malformed', 'the answer of the KMS cannot be understood', { cause });
  }
}

function keysOf(request: SentKeyRequest, key: Secret, answer: Uint8Array): IssuedKey[] {
  const message = decodeMessage(answer);
  const { header } = message;
  const refusal = onlyPayload(message, 'err');
  if (header.dataType === DATA_TYPE.ERROR && refusal !== null) {
    const name = nameOf(ERROR_NO, refusal.errorNo) ?? `error ${refusal.errorNo}`;
    throw new RequestKeyError(
      refusal.errorNo === ERROR_NO['Invalid TS'] ? 'untimely' : 'refused',
      `the KMS refuses: ${name}`,
    );
  }
  const t = onlyPayload(message, 't');
  const kemac = onlyPayload(message, 'kemac');
  const v = message.payloads.at(-1);
  const fits =
    header.version === MIKEY_VERSION &&
    header.dataType === DATA_TYPE.REQUEST_KEY_RESP &&
    header.prfFunc === request.prfFunc &&
    header.csbId === request.csbId &&
    t?.tsType === request.t.tsType &&
    equalOctets(t.value, request.t.value);
  if (!fits) throw new RequestKeyError('other-request', 'the answer of the KMS is to another request');
  const isVerified =
    v?.kind === 'v' &&
    v.authAlg === requestKeyMacAlg(request.prfFunc) &&
    equalOctets(v.data, requestKeyMac(request, key, answer));
  if (!isVerified) throw new RequestKeyError('unverified', 'the answer of the KMS does not verify');
  if (kemac === null) throw new RequestKeyError('no-keys', 'the answer of the KMS has no keys');
  const plain = cryptRequestKey(kemac.encrAlg, request, key, kemac.encrData);
  try {
    return decodeIssuedKeys(plain);
  } finally {
    plain.fill(0);
  }
}
