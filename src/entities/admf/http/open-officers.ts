/** Opens the ADMF's door for officers, with all that it offers. */
import type { Clock, Logger } from '../../../bytes/ports.ts';
import { AuditPages } from '../../../evidence/audit-pages.ts';
import type { HashChainLog } from '../../../evidence/log.ts';
import { connectionsOf, listen } from '../../../net/https.ts';
import type { ConnectionGuard } from '../../../net/connections.ts';
import type { TlsMaterial } from '../../../net/tls.ts';
import type { Listen } from '../../../host/config.ts';
import type { Admf } from '../admf.ts';
import type { AdmfConfig } from '../config.ts';
import type { WarrantDesk } from '../desk.ts';
import type { IssueBook } from '../issues.ts';
import { officersServer } from './officers.ts';
import { systemRoutes } from './system-routes.ts';
import { warrantRoutes } from './warrant-routes.ts';

export interface OfficersDoor {
  readonly at: Listen;
  readonly connections: ConnectionGuard;
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
}

/** `null`: the configuration has no such door. */
export async function openOfficers(
  config: Pick<AdmfConfig, 'officers' | 'elements' | 'audit'>,
  options: OfficersDoorOptions,
): Promise<OfficersDoor | null> {
  if (config.officers === undefined) return null;
  const { address, port, peers, connections } = config.officers;
  const pages = new AuditPages(config.audit);
  const server = officersServer({
    ...options,
    names: peers,
    limits: connections,
    routes: [...warrantRoutes(options), ...systemRoutes({ ...options, elements: config.elements, pages })],
  });
  try {
    return {
      at: { address, port: await listen(server, address, port) },
      connections: connectionsOf(server),
      close: () => server.close(),
    };
  } catch (error) {
    await server.close();
    throw error;
  }
}
