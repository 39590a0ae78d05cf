/** X1 at a network element, as CSCF, gateway, DF and KMS all have it: table, store, handler, listener and reports. */
import { messageOf } from '../bytes/errors.ts';
import { opening } from '../bytes/opened.ts';
import type { Opened, Started } from '../bytes/opened.ts';
import { present } from '../bytes/present.ts';
import { TaskTable } from './tasks.ts';
import type { TaskStore } from './task-changes.ts';
import { X1NeHandler } from './handler.ts';
import type { NePolicy } from './policy.ts';
import { X1Reporter } from './reports.ts';
import { X1Requester } from './requester.ts';
import type { HostMap } from '../net/hosts.ts';
import { HttpsClient } from '../net/https.ts';
import type { ConnectionGuard } from '../net/connections.ts';
import type { TlsMaterial } from '../net/tls.ts';
import { x1Transport } from './client.ts';
import { X1Schema } from './schema.ts';
import { mountX1Ne, openX1Listener } from './server.ts';
import type { AuditLog } from '../evidence/log.ts';
import type { X1NeConfig } from './config.ts';
import { systemRandom } from '../host/runtime.ts';
import type { Runtime, Running } from '../host/runtime.ts';

export interface X1NeParts {
  readonly policy: NePolicy;
  readonly tls: TlsMaterial;
  readonly hosts: HostMap;
  /** Closed by whoever opened it, when the element has stopped. */
  readonly state: { readonly tasks: TaskStore; readonly audit: AuditLog };
  readonly runtime: Runtime;
  /** Whether something waits to go to a destination, which then is not removed. */
  readonly waitsFor?: (did: string) => Promise<boolean>;
  /** Resolves when all who deliver can know what destinations there are. @throws if they cannot be told */
  readonly destinationsTold?: () => Promise<void>;
}

export interface RunningX1Ne extends Running {
  readonly table: TaskTable;
  /** Where the element's parts report trouble: `DestinationIssues` of the POI, `DfIssues` of the DF. */
  readonly reporter: X1Reporter;
  /** Where X1 listens. */
  readonly port: number;
  readonly connections: ConnectionGuard;
}

/**
 * Transaction identifiers of reports come from a source of their own: where an element's randomness is injected, what
 * its users see of it must not depend on whether there was something to report.
 */
export function startX1Ne(config: Omit<X1NeConfig, 'store'>, parts: X1NeParts): Promise<RunningX1Ne> {
  return opening((opened) => startWith(config, parts, opened));
}

async function startWith(
  config: Omit<X1NeConfig, 'store'>,
  parts: X1NeParts,
  opened: Opened,
): Promise<Started<RunningX1Ne>> {
  const { runtime, tls, hosts, waitsFor, destinationsTold } = parts;
  const { tasks, audit } = parts.state;
  const { clock, logger } = runtime;
  const schema = config.schema === undefined ? null : new X1Schema(config.schema);
  opened.add(() => schema?.close());
  const judge = schema === null ? {} : { judge: schema };
  const table = await TaskTable.open(clock, tasks);
  if (table.isShared) opened.add(refreshing(table, runtime));
  const client = new HttpsClient({ hosts, tls });
  opened.add(() => client.close());
  const admf = new X1Requester({
    side: 'ne',
    admfIdentifier: config.admf.identifier,
    neIdentifier: config.identifier,
    transport: x1Transport(client, config.admf.url),
    ...runtime,
    random: systemRandom(),
    ...judge,
  });
  const reporter = new X1Reporter({ admf, table, clock, logger });
  opened.add(() => reporter.stop());
  const { deactivateAllTasks, removeAllDestinations } = config;
  const handler = new X1NeHandler({
    identifier: config.identifier,
    admfs: [config.admf.identifier],
    policy: { ...parts.policy, deactivateAllTasks, removeAllDestinations },
    table,
    condition: reporter,
    clock,
    logger,
    audit,
    ...judge,
    ...present({ keepalive: config.keepalive, waitsFor, destinationsTold }),
  });
  opened.add(() => handler.stop());
  const listener = await openX1Listener(config.listen, { tls, logger }, (server) =>
    mountX1Ne(server, handler),
  );
  opened.add(() => listener.close());
  const { port, connections } = listener;
  return { table, reporter, port, connections };
}

/** What other processes have done is known here soon, also where nobody asks. */
const REFRESH_MS = 2_000;

/** Takes in now and then what others have changed; gives the way to stop it. */
function refreshing(table: TaskTable, { clock, logger }: Runtime): () => void {
  let timer = clock.after(REFRESH_MS, refresh);
  let isStopped = false;
  function refresh(): void {
    table
      .refresh()
      .catch((error: unknown) => logger.debug({ reason: messageOf(error) }, 'tasks of others cannot be read'))
      .finally(() => {
        if (!isStopped) timer = clock.after(REFRESH_MS, refresh);
      });
  }
  return () => {
    isStopped = true;
    timer.cancel();
  };
}
