/**
 * What every network element with a point of interception is made of, besides its trade: X1, the POI, and its
 * connections to the destinations.
 *
 *     ADMF ──X1──► RunningX1Ne: TaskTable ─► TargetIndex ─► matches ─► Poi ─► X2X3Delivery ──X2/X3──► DF
 *                  X1Reporter ◄── trouble with destinations ◄────────────────────┘
 */
import { Poi } from './poi.ts';
import type { InterceptionTasks, TaskChange } from './poi.ts';
import type { Opened, Started } from '../bytes/opened.ts';
import { endpointOf } from '../x1/policy.ts';
import type { NePolicy } from '../x1/policy.ts';
import type { Destination } from '../wire/x1/details.ts';
import { HostMap } from '../net/hosts.ts';
import { loadTls, requireOwn } from '../net/tls.ts';
import type { Role } from '../net/tls.ts';
import { LiveTls } from '../net/live-tls.ts';
import { poiOperation } from './operation.ts';
import type { PoiOperation } from './operation.ts';
import { TargetIndex } from './targets.ts';
import { X2X3Delivery } from './x2x3-delivery.ts';
import { holdingState } from '../storage/lock.ts';
import { SetAsideFile, setAsideBeside } from '../storage/set-aside.ts';
import type { Listen } from '../host/config.ts';
import type { Running, Runtime } from '../host/runtime.ts';
import { startX1Ne } from '../x1/ne.ts';
import { openNeState } from '../x1/state.ts';
import type { X1Reporter } from '../x1/reports.ts';
import { targetKeys } from '../x1/target-keys.ts';
import type { TaskEvent } from '../x1/task-changes.ts';
import type { PoiElementConfig } from './config.ts';

/** What differs between elements. */
export interface PoiElementKind {
  /** What whoever finds the state in use is told, e.g. `cscf`. */
  readonly entity: Extract<Role, 'cscf' | 'gateway'>;
  readonly policy: NePolicy;
  /** Attribute 7 of X2/X3: the point within the element. */
  readonly ipId: string;
  /** What it keeps besides tasks and audit log, for the lock. */
  readonly files?: readonly string[];
}

/** Trouble of an element and of its tasks (X1 ReportNEIssue, ReportTaskIssue). Must not throw. */
export type ElementIssues = Pick<X1Reporter, 'taskIssue' | 'elementIssue' | 'elementCleared'>;

export interface RunningPoiElement extends Running {
  readonly x1: Listen;
  readonly hosts: HostMap;
  readonly tls: LiveTls;
  readonly operation: PoiOperation;
  readonly poi: Poi;
  /** Where the entity reports what is wrong with it, and with its tasks. */
  readonly issues: ElementIssues;
  /** The element's tasks, as its entity asks for them. */
  readonly tasks: InterceptionTasks;
  /** Waits at most `ms` milliseconds until the destinations have acknowledged everything. */
  drain(ms: number): Promise<boolean>;
}

export function startPoiElement(
  config: PoiElementConfig,
  kind: PoiElementKind,
  runtime: Runtime,
): Promise<RunningPoiElement> {
  const place = { entity: kind.entity, files: [config.x1.store, config.audit, ...(kind.files ?? [])] };
  return holdingState(place, runtime.clock.now(), (opened) => startHolding(config, kind, runtime, opened));
}

async function startHolding(
  config: PoiElementConfig,
  kind: PoiElementKind,
  runtime: Runtime,
  opened: Opened,
): Promise<Started<RunningPoiElement>> {
  const { clock, logger } = runtime;
  const tls = new LiveTls(loadTls(config.tls, clock.now()));
  requireOwn(tls, config.x1.identifier, kind.entity);
  const hosts = new HostMap(config.hosts);
  const state = await openNeState({ store: config.x1.store, audit: config.audit }, runtime);
  opened.add(() => state.close());
  const x1 = await startX1Ne(config.x1, { policy: kind.policy, tls, hosts, state, runtime });
  opened.add(() => x1.stop());
  const { table, reporter } = x1;
  const targets = new TargetIndex(table);
  const poi = new Poi({
    nfId: config.x1.identifier,
    ipId: pointOf(kind.ipId, clock.now()),
    logger,
    issues: reporter,
    limits: config.queue,
  });
  const timing = config.delivery;
  const setAside = new SetAsideFile(setAsideBeside(config.x1.store));
  opened.add(() => setAside.close());
  const delivery = new X2X3Delivery(poi, { hosts, tls, clock, logger, issues: reporter, timing, setAside });
  opened.add(() => delivery.stop());
  let revision = 0;
  const listeners: ((change: TaskChange) => void)[] = [];
  const unsubscribe = table.subscribe((event) => {
    revision++;
    const change = changeOf(event);
    if (change !== null) for (const listener of listeners) listener(change);
    if (event.kind === 'destination-removed') delivery.close(event.destination.did);
    else if ('destination' in event) openDestination(delivery, event.destination);
  });
  opened.add(unsubscribe);
  for (const destination of table.destinations()) openDestination(delivery, destination);
  return {
    x1: { address: config.x1.listen.address, port: x1.port },
    hosts,
    tls,
    operation: poiOperation(config, { x1, poi, delivery, trail: state.trail }),
    poi,
    issues: reporter,
    tasks: {
      get revision() {
        return revision;
      },
      match: (identities) => targets.match(identities),
      onChange: (listener) => void listeners.push(listener),
    },
    drain: (ms) => delivery.drain(ms),
  };
}

/**
 * IPID of this run of a point: numbers begin at 0 with each start, and are those of a new stream then, whatever the clock
 * says. Nothing of a run before is sent again: what waited for a DF was in memory.
 */
function pointOf(ipId: string, startedAt: number): string {
  return `${ipId}/${Math.round(startedAt).toString(36)}`;
}

/** `null`: it is about destinations. */
function changeOf(event: TaskEvent): TaskChange | null {
  if (!('task' in event)) return null;
  const { task } = event;
  const before = event.kind === 'task-modified' ? event.before.targets : [];
  return { xid: task.xid, keys: new Set([...before, ...task.targets].flatMap(targetKeys)) };
}

function openDestination(delivery: X2X3Delivery, destination: Destination): void {
  const endpoint = endpointOf(destination);
  if (endpoint !== null) delivery.open(destination.did, endpoint);
}
