/**
 * The KMS as a process: three listeners (endpoints, Xk, X1), one store, one audit log. What it is told is in
 * `config.ts`.
 */
import type { FastifyInstance } from 'fastify';
import { FairQueue } from '../../bytes/fair-queue.ts';
import type { Opened, Started } from '../../bytes/opened.ts';
import { loadDemoGroup } from '../../ibe/demo-groups.ts';
import type { DemoHome } from '../../ibe/demo-groups.ts';
import { drawMasterSecret } from '../../ibe/setup.ts';
import { District } from './district.ts';
import { decodeDistrictFile, masterSecretOctets, NO_END, revealDistrict } from './district-file.ts';
import type { DistrictFile } from './district-file.ts';
import { enrolAll } from './enrolment.ts';
import { KeyMaterial } from './key-material.ts';
import { epochOf, LiRoots, LONGEST_EPOCH } from './li-roots.ts';
import type { KmsStore, SerialRecord } from './ports.ts';
import { KmsRecords } from './records.ts';
import { LiveCertification } from './start-certification.ts';
import { RequestKeyService } from './request-key.ts';
import { XkService } from './xk.ts';
import { kmsPolicyFor } from '../../x1/policy.ts';
import { HostMap } from '../../net/hosts.ts';
import { listen } from '../../net/https.ts';
import { kmsUserServer } from './http/users.ts';
import { xkServer } from './http/xk.ts';
import { admissionOf, loadTls, requireOwn } from '../../net/tls.ts';
import { LiveTls } from '../../net/live-tls.ts';
import { holdingState } from '../../storage/lock.ts';
import { ConfigError, readSecretFile } from '../../host/config.ts';
import type { Listen } from '../../host/config.ts';
import type { KmsConfig } from './config.ts';
import { DEFAULT_WORKERS, startGenerator } from './workers/start-generator.ts';
import { DEFAULT_QUESTION_WORKERS, startQuestions } from './workers/start-questions.ts';
import type { Running, Runtime } from '../../host/runtime.ts';
import type { Operation } from '../../host/operation.ts';
import { kmsFiles, kmsKept, kmsOperation } from './start-operation.ts';
import { openKmsStores } from './start-stores.ts';
import type { KmsStores } from './start-stores.ts';
import { startX1Ne } from '../../x1/ne.ts';
import type { RunningX1Ne } from '../../x1/ne.ts';

export interface RunningKms extends Running {
  readonly users: Listen;
  readonly xk: Listen;
  readonly x1: Listen;
  readonly operation: Operation<KmsConfig>;
  /** The secrets of the district for the present period. @throws ConfigError unless `revealSecrets` is set */
  reveal(): Promise<Record<string, unknown>>;
}

/** How often what has expired is forgotten. */
const HOUSEKEEPING_MS = 3_600_000;

/** @throws ConfigError, TlsError, KmsError, IbeError, StorageError */
export function startKms(config: KmsConfig, runtime: Runtime): Promise<RunningKms> {
  const { place } = kmsKept(config);
  return holdingState(place, runtime.clock.now(), (opened) => startHolding(config, runtime, opened));
}

async function startHolding(
  config: KmsConfig,
  runtime: Runtime,
  opened: Opened,
): Promise<Started<RunningKms>> {
  const { clock, random, logger } = runtime;
  const now = (): number => clock.now() / 1000;
  const tls = new LiveTls(loadTls(config.tls, clock.now()));
  requireOwn(tls, config.name, 'kms');
  const certificates = LiveCertification.open(config, clock.now());
  const stores = await openKmsStores(config, runtime, opened);
  const { store, audit, trail, database } = stores;
  const pairings = startGenerator({ workers: DEFAULT_WORKERS, ...config }, logger);
  opened.add(() => pairings.stop());
  const district = await openDistrict(config, runtime, store);
  await enrolAll(config.subscribers, { store, district, now: now() });
  const roots = new LiRoots(store, random, audit);
  const settings = { workers: DEFAULT_QUESTION_WORKERS, ...config.interception };
  const records = new KmsRecords(district, roots, store);
  const questions = startQuestions(settings, records, district.serials, runtime);
  opened.add(() => questions.stop());
  const material = new KeyMaterial(district, pairings.generator, roots);
  const atOnce = Math.max(1, config.workers ?? DEFAULT_WORKERS);
  const turns = new FairQueue({ atOnce, each: Infinity, all: config.queue });
  const requestKey = new RequestKeyService(
    { ...config, district },
    { store, material, audit, clock, random, turns, certificates },
  );
  const service = new XkService(config, { store, ...questions, audit, clock, logger });
  opened.add(() => service.close());

  const keepHouse = async (): Promise<void> => {
    await store.forgetting.expireClaims(now());
    await roots.destroyBefore(now() - config.retention);
    await store.forgetting.forgetWarrants(now() - config.retention);
    await store.forgetting.forgetHoldings(now() - config.retention - LONGEST_EPOCH);
  };
  await keepHouse();
  const x1 = await provisioned(config, runtime, tls, stores);
  const limits = config.users.connections;
  const users = kmsUserServer({ tls, district, requestKey, clock, logger, limits });
  const xk = xkServer({
    ...{ tls, service, logger, limits: config.xk.connections },
    admission: admissionOf(config.xk.peers, tls, ['df']),
    lemfs: config.xk.lemfs,
  });
  opened.add(() => Promise.all([x1.stop(), users.close(), xk.close()]));
  const listening = {
    users: await open(users, config.users),
    xk: await open(xk, config.xk),
    x1: { address: config.x1.address, port: x1.port },
  };
  const housekeeping = every(runtime, HOUSEKEEPING_MS, keepHouse);
  opened.add(() => housekeeping.cancel());
  const operation = kmsOperation(config, {
    ...{ tls, certificates, clock, district, store, x1, requestKey, turns, xk: service },
    ...{ trail, database },
    questions: questions.turns,
    listeners: { users, xk },
  });
  return { ...listening, operation, reveal: () => reveal(config, district, roots, now()) };
}

/** X1: what the ADMF provisions becomes warrants. */
function provisioned(
  config: KmsConfig,
  runtime: Runtime,
  tls: LiveTls,
  state: Pick<KmsStores, 'tasks' | 'audit'>,
): Promise<RunningX1Ne> {
  const { address, port, connections, ...agreed } = config.x1;
  const x1Config = {
    identifier: config.name,
    listen: { address, port, connections },
    admf: config.admf,
    ...agreed,
    store: kmsFiles(config).tasks,
    deactivateAllTasks: false,
    removeAllDestinations: false,
  };
  const hosts = new HostMap(config.hosts);
  const policy = kmsPolicyFor(config.xk.lemfs);
  return startX1Ne(x1Config, { policy, tls, hosts, state, runtime });
}

async function open(server: FastifyInstance, at: Listen): Promise<Listen> {
  return { address: at.address, port: await listen(server, at.address, at.port) };
}

/** The district with what the store holds and what the configuration adds. */
async function openDistrict(config: KmsConfig, runtime: Runtime, store: KmsStore): Promise<District> {
  const { name, keyLifetime, hosts, files, demoGroup } = config.district;
  const demo = demoGroup !== undefined;
  const district = new District({ name, keyLifetime, demo, ...(hosts === undefined ? {} : { hosts }) });
  for (const { serial, liRoot } of files.map((each) => readDistrictFile(each, config))) {
    const known = await store.serials();
    district.add(serial);
    await store.putSerial(serial);
    const isNew = !known.some((record) => record.serial === serial.serial);
    const now = district.periodOf(runtime.clock.now() / 1000);
    if (isNew && liRoot !== null) await store.keepLiRoot(epochOf(now), liRoot);
  }
  if (demoGroup !== undefined && (await store.serials()).length === 0) {
    try {
      await store.putSerial(drawDemoSerial(demoGroup, runtime));
    } catch (error) {
      // Another process of the district has drawn it meanwhile.
      if (config.database === undefined || (await store.serials()).length === 0) throw error;
    }
  }
  const serials = await store.serials();
  if (serials.length === 0)
    throw new ConfigError('configuration', 'district: no parameters; run claviger ibe setup');
  for (const serial of serials) district.add(serial);
  return district;
}

function readDistrictFile(name: string, { district }: KmsConfig): DistrictFile {
  const file = decodeDistrictFile(readSecretFile(name));
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

function every({ clock, logger }: Runtime, ms: number, action: () => Promise<void>): { cancel(): void } {
  let timer = clock.after(ms, run);
  function run(): void {
    timer = clock.after(ms, run);
    action().catch((error: unknown) => logger.error({ err: error }, 'housekeeping failed'));
  }
  return { cancel: () => timer.cancel() };
}
