/**
 * What takes PDUs from points of interception and lays them into streams, for another process to mediate.
 *
 * Of one connection and one partition a message is laid down only after the one before it is stored: were a later one
 * stored without it, the mediation would take the earlier one for a copy when it came again. For the same reason a batch
 * that failed is laid down again from its beginning; what was stored of it already is known by its id, or by its numbers.
 */
import { concat } from '../../../bytes/octets.ts';
import { messageOf } from '../../../bytes/errors.ts';
import type { Clock, Logger } from '../../../bytes/ports.ts';
import { TroubleLog } from '../../../bytes/trouble-log.ts';
import type { StreamServer } from '../../../storage/jetstream.ts';
import { PDU_TYPE } from '../../../wire/x2x3/pdu.ts';
import { batchesOf, messageId, PEER_HEADER, byPlace, REASON_HEADER, refusedPlace } from './pdu-streams.ts';
import type { PduPlace, PduStreamSettings } from './pdu-streams.ts';
import type { ReceivedPdu, X2X3Consumer } from './x2x3-server.ts';

export interface StreamedIntakeOptions {
  readonly server: Pick<StreamServer, 'publish'>;
  readonly settings: PduStreamSettings;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Frames that were refused and are on their way. */
const MOST_REFUSED = 100;
/** Characters of a reason. */
const REASON = 500;
const NOT_PASSED_ON = {
  begins: 'X2/X3: a frame that was refused could not be passed on',
  over: 'X2/X3: frames that are refused are passed on again',
  level: 'error',
} as const;

export class StreamedIntake implements X2X3Consumer {
  readonly #options: StreamedIntakeOptions;
  readonly #stored = { x2: 0, x3: 0 };
  #refusedUnderWay = 0;
  #refusedLost = 0;
  readonly #notPassedOn: TroubleLog;

  constructor(options: StreamedIntakeOptions) {
    this.#options = options;
    const { clock, logger } = options;
    this.#notPassedOn = new TroubleLog(NOT_PASSED_ON, { logger, now: () => clock.now() });
  }

  /** PDUs that were stored, copies that came again among them. */
  get stored(): Readonly<Record<'x2' | 'x3', number>> {
    return this.#stored;
  }

  /** Frames that were refused and of which nobody could be told. */
  get refusedLost(): number {
    return this.#refusedLost;
  }

  /** Resolves when all are in their streams. @throws StorageError */
  async accept(batch: readonly ReceivedPdu[]): Promise<void> {
    const places = byPlace(this.#options.settings, batch);
    // Nothing of a batch is under way any more when it is tried again.
    const outcomes = await Promise.allSettled(
      [...places.values()].map(({ place, pdus }) => this.#lay(place, pdus)),
    );
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  }

  refused(octets: Uint8Array, reason: string): void {
    const { server, settings } = this.#options;
    if (this.#refusedUnderWay >= MOST_REFUSED) {
      this.#refusedLost += 1;
      return;
    }
    this.#refusedUnderWay += 1;
    const { stream, subject } = refusedPlace(settings);
    const headers = { [REASON_HEADER]: encodeURIComponent(reason.slice(0, REASON)) };
    server
      .publish(stream, subject, octets, { headers })
      .then(
        () => this.#notPassedOn.worked(),
        (error: unknown) => {
          this.#refusedLost += 1;
          this.#notPassedOn.failed({ reason: messageOf(error) });
        },
      )
      .finally(() => (this.#refusedUnderWay -= 1));
  }

  async #lay({ stream, subject }: PduPlace, pdus: readonly ReceivedPdu[]): Promise<void> {
    for (const batch of batchesOf(pdus)) {
      const peer = batch[0]?.peer ?? '';
      const octets = concat(...batch.map((received) => received.octets));
      const id = messageId(
        peer,
        batch.map(({ pdu }) => pdu),
        octets,
      );
      const headers = { [PEER_HEADER]: encodeURIComponent(peer) };
      await this.#options.server.publish(stream, subject, octets, {
        headers,
        ...(id === null ? {} : { id }),
      });
      const [first] = batch;
      this.#stored[first?.pdu.type === PDU_TYPE.x3 ? 'x3' : 'x2'] += batch.length;
    }
  }
}
