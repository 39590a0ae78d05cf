/**
 * The entities of the laboratory, by kind: how each is started from its configuration, what it tells whoever watches, and
 * what scenarios have it do. The same code whether it runs in this process or in one of its own.
 */
import { admfConfig } from '../../entities/admf/config.ts';
import { startAdmf } from '../../entities/admf/start.ts';
import type { RunningAdmf } from '../../entities/admf/start.ts';
import type { Warrant } from '../../entities/admf/warrants.ts';
import { cscfConfig } from '../../entities/cscf/config.ts';
import { startCscf } from '../../entities/cscf/start.ts';
import type { RunningCscf } from '../../entities/cscf/start.ts';
import { dfConfig } from '../../entities/df/config.ts';
import type { DfEvent } from '../../entities/df/events.ts';
import { startDf } from '../../entities/df/start.ts';
import type { RunningDf } from '../../entities/df/start.ts';
import { gatewayConfig } from '../../entities/gateway/config.ts';
import { startGateway } from '../../entities/gateway/start.ts';
import type { RunningGateway } from '../../entities/gateway/start.ts';
import { kmsConfig } from '../../entities/kms/config.ts';
import { startKms } from '../../entities/kms/start.ts';
import type { RunningKms } from '../../entities/kms/start.ts';
import { lemfConfig } from '../../entities/lemf/config.ts';
import type { LemfEvent } from '../../entities/lemf/ports.ts';
import type { RecoveryReport } from '../../entities/lemf/recover.ts';
import { startLemf } from '../../entities/lemf/start.ts';
import type { LemfExtras } from '../../entities/lemf/start-analysts.ts';
import type { RunningLemf } from '../../entities/lemf/start.ts';
import { loadedModules } from '../../host/loaded-modules.ts';
import type { Runtime } from '../../host/runtime.ts';
import type { Datagrams } from '../../media/datagrams.ts';
import { LabError } from '../errors.ts';
import { issueWarrant, withdrawWarrant } from './officer.ts';
import type { Entity } from './home.ts';
import type { SentDatagram } from './media-tap.ts';
import type { SeenSip } from './signalling.ts';

export interface RunningEntities {
  readonly kms: RunningKms;
  readonly cscf: RunningCscf;
  readonly gateway: RunningGateway;
  readonly df: RunningDf;
  readonly admf: RunningAdmf;
  readonly lemf: RunningLemf;
}

/** What an entity tells of what it does. */
export type EntitySighting =
  | { readonly kind: 'df'; readonly event: DfEvent }
  | { readonly kind: 'lemf'; readonly event: LemfEvent }
  | { readonly kind: 'sip'; readonly seen: SeenSip }
  | { readonly kind: 'x1'; readonly from: string; readonly to: string; readonly octets: Uint8Array }
  | { readonly kind: 'media'; readonly sent: SentDatagram };

export interface Watching {
  readonly sees: (sighting: EntitySighting) => void;
  /** For UDP sockets. */
  readonly datagrams: Datagrams;
  /** Of LEMFs, for their analysts. */
  readonly exporter: LemfExtras['exporter'] | undefined;
}

type Config = Record<string, unknown>;

const STARTERS: {
  readonly [E in Entity]: (
    config: Config,
    runtime: Runtime,
    watching: Watching,
  ) => Promise<RunningEntities[E]>;
} = {
  kms: (config, runtime) => startKms(kmsConfig(config), runtime),
  cscf: async (config, runtime, { sees }) => {
    const cscf = await startCscf(cscfConfig(config), runtime);
    cscf.observe(({ direction, octets, flow: { local, remote } }) =>
      sees({ kind: 'sip', seen: { direction, octets, flow: { local, remote } } }),
    );
    return cscf;
  },
  gateway: (config, runtime, { datagrams }) => startGateway(gatewayConfig(config), runtime, datagrams),
  df: (config, runtime, { sees }) =>
    startDf(dfConfig(config), runtime, (event) => sees({ kind: 'df', event })),
  admf: (config, runtime, { sees }) =>
    startAdmf(admfConfig(config), runtime, {
      onDocument: (from, to, octets) => sees({ kind: 'x1', from, to, octets }),
    }),
  lemf: (config, runtime, { sees, exporter }) =>
    startLemf(
      lemfConfig(config),
      runtime,
      (event) => sees({ kind: 'lemf', event }),
      exporter === undefined ? {} : { exporter },
    ),
};

export function startLabEntity<E extends Entity>(
  entity: E,
  config: Config,
  runtime: Runtime,
  watching: Watching,
): Promise<RunningEntities[E]> {
  return STARTERS[entity](config, runtime, watching);
}

/* ---------------------------------------------------------------- what it is told to do */

/** What scenarios have entities do. */
export interface Tasks {
  /** Waits until nothing is on its way out, so many milliseconds at most. */
  readonly drain: { readonly of: 'cscf' | 'gateway' | 'df'; readonly with: number; readonly gives: boolean };
  /** Recovers what the LEMF has into a folder. */
  readonly recover: { readonly of: 'lemf'; readonly with: string; readonly gives: RecoveryReport };
  /** How many modules a DF has loaded, and how many whose URLs have one of these parts. */
  readonly modules: {
    readonly of: 'df';
    readonly with: readonly string[];
    readonly gives: { readonly modules: number; readonly named: number };
  };
  /** The KMS's secrets, in the clear. */
  readonly reveal: { readonly of: 'kms'; readonly with: null; readonly gives: Record<string, unknown> };
  /** Resolves when the warrant is active. */
  readonly issue: { readonly of: 'admf'; readonly with: Warrant; readonly gives: null };
  /** Resolves when nothing is left of the warrant of that LIID. */
  readonly withdraw: { readonly of: 'admf'; readonly with: string; readonly gives: null };
}

export type TaskName = keyof Tasks;

/** An entity of a scenario, wherever it runs. */
export interface LabEntity {
  /** @throws LabError, or what the entity throws */
  perform<T extends TaskName>(task: T, given: Tasks[T]['with']): Promise<Tasks[T]['gives']>;
  stop(): Promise<void>;
}

type Performers<E extends Entity> = {
  readonly [T in TaskName]?: (
    running: RunningEntities[E],
    given: Tasks[T]['with'],
  ) => Promise<Tasks[T]['gives']>;
};

const PERFORMERS: { readonly [E in Entity]: Performers<E> } = {
  kms: { reveal: (kms) => kms.reveal() },
  cscf: { drain: (cscf, ms) => cscf.drain(ms) },
  gateway: { drain: (gateway, ms) => gateway.drain(ms) },
  df: {
    drain: (df, ms) => df.settle(ms),
    modules: (_, names) => {
      const urls = loadedModules();
      const named = urls.filter((url) => names.some((name) => url.includes(name))).length;
      return Promise.resolve({ modules: urls.length, named });
    },
  },
  lemf: { recover: (lemf, folder) => lemf.recover(folder) },
  admf: {
    issue: async (admf, warrant) => {
      await issueWarrant(admf, warrant);
      return null;
    },
    withdraw: async (admf, liid) => {
      await withdrawWarrant(admf, liid);
      return null;
    },
  },
};

/** An entity of this process. */
export function localEntity<E extends Entity>(entity: E, running: RunningEntities[E]): LabEntity {
  return {
    perform: <T extends TaskName>(task: T, given: Tasks[T]['with']) => {
      const performers: Performers<E> = PERFORMERS[entity];
      const performer = performers[task];
      if (performer === undefined) throw new LabError('options', `a ${entity} cannot ${task}`);
      return performer(running, given);
    },
    stop: () => running.stop(),
  };
}
