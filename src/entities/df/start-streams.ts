/** The streams that are between the processes of one DF: entered and made. */
import type { Opened } from '../../bytes/opened.ts';
import type { Clock, Logger } from '../../bytes/ports.ts';
import { streamAccess } from '../../host/stream-server-config.ts';
import { StorageError } from '../../storage/errors.ts';
import { StreamServer } from '../../storage/jetstream.ts';
import { StreamLease } from '../../storage/stream-lease.ts';
import type { DfConfig } from './config.ts';
import { LEAST_LARGEST_MESSAGE, leasePlace, pduStreams } from './listeners/pdu-streams.ts';

export type DfStreamSettings = NonNullable<DfConfig['streams']>;

interface StreamPorts {
  readonly clock: Clock;
  readonly logger: Logger;
}

/** @throws ConfigError; StorageError `unavailable`, `refused` */
export async function openStreams(
  settings: DfStreamSettings,
  ports: StreamPorts,
  opened: Opened,
): Promise<StreamServer> {
  const server = await StreamServer.connect(streamAccess(settings), ports);
  opened.add(() => server.close());
  if (server.largestMessage < LEAST_LARGEST_MESSAGE)
    throw new StorageError(
      'refused',
      `the stream server takes messages of ${server.largestMessage} octets, ${LEAST_LARGEST_MESSAGE} are needed: set its max_payload to 2MB`,
    );
  for (const terms of pduStreams(settings)) await server.keep(terms);
  return server;
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
