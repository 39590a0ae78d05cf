/**
 * The NE's end of X1: what each request does to the table of tasks and destinations. One handler for CSCF, gateway, DF
 * and KMS; what they differ in is the policy (`policy.ts`).
 *
 * Requests are not idempotent, and that is the protocol's way of being safe to repeat: a repeated ActivateTask is
 * answered 2010, a repeated DeactivateTask 2020, and the ADMF knows that the first one arrived.
 */
import type {
  Destination,
  DestinationReport,
  ErrorInformation,
  NeStatus,
  TaskReport,
} from '../wire/x1/details.ts';
import type { X1ErrorName } from '../wire/x1/error-codes.ts';
import type { RequestOf, RequestType, X1RequestBody } from '../wire/x1/requests.ts';
import type { X1ResponseBody } from '../wire/x1/responses.ts';
import { TaskError } from './tasks.ts';
import type { TaskErrorCode, TaskTable } from './tasks.ts';
import type { TaskRecord } from './task-changes.ts';
import { TOO_LARGE, X1Endpoint } from './endpoint.ts';
import type { X1EndpointOptions, X1Peer } from './endpoint.ts';
import { KeepaliveWatch } from './keepalive.ts';
import type { KeepaliveSetting } from './keepalive.ts';
import { judgeDestination, judgeTask, X1Refusal } from './policy.ts';
import type { NePolicy } from './policy.ts';

/** What is wrong at the element at this time. */
export interface NeCondition {
  taskFaults(xid: string): readonly ErrorInformation[];
  destinationFaults(did: string): readonly ErrorInformation[];
  elementFaults(): readonly ErrorInformation[];
}

/** `identifier` is the element's; its certificate bears it. */
export interface X1NeOptions extends Omit<X1EndpointOptions, 'side' | 'peers' | 'execute'> {
  /** Identifiers of the ADMFs that may provision it. */
  readonly admfs: readonly string[];
  readonly policy: NePolicy;
  readonly table: TaskTable;
  readonly condition: NeCondition;
  /** Absent: keepalives are not agreed. */
  readonly keepalive?: KeepaliveSetting;
  /** Whether something waits to go to a destination: it is then in use, though no task names it any more. */
  readonly waitsFor?: (did: string) => Promise<boolean>;
  /** Resolves when all who deliver can know what destinations there are. @throws if they cannot be told */
  readonly destinationsTold?: () => Promise<void>;
}

/** Reports of tasks and destinations in one answer; of more, names are listed and each is asked for. */
const MOST_REPORTS = 2_048;

const OF_TABLE: Readonly<Record<TaskErrorCode, X1ErrorName>> = {
  'xid-exists': 'xidExists',
  'xid-unknown': 'xidUnknown',
  'did-exists': 'didExists',
  'did-unknown': 'didUnknown',
  'did-in-use': 'destinationInUse',
  'dids-in-use': 'destinationsInUse',
};

type Handlers = { readonly [T in RequestType]: (request: RequestOf<T>) => Promise<X1ResponseBody> };

export class X1NeHandler {
  readonly #options: X1NeOptions;
  readonly #endpoint: X1Endpoint;
  readonly #keepalive: KeepaliveWatch | null;

  constructor(options: X1NeOptions) {
    this.#options = options;
    const { keepalive } = options;
    this.#keepalive = keepalive === undefined ? null : new KeepaliveWatch({ ...options, keepalive });
    this.#endpoint = new X1Endpoint({
      ...options,
      side: 'ne',
      peers: options.admfs,
      execute: (body) => this.#execute(body),
    });
  }

  /** The answer to an X1 document from a peer whose certificate has the role of an ADMF. */
  handle(octets: Uint8Array, peer: X1Peer): Promise<Uint8Array> {
    return this.#endpoint.handle(octets, peer);
  }

  /** A peer whose certificate lacks the role has asked. */
  forbidden(peer: X1Peer): void {
    this.#endpoint.forbidden(peer);
  }

  /** Stops watching for keepalives. */
  stop(): void {
    this.#keepalive?.stop();
  }

  async #execute(body: X1RequestBody): Promise<X1ResponseBody> {
    const handler = this.#handlers[body.type] as (request: X1RequestBody) => Promise<X1ResponseBody>;
    try {
      if (this.#table.isShared) await this.#table.refresh();
      return await handler(body);
    } catch (cause) {
      if (cause instanceof TaskError) throw new X1Refusal(OF_TABLE[cause.code], undefined, { cause });
      throw cause;
    }
  }

  readonly #handlers: Handlers = {
    ActivateTask: async ({ task }) => {
      this.#judge(() => judgeTask(this.#options.policy, task, this.#table, 'activateTask'), task.xid, false);
      await this.#table.activate(task);
      return done('ActivateTask');
    },
    ModifyTask: async ({ task }) => {
      this.#judge(() => judgeTask(this.#options.policy, task, this.#table, 'modifyTask'), task.xid, true);
      await this.#table.modify(task);
      return done('ModifyTask');
    },
    DeactivateTask: async ({ xid }) => {
      await this.#table.deactivate(xid);
      return done('DeactivateTask');
    },
    DeactivateAllTasks: async () => {
      if (!this.#options.policy.deactivateAllTasks) throw new X1Refusal('deactivateAllDisabled');
      await this.#table.deactivateAll();
      return done('DeactivateAllTasks');
    },
    CreateDestination: async ({ destination }) => {
      if (this.#table.destination(destination.did) !== null) throw new X1Refusal('didExists');
      judgeDestination(this.#options.policy, destination, 'createDestination');
      await this.#table.createDestination(destination);
      await this.#told('createDestination');
      return done('CreateDestination');
    },
    ModifyDestination: async ({ destination }) => {
      if (this.#table.destination(destination.did) === null) throw new X1Refusal('didUnknown');
      judgeDestination(this.#options.policy, destination, 'modifyDestination');
      this.#requireStillFitting(destination);
      await this.#table.modifyDestination(destination);
      await this.#told('modifyDestination');
      return done('ModifyDestination');
    },
    RemoveDestination: async ({ did }) => {
      if (await this.#waitsFor(did)) throw new X1Refusal('destinationInUse', 'something waits to go there');
      await this.#table.removeDestination(did);
      return done('RemoveDestination');
    },
    RemoveAllDestinations: async () => {
      if (!this.#options.policy.removeAllDestinations) throw new X1Refusal('removeAllDisabled');
      const waiting = await Promise.all(this.#table.destinations().map(({ did }) => this.#waitsFor(did)));
      if (waiting.includes(true)) throw new X1Refusal('destinationsInUse', 'something waits to go there');
      await this.#table.removeAllDestinations();
      return done('RemoveAllDestinations');
    },
    GetTaskDetails: ({ xid }) => {
      const record = this.#table.record(xid);
      if (record === null) throw new X1Refusal('xidUnknown');
      return answer({ type: 'GetTaskDetails', report: this.#taskReport(record) });
    },
    GetDestinationDetails: ({ did }) => {
      const destination = this.#table.destination(did);
      if (destination === null) throw new X1Refusal('didUnknown');
      return answer({ type: 'GetDestinationDetails', report: this.#destinationReport(destination) });
    },
    GetNEStatus: () => answer({ type: 'GetNEStatus', ne: this.#neStatus() }),
    GetAllDetails: () => {
      this.#requireRoom(this.#table.size + this.#table.destinations().length);
      return answer({
        type: 'GetAllDetails',
        ne: this.#neStatus(),
        tasks: this.#taskReports(),
        destinations: this.#destinationReports(),
      });
    },
    GetAllTaskDetails: () => {
      this.#requireRoom(this.#table.size);
      return answer({ type: 'GetAllTaskDetails', tasks: this.#taskReports() });
    },
    GetAllDestinationDetails: () => {
      this.#requireRoom(this.#table.destinations().length);
      return answer({ type: 'GetAllDestinationDetails', destinations: this.#destinationReports() });
    },
    GetAllGenericObjectDetails: () => answer({ type: 'GetAllGenericObjectDetails' }),
    ListAllDetails: () =>
      answer({
        type: 'ListAllDetails',
        xids: this.#table.tasks().map(({ xid }) => xid),
        dids: this.#table.destinations().map(({ did }) => did),
      }),
    Ping: () => answer(done('Ping')),
    Keepalive: () => {
      if (this.#keepalive === null) throw new X1Refusal('keepaliveNotSupported');
      this.#keepalive.heard();
      return answer(done('Keepalive'));
    },
    ReportTaskIssue: () => refuse('generic', 'reports are for an ADMF'),
    ReportDestinationIssue: () => refuse('generic', 'reports are for an ADMF'),
    ReportNEIssue: () => refuse('generic', 'reports are for an ADMF'),
    CreateObject: () => refuse('objects'),
    ModifyObject: () => refuse('objectUnknown'),
    GetObject: () => refuse('objectUnknown'),
    DeleteObject: () => refuse('objectUnknown'),
    ListObjectsOfType: () => answer({ type: 'ListObjectsOfType', objectIds: [] }),
    DeleteAllObjects: () => refuse('objects'),
  };

  get #table(): TaskTable {
    return this.#options.table;
  }

  #waitsFor(did: string): Promise<boolean> {
    return this.#options.waitsFor?.(did) ?? Promise.resolve(false);
  }

  /** It is so here, and those who deliver are told until they know: what was acknowledged is what happens. */
  async #told(request: 'createDestination' | 'modifyDestination'): Promise<void> {
    try {
      await this.#options.destinationsTold?.();
    } catch (cause) {
      throw new X1Refusal(request, 'it is stored, but not known yet to those who deliver', { cause });
    }
  }

  /** Whether the XID is right comes before what the task says. */
  #judge(judgement: () => void, xid: string, mustExist: boolean): void {
    const exists = this.#table.task(xid) !== null;
    if (exists !== mustExist) throw new X1Refusal(mustExist ? 'xidUnknown' : 'xidExists');
    judgement();
  }

  /** A destination in use must go on carrying what its tasks deliver. */
  #requireStillFitting(destination: Destination): void {
    const { policy } = this.#options;
    const changed = {
      destination: (did: string): Destination | null =>
        did === destination.did ? destination : this.#table.destination(did),
    };
    for (const task of this.#table.tasksUsing(destination.did))
      judgeTask(policy, task, changed, 'modifyTask');
  }

  /** Whoever reads so many reports waits for them, and everybody else for the element. */
  #requireRoom(reports: number): void {
    if (reports > MOST_REPORTS) throw new X1Refusal('generic', TOO_LARGE);
  }

  #taskReport({ task, modifiedAt, modifications }: TaskRecord): TaskReport {
    const faults = this.#options.condition.taskFaults(task.xid);
    return {
      task,
      status: {
        provisioning: 'complete',
        faults,
        timeOfLastModification: modifiedAt,
        numberOfModifications: modifications,
      },
    };
  }

  #taskReports(): TaskReport[] {
    return this.#table.records().map((record) => this.#taskReport(record));
  }

  #destinationReport(destination: Destination): DestinationReport {
    const faults = this.#options.condition.destinationFaults(destination.did);
    const delivery = faults.length === 0 ? 'activeAndWorking' : 'deliveryFault';
    return { destination, status: { delivery, faults } };
  }

  #destinationReports(): DestinationReport[] {
    return this.#table.destinations().map((destination) => this.#destinationReport(destination));
  }

  #neStatus(): NeStatus {
    const faults = this.#options.condition.elementFaults();
    return { status: faults.length === 0 ? 'OK' : 'Faults', faults };
  }
}

/** Requests of this element that are answered by an acknowledgement. */
type Acknowledged =
  | 'ActivateTask'
  | 'ModifyTask'
  | 'DeactivateTask'
  | 'DeactivateAllTasks'
  | 'CreateDestination'
  | 'ModifyDestination'
  | 'RemoveDestination'
  | 'RemoveAllDestinations'
  | 'Ping'
  | 'Keepalive';

function done(type: Acknowledged): X1ResponseBody {
  return { type, ok: 'AcknowledgedAndCompleted' };
}

function answer(body: X1ResponseBody): Promise<X1ResponseBody> {
  return Promise.resolve(body);
}

function refuse(name: X1ErrorName, why?: string): never {
  throw new X1Refusal(name, why);
}
