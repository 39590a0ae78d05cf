/**
 * What a running ADMF says to its operator. Warrants are named by their XIDs, not by whom they are about. It is ready when
 * it can put on record what officers decide; elements that are away, and warrants that suffer from it, are alarms.
 */
import { present } from '../../bytes/present.ts';
import type { AuditTrail } from '../../evidence/trail.ts';
import { connectionMeters, meter, meterBy } from '../../host/meters.ts';
import { databaseAlarms, databaseMeters, databaseProblems } from '../../host/database-operation.ts';
import type { HeldDatabase } from '../../host/database-operation.ts';
import { eventStreamMeters } from '../../host/event-stream-meters.ts';
import type { KeptState } from '../../host/backup.ts';
import type { Meter, Operation } from '../../host/operation.ts';
import type { Alarm } from '../../host/status.ts';
import type { ConnectionGuard } from '../../net/connections.ts';
import type { LiveTls } from '../../net/live-tls.ts';
import { WriteProbe } from '../../storage/probe.ts';
import type { Admf } from './admf.ts';
import type { AdmfConfig } from './config.ts';
import type { RunningHi1 } from './http/open-hi1.ts';
import type { OfficersDoor } from './http/open-officers.ts';
import type { IssueBook } from './issues.ts';

export interface AdmfOperationParts {
  readonly tls: LiveTls;
  readonly trail: AuditTrail;
  readonly admf: Admf;
  readonly issues: IssueBook;
  /** Connections of elements that report. */
  readonly connections: ConnectionGuard;
  /** The door for officers; absent: there is none. */
  readonly officers?: Pick<OfficersDoor, 'connections' | 'events' | 'looks'>;
  /** `null`: HI1 is not configured. */
  readonly hi1: Omit<RunningHi1, 'address' | 'stop'> | null;
  /** `null`: its store is a file. */
  readonly database: HeldDatabase | null;
}

export function admfOperation(
  config: AdmfConfig,
  { tls, trail, admf, issues, connections, officers, hi1, database }: AdmfOperationParts,
): Operation<AdmfConfig> {
  const degraded = (): Alarm[] => {
    const liids = new Set(admf.degraded());
    if (liids.size === 0) return [];
    const records = admf.list().filter(({ warrant }) => liids.has(warrant.liid));
    return records.map(({ xid }) => ({
      name: 'warrant-degraded',
      severity: 'critical',
      about: xid,
      text: 'an element does not carry this active warrant whole',
      since: null,
    }));
  };
  const reported = (): Alarm[] =>
    issues.list().map(({ element, about, id, severity, time }) => ({
      name: `${about}-issue`,
      severity: severity === 'Warning' ? 'warning' : 'critical',
      about: id === null ? element : `${element} ${id}`,
      text: `${element} reports ${severity === '' ? 'an issue' : severity} of ${about === 'element' ? 'itself' : `this ${about}`}`,
      since: new Date(time).toISOString(),
    }));
  const away = (): Alarm[] =>
    admf
      .elements()
      .filter(({ state }) => state === 'down')
      .map(({ name }) => ({
        name: 'element-away',
        severity: 'critical',
        about: name,
        text: 'it does not answer and is asked again',
        since: null,
      }));
  const probe = new WriteProbe(...Object.values(admfKept(config).stores));
  return {
    entity: 'admf',
    name: config.identifier,
    tls,
    audit: trail,
    state: () => {
      const active = admf.list().filter(({ state }) => state === 'active');
      const lemfs = active.flatMap(({ warrant: { lemf } }) => [
        lemf.hi2,
        ...(lemf.hi3 === undefined ? [] : [lemf.hi3]),
      ]);
      return {
        tasks: active.length,
        destinations: new Set(lemfs.map(({ host, port }) => `${host} ${port}`)).size,
        queues: hi1 === null ? [] : [{ name: 'hi1', to: '', entries: hi1.due(), octets: null, oldest: null }],
        peers: admf.elements().map(({ name, role, state }) => ({ name, role, state })),
        alarms: [...away(), ...degraded(), ...reported(), ...databaseAlarms(database)],
      };
    },
    unready: () => [...probe.problems(), ...databaseProblems(database)],
    meters: [
      ...databaseMeters(database),
      ...connectionMeters({
        x1: connections,
        ...present({ officers: officers?.connections, hi1: hi1?.connections }),
      }),
      meterBy('state', 'warrants', 'Warrants by the state of their life.', () => {
        const counts: Record<string, number> = {};
        for (const { state } of admf.list()) counts[state] = (counts[state] ?? 0) + 1;
        return counts;
      }),
      meter(
        'warrants_degraded',
        'Active warrants that an element does not carry whole.',
        () => admf.degraded().length,
      ),
      meter('issues', 'Issues that elements have reported and not cleared.', () => issues.list().length),
      ...(officers === undefined ? [] : officersMeters(officers)),
      ...(hi1 === null ? [] : hi1Meters(hi1)),
    ],
    kept: admfKept(config),
    retakes: {},
    drain: () => Promise.resolve(true),
  };
}

function officersMeters({ events, looks }: Pick<OfficersDoor, 'events' | 'looks'>): Meter[] {
  return [
    ...eventStreamMeters(events),
    meter(
      'watch_looks_refused_total',
      'Looks at other entities that were refused: too many of one person, or in all, were under way.',
      () => looks.refused,
    ),
  ];
}

function hi1Meters({
  due,
  dropped,
  exchanges,
  requests,
}: Pick<RunningHi1, 'due' | 'dropped' | 'exchanges' | 'requests'>): Meter[] {
  return [
    meterBy('outcome', 'hi1_requests_total', 'Requests over HI1, by what has come of them.', requests),
    meter('hi1_exchanges', 'Exchanges of HI1 that are kept, so that a request is done once.', exchanges),
    meter('hi1_due', 'LIIDs that something is to be done about that came over HI1.', due),
    meter(
      'hi1_notifications_dropped_total',
      'Notifications that were given up for newer ones of the same agency.',
      dropped,
    ),
  ];
}

/** What it keeps on disk. */
export function admfKept({ store, audit }: AdmfConfig): KeptState {
  return {
    stores: store === undefined ? {} : { admf: store },
    audit,
    place: { entity: 'admf', files: store === undefined ? [audit] : [store, audit] },
    secret: false,
  };
}
