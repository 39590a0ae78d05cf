/** Opens the ADMF's door for officers, with all that it offers. */
import type { FastifyInstance } from 'fastify';
import type { Clock, Logger } from '../../../bytes/ports.ts';
import { Quotas } from '../../../bytes/quotas.ts';
import { AuditPages } from '../../../evidence/audit-pages.ts';
import type { HashChainLog } from '../../../evidence/log.ts';
import { HostMap } from '../../../net/hosts.ts';
import { connectionsOf, HttpsClient, listen } from '../../../net/https.ts';
import type { ConnectionGuard } from '../../../net/connections.ts';
import type { PageSource } from '../../../net/pages.ts';
import type { TlsMaterial } from '../../../net/tls.ts';
import { ConfigError } from '../../../host/config.ts';
import type { Listen } from '../../../host/config.ts';
import { WatchedEntities } from '../../../host/watched.ts';
import type { Admf } from '../admf.ts';
import type { AdmfConfig } from '../config.ts';
import type { WarrantDesk } from '../desk.ts';
import type { IssueBook } from '../issues.ts';
import { eventsRoute, OfficerEvents } from './event-streams.ts';
import { officersServer } from './officers.ts';
import { systemRoutes } from './system-routes.ts';
import { warrantRoutes } from './warrant-routes.ts';
import { LOOK_LIMITS, watchRoutes } from './watch-routes.ts';

export interface OfficersDoor {
  readonly at: Listen;
  readonly connections: ConnectionGuard;
  readonly events: Pick<OfficerEvents, 'open' | 'refused' | 'ends'>;
  /** Looks at other entities. */
  readonly looks: Pick<Quotas, 'refused'>;
  close(): Promise<void>;
}

export interface OfficersDoorOptions {
  readonly admf: Admf;
  readonly desk: WarrantDesk;
  readonly issues: IssueBook;
  readonly audit: HashChainLog;
  readonly tls: TlsMaterial;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The pages of the console; absent: this program has none. */
  readonly consolePages?: PageSource;
}

/** Where the console's pages are. */
const CONSOLE = '/console';

/** `null`: the configuration has no such door. @throws ConfigError */
export async function openOfficers(
  config: Pick<AdmfConfig, 'officers' | 'elements' | 'audit' | 'hosts'>,
  options: OfficersDoorOptions,
): Promise<OfficersDoor | null> {
  if (config.officers === undefined) return null;
  const { address, port, peers, connections, entities = [] } = config.officers;
  const pages = new AuditPages(config.audit);
  const events = new OfficerEvents(options);
  const client = new HttpsClient({ hosts: new HostMap(config.hosts), tls: options.tls });
  const watched = new WatchedEntities(entities, client);
  const looks = new Quotas(LOOK_LIMITS);
  const server = officersServer({
    ...options,
    names: peers,
    limits: connections,
    routes: [
      ...warrantRoutes(options),
      ...systemRoutes({ ...options, elements: config.elements, pages }),
      ...watchRoutes({ ...options, watched, looks }),
    ],
    streams: [eventsRoute(events)],
  });
  server.addHook('preClose', (done) => {
    events.close();
    done();
  });
  const close = async (): Promise<void> => {
    await server.close();
    await client.close();
  };
  try {
    if (config.officers.console) await serveConsole(server, options.consolePages);
    return {
      at: { address, port: await listen(server, address, port) },
      connections: connectionsOf(server),
      events,
      looks,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** What serves files is loaded only where the setting asks for it. @throws ConfigError */
async function serveConsole(server: FastifyInstance, source: PageSource | undefined): Promise<void> {
  if (source === undefined)
    throw new ConfigError('configuration', 'officers.console: this program has no pages of the console');
  const { servePages } = await import('../../../net/pages.ts');
  servePages(server, CONSOLE, await source());
}
