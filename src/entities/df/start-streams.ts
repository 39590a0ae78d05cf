/** The streams that are between the processes of one DF: entered and made. */
import type { Opened } from '../../bytes/opened.ts';
import { legible, utf8 } from '../../bytes/octets.ts';
import type { Clock, Logger } from '../../bytes/ports.ts';
import { streamAccess } from '../../host/stream-server-config.ts';
import { StorageError } from '../../storage/errors.ts';
import { StreamServer } from '../../storage/jetstream.ts';
import { StreamLease } from '../../storage/stream-lease.ts';
import type { DfConfig, DfRole } from './config.ts';
import { handoverStreams, LARGEST_HANDOVER_MESSAGE } from './listeners/handover-streams.ts';
import { LEAST_LARGEST_MESSAGE, leasePlace, leaseStream, pduStreams } from './listeners/pdu-streams.ts';
import type { PduPlace } from './listeners/pdu-streams.ts';
import type { StreamTerms } from '../../storage/jetstream.ts';

export type DfStreamSettings = NonNullable<DfConfig['streams']>;

interface StreamPorts {
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The streams that a process of these roles has to do with. */
export function streamsOf(settings: DfStreamSettings, roles: readonly DfRole[]): StreamTerms[] {
  const takes = roles.includes('intake') || roles.includes('mediation');
  const pdus = takes ? pduStreams(settings) : [leaseStream(settings)];
  return isHandoverApart(roles) ? [...pdus, ...handoverStreams(settings)] : pdus;
}

/** Whether there are streams between this process and those that deliver, or mediate. */
function isHandoverApart(roles: readonly DfRole[]): boolean {
  return roles.includes('mediation') !== roles.includes('delivery');
}

/** @throws ConfigError; StorageError `unavailable`, `refused` */
export async function openStreams(
  settings: DfStreamSettings,
  roles: readonly DfRole[],
  ports: StreamPorts,
  opened: Opened,
): Promise<StreamServer> {
  const server = await StreamServer.connect(streamAccess(settings), ports);
  opened.add(() => server.close());
  const needed = isHandoverApart(roles) ? LARGEST_HANDOVER_MESSAGE : LEAST_LARGEST_MESSAGE;
  if (server.largestMessage < needed)
    throw new StorageError(
      'refused',
      `the stream server takes messages of ${server.largestMessage} octets, ${needed} are needed: set its max_payload to 2MB`,
    );
  const make = async (): Promise<void> => {
    for (const terms of streamsOf(settings, roles)) await server.keep(terms);
    if (roles.includes('intake') || roles.includes('mediation')) await requirePartitions(server, settings);
  };
  if (roles.includes('mediation')) await make();
  else await untilMade(make, ports);
  return server;
}

/** How long whoever may not make the streams waits for the mediation to make them, and between looks, milliseconds. */
const MADE_MS = 30_000;
const LOOK_MS = 500;

/** Makes them, or finds them made: a user of the server may have no right to make any. @throws StorageError */
async function untilMade(make: () => Promise<void>, { clock, logger }: StreamPorts): Promise<void> {
  const end = clock.now() + MADE_MS;
  for (let isTold = false; ; isTold = true) {
    try {
      await make();
      return;
    } catch (error) {
      const isForNow = error instanceof StorageError && error.code === 'unavailable';
      if (!isForNow || clock.now() >= end) throw error;
      if (!isTold) logger.info({ reason: error.message }, 'waits for the mediation to make the streams');
      await new Promise<void>((resolve) => void clock.after(LOOK_MS, resolve));
    }
  }
}

/** How all calls of a DF's streams are mediated: by one process at a time, or by several on a database, each its share. */
export type MediationLayout = 'one' | 'several';

const LAYOUTS: Readonly<Record<MediationLayout, string>> = {
  one: 'one process, with files',
  several: 'several processes, on a database',
};

/**
 * That the calls of these streams are mediated so. The first process says it, in `NAME.lease.layout`, for all that come
 * later: one of the other kind would take the PDUs of calls that this one has, and number their records anew.
 * @throws StorageError `refused` where it was said otherwise; `unavailable`
 */
export async function requireLayout(
  server: StreamNotes,
  settings: Pick<DfStreamSettings, 'name'>,
  layout: MediationLayout,
): Promise<void> {
  const said = await saidOnce(server, leasePlace(settings, 'layout'), layout);
  if (said === layout) return;
  const other = LAYOUTS[layout === 'one' ? 'several' : 'one'];
  throw new StorageError(
    'refused',
    `streams.name: calls of the streams ${settings.name} are mediated by ${other}; here they would be by ${LAYOUTS[layout]}: name other streams`,
  );
}

/**
 * That calls are in so many partitions. The first process that takes PDUs in or mediates says it, in
 * `NAME.lease.partitions`: what another number made of a call's ID would be where nobody reads, or where another has the call.
 * @throws StorageError `refused` where it was said otherwise; `unavailable`
 */
export async function requirePartitions(
  server: StreamNotes,
  { name, partitions }: Pick<DfStreamSettings, 'name' | 'partitions'>,
): Promise<void> {
  const said = await saidOnce(server, leasePlace({ name }, 'partitions'), String(partitions));
  if (said === String(partitions)) return;
  throw new StorageError(
    'refused',
    `streams.partitions: calls of the streams ${name} are in ${said} partitions, and here they would be in ${partitions}: give all processes of the DF the same number, or name other streams`,
  );
}

type StreamNotes = Pick<StreamServer, 'newest' | 'publish'>;

/** What the first one has said at a place; this, if nobody had. */
async function saidOnce(server: StreamNotes, { stream, subject }: PduPlace, text: string): Promise<string> {
  // A process may have no right to say it, where it comes after another.
  const known = await server.newest(stream, subject);
  if (known !== null) return legible(known.octets);
  try {
    await server.publish(stream, subject, utf8(text), { after: 0 });
    return text;
  } catch (error) {
    if (!(error instanceof StorageError) || error.code !== 'conflict') throw error;
    const said = await server.newest(stream, subject);
    return said === null ? text : legible(said.octets);
  }
}

/** That this process mediates, and no other. @throws StorageError `locked`, `unavailable` */
export async function leaseOfMediation(
  server: StreamServer,
  settings: DfStreamSettings,
  name: string,
  ports: StreamPorts,
  opened: Opened,
): Promise<StreamLease> {
  const place = { server, ...leasePlace(settings, 'mediation') };
  const lease = await StreamLease.take(place, name, settings.leaseMs, ports);
  opened.add(() => lease.release());
  return lease;
}
