/**
 * The user equipment as a process: a phone behind one KMS and one CSCF.
 */
import { readFileSync } from 'node:fs';
import { endpointText } from '../../bytes/network-address.ts';
import type { Opened, Started } from '../../bytes/opened.ts';
import type { NetworkAddress } from '../../bytes/network-address.ts';
import { canonicalIdentity, districtOfKms } from '../../ibake/identity.ts';
import type { EndpointKeys } from '../../ibake/ports.ts';
import { TimestampSource } from '../../ibake/timestamps.ts';
import { defaultEngine } from '../../ibe/default-engine.ts';
import type { Datagrams } from '../../media/datagrams.ts';
import { udpDatagrams } from '../../net/datagrams.ts';
import { HostMap } from '../../net/hosts.ts';
import { CertifiedSip } from '../../net/sip-security.ts';
import { HttpsClient } from '../../net/https.ts';
import { LiveTrust } from '../../net/live-tls.ts';
import { reachableAddress } from '../../net/own-address.ts';
import { loadRevocation } from '../../net/tls.ts';
import type { TrustMaterial } from '../../net/tls.ts';
import { HttpsKmsClient } from '../../endpoint/kms-client.ts';
import { UserAgent } from '../../sip/agent.ts';
import { TLS_PORT } from '../../sip/flow.ts';
import { RFC_TIMERS } from '../../sip/timers.ts';
import { Transport } from '../../sip/transport.ts';
import type { Observed } from '../../sip/transactions.ts';
import { SqliteReplayCache } from '../../endpoint/replays.ts';
import { holdingState } from '../../storage/lock.ts';
import { Districts } from '../../endpoint/districts.ts';
import { IbakeAgreement } from '../../endpoint/exchanges.ts';
import { instanceIn } from '../../endpoint/instance.ts';
import { KeyKeeper } from '../../endpoint/key-keeper.ts';
import { KeyRing } from '../../endpoint/key-ring.ts';
import type { NamedFormat } from '../../endpoint/session-description.ts';
import { UserEquipment } from './user-equipment.ts';
import { ConfigError } from '../../host/config.ts';
import { offerSettings } from './config.ts';
import type { UeConfig } from './config.ts';
import type { Running, Runtime } from '../../host/runtime.ts';

export interface RunningUe extends Running {
  readonly ue: UserEquipment;
  /** Where it is called. */
  readonly sip: NetworkAddress;
  /** Reads authorities and revocation lists again. @throws ConfigError, TlsError; what was in force then still is */
  reload(): void;
  /** Tells of every SIP message that is sent or received. */
  observe(observer: (observed: Observed) => void): void;
}

/** What stands in for parts of a phone. */
export interface UeParts {
  /** For UDP sockets, where somebody wants to watch them. */
  readonly datagrams?: Datagrams;
  /** For the keys that exchanges use: made from those that the phone holds. */
  readonly keys?: (held: EndpointKeys) => EndpointKeys;
}

/** Starts the phone; `ue.register()` makes it ready to call and be called. */
export function startUe(config: UeConfig, runtime: Runtime, parts: UeParts = {}): Promise<RunningUe> {
  const place = { entity: 'ue', files: [config.replays] };
  return holdingState(place, runtime.clock.now(), (opened) => startHolding(config, runtime, opened, parts));
}

async function startHolding(
  config: UeConfig,
  runtime: Runtime,
  opened: Opened,
  { datagrams, keys }: UeParts,
): Promise<Started<RunningUe>> {
  const { clock, logger, random } = runtime;
  const { identity, device = identity, kms, cscf } = config;
  const hosts = new HostMap(config.hosts);
  const tls = new LiveTrust(trusted(config, clock.now()));
  const https = new HttpsClient({ hosts, tls });
  opened.add(() => https.close());
  const own = canonicalIdentity(identity);
  const client = new HttpsKmsClient(https, kms.url, clock);
  const district = districtOfKms(kms.url);
  const settings = { hosts: [own.host, ...config.partners], districts: { [own.host]: district } };
  const districts = new Districts(client, settings, clock, logger);
  const ring = new KeyRing(config.skew);
  const replays = await SqliteReplayCache.open(config.replays, clock);
  opened.add(() => replays.close());
  // The CSCF is certified for its host name, or for the home that the identity is of (RFC 5922).
  const security = new CertifiedSip({ tls, namesOf: (host) => [host, own.host] });
  const transport = new Transport({ clock, logger, hosts, security });
  opened.add(() => transport.close());
  const doors = await open(config, transport, hosts);
  const endpoint = {
    addressOfRecord: own,
    device: canonicalIdentity(device),
    engine: defaultEngine(),
    clock,
    random,
    timestamps: new TimestampSource(clock),
    districts,
    keys: keys?.(ring) ?? ring,
    replays,
    skew: config.skew,
  };
  const agreement = new IbakeAgreement(endpoint, offerSettings(config));
  const keeper = new KeyKeeper({
    kms: client,
    credential: { name: kms.credential, psk: kms.psk, district },
    addressOfRecord: identity,
    device,
    ring,
    districts,
    clock,
    random,
    logger,
  });
  const instance = instanceIn(device);
  const username = /^sip:([^@]*)@/.exec(identity)?.[1] ?? '';
  const agent = new UserAgent({
    transport,
    clock,
    random,
    logger,
    identity,
    contact: `sip:${username}@${doors.sip};transport=${cscf.url.protocol.toLowerCase()}`,
    ...(cscf.url.sips ? { secureContact: `sips:${username}@${doors.sip}` } : {}),
    ...(instance === null ? {} : { instance }),
    sentBy: doors.sip,
    outbound: cscf.url,
    credentials: { username: cscf.username, password: cscf.password },
    timers: { ...RFC_TIMERS, t1: config.t1 },
  });
  const ue = new UserEquipment({
    username,
    agent,
    secure: cscf.url.sips,
    device,
    others: config.others,
    numbers: config.numbers,
    keys: {
      initiate: (callee, lines, curve) => agreement.initiate(callee, lines, curve),
      respond: (iMessage1, lines, protocols) => agreement.respond(iMessage1, lines, protocols),
      refresh: () => keeper.refresh(),
      stop: () => keeper.stop(),
    },
    datagrams: datagrams ?? udpDatagrams(logger),
    ports: config.media,
    address: doors.media,
    policy: config.answer,
    abilities: { mux: config.rtcp.mux, video: videoOf(config) },
    reportMs: config.rtcp.intervalMs === 0 ? null : config.rtcp.intervalMs,
    clock,
    random,
    logger,
  });
  opened.add(() => ue.stop());
  return {
    ue,
    sip: doors.at,
    reload: () => void tls.replace(trusted(config, clock.now())),
    observe: (observer) => agent.layer.observe(observer),
  };
}

/* ---------------------------------------------------------------- helpers */

function videoOf({ video }: UeConfig): NamedFormat | null {
  return video === undefined ? null : { codec: video.codec, type: video.payloadType };
}

/** Begins to listen for SIP. @returns what the phone names: host and port for SIP, an address for media */
async function open(
  { cscf, sip, media, publicAddress }: UeConfig,
  transport: Transport,
  hosts: HostMap,
): Promise<{ readonly at: NetworkAddress; readonly sip: string; readonly media: string }> {
  // Over TLS nobody connects to a phone: it is called over the connection that it has made.
  const at =
    cscf.url.protocol === 'TLS'
      ? { address: sip.address, port: sip.port === 0 ? TLS_PORT : sip.port }
      : await transport.listen(cscf.url.protocol, sip.address, sip.port);
  const peer = hosts.resolve(cscf.url.host, cscf.url.port);
  const named = async (address: string, setting: string): Promise<string> => {
    try {
      return publicAddress ?? (await reachableAddress(address, peer));
    } catch (cause) {
      throw new ConfigError(
        'configuration',
        `${setting}: which address others reach is not known: set publicAddress`,
        { cause },
      );
    }
  };
  const address = await named(sip.address, 'sip.address');
  return {
    sip: endpointText({ address, port: at.port }),
    at,
    media: await named(media.address, 'media.address'),
  };
}

/** Whom servers must chain to, and what has been revoked. */
function trusted({ authorities: file, revocationLists = [] }: UeConfig, now: number): TrustMaterial {
  const authorities = readAuthorities(file);
  const revocation = loadRevocation({ authorities }, revocationLists, now);
  return revocation === null ? { authorities } : { authorities, revocation };
}

function readAuthorities(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ConfigError('configuration', `authorities: cannot read ${file}`, { cause });
  }
}
