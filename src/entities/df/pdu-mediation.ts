/** What one PDU of X2 or X3 leads to for the warrants of its task, within a turn of the mediation. */
import type { Clock } from '../../bytes/ports.ts';
import { decodeSessionStart } from '../../wire/hi/session-start.ts';
import type { Pdu } from '../../wire/x2x3/pdu.ts';
import { PAYLOAD_FORMAT, PDU_TYPE, timestampOf } from '../../wire/x2x3/pdu.ts';
import { sourceSaid, standingSaid } from './claims.ts';
import { sightingIn } from './extraction.ts';
import type { DeliverRecord, KeyMediation } from './key-mediation.ts';
import { asIntercepted } from './decryption/content-decryption.ts';
import type { ContentDecryption, HandedContent } from './decryption/content-decryption.ts';
import { directionOf, observedIdentities } from './pdu-facts.ts';
import type { DfTask } from './ports.ts';
import type { SessionStarts } from './session-starts.ts';
import type { RecordRecipient } from './tasks.ts';
import { recipients } from './tasks.ts';
import type { WorkingState } from './working-state.ts';

export interface PduMediationParts {
  readonly clock: Clock;
  /** Asked in each turn: after a failure it is another. */
  readonly currentState: () => WorkingState;
  readonly keys: KeyMediation;
  readonly starts: SessionStarts;
  readonly deliver: DeliverRecord;
  /** Absent: content goes as it was intercepted. */
  readonly decryption: ContentDecryption | null;
  /** A payload of a kind that is not handed over. */
  readonly refused: (octets: Uint8Array, reason: string) => void;
  /** a call of this task gave way, since nobody had proven it. */
  readonly gaveUp: (xid: string) => void;
}

export class PduMediation {
  readonly #parts: PduMediationParts;

  constructor(parts: PduMediationParts) {
    this.#parts = parts;
  }

  /** @param octets of the PDU */
  mediate(task: DfTask, pdu: Pdu, octets: Uint8Array): void {
    const stamped = timestampOf(pdu);
    let time = this.#parts.clock.now();
    if (stamped !== null) time = stamped;
    const isSignalling = pdu.type === PDU_TYPE.x2;
    const warranted = recipients(task, isSignalling ? this.#parts.starts.effectiveTime(pdu, time) : time);
    if (isSignalling) this.#mediateSignalling(pdu, task, warranted, time);
    else this.#mediateContent(pdu, octets, warranted, time);
    for (const { liid } of warranted) this.#hear(pdu, liid);
  }

  /** what strangers say in a target's name is bounded. */
  #hear(pdu: Pdu, liid: string): void {
    const state = this.#parts.currentState();
    const count = state.hear(pdu.correlation, liid, sourceSaid(pdu), () => standingSaid(pdu));
    for (let at = 0; at < count; at++) this.#parts.gaveUp(pdu.xid);
  }

  #mediateSignalling(pdu: Pdu, task: DfTask, warranted: readonly RecordRecipient[], time: number): void {
    const { keys, starts } = this.#parts;
    const observed = observedIdentities(pdu, task);
    if (pdu.payloadFormat === PAYLOAD_FORMAT.epsIriContent) {
      starts.report(pdu, decodeSessionStart(pdu.payload), observed);
      return;
    }
    if (pdu.payloadFormat !== PAYLOAD_FORMAT.sip) {
      this.#parts.refused(pdu.payload, `X2 payload format ${pdu.payloadFormat}`);
      return;
    }
    const direction = directionOf(pdu);
    for (const recipient of warranted) {
      this.#parts.deliver(recipient, 'hi2', pdu.correlation, (liid, cin) => ({
        kind: 'sip-message',
        liid,
        cin,
        time,
        correlation: pdu.correlation,
        observed,
        direction,
        sip: pdu.payload,
      }));
    }
    const fromTarget = direction === 'unknown' ? null : direction === 'fromTarget';
    const seen = sightingIn(pdu.payload, fromTarget, starts.effectiveTime(pdu, time));
    const isForKeys = warranted.some((recipient) => keys.takes(recipient));
    if (isForKeys) keys.noteKeyManagement(pdu, seen, warranted, observed);
    starts.note(pdu, seen, warranted, time);
    this.#parts.decryption?.signalled(pdu, seen.media.party !== null);
  }

  #mediateContent(pdu: Pdu, octets: Uint8Array, warranted: readonly RecordRecipient[], time: number): void {
    const content = asIntercepted(pdu, time);
    const { decryption } = this.#parts;
    if (content === null) this.#parts.refused(pdu.payload, `X3 payload format ${pdu.payloadFormat}`);
    else if (decryption === null) deliverContent(this.#parts.deliver, pdu, warranted, content);
    else decryption.take(pdu, octets, warranted, time);
  }
}

/** Lays content before warrants. */
export function deliverContent(
  deliver: DeliverRecord,
  pdu: Pdu,
  warranted: readonly RecordRecipient[],
  content: HandedContent,
): void {
  const { correlation } = pdu;
  for (const recipient of warranted) {
    deliver(recipient, 'hi3', correlation, (liid, cin) => ({
      kind: 'cc',
      ...{ liid, cin, correlation, direction: directionOf(pdu) },
      ...content,
    }));
  }
}
