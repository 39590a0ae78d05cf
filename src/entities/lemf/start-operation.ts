/** What a running LEMF says to its operator. It is ready while what delivery functions send can be stored. */
import { connectionMeters, meter, meterBy } from '../../host/meters.ts';
import { eventStreamMeters } from '../../host/event-stream-meters.ts';
import type { Operation } from '../../host/operation.ts';
import type { Alarm } from '../../host/status.ts';
import type { LiveTls } from '../../net/live-tls.ts';
import { placeProblems } from '../../storage/room.ts';
import type { LemfConfig } from './config.ts';
import type { HandoverServer } from './listeners/handover-server.ts';
import type { LemfReceiver } from './receiver.ts';
import type { OpenAnalysts } from './start-analysts.ts';
import type { OpenAsking } from './start-asking.ts';
import type { OpenRetention } from './start-retention.ts';
import type { LiveRecovery } from './workers/live-recovery.ts';

export interface LemfOperationParts {
  /** The name that the certificate bears. */
  readonly name: string;
  readonly tls: LiveTls;
  readonly receiver: LemfReceiver;
  readonly servers: Readonly<Record<'hi2' | 'hi3', HandoverServer>>;
  readonly kept: OpenRetention;
  /** `null`: it asks no KMS. */
  readonly asking: OpenAsking | null;
  /** `null`: it has no door for analysts. */
  readonly analysts: OpenAnalysts | null;
  /** `null`: nothing is recovered while it runs. */
  readonly live: LiveRecovery | null;
  /** Files of what was received. */
  readonly paths: readonly string[];
}

export function lemfOperation({
  name,
  tls,
  receiver,
  servers,
  kept,
  asking,
  analysts,
  live,
  paths,
}: LemfOperationParts): Operation<LemfConfig> {
  const broken = () =>
    receiver.broken === null ? [] : [`${receiver.broken}: nothing is taken until a restart`];
  const alarms = (): Alarm[] => [
    ...broken().map((text) => ({
      name: 'store',
      severity: 'critical' as const,
      about: '',
      text,
      since: null,
    })),
    ...(receiver.counts.conflicts > 0
      ? [
          {
            name: 'number-conflict',
            severity: 'critical' as const,
            about: '',
            text: `${receiver.counts.conflicts} PDUs came under a known number with other content; both are kept`,
            since: null,
          },
        ]
      : []),
    ...(kept.retention.failure === null
      ? []
      : [
          {
            name: 'retention',
            severity: 'warning' as const,
            about: '',
            text: `what is kept of ended warrants could not be deleted: ${kept.retention.failure}`,
            since: null,
          },
        ]),
  ];
  return {
    entity: 'lemf',
    name,
    tls,
    audit: kept.trail,
    state: () => ({
      tasks: 0,
      destinations: 0,
      queues:
        asking === null
          ? []
          : [{ name: 'key-questions', to: 'kms', entries: asking.asker.waiting, octets: null, oldest: null }],
      peers: [...new Set([...servers.hi2.peers(), ...servers.hi3.peers()])].map((peer) => ({
        name: peer,
        role: 'df',
        state: 'up',
      })),
      alarms: alarms(),
    }),
    unready: () => [...broken(), ...placeProblems(...paths)],
    meters: [
      ...connectionMeters({
        ...{ hi2: servers.hi2.bounds, hi3: servers.hi3.bounds },
        ...(analysts === null ? {} : { analysts: analysts.connections }),
      }),
      ...(analysts === null ? [] : eventStreamMeters(analysts.events)),
      meter(
        'analyst_questions_refused_total',
        'Questions of analysts that were refused, since too many waited.',
        () => live?.refused ?? 0,
      ),
      meter(
        'analyst_exports_refused_total',
        'Exports that were refused, since as many were being made as may be.',
        () => analysts?.exports.refused ?? 0,
      ),
      meterBy('what', 'handover_pdus_total', 'PDUs by what they were to the LEMF.', () => receiver.counts),
      meter(
        'numbering_behind_octets',
        'Octets of the store that were not numbered yet after the start.',
        () => receiver.behind,
      ),
      meterBy('outcome', 'key_questions_total', 'Questions put to the KMS, by what came of them.', () => ({
        ...{ answered: 0, refused: 0, later: 0, dropped: 0 },
        ...asking?.asker.counts,
      })),
      meter('store_broken', '1 once the store has failed, else 0.', () => (receiver.broken === null ? 0 : 1)),
    ],
    kept: null,
    retakes: {},
    drain: () => Promise.resolve(true),
  };
}
