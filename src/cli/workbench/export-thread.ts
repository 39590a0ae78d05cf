/**
 * Exports of one communication each, for analysts of a running LEMF: made in a thread, in a folder of its own beside what
 * was received, given as one file (tar), and gone with it. It reads all that was received for that, as `lemf export` does.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { LemfError } from '../../entities/lemf/errors.ts';
import type { CallExporter } from '../../entities/lemf/http/analysts.ts';
import type { HandoverPaths } from '../../entities/lemf/store/recovery.ts';
import { OrderThread } from '../../entities/lemf/workers/order-thread.ts';
import type { EndOrder, FailedReply } from '../../entities/lemf/workers/order-thread.ts';
import { tarOf } from './tar.ts';

/** One communication, into a folder. */
export interface ExportOrder {
  readonly kind: 'export';
  readonly paths: HandoverPaths;
  readonly folder: string;
  /** As `case-views.ts` names it. */
  readonly id: string;
}

export type ExportThreadOrder = ExportOrder | EndOrder;
export type ExportReply = { readonly kind: 'exported' } | FailedReply;

/** The thread's module. */
const MODULE = new URL('./export-worker.js', import.meta.url);
const PREFIX = '.exporting-';

/** What a process that was killed has left of exports goes. */
export function threadExporter(paths: HandoverPaths): CallExporter {
  const place = path.dirname(paths.hi2);
  for (const name of readdirSync(place))
    if (name.startsWith(PREFIX)) rmSync(path.join(place, name), { recursive: true, force: true });
  return async (id) => {
    const folder = mkdtempSync(path.join(place, PREFIX));
    const remove = (): void => rmSync(folder, { recursive: true, force: true });
    const thread = new OrderThread<ExportThreadOrder, ExportReply>(MODULE);
    try {
      const reply = await thread.run({ kind: 'export', paths, folder, id });
      if (reply.kind === 'failed') throw new LemfError('recovery', reply.reason);
      const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((each) =>
        each.isFile(),
      );
      const names = files.map(({ parentPath, name }) =>
        path.relative(folder, path.join(parentPath, name)).split(path.sep).join('/'),
      );
      const octets = Readable.from(tarOf(folder, names.sort()), { objectMode: false });
      octets.once('close', remove);
      return octets;
    } catch (error) {
      remove();
      throw error;
    } finally {
      await thread.end();
    }
  };
}
