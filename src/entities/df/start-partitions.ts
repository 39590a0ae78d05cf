/**
 * The partitions of calls that a process has of those that several mediate: each with a store, a mediation and readers of its
 * own, which begin with its lease and end with it, all of them, whatever one of them has to say at its end.
 */
import { opening } from '../../bytes/opened.ts';
import type { Runtime } from '../../host/runtime.ts';
import type { StreamServer } from '../../storage/jetstream.ts';
import type { LeaseSharesOptions, SharedWork } from '../../storage/lease-shares.ts';
import type { JoinedOutbox } from './joined-outbox.ts';
import type { HandoverRelay } from './listeners/handover-relay.ts';
import { leasePlace } from './listeners/pdu-streams.ts';
import { StreamedSource } from './listeners/streamed-source.ts';
import type { MediationHost } from './start-delivery.ts';
import type { DfStreamSettings } from './start-streams.ts';
import type { PartitionedDfStore } from './store/postgresql-partitions.ts';

const MEDIATION = 'mediation-';

export interface PartitionsOptions {
  readonly server: LeaseSharesOptions['server'] & Pick<StreamServer, 'madeAt' | 'trim'>;
  readonly settings: DfStreamSettings;
  readonly runtime: Runtime;
  readonly host: MediationHost;
  readonly outbox: Pick<JoinedOutbox, 'add' | 'remove'>;
  /** `null`: this process delivers. */
  readonly relay: Pick<HandoverRelay, 'add' | 'remove'> | null;
  readonly partitioned: Pick<PartitionedDfStore, 'partition' | 'problem'>;
}

/** The partitions that this process has. */
export class Partitions {
  readonly #options: PartitionsOptions;
  readonly #sources = new Map<number, StreamedSource>();

  constructor(options: PartitionsOptions) {
    this.#options = options;
  }

  /** Why PDUs of one of them cannot be stored now; `null`: they can, as far as it was tried. */
  get failure(): string | null {
    for (const { failure } of this.#sources.values()) if (failure !== null) return failure;
    return null;
  }

  /** How they are shared out. */
  sharedAs(name: string): LeaseSharesOptions {
    const { server, settings, runtime, relay, partitioned } = this.#options;
    const { clock, logger } = runtime;
    const { stream, subject: prefix } = leasePlace(settings, '');
    const things = Array.from({ length: settings.partitions }, (_, partition) => `${MEDIATION}${partition}`);
    return {
      ...{ server, stream, prefix, name, isNameOwn: true, ttlMs: settings.leaseMs, ports: { clock, logger } },
      things: () => things,
      way: relay === null ? 'delivers' : 'passes-on',
      // Who does not reach the database leaves them to others, who may.
      isAble: () => partitioned.problem === null,
      begin: (thing, lease) => this.#begin(Number(thing.slice(MEDIATION.length)), lease),
    };
  }

  async #begin(partition: number, lease: Parameters<LeaseSharesOptions['begin']>[1]): Promise<SharedWork> {
    const { server, settings, runtime, host, outbox, relay, partitioned } = this.#options;
    const { clock, logger } = runtime;
    const streamMadeAt = await server.madeAt(leasePlace(settings, '').stream);
    const store = await partitioned.partition(partition, { streamMadeAt, token: lease.token });
    return opening(async (opened) => {
      opened.add(() => store.close());
      opened.add(() => host.close(partition));
      const consumer = await host.open(partition, store);
      opened.add(() => relay?.remove(partition));
      opened.add(() => outbox.remove(partition));
      outbox.add(partition, store);
      relay?.add({ outbox: store, lease, writer: { partition, streamMadeAt, token: lease.token } });
      const partitions = [partition];
      const source = new StreamedSource({ server, settings, consumer, lease, clock, logger, partitions });
      opened.add(() => this.#sources.delete(partition));
      opened.add(() => source.stop());
      opened.add(() => store.giveUp());
      this.#sources.set(partition, source);
      source.start();
      return { over: store.lost };
    });
  }
}
