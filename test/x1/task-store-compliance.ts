/** What every store of X1 tasks must do, whatever it is made of. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { TaskRecord, TaskStore } from '../../src/x1/task-changes.ts';
import { storeSuite } from '../support/store-suite.ts';
import type { StoreBackend } from '../support/store-suite.ts';
import { destination as anyDestination, task as anyTask } from '../wire/x1/support.ts';
import { destination, DID, OTHER_XID, task, XID } from '../poi/support.ts';

const record: TaskRecord = { task, activatedAt: 1.5, modifiedAt: 2.25, modifications: 3 };

/** @param runs tasks and destinations that are tried */
export function taskStoreSuite(backend: StoreBackend<TaskStore>, runs = 40): void {
  storeSuite('tasks', backend, (current) => {
    it('gives back whatever X1 can say of a task and a destination, after it was opened again', async () => {
      await fc.assert(
        fc.asyncProperty(anyTask, anyDestination, async (someTask, someDestination) => {
          const change = {
            tasks: new Map([[someTask.xid, { ...record, task: someTask }]]),
            destinations: new Map([[someDestination.did, someDestination]]),
          };
          await current.store.commit(change);
          await current.reopen();
          expect(await current.store.load()).toEqual({
            tasks: [...change.tasks.values()],
            destinations: [...change.destinations.values()],
          });
          await current.store.commit({
            tasks: new Map([[someTask.xid, null]]),
            destinations: new Map([[someDestination.did, null]]),
          });
        }),
        { numRuns: runs },
      );
      expect(await current.store.load()).toEqual({ tasks: [], destinations: [] });
    });

    it('keeps the order of activation, and replaces what it knows', async () => {
      const later = { ...record, task: { ...task, xid: OTHER_XID }, activatedAt: 9 };
      await current.store.commit({ tasks: new Map([[OTHER_XID, later]]), destinations: new Map() });
      await current.store.commit({ tasks: new Map([[XID, record]]), destinations: new Map() });
      const changed = { ...record, modifications: 4, task: { ...task, deliveryType: 'X3Only' as const } };
      await current.store.commit({ tasks: new Map([[XID, changed]]), destinations: new Map() });
      expect((await current.store.load()).tasks).toEqual([changed, later]);
    });

    it('a change that fails in part leaves nothing behind', async () => {
      const unfit = { ...record, task: { ...task, xid: OTHER_XID }, activatedAt: NaN };
      const change = {
        tasks: new Map([
          [XID, record],
          [OTHER_XID, unfit],
        ]),
        destinations: new Map([[DID, destination]]),
      };
      await expect(current.store.commit(change)).rejects.toThrow();
      await current.reopen();
      expect(await current.store.load()).toEqual({ tasks: [], destinations: [] });
    });
  });
}
