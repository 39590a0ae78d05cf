/**
 * The configuration of a KMS, as JSON.
 *
 *     { "name": "kms.home1.example",                     identifier at X1; the certificate bears it
 *       "tls": { "certificate": …, "privateKey": …, "authorities": … },
 *       "hosts": { "admf.home1.example": "127.0.0.1" },  names on one machine
 *       "admf": { "identifier": "admf.home1.example", "url": "https://admf.home1.example/X1/ADMF" },
 *       "x1": { "address": "127.0.0.1", "port": 0,
 *               "schema": "TS_103_221_1.xsd",            the operator's copy; by default none
 *               "keepalive": { "timeoutMs": 60000, "failClosed": true } },      where agreed; by default not
 *       "xk": { "address": "127.0.0.1", "port": 0 },
 *       "users": { "address": "127.0.0.1", "port": 0 },  PPS and REQUEST_KEY
 *       "state": "state/kms",                            store, tasks and audit log
 *       "district": { "name": "https://kms.home1.example/.well-known/ibe",
 *                     "keyLifetime": 86400,
 *                     "hosts": ["home1.example"],        whose identities it keys; by default the name's own
 *                     "files": ["serial-1.json"],        parameters and master secrets, taken into the store
 *                     "demoGroup": "home1" },            instead of files: a shared group, with a master secret of its own
 *       "subscribers": [{ "id": "alice", "publicIdentities": ["sip:alice@home1.example"], "aliases": ["tel:+15551001"],
 *                         "devices": [{ "credential": "alice-1", "psk": "…hex…", "identity": "sip:alice@home1.example" }] }],
 *       "skew": 300, "nextPeriods": 31, "mailboxRetention": 604800,         seconds, save nextPeriods
 *       "sessionMemory": 86400, "retention": 15552000,
 *       "workers": 3, "queue": 256,                      threads for pairings; what may wait for them
 *       "revealSecrets": false }
 *
 * The configuration holds pre-shared keys: it is for its owner's eyes, like the files that it names.
 */
import { fromHex } from '../../bytes/octets.ts';
import { Secret } from '../../bytes/secret.ts';
import type { DemoHome } from '../../ibe/demo-groups.ts';
import type { Enrolment } from './enrolment.ts';
import type { HostEntries } from '../../net/hosts.ts';
import type { TlsFiles } from '../../net/tls.ts';
import { ConfigError, Fields } from '../../host/config.ts';
import type { Listen } from '../../host/config.ts';
import { DEFAULT_WORKERS } from './workers/start-generator.ts';
import { readKeepalive } from '../../x1/ne.ts';
import type { X1NeConfig } from '../../x1/ne.ts';

export interface KmsConfig {
  readonly name: string;
  readonly district: {
    readonly name: string;
    readonly keyLifetime: number;
    /** `null`: the one host that the district's name was made from. */
    readonly hosts: readonly string[] | null;
    readonly files: readonly string[];
    readonly demoGroup: DemoHome | null;
  };
  readonly users: Listen;
  readonly xk: Listen;
  readonly x1: Listen & Pick<X1NeConfig, 'schema' | 'keepalive'>;
  readonly tls: TlsFiles;
  readonly hosts: HostEntries;
  readonly admf: X1NeConfig['admf'];
  readonly state: string;
  readonly subscribers: readonly Enrolment[];
  readonly skew: number;
  readonly nextPeriods: number;
  readonly mailboxRetention: number;
  readonly sessionMemory: number;
  readonly retention: number;
  /** 0: pairings are computed in the thread of the listeners. */
  readonly workers: number;
  readonly queue: number;
  readonly revealSecrets: boolean;
}

/** @throws ConfigError */
export function kmsConfig(json: unknown): KmsConfig {
  const fields = new Fields(json);
  const config = {
    name: fields.string('name'),
    district: readDistrict(fields.object('district')),
    users: fields.listen('users'),
    xk: fields.listen('xk'),
    x1: readX1(fields.object('x1', true)),
    tls: fields.tls('tls'),
    hosts: fields.hosts('hosts'),
    admf: readAdmf(fields.object('admf')),
    state: fields.string('state'),
    subscribers: fields.list('subscribers', readSubscriber),
    skew: fields.integer('skew', { fallback: 300 }),
    nextPeriods: fields.integer('nextPeriods', { fallback: 31 }),
    mailboxRetention: fields.integer('mailboxRetention', { fallback: 604_800 }),
    sessionMemory: fields.integer('sessionMemory', { fallback: 86_400 }),
    retention: fields.integer('retention', { fallback: 15_552_000 }),
    workers: fields.integer('workers', { max: 256, fallback: DEFAULT_WORKERS }),
    queue: fields.integer('queue', { min: 1, fallback: 256 }),
    revealSecrets: fields.boolean('revealSecrets', false),
  };
  fields.end();
  return config;
}

function readX1(fields: Fields): KmsConfig['x1'] {
  const x1 = {
    ...fields.address(),
    ...(fields.has('schema') ? { schema: fields.string('schema') } : {}),
    ...(fields.has('keepalive') ? { keepalive: readKeepalive(fields.object('keepalive')) } : {}),
  };
  fields.end();
  return x1;
}

function readAdmf(fields: Fields): X1NeConfig['admf'] {
  const admf = { identifier: fields.string('identifier'), url: fields.string('url') };
  fields.end();
  return admf;
}

function readDistrict(fields: Fields): KmsConfig['district'] {
  const district = {
    name: fields.string('name'),
    keyLifetime: fields.integer('keyLifetime', { min: 900, fallback: 86_400 }),
    hosts: fields.has('hosts') ? fields.strings('hosts') : null,
    files: fields.strings('files'),
    demoGroup: fields.has('demoGroup') ? fields.oneOf<DemoHome>('demoGroup', ['home1', 'home2']) : null,
  };
  fields.end();
  return district;
}

function readSubscriber(json: unknown, path: string): Enrolment {
  const fields = new Fields(json, path);
  const subscriber = {
    id: fields.string('id'),
    publicIdentities: fields.strings('publicIdentities'),
    aliases: fields.strings('aliases'),
    devices: fields.list('devices', readDevice),
  };
  fields.end();
  return subscriber;
}

function readDevice(json: unknown, path: string): Enrolment['devices'][number] {
  const fields = new Fields(json, path);
  const psk = fields.string('psk');
  const device = { credential: fields.string('credential'), identity: fields.string('identity') };
  fields.end();
  if (!/^([0-9a-fA-F]{2}){16,64}$/.test(psk))
    throw new ConfigError('configuration', `${path}.psk is not 16 to 64 octets in hex`);
  return { ...device, psk: Secret.of(fromHex(psk)) };
}
