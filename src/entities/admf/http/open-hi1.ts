/** HI1 of an ADMF, from its settings: service, what follows, and the door. */
import type { Clock, Logger, Random } from '../../../bytes/ports.ts';
import type { AuditLog } from '../../../evidence/log.ts';
import type { Listen } from '../../../host/config.ts';
import type { ConnectionGuard } from '../../../net/connections.ts';
import { connectionsOf, listen } from '../../../net/https.ts';
import type { TlsMaterial } from '../../../net/tls.ts';
import type { Hi1Config } from '../config-hi1.ts';
import type { WarrantDesk } from '../desk.ts';
import { ExchangeBook } from '../hi1/exchange-book.ts';
import { FollowUp } from '../hi1/follow-up.ts';
import type { Hi1Store } from '../hi1/ports.ts';
import { Hi1Service } from '../hi1/service.ts';
import type { Warrant } from '../warrants.ts';
import { hi1Server } from './hi1.ts';

export interface OpenHi1Options {
  readonly store: Hi1Store;
  readonly desk: WarrantDesk;
  readonly checkWarrant: (warrant: Warrant, now: number) => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly audit: AuditLog;
  readonly tls: TlsMaterial;
  readonly settleMs: number;
  /** Milliseconds from a warrant's end until its contents are deleted. */
  readonly retentionMs: number;
}

export interface RunningHi1 {
  readonly address: Listen;
  readonly connections: ConnectionGuard;
  /** Of the tasks that something is to be done about, the number of LIIDs. */
  due(): number;
  /** Notifications that were given up for newer ones. */
  dropped(): number;
  /** Exchanges that are kept. */
  exchanges(): number;
  /** Requests by what has come of them. */
  requests(): Readonly<Record<string, number>>;
  stop(): Promise<void>;
}

/** @returns `null`: HI1 is not configured */
export async function openHi1(
  config: Hi1Config | undefined,
  options: OpenHi1Options,
): Promise<RunningHi1 | null> {
  if (config === undefined) return null;
  const { store, desk, logger, tls } = options;
  const exchanges = new ExchangeBook(options);
  const followUp = new FollowUp({ ...options, exchanges });
  const service = new Hi1Service({
    ...{ ...options, followUp, exchanges },
    own: endpointOf(config.endpoint),
    ...(config.nationalProfile === undefined ? {} : { profile: config.nationalProfile }),
    setting: config.delivery,
    findWarrant: (liid) => desk.find(liid),
    store,
  });
  const agencies = config.agencies.map(({ endpoints, ...agency }) => ({
    ...agency,
    endpoints: endpoints.map(endpointOf),
  }));
  const { address, port, connections } = config.listen;
  const server = hi1Server({ ...options, agencies, service, tls, logger, limits: connections });
  const stop = async (): Promise<void> => {
    await server.close();
    await followUp.stop();
  };
  try {
    await followUp.begin();
    return {
      address: { address, port: await listen(server, address, port) },
      connections: connectionsOf(server),
      due: () => followUp.due,
      dropped: () => store.notificationsDropped,
      exchanges: () => exchanges.kept,
      requests: () => service.counts,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function endpointOf({ country, identifier }: { readonly country: string; readonly identifier: string }) {
  return { CountryCode: country, UniqueIdentifier: identifier };
}
