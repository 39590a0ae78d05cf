/**
 * The thread that recovers for a LEMF, so that nothing of it holds up who receives. While it follows the files it comes
 * after who receives (`priority.ts`).
 */
import { parentPort } from 'node:worker_threads';
import { messageOf } from '../../../bytes/errors.ts';
import { erase } from '../store/erasure.ts';
import { recoverFolder } from '../store/recovery.ts';
import type { Erased } from '../retention.ts';
import { LiveFolder } from './live-folder.ts';
import { yieldPriority } from './priority.ts';
import type { EraseOrder, RecoveryOrder, RecoveryReply } from './recovery-order.ts';

let live: LiveFolder | null = null;

parentPort?.on('message', (order: RecoveryOrder) => {
  if (order.kind === 'end') {
    live?.close();
    parentPort?.close();
    return;
  }
  try {
    if (order.kind === 'look') {
      yieldPriority();
      live ??= new LiveFolder(order);
      const began = performance.now();
      const looked = live.look(order);
      reply({ ...looked, tookMs: performance.now() - began });
    } else if (order.kind === 'show') {
      yieldPriority();
      live ??= new LiveFolder(order.look);
      reply(live.show(order.question, order.look));
    } else if (order.kind === 'erase') {
      yieldPriority();
      reply({ kind: 'erased', erased: eraseAll(order) });
    } else reply({ kind: 'recovered', report: recoverFolder(order.paths, order.folder, order.options) });
  } catch (error) {
    live?.close();
    live = null;
    reply({ kind: 'failed', reason: messageOf(error) });
  }
});

function eraseAll(order: EraseOrder): Erased {
  const steps = erase(order);
  let step = steps.next();
  while (step.done !== true) step = steps.next();
  const { look, warrants } = order;
  if (look === null) return { counts: step.value, audioFiles: 0 };
  // A folder that is begun now knows nothing of them; what an earlier one has left goes with its first report.
  const isNew = live === null;
  live ??= new LiveFolder(look);
  const gone = isNew ? live.begin(look) : live.forget(warrants);
  return { counts: step.value, audioFiles: gone.length };
}

function reply(message: RecoveryReply): void {
  parentPort?.postMessage(message);
}
