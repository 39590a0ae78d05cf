/** Tasks as the mediation needs them, out of what X1 has provisioned at the DF. */
import { endpointOf } from '../../x1/policy.ts';
import type { TaskEvent, TaskRecord } from '../../x1/task-changes.ts';
import type { TaskTable } from '../../x1/tasks.ts';
import type { DeliveryType, Destination, InterceptTask, MediationDetails } from '../../wire/x1/details.ts';
import type { DfTask, DfTasks, DfWarrants, HandoverDestination, TaskMediation } from './ports.ts';
import type { WarrantCoverage, LocationCoverage } from './coverage.ts';
import type { HandoverInterface } from './records.ts';

type Delivers = TaskMediation['delivers'];

/** At a DF, X2 in a delivery type means HI2 and X3 means HI3 (TS 103 221-1 clause 6.2.1.2). */
const AT_THE_DF: Readonly<Record<DeliveryType, Delivers>> = {
  X2Only: 'HI2Only',
  X3Only: 'HI3Only',
  X2andX3: 'HI2andHI3',
};

/** Asked for each PDU: a task is made once, and again when its record or one of its destinations is another. */
export function dfTasks(table: TaskTable): DfTasks {
  const made = new WeakMap<TaskRecord, MadeTask>();
  return {
    find: (xid): DfTask | null => {
      const record = table.record(xid);
      if (record === null) return null;
      const known = made.get(record);
      if (known?.uses.every(([did, destination]) => table.destination(did) === destination) === true)
        return known.task;
      const { task, activatedAt } = record;
      const { targets, mediation, dids } = task;
      const mediations = mediation.map((details) => mediationOf(table, details, dids));
      const uses = [...new Set([...dids, ...mediation.flatMap((details) => details.dids)])];
      const fresh = { xid: task.xid, targets, mediations, activatedAt };
      made.set(record, { task: fresh, uses: uses.map((did) => [did, table.destination(did)]) });
      return fresh;
    },
  };
}

interface MadeTask {
  readonly task: DfTask;
  /** What was known then of the destinations that it names. */
  readonly uses: readonly (readonly [did: string, destination: Destination | null])[];
}

/** The task that an event of the table ends, as it was; `null`: none. */
export function endedTask(table: TaskTable, event: TaskEvent): DfTask | null {
  if (event.kind !== 'task-deactivated') return null;
  const { xid, targets, mediation, dids } = event.task;
  const mediations = mediation.map((details) => mediationOf(table, details, dids));
  return { xid, targets, mediations, activatedAt: 0 };
}

/** The tasks of a table by LIID, kept up to date event by event. */
export class TableWarrants implements DfWarrants {
  readonly #table: TaskTable;
  readonly #tasks: DfTasks;
  readonly #xids = new Map<string, Set<string>>();

  constructor(table: TaskTable) {
    this.#table = table;
    this.#tasks = dfTasks(table);
    for (const task of table.tasks()) this.#add(task);
  }

  /** To be called with each event of the table; gives the warrants that it is about. */
  follow(event: TaskEvent): string[] {
    switch (event.kind) {
      case 'task-activated':
        return this.#add(event.task);
      case 'task-modified':
        return [...this.#remove(event.before), ...this.#add(event.task)];
      case 'task-deactivated':
        return this.#remove(event.task);
      default:
        return [];
    }
  }

  liids(): Iterable<string> {
    return this.#xids.keys();
  }

  tasksOf(liid: string): DfTask[] {
    return [...(this.#xids.get(liid) ?? [])].flatMap((xid) => this.#tasks.find(xid) ?? []);
  }

  deliveringTo(did: string): string[] {
    const tasks = this.#table.tasksUsing(did);
    const parts = tasks.flatMap(({ dids, mediation }) =>
      mediation.filter((part) => (part.dids.length > 0 ? part.dids : dids).includes(did)),
    );
    return [...new Set(parts.map(({ liid }) => liid))];
  }

  isDestination(did: string): boolean {
    return this.#table.destination(did) !== null;
  }

  #add({ xid, mediation }: InterceptTask): string[] {
    return mediation.map(({ liid }) => {
      this.#xids.set(liid, (this.#xids.get(liid) ?? new Set()).add(xid));
      return liid;
    });
  }

  #remove({ xid, mediation }: InterceptTask): string[] {
    return mediation.map(({ liid }) => {
      const of = this.#xids.get(liid);
      of?.delete(xid);
      if (of?.size === 0) this.#xids.delete(liid);
      return liid;
    });
  }
}

/** Who gets records of an event, and where: one for each LIID, so that each record has one number. */
export interface RecordRecipient {
  readonly liid: string;
  /** DIDs that HI2 records go to. */
  readonly hi2: readonly string[];
  /** DIDs that HI3 records go to. */
  readonly hi3: readonly string[];
  readonly covers: WarrantCoverage;
}

/** Recipients of a task, and the time that they are those of: from the one bound, inclusive, to the other, exclusive. */
interface TimedRecipients {
  readonly from: number;
  readonly until: number;
  readonly recipients: readonly RecordRecipient[];
}

const LAST_RECIPIENTS = new WeakMap<DfTask, TimedRecipients>();

/** The warrants of a task that are in force at a time (start inclusive, end exclusive). Asked for each packet. */
export function recipients(task: DfTask, time: number): readonly RecordRecipient[] {
  const last = LAST_RECIPIENTS.get(task);
  if (last !== undefined && time >= last.from && time < last.until) return last.recipients;
  const bounds = task.mediations.flatMap(({ start, end }) => [start ?? -Infinity, end ?? Infinity]);
  const found = {
    from: Math.max(-Infinity, ...bounds.filter((bound) => bound <= time)),
    until: Math.min(Infinity, ...bounds.filter((bound) => bound > time)),
    recipients: recipientsAt(task, time),
  };
  LAST_RECIPIENTS.set(task, found);
  return found.recipients;
}

function recipientsAt(task: DfTask, time: number): RecordRecipient[] {
  const inForce = task.mediations.filter((mediation) => isInForce(mediation, time));
  return [...new Set(inForce.map(({ liid }) => liid))].map((liid) => {
    const own = inForce.filter((mediation) => mediation.liid === liid);
    return { liid, hi2: didsFor(own, 'hi2'), hi3: didsFor(own, 'hi3'), covers: coverageOf(own) };
  });
}

/** What the parts of a warrant cover together. */
function coverageOf(mediations: readonly TaskMediation[]): WarrantCoverage {
  const locations = mediations.map(({ location = 'never' }) => location);
  return {
    content: mediations.some(({ delivers }) => serves(delivers, 'hi3')),
    location: (['always', 'beginningAndEnd'] as const).find((one) => locations.includes(one)) ?? 'never',
    digits: mediations.some(({ digits = true }) => digits),
  };
}

/** Start inclusive, end exclusive. */
export function isInForce({ start, end }: TaskMediation, time: number): boolean {
  return (start === null || time >= start) && (end === null || time < end);
}

/**
 * Where notifications of a warrant go: to every destination that takes HI2, and to those for content alone whose LEMF
 * has none of these.
 */
export function noticeDids(mediations: readonly TaskMediation[]): string[] {
  const destinations = mediations.flatMap((mediation) => mediation.destinations);
  const hi2 = new Set(didsFor(mediations, 'hi2'));
  const hosts = new Set(destinations.filter(({ did }) => hi2.has(did)).map(({ host }) => host));
  const alone = didsFor(mediations, 'hi3').filter((did) =>
    destinations.some((one) => one.did === did && (one.host === undefined || !hosts.has(one.host))),
  );
  return [...new Set([...hi2, ...alone])];
}

/** Keys are of use for content only: a warrant for intercept related information alone gets none. */
export function takesKeys({ hi2, hi3 }: RecordRecipient): boolean {
  if (hi3.length === 0) return false;
  return hi2.length > 0;
}

function didsFor(mediations: readonly TaskMediation[], reference: HandoverInterface): string[] {
  const dids = mediations
    .filter(({ delivers }) => serves(delivers, reference))
    .flatMap(({ destinations }) => destinations)
    .filter(({ delivers }) => serves(delivers, reference))
    .map(({ did }) => did);
  return [...new Set(dids)];
}

function serves(delivers: Delivers, reference: HandoverInterface): boolean {
  return delivers === 'HI2andHI3' || delivers === (reference === 'hi2' ? 'HI2Only' : 'HI3Only');
}

function mediationOf(
  table: TaskTable,
  details: MediationDetails,
  taskDids: readonly string[],
): TaskMediation {
  const dids = details.dids.length > 0 ? details.dids : taskDids;
  return {
    liid: details.liid,
    delivers: details.deliveryType,
    start: details.startTime ?? null,
    end: details.endTime ?? null,
    ...scopeOf(details.scoping ?? []),
    destinations: dids.flatMap((did): HandoverDestination[] => {
      const destination = table.destination(did);
      if (destination === null) return [];
      const host = endpointOf(destination)?.host;
      return [{ did, host, delivers: AT_THE_DF[destination.deliveryType] }];
    }),
  };
}

/** What scoping says of location and digits; the narrowest of several counts. */
function scopeOf(
  scoping: NonNullable<MediationDetails['scoping']>,
): Required<Pick<TaskMediation, 'location' | 'digits'>> {
  const locations = scoping.map(({ location }): LocationCoverage => {
    if (location === undefined || location === 'doNotReport') return 'never';
    if (location.some(({ uponChange }) => uponChange === true)) return 'always';
    return location.some(({ beginningAndEnd }) => beginningAndEnd === true) ? 'beginningAndEnd' : 'never';
  });
  const narrowest = (['never', 'beginningAndEnd'] as const).find((one) => locations.includes(one));
  return {
    location: locations.length === 0 ? 'never' : (narrowest ?? 'always'),
    digits: scoping.every(({ reportPostDialledDigits }) => reportPostDialledDigits !== false),
  };
}
