/** The door for analysts, wired: what they ask goes to the thread of recovery, and what has come is told to them live. */
import type { Clock, Logger } from '../../bytes/ports.ts';
import { Quotas } from '../../bytes/quotas.ts';
import type { AuditLog } from '../../evidence/log.ts';
import { ConfigError } from '../../host/config.ts';
import type { Listen } from '../../host/config.ts';
import type { ConnectionGuard } from '../../net/connections.ts';
import { EVENT_LIMITS, PersonStreams } from '../../net/event-streams.ts';
import { connectionsOf, listen } from '../../net/https.ts';
import type { PageSource } from '../../net/pages.ts';
import type { TlsMaterial } from '../../net/tls.ts';
import type { LemfConfig } from './config.ts';
import { analystsServer } from './http/analysts.ts';
import type { CallExporter } from './http/analysts.ts';
import { liidText } from './notices.ts';
import type { LemfEvent } from './ports.ts';
import type { LiveRecovery } from './workers/live-recovery.ts';

/** What the program gives a LEMF besides. */
export interface LemfExtras {
  /** The pages of the console, where the setting asks for them. */
  readonly consolePages?: PageSource;
  /** Makes exports of one communication. @param paths of what was received */
  readonly exporter?: (paths: { readonly hi2: string; readonly hi3: string }) => CallExporter;
}

export interface OpenAnalysts {
  readonly at: Listen;
  readonly connections: ConnectionGuard;
  readonly events: Pick<PersonStreams, 'open' | 'refused' | 'ends'>;
  readonly exports: Pick<Quotas, 'refused'>;
  /** Tells who looks of what has come. */
  tell(event: LemfEvent): void;
  close(): Promise<void>;
}

export interface AnalystsParts {
  readonly live: LiveRecovery | null;
  readonly audit: Pick<AuditLog, 'append'> | null;
  /** Name in the certificate. */
  readonly name: string;
  readonly tls: TlsMaterial;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly paths: { readonly hi2: string; readonly hi3: string };
  readonly extras: LemfExtras;
}

/** Exports that are made, or taken, at a time: each reads all that was received. */
const EXPORTS = { each: 1, all: 2 };

/** Where the console's pages are. */
const CONSOLE = '/console';

/** `null`: the configuration has no such door. @throws ConfigError */
export async function openAnalysts(
  { analysts, recoverInto: folder }: LemfConfig,
  { live, audit, name, extras, paths, ...parts }: AnalystsParts,
): Promise<OpenAnalysts | null> {
  if (analysts === undefined) return null;
  if (live === null || folder === undefined || audit === null)
    throw new ConfigError('configuration', 'analysts: there is nothing to show without recoverInto');
  const { address, port, peers, connections } = analysts;
  const exports = new Quotas(EXPORTS);
  const events = new PersonStreams({ ...parts, limits: EVENT_LIMITS });
  const server = analystsServer({
    ...{ ...parts, audit, folder, lemf: name, names: peers, limits: connections },
    show: (question) => live.show(question),
    stream: (person) => events.begin(person),
    exporter: extras.exporter?.(paths) ?? null,
    exports,
  });
  server.addHook('preClose', (done) => {
    events.close();
    done();
  });
  try {
    if (analysts.console) {
      if (extras.consolePages === undefined)
        throw new ConfigError('configuration', 'analysts.console: this program has no pages of the console');
      const { servePages } = await import('../../net/pages.ts');
      servePages(server, CONSOLE, await extras.consolePages());
    }
    return {
      at: { address, port: await listen(server, address, port) },
      connections: connectionsOf(server),
      events,
      exports,
      tell: (event) => tell(events, event),
      close: () => server.close(),
    };
  } catch (error) {
    await server.close();
    throw error;
  }
}

/** Which call has something new; that recovery has ended may be about any. */
function tell(events: PersonStreams, event: LemfEvent): void {
  if (event.type === 'recovered') {
    for (const stream of events.all) stream.tell({ event: 'recovered', data: {} });
  } else if (event.type === 'record' || event.type === 'content') {
    const call = { liid: liidText(event.liid), cin: event.cin };
    for (const stream of events.all) stream.tellOf(JSON.stringify(call), { event: 'call', data: call });
  }
}
