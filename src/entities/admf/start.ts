/**
 * The ADMF as a process: warrants in, X1 out, reports of trouble in.
 */
import { Admf } from './admf.ts';
import { WarrantDesk } from './desk.ts';
import { checkWarrant } from './hi1/warrant-check.ts';
import { openHi1 } from './http/open-hi1.ts';
import { X1AdmfHandler } from './reports.ts';
import { IssueBook } from './issues.ts';
import type { Issue } from './issues.ts';
import type { Warrant } from './warrants.ts';
import type { Opened, Started } from '../../bytes/opened.ts';
import { present } from '../../bytes/present.ts';
import { openKeptLog } from '../../evidence/kept-log.ts';
import type { X1Recorder } from '../../x1/endpoint.ts';
import { HostMap } from '../../net/hosts.ts';
import { HttpsClient } from '../../net/https.ts';
import { openOfficers } from './http/open-officers.ts';
import type { PageSource } from '../../net/pages.ts';
import { loadTls, requireOwn } from '../../net/tls.ts';
import { x1Transport } from '../../x1/client.ts';
import { X1Schema } from '../../x1/schema.ts';
import { mountX1Admf, openX1Listener } from '../../x1/server.ts';
import { heldX1, openAdmfStore } from './start-store.ts';
import { holdingState } from '../../storage/lock.ts';
import { X1Files } from './store/x1-files.ts';
import type { Listen } from '../../host/config.ts';
import { LiveTls } from '../../net/live-tls.ts';
import type { Operation } from '../../host/operation.ts';
import type { AdmfConfig } from './config.ts';
import { admfKept, admfOperation } from './start-operation.ts';
import type { Running, Runtime } from '../../host/runtime.ts';

export interface RunningAdmf extends Running {
  /** Carries warrants out: `carried`, `gone`, `list`, `ping`, `verify`, `reconcile`. */
  readonly admf: Admf;
  readonly operation: Operation<AdmfConfig>;
  /** What officers decide about warrants. */
  readonly desk: WarrantDesk;
  /** Where elements report. */
  readonly x1: Listen;
  /** Where officers work; absent: there is no such door. */
  readonly officers?: Listen;
  /** Where agencies send; `null`: HI1 is not configured. */
  readonly hi1: Listen | null;
  /** What elements have reported and not cleared. */
  issues(): Issue[];
}

/** What an ADMF may be given besides. */
export interface AdmfExtras {
  /** Told of every X1 document as it is sent or received. */
  readonly onDocument?: X1Recorder;
  /** The pages of the console, where its setting asks for them. */
  readonly consolePages?: PageSource;
}

/**
 * Starts an ADMF.
 * @throws ConfigError, TlsError, X1SchemaError, EvidenceError, StorageError
 */
export function startAdmf(
  config: AdmfConfig,
  runtime: Runtime,
  extras: AdmfExtras = {},
): Promise<RunningAdmf> {
  const { place } = admfKept(config);
  return holdingState(place, runtime.clock.now(), (opened) => startHolding(config, runtime, opened, extras));
}

async function startHolding(
  config: AdmfConfig,
  runtime: Runtime,
  opened: Opened,
  { onDocument, consolePages }: AdmfExtras,
): Promise<Started<RunningAdmf>> {
  const { clock, random, logger } = runtime;
  const tls = new LiveTls(loadTls(config.tls, clock.now()));
  requireOwn(tls, config.identifier, 'admf');
  const schema = config.schema === undefined ? null : new X1Schema(config.schema);
  opened.add(() => schema?.close());
  const files = config.recordInto === undefined ? null : new X1Files(config.recordInto);
  const { store, database } = await openAdmfStore(config, runtime, opened);
  const kept = await openKeptLog(config.audit, store.auditHead, runtime);
  opened.add(() => kept.close());
  const audit = kept.log;
  const toElements = { hosts: new HostMap(config.hosts), tls, answerLimit: config.answerOctets };
  const client = new HttpsClient({ ...toElements, timeoutMs: config.attemptMs });
  const listClient = new HttpsClient({ ...toElements, timeoutMs: config.listMs });
  opened.add(() => Promise.all([client.close(), listClient.close()]));
  const recorder: X1Recorder = (from, to, octets) => {
    files?.record(from, to, octets);
    onDocument?.(from, to, octets);
  };
  const issues = new IssueBook();
  const common = {
    issues,
    ...{ clock, random, logger, audit, recorder },
    ...present({ judge: schema }),
  };
  const { identifier } = config;
  const reports = new X1AdmfHandler({
    ...common,
    identifier,
    elements: config.elements.map((element) => element.identifier),
  });
  const listener = await openX1Listener(config.listen, { tls, logger }, (server) =>
    mountX1Admf(server, reports),
  );
  opened.add(() => listener.close());
  const admf = await Admf.open({
    ...common,
    elements: config.elements.map((element) => ({
      identifier: element.identifier,
      kind: element.kind,
      mostRequests: element.requests,
      ...present({ keepaliveMs: element.keepaliveMs }),
      x1: heldX1(database, {
        ...common,
        side: 'admf',
        admfIdentifier: identifier,
        neIdentifier: element.identifier,
        ...present({ version: element.version }),
        transport: x1Transport(client, element.url),
        listTransport: x1Transport(listClient, element.url),
        answerLimit: config.answerOctets,
      }),
    })),
    x2x3: config.x2x3,
    store,
    drainMs: config.drainMs,
    retentionMs: config.retention * 1000,
    retry: { attempts: config.attempts, pauseMs: config.attemptPauseMs },
    settleMs: config.settleMs,
  });
  opened.add(() => admf.stop());
  opened.add(() => database?.holding.giveUp());
  const { approval, emergencyMs } = config;
  const desk = new WarrantDesk(admf, { approval, emergencyMs, random, audit });
  const officers = await openOfficers(config, {
    ...{ admf, desk, issues, audit, tls, clock, logger },
    ...present({ consolePages }),
  });
  opened.add(() => officers?.close());
  const hi1 = await openHi1(config.hi1, {
    ...{ store: store.hi1, desk, clock, random, logger, audit, tls, settleMs: config.settleMs },
    retentionMs: config.retention * 1000,
    checkWarrant: (warrant: Warrant, now: number) => checkWarrant(warrant, config.x2x3, now),
  });
  opened.add(() => hi1?.stop());
  return {
    admf,
    operation: admfOperation(config, {
      ...{ tls, admf, issues, hi1, database, trail: kept.trail, connections: listener.connections },
      ...present({ officers: officers ?? undefined }),
    }),
    desk,
    ...present({ officers: officers?.at }),
    x1: { address: config.listen.address, port: listener.port },
    hi1: hi1?.address ?? null,
    issues: () => issues.list(),
    ...present({ over: database?.lost }),
  };
}
