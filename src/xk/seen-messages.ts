/**
 * MIKEY-IBAKE messages as whoever may ask over Xk sees them in signalling: in `a=key-mgmt:mikey` attributes of SDP
 * (RFC 4567 section 3.1), with the dialog that they belong to, and what became of the request that they stood in.
 */
import { createHash } from 'node:crypto';
import { ClavigerError } from '../bytes/errors.ts';
import { toBase64, toHex } from '../bytes/octets.ts';
import { decodeMessage, onlyPayload } from '../mikey/message.ts';
import type { MikeyMessage } from '../mikey/message.ts';
import { partyIn } from '../mikey/party.ts';
import { DATA_TYPE, ID_ROLE } from '../mikey/registry.ts';
import type { seenDescription } from '../sip/descriptions.ts';
import type { SipRequest, SipResponse } from '../sip/message.ts';
import { carriagesOf } from './carriage.ts';
import type { Carriage, CarriageVerdict, IbakeType, RequestAnswer } from './carriage.ts';

const IBAKE_TYPES: ReadonlyMap<number, IbakeType> = new Map([
  [DATA_TYPE.I_MESSAGE_1, 'I1'],
  [DATA_TYPE.R_MESSAGE_1, 'R1'],
  [DATA_TYPE.I_MESSAGE_2, 'I2'],
  [DATA_TYPE.R_MESSAGE_2, 'R2'],
]);

/** One MIKEY-IBAKE message as it was found in a call; plain data, kept in the store as JSON. */
export interface SeenMessage {
  readonly type: IbakeType;
  readonly csbId: number;
  /** Hex of the T payload's value. */
  readonly t: string;
  /** Hex of RAND; `null` where there is none (R1, R2, and both messages of an update). */
  readonly rand: string | null;
  readonly initiator: string;
  readonly responder: string;
  readonly callId: string;
  /** The dialog's tags in order of their text, since requests go both ways; `''` for one not yet given. */
  readonly tags: readonly [string, string];
  /** Whether the target sent it; `null` if the POI did not say. */
  readonly fromTarget: boolean | null;
  /** Unix milliseconds of the event. */
  readonly time: number;
  /** Base64 of the message. */
  readonly octets: string;
  /** Whether it has an IBAKE payload: an update may lack one. Absent in what an older version stored. */
  readonly ibake?: boolean | undefined;
  /** Absent in what an older version stored. */
  readonly carriage?: Carriage | undefined;
  /** What became of the request that it stands in; absent while there is no answer, and for responses. */
  readonly verdict?: CarriageVerdict | undefined;
}

/** Characters of base64, 16,384 octets: several times what the largest parameters (n = 15360) make of a message. */
const MAX_MIKEY = 21_848;

/** The MIKEY-IBAKE messages of a SIP message that stand in their roles, in order; whether others do not, or are too long. */
export function seenMikeyIn(
  message: SipRequest | SipResponse,
  description: ReturnType<typeof seenDescription>,
  fromTarget: boolean | null,
  time: number,
): { readonly mikey: readonly SeenMessage[]; readonly misplaced: boolean } {
  const pair = [message.fromTag ?? '', message.toTag ?? ''].toSorted();
  const where = { callId: message.callId, tags: [pair[0] ?? '', pair[1] ?? ''] as const, fromTarget, time };
  const found = (description?.mikeyMessages ?? []).flatMap((octets) =>
    octets === null ? [] : (readMikey(octets, where) ?? []),
  );
  const places = carriagesOf(message, found);
  const mikey = found.flatMap((one, at) => {
    const carriage = places[at] ?? null;
    return carriage === null || one.octets.length > MAX_MIKEY ? [] : { ...one, carriage };
  });
  return { mikey, misplaced: mikey.length < found.length };
}

/** The messages with what became of the request that some of them stand in; themselves where that is nothing new. */
export function withAnswer(
  messages: readonly SeenMessage[],
  { callId, transaction, branch, verdict }: RequestAnswer,
): readonly SeenMessage[] {
  const isOf = (message: SeenMessage): boolean => {
    const { carriage, verdict: before } = message;
    // The first is final, save a provisional one, and after that the answer to this offer has come.
    if (carriage?.part !== 'request' || message.callId !== callId || before !== undefined) return false;
    return carriage.transaction === transaction && carriage.branch === branch;
  };
  return messages.some(isOf)
    ? messages.map((message) => (isOf(message) ? { ...message, verdict } : message))
    : messages;
}

/** An identity that names a message, for comparing and for the store. */
export function fingerprint(...parts: readonly string[]): string {
  return toHex(createHash('sha256').update(parts.join('\0')).digest());
}

/* ---------------------------------------------------------------- helpers */

type Where = Pick<SeenMessage, 'callId' | 'tags' | 'fromTarget' | 'time'>;

/** `null`: not a message of MIKEY-IBAKE between two users. */
function readMikey(octets: Uint8Array, where: Where): SeenMessage | null {
  let message: MikeyMessage;
  try {
    message = decodeMessage(octets);
  } catch (error) {
    if (error instanceof ClavigerError) return null;
    throw error;
  }
  const type = IBAKE_TYPES.get(message.header.dataType);
  const t = onlyPayload(message, 't');
  const initiator = partyIn(message, ID_ROLE.IDRi);
  const responder = partyIn(message, ID_ROLE.IDRr);
  if (type === undefined || t === null || initiator === null || responder === null) return null;
  const rand = onlyPayload(message, 'rand');
  return {
    ...where,
    type,
    csbId: message.header.csbId,
    t: toHex(t.value),
    rand: rand === null ? null : toHex(rand.rand),
    initiator,
    responder,
    octets: toBase64(octets),
    ibake: onlyPayload(message, 'ibake') !== null,
  };
}
