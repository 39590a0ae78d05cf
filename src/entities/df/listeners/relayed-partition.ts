/** What is in the outbox of one partition of the calls, on its way into the streams of its destinations: a lane for each part. */
import type { Clock } from '../../../bytes/ports.ts';
import type { SharedTroubleLog } from '../../../bytes/trouble-log.ts';
import type { StreamServer } from '../../../storage/jetstream.ts';
import type { LeaseState } from '../../../storage/stream-lease.ts';
import type { Outbox } from '../ports.ts';
import { OUTBOX_PARTS } from './handover-streams.ts';
import type { HandoverWriter } from './handover-streams.ts';
import { RelayLane } from './relay-lane.ts';

/** A partition that this process has. */
export interface RelayedPart {
  readonly outbox: Outbox;
  /** By which it has the partition. */
  readonly lease: { readonly state: LeaseState };
  readonly writer: HandoverWriter;
}

export interface RelayedPartitionOptions {
  readonly server: Pick<StreamServer, 'publish'>;
  readonly streams: { readonly name: string };
  /** As a lane has it. */
  readonly untaken: SharedTroubleLog;
  readonly clock: Clock;
}

export class RelayedPartition {
  readonly #options: RelayedPartitionOptions & RelayedPart;
  readonly #lanes = new Map<string, readonly RelayLane[]>();
  readonly #unsubscribe: () => void;
  /** Lanes to where nothing goes any more, until what was under way is settled. */
  readonly #leaving = new Map<RelayLane, Promise<void>>();
  /** PDUs that lanes laid down that have gone. */
  #laidBefore = 0;

  constructor(options: RelayedPartitionOptions & RelayedPart) {
    this.#options = options;
    this.#unsubscribe = options.outbox.onAppend((dids) => {
      for (const did of dids) for (const lane of this.#lanes.get(did) ?? []) lane.wake();
    });
  }

  get lease(): { readonly state: LeaseState } {
    return this.#options.lease;
  }

  /** PDUs that were laid into streams. */
  get laid(): number {
    return [...this.#all(), ...this.#leaving.keys()].reduce((sum, { laid }) => sum + laid, this.#laidBefore);
  }

  /** Why PDUs stay in the outbox now; `null`: they do not, as far as it was tried. */
  get failure(): string | null {
    return this.#all().find(({ failure }) => failure !== null)?.failure ?? null;
  }

  /** Where PDUs go now. */
  follow(dids: ReadonlySet<string>): void {
    for (const [did, lanes] of this.#lanes) {
      if (dids.has(did)) continue;
      this.#lanes.delete(did);
      for (const lane of lanes) this.#leaving.set(lane, this.#leave(lane));
    }
    for (const did of dids) {
      const lanes =
        this.#lanes.get(did) ?? OUTBOX_PARTS.map((part) => new RelayLane(did, part, this.#options));
      this.#lanes.set(did, lanes);
      for (const lane of lanes) lane.wake();
    }
  }

  /** Lays down nothing more; resolves when what was under way is settled. */
  async stop(): Promise<void> {
    this.#unsubscribe();
    await Promise.all([...this.#all().map((lane) => lane.stop()), ...this.#leaving.values()]);
  }

  async #leave(lane: RelayLane): Promise<void> {
    await lane.stop();
    this.#leaving.delete(lane);
    this.#laidBefore += lane.laid;
  }

  #all(): RelayLane[] {
    return [...this.#lanes.values()].flat();
  }
}
