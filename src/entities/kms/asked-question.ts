/**
 * A question of Xk as it is judged, before anything is computed: its digest, and what its messages say of themselves without
 * a key: whose exchange, of what time.
 */
import { utf8 } from '../../bytes/octets.ts';
import { sha256 } from '../../ibake/sealing.ts';
import { readTimestamp, type Timestamp } from '../../ibake/timestamps.ts';
import { decodeMessage, onlyPayload, payloadsOf } from '../../mikey/message.ts';
import type { MikeyMessage } from '../../mikey/message.ts';
import { unixMsFromNtp } from '../../mikey/ntp.ts';
import { partyIn } from '../../mikey/party.ts';
import { ID_ROLE, TS_TYPE } from '../../mikey/registry.ts';
import { decodeGetKeysRequest, encodeGetKeysRequest, XkError } from '../../wire/xk/get-keys.ts';
import type { GetKeysRequest } from '../../wire/xk/get-keys.ts';

/** A question as it was read: what of it is judged before anything is computed. */
export interface ReadQuestion {
  readonly request: GetKeysRequest;
  /** SHA-256 of its one encoding. */
  readonly digest: Uint8Array;
  /** `null`: its messages cannot be read. */
  readonly exchange: AskedExchange | null;
}

/** What is known of a question when it is judged; goes into the record. */
export interface AskedExchange {
  readonly csbId: number;
  /** T of I_MESSAGE_1. */
  readonly first: Timestamp;
  /** T of the newest message with IBAKE. */
  readonly newest: Timestamp;
  /** T of the messages that the warrant must cover, Unix seconds. */
  readonly times: readonly number[];
  /** ID data of IDRi in I_MESSAGE_1 and of IDRr in R_MESSAGE_1, as they stand there. */
  readonly parties: readonly string[];
}

/** What of the KMS's records an answer most likely needs: names, as messages spell them. */
export interface LikelyRecords {
  /** Device identities whose seeds. */
  readonly devices: readonly string[];
  /** Unix seconds in whose periods. */
  readonly times: readonly number[];
}

/** The question in a body; `null` if it is none. */
export function readQuestion(text: string): ReadQuestion | null {
  try {
    return askedQuestion(decodeGetKeysRequest(text));
  } catch (error) {
    if (error instanceof XkError) return null;
    throw error;
  }
}

/** As `readQuestion`, of a question that has been decoded. */
export function askedQuestion(request: GetKeysRequest): ReadQuestion {
  return { request, digest: sha256(utf8(encodeGetKeysRequest(request))), exchange: readExchange(request) };
}

/** @param covered addresses of record and device identities that the question may be answered for */
export function likelyRecords(
  { parties, first, newest }: AskedExchange,
  covered: ReadonlySet<string>,
): LikelyRecords {
  const devices = parties.filter((uri) => covered.has(uri) || covered.has(uri.replace(/;gr=.*$/, '')));
  return { devices, times: [...new Set([first.seconds, newest.seconds])] };
}

/* ---------------------------------------------------------------- helpers */

/**
 * CSB ID and times of the messages, as far as they can be read; the rest is for the computation. The times that a warrant
 * must cover are those of I_MESSAGE_1 and of updates, which the other phone holds against its clock. Nobody does that with
 * T of I_MESSAGE_2: a party that puts it where no warrant is must gain nothing by it. It counts where an ESK is drawn at it.
 */
function readExchange({ updates, ...request }: GetKeysRequest): AskedExchange | null {
  const judged = [request.iMessage1, request.rMessage1];
  for (const update of updates) judged.push(update.iMessage1, update.rMessage1);
  try {
    const [dated, others] = [stampsOf(judged), stampsOf([request.iMessage2, request.rMessage2])];
    const first = dated?.[0];
    if (dated === null || others === null || first === undefined) return null;
    let newest = first.time;
    for (const { time, hasIbake } of [...dated, ...others]) {
      if (hasIbake && time.order > newest.order) newest = time;
    }
    const [offer, answer] = dated;
    const parties = [
      offer === undefined ? null : partyIn(offer.message, ID_ROLE.IDRi),
      answer === undefined ? null : partyIn(answer.message, ID_ROLE.IDRr),
    ].filter((name) => name !== null);
    const decisive = others.some(({ hasEsk }) => hasEsk) ? [...dated, ...others] : dated;
    const times = decisive.map(({ time }) => unixMsFromNtp(time.octets) / 1000);
    return { csbId: first.csbId, first: first.time, newest, times, parties };
  } catch {
    return null;
  }
}

interface StampedMessage {
  readonly csbId: number;
  readonly time: Timestamp;
  readonly hasIbake: boolean;
  readonly hasEsk: boolean;
  readonly message: MikeyMessage;
}

/** `null`: one has not one T in UTC. @throws MikeyError if one cannot be read */
function stampsOf(messages: readonly (Uint8Array | null)[]): StampedMessage[] | null {
  const stamped: StampedMessage[] = [];
  for (const octets of messages) {
    if (octets === null) continue;
    const message = decodeMessage(octets);
    const t = onlyPayload(message, 't');
    if (t?.tsType !== TS_TYPE['NTP-UTC']) return null;
    const has = (kind: 'ibake' | 'esk'): boolean => payloadsOf(message, kind).length > 0;
    const time = readTimestamp(t.value);
    const { csbId } = message.header;
    stamped.push({ csbId, time, hasIbake: has('ibake'), hasEsk: has('esk'), message });
  }
  return stamped;
}
