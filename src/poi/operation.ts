/**
 * What an element with a point of interception says to its operator, besides its trade. It is ready when what it
 * intercepts can be kept: a destination that is away has its queue.
 */
import type { AuditTrail } from '../evidence/trail.ts';
import { meter, meterBy } from '../host/meters.ts';
import type { Meter } from '../host/operation.ts';
import type { EntityState } from '../host/status.ts';
import type { ConnectionGuard } from '../net/connections.ts';
import { WriteProbe } from '../storage/probe.ts';
import type { RunningX1Ne } from '../x1/ne.ts';
import { neMeters, neState } from '../x1/operation.ts';
import type { PoiElementConfig } from './config.ts';
import type { Poi } from './poi.ts';
import type { X2X3Delivery } from './x2x3-delivery.ts';

/** What of an element's operation its point of interception has. */
export interface PoiOperation {
  readonly audit: AuditTrail;
  state(): EntityState;
  unready(): string[];
  meters(listeners?: Readonly<Record<string, ConnectionGuard>>): Meter[];
}

export interface PoiOperationParts {
  readonly x1: RunningX1Ne;
  readonly poi: Poi;
  readonly delivery: X2X3Delivery;
  readonly trail: AuditTrail;
}

export function poiOperation(
  config: PoiElementConfig,
  { x1, poi, delivery, trail }: PoiOperationParts,
): PoiOperation {
  const probe = new WriteProbe(config.x1.store);
  return {
    audit: trail,
    state: () => {
      const state = neState(x1, config.x1.admf.identifier);
      const queues = poi.queues().map(({ did, waiting, octets, oldest }) => ({
        name: 'x2x3',
        to: did,
        entries: waiting,
        octets,
        oldest: oldest === null ? null : new Date(oldest).toISOString(),
      }));
      const peers = delivery.destinations().map(({ host, port, isUp }) => ({
        name: `${host}:${port}`,
        role: 'df',
        state: isUp ? ('up' as const) : ('down' as const),
      }));
      return { ...state, queues: [...state.queues, ...queues], peers: [...state.peers, ...peers] };
    },
    unready: () => probe.problems(),
    meters: (listeners) => [
      ...neMeters(x1, listeners),
      meter(
        'poi_pdus_lost_total',
        'Intercepted events that were lost: no room, or an error.',
        () => poi.lost,
      ),
      meterBy(
        'interface',
        'poi_pdus_displaced_total',
        'Intercepted events of those that were lost for which the queue had no room, by interface.',
        () => poi.displaced,
      ),
      meter('pdus_set_aside_total', 'PDUs that a destination refused.', () => delivery.setAside),
      meter(
        'poi_attributes_left_out_total',
        'Attributes of X2 and X3 that did not fit into a header.',
        () => poi.attributesLeftOut,
      ),
    ],
  };
}
