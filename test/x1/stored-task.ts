/** What X1 would have left in an element's store of tasks. */
import type { Destination, InterceptTask } from '../../src/wire/x1/details.ts';
import { SqliteTaskStore } from '../../src/x1/task-store.ts';

/** One task, all of which goes to one destination, which is of its delivery type. */
export async function storeTask(
  file: string,
  task: InterceptTask,
  address: Destination['address'],
): Promise<void> {
  const [did = ''] = task.dids;
  const { deliveryType } = task;
  const store = await SqliteTaskStore.open(file);
  await store.commit({
    tasks: new Map([[task.xid, { task, activatedAt: 0, modifiedAt: 0, modifications: 0 }]]),
    destinations: new Map([[did, { did, deliveryType, address }]]),
  });
  await store.close();
}
