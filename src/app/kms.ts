/**
 * The KMS as a process: three listeners, one store, one audit log.
 *
 *     { "name": "kms.home1.example",                     identifier at X1; the certificate bears it
 *       "tls": { "certificate": …, "privateKey": …, "authorities": … },
 *       "hosts": { "admf.home1.example": "127.0.0.1" },  names on one machine
 *       "admf": { "identifier": "admf.home1.example", "url": "https://admf.home1.example/X1/ADMF" },
 *       "x1": { "address": "127.0.0.1", "port": 0 },
 *       "xk": { "address": "127.0.0.1", "port": 0 },
 *       "users": { "address": "127.0.0.1", "port": 0 },  PPS and REQUEST_KEY
 *       "state": "state/kms",                            store, tasks and audit log
 *       "district": { "name": "https://kms.home1.example/.well-known/ibe",
 *                     "keyLifetime": 86400,
 *                     "files": ["serial-1.json"],        parameters and master secrets, taken into the store
 *                     "demoGroup": "home1" },            instead of files: a shared group, with a master secret of its own
 *       "subscribers": [{ "id": "alice", "publicIdentities": ["sip:alice@home1.example"], "aliases": ["tel:+15551001"],
 *                         "devices": [{ "credential": "alice-1", "psk": "…hex…", "identity": "sip:alice@home1.example" }] }],
 *       "skew": 300, "nextPeriods": 31, "mailboxRetention": 604800,         seconds, save nextPeriods
 *       "sessionMemory": 86400, "retention": 15552000,
 *       "revealSecrets": false }
 *
 * The configuration holds pre-shared keys: it is for its owner's eyes, like the files that it names.
 */
import { mkdirSync, statSync } from 'node:fs';
import path from 'node:path';
import type { FastifyInstance } from 'fastify';
import { fromHex } from '../bytes/octets.ts';
import { Secret } from '../bytes/secret.ts';
import { HashChainLog } from '../evidence/log.ts';
import type { AuditLog } from '../evidence/log.ts';
import { bigIntEngine } from '../ibe/bigint-engine.ts';
import { loadDemoGroup } from '../ibe/demo-groups.ts';
import type { DemoHome } from '../ibe/demo-groups.ts';
import { drawMasterSecret } from '../ibe/setup.ts';
import { District } from '../kms/district.ts';
import { decodeDistrictFile, masterSecretOctets, NO_END, revealDistrict } from '../kms/district-file.ts';
import type { DistrictFile } from '../kms/district-file.ts';
import type { Enrolment } from '../kms/enrolment.ts';
import { enrol } from '../kms/enrolment.ts';
import { KeyMaterial } from '../kms/key-material.ts';
import { epochOf, LiRoots } from '../kms/li-roots.ts';
import type { SerialRecord } from '../kms/ports.ts';
import { redrawer } from '../kms/redraw.ts';
import { RequestKeyService } from '../kms/request-key.ts';
import { WarrantKeepingStore } from '../kms/warrants.ts';
import { XkService } from '../kms/xk.ts';
import { targetKeys } from '../li/ne/targets.ts';
import type { TaskStore } from '../li/ne/tasks.ts';
import { KMS_POLICY } from '../li/ne/x1-policy.ts';
import { HostMap } from '../servers/hosts.ts';
import type { HostEntries } from '../servers/hosts.ts';
import { listen } from '../servers/https.ts';
import { kmsUserServer } from '../servers/kms-users.ts';
import { xkServer } from '../servers/kms-xk.ts';
import { loadTls } from '../servers/tls.ts';
import type { TlsFiles, TlsMaterial } from '../servers/tls.ts';
import { AuditFile } from '../stores/audit-file.ts';
import { SqliteKmsStore } from '../stores/kms.ts';
import { ConfigError, Fields, readConfigFile } from './config.ts';
import type { Listen } from './config.ts';
import type { Running, Runtime } from './runtime.ts';
import { startX1Ne } from './x1-ne.ts';
import type { RunningX1Ne, X1NeConfig } from './x1-ne.ts';

export interface KmsConfig {
  readonly name: string;
  readonly district: {
    readonly name: string;
    readonly keyLifetime: number;
    readonly files: readonly string[];
    readonly demoGroup: DemoHome | null;
  };
  readonly users: Listen;
  readonly xk: Listen;
  readonly x1: Listen;
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
  readonly revealSecrets: boolean;
}

export interface RunningKms extends Running {
  readonly users: Listen;
  readonly xk: Listen;
  readonly x1: Listen;
  /** The secrets of the district for the present period. @throws ConfigError unless `revealSecrets` is set */
  reveal(): Promise<Record<string, unknown>>;
}

/** How often what has expired is forgotten. */
const HOUSEKEEPING_MS = 3_600_000;

/** @throws ConfigError */
export function kmsConfig(json: unknown): KmsConfig {
  const fields = new Fields(json);
  const config = {
    name: fields.string('name'),
    district: readDistrict(fields.object('district')),
    users: fields.listen('users'),
    xk: fields.listen('xk'),
    x1: fields.listen('x1'),
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
    revealSecrets: fields.boolean('revealSecrets', false),
  };
  fields.end();
  return config;
}

/** What stays open as long as the KMS runs. */
interface State {
  readonly store: SqliteKmsStore;
  readonly audit: AuditLog;
  close(): Promise<void>;
}

/** @throws ConfigError, TlsError, KmsError, IbeError */
export async function startKms(config: KmsConfig, runtime: Runtime): Promise<RunningKms> {
  const tls = loadTls(config.tls, runtime.clock.now());
  const state = openState(config, runtime);
  try {
    return await serve(config, runtime, tls, state);
  } catch (error) {
    await state.close();
    throw error;
  }
}

async function serve(
  config: KmsConfig,
  runtime: Runtime,
  tls: TlsMaterial,
  { store, audit, close }: State,
): Promise<RunningKms> {
  const { clock, random, logger } = runtime;
  const now = (): number => clock.now() / 1000;
  const district = await openDistrict(config, runtime, store);
  for (const subscriber of config.subscribers) await enrol(subscriber, { store, district, now: now() });
  const roots = new LiRoots(store, random, audit);
  const engine = bigIntEngine();
  const material = new KeyMaterial(district, engine, roots);
  const requestKey = new RequestKeyService(
    { ...config, district },
    { store, material, audit, clock, random },
  );
  const compute = redrawer({ district, engine, roots, store });
  const service = new XkService(config, { store, compute, audit, clock, logger });

  const keepHouse = async (): Promise<void> => {
    await store.expireClaims(now());
    await roots.destroyBefore(now() - config.retention);
  };
  await keepHouse();
  const x1 = await provisioned(config, runtime, tls, { store, audit, close });
  const usersServer = kmsUserServer({ tls, district, requestKey, clock, logger });
  const xkListener = xkServer({ tls, service, logger });
  const running = {
    users: await open(usersServer, config.users),
    xk: await open(xkListener, config.xk),
    x1: { address: config.x1.address, port: x1.port },
  };
  const housekeeping = every(runtime, HOUSEKEEPING_MS, keepHouse);
  logger.info(running, 'KMS is listening');
  return {
    ...running,
    reveal: () => reveal(config, district, roots, now()),
    stop: async () => {
      housekeeping.cancel();
      await Promise.all([x1.stop(), usersServer.close(), xkListener.close()]);
      await close();
    },
  };
}

function openState(config: KmsConfig, { clock }: Runtime): State {
  mkdirSync(config.state, { recursive: true, mode: 0o700 });
  const auditFile = new AuditFile(stateFile(config, 'audit.jsonl'));
  const store = new SqliteKmsStore(stateFile(config, 'kms.db'));
  return {
    store,
    audit: new HashChainLog(auditFile, clock),
    close: async () => {
      await store.close();
      auditFile.close();
    },
  };
}

/** X1: what the ADMF provisions becomes warrants. */
function provisioned(
  config: KmsConfig,
  runtime: Runtime,
  tls: TlsMaterial,
  { store, audit }: State,
): Promise<RunningX1Ne> {
  const x1Config = {
    identifier: config.name,
    listen: config.x1,
    admf: config.admf,
    store: stateFile(config, 'tasks.db'),
    deactivateAllTasks: false,
    removeAllDestinations: false,
  };
  const now = (): number => runtime.clock.now() / 1000;
  const wrapStore = (inner: TaskStore): TaskStore => new WarrantKeepingStore(inner, store, now, targetKeys);
  const hosts = new HostMap(config.hosts);
  return startX1Ne(x1Config, { policy: KMS_POLICY, tls, hosts, audit, runtime, wrapStore });
}

function stateFile({ state }: KmsConfig, name: string): string {
  return path.join(state, name);
}

async function open(server: FastifyInstance, at: Listen): Promise<Listen> {
  return { address: at.address, port: await listen(server, at.address, at.port) };
}

/** The district with what the store holds and what the configuration adds. */
async function openDistrict(config: KmsConfig, runtime: Runtime, store: SqliteKmsStore): Promise<District> {
  const { name, keyLifetime, files, demoGroup } = config.district;
  const district = new District({ name, keyLifetime, demo: demoGroup !== null });
  for (const { serial, liRoot } of files.map((each) => readDistrictFile(each, config))) {
    const known = await store.serials();
    district.add(serial);
    await store.putSerial(serial);
    const isNew = !known.some((record) => record.serial === serial.serial);
    const now = district.periodOf(runtime.clock.now() / 1000);
    if (isNew && liRoot !== null) await store.keepLiRoot(epochOf(now), liRoot);
  }
  if (demoGroup !== null && (await store.serials()).length === 0) {
    await store.putSerial(drawDemoSerial(demoGroup, runtime));
  }
  const serials = await store.serials();
  if (serials.length === 0)
    throw new ConfigError('configuration', 'district: no parameters; run claviger ibe setup');
  for (const serial of serials) district.add(serial);
  return district;
}

function readDistrictFile(name: string, { district }: KmsConfig): DistrictFile {
  if (((statSync(name, { throwIfNoEntry: false })?.mode ?? 0) & 0o077) !== 0)
    throw new ConfigError('configuration', `${name} is open to others: chmod 600 it`);
  const file = decodeDistrictFile(readConfigFile(name));
  if (file.district !== district.name || file.keyLifetime !== district.keyLifetime)
    throw new ConfigError('configuration', `${name} is of another district or key lifetime`);
  return file;
}

function drawDemoSerial(home: DemoHome, { random }: Runtime): SerialRecord {
  const { parameters, masterSecret } = drawMasterSecret(loadDemoGroup(home), random);
  return {
    serial: 1,
    notBefore: 0,
    notAfter: NO_END,
    bf: parameters,
    masterSecret: masterSecretOctets(masterSecret, parameters.q),
  };
}

async function reveal(
  config: KmsConfig,
  district: District,
  roots: LiRoots,
  now: number,
): Promise<Record<string, unknown>> {
  if (!config.revealSecrets)
    throw new ConfigError('configuration', 'the secrets of this KMS are revealed only with revealSecrets');
  const period = district.periodOf(now);
  const serial = district.serialFor(period);
  if (serial === null) throw new ConfigError('configuration', 'no parameters are in force');
  const liRoot = await roots.forIssue(period);
  return revealDistrict({ district: district.name, keyLifetime: district.keyLifetime, serial, liRoot });
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

function every({ clock, logger }: Runtime, ms: number, action: () => Promise<void>): { cancel(): void } {
  let timer = clock.after(ms, run);
  function run(): void {
    timer = clock.after(ms, run);
    action().catch((error: unknown) => logger.error({ err: error }, 'housekeeping failed'));
  }
  return { cancel: () => timer.cancel() };
}
