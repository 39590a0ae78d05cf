/** What a running KMS says to its operator. It is ready when its district is open and its audit log can be written. */
import path from 'node:path';
import type { FairQueue } from '../../bytes/fair-queue.ts';
import type { Clock } from '../../bytes/ports.ts';
import type { AuditTrail } from '../../evidence/trail.ts';
import { connectionsOf } from '../../net/https.ts';
import type { LiveTls } from '../../net/live-tls.ts';
import { WriteProbe } from '../../storage/probe.ts';
import { neMeters, neState } from '../../x1/operation.ts';
import type { RunningX1Ne } from '../../x1/ne.ts';
import { databaseAlarms, databaseMeters, databaseProblems } from '../../host/database-operation.ts';
import type { SharedDatabase } from '../../host/database-operation.ts';
import { meter, meterBy } from '../../host/meters.ts';
import type { KeptState } from '../../host/backup.ts';
import type { Operation } from '../../host/operation.ts';
import type { Alarm } from '../../host/status.ts';
import type { KmsConfig } from './config.ts';
import type { District } from './district.ts';
import { enrolAll } from './enrolment.ts';
import type { SubscriberStore } from './ports.ts';
import type { RequestKeyService } from './request-key.ts';
import type { LiveCertification } from './start-certification.ts';
import type { CappedTurns } from './workers/capped-turns.ts';
import type { XkService } from './xk.ts';

export interface KmsOperationParts {
  readonly tls: LiveTls;
  /** `null`: no certificates of phones are taken. */
  readonly certificates: LiveCertification | null;
  readonly trail: AuditTrail;
  readonly clock: Clock;
  readonly district: District;
  readonly store: SubscriberStore;
  /** `null`: its stores are its own. */
  readonly database: SharedDatabase | null;
  readonly x1: RunningX1Ne;
  readonly requestKey: RequestKeyService;
  /** Private keys for phones that wait. */
  readonly turns: FairQueue;
  readonly xk: XkService;
  readonly questions: CappedTurns;
  readonly listeners: Readonly<Record<'users' | 'xk', Parameters<typeof connectionsOf>[0]>>;
}

/** What waits is looked at so often, in milliseconds, while it is drained. */
const DRAIN_LOOK_MS = 50;

export function kmsOperation(config: KmsConfig, parts: KmsOperationParts): Operation<KmsConfig> {
  const {
    tls,
    certificates,
    trail,
    clock,
    district,
    store,
    database,
    x1,
    requestKey,
    turns,
    xk,
    questions,
    listeners,
  } = parts;
  const probe = new WriteProbe(...Object.values(kmsKept(config).stores));
  const waiting = (): number => turns.waiting + questions.waiting;
  const inForce = (): boolean => district.serialFor(district.periodOf(clock.now() / 1000)) !== null;
  return {
    entity: 'kms',
    name: config.name,
    tls,
    keyRequestValidity: () => certificates?.validity ?? [],
    audit: trail,
    state: () => {
      const state = neState(x1, config.admf.identifier);
      return {
        ...state,
        alarms: [...state.alarms, ...databaseAlarms(database), ...crowdedAlarms(turns.waiting, config.queue)],
        queues: [
          ...state.queues,
          { name: 'private-keys', to: '', entries: turns.waiting, octets: null, oldest: null },
          { name: 'questions', to: '', entries: questions.waiting, octets: null, oldest: null },
        ],
      };
    },
    unready: () => [
      ...(inForce() ? [] : ['the district has no parameters in force']),
      ...probe.problems(),
      ...databaseProblems(database),
    ],
    meters: [
      ...databaseMeters(database),
      ...neMeters(x1, { users: connectionsOf(listeners.users), xk: connectionsOf(listeners.xk) }),
      meterBy('outcome', 'get_keys_total', 'Questions for keys, by what came of them.', () => xk.outcomes),
      meterBy(
        'outcome',
        'untaken_answers_total',
        'Answers whose asker had given up when they were there, by whether somebody has asked again.',
        () => xk.untaken,
      ),
      meter(
        'questions_refused_total',
        'Questions for which there was no place in the queue.',
        () => questions.refused,
      ),
      meterBy(
        'bound',
        'request_keys_refused_total',
        'Requests of phones that exceeded a bound.',
        () => requestKey.refused,
      ),
      meterBy(
        'reason',
        'certificates_refused_total',
        'Certificates of phones that were not taken.',
        () => requestKey.certificatesRefused,
      ),
    ],
    kept: kmsKept(config),
    retakes: {
      subscribers: ({ subscribers }) => enrolAll(subscribers, { store, district, now: clock.now() / 1000 }),
    },
    rereads: {
      certificates: (changed) => certificates?.reread(changed, clock.now()) ?? false,
    },
    drain: async (ms) => {
      for (let left = ms; left > 0 && waiting() > 0; left -= DRAIN_LOOK_MS)
        await new Promise<void>((resolve) => clock.after(DRAIN_LOOK_MS, resolve));
      return waiting() === 0;
    },
  };
}

/** Where so much of the room for private keys is taken, phones wait that had none to wait for. */
const CROWDED = 0.5;

/** @param most private keys that may wait */
export function crowdedAlarms(waiting: number, most: number): Alarm[] {
  if (waiting < most * CROWDED) return [];
  const text = `${waiting} private keys for phones wait, of ${most} that may`;
  return [{ name: 'private-keys', severity: 'warning', about: '', text, since: null }];
}

/** Files in its folder; the stores are there unless it has a database. */
export function kmsFiles({ state }: KmsConfig) {
  const at = (name: string): string => path.join(state, name);
  return { kms: at('kms.db'), tasks: at('tasks.db'), audit: at('audit.jsonl') };
}

/** What it keeps on disk. */
export function kmsKept(config: KmsConfig) {
  const { kms, tasks, audit } = kmsFiles(config);
  return {
    stores: config.database === undefined ? { kms, tasks } : {},
    audit,
    place: { entity: 'kms', folders: [config.state] },
    secret: true,
  } satisfies KeptState;
}
