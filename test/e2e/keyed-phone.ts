/** A phone of the laboratory's home that is registered and has its keys: what it says is left to a test. */
import { readFileSync } from 'node:fs';
import { fromHex, utf8 } from '../../src/bytes/octets.ts';
import { Secret } from '../../src/bytes/secret.ts';
import { knownByKey } from '../../src/endpoint/credentials.ts';
import { Districts } from '../../src/endpoint/districts.ts';
import { IbakeAgreement } from '../../src/endpoint/exchanges.ts';
import type { KeyAgreement } from '../../src/endpoint/key-exchange.ts';
import { KeyKeeper } from '../../src/endpoint/key-keeper.ts';
import { KeyRing } from '../../src/endpoint/key-ring.ts';
import { HttpsKmsClient } from '../../src/endpoint/kms-client.ts';
import { SqliteReplayCache } from '../../src/endpoint/replays.ts';
import { systemClock, systemRandom } from '../../src/host/runtime.ts';
import { canonicalIdentity, districtOfHost } from '../../src/ibake/identity.ts';
import { TimestampSource } from '../../src/ibake/timestamps.ts';
import { defaultEngine } from '../../src/ibe/default-engine.ts';
import { hostOf } from '../../src/lab/network/home.ts';
import type { Network } from '../../src/lab/network/network.ts';
import { HostMap } from '../../src/net/hosts.ts';
import type { HostEntries } from '../../src/net/hosts.ts';
import { HttpsClient } from '../../src/net/https.ts';
import type { TlsFiles } from '../../src/net/tls.ts';
import { UserAgent } from '../../src/sip/agent.ts';
import type { NextHop } from '../../src/sip/flow.ts';
import { Transport } from '../../src/sip/transport.ts';
import { silent } from '../support/silent.ts';

const SKEW = 300;

export interface KeyedPhone {
  readonly identity: string;
  readonly contact: string;
  readonly agent: UserAgent;
  readonly agreement: KeyAgreement;
  stop(): Promise<void>;
}

/** Somebody whom KMS and CSCF of home1 know. */
export interface KeyedUser {
  readonly user: string;
  readonly identity: string;
  /** Hex. */
  readonly psk: string;
  readonly password: string;
}

/** The user of home1 that the laboratory has laid out. */
export function keyedUser(network: Network, user: string): KeyedUser {
  const found = network.plan.homes.home1.subscribers.find((subscriber) => subscriber.user === user);
  if (found === undefined) throw new Error(`${user} is not of home1`);
  return { user, identity: network.identity(user), psk: found.psk, password: found.password };
}

/** Registers a user's phone. @param outbound the CSCF */
export async function keyedPhone(
  network: Network,
  { user, identity, psk, password }: KeyedUser,
  outbound: NextHop,
): Promise<KeyedPhone> {
  const [clock, random, logger] = [systemClock(), systemRandom(), silent];
  const plan = network.plan.homes.home1;
  const config = network.configOf('cscf', 'home1');
  const hosts = new HostMap(config['hosts'] as HostEntries);
  const { authorities } = config['tls'] as TlsFiles;
  const https = new HttpsClient({ hosts, tls: { authorities: readFileSync(authorities, 'utf8') } });
  const kms = new HttpsKmsClient(https, `https://${hostOf('kms', plan)}`, clock);
  const districts = new Districts(kms, { hosts: [plan.domain] }, clock, logger);
  const ring = new KeyRing(SKEW);
  const own = canonicalIdentity(identity);
  const keeper = new KeyKeeper({
    ...{ kms, ring, districts, clock, random, logger, addressOfRecord: own.uri, device: own.uri },
    skew: SKEW,
    identification: knownByKey({
      ...{ name: user, psk: Secret.of(fromHex(psk)), district: districtOfHost(plan.domain) },
    }),
  });
  await keeper.refresh();
  keeper.stop();
  const replays = await SqliteReplayCache.open(':memory:', clock);
  const agreement = new IbakeAgreement({
    ...{ addressOfRecord: own, device: own, engine: defaultEngine(), clock, random },
    ...{ timestamps: new TimestampSource(clock), districts, keys: ring, replays, skew: SKEW },
  });
  const transport = new Transport({ clock, logger, hosts });
  const { port } = await transport.listen('TCP', '127.0.0.1', 0);
  const contact = `sip:${user}@127.0.0.1:${port};transport=tcp`;
  const agent = new UserAgent({
    ...{ transport, clock, random, logger, identity, contact, outbound, sentBy: `127.0.0.1:${port}` },
    credentials: { username: user, password: Secret.of(utf8(password)) },
  });
  await agent.register();
  return {
    ...{ identity, contact, agent, agreement },
    stop: async () => {
      agent.layer.abandon();
      await agent.close();
      await transport.close();
      await https.close();
      replays.close();
    },
  };
}
