/**
 * The user equipment as a process: a phone behind one KMS and one CSCF.
 */
import { readFileSync } from 'node:fs';
import { canonicalIdentity, districtOfKms } from '../../ibake/identity.ts';
import { DEFAULT_POLICY, SRTP_POLICY } from '../../ibake/policy.ts';
import type { EndpointKeys } from '../../ibake/ports.ts';
import { TimestampSource } from '../../ibake/timestamps.ts';
import { defaultEngine } from '../../ibe/default-engine.ts';
import type { Datagrams } from '../../media/datagrams.ts';
import { udpDatagrams } from '../../net/datagrams.ts';
import { HostMap } from '../../net/hosts.ts';
import { HttpsClient } from '../../net/https.ts';
import { HttpsKmsClient } from '../../endpoint/kms-client.ts';
import { UserAgent } from '../../sip/agent.ts';
import { RFC_TIMERS } from '../../sip/timers.ts';
import { Transport } from '../../sip/transport.ts';
import type { Observed } from '../../sip/transactions.ts';
import { SqliteReplayCache } from '../../endpoint/replays.ts';
import { holdingState } from '../../storage/lock.ts';
import { Districts } from '../../endpoint/districts.ts';
import { IbakeAgreement } from '../../endpoint/exchanges.ts';
import { KeyKeeper } from '../../endpoint/key-keeper.ts';
import { KeyRing } from '../../endpoint/key-ring.ts';
import { UserEquipment } from './user-equipment.ts';
import { ConfigError } from '../../host/config.ts';
import type { UeConfig } from './config.ts';
import type { Running, Runtime } from '../../host/runtime.ts';

export interface RunningUe extends Running {
  readonly ue: UserEquipment;
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
  return holdingState(place, runtime.clock.now(), () => startHolding(config, runtime, parts));
}

async function startHolding(
  config: UeConfig,
  runtime: Runtime,
  { datagrams, keys }: UeParts,
): Promise<RunningUe> {
  const { clock, logger, random } = runtime;
  const { identity, device = identity, kms, cscf } = config;
  const hosts = new HostMap(config.hosts);
  const https = new HttpsClient({ hosts, tls: { authorities: readAuthorities(config.authorities) } });
  const own = canonicalIdentity(identity);
  const client = new HttpsKmsClient(https, kms.url);
  const district = districtOfKms(kms.url);
  const settings = { hosts: [own.host, ...config.partners], districts: { [own.host]: district } };
  const districts = new Districts(client, settings, logger);
  const ring = new KeyRing(config.skew);
  const replays = await SqliteReplayCache.open(config.replays, clock);
  const policy = Object.values(SRTP_POLICY).find(({ name }) => name === config.suite) ?? DEFAULT_POLICY;
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
  const agreement = new IbakeAgreement(endpoint, policy);
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
  const username = /^sip:([^@]*)@/.exec(identity)?.[1] ?? '';
  const transport = new Transport({ clock, logger, hosts });
  const phone = `phone.${own.host}`;
  const agent = new UserAgent({
    transport,
    clock,
    random,
    logger,
    identity,
    contact: `sip:${username}@${phone};transport=tcp`,
    sentBy: phone,
    outbound: cscf.url,
    credentials: { username: cscf.username, password: cscf.password },
    timers: { ...RFC_TIMERS, t1: config.t1 },
  });
  const ue = new UserEquipment({
    username,
    agent,
    keys: {
      initiate: (callee, stream) => agreement.initiate(callee, stream),
      respond: (iMessage1, stream, protocols) => agreement.respond(iMessage1, stream, protocols),
      refresh: () => keeper.refresh(),
      stop: () => keeper.stop(),
    },
    datagrams: datagrams ?? udpDatagrams(logger),
    ports: config.media,
    policy: config.answer,
    clock,
    random,
    logger,
  });
  return {
    ue,
    observe: (observer) => agent.layer.observe(observer),
    stop: async () => {
      await ue.stop();
      await transport.close();
      await https.close();
      replays.close();
    },
  };
}

/* ---------------------------------------------------------------- helpers */

function readAuthorities(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ConfigError('configuration', `authorities: cannot read ${file}`, { cause });
  }
}
