/**
 * Mediation and delivery of a DF as one of several processes, on one database: calls are in partitions, and each process has
 * its share of them, by leases (`storage/lease-shares.ts`). A partition has a store, a mediation and readers of its own;
 * X1, Xk and the connections to LEMFs are the process's.
 *
 *     streams ┄► StreamedSource ─► Mediation ─► DfPartitionStore ─┐
 *     streams ┄► StreamedSource ─► Mediation ─► DfPartitionStore ─┼─► JoinedOutbox ─► HandoverManager
 *                                     └─► KeyRequests ──Xk──► KMS
 *
 * Where others deliver, what is in each store's outbox goes into their streams (`listeners/handover-relay.ts`).
 */
import type { Opened, Started } from '../../bytes/opened.ts';
import type { Runtime } from '../../host/runtime.ts';
import type { DatabaseConfig } from '../../host/database-config.ts';
import { StorageError } from '../../storage/errors.ts';
import { LeaseShares } from '../../storage/lease-shares.ts';
import { holdingState } from '../../storage/lock.ts';
import type { DfConfig } from './config.ts';
import { JoinedOutbox } from './joined-outbox.ts';
import { HandoverRelay } from './listeners/handover-relay.ts';
import { StreamedIntake } from './listeners/streamed-intake.ts';
import type { X2X3Server } from './listeners/x2x3-server.ts';
import type { WayOutOptions } from './handover/ports.ts';
import { Partitions } from './start-partitions.ts';
import type { SharedTaskView } from './ports.ts';
import type { TaskTable } from '../../x1/tasks.ts';
import { startPartitions, x2x3Server } from './start-delivery.ts';
import type { DfIntake } from './start-delivery.ts';
import type { RunningMediator } from './start-mediator.ts';
import { dfKept } from './start-operation.ts';
import { openPartitionedStores } from './start-stores.ts';
import { sharesTold, streamsTold } from './start-stream-operation.ts';
import { openStreams, requireLayout } from './start-streams.ts';
import type { DfStreamSettings } from './start-streams.ts';
import { startHolding } from './start.ts';

/** @throws ConfigError, TlsError; StorageError, `locked` if another process has the instance's name, `refused` */
export function startMediators(
  config: DfConfig,
  settings: DfStreamSettings,
  database: DatabaseConfig,
  runtime: Runtime,
): Promise<RunningMediator> {
  const { place } = dfKept(config);
  return holdingState(place, runtime.clock.now(), (opened) =>
    startWith(config, settings, database, runtime, opened),
  );
}

async function startWith(
  config: DfConfig,
  settings: DfStreamSettings,
  database: DatabaseConfig,
  runtime: Runtime,
  opened: Opened,
): Promise<Started<RunningMediator>> {
  const server = await openStreams(settings, config.roles, runtime, opened);
  await requireLayout(server, settings, 'several');
  const sharing: { shares: LeaseShares | null } = { shares: null };
  const listening: { port: number | null } = { port: null };
  const outbox = new JoinedOutbox();
  const passing: { relay: HandoverRelay | null } = { relay: null };
  const running = await startHolding(
    config,
    runtime,
    opened,
    {
      open: () => openPartitionedStores(config, database, settings.partitions, runtime, opened),
      start: (options, { partitioned }) => {
        const sharedTasks = sharedTasksOf(options.table);
        const refreshTasks = (): Promise<void> => sharedTasks.refresh();
        const openWayOut = (wayOut: WayOutOptions): HandoverRelay =>
          (passing.relay = new HandoverRelay({ ...wayOut, outbox, server, streams: settings, refreshTasks }));
        return startPartitions(
          options,
          runtime,
          {
            ...{ partitions: settings.partitions, outbox, sharedTasks },
            waitsElsewhere: (did) => partitioned.waitsFor(did),
            ...(config.roles.includes('delivery') ? {} : { openWayOut }),
          },
          async (host) => {
            const { relay } = passing;
            const partitions = new Partitions({
              ...{ server, settings, runtime, host, outbox, relay, partitioned },
            });
            const shares = await LeaseShares.begin(partitions.sharedAs(database.instance));
            sharing.shares = shares;
            if (!config.roles.includes('intake')) return new SharedIntake(shares, partitions, null);
            const { clock, logger } = runtime;
            const intake = new StreamedIntake({ server, settings, clock, logger });
            const listener = x2x3Server(config.x2x3, options.tls, intake, runtime);
            listening.port = await listener.start();
            return new SharedIntake(shares, partitions, listener);
          },
        );
      },
    },
    sharesTold(streamsTold(server, settings, config.roles, null), () => sharing.shares, settings),
  );
  const { port } = listening;
  return port === null ? running : { ...running, x2x3: { address: config.x2x3.address, port } };
}

function sharedTasksOf(table: TaskTable): SharedTaskView {
  return {
    get version() {
      return table.version;
    },
    refresh: () => table.refresh(),
    isOutdated: (error) => error instanceof StorageError && error.code === 'outdated',
  };
}

class SharedIntake implements DfIntake {
  readonly #shares: LeaseShares;
  readonly #partitions: Partitions;
  readonly #listener: X2X3Server | null;
  constructor(shares: LeaseShares, partitions: Partitions, listener: X2X3Server | null) {
    this.#shares = shares;
    this.#partitions = partitions;
    this.#listener = listener;
  }

  get bounds(): X2X3Server['bounds'] | undefined {
    return this.#listener?.bounds;
  }

  get failure(): string | null {
    return this.#partitions.failure ?? this.#listener?.failure ?? null;
  }

  peers(): string[] {
    return this.#listener?.peers() ?? [];
  }

  async stop(): Promise<void> {
    await this.#listener?.stop();
    await this.#shares.stop();
  }
}
