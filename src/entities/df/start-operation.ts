/**
 * What a running DF says to its operator. It is ready when what points of interception send can be stored: a LEMF that is
 * away has its backlog, and keeps the DF from nothing.
 */
import type { AuditTrail } from '../../evidence/trail.ts';
import { databaseAlarms, databaseMeters, databaseProblems } from '../../host/database-operation.ts';
import type { HeldDatabase } from '../../host/database-operation.ts';
import { meter, meterBy } from '../../host/meters.ts';
import type { KeptState } from '../../host/backup.ts';
import type { Operation } from '../../host/operation.ts';
import type { Alarm, PeerState, QueueState } from '../../host/status.ts';
import type { LiveTls } from '../../net/live-tls.ts';
import { WriteProbe } from '../../storage/probe.ts';
import { decodePsPdu } from '../../wire/hi/ps-pdu.ts';
import { unixMsOf } from '../../wire/hi/time.ts';
import { neMeters, neState } from '../../x1/operation.ts';
import type { RunningX1Ne } from '../../x1/ne.ts';
import type { DfConfig } from './config.ts';
import type { WayOut } from './handover/ports.ts';
import type { OutboxEntry } from './ports.ts';
import { spoolBeside } from './store/spooling.ts';
import type { RunningMediating } from './start-delivery.ts';
import { relayMeters } from './start-stream-operation.ts';
import type { StreamsTold } from './start-stream-operation.ts';

export interface DfOperationParts {
  readonly tls: LiveTls;
  readonly trail: AuditTrail;
  readonly x1: RunningX1Ne;
  readonly delivery: RunningMediating;
  /** `null`: its stores are files. */
  readonly database: HeldDatabase | null;
  /** Absent: PDUs come from connections of its own. */
  readonly streams?: StreamsTold | undefined;
}

export function dfOperation(
  config: DfConfig,
  { tls, trail, x1, delivery, database, streams }: DfOperationParts,
): Operation<DfConfig> {
  const { outbox, spool, setAside, handover, mediation, requests, intake } = delivery.parts;
  const decryptionCounts = (): Record<string, number> => {
    const { waiting: _, ...counts } = mediation.decryption ?? { waiting: 0 };
    return counts;
  };
  const probe = new WriteProbe(...Object.values(dfKept(config).stores));
  const lemfs = (): PeerState[] =>
    handover.list().map(({ address: { host, port }, ready }) => ({
      name: `${host}:${port}`,
      role: 'lemf',
      state: ready ? 'up' : 'down',
    }));
  const points = (): PeerState[] => intake.peers().map((name) => ({ name, role: 'poi', state: 'up' }));
  const backlogs = (): Promise<QueueState[]> =>
    Promise.all(
      outbox.destinations().map(async (did) => {
        const { count, octets } = outbox.waiting(did);
        // How old it is cannot be seen while the store is away, of which an alarm tells.
        const [first] = await outbox.pending(did, 0, 1).catch(() => []);
        return { name: 'handover', to: did, entries: count, octets, oldest: timeOf(first) };
      }),
    );
  return {
    entity: 'df',
    name: config.x1.identifier,
    tls,
    audit: trail,
    state: async () => {
      const state = neState(x1, config.x1.admf.identifier);
      const questions = { name: 'questions', to: '', entries: requests.open, octets: null, oldest: null };
      return {
        ...state,
        queues: [...state.queues, questions, ...(await backlogs()), ...((await streams?.queues()) ?? [])],
        peers: [...state.peers, ...lemfs(), ...points(), ...(streams?.peers() ?? [])],
        alarms: [
          ...state.alarms,
          ...databaseAlarms(database),
          ...(streams?.alarms() ?? []),
          ...relayAlarms(handover),
        ],
      };
    },
    unready: () => [
      ...probe.problems(),
      ...databaseProblems(database),
      ...(streams?.problems() ?? []),
      ...(intake.failure === null ? [] : [`PDUs cannot be stored: ${intake.failure}`]),
    ],
    meters: [
      ...databaseMeters(database),
      ...neMeters(x1, intake.bounds === undefined ? {} : { x2x3: intake.bounds }),
      ...(streams?.meters ?? []),
      meterBy(
        'outcome',
        'key_requests_total',
        'Attempts to get keys from the KMS, by what came of them.',
        () => ({
          ...{ answered: 0, 'no-answer': 0, 'not-authorised': 0 },
          ...requests.answers,
        }),
      ),
      meter(
        'key_requests_waiting',
        'Questions to the KMS that wait for others to be answered first.',
        () => requests.waiting,
      ),
      meter(
        'handover_congested',
        '1 while a backlog is near its bound, where content gives way, else 0.',
        () => (handover.congested ? 1 : 0),
      ),
      meterBy(
        'interface',
        'handover_gave_way_total',
        'PDUs that gave way to the bound of a backlog.',
        () => mediation.gaveWay,
      ),
      ...(handover.laid === undefined ? [] : relayMeters(() => handover.laid ?? 0)),
      meter(
        'spool_octets',
        'Octets of the files in which content waits for LEMFs.',
        () => spool?.spoolOctets ?? 0,
      ),
      meter(
        'spool_damage_total',
        'Damages of the spool of content: PDUs, or places with some, that are not what was written.',
        () => spool?.spoolDamage ?? 0,
      ),
      meter(
        'pdus_set_aside_total',
        'PDUs that a LEMF refused or that could not be worked on.',
        () => handover.setAside + mediation.losses.setAside,
      ),
      meter(
        'pdus_unacknowledged_total',
        'PDUs that counted as delivered although no LEMF has acknowledged them.',
        () => handover.unacknowledged,
      ),
      meter(
        'set_aside_forgotten_total',
        'Set-aside PDUs that gave way to newer ones.',
        () => setAside.forgotten,
      ),
      meterBy(
        'reference',
        'pdus_received_total',
        'PDUs that were taken in, copies apart.',
        () => mediation.received,
      ),
      meterBy(
        'outcome',
        'content_decryption_total',
        'Packets that were to be decrypted here, by what came of them: those that had to wait count again.',
        () => ({ decrypted: 0, waited: 0, undecrypted: 0, ...decryptionCounts() }),
      ),
      meter(
        'content_awaiting_keys',
        'Packets that wait for the keys of their calls.',
        () => mediation.decryption?.waiting ?? 0,
      ),
      meter('pdus_dropped_total', 'PDUs whose task did not become known.', () => mediation.losses.dropped),
      meter(
        'calls_given_up_total',
        'Calls that nobody has proven and that gave way to others.',
        () => mediation.losses.callsGivenUp,
      ),
      meter(
        'streams_forgotten_total',
        'Streams of X2 and X3 that were forgotten because there were too many.',
        () => mediation.losses.streamsForgotten,
      ),
    ],
    kept: spool === null ? dfKept(config) : { ...dfKept(config), settle: () => spool.upkeep() },
    retakes: {},
    drain: (ms) => delivery.settle(ms),
  };
}

/** That what is made for LEMFs does not come to those who deliver it. */
function relayAlarms({ failure = null }: Pick<WayOut, 'failure'>): Alarm[] {
  if (failure === null) return [];
  const text = `PDUs for LEMFs stay in the outbox: ${failure}`;
  return [{ name: 'handover-streams', severity: 'critical', about: '', text, since: null }];
}

/** The time that a PDU that waits is of. */
function timeOf(entry: OutboxEntry | undefined): string | null {
  const time = entry === undefined ? undefined : decodePsPdu(entry.octets).header.time;
  return time === undefined ? null : new Date(unixMsOf(time)).toISOString();
}

/** What it keeps on disk. */
export function dfKept(config: DfConfig): KeptState {
  const { audit, store: df } = config;
  const entity = 'df';
  if (df === undefined) return { stores: {}, audit, place: { entity, files: [audit] }, secret: false };
  const tasks = config.x1.store;
  return {
    stores: { df, tasks },
    // Of a store in memory there is none.
    folders: df === ':memory:' ? {} : { spool: spoolBeside(df) },
    audit,
    place: { entity, files: [tasks, df, audit] },
    secret: false,
  };
}
