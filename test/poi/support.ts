/** A network element's X1 end without network: table in memory, clock by hand, documents kept for the judges. */
import type { AuditEvent } from '../../src/evidence/log.ts';
import { TaskTable } from '../../src/x1/tasks.ts';
import type { TaskStore, TaskTableChange, TaskTableState } from '../../src/x1/task-changes.ts';
import { X1NeHandler } from '../../src/x1/handler.ts';
import type { X1NeOptions } from '../../src/x1/handler.ts';
import { CSCF_POLICY } from '../../src/x1/policy.ts';
import type { Clock } from '../../src/bytes/ports.ts';
import { X1Requester } from '../../src/x1/requester.ts';
import type { Destination, InterceptTask } from '../../src/wire/x1/details.ts';
import type { X1Peer } from '../../src/x1/endpoint.ts';
import { systemRandom } from '../../src/host/runtime.ts';
import { silent } from '../support/silent.ts';

export const ADMF = 'admf.home1.example';
export const NE = 'cscf.home1.example';
export const admfPeer: X1Peer = { commonName: ADMF, dnsNames: [ADMF] };

/** A store that keeps nothing but can be made to fail. */
export class MemoryStore implements TaskStore {
  state: TaskTableState = { tasks: [], destinations: [] };
  readonly changes: TaskTableChange[] = [];
  fails: boolean | Error = false;

  load(): Promise<TaskTableState> {
    return Promise.resolve(this.state);
  }

  commit(change: TaskTableChange): Promise<void> {
    if (this.fails !== false)
      return Promise.reject(this.fails === true ? new Error('disk is full') : this.fails);
    this.changes.push(change);
    return Promise.resolve();
  }
}

export class RecordingAudit {
  readonly events: AuditEvent[] = [];
  fails = false;

  append(event: AuditEvent) {
    if (this.fails) throw new Error('disk is full');
    this.events.push(event);
    return { sequence: this.events.length, time: '', event, hash: '' };
  }
}

export interface Bench {
  readonly table: TaskTable;
  readonly store: MemoryStore;
  readonly audit: RecordingAudit;
  readonly handler: X1NeHandler;
  readonly admf: X1Requester;
  readonly documents: Uint8Array[];
}

export async function bench(clock: Clock, overrides: Partial<X1NeOptions> = {}): Promise<Bench> {
  const store = new MemoryStore();
  const audit = new RecordingAudit();
  const documents: Uint8Array[] = [];
  const table = await TaskTable.open(clock, store);
  const handler = new X1NeHandler({
    identifier: NE,
    admfs: [ADMF],
    policy: CSCF_POLICY,
    table,
    condition: { taskFaults: () => [], destinationFaults: () => [], elementFaults: () => [] },
    clock,
    logger: silent,
    audit,
    recorder: (_from, _to, octets) => documents.push(octets),
    ...overrides,
  });
  const admf = new X1Requester({
    side: 'admf',
    admfIdentifier: ADMF,
    neIdentifier: NE,
    transport: (octets) => handler.handle(octets, admfPeer),
    clock,
    random: systemRandom(),
  });
  return { table, store, audit, handler, admf, documents };
}

export const XID = '3741800e-971b-4aa9-85f4-466d2b1adc7f';
export const OTHER_XID = '29f28e1c-f230-486a-a860-f5a784ab9172';
export const DID = '1d1a1b1c-0000-4000-8000-000000000001';
export const OTHER_DID = '1d1a1b1c-0000-4000-8000-000000000002';

export const destination: Destination = {
  did: DID,
  friendlyName: 'DF of home 1',
  deliveryType: 'X2Only',
  address: { kind: 'ipAddressAndPort', address: '127.0.0.1', port: 7001, transport: 'tcp' },
};

export const task: InterceptTask = {
  xid: XID,
  targets: [{ name: 'sipUri', value: 'sip:alice@home1.example' }],
  deliveryType: 'X2Only',
  dids: [DID],
  mediation: [],
};
