/**
 * The messages of an exchange by their form (profile, section 3; RFC 6267 sections 4.2.2 and 5.3). The order of payloads is
 * part of the form.
 *
 *     I_MESSAGE_1          HDR T RAND IDRi IDRr [SP…] [EXT] IBAKE
 *     R_MESSAGE_1          HDR T IDRi IDRr IBAKE
 *     I_MESSAGE_2          HDR T RAND IDRi IDRr IBAKE [ESK]
 *     R_MESSAGE_2          HDR T IDRi IDRr [IBAKE] V
 *     update I_MESSAGE_1   HDR T IDRi IDRr [IBAKE] V
 *     update R_MESSAGE_1   HDR T IDRi IDRr [IBAKE] V
 *
 * (RFC 6267 4.2.2.5's "R_MESSAGE_2" is a misprint for R_MESSAGE_1; 5.3 writes the identities of an update that the
 * responder starts in the other order, here they keep it.) The V flag is sent as 1, 1, 1, 0 and 1, 0 in updates, and
 * ignored when received (RFC 6267 6.1).
 */
import { decodeMessage, encodeMessage } from '../mikey/message.ts';
import { MikeyError } from '../mikey/errors.ts';
import type { CommonHeader, SrtpIdEntry } from '../mikey/header.ts';
import type { Located, LocatedPayload, Payload, PayloadKind } from '../mikey/payload.ts';
import type { SpPayload } from '../mikey/payloads/sp.ts';
import {
  CS_ID_MAP_TYPE,
  DATA_TYPE,
  EXT_TYPE,
  ID_ROLE,
  ID_TYPE,
  MIKEY_VERSION,
  PRF_FUNC,
  TS_TYPE,
} from '../mikey/registry.ts';
import { IbakeError } from './errors.ts';
import { identityOfData, type SipIdentity } from './identity.ts';
import { readTimestamp, type Timestamp } from './timestamps.ts';

/** Octets of a RAND at least. */
const RAND_MIN = 16;
/** Octets of an IBAKE payload before its Encr data: next payload, length. */
const IBAKE_HEAD = 3;

export type MessageForm =
  'I_MESSAGE_1' | 'R_MESSAGE_1' | 'I_MESSAGE_2' | 'R_MESSAGE_2' | 'update I_MESSAGE_1' | 'update R_MESSAGE_1';

/** An identity of the clear part. */
export interface ClearIdentity extends SipIdentity {
  /** ID data: the octets of `uri`. */
  readonly data: Uint8Array;
}

export interface MessageBase {
  readonly octets: Uint8Array;
  readonly header: CommonHeader;
  /** Crypto sessions 1, 2, … */
  readonly map: readonly SrtpIdEntry[];
  readonly t: Timestamp;
  readonly idri: ClearIdentity;
  readonly idrr: ClearIdentity;
}

/** An IBAKE payload's container, and what of the message its binding covers. */
export interface SealedPart {
  readonly encrData: Uint8Array;
  /** From octet 0 of the message to the payload's own first octet, exclusive. */
  readonly prefix: Uint8Array;
}

export interface EskPart {
  readonly encrData: Uint8Array;
  /** The whole payload. */
  readonly payload: Uint8Array;
}

export interface IMessage1 extends MessageBase {
  readonly rand: Uint8Array;
  readonly policies: readonly SpPayload[];
  /** Data of EXT "SDP IDs": RFC 4567's list of protocols. */
  readonly protocols: Uint8Array | null;
  readonly ibake: SealedPart;
}

export interface RMessage1 extends MessageBase {
  readonly ibake: SealedPart;
}

export interface IMessage2 extends MessageBase {
  readonly rand: Uint8Array;
  readonly ibake: SealedPart;
  readonly esk: EskPart | null;
}

/** R_MESSAGE_2 and both messages of an update. */
export interface VerifiedMessage extends MessageBase {
  readonly ibake: SealedPart | null;
  readonly v: { readonly authAlg: number; readonly data: Uint8Array };
}

/** What a message is by data type and payloads; `null` if it is none of the exchange's. Errors are not told here. */
export function formOf(octets: Uint8Array): MessageForm | null {
  const message = decoded(octets);
  const isUpdate = message.payloads.at(-1)?.kind === 'v';
  switch (message.header.dataType) {
    case DATA_TYPE.I_MESSAGE_1:
      return isUpdate ? 'update I_MESSAGE_1' : 'I_MESSAGE_1';
    case DATA_TYPE.R_MESSAGE_1:
      return isUpdate ? 'update R_MESSAGE_1' : 'R_MESSAGE_1';
    case DATA_TYPE.I_MESSAGE_2:
      return 'I_MESSAGE_2';
    case DATA_TYPE.R_MESSAGE_2:
      return 'R_MESSAGE_2';
    default:
      return null;
  }
}

/** All read functions throw IbakeError `malformed`, or `identity` for ID data that are not canonical. */
export function readIMessage1(octets: Uint8Array): IMessage1 {
  const cursor = new MessageCursor(octets, DATA_TYPE.I_MESSAGE_1);
  const t = cursor.timestamp();
  const rand = cursor.rand();
  const identities = cursor.identities();
  const policies: SpPayload[] = [];
  for (let sp = cursor.optional('sp'); sp !== null; sp = cursor.optional('sp')) policies.push(sp);
  const protocols = cursor.protocols();
  const ibake = cursor.ibake(cursor.take('ibake'));
  return { ...cursor.end(), t, rand, ...identities, policies, protocols, ibake };
}

export function readRMessage1(octets: Uint8Array): RMessage1 {
  const cursor = new MessageCursor(octets, DATA_TYPE.R_MESSAGE_1);
  const t = cursor.timestamp();
  const identities = cursor.identities();
  const ibake = cursor.ibake(cursor.take('ibake'));
  return { ...cursor.end(), t, ...identities, ibake };
}

export function readIMessage2(octets: Uint8Array): IMessage2 {
  const cursor = new MessageCursor(octets, DATA_TYPE.I_MESSAGE_2);
  const t = cursor.timestamp();
  const rand = cursor.rand();
  const identities = cursor.identities();
  const ibake = cursor.ibake(cursor.take('ibake'));
  const esk = cursor.optional('esk');
  return { ...cursor.end(), t, rand, ...identities, ibake, esk: esk === null ? null : eskPart(octets, esk) };
}

export function readRMessage2(octets: Uint8Array): VerifiedMessage {
  return readVerified(octets, DATA_TYPE.R_MESSAGE_2);
}

export function readUpdateIMessage1(octets: Uint8Array): VerifiedMessage {
  return readVerified(octets, DATA_TYPE.I_MESSAGE_1);
}

export function readUpdateRMessage1(octets: Uint8Array): VerifiedMessage {
  return readVerified(octets, DATA_TYPE.R_MESSAGE_1);
}

function readVerified(octets: Uint8Array, dataType: number): VerifiedMessage {
  const cursor = new MessageCursor(octets, dataType);
  const t = cursor.timestamp();
  const identities = cursor.identities();
  const sealed = cursor.optional('ibake');
  const { authAlg, data } = cursor.take('v');
  const ibake = sealed === null ? null : cursor.ibake(sealed);
  return { ...cursor.end(), t, ...identities, ibake, v: { authAlg, data } };
}

/* ---------------------------------------------------------------- writing */

/** What the header of an exchange's messages has in common. */
export interface CsbHeader {
  readonly prfFunc: number;
  readonly csbId: number;
  readonly map: readonly SrtpIdEntry[];
}

export function headerOf(dataType: number, v: boolean, { prfFunc, csbId, map }: CsbHeader): CommonHeader {
  return {
    version: MIKEY_VERSION,
    dataType,
    v,
    prfFunc,
    csbId,
    csCount: map.length,
    csIdMapType: CS_ID_MAP_TYPE['SRTP-ID'],
    csIdMap: { kind: 'srtp-id', entries: map },
  };
}

/** The octets before the IBAKE payload that will follow `front`: what its container is bound to. */
export function prefixOf(header: CommonHeader, front: readonly Payload[]): Uint8Array {
  const empty = encodeMessage({
    header,
    payloads: [...front, { kind: 'ibake', encrData: new Uint8Array() }],
  });
  return empty.subarray(0, empty.length - IBAKE_HEAD);
}

/* ---------------------------------------------------------------- reading */

function eskPart(octets: Uint8Array, { encrData, offset, length }: Located<'esk'>): EskPart {
  return { encrData, payload: octets.subarray(offset, offset + length) };
}

function decoded(octets: Uint8Array): ReturnType<typeof decodeMessage> {
  try {
    return decodeMessage(octets);
  } catch (cause) {
    if (cause instanceof MikeyError) throw new IbakeError('malformed', cause.message, { cause });
    throw cause;
  }
}

/** Takes the payloads of a message in order. */
class MessageCursor {
  readonly #octets: Uint8Array;
  readonly #header: CommonHeader;
  readonly #payloads: readonly LocatedPayload[];
  #at = 0;

  constructor(octets: Uint8Array, dataType: number) {
    const { header, payloads } = decoded(octets);
    this.#octets = octets;
    this.#header = header;
    this.#payloads = payloads;
    if (header.version !== MIKEY_VERSION || header.dataType !== dataType)
      throw malformed('another version or data type');
    if (header.prfFunc !== PRF_FUNC['MIKEY-1'] && header.prfFunc !== PRF_FUNC['PRF-HMAC-SHA-256'])
      throw malformed('another PRF');
  }

  optional<K extends PayloadKind>(kind: K): Located<K> | null {
    const payload = this.#payloads[this.#at];
    if (payload?.kind !== kind) return null;
    this.#at++;
    return payload as Located<K>;
  }

  take<K extends PayloadKind>(kind: K): Located<K> {
    const payload = this.optional(kind);
    if (payload === null) throw malformed(`${kind} expected`);
    return payload;
  }

  timestamp(): Timestamp {
    const { tsType, value } = this.take('t');
    if (tsType !== TS_TYPE['NTP-UTC']) throw malformed('T is not NTP-UTC');
    return readTimestamp(value);
  }

  rand(): Uint8Array {
    const { rand } = this.take('rand');
    if (rand.length < RAND_MIN) throw malformed('RAND too short');
    return rand;
  }

  identities(): { idri: ClearIdentity; idrr: ClearIdentity } {
    return { idri: this.#identity(ID_ROLE.IDRi), idrr: this.#identity(ID_ROLE.IDRr) };
  }

  protocols(): Uint8Array | null {
    const ext = this.optional('ext');
    if (ext !== null && ext.type !== EXT_TYPE['SDP IDs']) throw malformed('EXT of another type');
    return ext?.data ?? null;
  }

  ibake({ encrData, offset }: Located<'ibake'>): SealedPart {
    return { encrData, prefix: this.#octets.subarray(0, offset) };
  }

  /** Refuses payloads left over; gives what all messages have. */
  end(): Pick<MessageBase, 'octets' | 'header' | 'map'> {
    if (this.#at !== this.#payloads.length) throw malformed('more payloads than its form has');
    const { csIdMap } = this.#header;
    if (csIdMap.kind !== 'srtp-id') throw malformed('CS ID map is not SRTP-ID');
    if (csIdMap.entries.length === 0 || csIdMap.entries.length % 2 !== 0)
      throw malformed('two crypto sessions for each m= line expected');
    return { octets: this.#octets, header: this.#header, map: csIdMap.entries };
  }

  #identity(role: number): ClearIdentity {
    const idr = this.take('idr');
    if (idr.role !== role || idr.type !== ID_TYPE.URI) throw malformed('IDR of another role or type');
    return { ...identityOfData(idr.data), data: idr.data };
  }
}

function malformed(why: string): IbakeError {
  return new IbakeError('malformed', `message: ${why}`);
}
