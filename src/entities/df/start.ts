/**
 * The delivery function as a process: DF2/MF and DF3 with their X1 endpoint.
 *
 * Whatever is wrong with keys, certificates or settings keeps it from starting.
 */
import type { DfListener } from './events.ts';
import type { Opened, Started } from '../../bytes/opened.ts';
import { isoTime } from '../../bytes/iso-time.ts';
import { present } from '../../bytes/present.ts';
import { DF_POLICY } from '../../x1/policy.ts';
import { HostMap } from '../../net/hosts.ts';
import { loadTls, requireOwn } from '../../net/tls.ts';
import { LiveTls } from '../../net/live-tls.ts';
import type { Operation } from '../../host/operation.ts';
import { dfKept, dfOperation } from './start-operation.ts';
import { XkClient } from '../../xk/client.ts';
import { PduFiles, XkFiles } from './store/stored-records.ts';
import type { Listen } from '../../host/config.ts';
import { holdingState } from '../../storage/lock.ts';
import { startDelivery } from './start-delivery.ts';
import { openDfStores } from './start-stores.ts';
import type { KeptByDf } from './start-stores.ts';
import type { RetirementAccount } from './retention.ts';
import type {
  MediatingOptions,
  NetworkDecryption,
  RunningDelivery,
  RunningMediating,
} from './start-delivery.ts';
import type { DfConfig } from './config.ts';
import type { StreamsTold } from './start-stream-operation.ts';
import type { Runtime } from '../../host/runtime.ts';
import { startX1Ne } from '../../x1/ne.ts';

export type RunningDf = RunningDelivery & DfBesides;

/** What a DF that mediates has besides. */
export interface DfBesides {
  readonly x1: Listen;
  readonly operation: Operation<DfConfig>;
}

/** Starts a DF. `onEvent` is told of PDUs, questions, answers and records as they happen. @throws ConfigError, TlsError, StorageError */
export function startDf(config: DfConfig, runtime: Runtime, onEvent?: DfListener): Promise<RunningDf> {
  const { place } = dfKept(config);
  return holdingState(place, runtime.clock.now(), (opened) =>
    startHolding(config, runtime, opened, {
      open: () => openDfStores(config, runtime, opened),
      start: (options, { store }) =>
        startDelivery({ ...options, ...present({ onEvent }), store, listen: config.x2x3 }, runtime),
    }),
  );
}

/** Where content is decrypted by the DF. */
function decryptionOf(
  { decryption: { at, holdMs: ms, pdus, octets } }: DfConfig,
  record: NetworkDecryption['record'],
): Pick<MediatingOptions, 'decryption'> {
  return at === 'network' ? { decryption: { hold: { ms, pdus, octets }, record } } : {};
}

/** What differs between the ways in which a DF runs. */
export interface WayToRun<S extends KeptByDf, D extends RunningMediating> {
  /** Opens what it keeps. */
  open(): Promise<S>;
  /** Makes the mediation, with what gives it its PDUs. */
  start(options: Omit<MediatingOptions, 'store'>, state: S): Promise<D>;
}

/** All but where PDUs come from, under the lock of its state. */
export async function startHolding<S extends KeptByDf, D extends RunningMediating>(
  config: DfConfig,
  runtime: Runtime,
  opened: Opened,
  way: WayToRun<S, D>,
  streams?: StreamsTold,
): Promise<Started<D & DfBesides>> {
  const tls = new LiveTls(loadTls(config.tls, runtime.clock.now()));
  requireOwn(tls, config.x1.identifier, 'df');
  const state = await way.open();
  const hosts = new HostMap(config.hosts);
  const pdus = config.recordInto === undefined ? null : new PduFiles(config.recordInto);
  opened.add(() => pdus?.close());
  const exchanges =
    config.recordInto !== undefined && config.revealSecrets ? new XkFiles(config.recordInto) : null;
  const keys = new XkClient({
    url: config.xk.url,
    timeoutMs: config.xk.attemptMs,
    hosts,
    tls,
    ...(exchanges === null ? {} : { onExchange: (exchange) => exchanges.write(exchange) }),
  });
  opened.add(() => keys.close());
  const outbox: { delivery: RunningMediating | null } = { delivery: null };
  opened.add(() => outbox.delivery?.stop());
  const x1 = await startX1Ne(config.x1, {
    ...{ policy: DF_POLICY, tls, hosts, state, runtime },
    // Until the outbox is open, nobody knows: nothing is removed.
    waitsFor: (did) => outbox.delivery?.waitsFor(did) ?? Promise.resolve(true),
    destinationsTold: async () => outbox.delivery?.destinationsTold(),
  });
  opened.add(() => x1.stop());
  const options = {
    setAside: state.setAside,
    tls,
    hosts,
    name: config.name,
    table: x1.table,
    keys,
    issues: x1.reporter,
    keyTiming: { timerMs: config.xk.timerMs },
    questionsAtOnce: config.xk.questionsAtOnce,
    handover: config.handover,
    hold: config.hold,
    ...decryptionOf(config, (account) => state.audit.append({ kind: 'keys-in-use', ...account })),
    retention: {
      ms: config.retention * 1000,
      record: ({ endedAt, ...counts }: RetirementAccount) =>
        state.audit.append({ kind: 'warrant-retired', ...counts, endedAt: isoTime(endedAt) }),
    },
    ...present({ recorder: pdus }),
  };
  const delivery = await way.start(options, state);
  outbox.delivery = delivery;
  return {
    ...delivery,
    operation: dfOperation(config, {
      ...{ tls, x1, delivery, streams },
      ...{ trail: state.trail, database: state.database },
    }),
    ...present({ over: state.database?.lost }),
    x1: { address: config.x1.listen.address, port: x1.port },
  };
}
