/** Tasks as the mediation needs them, out of what X1 has provisioned at the DF. */
import type { TaskTable } from '../../x1/tasks.ts';
import type { DeliveryType, MediationDetails } from '../../wire/x1/details.ts';
import type { DfTask, DfTasks, HandoverDestination, TaskMediation } from './ports.ts';
import type { HandoverInterface } from './records.ts';

type Delivers = TaskMediation['delivers'];

/** At a DF, X2 in a delivery type means HI2 and X3 means HI3 (TS 103 221-1 clause 6.2.1.2). */
const AT_THE_DF: Readonly<Record<DeliveryType, Delivers>> = {
  X2Only: 'HI2Only',
  X3Only: 'HI3Only',
  X2andX3: 'HI2andHI3',
};

export function dfTasks(table: TaskTable): DfTasks {
  return {
    find: (xid): DfTask | null => {
      const task = table.task(xid);
      if (task === null) return null;
      const mediations = task.mediation.map((details) => mediationOf(table, details, task.dids));
      return { xid: task.xid, targets: task.targets, mediations };
    },
  };
}

/** Who gets records of an event, and where: one for each LIID, so that each record has one number. */
export interface RecordRecipient {
  readonly liid: string;
  /** DIDs that HI2 records go to. */
  readonly hi2: readonly string[];
  /** DIDs that HI3 records go to. */
  readonly hi3: readonly string[];
}

/** The warrants of a task that are in force at a time (start inclusive, end exclusive). */
export function recipients(task: DfTask, time: number): RecordRecipient[] {
  const inForce = task.mediations.filter(
    ({ start, end }) => (start === null || time >= start) && (end === null || time < end),
  );
  return [...new Set(inForce.map(({ liid }) => liid))].map((liid) => {
    const own = inForce.filter((mediation) => mediation.liid === liid);
    return { liid, hi2: didsFor(own, 'hi2'), hi3: didsFor(own, 'hi3') };
  });
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
    destinations: dids.flatMap((did): HandoverDestination[] => {
      const destination = table.destination(did);
      return destination === null ? [] : [{ did, delivers: AT_THE_DF[destination.deliveryType] }];
    }),
  };
}
