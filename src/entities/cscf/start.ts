/**
 * The CSCF as a process: SIP listeners, control of the media gateway, interception.
 *
 *     phones, other homes ──SIP──► Transport ─► TransactionLayer ─► Cscf ──Iq──► media gateway
 *                                                    └─► Interception ─► Poi ──X2──► DF
 *
 * Configuration: what `poi-element.ts` says, and
 *
 *     { "domain": "home1.example", "host": "cscf.home1.example",
 *       "sip": { "address": "127.0.0.1", "port": 5060 },         TCP and UDP
 *       "publicPort": 5060,                                      optional: the port in Via and Record-Route; else 5060
 *                                                                if `hosts` knows it, else the one that is listened on
 *       "iq": { "url": "https://gateway.home1.example" },        optional: without it media are not anchored
 *       "subscribers": [{ "identity": "sip:alice@home1.example", "aliases": ["tel:+15551001"],
 *                         "username": "alice", "password": "…",
 *                         "algorithms": ["SHA-256"] }],            optional: digest of this one's challenges
 *       "peers": [{ "domain": "home2.example", "cscf": "sip:cscf.home2.example;transport=tcp" }],
 *       "numbers": { "+1555": "home1.example" },                 optional: who serves tel numbers, by prefix
 *       "algorithms": ["MD5"],                                   optional: digest, a challenge each
 *       "maxCalls": 10000, "maxTransactions": 20000 }            optional: beyond, 503
 *
 * The configuration holds passwords: it is for its owner's eyes.
 */
import { utf8 } from '../../bytes/octets.ts';
import { Secret } from '../../bytes/secret.ts';
import { DEFAULT_ALGORITHMS } from './authentication.ts';
import { Cscf } from './cscf.ts';
import type { AddressesOf } from './peers.ts';
import type { Peer, Subscriber } from './ports.ts';
import { HostAddresses } from '../../net/host-addresses.ts';
import { CSCF_POLICY } from '../../x1/policy.ts';
import type { HostMap } from '../../net/hosts.ts';
import { HttpsClient } from '../../net/https.ts';
import { IqClient } from './http/iq-client.ts';
import { ALGORITHMS } from '../../sip/digest.ts';
import type { Algorithm } from '../../sip/digest.ts';
import { SipError } from '../../sip/errors.ts';
import { DEFAULT_PORT } from '../../sip/flow.ts';
import type { Endpoint } from '../../sip/flow.ts';
import { Identifiers } from '../../sip/identifiers.ts';
import { paramOf } from '../../sip/text.ts';
import { TransactionLayer } from '../../sip/transactions.ts';
import type { Observed } from '../../sip/transactions.ts';
import { Transport } from '../../sip/transport.ts';
import { parseUri } from '../../sip/uri.ts';
import { ConfigError, Fields } from '../../host/config.ts';
import type { Listen } from '../../host/config.ts';
import type { PoiElementConfig } from '../../poi/element.ts';
import { poiElementConfig, startPoiElement } from '../../poi/element.ts';
import type { Running, Runtime } from '../../host/runtime.ts';

export interface CscfConfig extends PoiElementConfig {
  readonly domain: string;
  readonly host: string;
  readonly sip: Listen;
  readonly publicPort: number | null;
  /** URL of the media gateway; `null`: media go directly. */
  readonly iq: string | null;
  readonly subscribers: readonly Subscriber[];
  readonly peers: readonly Peer[];
  readonly numbers: Readonly<Record<string, string>>;
  readonly algorithms: readonly Algorithm[];
  readonly maxCalls: number;
  readonly maxTransactions: number;
}

export interface RunningCscf extends Running {
  readonly cscf: Cscf;
  /** Where SIP is listened on, TCP and UDP alike. */
  readonly sip: Listen;
  readonly x1: Listen;
  /** PDUs lost to full queues since the start. */
  readonly lost: number;
  /** Tells of every SIP message that is received or sent, retransmissions aside. */
  observe(observer: (observed: Observed) => void): void;
  /** Waits at most `ms` milliseconds until the DF has acknowledged everything. */
  drain(ms: number): Promise<boolean>;
}

/** @throws ConfigError */
export function cscfConfig(json: unknown): CscfConfig {
  const fields = new Fields(json);
  const algorithms = fields.list('algorithms', readAlgorithm);
  const config = {
    ...poiElementConfig(fields),
    domain: fields.string('domain').toLowerCase(),
    host: fields.string('host').toLowerCase(),
    sip: fields.listen('sip'),
    publicPort: fields.has('publicPort') ? fields.integer('publicPort', { min: 1, max: 65535 }) : null,
    iq: fields.has('iq') ? readUrl(fields.object('iq')) : null,
    subscribers: fields.list('subscribers', readSubscriber),
    peers: fields.list('peers', readPeer),
    numbers: fields.hosts('numbers'),
    algorithms: algorithms.length > 0 ? algorithms : DEFAULT_ALGORITHMS,
    maxCalls: fields.integer('maxCalls', { min: 1, fallback: 10_000 }),
    maxTransactions: fields.integer('maxTransactions', { min: 1, fallback: 20_000 }),
  };
  fields.end();
  return config;
}

export async function startCscf(config: CscfConfig, runtime: Runtime): Promise<RunningCscf> {
  const { clock, logger, random } = runtime;
  const element = await startPoiElement(
    config,
    { entity: 'cscf', policy: CSCF_POLICY, ipId: 'sip' },
    runtime,
  );
  const { hosts, poi, tasks } = element;
  const transport = new Transport({ clock, logger, hosts });
  const sip = await listenBoth(transport, config.sip).catch(async (cause: unknown) => {
    await Promise.all([transport.close(), element.stop()]);
    throw cause;
  });
  const port = config.publicPort ?? publicPort(hosts, config.host, sip.port);
  const layer = new TransactionLayer({
    transport,
    clock,
    logger,
    identifiers: new Identifiers(random),
    sentBy: () => `${config.host}:${port}`,
    maxTransactions: config.maxTransactions,
  });
  const https = config.iq === null ? null : new HttpsClient({ hosts, tls: element.tls });
  const anchor = https === null || config.iq === null ? null : new IqClient(https, config.iq);
  const settings = { ...config, port, limits: { calls: config.maxCalls } };
  const names = config.peers.map((peer) => peer.cscf.host);
  const addresses = new HostAddresses({ hosts, names, clock, logger });
  await addresses.start();
  const addressesOf: AddressesOf = (host, at) => addresses.of(host, at);
  const cscf = new Cscf({ settings, layer, hosts, addressesOf, clock, random, logger, anchor, tasks, poi });
  return {
    cscf,
    sip,
    x1: element.x1,
    get lost() {
      return poi.lost;
    },
    observe: (observer) => layer.observe(observer),
    drain: (ms) => element.drain(ms),
    stop: async () => {
      await transport.close();
      addresses.stop();
      cscf.close();
      await https?.close();
      await element.stop();
    },
  };
}

/* ---------------------------------------------------------------- helpers */

/** TCP and UDP on one port. */
async function listenBoth(transport: Transport, { address, port }: Listen): Promise<Endpoint> {
  const tcp = await transport.listen('TCP', address, port);
  await transport.listen('UDP', address, tcp.port);
  return tcp;
}

/** The port that others use: the standard one where the host map leads it here, else the real one. */
function publicPort(hosts: HostMap, host: string, listening: number): number {
  return hosts.resolve(host, DEFAULT_PORT).port === listening ? DEFAULT_PORT : listening;
}

function readSubscriber(json: unknown, path: string): Subscriber {
  const fields = new Fields(json, path);
  const algorithms = fields.list('algorithms', readAlgorithm);
  const subscriber = {
    identity: readIdentity(fields.string('identity'), `${path}.identity`),
    aliases: fields.strings('aliases').map((alias) => readIdentity(alias, `${path}.aliases`)),
    username: fields.string('username'),
    password: Secret.of(utf8(fields.string('password'))),
    ...(algorithms.length > 0 ? { algorithms } : {}),
  };
  fields.end();
  return subscriber;
}

function readPeer(json: unknown, path: string): Peer {
  const fields = new Fields(json, path);
  const domain = fields.string('domain').toLowerCase();
  const text = fields.string('cscf');
  fields.end();
  const uri = parsed(text, `${path}.cscf`);
  if (uri.kind !== 'sip') throw new ConfigError('configuration', `${path}.cscf is not a SIP URI`);
  const udp = paramOf(uri.params, 'transport')?.toLowerCase() === 'udp';
  const port = uri.port ?? DEFAULT_PORT;
  return { domain, cscf: { protocol: udp ? 'UDP' : 'TCP', host: uri.host.toLowerCase(), port } };
}

function readIdentity(text: string, path: string): string {
  if (parsed(text, path).kind === 'other')
    throw new ConfigError('configuration', `${path} is not a SIP or tel URI`);
  return text;
}

function readUrl(fields: Fields): string {
  const url = fields.string('url');
  fields.end();
  return url;
}

function readAlgorithm(json: unknown, path: string): Algorithm {
  const found = ALGORITHMS.find((algorithm) => algorithm === json);
  if (found === undefined)
    throw new ConfigError('configuration', `${path} is not one of ${ALGORITHMS.join(', ')}`);
  return found;
}

function parsed(text: string, path: string): ReturnType<typeof parseUri> {
  try {
    return parseUri(text);
  } catch (cause) {
    if (cause instanceof SipError) throw new ConfigError('configuration', `${path} is not a URI`, { cause });
    throw cause;
  }
}
