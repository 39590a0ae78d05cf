/**
 * The law enforcement monitoring facility as a process: listeners for HI2 and HI3, the files of what came in, and
 * recovery from them, at once or later.
 */
import { X509Certificate } from 'node:crypto';
import type { Opened, Started } from '../../bytes/opened.ts';
import type { HandoverKind, LemfListener } from './ports.ts';
import { LemfReceiver } from './receiver.ts';
import type { RecoverOptions, RecoveryReport } from './recover.ts';
import { HandoverServer } from './listeners/handover-server.ts';
import { admissionOf, loadTls, peerOfCertificate } from '../../net/tls.ts';
import { LiveTls } from '../../net/live-tls.ts';
import type { Operation } from '../../host/operation.ts';
import { lemfOperation } from './start-operation.ts';
import { openAnalysts } from './start-analysts.ts';
import type { LemfExtras, OpenAnalysts } from './start-analysts.ts';
import { openAsking } from './start-asking.ts';
import { openRetention } from './start-retention.ts';
import { LemfFiles } from './store/files.ts';
import { holdingState } from '../../storage/lock.ts';
import { removeOldNumbers, SqliteNumbers } from './store/numbers.ts';
import { LiveRecovery } from './workers/live-recovery.ts';
import { NumberingThread } from './workers/numbering-thread.ts';
import { recoverInThread } from './workers/recovery-thread.ts';
import type { Listen } from '../../host/config.ts';
import type { LemfConfig } from './config.ts';
import type { Running, Runtime } from '../../host/runtime.ts';

export interface RunningLemf extends Running {
  readonly hi2: Listen;
  readonly hi3: Listen;
  /** Where analysts ask; `null`: nowhere. */
  readonly analysts: Listen | null;
  readonly operation: Operation<LemfConfig>;
  /** Recovers from all that is stored now, into `folder`. */
  recover(folder: string, options?: RecoverOptions): Promise<RecoveryReport>;
}

/**
 * Starts a LEMF. `onEvent` is told of connections, records, streams, gaps, copies and recoveries as they happen.
 * @throws ConfigError, TlsError, LemfError `damaged`, StorageError `locked`
 */
export function startLemf(
  config: LemfConfig,
  runtime: Runtime,
  onEvent: LemfListener = () => undefined,
  extras: LemfExtras = {},
): Promise<RunningLemf> {
  const place = { entity: 'lemf', folders: [config.folder] };
  return holdingState(place, runtime.clock.now(), (opened) =>
    startHolding(config, runtime, opened, { onEvent, extras }),
  );
}

async function startHolding(
  config: LemfConfig,
  runtime: Runtime,
  opened: Opened,
  { onEvent: listener, extras }: { readonly onEvent: LemfListener; readonly extras: LemfExtras },
): Promise<Started<RunningLemf>> {
  const { clock, logger } = runtime;
  const tls = new LiveTls(loadTls(config.tls, clock.now()));
  const files = new LemfFiles(config.folder);
  const paths = { hi2: files.path('hi2'), hi3: files.path('hi3') };
  const { recoverInto, recoverAfter } = config;
  const onEvent: LemfListener = (event) => {
    listener(event);
    analysts?.tell(event);
  };
  const asking = await openAsking(config, runtime, tls, (session) => live?.answered(session));
  const live =
    recoverInto === undefined
      ? null
      : new LiveRecovery({
          paths,
          folder: recoverInto,
          after: recoverAfter,
          lengths: () => files.lengths,
          clock,
          logger,
          onEvent,
          onQuestions: (questions) => asking?.take(questions),
        });
  removeOldNumbers(config.folder);
  const numbers = SqliteNumbers.beside(config.folder);
  const elsewhere = new NumberingThread(config.folder, paths);
  const kept = await openRetention(config, runtime, { files, live, asking, isIdle: () => acceptor.isIdle });
  const { retention } = kept;
  const { commonName: name } = peerOfCertificate(new X509Certificate(tls.certificate));
  const about = { live, audit: kept.audit, name, tls, clock, logger, paths, extras };
  const acceptor = new LemfReceiver({
    store: files,
    numbers,
    elsewhere,
    clock,
    logger,
    onEvent,
    onNotice: (name, operation) => retention.notified(name, operation),
    onWarrant: (name) => retention.stored(name),
    ...(live === null ? {} : { onStored: () => live.stored() }),
  });
  const server = (kind: HandoverKind): HandoverServer =>
    new HandoverServer({
      ...config[kind],
      admission: admissionOf(config[kind].peers, tls, ['df']),
      kind,
      tls,
      acceptor,
      logger,
      observe: runtime.observe,
    });
  const servers = { hi2: server('hi2'), hi3: server('hi3') };
  let analysts: OpenAnalysts | null = null;
  opened.add(async () => {
    await Promise.all([servers.hi2.stop(), servers.hi3.stop(), analysts?.close()]);
    acceptor.stop();
    retention.stop();
    await asking?.stop();
    await live?.stop();
    await kept.close();
    asking?.close();
    await elsewhere.close();
    await files.close();
    numbers.close();
  });
  const hi2 = await servers.hi2.start();
  const hi3 = await servers.hi3.start();
  analysts = await openAnalysts(config, about);
  retention.start();
  return {
    hi2: { address: config.hi2.address, port: hi2 },
    hi3: { address: config.hi3.address, port: hi3 },
    analysts: analysts?.at ?? null,
    operation: lemfOperation({
      name,
      tls,
      receiver: acceptor,
      servers,
      kept,
      asking,
      analysts,
      live,
      paths: [paths.hi2, paths.hi3],
    }),
    recover: (folder, options = {}) => recoverInThread({ paths, folder, options }),
  };
}
