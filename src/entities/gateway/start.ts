/**
 * The media gateway as a process: sockets, control by the CSCF, interception.
 *
 *     CSCF ──Iq──► iqServer ─► MediaGateway ─► MediaRelay ─► sockets        MediaGateway ─► Poi ──X3──► DF
 */
import { opening } from '../../bytes/opened.ts';
import type { Opened, Started } from '../../bytes/opened.ts';
import type { Datagrams } from '../../media/datagrams.ts';
import { MediaDestinations } from './destinations.ts';
import type { DestinationRules } from './destinations.ts';
import { MediaGateway } from './gateway.ts';
import { LocalRelay } from './relay.ts';
import type { RelayOptions } from './relay.ts';
import { ThreadedRelay } from './workers/threaded-relay.ts';
import { GATEWAY_POLICY } from '../../x1/policy.ts';
import { publicShare } from '../../net/descriptors.ts';
import { broadcastAddresses, udpDatagrams } from '../../net/datagrams.ts';
import { systemCalls } from '../../net/polled/system-calls.ts';
import { listen } from '../../net/https.ts';
import { admissionOf } from '../../net/tls.ts';
import { iqServer } from './http/iq-server.ts';
import type { Listen } from '../../host/config.ts';
import { startPoiElement } from '../../poi/element.ts';
import type { GatewayConfig } from './config.ts';
import { gatewayOperation } from './start-operation.ts';
import type { Operation } from '../../host/operation.ts';
import type { Running, Runtime } from '../../host/runtime.ts';

export interface RunningGateway extends Running {
  readonly control: Listen;
  readonly x1: Listen;
  readonly gateway: MediaGateway;
  readonly operation: Operation<GatewayConfig>;
  /** PDUs lost to full queues since the start. */
  readonly lost: number;
  /** Waits at most `ms` milliseconds until the DF has acknowledged everything. */
  drain(ms: number): Promise<boolean>;
}

/** `datagrams` stands in for UDP sockets where somebody wants to watch them, and no threads have them. */
export function startGateway(
  config: GatewayConfig,
  runtime: Runtime,
  datagrams?: Datagrams,
): Promise<RunningGateway> {
  return opening((opened) => startWith(config, runtime, opened, datagrams));
}

async function startWith(
  config: GatewayConfig,
  runtime: Runtime,
  opened: Opened,
  datagrams?: Datagrams,
): Promise<Started<RunningGateway>> {
  const { clock, logger } = runtime;
  const element = await startPoiElement(
    config,
    { entity: 'gateway', policy: GATEWAY_POLICY, ipId: 'rtp' },
    runtime,
  );
  opened.add(() => element.stop());
  const rules: DestinationRules = {
    media: config.media,
    entities: element.hosts.endpoints(),
    closed: config.closedNetworks,
    broadcasts: broadcastAddresses(),
  };
  const destinations = new MediaDestinations(rules);
  const options: RelayOptions = {
    ports: config.media,
    maxPairs: Math.floor(publicShare() / 2),
    maxPacketRate: config.maxPacketRate,
  };
  const calls = await systemCalls();
  const threaded =
    config.workers === 0 || datagrams !== undefined
      ? null
      : new ThreadedRelay({
          ...options,
          threads: config.workers,
          destinations: rules,
          calls,
          issues: element.issues,
          clock,
          logger,
        });
  const sockets = threaded !== null && calls !== null ? 'the C library' : 'Node.js';
  logger.debug({ threads: config.workers, sockets }, 'where media pass');
  const relay =
    threaded ??
    new LocalRelay({
      ...options,
      datagrams: datagrams ?? udpDatagrams(logger),
      clock,
      allows: (at) => destinations.allows(at),
    });
  const gateway = new MediaGateway({
    relay,
    destinations,
    poi: element.poi,
    tasks: element.tasks,
    issues: element.issues,
    clock,
    logger,
    idleMs: config.idleMs,
    maxSessions: config.maxSessions,
  });
  opened.add(() => gateway.stop());
  // Else there would be no port for the first call.
  await threaded?.started();
  const server = iqServer({
    gateway,
    tls: element.tls,
    logger,
    admission: admissionOf(config.control.peers, element.tls, ['cscf']),
    limits: config.control.connections,
  });
  opened.add(() => server.close());
  const { address, port } = config.control;
  const drain = async (ms: number): Promise<boolean> => {
    let late = (): void => undefined;
    const timer = clock.after(ms, () => late());
    await Promise.race([gateway.flush(), new Promise<void>((resolve) => (late = resolve))]);
    timer.cancel();
    return element.drain(ms);
  };
  return {
    control: { address, port: await listen(server, address, port) },
    x1: element.x1,
    gateway,
    operation: gatewayOperation(config, { element, gateway, threaded, control: server, drain }),
    get lost() {
      return element.poi.lost;
    },
    drain,
  };
}
