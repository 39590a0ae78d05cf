/**
 * The CSCF as a process: SIP listeners, control of the media gateway, interception.
 *
 *     phones, other homes ──SIP──► Transport ─► TransactionLayer ─► Cscf ──Iq──► media gateway
 *                                                    └─► Interception ─► Poi ──X2──► DF
 */
import { opening } from '../../bytes/opened.ts';
import type { Opened, Started } from '../../bytes/opened.ts';
import { Cscf } from './cscf.ts';
import { certifiedNames } from './peers.ts';
import type { AddressesOf, NamesOf } from './peers.ts';
import { DnsQueries } from '../../net/dns-queries.ts';
import { SipLocations } from '../../net/sip-locations.ts';
import { CSCF_POLICY } from '../../x1/policy.ts';
import type { HostMap } from '../../net/hosts.ts';
import { withinDescriptors } from '../../net/descriptors.ts';
import { CertifiedSip } from '../../net/sip-security.ts';
import { HttpsClient } from '../../net/https.ts';
import { IqClient } from './http/iq-client.ts';
import { closedFlow, DEFAULT_PORT, isConnection, TLS_PORT } from '../../sip/flow.ts';
import type { Flow } from '../../sip/flow.ts';
import type { RestoredBinding, StoredBinding } from './ports.ts';
import { SqliteRegistrationStore } from './store/sqlite.ts';
import type { NetworkAddress } from '../../bytes/network-address.ts';
import { Identifiers } from '../../sip/identifiers.ts';
import { TransactionLayer } from '../../sip/transactions.ts';
import type { Observed } from '../../sip/transactions.ts';
import { TCP_LIMITS } from '../../sip/tcp-connections.ts';
import { Transport } from '../../sip/transport.ts';
import type { Listen } from '../../host/config.ts';
import { startPoiElement } from '../../poi/element.ts';
import { limitsIn } from './config.ts';
import type { CscfConfig } from './config.ts';
import { cscfOperation } from './start-operation.ts';
import type { Operation } from '../../host/operation.ts';
import type { Running, Runtime } from '../../host/runtime.ts';

export interface RunningCscf extends Running {
  readonly cscf: Cscf;
  readonly operation: Operation<CscfConfig>;
  /** Where SIP is listened on, TCP and UDP alike. */
  readonly sip: Listen;
  /** Where it is over TLS, if it is. */
  readonly sipTls: Listen | null;
  readonly x1: Listen;
  /** PDUs lost to full queues since the start. */
  readonly lost: number;
  /** Tells of every SIP message that is received or sent, retransmissions aside. */
  observe(observer: (observed: Observed) => void): void;
  /** Waits at most `ms` milliseconds until the DF has acknowledged everything. */
  drain(ms: number): Promise<boolean>;
}

export function startCscf(config: CscfConfig, runtime: Runtime): Promise<RunningCscf> {
  return opening((opened) => startWith(config, runtime, opened));
}

async function startWith(
  config: CscfConfig,
  runtime: Runtime,
  opened: Opened,
): Promise<Started<RunningCscf>> {
  const { clock, logger, random } = runtime;
  const element = await startPoiElement(
    config,
    { entity: 'cscf', policy: CSCF_POLICY, ipId: 'sip', files: [registrationsOf(config)] },
    runtime,
  );
  opened.add(() => element.stop());
  const { hosts, poi, tasks } = element;
  const registrations = await SqliteRegistrationStore.open(registrationsOf(config));
  opened.add(() => registrations.close());
  const connections = withinDescriptors({
    most: config.maxConnections,
    perAddress: config.maxConnectionsPerAddress,
    outgoing: TCP_LIMITS.outgoing,
  });
  const listening: NetworkAddress[] = [];
  const locations = new SipLocations({
    ...{ hosts, clock, random, logger },
    hops: config.peers.map((peer) => peer.cscf),
    own: () => listening,
    dns: new DnsQueries(config.dns.servers, config.dns.timeoutMs),
  });
  opened.add(() => locations.stop());
  const namesOf: NamesOf = (hop) => locations.names(hop);
  const security = new CertifiedSip({
    tls: element.tls,
    role: 'cscf',
    namesOf: (host) => certifiedNames(config.peers, host, namesOf),
  });
  const transport = new Transport({
    ...{ clock, logger, hosts, locator: locations, connections, security },
    maxWaiting: config.maxWaiting,
  });
  const { sip, sipTls } = await listenAll(transport, config).catch(async (cause: unknown) => {
    await transport.close();
    throw cause;
  });
  const port = config.publicPort ?? publicPort(hosts, config.host, sip.port);
  const tlsPort =
    sipTls === null ? null : (config.publicTlsPort ?? publicPort(hosts, config.host, sipTls.port, TLS_PORT));
  const layer = new TransactionLayer({
    transport,
    clock,
    logger,
    identifiers: new Identifiers(random),
    sentBy: (protocol) => `${config.host}:${protocol === 'TLS' ? (tlsPort ?? port) : port}`,
    maxTransactions: config.maxTransactions,
    maxOctets: config.maxTransactionOctets,
  });
  const https = config.iq === undefined ? null : new HttpsClient({ hosts, tls: element.tls });
  const anchor = https === null || config.iq === undefined ? null : new IqClient(https, config.iq.url);
  const settings = {
    ...config,
    port,
    ...(tlsPort === null ? {} : { tlsPort }),
    limits: limitsIn(config),
  };
  listening.push(sip, ...(sipTls === null ? [] : [sipTls]));
  await locations.start();
  const addressesOf: AddressesOf = (host, at) => locations.of(host, at);
  const restored = await restoredFlows(registrations.load(clock.now()), transport);
  const cscf = new Cscf({
    settings,
    layer,
    hosts,
    addressesOf,
    namesOf,
    listening,
    registrations,
    restored,
    clock,
    random,
    logger,
    anchor,
    losses: anchor,
    tasks,
    poi,
  });
  void cscf.lostMedia?.follow();
  opened.add(async () => {
    await transport.close();
    cscf.close();
    await https?.close();
  });
  return {
    cscf,
    operation: cscfOperation(config, {
      ...{ element, cscf, transport, layer, clock },
      registrations: registrationsOf(config),
    }),
    sip,
    sipTls,
    x1: element.x1,
    get lost() {
      return poi.lost;
    },
    observe: (observer) => layer.observe(observer),
    drain: (ms) => element.drain(ms),
  };
}

/* ---------------------------------------------------------------- helpers */

/** Where registrations are kept: beside the tasks, unless the configuration has a place. */
export function registrationsOf({ registrations, x1 }: CscfConfig): string {
  return registrations ?? `${x1.store}.registrations.db`;
}

/** UDP goes on from the same socket; connections went with the process that had them. */
async function restoredFlows(
  kept: ReadonlyMap<string, readonly StoredBinding[]>,
  transport: Transport,
): Promise<ReadonlyMap<string, readonly RestoredBinding[]>> {
  const restored = new Map<string, RestoredBinding[]>();
  for (const [identity, bindings] of kept) {
    const withFlows: RestoredBinding[] = [];
    for (const binding of bindings) withFlows.push({ ...binding, flow: await flowOf(binding, transport) });
    restored.set(identity, withFlows);
  }
  return restored;
}

function flowOf({ protocol, local, remote, source }: StoredBinding, transport: Transport): Promise<Flow> {
  if (isConnection(protocol)) return Promise.resolve(closedFlow(local, remote, protocol));
  return transport.udpFlow(remote, source ?? undefined);
}

/** TCP and UDP on one port, and TLS. */
async function listenAll(
  transport: Transport,
  { sip: { address, port }, sipTls }: Pick<CscfConfig, 'sip' | 'sipTls'>,
): Promise<{ readonly sip: NetworkAddress; readonly sipTls: NetworkAddress | null }> {
  const sip = await transport.listen('TCP', address, port);
  await transport.listen('UDP', address, sip.port);
  return {
    sip,
    sipTls: sipTls === undefined ? null : await transport.listen('TLS', sipTls.address, sipTls.port),
  };
}

/** The port that others use: the standard one where the host map leads it here, else the real one. */
function publicPort(hosts: HostMap, host: string, listening: number, standard = DEFAULT_PORT): number {
  return hosts.resolve(host, standard).port === listening ? standard : listening;
}
