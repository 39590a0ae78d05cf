/** An ADMF with a home's four elements in one process, without network; each element can be made to fail. */
import { systemRandom } from '../../../src/host/runtime.ts';
import { Admf } from '../../../src/entities/admf/admf.ts';
import type { AdmfOptions } from '../../../src/entities/admf/admf.ts';
import { IssueBook } from '../../../src/entities/admf/issues.ts';
import type { ElementKind } from '../../../src/entities/admf/ports.ts';
import type { Warrant } from '../../../src/entities/admf/warrants.ts';
import type { Clock } from '../../../src/bytes/ports.ts';
import { TaskTable } from '../../../src/x1/tasks.ts';
import type { TaskStore } from '../../../src/x1/task-changes.ts';
import { X1NeHandler } from '../../../src/x1/handler.ts';
import { CSCF_POLICY, DF_POLICY, GATEWAY_POLICY, kmsPolicyFor } from '../../../src/x1/policy.ts';
import type { NePolicy } from '../../../src/x1/policy.ts';
import { X1ExchangeError, X1Requester } from '../../../src/x1/requester.ts';
import { decodeX1Request } from '../../../src/wire/x1/containers.ts';
import { SqliteAdmfStore } from '../../../src/entities/admf/store/sqlite.ts';
import { ADMF, admfPeer, MemoryStore, RecordingAudit } from '../../poi/support.ts';
import { silent } from '../../support/silent.ts';

export const NOW = 1_700_000_000_000;
export const HOUR = 3_600_000;

export const warrant: Warrant = {
  liid: 'LIID1',
  targets: [
    { name: 'sipUri', value: 'sip:alice@home1.example' },
    { name: 'telUri', value: 'tel:+12125550101' },
  ],
  delivery: 'IRI+CC',
  startTime: NOW,
  endTime: NOW + HOUR,
  lemf: { hi2: { host: 'lemf.home1.example', port: 8002 }, hi3: { host: 'lemf.home1.example', port: 8003 } },
};

const POLICIES: Readonly<Record<ElementKind, NePolicy>> = {
  cscf: CSCF_POLICY,
  gateway: GATEWAY_POLICY,
  df: DF_POLICY,
  kms: kmsPolicyFor(['lemf.home1.example', 'lemf.police.example']),
};

/** `lost-request`: nothing arrives; `lost-answer`: it is done, but nobody hears; `refuse`: refused, whatever it is. */
export type Fault = 'lost-request' | 'lost-answer' | 'refuse' | null;

export interface SimulatedElement {
  readonly kind: ElementKind;
  readonly table: TaskTable;
  readonly store: MemoryStore;
  fault: Fault;
  /** DIDs of destinations that it says it cannot reach. */
  faultyDestinations: string[];
}

export interface Home {
  readonly elements: Readonly<Record<ElementKind, SimulatedElement>>;
  /** Requests that arrived and changed something, `KIND:Type`, in order. */
  readonly trace: string[];
  readonly documents: Uint8Array[];
  readonly audit: RecordingAudit;
  readonly issues: IssueBook;
  readonly store: SqliteAdmfStore;
  /** Called with each document before it arrives, and after it was answered; what it throws is what the ADMF gets. */
  onDocument: ((kind: ElementKind, types: readonly string[], when: 'before' | 'after') => void) | null;
  /** Requests in one document, as an ADMF that is opened next has it set. */
  mostRequests: number;
  open(overrides?: Partial<AdmfOptions>): Promise<Admf>;
}

/**
 * @param kmsStore what the KMS keeps its tasks in, around the store in memory
 * @param file of the ADMF's store
 */
export async function home(
  clock: Clock,
  kmsStore: (inner: MemoryStore) => TaskStore = (inner) => inner,
  file = ':memory:',
): Promise<Home> {
  const trace: string[] = [];
  const documents: Uint8Array[] = [];
  const audit = new RecordingAudit();
  const issues = new IssueBook();
  const store = await SqliteAdmfStore.open(file);
  const kinds = ['cscf', 'gateway', 'df', 'kms'] as const;
  const elements = {} as Record<ElementKind, SimulatedElement>;
  const handlers = {} as Record<ElementKind, X1NeHandler>;
  for (const kind of kinds) {
    const taskStore = new MemoryStore();
    const table = await TaskTable.open(clock, kind === 'kms' ? kmsStore(taskStore) : taskStore);
    elements[kind] = { kind, table, store: taskStore, fault: null, faultyDestinations: [] };
    handlers[kind] = new X1NeHandler({
      identifier: `${kind}.home1.example`,
      admfs: [ADMF],
      policy: POLICIES[kind],
      table,
      condition: {
        taskFaults: () => [],
        destinationFaults: (did) =>
          elements[kind].faultyDestinations.includes(did) ? [{ code: 1000, description: 'down' }] : [],
        elementFaults: () => [],
      },
      clock,
      logger: silent,
      audit: new RecordingAudit(),
      keepalive: { timeoutMs: HOUR, failClosed: false },
    });
  }
  const transport = (kind: ElementKind) => async (octets: Uint8Array) => {
    const { fault } = elements[kind];
    if (fault === 'lost-request') throw new X1ExchangeError('no-answer', `${kind} is away`);
    const types = decodeX1Request(octets).map(({ body }) => body?.type ?? 'malformed');
    made.onDocument?.(kind, types, 'before');
    const isQuestion = types.every((type) => /^(Get|List|Ping|Keepalive)/.test(type));
    if (fault === 'refuse' && !isQuestion) elements[kind].store.fails = true;
    if (!isQuestion) trace.push(...types.map((type) => `${kind}:${type}`));
    const answer = await handlers[kind].handle(octets, admfPeer);
    elements[kind].store.fails = false;
    made.onDocument?.(kind, types, 'after');
    if (fault === 'lost-answer' && !isQuestion) {
      elements[kind].fault = null;
      throw new X1ExchangeError('no-answer', `${kind} was cut off`);
    }
    return answer;
  };
  const open = (overrides: Partial<AdmfOptions> = {}) =>
    Admf.open({
      elements: kinds.map((kind) => ({
        identifier: `${kind}.home1.example`,
        kind,
        mostRequests: made.mostRequests,
        x1: new X1Requester({
          side: 'admf',
          admfIdentifier: ADMF,
          neIdentifier: `${kind}.home1.example`,
          transport: transport(kind),
          clock,
          random: systemRandom(),
          recorder: (_from, _to, octets) => documents.push(octets),
        }),
      })),
      x2x3: { host: 'df.home1.example', port: 7001 },
      store,
      audit,
      issues,
      clock,
      random: systemRandom(),
      logger: silent,
      drainMs: 0,
      retentionMs: 100 * HOUR,
      retry: { attempts: 1, pauseMs: 100 },
      settleMs: 1000,
      ...overrides,
    });
  const made: Home = {
    elements,
    trace,
    documents,
    audit,
    issues,
    store,
    onDocument: null,
    mostRequests: 100,
    open,
  };
  return made;
}

/** Lets promises that are under way go on. */
export async function breathe(): Promise<void> {
  for (let i = 0; i < 20; i += 1) await new Promise((resolve) => setImmediate(resolve));
}
