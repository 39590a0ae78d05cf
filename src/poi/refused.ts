/**
 * PDUs that a destination has refused twice while it takes others: each is counted, reported (X1 ReportTaskIssue) and
 * kept for inspection; the rest goes on without it. Its sequence number is missing at the DF, which reports the gap.
 */
import type { Clock, Logger, SetAside } from '../bytes/ports.ts';
import { Tally } from '../bytes/tally.ts';
import type { PoiIssues } from './poi.ts';
import type { QueuedPdu } from './queue.ts';

export interface RefusedPdusOptions {
  readonly issues: Pick<PoiIssues, 'taskIssue'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Absent: they are counted and reported only. */
  readonly setAside?: SetAside;
}

export class RefusedPdus {
  readonly #options: RefusedPdusOptions;
  readonly #tally = new Tally();
  #count = 0;

  constructor(options: RefusedPdusOptions) {
    this.#options = options;
  }

  /** PDUs set aside since the start. */
  get count(): number {
    return this.#count;
  }

  put(did: string, pdu: QueuedPdu): void {
    const { issues, clock, logger, setAside } = this.#options;
    const { interface: reference, xid } = pdu;
    const octets = pdu.octets();
    this.#count++;
    logger.error({ did, xid, reference, octets: octets.length }, 'a PDU was refused twice and is set aside');
    const count = this.#tally.count(`${did} ${xid}`);
    if (count !== null) {
      const what = `${octets.length} octets on ${reference.toUpperCase()} to ${did}`;
      issues.taskIssue(xid, `a PDU was refused twice and is set aside: ${what} (${count} of this task)`);
    }
    const refused = { reference, did, subject: xid, reason: 'refused twice', octets };
    setAside?.keep(refused, clock.now()).catch((error: unknown) => {
      logger.error({ did, xid, error }, 'a PDU that was set aside could not be kept');
    });
  }
}
