/** A delivery function without network: its mediation, its questions to a KMS, its store on disk; it can be killed. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { KeyRequests } from '../../../src/entities/df/key-requests.ts';
import type { KeyRequestTiming } from '../../../src/entities/df/key-requests.ts';
import { Mediation } from '../../../src/entities/df/mediation.ts';
import type { MediationOptions } from '../../../src/entities/df/mediation.ts';
import type { Amount, DfTask } from '../../../src/entities/df/ports.ts';
import { SqliteDfStore } from '../../../src/entities/df/store/sqlite.ts';
import type { PlainRecord } from './support.ts';
import { encodeForTest, Issues, START, task, Tasks, TestKms, TestPoi, XID } from './support.ts';
import { silent } from '../../support/silent.ts';
import { ManualClock } from '../../support/manual-clock.ts';

export interface Df {
  /** Where its files are. */
  readonly folder: string;
  readonly clock: ManualClock;
  readonly kms: TestKms;
  readonly tasks: Tasks;
  readonly issues: Issues;
  readonly poi: TestPoi;
  store: SqliteDfStore;
  mediation: Mediation;
  requests: KeyRequests;
  /** As if the process had been killed: a new one on the same file. */
  kill(): Promise<void>;
}

/** A delivery function with these tasks, until the test ends. @param bound of what waits for each destination */
export async function start(
  tasks: readonly DfTask[] = [task(XID, 'LIID-1')],
  { bound, ...options }: Partial<MediationOptions> & { readonly bound?: Amount } = {},
  timing: KeyRequestTiming = {},
): Promise<Df> {
  const folder = mkdtempSync(path.join(tmpdir(), 'claviger-df-'));
  const file = path.join(folder, 'df.sqlite');
  const clock = new ManualClock(START);
  const parts = { folder, clock, kms: new TestKms(), tasks: new Tasks(...tasks), issues: new Issues() };
  const open = async () => {
    const store = await SqliteDfStore.open(file);
    const held: { requests: KeyRequests | null } = { requests: null };
    const early: Parameters<KeyRequests['start']>[] = [];
    const mediation = await Mediation.open(
      {
        store,
        tasks: parts.tasks,
        warrants: parts.tasks,
        encode: encodeForTest,
        issues: parts.issues,
        clock,
        logger: silent,
        ...(bound === undefined ? {} : { backlog: { bound, outbox: store } }),
        ...options,
      },
      (session, question) =>
        held.requests === null
          ? void early.push([session, question])
          : held.requests.start(session, question),
    );
    const requests = new KeyRequests(mediation, parts.kms, { clock, logger: silent, timing });
    held.requests = requests;
    for (const [session, question] of early) requests.start(session, question);
    return { store, mediation, requests };
  };
  const df: Df = {
    ...parts,
    poi: new TestPoi(clock),
    ...(await open()),
    kill: async () => {
      await df.requests.stop();
      await df.mediation.stop();
      await df.store.close();
      Object.assign(df, await open());
    },
  };
  onTestFinished(async () => {
    await df.store.close();
    rmSync(folder, { recursive: true });
  });
  return df;
}

/** What was handed over, by kind. */
export function kinds(records: readonly PlainRecord[]): string[] {
  return records.map((record) => record.kind);
}

/** Sequence numbers of what was handed over on one interface. */
export function numbersOf(records: readonly PlainRecord[], reference: 'hi2' | 'hi3'): number[] {
  return records
    .filter((record) => (record.kind === 'cc') === (reference === 'hi3'))
    .map((record) => record.sequenceNumber);
}
