/**
 * The mediation of a DF as a process that takes its PDUs from streams: under the lease of the mediation, so that no two
 * processes of one DF number records at the same time. Where its roles say so it takes PDUs in as well, by the way of the
 * same streams, and delivers; else what it has made goes through streams to the processes that deliver.
 */
import type { Opened, Started } from '../../bytes/opened.ts';
import type { Listen } from '../../host/config.ts';
import type { Runtime } from '../../host/runtime.ts';
import { holdingState } from '../../storage/lock.ts';
import type { DfConfig } from './config.ts';
import { HandoverRelay } from './listeners/handover-relay.ts';
import { leasePlace } from './listeners/pdu-streams.ts';
import { StreamedIntake } from './listeners/streamed-intake.ts';
import { StreamedSource } from './listeners/streamed-source.ts';
import type { X2X3Consumer, X2X3Server } from './listeners/x2x3-server.ts';
import { startMediating, x2x3Server } from './start-delivery.ts';
import type { DfIntake, MediatingOptions, OpenWayOut, RunningMediating } from './start-delivery.ts';
import { dfKept } from './start-operation.ts';
import { streamsTold } from './start-stream-operation.ts';
import { leaseOfMediation, openStreams, requireLayout } from './start-streams.ts';
import type { DfStreamSettings } from './start-streams.ts';
import { openDfStores } from './start-stores.ts';
import { startHolding } from './start.ts';
import type { DfBesides } from './start.ts';

export interface RunningMediator extends RunningMediating, DfBesides {
  /** Absent: it takes none in. */
  readonly x2x3?: Listen;
}

/** @throws ConfigError, TlsError; StorageError, `locked` if another process mediates */
export function startMediator(
  config: DfConfig,
  streams: DfStreamSettings,
  runtime: Runtime,
): Promise<RunningMediator> {
  const { place } = dfKept(config);
  return holdingState(place, runtime.clock.now(), (opened) => startWith(config, streams, runtime, opened));
}

async function startWith(
  config: DfConfig,
  settings: DfStreamSettings,
  runtime: Runtime,
  opened: Opened,
): Promise<Started<RunningMediator>> {
  const server = await openStreams(settings, config.roles, runtime, opened);
  await requireLayout(server, settings, 'one');
  const lease = await leaseOfMediation(server, settings, config.x1.identifier, runtime, opened);
  const listening: { port: number | null } = { port: null };
  const openIntake =
    ({ tls }: Pick<MediatingOptions, 'tls'>) =>
    async (consumer: X2X3Consumer): Promise<DfIntake> => {
      const { clock, logger } = runtime;
      const source = new StreamedSource({ server, settings, consumer, lease, clock, logger });
      source.start();
      if (!config.roles.includes('intake')) return new StreamsAlone(source);
      const intake = new StreamedIntake({ server, settings, clock, logger });
      const listener = x2x3Server(config.x2x3, tls, intake, runtime);
      listening.port = await listener.start();
      return new ListenerBeside(source, listener);
    };
  const streamMadeAt = await server.madeAt(leasePlace(settings, '').stream);
  const writer = { partition: 0, streamMadeAt, token: lease.token };
  const openWayOut: OpenWayOut | undefined = config.roles.includes('delivery')
    ? undefined
    : (options) => {
        const relay = new HandoverRelay({ ...options, server, streams: settings });
        relay.add({ outbox: options.outbox, lease, writer });
        return relay;
      };
  const running = await startHolding(
    config,
    runtime,
    opened,
    {
      open: () => openDfStores(config, runtime, opened),
      start: (options, { store }) =>
        startMediating({ ...options, store }, runtime, openIntake(options), openWayOut),
    },
    streamsTold(server, settings, config.roles, lease),
  );
  const { port } = listening;
  return port === null ? running : { ...running, x2x3: { address: config.x2x3.address, port } };
}

class StreamsAlone implements DfIntake {
  readonly #source: StreamedSource;

  constructor(source: StreamedSource) {
    this.#source = source;
  }

  get failure(): string | null {
    return this.#source.failure;
  }

  peers(): string[] {
    return [];
  }

  stop(): Promise<void> {
    return this.#source.stop();
  }
}

class ListenerBeside implements DfIntake {
  readonly #source: StreamedSource;
  readonly #listener: X2X3Server;

  constructor(source: StreamedSource, listener: X2X3Server) {
    this.#source = source;
    this.#listener = listener;
  }

  get failure(): string | null {
    return this.#source.failure ?? this.#listener.failure;
  }

  get bounds(): X2X3Server['bounds'] {
    return this.#listener.bounds;
  }

  peers(): string[] {
    return this.#listener.peers();
  }

  async stop(): Promise<void> {
    await this.#listener.stop();
    await this.#source.stop();
  }
}
