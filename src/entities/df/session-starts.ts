/**
 * Start of interception with established IMS session: for calls that stood before there was a task, from
 * the report of the CSCF; for a warrant that joins the task of such a call, from what is retained of it here. Each LIID
 * is told once, and not at all if it has had the call from its beginning; with the record come the further bodies that
 * carried MIKEY and that it has not had, and the keys in force.
 */
import type { Clock } from '../../bytes/ports.ts';
import { fromBase64, fromHex, toHex } from '../../bytes/octets.ts';
import type { SessionStart } from '../../wire/hi/session-start.ts';
import type { Pdu } from '../../wire/x2x3/pdu.ts';
import type { Sighting } from './extraction.ts';
import type { DeliverRecord, KeyMediation } from './key-mediation.ts';
import { directionOf } from './pdu-facts.ts';
import type { DfTask, DfTasks, DfWarrants } from './ports.ts';
import type { ObservedIdentity } from './records.ts';
import { startFor, withMessage, withStart, withTold } from './retained.ts';
import type { RetainedSession } from './retained.ts';
import type { KeySession } from './session-state.ts';
import type { RecordRecipient } from './tasks.ts';
import { recipients } from './tasks.ts';
import type { WorkingState } from './working-state.ts';

export interface SessionStartParts {
  readonly clock: Clock;
  readonly tasks: DfTasks;
  readonly warrants: Pick<DfWarrants, 'tasksOf'>;
  /** Asked in each turn: after a failure it is another. */
  readonly currentState: () => WorkingState;
  readonly keys: KeyMediation;
  readonly deliver: DeliverRecord;
}

export class SessionStarts {
  readonly #parts: SessionStartParts;

  constructor(parts: SessionStartParts) {
    this.#parts = parts;
  }

  /** A SIP message of a call has been handed over. */
  note(pdu: Pdu, { standing }: Sighting, warranted: readonly RecordRecipient[], time: number): void {
    const before = this.#session(pdu);
    const facts = { direction: directionOf(pdu), time, to: warranted.map(({ liid }) => liid) };
    const retained = withMessage(before.retained, standing, pdu.payload, facts);
    if (retained === before.retained) return;
    this.#put(before, retained);
    this.#tell(pdu.xid, toHex(pdu.correlation), this.#parts.clock.now());
  }

  /** The CSCF reports that a session stood when its task came. */
  report(pdu: Pdu, start: SessionStart, observed: readonly ObservedIdentity[]): void {
    const before = this.#session(pdu);
    this.#put(before, withStart(before.retained, start, directionOf(pdu)));
    this.#tell(pdu.xid, toHex(pdu.correlation), start.time, observed);
  }

  /** When what a PDU is about counts for warrants: what went before the start in mid-call counts at the start. */
  effectiveTime(pdu: Pdu, time: number): number {
    return Math.max(time, this.#session(pdu).retained?.begun ?? time);
  }

  /** These warrants have changed, or their time has come. */
  lookAt(liids: readonly string[]): void {
    const tasks = liids.flatMap((liid) => this.#parts.warrants.tasksOf(liid));
    const xids = new Set(tasks.map(({ xid }) => xid));
    const now = this.#parts.clock.now();
    for (const { xid, correlation } of this.#parts.currentState().standing(xids))
      this.#tell(xid, correlation, now);
  }

  /* ---------------------------------------------------------------- helpers */

  #tell(xid: string, correlation: string, time: number, observed: readonly ObservedIdentity[] = []): void {
    const task = this.#parts.tasks.find(xid);
    const session = this.#parts.currentState().session(correlation, xid);
    let { retained } = session;
    if (task === null || retained === undefined) return;
    const late: RecordRecipient[] = [];
    for (const recipient of recipients(task, time)) {
      const next = this.#tellOne(session, task, retained, recipient, time, observed);
      if (next === null) continue;
      retained = next;
      late.push(recipient);
    }
    if (late.length === 0) return;
    this.#put(session, retained);
    this.#parts.keys.bring(correlation, xid, late, observed);
  }

  /** `null`: there is nothing to tell it. */
  #tellOne(
    { correlation, ...session }: KeySession,
    { targets }: DfTask,
    retained: RetainedSession,
    recipient: RecordRecipient,
    time: number,
    observed: readonly ObservedIdentity[],
  ): RetainedSession | null {
    const found = startFor(retained, recipient.liid);
    if (found === null) return null;
    const seen = [observed, session.observed, targets].find((names) => names.length > 0) ?? [];
    const common = { correlation: fromHex(correlation), observed: seen };
    const { start, direction, further } = found;
    this.#parts.deliver(recipient, 'hi2', common.correlation, (liid, cin) => ({
      ...common,
      ...start,
      ...{ kind: 'session-start', liid, cin, time, direction },
    }));
    for (const message of further) {
      this.#parts.deliver(recipient, 'hi2', common.correlation, (liid, cin) => ({
        ...common,
        ...{ kind: 'sip-message', liid, cin, time: message.time, direction: message.direction },
        sip: fromBase64(message.sip),
      }));
    }
    this.#parts.currentState().hear(common.correlation, recipient.liid, '', () => 'proven');
    return withTold(retained, recipient.liid, time);
  }

  #session({ correlation, xid }: Pdu): KeySession {
    return this.#parts.currentState().session(toHex(correlation), xid);
  }

  #put(session: KeySession, retained: RetainedSession | undefined): void {
    const begun = retained?.begun ?? session.retained?.begun ?? session.begun;
    this.#parts.currentState().putSession({ ...session, retained, begun }, this.#parts.clock.now());
  }
}
