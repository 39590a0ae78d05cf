/** The thread that exports for a LEMF, so that nothing of it holds up who receives. */
import { parentPort } from 'node:worker_threads';
import { messageOf } from '../../bytes/errors.ts';
import { recoverEach } from '../../entities/lemf/store/recovery.ts';
import { yieldPriority } from '../../entities/lemf/workers/priority.ts';
import { CallExport } from './call-export.ts';
import type { ExportOrder, ExportReply, ExportThreadOrder } from './export-thread.ts';

parentPort?.on('message', (order: ExportThreadOrder) => {
  if (order.kind === 'end') parentPort?.close();
  else parentPort?.postMessage(exported(order));
});

function exported({ paths, folder, id }: ExportOrder): ExportReply {
  const observer = new CallExport(folder, () => undefined);
  try {
    yieldPriority();
    recoverEach(paths, folder, { observer, only: id }, () => undefined);
    return { kind: 'exported' };
  } catch (error) {
    return { kind: 'failed', reason: messageOf(error) };
  } finally {
    observer.close();
  }
}
