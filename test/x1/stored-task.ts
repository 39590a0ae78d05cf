/** What X1 would have left in an element's store of tasks. */
import type { Destination, InterceptTask } from '../../src/wire/x1/details.ts';
import type { TaskStore } from '../../src/x1/task-changes.ts';
import { SqliteTaskStore } from '../../src/x1/task-store.ts';

/** One task, all of which goes to one destination, which is of its delivery type. */
export async function storeTask(
  file: string,
  task: InterceptTask,
  address: Destination['address'],
): Promise<void> {
  const store = await SqliteTaskStore.open(file);
  await putTask(store, task, address);
  await store.close();
}

/** The same in a store that is open. */
export function putTask(
  store: Pick<TaskStore, 'commit'>,
  task: InterceptTask,
  address: Destination['address'],
): Promise<void> {
  const [did = ''] = task.dids;
  const { deliveryType } = task;
  return store.commit({
    tasks: new Map([[task.xid, { task, activatedAt: 0, modifiedAt: 0, modifications: 0 }]]),
    destinations: new Map([[did, { did, deliveryType, address }]]),
  });
}
