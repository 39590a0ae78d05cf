/**
 * The law enforcement monitoring facility as a process: listeners for HI2 and HI3, the files of what came in, and
 * recovery from them, at once or later.
 */
import { SerialQueue } from '../../bytes/serial-queue.ts';
import { readFile } from 'node:fs/promises';
import { existsSync, statSync } from 'node:fs';
import type { Timer } from '../../bytes/ports.ts';
import type { LemfListener } from './ports.ts';
import { LemfReceiver } from './receiver.ts';
import { recover } from './recover.ts';
import type { RecoverOptions, RecoveryReport } from './recover.ts';
import { parseSources, sourcesPath } from './sources.ts';
import type { SourceMark } from './sources.ts';
import { HandoverServer } from './listeners/handover-server.ts';
import { admissionOf, loadTls } from '../../net/tls.ts';
import { LemfFiles } from './store/files.ts';
import { holdingState } from '../../storage/lock.ts';
import { writeRecovery } from './store/recovery.ts';
import type { Listen } from '../../host/config.ts';
import type { LemfConfig } from './config.ts';
import type { Running, Runtime } from '../../host/runtime.ts';

export interface RunningLemf extends Running {
  readonly hi2: Listen;
  readonly hi3: Listen;
  /** Recovers from all that is stored now, into `folder`. */
  recover(folder: string, options?: RecoverOptions): Promise<RecoveryReport>;
}

/** Octets of both files above which the running LEMF leaves recovery to `claviger lemf recover`. */
const LIVE_RECOVERY_LIMIT = 256 << 20;

/**
 * Starts a LEMF. `onEvent` is told of connections, records, streams, gaps, copies and recoveries as they happen.
 * @throws ConfigError, TlsError, LemfError `damaged`, StorageError `locked`
 */
export function startLemf(
  config: LemfConfig,
  runtime: Runtime,
  onEvent: LemfListener = () => undefined,
): Promise<RunningLemf> {
  const place = { entity: 'lemf', folders: [config.folder] };
  return holdingState(place, runtime.clock.now(), () => startHolding(config, runtime, onEvent));
}

async function startHolding(
  config: LemfConfig,
  runtime: Runtime,
  onEvent: LemfListener,
): Promise<RunningLemf> {
  const { clock, logger } = runtime;
  const tls = loadTls(config.tls, clock.now());
  const files = new LemfFiles(config.folder);
  const live = new LiveRecovery(config, runtime, files, onEvent);
  const acceptor = new LemfReceiver({
    store: files,
    clock,
    logger,
    onEvent,
    onStored: () => live.stored(),
  });
  const servers = (['hi2', 'hi3'] as const).map(
    (kind) =>
      new HandoverServer({
        ...config[kind],
        admission: admissionOf(config[kind].peers, tls, ['df']),
        kind,
        tls,
        acceptor,
        logger,
      }),
  );
  const stop = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.stop()));
    await live.stop();
    await files.close();
  };
  const ports: number[] = [];
  try {
    for (const server of servers) ports.push(await server.start());
  } catch (error) {
    await stop();
    throw error;
  }
  const [hi2 = 0, hi3 = 0] = ports;
  logger.info({ hi2, hi3 }, 'LEMF is listening');
  return {
    hi2: { address: config.hi2.address, port: hi2 },
    hi3: { address: config.hi3.address, port: hi3 },
    recover: (folder, options) => recoverFiles(files.path('hi2'), files.path('hi3'), folder, options),
    stop,
  };
}

/** Recovery into `recoverInto`, when something has come in and then nothing for a while; one run at a time. */
class LiveRecovery {
  readonly #config: LemfConfig;
  readonly #runtime: Runtime;
  readonly #files: LemfFiles;
  readonly #onEvent: LemfListener;
  #timer: Timer | null = null;
  readonly #recoveries = new SerialQueue();

  constructor(config: LemfConfig, runtime: Runtime, files: LemfFiles, onEvent: LemfListener) {
    this.#config = config;
    this.#runtime = runtime;
    this.#files = files;
    this.#onEvent = onEvent;
  }

  /** A PDU was stored. */
  stored(): void {
    const { recoverInto, recoverAfter } = this.#config;
    if (recoverInto === undefined) return;
    this.#timer?.cancel();
    this.#timer = this.#runtime.clock.after(recoverAfter, () => {
      this.#timer = null;
      void this.#recoveries.run(() => this.#recover(recoverInto));
    });
  }

  /** Finishes what is under way; what was about to begin begins now. */
  async stop(): Promise<void> {
    await this.#recoveries.ended();
    if (this.#timer === null) return;
    this.#timer.cancel();
    if (this.#config.recoverInto !== undefined) await this.#recover(this.#config.recoverInto);
  }

  async #recover(folder: string): Promise<void> {
    const { clock, logger } = this.#runtime;
    const paths = [this.#files.path('hi2'), this.#files.path('hi3')] as const;
    const octets = paths.reduce((sum, file) => sum + statSync(file).size, 0);
    if (octets > LIVE_RECOVERY_LIMIT) {
      logger.warn({ octets }, 'too much for recovery while running; use lemf recover');
      return;
    }
    try {
      const report = await recoverFiles(...paths, folder);
      const calls = report.calls.filter(({ packets }) => packets > 0);
      this.#onEvent({
        type: 'recovered',
        at: clock.now(),
        calls: calls.length,
        recoveredCalls: calls.filter(({ recovered }) => recovered).length,
        files: calls.flatMap(({ streams }) => streams.flatMap(({ file }) => file ?? [])),
      });
    } catch (error) {
      logger.error({ error }, 'recovery failed');
    }
  }
}

/**
 * Recovers from two files into a folder: WAV files and `recover.json`. The same function live and years later. Where the
 * files' notes of who sent what stand beside them, they are used.
 */
export async function recoverFiles(
  hi2: string,
  hi3: string,
  folder: string,
  options: RecoverOptions = {},
): Promise<RecoveryReport> {
  const [hi2Octets, hi3Octets] = await Promise.all([readFile(hi2), readFile(hi3)]);
  const sources = { hi2: await sourcesOf(hi2), hi3: await sourcesOf(hi3) };
  const recovery = recover(new Uint8Array(hi2Octets), new Uint8Array(hi3Octets), { sources, ...options });
  writeRecovery(folder, recovery);
  return recovery.report;
}

async function sourcesOf(file: string): Promise<SourceMark[]> {
  const notes = sourcesPath(file);
  return existsSync(notes) ? parseSources(await readFile(notes, 'utf8')) : [];
}
