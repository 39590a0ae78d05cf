/**
 * The intake of a DF as a process: it takes PDUs over X2 and X3, and lays them into streams for the process that mediates.
 * It has no state of its own, nor tasks, nor keys. What it could not lay down is not acknowledged, and stays at the
 * points of interception.
 *
 *     POI ──X2/X3──► X2X3Server ─► StreamedIntake ─► streams ┄┄► StreamedSource ─► Mediation
 */
import { opening } from '../../bytes/opened.ts';
import type { Opened, Started } from '../../bytes/opened.ts';
import { connectionMeters, meter, meterBy } from '../../host/meters.ts';
import type { Operation } from '../../host/operation.ts';
import type { PeerState } from '../../host/status.ts';
import type { Running, Runtime } from '../../host/runtime.ts';
import { LiveTls } from '../../net/live-tls.ts';
import { loadTls, requireOwn } from '../../net/tls.ts';
import type { Listen } from '../../host/config.ts';
import type { DfConfig } from './config.ts';
import { StreamedIntake } from './listeners/streamed-intake.ts';
import { x2x3Server } from './start-delivery.ts';
import { streamsTold } from './start-stream-operation.ts';
import { openStreams } from './start-streams.ts';
import type { DfStreamSettings } from './start-streams.ts';

export interface RunningIntake extends Running {
  readonly x2x3: Listen;
  readonly operation: Operation<DfConfig>;
}

/** @throws ConfigError, TlsError, StorageError */
export function startIntake(
  config: DfConfig,
  streams: DfStreamSettings,
  runtime: Runtime,
): Promise<RunningIntake> {
  return opening((opened) => startWith(config, streams, runtime, opened));
}

async function startWith(
  config: DfConfig,
  streams: DfStreamSettings,
  runtime: Runtime,
  opened: Opened,
): Promise<Started<RunningIntake>> {
  const tls = new LiveTls(loadTls(config.tls, runtime.clock.now()));
  requireOwn(tls, config.x1.identifier, 'df');
  const server = await openStreams(streams, config.roles, runtime, opened);
  const { clock, logger } = runtime;
  const intake = new StreamedIntake({ server, settings: streams, clock, logger });
  const listener = x2x3Server(config.x2x3, tls, intake, runtime);
  opened.add(() => listener.stop());
  const port = await listener.start();
  const told = streamsTold(server, streams, config.roles, null);
  const points = (): PeerState[] => listener.peers().map((name) => ({ name, role: 'poi', state: 'up' }));
  return {
    x2x3: { address: config.x2x3.address, port },
    operation: {
      entity: 'df',
      name: config.x1.identifier,
      tls,
      audit: null,
      state: async () => ({
        tasks: 0,
        destinations: 0,
        queues: await told.queues(),
        peers: [...told.peers(), ...points()],
        alarms: told.alarms(),
      }),
      unready: () => [
        ...told.problems(),
        ...(listener.failure === null ? [] : [`PDUs cannot be stored: ${listener.failure}`]),
      ],
      meters: [
        ...connectionMeters({ x2x3: listener.bounds }),
        ...told.meters,
        meterBy(
          'reference',
          'pdus_streamed_total',
          'PDUs that were laid into streams, copies that came again among them.',
          () => intake.stored,
        ),
        meter(
          'refused_frames_lost_total',
          'Frames that were not understood and could not be passed on to be set aside.',
          () => intake.refusedLost,
        ),
      ],
      kept: null,
      retakes: {},
      drain: () => Promise.resolve(true),
    },
  };
}
