/** Numbers records and lays them into the outbox of each destination, within a turn of the mediation. */
import type { Clock, Logger } from '../../bytes/ports.ts';
import { covered } from './coverage.ts';
import type { WarrantCoverage } from './coverage.ts';
import type { DfListener } from './events.ts';
import type { DeliverRecord } from './key-mediation.ts';
import type { DeliverNotice, TellReset } from './notices.ts';
import { NO_CIN } from './ports.ts';
import type { DfIssues, OutboxAppend, RecordEncoder } from './ports.ts';
import type { CinResetRecord, HandoverRecord, NoticeRecord } from './records.ts';
import type { WorkingState } from './working-state.ts';

export interface RecordWriterOptions {
  readonly encode: RecordEncoder;
  readonly issues: Pick<DfIssues, 'elementIssue'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onEvent?: DfListener;
  /** Present where content is decrypted here: then LEMFs get no key material, in whatever record. */
  readonly decryption?: unknown;
}

export class RecordWriter {
  readonly #options: RecordWriterOptions;
  readonly #currentState: () => WorkingState;

  /** @param currentState asked in each turn: after a failure it is another */
  constructor(options: RecordWriterOptions, currentState: () => WorkingState) {
    this.#options = options;
    this.#currentState = currentState;
  }

  /** Of a call. One that cannot be encoded takes no number. */
  readonly deliver: DeliverRecord = ({ liid, hi2, hi3, covers }, kind, correlation, make) => {
    const dids = kind === 'hi2' ? hi2 : hi3;
    if (dids.length === 0) return;
    const now = this.#options.clock.now();
    const state = this.#currentState();
    const { cin, sequenceNumber } = state.place(correlation, liid, kind);
    const record = covered(make(liid, cin), this.#coverageOf(covers));
    if (!this.#append(record, { interface: kind, liid, cin, sequenceNumber }, dids)) return;
    state.advance(correlation, liid, kind, now);
    this.#options.onEvent?.({ type: 'record', at: now, kind: record.kind, liid, cin, sequenceNumber });
  };

  /** Of a warrant itself; its numbers are for each LIID, apart from those of calls. */
  readonly notify: DeliverNotice = (record, dids) => {
    const { liid, kind } = record;
    if (dids.length === 0) return;
    const state = this.#currentState();
    const notice = state.notice(liid);
    const sequenceNumber = notice.next;
    if (!this.#append(record, { interface: 'hi1', liid, cin: NO_CIN, sequenceNumber }, dids)) return;
    state.putNotice({ ...notice, next: sequenceNumber + 1 });
    this.#options.onEvent?.({ type: 'notice', at: this.#options.clock.now(), kind, liid, sequenceNumber });
  };

  /** That CINs of a warrant do not go on where they were. */
  readonly reset: TellReset = (record, dids) => {
    const { liid, cin } = record;
    this.#append(record, { interface: 'hi1', liid, cin, sequenceNumber: 0 }, dids);
  };

  #coverageOf(covers: WarrantCoverage): WarrantCoverage {
    return this.#options.decryption === undefined ? covers : { ...covers, keys: false };
  }

  /** Whether it could be encoded. */
  #append(
    record: HandoverRecord | NoticeRecord | CinResetRecord,
    place: Omit<OutboxAppend, 'did' | 'octets'>,
    dids: readonly string[],
  ): boolean {
    const { liid, cin, sequenceNumber } = place;
    try {
      const octets = this.#options.encode(record, sequenceNumber);
      for (const did of dids) this.#currentState().append({ did, ...place, octets });
      return true;
    } catch (error) {
      this.#options.logger.error({ liid, cin, error }, 'a record could not be encoded');
      this.#options.issues.elementIssue('a record could not be encoded and was dropped');
      return false;
    }
  }
}
