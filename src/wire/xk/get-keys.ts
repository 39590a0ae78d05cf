/**
 * Xk, between DF2/MF and KMS: get_keys and get_keys_response (tables 7B.7.2.1 and 7B.7.2.2 of the change request to
 * TS 33.107) as JSON. The standard names the parameters and leaves the encoding open; this one is ours
 * (`api/xk.openapi.yaml`).
 *
 *     POST /xk/v1/get-keys
 *     { targetKmsIdentity, xid, iMessage1, rMessage1, iMessage2?, rMessage2?, updates?, midCall? }
 *     200  { verified, cryptoSessions: [{ csId, sessionKey, salt, ssrc, policy, cipher, mki?,
 *                                         deferred?, verified?, headerUnverified? }] }
 *     else { failureIndication, … members of RFC 9457 }
 *
 * MIKEY messages and keys are base64, MKIs hex. `updates` are the last CSB update that changed the keys and, after it, the
 * last that only added crypto sessions, or one of them; the keys are those in force after the last. The R_MESSAGE_1 of one
 * that changed the keys proves them by itself, so that a question has the same size after any number of updates.
 *
 * Strict both ways: unknown members, other types and other base64 are refused. Keys travel as `Secret` up to the octets.
 */
import Type from 'typebox';
import { ClavigerError } from '../../bytes/errors.ts';
import { fromBase64, fromHex, toBase64, toHex } from '../../bytes/octets.ts';
import { faultText, Form, strict, Unfit } from '../../bytes/schema.ts';
import type { FormFault } from '../../bytes/schema.ts';
import { Secret } from '../../bytes/secret.ts';

/** Where a KMS takes questions, by POST. */
export const GET_KEYS_PATH = '/xk/v1/get-keys';

export type XkErrorCode =
  /** Not the JSON that the interface prescribes. */
  'malformed';

/** A failure of the Xk codec; its message names the members and never their values. */
export class XkError extends ClavigerError<XkErrorCode> {}

/** The closed list of failures (profile, section 6). */
export const FAILURE_INDICATIONS = [
  /** Client, task, identity or time: one answer for all. */
  'not-authorised',
  /** The target is neither initiator nor responder, nor the party of a deferred key. */
  'target-not-party',
  /** All that is wrong with the messages. */
  'messages-inconsistent',
  /** The party's point is not the one that its seed gives. */
  'endpoint-not-compliant',
  /** The LI root of that time is destroyed. */
  'epoch-destroyed',
  /** The KMS cannot answer now; the question may be put again. */
  'temporarily-unavailable',
] as const;

export type FailureIndication = (typeof FAILURE_INDICATIONS)[number];

/** What a crypto session is protected with, by its registered SDES name (RFC 4568 6.2, RFC 6188 4, RFC 7714 14.1). */
export const XK_CIPHERS = [
  'AES_CM_128_HMAC_SHA1_80',
  'AES_256_CM_HMAC_SHA1_80',
  'AEAD_AES_128_GCM',
  'AEAD_AES_256_GCM',
] as const;

export type XkCipher = (typeof XK_CIPHERS)[number];

/** The two messages of a CSB update (RFC 6267 section 5.3). */
export interface XkUpdate {
  readonly iMessage1: Uint8Array;
  readonly rMessage1: Uint8Array;
}

export interface GetKeysRequest {
  /** Public KMS identity of the target: a SIP or tel: URI. */
  readonly targetKmsIdentity: string;
  /** The task under which the question is put. */
  readonly xid: string;
  readonly iMessage1: Uint8Array;
  readonly rMessage1: Uint8Array;
  /** `null` while the call is being set up. */
  readonly iMessage2: Uint8Array | null;
  readonly rMessage2: Uint8Array | null;
  /** The last CSB update with IBAKE, and the last one without that came later; none, either, or both, in this order. */
  readonly updates: readonly XkUpdate[];
  /** Interception began in mid-call: T may lie before the task's start. */
  readonly midCall: boolean;
}

export interface XkCryptoSession {
  readonly csId: number;
  readonly sessionKey: Secret;
  readonly salt: Secret;
  readonly ssrc: number;
  /** The number under which the CS ID map names the cipher. */
  readonly policy: number;
  readonly cipher: XkCipher;
  /** `null` where no container that says it was opened. */
  readonly mki: Uint8Array | null;
  /** Keys of content that the initiator left with a mailbox; who wrote it is not proven, so that it is never verified. */
  readonly deferred: boolean;
  /** SSRC and policy stand in a header that nothing verifies yet. */
  readonly headerUnverified: boolean;
}

export interface GetKeysAnswer {
  /** Of all crypto sessions but deferred ones. */
  readonly verified: boolean;
  readonly cryptoSessions: readonly XkCryptoSession[];
}

export interface GetKeysFailure {
  readonly failureIndication: FailureIndication;
}

export type GetKeysResponse = GetKeysAnswer | GetKeysFailure;

/** Whether a response is a failure. */
export function isGetKeysFailure(response: GetKeysResponse): response is GetKeysFailure {
  return 'failureIndication' in response;
}

/** Wipes the keys of an answer, which nobody needs once they are written or handed over. */
export function wipeKeys(response: GetKeysResponse): void {
  if (isGetKeysFailure(response)) return;
  for (const { sessionKey, salt } of response.cryptoSessions) {
    sessionKey.wipe();
    salt.wipe();
  }
}

/* ---------------------------------------------------------------- forms */

/** Octets of one MIKEY message at most: what SIP over TCP would still carry. */
const MAX_MESSAGE_OCTETS = 65_535;
const MAX_UPDATES = 2;
/** Those of the call, and those of content left with a mailbox. */
const MAX_SESSIONS = 2 * 255;
const MAX_TEXT = 1024;

const text = (description: string, examples: readonly string[] = []) =>
  Type.String({
    minLength: 1,
    maxLength: MAX_TEXT,
    description,
    ...(examples.length === 0 ? {} : { examples }),
    errorMessage: `a text of 1 to ${MAX_TEXT} characters`,
  });

const base64Length = (octets: number) => Math.ceil(octets / 3) * 4;

const MESSAGE = Type.Decode(
  Type.String({
    title: 'MikeyMessage',
    contentEncoding: 'base64',
    minLength: base64Length(1),
    maxLength: base64Length(MAX_MESSAGE_OCTETS),
    description: 'One MIKEY message, RFC 3830 and RFC 6267',
    errorMessage: `base64 of 1 to ${MAX_MESSAGE_OCTETS} octets`,
  }),
  (base64) => fromBase64(base64),
);

/** A key of one of some lengths, in octets. */
function key(description: string, ...lengths: readonly [number, ...number[]]) {
  const expected = `base64 of ${lengths.join(' or ')} octets`;
  const encoded = lengths.map(base64Length);
  const schema = Type.String({
    contentEncoding: 'base64',
    minLength: Math.min(...encoded),
    maxLength: Math.max(...encoded),
    description,
    errorMessage: expected,
  });
  return Type.Decode(schema, (base64) => {
    const octets = fromBase64(base64);
    if (!lengths.includes(octets.length)) throw new Unfit(expected);
    return Secret.of(octets);
  });
}

const UPDATE = strict(
  { iMessage1: MESSAGE, rMessage1: MESSAGE },
  { title: 'Update', description: 'The two messages of a CSB update, RFC 6267 section 5.3' },
);

export const GET_KEYS_REQUEST = strict(
  {
    targetKmsIdentity: text('Public KMS identity of the target, a SIP or tel URI', [
      'sip:alice@home1.example',
    ]),
    xid: text('XID of the task under which the question is put'),
    iMessage1: MESSAGE,
    rMessage1: MESSAGE,
    iMessage2: Type.Optional(MESSAGE),
    rMessage2: Type.Optional(MESSAGE),
    updates: Type.Array(UPDATE, {
      default: [],
      maxItems: MAX_UPDATES,
      description:
        'The last CSB update that changed the keys, and the last one that came later and only added crypto sessions',
    }),
    midCall: Type.Boolean({
      default: false,
      description:
        "Interception began on an established session: T may lie before the task's start, by the configured session memory at most; recorded as such.",
    }),
  },
  { title: 'GetKeysRequest', description: 'iMessage2 and rMessage2 may lack while the call is being set up' },
);

const BOTH_OR_NEITHER = 'deferred, and with it verified: false';

const CRYPTO_SESSION = strict(
  {
    csId: Type.Integer({ minimum: 1, maximum: 255 }),
    sessionKey: key('TEK, the SRTP master key, 16 or 32 octets', 16, 32),
    salt: key('SRTP master salt, 14 octets, with GCM 12', 12, 14),
    ssrc: Type.Integer({ minimum: 1, maximum: 0xffffffff }),
    policy: Type.Integer({ minimum: 0, maximum: 255, description: 'Its number in the CS ID map' }),
    cipher: Type.Enum([...XK_CIPHERS]),
    mki: Type.Optional(
      Type.Decode(
        Type.String({
          pattern: '^[0-9a-f]{16}$',
          description: 'Where a container that says it was opened',
          errorMessage: '16 hexadecimal digits',
        }),
        (hex) => fromHex(hex),
      ),
    ),
    deferred: Type.Optional(
      Type.Literal(true, { description: 'Of content left with a mailbox; who wrote it is not proven' }),
    ),
    verified: Type.Optional(Type.Literal(false, { description: 'With deferred' })),
    headerUnverified: Type.Optional(
      Type.Literal(true, { description: 'SSRC and policy stand in a header that nothing verifies yet' }),
    ),
  },
  { title: 'CryptoSession' },
);

const sessions = (description: string) =>
  Type.Array(
    Type.Decode(CRYPTO_SESSION, ({ mki = null, deferred, verified, headerUnverified, ...session }) => {
      if ((deferred === undefined) !== (verified === undefined)) throw new Unfit(BOTH_OR_NEITHER);
      return {
        ...session,
        mki,
        deferred: deferred === true,
        headerUnverified: headerUnverified === true,
      };
    }),
    { maxItems: MAX_SESSIONS, description },
  );

export const GET_KEYS_ANSWER = strict(
  {
    verified: Type.Boolean({
      description:
        "The party's own point, or a verification payload, was seen to match; then the keys are never wrong. It speaks of all crypto sessions but deferred ones",
    }),
    cryptoSessions: sessions('With updates, the keys in force after the last'),
  },
  { title: 'GetKeysAnswer' },
);

const UNREAD = Type.Optional(Type.Unknown({ description: 'RFC 9457' }));

/** Beside the failure, the members of problem details, which nobody reads. */
export const GET_KEYS_FAILURE = strict(
  {
    failureIndication: Type.Enum([...FAILURE_INDICATIONS]),
    type: UNREAD,
    title: UNREAD,
    status: UNREAD,
    detail: UNREAD,
    instance: UNREAD,
  },
  { title: 'Failure', description: 'Problem details, RFC 9457, with the failure' },
);

const REQUEST_FORM = new Form(GET_KEYS_REQUEST, { all: true });
const ANSWER_FORM = new Form(GET_KEYS_ANSWER, { all: true });
const FAILURE_FORM = new Form(GET_KEYS_FAILURE, { all: true });

const malformed = (what: string) => (faults: readonly FormFault[]) =>
  new XkError('malformed', faults.map((fault) => faultText(fault, what, 'member')).join('; '));

/* ------------------------------------------------------------- get_keys */

/** The JSON text of a question. */
export function encodeGetKeysRequest(request: GetKeysRequest): string {
  const updates = request.updates.map(({ iMessage1, rMessage1 }) => ({
    iMessage1: toBase64(iMessage1),
    rMessage1: toBase64(rMessage1),
  }));
  return JSON.stringify({
    targetKmsIdentity: request.targetKmsIdentity,
    xid: request.xid,
    iMessage1: toBase64(request.iMessage1),
    rMessage1: toBase64(request.rMessage1),
    ...(request.iMessage2 === null ? {} : { iMessage2: toBase64(request.iMessage2) }),
    ...(request.rMessage2 === null ? {} : { rMessage2: toBase64(request.rMessage2) }),
    ...(updates.length === 0 ? {} : { updates }),
    ...(request.midCall ? { midCall: true } : {}),
  });
}

/** A question from JSON text, or from what a parser made of it. @throws XkError `malformed` */
export function decodeGetKeysRequest(json: unknown): GetKeysRequest {
  const {
    iMessage2 = null,
    rMessage2 = null,
    ...request
  } = REQUEST_FORM.readOr(parsed(json), malformed('get_keys'));
  return { ...request, iMessage2, rMessage2 };
}

/* ---------------------------------------------------- get_keys_response */

/** The JSON text of an answer or failure; it holds the keys in clear, for a TLS connection and nothing else. */
export function encodeGetKeysResponse(response: GetKeysResponse): Secret {
  const json = isGetKeysFailure(response)
    ? { failureIndication: response.failureIndication }
    : {
        verified: response.verified,
        cryptoSessions: response.cryptoSessions.map(sessionJson),
      };
  return Secret.of(new TextEncoder().encode(JSON.stringify(json)));
}

/** An answer, or a failure (also as RFC 9457 problem details). @throws XkError `malformed` */
export function decodeGetKeysResponse(json: unknown): GetKeysResponse {
  const value = parsed(json);
  const refuse = malformed('get_keys_response');
  if (typeof value === 'object' && value !== null && 'failureIndication' in value)
    return { failureIndication: FAILURE_FORM.readOr(value, refuse).failureIndication };
  return ANSWER_FORM.readOr(value, refuse);
}

function sessionJson(session: XkCryptoSession): object {
  const { csId, sessionKey, salt, ssrc, policy, cipher, mki, deferred, headerUnverified } = session;
  return {
    csId,
    sessionKey: toBase64(sessionKey.expose()),
    salt: toBase64(salt.expose()),
    ssrc,
    policy,
    cipher,
    ...(mki === null ? {} : { mki: toHex(mki) }),
    ...(deferred ? { deferred, verified: false } : {}),
    ...(headerUnverified ? { headerUnverified } : {}),
  };
}

function parsed(json: unknown): unknown {
  if (typeof json !== 'string') return json;
  try {
    return JSON.parse(json) as unknown;
  } catch {
    // The parser's own message quotes the text, which may hold keys.
    throw new XkError('malformed', 'not JSON');
  }
}
