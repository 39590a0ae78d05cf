/**
 * The delivery of a DF as a process: of the destinations that are its own by leases (`storage/lease-shares.ts`) it hands over
 * what the mediation has laid into their streams. It has no state of its own, nor tasks, nor keys of calls; where
 * destinations are, the mediation says. What a LEMF has not acknowledged stays in the streams.
 *
 *     NAME-hi2, NAME-hi3 ┄┄► StreamedOutbox ─► HandoverManager ──HI2/HI3──► LEMF
 */
import { opening } from '../../bytes/opened.ts';
import type { Opened, Started } from '../../bytes/opened.ts';
import { present } from '../../bytes/present.ts';
import { meter } from '../../host/meters.ts';
import type { Operation } from '../../host/operation.ts';
import type { Alarm, PeerState, QueueState } from '../../host/status.ts';
import type { Running, Runtime } from '../../host/runtime.ts';
import { HostMap } from '../../net/hosts.ts';
import { LiveTls } from '../../net/live-tls.ts';
import { loadTls, requireOwn } from '../../net/tls.ts';
import { LeaseShares } from '../../storage/lease-shares.ts';
import { StreamFollower } from '../../storage/stream-follower.ts';
import type { StreamServer } from '../../storage/jetstream.ts';
import type { StreamLease } from '../../storage/stream-lease.ts';
import type { DfConfig } from './config.ts';
import { HandoverManager } from './handover/manager.ts';
import type { HandoverAddress } from './handover/ports.ts';
import { DestinationNotes } from './listeners/destination-notes.ts';
import { HandoverClient } from './listeners/handover-client.ts';
import {
  deliveryPlace,
  lastPartOf,
  lemfNoteOf,
  notePlace,
  refusedHandoverPlace,
  refusedHeaders,
} from './listeners/handover-streams.ts';
import type { RefusedHandover } from './listeners/handover-streams.ts';
import { StreamedOutbox } from './listeners/streamed-outbox.ts';
import { streamsTold } from './start-stream-operation.ts';
import { openStreams } from './start-streams.ts';
import type { DfStreamSettings } from './start-streams.ts';

export interface RunningDeliverer extends Running {
  readonly operation: Operation<DfConfig>;
}

/** A destination is given back when others are to have it, and for no other reason. */
const NEVER = new Promise<never>(() => undefined);
/** How often it is looked whether all is delivered, in milliseconds. */
const DRAIN_POLL_MS = 50;

/** @throws ConfigError, TlsError, StorageError */
export function startDeliverer(
  config: DfConfig,
  streams: DfStreamSettings,
  runtime: Runtime,
): Promise<RunningDeliverer> {
  return opening((opened) => startWith(config, streams, runtime, opened));
}

async function startWith(
  config: DfConfig,
  settings: DfStreamSettings,
  runtime: Runtime,
  opened: Opened,
): Promise<Started<RunningDeliverer>> {
  const { clock, logger } = runtime;
  const tls = new LiveTls(loadTls(config.tls, clock.now()));
  requireOwn(tls, config.x1.identifier, 'df');
  const server = await openStreams(settings, config.roles, runtime, opened);
  const destinations = new Map<string, HandoverAddress>();
  const refuse = async (refused: RefusedHandover, octets: Uint8Array): Promise<void> => {
    const { stream, subject } = refusedHandoverPlace(settings);
    await server.publish(stream, subject, octets, { headers: refusedHeaders(refused) });
  };
  const leases = new Map<string, StreamLease>();
  const leaving = new Set<string>();
  const holds = (did: string): boolean => leases.get(did)?.state === 'held';
  const outbox = new StreamedOutbox({ server, settings, holds, refuse, clock, logger });
  const notes = new DestinationNotes({ server, settings, clock, logger, holds });
  const handover = new HandoverManager({
    outbox,
    destinations: {
      list: () => [...destinations.values()].filter(({ did }) => holds(did) && !leaving.has(did)),
    },
    transport: new HandoverClient({ tls, hosts: new HostMap(config.hosts) }),
    name: config.name,
    alarms: {
      raised: (did, description) => notes.raised(did, description),
      cleared: (did) => notes.cleared(did),
    },
    setAside: {
      keep: ({ reference, did, subject: liid, reason, octets }) =>
        reference === 'x2' || reference === 'x3'
          ? Promise.resolve()
          : refuse({ did, liid, reference, reason }, octets),
    },
    clock,
    logger,
    ...present({ settings: config.handover }),
  });
  const refresh = (): void => handover.refresh();
  handover.start();
  const { stream, subject: prefix } = deliveryPlace(settings, '');
  const shares = await LeaseShares.begin({
    ...{ server, stream, prefix, ...nameOf(config.x1.identifier, settings), ttlMs: settings.leaseMs },
    ports: { clock, logger },
    things: () => [...destinations.keys()],
    begin: (did, lease) => {
      leases.set(did, lease);
      outbox.open(did);
      refresh();
      return Promise.resolve({
        over: NEVER,
        stop: async () => {
          leaving.add(did);
          refresh();
          await outbox.close(did);
          leases.delete(did);
          leaving.delete(did);
        },
      });
    },
  });
  const place = notePlace(settings, 'lemf', '*');
  const follower = new StreamFollower(server.read(place.stream, place.subject, 0), (message) => {
    const address = lemfNoteOf(message);
    if (address === null) destinations.delete(lastPartOf(message));
    else destinations.set(address.did, address);
    refresh();
  });
  notes.start(() => {
    // A lease that is late, or is held again, says so by nothing but the time.
    refresh();
    return new Map(handover.list().map(({ address, ready }) => [address.did, ready]));
  });
  opened.add(async () => {
    await follower.stop();
    await shares.stop();
    handover.stop();
    await notes.stop();
    await outbox.stop();
  });
  return {
    operation: operationOf(config, settings, { tls, server, shares, outbox, handover, notes, runtime }),
  };
}

/**
 * Under which it has leases. Nobody fences what a former process of an own name does if it still runs: what it sends are
 * copies, and what it removes was acknowledged.
 */
function nameOf(
  identifier: string,
  { instance }: DfStreamSettings,
): { readonly name: string; readonly isNameOwn: boolean } {
  if (instance === undefined) return { name: identifier, isNameOwn: false };
  return { name: `${identifier} ${instance}`, isNameOwn: true };
}

interface DelivererParts {
  readonly tls: LiveTls;
  readonly server: StreamServer;
  readonly shares: LeaseShares;
  readonly outbox: StreamedOutbox;
  readonly handover: HandoverManager;
  readonly notes: DestinationNotes;
  readonly runtime: Runtime;
}

function operationOf(
  config: DfConfig,
  settings: DfStreamSettings,
  { tls, server, shares, outbox, handover, notes, runtime: { clock } }: DelivererParts,
): Operation<DfConfig> {
  const told = streamsTold(server, settings, config.roles, null);
  const lemfs = (): PeerState[] =>
    handover.list().map(({ address: { host, port }, ready }) => ({
      name: `${host}:${port}`,
      role: 'lemf',
      state: ready ? 'up' : 'down',
    }));
  const loaded = (): QueueState[] =>
    handover.list().map(({ address: { did } }) => {
      const { count, octets } = outbox.waiting(did);
      return { name: 'handover', to: did, entries: count, octets, oldest: null };
    });
  const faults = (): Alarm[] =>
    notes.problems().map(({ did, text, since }) => ({
      ...{ name: 'destination-fault', severity: 'critical', about: did, text, since },
    }));
  return {
    entity: 'df',
    name: config.x1.identifier,
    tls,
    audit: null,
    state: async () => ({
      tasks: 0,
      destinations: handover.list().length,
      queues: [...loaded(), ...(await told.queues())],
      peers: [...told.peers(), ...lemfs()],
      alarms: [...told.alarms(), ...faults()],
    }),
    unready: () => told.problems(),
    meters: [
      ...told.meters,
      meter(
        'deliverers',
        'Processes that deliver and are there, this one among them.',
        () => shares.others.length + 1,
      ),
      meter(
        'pdus_passed_over_total',
        'PDUs that a mediator laid down late, after another had its calls, and that come from that one.',
        () => outbox.passedOver,
      ),
      meter(
        'pdus_set_aside_total',
        'PDUs that a LEMF refused or that could not be worked on.',
        () => handover.setAside,
      ),
      meter(
        'pdus_unacknowledged_total',
        'PDUs that counted as delivered although no LEMF has acknowledged them.',
        () => handover.unacknowledged,
      ),
    ],
    kept: null,
    retakes: {},
    drain: async (ms) => {
      for (let left = ms; left > 0 && outbox.destinations().length > 0; left -= DRAIN_POLL_MS)
        await new Promise<void>((resolve) => void clock.after(DRAIN_POLL_MS, resolve));
      return outbox.destinations().length === 0;
    },
  };
}
