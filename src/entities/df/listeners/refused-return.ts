/** What LEMFs have refused, as it comes back from those who deliver: it is set aside, told of, and gone from its stream. */
import { AttemptPauses } from '../../../bytes/back-off.ts';
import { messageOf } from '../../../bytes/errors.ts';
import type { Clock, Logger, SetAside } from '../../../bytes/ports.ts';
import { Tally } from '../../../bytes/tally.ts';
import { TroubleLog } from '../../../bytes/trouble-log.ts';
import type { StreamServer } from '../../../storage/jetstream.ts';
import type { LeaseState } from '../../../storage/stream-lease.ts';
import { StreamFollower } from '../../../storage/stream-follower.ts';
import type { StoredMessage } from '../../../storage/stream-reading.ts';
import type { HandoverIssues } from '../handover/ports.ts';
import { refusedHandoverPlace, refusedOf } from './handover-streams.ts';
import type { RefusedHandover } from './handover-streams.ts';

export interface RefusedReturnOptions {
  readonly server: Pick<StreamServer, 'read' | 'trim'>;
  readonly streams: { readonly name: string };
  /** By which this process is the one that sets them aside. */
  readonly lease: { readonly state: LeaseState };
  readonly setAside: SetAside | undefined;
  readonly issues: HandoverIssues | undefined;
  /** One was set aside. */
  readonly counted: () => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Milliseconds between attempts. */
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 2_000;
const NOT_SET_ASIDE = {
  begins: 'a PDU that a LEMF refused could not be set aside for now',
  over: 'PDUs that LEMFs refuse are set aside again',
  level: 'error',
} as const;

export class RefusedReturn {
  readonly #options: RefusedReturnOptions;
  readonly #pauses: AttemptPauses;
  readonly #trouble: TroubleLog;
  readonly #tally = new Tally();
  readonly #follower: StreamFollower;
  #isStopped = false;

  constructor(options: RefusedReturnOptions) {
    this.#options = options;
    const { clock, logger } = options;
    this.#pauses = new AttemptPauses(clock, FIRST_PAUSE, LONGEST_PAUSE);
    this.#trouble = new TroubleLog(NOT_SET_ASIDE, { logger, now: () => clock.now() });
    const { stream, subject } = refusedHandoverPlace(options.streams);
    this.#follower = new StreamFollower(options.server.read(stream, subject, 0), (message) =>
      this.#take(message),
    );
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#pauses.end();
    await this.#follower.stop();
  }

  /** Tries until it is done, or it is to stop. */
  async #take(message: StoredMessage): Promise<void> {
    const { setAside, clock, lease, server, streams } = this.#options;
    const refused = refusedOf(message);
    while (!this.#isStopped && lease.state !== 'lost') {
      try {
        if (lease.state === 'held') {
          if (refused !== null) {
            const { did, liid, reference, reason } = refused;
            await setAside?.keep(
              { reference, did, subject: liid, reason, octets: message.octets },
              clock.now(),
            );
          }
          const { stream, subject } = refusedHandoverPlace(streams);
          await server.trim(stream, subject, message.number);
          this.#pauses.reset();
          this.#trouble.worked();
          if (refused !== null) this.#tell(refused, message.octets.length);
          return;
        }
      } catch (error) {
        this.#trouble.failed({ reason: messageOf(error) });
      }
      await this.#pauses.wait();
    }
  }

  #tell({ did, liid, reference, reason }: RefusedHandover, octets: number): void {
    const { issues, logger, counted } = this.#options;
    counted();
    logger.error({ did, liid, octets, reason }, 'a PDU was refused and is set aside');
    if (reference !== 'hi1') issues?.setAsideOf?.(liid, did);
    const count = this.#tally.count(liid);
    if (count === null) return;
    const what = `${reference.toUpperCase()} PDU of ${octets} octets to ${did}`;
    issues?.elementIssue(`${what} is set aside: ${reason} (${count} of this LIID)`);
  }
}
