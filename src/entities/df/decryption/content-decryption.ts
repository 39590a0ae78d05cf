/**
 * Decryption in the network: content is opened here, and goes to the LEMF in the clear and marked as such; keys do
 * not go there.
 *
 *     packet of X3 ─┬─ sent in the clear, or not RTP      as intercepted
 *                   ├─ a key opens it                     in the clear, marked
 *                   ├─ its key may still come             waits, on disk, within bounds ─► opened, or
 *                   └─ no key will come                   as intercepted, unmarked; a failure record, counted
 *
 * So nothing is dropped, and what was not opened is never handed over as if it were in the clear. Keys are in memory: after
 * a restart the KMS is asked again, which gives the same answer to the same question.
 */
import type { Clock } from '../../../bytes/ports.ts';
import { fromBase64, toHex } from '../../../bytes/octets.ts';
import { mediaKindOf } from '../../../media/demultiplex.ts';
import { ipPayload } from '../../../wire/x2x3/ip-packet.ts';
import type { Pdu } from '../../../wire/x2x3/pdu.ts';
import { decodePdu, timestampOf } from '../../../wire/x2x3/pdu.ts';
import type { GetKeysAnswer, GetKeysRequest } from '../../../wire/xk/get-keys.ts';
import type { HoldLimits } from '../held.ts';
import { newSession } from '../key-session.ts';
import type { KeyMediation, KeySink } from '../key-mediation.ts';
import { contentFormatOf, directionOf, streamIdentifier } from '../pdu-facts.ts';
import type { ContentOpener, DfTask, HeldPdu, OpenedContent } from '../ports.ts';
import type { CcRecord } from '../records.ts';
import type { KeySession } from '../session-state.ts';
import { recipients } from '../tasks.ts';
import type { RecordRecipient } from '../tasks.ts';
import { isInTheClear } from '../unkeyed.ts';
import type { WorkingState } from '../working-state.ts';
import { answeredKeys, shownKeys } from './opening-keys.ts';

export interface ContentDecryptionSettings {
  readonly opener: ContentOpener;
  /** What may wait for keys, and for how many milliseconds. */
  readonly hold: HoldLimits & { readonly ms: number };
  /** Keys have come into use: for the record. */
  readonly record?: (account: { xid: string; correlation: string; cryptoSessions: number }) => void;
}

export interface ContentDecryptionParts extends ContentDecryptionSettings {
  readonly clock: Clock;
  readonly currentState: () => WorkingState;
  /** Tasks by XID. */
  readonly find: (xid: string) => DfTask | null;
  /** Lays content before warrants, as it is. */
  readonly deliver: (pdu: Pdu, warranted: readonly RecordRecipient[], content: HandedContent) => void;
  /** Content of this task went out as it came. */
  readonly undecrypted: (xid: string) => void;
}

/** Content as it is handed over. */
export type HandedContent = Pick<CcRecord, 'content' | 'format' | 'decrypted' | 'time' | 'streamIdentifier'>;

/** Keys of a call that was silent for so long are wiped; should it go on, they are asked for again. */
const SILENCE_MS = 300_000;
/** Keys that are gone are asked for again at most so often. */
const RECALL_MS = 10_000;
const MAX_RECALLED = 10_000;

type Prospect = 'clear' | 'key' | 'none';

export class ContentDecryption implements KeySink {
  readonly #parts: ContentDecryptionParts;
  readonly #recalled = new Map<string, number>();
  readonly #counts = { decrypted: 0, waited: 0, undecrypted: 0 };
  #keys: KeyMediation | null = null;

  constructor(parts: ContentDecryptionParts) {
    this.#parts = parts;
  }

  /** Who asks for keys; it needs this first. */
  asks(keys: KeyMediation): void {
    this.#keys = keys;
  }

  /** Packets that were opened, had to wait, went out as they came. */
  get counts(): Readonly<Record<'decrypted' | 'waited' | 'undecrypted', number>> {
    return this.#counts;
  }

  /** Content for these warrants. */
  take(pdu: Pdu, octets: Uint8Array, warranted: readonly RecordRecipient[], time: number): void {
    const content = asIntercepted(pdu, time);
    const takers = warranted.filter(({ hi3 }) => hi3.length > 0);
    if (content === null || takers.length === 0) return;
    const outcome = this.#outcome(pdu);
    if (outcome === 'key') this.#hold(pdu, octets);
    else this.#handOn(pdu, takers, content, outcome);
  }

  /** Keys that the KMS has given. */
  takeKeys(session: KeySession, asked: GetKeysRequest, answer: GetKeysAnswer): void {
    const { xid, correlation } = session;
    const isNew = this.#parts.opener.add(callOf(session), answeredKeys(asked, answer), this.#now);
    if (isNew) this.#parts.record?.({ xid, correlation, cryptoSessions: answer.cryptoSessions.length });
    this.#retry(session);
  }

  /** A SIP message of a call: a description was seen, or more is known of what was. */
  signalled(pdu: Pick<Pdu, 'xid' | 'correlation' | 'payload'>, describes: boolean): void {
    const correlation = toHex(pdu.correlation);
    const state = this.#parts.currentState();
    if (!describes && state.awaiting.of(pdu.xid, correlation).length === 0) return;
    if (!state.hasSession(correlation, pdu.xid))
      state.putSession(newSession(pdu.xid, correlation), this.#now);
    const session = state.session(correlation, pdu.xid);
    if (describes) this.#parts.opener.add(callOf(session), shownKeys(pdu.payload), this.#now);
    this.#retry({ xid: pdu.xid, correlation });
  }

  /** What has waited for too long goes out as it came; what nobody needs is wiped. */
  sweep(): void {
    const state = this.#parts.currentState();
    for (const held of state.awaiting.before(this.#now - this.#parts.hold.ms)) this.#giveUp(held);
    this.#parts.opener.forget(this.#now - SILENCE_MS);
  }

  /** A task has gone: what waits under it goes out as it came, to those whom it was for. */
  ends(task: DfTask): void {
    for (const held of this.#parts.currentState().awaiting.under(task.xid)) this.#giveUp(held, task);
  }

  /* ---------------------------------------------------------------- helpers */

  get #now(): number {
    return this.#parts.clock.now();
  }

  #outcome(pdu: Pdu): OpenedContent | Prospect {
    const octets = packetIn(pdu);
    const kind = octets === null ? 'noise' : mediaKindOf(octets);
    if (octets === null || (kind !== 'rtp' && kind !== 'rtcp')) return 'clear';
    const correlation = toHex(pdu.correlation);
    const payloadType = kind === 'rtp' ? (octets[1] ?? 0) & 0x7f : null;
    const { xid } = pdu;
    const prospect = this.#prospect(correlation, xid, payloadType);
    if (prospect === 'clear') return prospect;
    const session = this.#parts.currentState().session(correlation, xid);
    if (!this.#parts.opener.knows(callOf(session))) this.#recall(session);
    const stream = directionOf(pdu);
    return this.#parts.opener.open(callOf(session), { kind, octets, stream }, this.#now) ?? prospect;
  }

  /** What may become of a packet that no key opens by now. */
  #prospect(correlation: string, xid: string, payloadType: number | null): Prospect {
    const state = this.#parts.currentState();
    // Content came before the signalling that says how it is protected.
    if (!state.hasSession(correlation, xid)) return 'key';
    const session = state.session(correlation, xid);
    const { media, questions, waits } = session;
    if (media === undefined || isInTheClear(media, payloadType)) return 'clear';
    if (this.#parts.opener.knows(callOf(session))) return 'key';
    const isHopeless =
      questions.length > 0 && questions.every((one) => one.state === 'failed') && waits !== true;
    return isHopeless || media.unkeyed ? 'none' : 'key';
  }

  #handOn(
    pdu: Pdu,
    takers: readonly RecordRecipient[],
    content: HandedContent,
    outcome: OpenedContent | 'clear' | 'none',
  ): void {
    if (outcome === 'none') this.#undecrypted(pdu, takers, content);
    else if (outcome === 'clear') this.#parts.deliver(pdu, takers, content);
    else this.#decrypted(pdu, takers, content.time, outcome);
  }

  #decrypted(
    pdu: Pdu,
    takers: readonly RecordRecipient[],
    time: number,
    { packet, csId }: OpenedContent,
  ): void {
    this.#counts.decrypted += 1;
    const streamIdentifier = pathOf(pdu);
    const content = { content: packet, format: 'rtp', decrypted: { csId }, time, streamIdentifier } as const;
    this.#parts.deliver(pdu, takers, content);
  }

  #undecrypted(pdu: Pdu, takers: readonly RecordRecipient[], content: HandedContent): void {
    this.#counts.undecrypted += 1;
    this.#parts.deliver(pdu, takers, content);
    this.#parts.undecrypted(pdu.xid);
    this.#keys?.tellUndecrypted(toHex(pdu.correlation), pdu.xid, takers);
  }

  /** Where no more may wait, some of the task that has most waiting goes out as it came: the newcomer, if that is its own. */
  #hold(pdu: Pdu, octets: Uint8Array): void {
    const { awaiting } = this.#parts.currentState();
    while (!awaiting.hasRoomFor(octets.length, this.#parts.hold)) {
      const victim = awaiting.victim(pdu.xid, octets.length);
      const held = victim === null ? null : awaiting.get(victim);
      if (held === null) {
        this.#giveUp({ id: null, xid: pdu.xid, octets });
        return;
      }
      this.#giveUp(held);
    }
    this.#counts.waited += 1;
    this.#parts.currentState().hold(pdu.xid, octets, this.#now, toHex(pdu.correlation));
  }

  #giveUp(
    { id, xid, octets }: Pick<HeldPdu, 'xid' | 'octets'> & { readonly id: number | null },
    task = this.#parts.find(xid),
  ): void {
    if (id !== null) this.#parts.currentState().release(id);
    const pdu = decodePdu(octets);
    const time = timestampOf(pdu) ?? this.#now;
    const content = asIntercepted(pdu, time);
    if (task === null || content === null) return;
    const takers = recipients(task, time).filter(({ hi3 }) => hi3.length > 0);
    if (takers.length > 0) this.#undecrypted(pdu, takers, content);
  }

  /** What waits of a call is tried again, oldest first. */
  #retry({ xid, correlation }: Pick<KeySession, 'xid' | 'correlation'>): void {
    const state = this.#parts.currentState();
    const task = this.#parts.find(xid);
    if (task === null) return;
    for (const held of state.awaiting.of(xid, correlation)) {
      const pdu = decodePdu(held.octets);
      const outcome = this.#outcome(pdu);
      if (outcome === 'key') continue;
      const time = timestampOf(pdu) ?? held.since;
      const content = asIntercepted(pdu, time);
      const takers = recipients(task, time).filter(({ hi3 }) => hi3.length > 0);
      state.release(held.id);
      if (content !== null && takers.length > 0) this.#handOn(pdu, takers, content, outcome);
    }
  }

  /** Keys that were given before a restart, or to a call that was silent for long. */
  #recall(session: KeySession): void {
    const call = callOf(session);
    const last = this.#recalled.get(call);
    if (last !== undefined && this.#now - last < RECALL_MS) return;
    this.#recalled.delete(call);
    this.#recalled.set(call, this.#now);
    if (this.#recalled.size > MAX_RECALLED) {
      const [oldest] = this.#recalled.keys();
      if (oldest !== undefined) this.#recalled.delete(oldest);
    }
    for (const { sip } of session.retained?.messages ?? [])
      this.#parts.opener.add(call, shownKeys(fromBase64(sip)), this.#now);
    this.#keys?.recall(session.correlation, session.xid);
  }
}

/** Keys are of a call under a task: another task has its own, from its own questions. */
function callOf({ xid, correlation }: Pick<KeySession, 'xid' | 'correlation'>): string {
  return `${xid} ${correlation}`;
}

/** As it came; `null`: a payload of a kind that is not handed over. */
export function asIntercepted(pdu: Pdu, time: number): HandedContent | null {
  const format = contentFormatOf(pdu);
  if (format === null) return null;
  return { content: pdu.payload, format, time, streamIdentifier: streamIdentifier(pdu) };
}

/** The packet of the medium, without IP and UDP; `null`: it is not one. */
function packetIn(pdu: Pdu): Uint8Array | null {
  return contentFormatOf(pdu) === 'rtp' ? pdu.payload : (ipPayload(pdu.payload)?.octets ?? null);
}

function pathOf(pdu: Pdu): string {
  const said = streamIdentifier(pdu);
  if (said !== '' || contentFormatOf(pdu) === 'rtp') return said;
  return ipPayload(pdu.payload)?.path ?? '';
}
