/** What a process of a DF says to its operator of the streams that are between it and others. */
import { meter } from '../../host/meters.ts';
import type { Meter } from '../../host/operation.ts';
import type { Alarm, PeerState, QueueState } from '../../host/status.ts';
import type { StreamServer } from '../../storage/jetstream.ts';
import type { LeaseShares } from '../../storage/lease-shares.ts';
import type { StreamLease } from '../../storage/stream-lease.ts';
import type { DfRole } from './config.ts';
import { streamsOf } from './start-streams.ts';
import type { DfStreamSettings } from './start-streams.ts';

/** What a process says of the streams to its operator. */
export interface StreamsTold {
  peers(): PeerState[];
  queues(): Promise<QueueState[]>;
  alarms(): Alarm[];
  /** Why it cannot do its work now. */
  problems(): string[];
  readonly meters: readonly Meter[];
}

/** @param lease of the mediation; `null`: this process does not mediate */
export function streamsTold(
  server: StreamServer,
  settings: DfStreamSettings,
  roles: readonly DfRole[],
  lease: Pick<StreamLease, 'problem'> | null,
): StreamsTold {
  const name = settings.servers.join(', ');
  const streams = streamsOf(settings, roles).filter(({ perSubject }) => perSubject === undefined);
  const alarms = (): Alarm[] => {
    const lost = lease?.problem ?? null;
    const about = settings.name;
    const away = server.awaySince;
    const alarm = (word: string, text: string, since: string): Alarm => ({
      ...{ name: word, severity: 'critical', about, text, since },
    });
    return [
      ...(away === null ? [] : [alarm('streams', 'the stream server cannot be reached', away)]),
      ...(lost === null ? [] : [alarm('mediation-lease', lost.text, lost.since)]),
    ];
  };
  return {
    alarms,
    problems: () => alarms().map(({ text }) => text),
    peers: () => [{ name, role: 'streams', state: server.awaySince === null ? 'up' : 'down' }],
    queues: async () => {
      // What cannot be asked is not told of: that it cannot is an alarm.
      const kept = await Promise.all(streams.map((stream) => server.kept(stream.name).catch(() => null)));
      return streams.flatMap((stream, at): QueueState[] => {
        const one = kept[at] ?? null;
        if (one === null) return [];
        return [
          { name: 'streams', to: stream.name, entries: one.messages, octets: one.octets, oldest: null },
        ];
      });
    },
    meters: [
      meter(
        'stream_disconnections_total',
        'How often the connection to the stream server was lost.',
        () => server.disconnections,
      ),
    ],
  };
}

/** The same of a process that has some partitions of the calls. @param shares `null`: it is starting */
export function sharesTold(
  told: StreamsTold,
  shares: () => Pick<LeaseShares, 'missed' | 'unlike' | 'others' | 'held' | 'changes'> | null,
  { name }: Pick<DfStreamSettings, 'name'>,
): StreamsTold {
  const alarms = (): Alarm[] => [
    ...told.alarms(),
    ...(shares()?.unlike ?? []).map((other): Alarm => ({
      ...{ name: 'mediation-roles', severity: 'critical', about: other, since: null },
      text: 'of two that mediate one delivers, and the other leaves that to processes apart',
    })),
    ...(shares()?.missed ?? []).map(({ thing, since }): Alarm => ({
      ...{ name: 'mediation-partition', severity: 'critical', about: `${name} ${thing}`, since },
      text: 'nobody mediates the calls of a partition',
    })),
  ];
  return {
    ...told,
    alarms,
    problems: () => told.problems(),
    peers: () => [
      ...told.peers(),
      ...(shares()?.others ?? []).map((other): PeerState => ({ name: other, role: 'mediator', state: 'up' })),
    ],
    meters: [
      ...told.meters,
      meter(
        'mediation_partitions',
        'Partitions of the calls that this process mediates.',
        () => shares()?.held.length ?? 0,
      ),
      meter(
        'mediation_partition_changes_total',
        'How often this process has taken a partition, or one has gone.',
        () => shares()?.changes ?? 0,
      ),
    ],
  };
}

/** @param laid PDUs that were laid into streams */
export function relayMeters(laid: () => number): Meter[] {
  return [
    meter(
      'pdus_passed_on_total',
      'PDUs that were laid into streams for the processes that deliver, copies that came again among them.',
      laid,
    ),
  ];
}
