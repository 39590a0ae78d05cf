/**
 * What every endpoint starts with: its way to the own KMS and to the CSCF, the keys that it holds, and the exchanges that
 * they are for. A phone and a mailbox put what they do with calls on top.
 */
import { endpointText } from '../bytes/network-address.ts';
import type { NetworkAddress } from '../bytes/network-address.ts';
import type { Opened } from '../bytes/opened.ts';
import { ConfigError } from '../host/config.ts';
import type { Runtime } from '../host/runtime.ts';
import { canonicalIdentity, districtOfKms } from '../ibake/identity.ts';
import type { Endpoint, EndpointKeys } from '../ibake/ports.ts';
import { TimestampSource } from '../ibake/timestamps.ts';
import { defaultEngine } from '../ibe/default-engine.ts';
import { HostMap } from '../net/hosts.ts';
import { HttpsClient } from '../net/https.ts';
import { reachableAddress } from '../net/own-address.ts';
import { CertifiedSip } from '../net/sip-security.ts';
import type { TrustMaterial } from '../net/tls.ts';
import { UserAgent } from '../sip/agent.ts';
import { TLS_PORT } from '../sip/flow.ts';
import { RFC_TIMERS } from '../sip/timers.ts';
import { Transport } from '../sip/transport.ts';
import type { EndpointConfig, KmsProof } from './config.ts';
import { knownByCertificate, knownByKey } from './credentials.ts';
import type { KmsIdentification } from './credentials.ts';
import { Districts } from './districts.ts';
import { instanceIn } from './instance.ts';
import { KeyKeeper } from './key-keeper.ts';
import { KeyRing } from './key-ring.ts';
import { HttpsKmsClient } from './kms-client.ts';
import { SqliteReplayCache } from './replays.ts';

export interface OpenEndpoint {
  /** User part of the address of record. */
  readonly username: string;
  readonly agent: UserAgent;
  /** What its exchanges take from outside. */
  readonly endpoint: Endpoint;
  readonly keeper: KeyKeeper;
  /** What it proves itself to its KMS by. */
  readonly identification: KmsIdentification;
  /** Where it is called. */
  readonly sip: NetworkAddress;
  /** What it names for media. */
  readonly mediaAddress: string;
}

export interface EndpointParts {
  /** Whom servers must chain to, and what has been revoked. */
  readonly tls: TrustMaterial;
  /** For the keys that exchanges use: made from those that the endpoint holds. */
  readonly keys?: ((held: EndpointKeys) => EndpointKeys) | undefined;
  /** Whether its calls can be transferred. */
  readonly referrals?: boolean;
}

/** Opens the way to KMS and CSCF, and listens for SIP; nothing is registered yet. */
export async function openEndpoint(
  config: EndpointConfig,
  runtime: Runtime,
  opened: Opened,
  { tls, keys, referrals = false }: EndpointParts,
): Promise<OpenEndpoint> {
  const { clock, logger, random } = runtime;
  const { identity, device = identity, kms, cscf } = config;
  const hosts = new HostMap(config.hosts);
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
  const instance = instanceIn(device);
  const identification = identificationOf(kms.proof, district, runtime);
  const username = /^sip:([^@]*)@/.exec(identity)?.[1] ?? '';
  return {
    username,
    identification,
    endpoint: {
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
    },
    keeper: new KeyKeeper({
      kms: client,
      identification,
      addressOfRecord: identity,
      device,
      ring,
      districts,
      skew: config.skew,
      clock,
      random,
      logger,
    }),
    agent: new UserAgent({
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
      referrals,
      timers: { ...RFC_TIMERS, t1: config.t1 },
    }),
    sip: doors.at,
    mediaAddress: doors.media,
  };
}

/* ---------------------------------------------------------------- helpers */

function identificationOf(proof: KmsProof, district: string, runtime: Runtime): KmsIdentification {
  if (proof.kind === 'certificate') return knownByCertificate(proof, district, runtime);
  return knownByKey({ name: proof.credential, psk: proof.psk, district });
}

/** Begins to listen for SIP. @returns what the endpoint names: host and port for SIP, an address for media */
async function open(
  { cscf, sip, media, publicAddress }: EndpointConfig,
  transport: Transport,
  hosts: HostMap,
): Promise<{ readonly at: NetworkAddress; readonly sip: string; readonly media: string }> {
  // Over TLS nobody connects to an endpoint: it is called over the connection that it has made.
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
