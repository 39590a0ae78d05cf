/**
 * The ADMF as a process: warrants in, X1 out, reports of trouble in.
 *
 *     { "identifier": "admf.home1.example",
 *       "listen": { "address": "127.0.0.1", "port": 0 },     where elements report (X1)
 *       "tls": { "certificate": …, "privateKey": …, "authorities": … },
 *       "hosts": { "cscf.home1.example": "127.0.0.1" },
 *       "store": "admf/admf.sqlite",
 *       "audit": "admf/audit.log",
 *       "schema": "xsd/all.xsd",                             optional: the operator's copy of the X1 schema
 *       "elements": [ { "identifier": "cscf.home1.example", "kind": "cscf",
 *                       "url": "https://cscf.home1.example:8443/X1/NE", "keepaliveMs": 10000 } ],
 *       "x2x3": { "host": "df.home1.example", "port": 7001 },   where the DF takes X2 and X3
 *       "drainMs": 5000,                                     from the end of interception to the end of delivery
 *       "attempts": 3, "attemptPauseMs": 500, "attemptMs": 10000, "settleMs": 5000,
 *       "recordInto": "out/home1/x1",                        optional: every X1 document as a file
 *       "warrants": [ { "liid": "LIID1", "targets": [ { "name": "sipUri", "value": "sip:alice@home1.example" } ],
 *                       "delivery": "IRI+CC", "startTime": "2026-01-01T00:00:00Z", "endTime": …,
 *                       "lemf": { "hi2": { "host": …, "port": … }, "hi3": … }, "location": false } ] }
 *
 * Warrants of the configuration that are not on record, or have failed before, are activated at the start.
 */
import { Admf } from './admf.ts';
import type { ElementKind } from './ports.ts';
import { X1AdmfHandler } from './reports.ts';
import type { Issue } from './reports.ts';
import type { HostPort, Warrant } from './warrants.ts';
import type { Logger } from '../../bytes/ports.ts';
import { HashChainLog } from '../../evidence/log.ts';
import type { X1Recorder } from '../../x1/endpoint.ts';
import { X1Requester } from '../../x1/requester.ts';
import { HostMap } from '../../net/hosts.ts';
import type { HostEntries } from '../../net/hosts.ts';
import { HttpsClient, httpsServer, listen } from '../../net/https.ts';
import { loadTls } from '../../net/tls.ts';
import type { TlsFiles } from '../../net/tls.ts';
import { x1Transport } from '../../x1/client.ts';
import { X1Schema } from '../../x1/schema.ts';
import { mountX1Admf } from '../../x1/server.ts';
import { SqliteAdmfStore } from './store/sqlite.ts';
import { holdingState } from '../../storage/lock.ts';
import { AuditFile } from '../../evidence/audit-file.ts';
import { X1Files } from './store/x1-files.ts';
import { ConfigError, Fields } from '../../host/config.ts';
import type { Listen } from '../../host/config.ts';
import type { Running, Runtime } from '../../host/runtime.ts';

export interface AdmfElementConfig {
  readonly identifier: string;
  readonly kind: ElementKind;
  /** Where it takes X1. */
  readonly url: string;
  readonly keepaliveMs: number | null;
}

export interface AdmfConfig {
  readonly identifier: string;
  readonly listen: Listen;
  readonly tls: TlsFiles;
  readonly hosts: HostEntries;
  readonly store: string;
  readonly audit: string;
  readonly schema: string | null;
  readonly elements: readonly AdmfElementConfig[];
  readonly x2x3: HostPort;
  readonly drainMs: number;
  readonly attempts: number;
  readonly attemptPauseMs: number;
  readonly attemptMs: number;
  readonly settleMs: number;
  readonly recordInto: string | null;
  readonly warrants: readonly Warrant[];
}

export interface RunningAdmf extends Running {
  /** Takes warrants: `activateWarrant`, `modifyWarrant`, `deactivateWarrant`, `list`, `ping`, `verify`, `reconcile`. */
  readonly admf: Admf;
  /** Where elements report. */
  readonly x1: Listen;
  /** What elements have reported and not cleared. */
  issues(): Issue[];
}

/** @throws ConfigError */
export function admfConfig(json: unknown): AdmfConfig {
  const fields = new Fields(json);
  const config: AdmfConfig = {
    identifier: fields.string('identifier'),
    listen: fields.listen('listen'),
    tls: fields.tls('tls'),
    hosts: fields.hosts('hosts'),
    store: fields.string('store'),
    audit: fields.string('audit'),
    schema: fields.has('schema') ? fields.string('schema') : null,
    elements: fields.list('elements', readElement),
    x2x3: readHostPort(fields.object('x2x3')),
    drainMs: fields.integer('drainMs', { fallback: 5_000 }),
    attempts: fields.integer('attempts', { min: 1, max: 100, fallback: 3 }),
    attemptPauseMs: fields.integer('attemptPauseMs', { fallback: 500 }),
    attemptMs: fields.integer('attemptMs', { min: 1, fallback: 10_000 }),
    settleMs: fields.integer('settleMs', { min: 1, fallback: 5_000 }),
    recordInto: fields.has('recordInto') ? fields.string('recordInto') : null,
    warrants: fields.list('warrants', readWarrant),
  };
  fields.end();
  return config;
}

/**
 * Starts an ADMF. `onDocument` is told of every X1 document as it is sent or received.
 * @throws ConfigError, TlsError, X1SchemaError, EvidenceError, StorageError
 */
export function startAdmf(
  config: AdmfConfig,
  runtime: Runtime,
  onDocument?: X1Recorder,
): Promise<RunningAdmf> {
  const place = { entity: 'admf', files: [config.store, config.audit] };
  return holdingState(place, runtime.clock.now(), () => startHolding(config, runtime, onDocument));
}

async function startHolding(
  config: AdmfConfig,
  runtime: Runtime,
  onDocument?: X1Recorder,
): Promise<RunningAdmf> {
  const { clock, random, logger } = runtime;
  const tls = loadTls(config.tls, clock.now());
  const schema = config.schema === null ? null : new X1Schema(config.schema);
  const files = config.recordInto === null ? null : new X1Files(config.recordInto);
  const auditFile = new AuditFile(config.audit);
  const audit = new HashChainLog(auditFile, clock);
  const store = await SqliteAdmfStore.open(config.store);
  const client = new HttpsClient({ hosts: new HostMap(config.hosts), tls, timeoutMs: config.attemptMs });
  const recorder: X1Recorder = (from, to, octets) => {
    files?.record(from, to, octets);
    onDocument?.(from, to, octets);
  };
  const common = { clock, random, logger, audit, recorder, ...(schema === null ? {} : { judge: schema }) };
  const { identifier } = config;
  const reports = new X1AdmfHandler({
    ...common,
    identifier,
    elements: config.elements.map((element) => element.identifier),
  });
  const server = httpsServer({ tls, authentication: 'mutual' });
  mountX1Admf(server, reports);
  const close = async (): Promise<void> => {
    await server.close();
    await client.close();
    await store.close();
    auditFile.close();
    schema?.close();
  };
  try {
    const port = await listen(server, config.listen.address, config.listen.port);
    const admf = await Admf.open({
      ...common,
      elements: config.elements.map((element) => ({
        identifier: element.identifier,
        kind: element.kind,
        ...(element.keepaliveMs === null ? {} : { keepaliveMs: element.keepaliveMs }),
        x1: new X1Requester({
          ...common,
          side: 'admf',
          admfIdentifier: identifier,
          neIdentifier: element.identifier,
          transport: x1Transport(client, element.url),
        }),
      })),
      x2x3: config.x2x3,
      store,
      drainMs: config.drainMs,
      retry: { attempts: config.attempts, pauseMs: config.attemptPauseMs },
      settleMs: config.settleMs,
    });
    activateConfigured(admf, config.warrants, logger);
    return {
      admf,
      x1: { address: config.listen.address, port },
      issues: () => reports.issues(),
      stop: async () => {
        await admf.stop();
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Activates what is not on record, or has failed before. */
function activateConfigured(admf: Admf, warrants: readonly Warrant[], logger: Logger): void {
  const settled = admf.list().filter(({ state }) => state !== 'failed');
  const onRecord = new Set(settled.map(({ warrant }) => warrant.liid));
  for (const warrant of warrants.filter(({ liid }) => !onRecord.has(liid))) {
    // Failures are in the log and the audit log; the ADMF stays up for the other warrants.
    admf.activateWarrant(warrant).catch((error: unknown) => {
      logger.error({ error, liid: warrant.liid }, 'a warrant of the configuration was not activated');
    });
  }
}

function readElement(json: unknown, path: string): AdmfElementConfig {
  const fields = new Fields(json, path);
  const element = {
    identifier: fields.string('identifier'),
    kind: fields.oneOf('kind', ['cscf', 'gateway', 'df', 'kms']),
    url: fields.string('url'),
    keepaliveMs: fields.has('keepaliveMs') ? fields.integer('keepaliveMs', { min: 1 }) : null,
  };
  fields.end();
  return element;
}

function readWarrant(json: unknown, path: string): Warrant {
  const fields = new Fields(json, path);
  const lemf = fields.object('lemf');
  const warrant = {
    liid: fields.string('liid'),
    targets: fields.list('targets', (target, at) => {
      const parts = new Fields(target, at);
      const identifier = { name: parts.string('name'), value: parts.string('value') };
      parts.end();
      return identifier;
    }),
    delivery: fields.oneOf('delivery', ['IRI', 'IRI+CC']),
    startTime: readTime(fields, 'startTime', path),
    endTime: readTime(fields, 'endTime', path),
    lemf: {
      hi2: readHostPort(lemf.object('hi2')),
      ...(lemf.has('hi3') ? { hi3: readHostPort(lemf.object('hi3')) } : {}),
    },
    location: fields.boolean('location', false),
  };
  lemf.end();
  fields.end();
  return warrant;
}

/** RFC 3339 with a time zone. */
function readTime(fields: Fields, name: string, path: string): number {
  const text = fields.string(name);
  const time = /T.*(?:Z|[+-]\d{2}:\d{2})$/.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(time)) throw new ConfigError('configuration', `${path}.${name} is not a time with zone`);
  return time;
}

function readHostPort(fields: Fields): HostPort {
  const at = { host: fields.string('host'), port: fields.integer('port', { min: 2, max: 65535 }) };
  fields.end();
  return at;
}
