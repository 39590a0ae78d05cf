/**
 * The user equipment as a process: a phone behind one KMS and one CSCF.
 *
 *     { "identity": "sip:alice@home1.example",
 *       "device": "sip:alice@home1.example;gr=1",           only where there are several devices
 *       "kms": { "url": "https://kms.home1.example", "credential": "alice", "psk": "hex" },
 *       "cscf": { "url": "sip:cscf.home1.example;transport=tcp", "username": "alice", "password": "…" },
 *       "partners": ["home2.example"],                      whose districts may be fetched
 *       "authorities": "ca.pem",                            whom the KMSs' certificates must chain to
 *       "hosts": { "kms.home1.example": "127.0.0.1:8443" }, names on one machine
 *       "media": { "address": "127.0.0.1", "from": 16384, "to": 32767 },
 *       "replays": "alice-replays.db",                      answered I_MESSAGE_1s
 *       "answer": { "policy": "accept", "ringMs": 100, "answerMs": 400, "reliable": true },
 *       "suite": "AES_CM_128_HMAC_SHA1_80",                 what its offers ask for; also AES_256_CM_HMAC_SHA1_80,
 *                                                           AEAD_AES_128_GCM, AEAD_AES_256_GCM
 *       "skew": 300,                                        seconds
 *       "t1": 500,                                          ms, RFC 3261's estimate of the round trip
 *       "faults": ["ue-ignores-seed"] }                     for tests of the interception alone
 */
import { readFileSync } from 'node:fs';
import { fromHex, utf8 } from '../../bytes/octets.ts';
import { Secret } from '../../bytes/secret.ts';
import { canonicalIdentity } from '../../ibake/identity.ts';
import { DEFAULT_POLICY, SRTP_POLICY } from '../../ibake/policy.ts';
import type { SrtpPolicy } from '../../ibake/policy.ts';
import type { KeyRing as KeyRingPort } from '../../ibake/ports.ts';
import { TimestampSource } from '../../ibake/timestamps.ts';
import { defaultEngine } from '../../ibe/default-engine.ts';
import type { Datagrams, PortRange } from '../../media/datagrams.ts';
import { udpDatagrams } from '../../net/datagrams.ts';
import { HostMap } from '../../net/hosts.ts';
import type { HostEntries } from '../../net/hosts.ts';
import { HttpsClient } from '../../net/https.ts';
import { HttpsKmsClient } from '../../endpoint/kms-client.ts';
import { UserAgent } from '../../sip/agent.ts';
import { DEFAULT_PORT } from '../../sip/flow.ts';
import type { Destination } from '../../sip/flow.ts';
import { RFC_TIMERS } from '../../sip/timers.ts';
import { Transport } from '../../sip/transport.ts';
import type { Observed } from '../../sip/transactions.ts';
import { parseUri } from '../../sip/uri.ts';
import { SqliteReplayCache } from '../../endpoint/replays.ts';
import { holdingState } from '../../storage/lock.ts';
import type { AnswerPolicy } from './callee.ts';
import { Districts } from '../../endpoint/districts.ts';
import { IbakeAgreement } from '../../endpoint/exchanges.ts';
import { KeyKeeper } from '../../endpoint/key-keeper.ts';
import { KeyRing } from '../../endpoint/key-ring.ts';
import { UserEquipment } from './user-equipment.ts';
import { ConfigError, Fields } from '../../host/config.ts';
import { mediaPorts } from '../../host/media-ports.ts';
import type { Running, Runtime } from '../../host/runtime.ts';

export type UeFault = 'ue-ignores-seed';

export interface UeConfig {
  /** Canonical address of record. */
  readonly identity: string;
  /** Canonical device identity. */
  readonly device: string;
  readonly kms: { readonly url: string; readonly credential: string; readonly psk: Secret };
  readonly cscf: { readonly outbound: Destination; readonly username: string; readonly password: Secret };
  readonly partners: readonly string[];
  readonly authorities: string;
  readonly hosts: HostEntries;
  readonly media: PortRange;
  readonly replays: string;
  readonly answer: AnswerPolicy;
  readonly suite: SrtpPolicy['name'];
  readonly skew: number;
  readonly t1: number;
  readonly faults: readonly UeFault[];
}

export interface RunningUe extends Running {
  readonly ue: UserEquipment;
  /** Tells of every SIP message that is sent or received. */
  observe(observer: (observed: Observed) => void): void;
}

const SUITES = Object.values(SRTP_POLICY).map(({ name }) => name);

const FAULTS: readonly UeFault[] = ['ue-ignores-seed'];

/** @throws ConfigError */
export function ueConfig(json: unknown): UeConfig {
  const fields = new Fields(json);
  const identity = fields.string('identity');
  const config = {
    identity: canonical(identity, 'identity'),
    device: canonical(fields.string('device', identity), 'device'),
    kms: kmsOf(fields.object('kms')),
    cscf: cscfOf(fields.object('cscf')),
    partners: fields.strings('partners'),
    authorities: fields.string('authorities'),
    hosts: fields.hosts('hosts'),
    media: mediaPorts(fields.object('media', true)),
    replays: fields.string('replays'),
    answer: answerOf(fields.object('answer', true)),
    suite: fields.oneOf('suite', SUITES, DEFAULT_POLICY.name),
    skew: fields.integer('skew', { fallback: 300, max: 3600 }),
    t1: fields.integer('t1', { min: 10, max: 10_000, fallback: RFC_TIMERS.t1 }),
    faults: fields.strings('faults').map(faultOf),
  };
  fields.end();
  return config;
}

/**
 * Starts the phone; `ue.register()` makes it ready to call and be called. `datagrams` stands in for UDP sockets where
 * somebody wants to watch them.
 */
export function startUe(config: UeConfig, runtime: Runtime, datagrams?: Datagrams): Promise<RunningUe> {
  const place = { entity: 'ue', files: [config.replays] };
  return holdingState(place, runtime.clock.now(), () => startHolding(config, runtime, datagrams));
}

async function startHolding(config: UeConfig, runtime: Runtime, datagrams?: Datagrams): Promise<RunningUe> {
  const { clock, logger, random } = runtime;
  const { identity, device, kms, cscf } = config;
  const hosts = new HostMap(config.hosts);
  const https = new HttpsClient({ hosts, tls: { authorities: readAuthorities(config.authorities) } });
  const own = canonicalIdentity(identity);
  const client = new HttpsKmsClient(https, kms.url);
  const district = `${kms.url}/.well-known/ibe`;
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
    keys: config.faults.includes('ue-ignores-seed') ? seedIgnored(ring, runtime) : ring,
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
    outbound: cscf.outbound,
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

/** The fault of an endpoint that keeps its own counsel: secrets from its own generator, which no KMS can redraw. */
function seedIgnored(ring: KeyRing, { random }: Runtime): KeyRingPort {
  return {
    privateKey: (uri, time) => ring.privateKey(uri, time),
    slotKey: () => Secret.of(random.bytes(32)),
    hold: (time) => ring.hold(time),
  };
}

function kmsOf(fields: Fields): UeConfig['kms'] {
  const kms = {
    url: fields.string('url').replace(/\/$/, ''),
    credential: fields.string('credential'),
    psk: secretHex(fields.string('psk')),
  };
  fields.end();
  return kms;
}

function cscfOf(fields: Fields): UeConfig['cscf'] {
  const cscf = {
    outbound: outboundOf(fields.string('url')),
    username: fields.string('username'),
    password: Secret.of(utf8(fields.string('password'))),
  };
  fields.end();
  return cscf;
}

function outboundOf(text: string): Destination {
  const uri = parseUri(text);
  if (uri.kind !== 'sip') throw new ConfigError('configuration', 'cscf.url is not a SIP URI');
  const transport = uri.params.find(({ name }) => name.toLowerCase() === 'transport')?.value ?? 'tcp';
  return {
    protocol: transport.toLowerCase() === 'udp' ? 'UDP' : 'TCP',
    host: uri.host,
    port: uri.port ?? DEFAULT_PORT,
  };
}

function answerOf(fields: Fields): AnswerPolicy {
  const policy = fields.oneOf('policy', ['accept', 'reject'], 'accept');
  const answer: AnswerPolicy =
    policy === 'reject'
      ? { kind: 'reject', status: fields.integer('status', { min: 400, max: 699, fallback: 603 }) }
      : {
          kind: 'accept',
          ringMs: fields.integer('ringMs', { fallback: 100 }),
          answerMs: fields.integer('answerMs', { fallback: 400 }),
          reliable: fields.boolean('reliable', true),
        };
  fields.end();
  return answer;
}

function canonical(text: string, name: string): string {
  try {
    return canonicalIdentity(text).uri;
  } catch (cause) {
    throw new ConfigError('configuration', `${name} is not a SIP URI that can be keyed`, { cause });
  }
}

function secretHex(text: string): Secret {
  try {
    return Secret.of(fromHex(text));
  } catch (cause) {
    throw new ConfigError('configuration', 'kms.psk is not hexadecimal', { cause });
  }
}

function faultOf(name: string): UeFault {
  const fault = FAULTS.find((candidate) => candidate === name);
  if (fault === undefined) throw new ConfigError('configuration', `faults: ${name} is none`);
  return fault;
}

function readAuthorities(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ConfigError('configuration', `authorities: cannot read ${file}`, { cause });
  }
}
