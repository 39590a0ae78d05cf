/**
 * The delivery function as a process: DF2/MF and DF3 with their X1 endpoint.
 *
 *     { "x1": { "identifier": "df.home1.example", "listen": …, "admf": …, "store": "df/tasks.sqlite" },
 *       "x2x3": { "address": "127.0.0.1", "port": 0 },     where points of interception connect
 *       "tls": { "certificate": …, "privateKey": …, "authorities": … },
 *       "hosts": { "kms.home1.example": "127.0.0.1" },
 *       "store": "df/df.sqlite",                           state and outbox
 *       "audit": "df/audit.log",
 *       "name": { "countryCode": "DE", "operator": "home1", "element": "df.home1" },
 *       "xk": { "url": "https://kms.home1.example:8443", "timerMs": 10000, "attemptMs": 5000 },
 *       "handover": { "acknowledgeDelay": 250, "retryFirst": 250, "retryMost": 10000 },
 *       "recordInto": "out/home1",                         optional: x2.bin and x3.bin
 *       "revealSecrets": false }                           besides, xk/NNN.json there, keys in the clear
 *
 * Whatever is wrong with keys, certificates or settings keeps it from starting.
 */
import type { DfListener } from './events.ts';
import { HANDOVER_DEFAULTS } from './handover/ports.ts';
import type { HandoverSettings } from './handover/ports.ts';
import type { DeliveryName } from './handover/encoder.ts';
import { HashChainLog } from '../../evidence/log.ts';
import { DF_POLICY } from '../../x1/policy.ts';
import { HostMap } from '../../net/hosts.ts';
import type { HostEntries } from '../../net/hosts.ts';
import { loadTls } from '../../net/tls.ts';
import type { TlsFiles } from '../../net/tls.ts';
import { XkClient } from './http/xk-client.ts';
import { AuditFile } from '../../evidence/audit-file.ts';
import { PduFiles, XkFiles } from './store/stored-records.ts';
import { ConfigError, Fields } from '../../host/config.ts';
import type { Listen } from '../../host/config.ts';
import { holdingState } from '../../storage/lock.ts';
import { startDelivery } from './start-delivery.ts';
import type { RunningDelivery } from './start-delivery.ts';
import type { Runtime } from '../../host/runtime.ts';
import { readX1Ne, startX1Ne } from '../../x1/ne.ts';
import type { X1NeConfig } from '../../x1/ne.ts';

export interface DfConfig {
  readonly x1: X1NeConfig;
  readonly x2x3: Listen;
  readonly tls: TlsFiles;
  readonly hosts: HostEntries;
  readonly store: string;
  readonly audit: string;
  readonly name: DeliveryName;
  readonly xk: { readonly url: string; readonly timerMs: number; readonly attemptMs: number };
  readonly handover: Pick<HandoverSettings, 'acknowledgeDelay' | 'retryFirst' | 'retryMost'>;
  readonly recordInto: string | null;
  readonly revealSecrets: boolean;
}

export interface RunningDf extends RunningDelivery {
  readonly x1: Listen;
}

/** @throws ConfigError */
export function dfConfig(json: unknown): DfConfig {
  const fields = new Fields(json);
  const config: DfConfig = {
    x1: readX1Ne(fields.object('x1')),
    x2x3: fields.listen('x2x3'),
    tls: fields.tls('tls'),
    hosts: fields.hosts('hosts'),
    store: fields.string('store'),
    audit: fields.string('audit'),
    name: readName(fields.object('name')),
    xk: readXk(fields.object('xk')),
    handover: readHandover(fields.object('handover', true)),
    recordInto: fields.has('recordInto') ? fields.string('recordInto') : null,
    revealSecrets: fields.boolean('revealSecrets', false),
  };
  fields.end();
  return config;
}

/** Starts a DF. `onEvent` is told of PDUs, questions, answers and records as they happen. @throws ConfigError, TlsError, StorageError */
export function startDf(config: DfConfig, runtime: Runtime, onEvent?: DfListener): Promise<RunningDf> {
  const place = { entity: 'df', files: [config.x1.store, config.store, config.audit] };
  return holdingState(place, runtime.clock.now(), () => startHolding(config, runtime, onEvent));
}

async function startHolding(config: DfConfig, runtime: Runtime, onEvent?: DfListener): Promise<RunningDf> {
  const { clock, logger } = runtime;
  const tls = loadTls(config.tls, clock.now());
  const hosts = new HostMap(config.hosts);
  const auditFile = new AuditFile(config.audit);
  const audit = new HashChainLog(auditFile, clock);
  const pdus = config.recordInto === null ? null : new PduFiles(config.recordInto);
  const exchanges =
    config.recordInto !== null && config.revealSecrets ? new XkFiles(config.recordInto) : null;
  const keys = new XkClient({
    url: config.xk.url,
    timeoutMs: config.xk.attemptMs,
    hosts,
    tls,
    ...(exchanges === null ? {} : { onExchange: (exchange) => exchanges.write(exchange) }),
  });
  const outbox: { delivery: RunningDelivery | null } = { delivery: null };
  const x1 = await startX1Ne(config.x1, {
    ...{ policy: DF_POLICY, tls, hosts, audit, runtime },
    // Until the outbox is open, nobody knows: nothing is removed.
    waitsFor: (did) => outbox.delivery?.waitsFor(did) ?? Promise.resolve(true),
  });
  const delivery = await startDelivery(
    {
      listen: config.x2x3,
      file: config.store,
      tls,
      hosts,
      name: config.name,
      table: x1.table,
      keys,
      issues: x1.reporter,
      keyTiming: { timerMs: config.xk.timerMs },
      handover: config.handover,
      ...(pdus === null ? {} : { recorder: pdus }),
      ...(onEvent === undefined ? {} : { onEvent }),
    },
    runtime,
  ).catch(async (error: unknown) => {
    await x1.stop();
    throw error;
  });
  outbox.delivery = delivery;
  logger.info({ x1: x1.port, x2x3: delivery.x2x3.port }, 'DF is listening');
  return {
    ...delivery,
    x1: { address: config.x1.listen.address, port: x1.port },
    stop: async () => {
      await x1.stop();
      await delivery.stop();
      await keys.close();
      pdus?.close();
      auditFile.close();
    },
  };
}

function readName(fields: Fields): DeliveryName {
  const name = {
    countryCode: fields.string('countryCode'),
    operator: fields.string('operator'),
    element: fields.string('element'),
  };
  fields.end();
  if (!/^[A-Z]{2}$/.test(name.countryCode)) {
    throw new ConfigError('configuration', 'name.countryCode: two capital letters are expected (ISO 3166-1)');
  }
  if (!/^[ -~]{1,5}$/.test(name.operator)) {
    throw new ConfigError('configuration', 'name.operator: 1 to 5 characters are expected');
  }
  if (!/^[ -~]{1,16}$/.test(name.element)) {
    throw new ConfigError('configuration', 'name.element: 1 to 16 characters are expected');
  }
  return name;
}

function readXk(fields: Fields): DfConfig['xk'] {
  const xk = {
    url: fields.string('url'),
    timerMs: fields.integer('timerMs', { min: 1, fallback: 10_000 }),
    attemptMs: fields.integer('attemptMs', { min: 1, fallback: 5_000 }),
  };
  fields.end();
  if (!xk.url.startsWith('https://')) {
    throw new ConfigError('configuration', 'xk.url: an https URL is expected');
  }
  return xk;
}

function readHandover(fields: Fields): DfConfig['handover'] {
  const handover = {
    acknowledgeDelay: fields.integer('acknowledgeDelay', {
      min: 1,
      fallback: HANDOVER_DEFAULTS.acknowledgeDelay,
    }),
    retryFirst: fields.integer('retryFirst', { min: 1, fallback: HANDOVER_DEFAULTS.retryFirst }),
    retryMost: fields.integer('retryMost', { min: 1, fallback: HANDOVER_DEFAULTS.retryMost }),
  };
  fields.end();
  return handover;
}
