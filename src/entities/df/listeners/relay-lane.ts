/**
 * One part of what waits in the outbox of a partition for a destination, on its way into its stream: in order, warrant by
 * warrant, and gone from the outbox when the stream has it. What is under way when the process ends, or while its lease is
 * late, is laid down again: its copies are known by their ids within two minutes, and by the LEMF always.
 *
 *     pending ──► messages of each warrant ──► stream: stored ──► up to where all is stored: gone from the outbox
 *                                                   └─► refused, or away: later, from there
 */
import { AttemptPauses } from '../../../bytes/back-off.ts';
import { messageOf } from '../../../bytes/errors.ts';
import type { Clock } from '../../../bytes/ports.ts';
import type { SharedTroubleLog } from '../../../bytes/trouble-log.ts';
import type { StreamServer } from '../../../storage/jetstream.ts';
import type { LeaseState } from '../../../storage/stream-lease.ts';
import type { Outbox, OutboxEntry, OutboxPart } from '../ports.ts';
import { handoverBatches, handoverMessage, lanePlace } from './handover-streams.ts';
import type { HandoverBatch, HandoverWriter } from './handover-streams.ts';
import type { PduPlace } from './pdu-streams.ts';

export interface RelayLaneOptions {
  readonly server: Pick<StreamServer, 'publish'>;
  readonly streams: { readonly name: string };
  readonly outbox: Pick<Outbox, 'pending' | 'acknowledge'>;
  /** Of the partition. */
  readonly lease: { readonly state: LeaseState };
  readonly writer: HandoverWriter;
  /** That streams do not take what waits: of all lanes of a process. */
  readonly untaken: SharedTroubleLog;
  readonly clock: Clock;
}

/** What is said of it. */
export const UNTAKEN = {
  begins: 'what waits for a LEMF stays in the outbox: its stream does not take it for now',
  over: 'what waits for LEMFs goes into streams again',
} as const;

/** PDUs that are looked at together. */
const READ_AT_ONCE = 2_000;
/** Milliseconds between attempts. */
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 2_000;

export class RelayLane {
  readonly #did: string;
  readonly #part: OutboxPart;
  readonly #place: PduPlace;
  readonly #options: RelayLaneOptions;
  readonly #pauses: AttemptPauses;
  /** Positions of what is stored, though something before it is not. */
  readonly #stored = new Set<number>();
  #working: Promise<void> | null = null;
  #again = false;
  #isStopped = false;
  #failure: string | null = null;
  #laid = 0;

  constructor(did: string, part: OutboxPart, options: RelayLaneOptions) {
    this.#did = did;
    this.#part = part;
    this.#place = lanePlace(options.streams, part, did);
    this.#options = options;
    this.#pauses = new AttemptPauses(options.clock, FIRST_PAUSE, LONGEST_PAUSE);
  }

  /** Why nothing can be laid down now; `null`: it can, as far as it was tried. */
  get failure(): string | null {
    return this.#failure;
  }

  /** PDUs that were laid down. */
  get laid(): number {
    return this.#laid;
  }

  /** Something may have come into the outbox. */
  wake(): void {
    this.#again = true;
    if (this.#isStopped || this.#working !== null) return;
    this.#working = this.#work().finally(() => {
      this.#working = null;
      if (this.#again) this.wake();
    });
  }

  /** Lays down nothing more; resolves when what was under way is settled. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#pauses.end();
    await this.#working;
    this.#options.untaken.gone(this);
  }

  async #work(): Promise<void> {
    const { lease, untaken } = this.#options;
    while (!this.#isStopped && lease.state !== 'lost') {
      this.#again = false;
      try {
        if (lease.state === 'held') {
          if (!(await this.#layOnce())) {
            this.#worked();
            return;
          }
          continue;
        }
      } catch (error) {
        this.#failure = messageOf(error);
        const fields = { did: this.#did, part: this.#part, reason: this.#failure };
        untaken.failed(this, fields);
      }
      await this.#pauses.wait();
    }
    this.#again = false;
  }

  /** Whether there was something. @throws where not all of it could be laid down */
  async #layOnce(): Promise<boolean> {
    const { outbox } = this.#options;
    const entries = await outbox.pending(this.#did, 0, READ_AT_ONCE, this.#part);
    if (entries.length === 0) {
      // What gave way meanwhile is not removed here.
      this.#stored.clear();
      return false;
    }
    const batches = handoverBatches(entries.filter(({ position }) => !this.#stored.has(position)));
    const outcomes = await Promise.allSettled([...batches.values()].map((warrant) => this.#layAll(warrant)));
    await this.#removeStored(entries);
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    this.#worked();
    return true;
  }

  #worked(): void {
    this.#pauses.reset();
    this.#failure = null;
    this.#options.untaken.worked(this);
  }

  /** One after the other: a later one alone would come before the earlier one. */
  async #layAll(batches: readonly HandoverBatch[]): Promise<void> {
    const { server, lease, writer } = this.#options;
    for (const batch of batches) {
      if (!isHeld(lease)) throw new Error('the lease of the mediation is late');
      const { octets, headers, id } = handoverMessage(this.#did, batch, writer);
      await server.publish(this.#place.stream, this.#place.subject, octets, { headers, id });
      // If another had the partition when this came, it is passed over: it stays in the outbox, whoever fences that or not.
      if (!isHeld(lease)) throw new Error('the lease of the mediation was late when it came');
      for (const { position } of batch.entries) this.#stored.add(position);
      this.#laid += batch.entries.length;
    }
  }

  async #removeStored(entries: readonly OutboxEntry[]): Promise<void> {
    const firstLeft = entries.findIndex(({ position }) => !this.#stored.has(position));
    const gone = firstLeft < 0 ? entries : entries.slice(0, firstLeft);
    const last = gone.at(-1)?.position;
    if (last === undefined) return;
    await this.#options.outbox.acknowledge(this.#did, last, 0, this.#part);
    for (const { position } of gone) this.#stored.delete(position);
  }
}

/** Asked anew each time: it becomes late while something is waited for. */
function isHeld({ state }: RelayLaneOptions['lease']): boolean {
  return state === 'held';
}
