/**
 * Entities that are looked at for the reader. Who looks is the bridge, with the reader's own certificate, where the
 * reader's configuration names entities; else the ADMF, for whom it admits (`/v1/watch`). Both have the same below it.
 */
import type { WatchedEntityName } from '../../host/watched.ts';
import type { BridgeAnswer } from '../beside.ts';
import type { WatchListJson } from './answers.ts';
import { apiUrl, askJson, askLines, getJson } from './ask.ts';
import type { LogSource } from './audit-logs.ts';
import { besideUrl } from './beside.ts';
import type { EntitySource, StatusJson } from './network-watch.ts';

export interface Watched {
  readonly entities: readonly WatchedEntityName[];
  readonly logs: LogSource;
  readonly network: EntitySource;
}

/** @param bridge what it has; `null`: the ADMF serves the page @throws AskRefusal */
export async function askWatched(bridge: BridgeAnswer | null): Promise<Watched> {
  if (bridge !== null && bridge.entities.length > 0) return watchedAt(besideUrl, bridge.entities);
  const { entities } = await getJson<WatchListJson>('watch');
  return watchedAt(apiUrl, entities);
}

function watchedAt(urlOf: (path: string) => string, entities: readonly WatchedEntityName[]): Watched {
  const at = (name: string, look: string): string => urlOf(`watch/${encodeURIComponent(name)}/${look}`);
  const status = (name: string): Promise<StatusJson> => askJson<StatusJson>(at(name, 'status'));
  return {
    entities,
    network: { status, metrics: (name) => askLines(at(name, 'metrics')) },
    logs: {
      keeps: async (name) => (await status(name)).auditWritable !== null,
      lines: async (name, from, most) => {
        const text = await askLines(at(name, `audit?from=${from}&most=${most}`));
        return text.split('\n').filter((line) => line !== '');
      },
    },
  };
}
