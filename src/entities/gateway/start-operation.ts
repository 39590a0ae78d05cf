/** What a running media gateway says to its operator. */
import type { FastifyInstance } from 'fastify';
import { meter, meterBy } from '../../host/meters.ts';
import type { KeptState } from '../../host/backup.ts';
import type { Operation } from '../../host/operation.ts';
import { connectionsOf } from '../../net/https.ts';
import type { RunningPoiElement } from '../../poi/element.ts';
import type { GatewayConfig } from './config.ts';
import type { MediaGateway } from './gateway.ts';
import { threadMeters } from './workers/thread-meters.ts';
import type { ThreadedRelay } from './workers/threaded-relay.ts';

export interface GatewayOperationParts {
  readonly element: RunningPoiElement;
  readonly gateway: MediaGateway;
  /** Where media have threads. */
  readonly threaded: ThreadedRelay | null;
  readonly control: FastifyInstance;
  /** Waits at most so many milliseconds until the DF has acknowledged everything. */
  readonly drain: Operation<GatewayConfig>['drain'];
}

/** It is not ready while a new call would find no port. */
export function gatewayOperation(
  config: GatewayConfig,
  { element, gateway, threaded, control, drain }: GatewayOperationParts,
): Operation<GatewayConfig> {
  const { operation, tls } = element;
  return {
    entity: 'gateway',
    name: config.x1.identifier,
    tls,
    audit: operation.audit,
    state: () => operation.state(),
    unready: () => [
      ...operation.unready(),
      ...(gateway.ports.free > 0 ? [] : ['no port for media is free']),
      ...(gateway.sessions < config.maxSessions ? [] : ['no more sessions can be taken']),
    ],
    meters: [
      ...operation.meters({ control: connectionsOf(control) }),
      meter('media_sessions', 'Sessions of media that stand.', () => gateway.sessions),
      meter(
        'media_sessions_lost_total',
        'Sessions of media that ended with the thread that relayed them.',
        () => gateway.losses.count,
      ),
      meterBy('state', 'media_ports', 'UDP ports for media, in pairs.', () => {
        const { free, used, foreign } = gateway.ports;
        return { free, used, foreign };
      }),
      meter(
        'media_ports_refused_total',
        'Sessions for which there was no port.',
        () => gateway.ports.refused,
      ),
      meter(
        'media_destinations_refused_total',
        'Destinations to which media must not go.',
        () => gateway.refusedDestinations,
      ),
      ...(threaded === null ? [] : threadMeters(threaded)),
    ],
    kept: gatewayKept(config),
    retakes: {},
    drain,
  };
}

/** What it keeps on disk. */
export function gatewayKept({ x1, audit }: GatewayConfig): KeptState {
  return {
    stores: { tasks: x1.store },
    audit,
    place: { entity: 'gateway', files: [x1.store, audit] },
    secret: false,
  };
}
