/** The same input through a DF in one process, with files in the place of engines, to a LEMF of its own. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { cscfConfig } from '../../src/entities/cscf/config.ts';
import { dfConfig } from '../../src/entities/df/config.ts';
import { startDf } from '../../src/entities/df/start.ts';
import { gatewayConfig } from '../../src/entities/gateway/config.ts';
import { lemfConfig } from '../../src/entities/lemf/config.ts';
import { startLemf } from '../../src/entities/lemf/start.ts';
import type { Runtime } from '../../src/host/runtime.ts';
import { STREAM_LIMITS } from '../../src/net/connections.ts';
import { LiveTls } from '../../src/net/live-tls.ts';
import { loadTls } from '../../src/net/tls.ts';
import { SqliteTaskStore } from '../../src/x1/task-store.ts';
import { putTask } from '../x1/stored-task.ts';
import { reportAgain } from './points.ts';
import type { Reported } from './points.ts';
import type { ScaledSystem } from './system.ts';

const LEMF = '00000000-0000-4000-8000-000000000002';
/** Until all keys are asked for and all is delivered: at least, and for each report. */
const SETTLE_MS = { least: 60_000, each: 5 };

export interface Warranted {
  readonly liid: string;
  readonly target: string;
}

/** What it is done with. */
export interface EmbeddedInput {
  readonly system: ScaledSystem;
  readonly reported: readonly Reported[];
  /** The warrant of each task, by XID. */
  readonly tasks: ReadonlyMap<string, Warranted>;
}

/** Gives the folder of the LEMF. @param folder for all that is kept @throws Error if something was not delivered */
export async function embeddedRun(
  folder: string,
  { system, reported, tasks }: EmbeddedInput,
  runtime: Runtime,
): Promise<string> {
  mkdirSync(folder);
  const at = (name: string): string => path.join(folder, name);
  const anyPort = { address: '127.0.0.1', port: 0, connections: STREAM_LIMITS };
  const { tls } = lemfConfig(system.config('lemf'), system.file('lemf'));
  const lemf = await startLemf(
    { hi2: anyPort, hi3: anyPort, tls, folder: at('lemf'), recoverAfter: 1 },
    runtime,
  );
  const store = await SqliteTaskStore.open(at('tasks.db'));
  const { port } = lemf.hi2;
  const address = { kind: 'ipAddressAndPort', address: '127.0.0.1', port, transport: 'tcp' } as const;
  for (const [xid, { target, liid }] of tasks) {
    const mediation = [{ liid, deliveryType: 'HI2andHI3' as const, dids: [] }];
    const targets = [{ name: 'sipUri' as const, value: target }];
    await putTask(store, { xid, targets, deliveryType: 'X2andX3', dids: [LEMF], mediation }, address);
  }
  await store.close();
  const [mediator = ''] = system.having('mediation').map((name) => name.split('.')[0] ?? '');
  const { streams: _, roles: __, database: ___, admin: ____, ...config } = system.config(mediator);
  const df = await startDf(
    dfConfig(
      {
        ...config,
        x1: { ...(config['x1'] as object), listen: {}, store: at('tasks.db') },
        ...{ x2x3: { port: 0 }, store: at('df.db'), audit: at('df-audit.jsonl') },
      },
      system.file(mediator),
    ),
    runtime,
  );
  try {
    const live = (files: Parameters<typeof loadTls>[0]): LiveTls =>
      new LiveTls(loadTls(files, runtime.clock.now()));
    const points = {
      cscf: live(cscfConfig(system.config('cscf'), system.file('cscf')).tls),
      gateway: live(gatewayConfig(system.config('gateway'), system.file('gateway')).tls),
    };
    if (!(await reportAgain(reported, df.x2x3.port, points, runtime)))
      throw new Error('the embedded DF has not acknowledged all');
    if (!(await df.settle(SETTLE_MS.least + SETTLE_MS.each * reported.length)))
      throw new Error('the embedded DF has not delivered all');
  } finally {
    await df.stop();
    await lemf.stop();
  }
  return at('lemf');
}
