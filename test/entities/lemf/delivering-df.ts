/** A delivery function with an outbox in memory, that hands over to a LEMF's ports. */
import { HandoverManager } from '../../../src/entities/df/handover/manager.ts';
import type { HandoverAddress, HandoverSettings } from '../../../src/entities/df/handover/ports.ts';
import { HandoverClient } from '../../../src/entities/df/listeners/handover-client.ts';
import type { HandoverRecord } from '../../../src/entities/df/records.ts';
import { SqliteDfStore } from '../../../src/entities/df/store/sqlite.ts';
import { systemClock } from '../../../src/host/runtime.ts';
import { HostMap } from '../../../src/net/hosts.ts';
import { loadTls } from '../../../src/net/tls.ts';
import type { TlsFiles } from '../../../src/net/tls.ts';
import { silent } from '../../support/silent.ts';
import { NOTHING } from '../df/store/compliance-values.ts';
import { delivered } from './call.ts';

/** The LEMF's name in its certificate. */
export const LEMF_HOST = 'lemf.home1.example';

const clock = systemClock();
const NAME = { countryCode: 'DE', operator: 'home1', element: 'df.home1.example' };
const FAST: Partial<HandoverSettings> = {
  retryFirst: 20,
  retryMost: 100,
  acknowledgeDelay: 10,
  acknowledgeEvery: 7,
};

export class DeliveringDf {
  readonly store: SqliteDfStore;
  readonly hosts = new HostMap();
  readonly manager: HandoverManager;
  readonly #next = new Map<string, number>();

  static async open(tls: TlsFiles, connectMs = 10_000): Promise<DeliveringDf> {
    return new DeliveringDf(await SqliteDfStore.open(':memory:'), tls, connectMs);
  }

  private constructor(store: SqliteDfStore, tls: TlsFiles, connectMs: number) {
    this.store = store;
    const destinations: HandoverAddress[] = [
      { did: 'hi2', host: LEMF_HOST, port: 1, by: 'DF2' },
      { did: 'hi3', host: LEMF_HOST, port: 2, by: 'DF3' },
    ];
    this.manager = new HandoverManager({
      outbox: this.store,
      destinations: { list: () => destinations },
      transport: new HandoverClient({ tls: loadTls(tls, clock.now()), hosts: this.hosts, connectMs }),
      name: NAME,
      alarms: { raised() {}, cleared() {} },
      clock,
      logger: silent,
      settings: FAST,
    });
  }

  async close(): Promise<void> {
    this.manager.stop();
    await this.store.close();
  }

  at(ports: { readonly hi2: number; readonly hi3: number }): this {
    this.hosts.set(`${LEMF_HOST}:1`, `127.0.0.1:${ports.hi2}`);
    this.hosts.set(`${LEMF_HOST}:2`, `127.0.0.1:${ports.hi3}`);
    return this;
  }

  async append(records: readonly HandoverRecord[]): Promise<void> {
    const outbox = records.map((record) => {
      const kind = record.kind === 'cc' ? ('hi3' as const) : ('hi2' as const);
      const key = `${kind} ${record.liid} ${record.cin}`;
      const sequenceNumber = this.#next.get(key) ?? 0;
      this.#next.set(key, sequenceNumber + 1);
      const [octets] = delivered([record], sequenceNumber);
      const { liid, cin } = record;
      return { did: kind, interface: kind, liid, cin, sequenceNumber, octets: octets! };
    });
    await this.store.commit({ ...NOTHING, outbox });
  }

  empty(): boolean {
    return this.store.destinations().length === 0;
  }
}
