/** The thread that applies units of writes to a database, so that nobody else waits for the disk. */
import { parentPort, workerData } from 'node:worker_threads';
import { furtherConnection } from './connection.ts';
import type { CommitOrder, CommitReply, CommitThreadData } from './commit-order.ts';
import { UnitApplication } from './group-commit.ts';

const database = furtherConnection((workerData as CommitThreadData).file);
const application = new UnitApplication(database);

parentPort?.on('message', (order: CommitOrder) => {
  if (order.kind === 'end') {
    database.close();
    parentPort?.close();
  } else parentPort?.postMessage({ outcomes: application.apply(order.units) } satisfies CommitReply);
});
