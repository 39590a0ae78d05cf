/**
 * Xk, between DF2/MF and KMS: get_keys and get_keys_response (tables 7B.7.2.1 and 7B.7.2.2 of the change request to
 * TS 33.107) as JSON. The standard names the parameters and leaves the encoding open; this one is ours
 * (`api/xk.openapi.yaml`).
 *
 *     POST /xk/v1/get-keys
 *     { targetKmsIdentity, xid, iMessage1, rMessage1, iMessage2?, rMessage2?, update?, midCall? }
 *     200  { verified, cryptoSessions: [{ csId, sessionKey, salt, ssrc, cipher, mki? }], deferredKey?, stages? }
 *     else { failureIndication, … members of RFC 9457 }
 *
 * MIKEY messages and keys are base64, MKIs hex. `update` is one CSB update or, in order, all of them. Then
 * `cryptoSessions` are the keys in force after the last, and `stages` has those after the initial exchange (first) and
 * after each update.
 *
 * Strict both ways: unknown members, other types and other base64 are refused. Keys travel as `Secret` up to the octets.
 */
import { ClavigerError } from '../../bytes/errors.ts';
import { fromBase64, fromHex, toBase64, toHex } from '../../bytes/octets.ts';
import { Secret } from '../../bytes/secret.ts';

/** Where a KMS takes questions, by POST. */
export const GET_KEYS_PATH = '/xk/v1/get-keys';

export type XkErrorCode =
  /** Not the JSON that the interface prescribes. */
  'malformed';

/** A failure of the Xk codec; its message names the member and never its value. */
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
  /** All CSB updates up to the one asked about, in order. */
  readonly updates: readonly XkUpdate[];
  /** Interception began in mid-call: T may lie before the task's start. */
  readonly midCall: boolean;
}

export interface XkCryptoSession {
  readonly csId: number;
  readonly sessionKey: Secret;
  readonly salt: Secret;
  readonly ssrc: number;
  readonly cipher: XkCipher;
  /** `null` where no container that says it was opened. */
  readonly mki: Uint8Array | null;
}

export interface GetKeysAnswer {
  readonly verified: boolean;
  readonly cryptoSessions: readonly XkCryptoSession[];
  /** SK of deferred delivery. */
  readonly deferredKey: Secret | null;
  /** With updates: keys after the initial exchange, then after each update; else empty. */
  readonly stages: readonly (readonly XkCryptoSession[])[];
}

export interface GetKeysFailure {
  readonly failureIndication: FailureIndication;
}

export type GetKeysResponse = GetKeysAnswer | GetKeysFailure;

/** Octets of one MIKEY message at most: what SIP over TCP would still carry. */
const MAX_MESSAGE_OCTETS = 65_535;
const MAX_UPDATES = 64;
const MAX_TEXT = 1024;
const KEY_OCTETS = [16, 32] as const;
const SALT_OCTETS = [12, 14] as const;
const MKI_OCTETS = [8] as const;

/** Whether a response is a failure. */
export function isGetKeysFailure(response: GetKeysResponse): response is GetKeysFailure {
  return 'failureIndication' in response;
}

/** Wipes the keys of an answer, which nobody needs once they are written or handed over. */
export function wipeKeys(response: GetKeysResponse): void {
  if (isGetKeysFailure(response)) return;
  for (const { sessionKey, salt } of [response.cryptoSessions, ...response.stages].flat()) {
    sessionKey.wipe();
    salt.wipe();
  }
  response.deferredKey?.wipe();
}

/** Whether a text is one of the closed list. */
export function isFailureIndication(text: unknown): text is FailureIndication {
  return FAILURE_INDICATIONS.some((known) => known === text);
}

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
    ...(updates.length === 0 ? {} : { update: updates.length === 1 ? updates[0] : updates }),
    ...(request.midCall ? { midCall: true } : {}),
  });
}

/** A question from JSON text, or from what a parser made of it. @throws XkError `malformed` */
export function decodeGetKeysRequest(json: unknown): GetKeysRequest {
  const members = new Members(parsed(json), 'get_keys');
  const request = {
    targetKmsIdentity: members.text('targetKmsIdentity'),
    xid: members.text('xid'),
    iMessage1: members.message('iMessage1'),
    rMessage1: members.message('rMessage1'),
    iMessage2: members.has('iMessage2') ? members.message('iMessage2') : null,
    rMessage2: members.has('rMessage2') ? members.message('rMessage2') : null,
    updates: members.has('update') ? readUpdates(members.take('update')) : [],
    midCall: members.has('midCall') && members.boolean('midCall'),
  };
  members.end();
  return request;
}

function readUpdates(value: unknown): XkUpdate[] {
  const list: unknown[] = Array.isArray(value) ? value : [value];
  if (list.length === 0 || list.length > MAX_UPDATES)
    throw new XkError('malformed', `update: 1 to ${MAX_UPDATES} expected`);
  return list.map((item) => {
    const members = new Members(item, 'update');
    const update = { iMessage1: members.message('iMessage1'), rMessage1: members.message('rMessage1') };
    members.end();
    return update;
  });
}

/* ---------------------------------------------------- get_keys_response */

/** The JSON text of an answer or failure; it holds the keys in clear, for a TLS connection and nothing else. */
export function encodeGetKeysResponse(response: GetKeysResponse): Secret {
  const json = isGetKeysFailure(response)
    ? { failureIndication: response.failureIndication }
    : {
        verified: response.verified,
        cryptoSessions: response.cryptoSessions.map(sessionJson),
        ...(response.deferredKey === null ? {} : { deferredKey: toBase64(response.deferredKey.expose()) }),
        ...(response.stages.length === 0
          ? {}
          : { stages: response.stages.map((stage) => ({ cryptoSessions: stage.map(sessionJson) })) }),
      };
  return Secret.of(new TextEncoder().encode(JSON.stringify(json)));
}

/** An answer, or a failure (also as RFC 9457 problem details). @throws XkError `malformed` */
export function decodeGetKeysResponse(json: unknown): GetKeysResponse {
  const members = new Members(parsed(json), 'get_keys_response');
  if (members.has('failureIndication')) return { failureIndication: readFailure(members) };
  const answer = {
    verified: members.boolean('verified'),
    cryptoSessions: readSessions(members.take('cryptoSessions')),
    deferredKey: members.has('deferredKey') ? members.key('deferredKey', [32]) : null,
    stages: members.has('stages') ? readStages(members.take('stages')) : [],
  };
  members.end();
  return answer;
}

function readFailure(members: Members): FailureIndication {
  const indication = members.take('failureIndication');
  if (!isFailureIndication(indication))
    throw new XkError('malformed', 'failureIndication: not one of the closed list');
  for (const member of ['type', 'title', 'status', 'detail', 'instance']) members.take(member);
  members.end();
  return indication;
}

function sessionJson({ csId, sessionKey, salt, ssrc, cipher, mki }: XkCryptoSession): object {
  return {
    csId,
    sessionKey: toBase64(sessionKey.expose()),
    salt: toBase64(salt.expose()),
    ssrc,
    cipher,
    ...(mki === null ? {} : { mki: toHex(mki) }),
  };
}

function readSessions(value: unknown): XkCryptoSession[] {
  return list(value, 'cryptoSessions', 255).map((item) => {
    const members = new Members(item, 'cryptoSessions');
    const session = {
      csId: members.integer('csId', 1, 255),
      sessionKey: members.key('sessionKey', KEY_OCTETS),
      salt: members.key('salt', SALT_OCTETS),
      ssrc: members.integer('ssrc', 1, 0xffffffff),
      cipher: readCipher(members.take('cipher')),
      mki: members.has('mki') ? members.hex('mki', MKI_OCTETS) : null,
    };
    members.end();
    return session;
  });
}

function readStages(value: unknown): XkCryptoSession[][] {
  return list(value, 'stages', MAX_UPDATES + 1).map((item) => {
    const members = new Members(item, 'stages');
    const sessions = readSessions(members.take('cryptoSessions'));
    members.end();
    return sessions;
  });
}

function readCipher(value: unknown): XkCipher {
  const cipher = XK_CIPHERS.find((known) => known === value);
  if (cipher === undefined) throw new XkError('malformed', 'cipher: not one of the list');
  return cipher;
}

/* --------------------------------------------------------------- helpers */

function parsed(json: unknown): unknown {
  if (typeof json !== 'string') return json;
  try {
    return JSON.parse(json) as unknown;
  } catch {
    // The parser's own message quotes the text, which may hold keys.
    throw new XkError('malformed', 'not JSON');
  }
}

function list(value: unknown, name: string, most: number): unknown[] {
  if (!Array.isArray(value) || value.length > most)
    throw new XkError('malformed', `${name}: at most ${most} expected`);
  return value;
}

/** The members of one JSON object, each to be taken once; `end` refuses those left. */
class Members {
  readonly #values: Map<string, unknown>;
  readonly #what: string;

  constructor(json: unknown, what: string) {
    if (typeof json !== 'object' || json === null || Array.isArray(json))
      throw new XkError('malformed', `${what}: object expected`);
    this.#values = new Map(Object.entries(json));
    this.#what = what;
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  take(name: string): unknown {
    const value = this.#values.get(name);
    this.#values.delete(name);
    return value;
  }

  text(name: string): string {
    const value = this.take(name);
    if (typeof value !== 'string' || value === '' || value.length > MAX_TEXT) throw this.#bad(name);
    return value;
  }

  boolean(name: string): boolean {
    const value = this.take(name);
    if (typeof value !== 'boolean') throw this.#bad(name);
    return value;
  }

  integer(name: string, min: number, max: number): number {
    const value = this.take(name);
    if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max)
      throw this.#bad(name);
    return value;
  }

  message(name: string): Uint8Array {
    return this.#octets(name, (text) => fromBase64(text), 1, MAX_MESSAGE_OCTETS);
  }

  key(name: string, lengths: readonly number[]): Secret {
    const octets = this.#octets(name, (text) => fromBase64(text), 1, MAX_MESSAGE_OCTETS);
    if (!lengths.includes(octets.length)) throw this.#bad(name);
    return Secret.of(octets);
  }

  hex(name: string, lengths: readonly number[]): Uint8Array {
    const octets = this.#octets(name, (text) => fromHex(text), 1, MAX_TEXT);
    if (!lengths.includes(octets.length)) throw this.#bad(name);
    return octets;
  }

  end(): void {
    const [left] = this.#values.keys();
    if (left !== undefined) throw new XkError('malformed', `${this.#what}: unknown member`);
  }

  #octets(name: string, decode: (text: string) => Uint8Array, min: number, max: number): Uint8Array {
    const value = this.take(name);
    if (typeof value !== 'string' || value.length > 2 * max + 2) throw this.#bad(name);
    let octets: Uint8Array;
    try {
      octets = decode(value);
    } catch (cause) {
      throw new XkError('malformed', `${this.#what}: ${name} is not what it should be`, { cause });
    }
    if (octets.length < min || octets.length > max) throw this.#bad(name);
    return octets;
  }

  #bad(name: string): XkError {
    return new XkError('malformed', `${this.#what}: ${name} is not what it should be`);
  }
}
