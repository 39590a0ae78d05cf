/** A law enforcement agency at a network of the laboratory: it sends messages of HI1, over HTTPS, and keeps the answers. */
import { agencyConfig } from '../../src/entities/admf/config-agency.ts';
import { systemRandom } from '../../src/host/runtime.ts';
import type { HomeName } from '../../src/lab/network/home.ts';
import type { Network } from '../../src/lab/network/network.ts';
import { HostMap } from '../../src/net/hosts.ts';
import { HttpsClient } from '../../src/net/https.ts';
import { loadTls } from '../../src/net/tls.ts';
import { decodeHi1Message, encodeHi1Message } from '../../src/wire/hi1/messages.ts';
import type { Hi1Header, Hi1Request, Hi1Response } from '../../src/wire/hi1/messages.ts';
import { randomUuid } from '../../src/x1/requester.ts';

export class LabAgency {
  /** All that was sent and answered. */
  readonly messages: Uint8Array[] = [];
  readonly #client: HttpsClient;
  readonly #url: string;
  /** Of the last message that was sent as it is. */
  #header: Hi1Header | null = null;

  constructor(network: Network, home: HomeName) {
    const { url, tls, hosts } = agencyConfig(network.agencyConfigOf(home));
    this.#url = url;
    const material = loadTls(tls, Date.now());
    this.#client = new HttpsClient({ tls: material, hosts: new HostMap(hosts), timeoutMs: 30_000 });
  }

  async send(octets: Uint8Array, path = '/'): Promise<readonly Hi1Response[]> {
    this.#header = decodeHi1Message(octets).header;
    const { status, body } = await this.#client.request('POST', `${this.#url}${path}`, {
      type: 'application/xml',
      octets,
    });
    if (status !== 200) throw new Error(`HI1 answers ${status}`);
    this.messages.push(octets, body);
    const { payload } = decodeHi1Message(body);
    if (payload.kind !== 'responses') throw new Error(`HI1 answers with ${JSON.stringify(payload)}`);
    return payload.actions;
  }

  /** Details of all notifications, in order, by LIST and GET. */
  async notifications(): Promise<string[]> {
    const objectType = { Owner: 'ETSI', Name: 'ObjectType', Value: 'Notification' };
    const [listed] = await this.#ask({ id: '0', action: 'LIST', objectType });
    const records = listed?.action === 'LISTResponse' ? listed.records : [];
    const asked = records.map(
      ({ identifier }, at) => ({ id: String(at), action: 'GET', identifier }) as const,
    );
    const found = await this.#ask(...asked);
    return found.flatMap((each) =>
      each.action === 'GETResponse' && each.object.kind === 'NotificationObject'
        ? (each.object.members.NotificationDetails ?? [])
        : [],
    );
  }

  async stop(): Promise<void> {
    await this.#client.close();
  }

  #ask(...actions: readonly Hi1Request[]): Promise<readonly Hi1Response[]> {
    if (this.#header === null) throw new Error('nothing was sent yet');
    const transaction = randomUuid(systemRandom());
    const header = { ...this.#header, transaction, timestamp: Date.now() };
    return this.send(encodeHi1Message({ header, payload: { kind: 'requests', actions } }));
  }
}
