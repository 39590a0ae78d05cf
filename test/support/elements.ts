/** Elements under X1 that run from their configurations, in one home: certificates, an ADMF, a DF that takes X2 and X3. */
import path from 'node:path';
import { X2X3Server } from '../../src/entities/df/listeners/x2x3-server.ts';
import { systemClock, systemRandom } from '../../src/host/runtime.ts';
import { LabPki } from '../../src/lab/network/pki.ts';
import { HostMap } from '../../src/net/hosts.ts';
import { HttpsClient } from '../../src/net/https.ts';
import { loadTls } from '../../src/net/tls.ts';
import type { Role, TlsFiles, TlsMaterial } from '../../src/net/tls.ts';
import type { InterceptTask } from '../../src/wire/x1/details.ts';
import type { Pdu } from '../../src/wire/x2x3/pdu.ts';
import { x1Transport } from '../../src/x1/client.ts';
import { X1Requester } from '../../src/x1/requester.ts';
import { silent } from './silent.ts';

export const elementRuntime = { clock: systemClock(), random: systemRandom(), logger: silent };

/** A destination of X2 or X3 and a task for one target that delivers there, provisioned. */
export async function interceptTo(
  admf: X1Requester,
  url: string,
  { did, xid, target, deliveryType }: InterceptedTarget,
): Promise<void> {
  const address = { kind: 'uri', value: url } as const;
  await admf.request({ type: 'CreateDestination', destination: { did, deliveryType, address } });
  const targets = [target];
  await admf.request({
    type: 'ActivateTask',
    task: { xid, targets, deliveryType, dids: [did], mediation: [] },
  });
}

export interface InterceptedTarget {
  readonly did: string;
  readonly xid: string;
  readonly target: InterceptTask['targets'][number];
  readonly deliveryType: 'X2Only' | 'X3Only';
}

/** The settings of an element that X1 is about. */
export function x1Settings(role: Role, host: string, store: string) {
  return {
    identifier: `${role}.${host}`,
    admf: { identifier: `admf.${host}`, url: `https://admf.${host}/X1/ADMF` },
    store,
    listen: {},
  };
}

export class ElementHome {
  /** Where clients of this home find its elements. */
  readonly hosts = new HostMap();
  /** What has come to the DF. */
  readonly pdus: Pdu[] = [];
  readonly #folder: string;
  readonly #pki: LabPki;
  readonly #stops: (() => Promise<void>)[] = [];

  private constructor(folder: string, pki: LabPki) {
    this.#folder = folder;
    this.#pki = pki;
  }

  /** @param validity of certificates, as `LabPki` has it */
  static async create(
    folder: string,
    validity: Parameters<typeof LabPki.create>[1] = elementRuntime.clock.now(),
  ): Promise<ElementHome> {
    return new ElementHome(folder, await LabPki.create(path.join(folder, 'pki'), validity));
  }

  /** @param dnsName what the certificate is for, where that is not its name */
  issue(role: Role, name = `${role}.home1.example`, dnsName = name): Promise<TlsFiles> {
    return this.#pki.issue({ commonName: name, dnsNames: [dnsName], roles: [role] });
  }

  async tls(role: Role, name?: string): Promise<TlsMaterial> {
    return loadTls(await this.issue(role, name), elementRuntime.clock.now());
  }

  async client(role: Role, name?: string): Promise<HttpsClient> {
    const client = new HttpsClient({ hosts: this.hosts, tls: await this.tls(role, name) });
    this.#stops.push(() => client.close());
    return client;
  }

  /** Starts the DF's listener, which `df.home1.example:41000` leads to in the settings of elements; gives its address. */
  async startDf(): Promise<string> {
    const df = new X2X3Server({
      admission: { roles: ['cscf', 'gateway'], names: ['cscf.home1.example', 'gateway.home1.example'] },
      address: '127.0.0.1',
      port: 0,
      tls: await this.tls('df'),
      consumer: {
        accept: (batch) => {
          this.pdus.push(...batch.map(({ pdu }) => pdu));
          return Promise.resolve();
        },
        refused: (_, reason) => {
          throw new Error(reason);
        },
      },
      ...elementRuntime,
    });
    this.#stops.push(() => df.stop());
    return `127.0.0.1:${await df.start()}`;
  }

  /** The settings that every element with a point of interception has. */
  async settings(role: Role, hosts: Readonly<Record<string, string>>) {
    return {
      tls: await this.issue(role),
      hosts,
      x1: x1Settings(role, 'home1.example', path.join(this.#folder, `${role}.db`)),
      audit: path.join(this.#folder, `${role}.jsonl`),
      delivery: { busyKeepaliveMs: 50 },
    };
  }

  /** The ADMF's end of X1 with an element that listens at a port; `known`: under which port of its name. */
  async admf(role: Role, port: number, known = 443): Promise<X1Requester> {
    const element = `${role}.home1.example`;
    this.hosts.set(`${element}:${known}`, `127.0.0.1:${port}`);
    return new X1Requester({
      side: 'admf',
      admfIdentifier: 'admf.home1.example',
      neIdentifier: element,
      transport: x1Transport(await this.client('admf'), `https://${element}:${known}/X1/NE`),
      ...elementRuntime,
    });
  }

  /** Stops the DF and closes the clients. */
  async close(): Promise<void> {
    for (const stop of this.#stops.splice(0)) await stop();
  }
}
