/**
 * What every network element with a point of interception is made of, besides its trade: X1, the POI, and its
 * connections to the destinations.
 *
 *     ADMF ──X1──► RunningX1Ne: TaskTable ─► TargetIndex ─► matches ─► Poi ─► X2X3Delivery ──X2/X3──► DF
 *                  X1Reporter ◄── trouble with destinations ◄────────────────────┘
 *
 *     { "tls": { "certificate": …, "privateKey": …, "authorities": … },
 *       "hosts": { "df.home1.example": "127.0.0.1" },   names on one machine
 *       "x1": { "identifier": "gateway.home1.example",  also the NFID of X2/X3; see `x1-ne.ts`
 *               "listen": …, "admf": …, "store": "state/gateway-tasks.db" },
 *       "audit": "state/gateway-audit.jsonl",
 *       "delivery": { "busyKeepaliveMs": 1000 } }       optional
 */
import { HashChainLog } from '../evidence/log.ts';
import { Poi } from './poi.ts';
import type { Match } from './poi.ts';
import { endpointOf } from '../x1/policy.ts';
import type { NePolicy } from '../x1/policy.ts';
import type { Destination } from '../wire/x1/details.ts';
import { HostMap } from '../net/hosts.ts';
import type { HostEntries } from '../net/hosts.ts';
import { loadTls } from '../net/tls.ts';
import type { TlsFiles, TlsMaterial } from '../net/tls.ts';
import type { X2X3Timing } from './x2x3-client.ts';
import { TargetIndex } from './targets.ts';
import { X2X3Delivery } from './x2x3-delivery.ts';
import { AuditFile } from '../evidence/audit-file.ts';
import { holdingState } from '../storage/lock.ts';
import type { Fields, Listen } from '../host/config.ts';
import type { Running, Runtime } from '../host/runtime.ts';
import { readX1Ne, startX1Ne } from '../x1/ne.ts';
import type { X1NeConfig } from '../x1/ne.ts';

export interface PoiElementConfig {
  readonly tls: TlsFiles;
  readonly hosts: HostEntries;
  readonly x1: X1NeConfig;
  readonly audit: string;
  readonly delivery: X2X3Timing;
}

/** What differs between elements. */
export interface PoiElementKind {
  /** What whoever finds the state in use is told, e.g. `cscf`. */
  readonly entity: string;
  readonly policy: NePolicy;
  /** Attribute 7 of X2/X3: the point within the element. */
  readonly ipId: string;
}

export interface RunningPoiElement extends Running {
  readonly x1: Listen;
  readonly hosts: HostMap;
  readonly tls: TlsMaterial;
  readonly poi: Poi;
  /** The element's tasks, as its entity asks for them. */
  readonly tasks: { readonly revision: number; match(identities: readonly string[]): readonly Match[] };
  /** Waits at most `ms` milliseconds until the destinations have acknowledged everything. */
  drain(ms: number): Promise<boolean>;
}

/** Reads the fields that every such element has; the caller reads its own and calls `end`. @throws ConfigError */
export function poiElementConfig(fields: Fields): PoiElementConfig {
  return {
    tls: fields.tls('tls'),
    hosts: fields.hosts('hosts'),
    x1: readX1Ne(fields.object('x1')),
    audit: fields.string('audit'),
    delivery: timing(fields.object('delivery', true)),
  };
}

export function startPoiElement(
  config: PoiElementConfig,
  kind: PoiElementKind,
  runtime: Runtime,
): Promise<RunningPoiElement> {
  const place = { entity: kind.entity, files: [config.x1.store, config.audit] };
  return holdingState(place, runtime.clock.now(), () => startHolding(config, kind, runtime));
}

async function startHolding(
  config: PoiElementConfig,
  kind: PoiElementKind,
  runtime: Runtime,
): Promise<RunningPoiElement> {
  const { clock, logger } = runtime;
  const tls = loadTls(config.tls, clock.now());
  const hosts = new HostMap(config.hosts);
  const auditFile = new AuditFile(config.audit);
  const audit = new HashChainLog(auditFile, clock);
  const x1 = await startX1Ne(config.x1, { policy: kind.policy, tls, hosts, audit, runtime });
  const { table, reporter } = x1;
  const targets = new TargetIndex(table);
  const poi = new Poi({ nfId: config.x1.identifier, ipId: kind.ipId, logger, issues: reporter });
  const timing = config.delivery;
  const delivery = new X2X3Delivery(poi, { hosts, tls, clock, logger, issues: reporter, timing });
  let revision = 0;
  const unsubscribe = table.subscribe((event) => {
    revision++;
    if (event.kind === 'destination-removed') delivery.close(event.destination.did);
    else if ('destination' in event) openDestination(delivery, event.destination);
  });
  for (const destination of table.destinations()) openDestination(delivery, destination);
  return {
    x1: { address: config.x1.listen.address, port: x1.port },
    hosts,
    tls,
    poi,
    tasks: {
      get revision() {
        return revision;
      },
      match: (identities) => targets.match(identities),
    },
    drain: (ms) => delivery.drain(ms),
    stop: async () => {
      unsubscribe();
      delivery.stop();
      await x1.stop();
      auditFile.close();
    },
  };
}

function openDestination(delivery: X2X3Delivery, destination: Destination): void {
  const endpoint = endpointOf(destination);
  if (endpoint !== null) delivery.open(destination.did, endpoint);
}

/** Settings that are not there keep their defaults. */
function timing(fields: Fields): X2X3Timing {
  const names = [
    'busyKeepaliveMs',
    'idleKeepaliveMs',
    'acknowledgementMs',
    'firstPauseMs',
    'longestPauseMs',
  ] as const;
  const given = names.filter((name) => fields.has(name));
  const values = Object.fromEntries(given.map((name) => [name, fields.integer(name, { min: 1 })]));
  fields.end();
  return values;
}
