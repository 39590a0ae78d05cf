/**
 * DF2 and DF3 without their X1 endpoint: the X2/X3 listener, the mediation with its store, the questions over Xk, and
 * the handover manager, wired to a table of tasks.
 *
 *     POI ──X2/X3──► X2X3Server ─► Mediation ─► DeliveryStore (outbox) ─► HandoverManager ──HI2/HI3──► LEMF
 *                                     └─► KeyRequests ─► XkClient ──Xk──► KMS
 */
import { opening } from '../../bytes/opened.ts';
import type { Opened, Started } from '../../bytes/opened.ts';
import { present } from '../../bytes/present.ts';
import type { ContentDecryptionSettings } from './decryption/content-decryption.ts';
import type { DfListener } from './events.ts';
import { recordEncoder } from './handover/encoder.ts';
import type { DeliveryName } from './handover/encoder.ts';
import { HandoverManager } from './handover/manager.ts';
import { HANDOVER_DEFAULTS } from './handover/ports.ts';
import type {
  HandoverAddress,
  HandoverAlarms,
  HandoverSettings,
  SendingWhileThere,
  WayOut,
  WayOutOptions,
} from './handover/ports.ts';
import type { HoldLimits } from './held.ts';
import { KeyRequests } from './key-requests.ts';
import type { KeyRequestTiming } from './key-requests.ts';
import { Mediation } from './mediation.ts';
import type { QuestionListener } from './mediation.ts';
import { Mediations } from './mediations.ts';
import type { MediationCounts } from './mediations.ts';
import type {
  ContentFiles,
  DfIssues,
  DfStore,
  HandoverOutbox,
  KeySource,
  Outbox,
  PassedOn,
  PduRecorder,
  SharedTaskView,
} from './ports.ts';
import type { RetentionOptions } from './retention.ts';
import { dfTasks, endedTask, TableWarrants } from './tasks.ts';
import type { TaskTable } from '../../x1/tasks.ts';
import { endpointOf } from '../../x1/policy.ts';
import { HandoverClient } from './listeners/handover-client.ts';
import type { HostMap } from '../../net/hosts.ts';
import type { ConnectionGuard, ConnectionLimits } from '../../net/connections.ts';
import { admissionOf } from '../../net/tls.ts';
import type { TlsMaterial } from '../../net/tls.ts';
import { X2X3Server } from './listeners/x2x3-server.ts';
import type { X2X3Consumer } from './listeners/x2x3-server.ts';
import { SetAsideFile } from '../../storage/set-aside.ts';
import type { Listen } from '../../host/config.ts';
import type { Running, Runtime } from '../../host/runtime.ts';

/** Where points of interception connect. */
export interface X2X3Listen extends Listen {
  readonly connections?: Partial<ConnectionLimits> | undefined;
  /** Names of points of interception; those of the own domain where none are given. */
  readonly peers?: readonly string[] | undefined;
}

/** What takes PDUs in, and gives them to the mediation. */
export interface DfIntake {
  /** Why PDUs cannot be stored now; `null`: they can, as far as it was tried. */
  readonly failure: string | null;
  /** The bounds of its connections; absent: it has none. */
  readonly bounds?: ConnectionGuard | undefined;
  /** Points of interception that are connected. */
  peers(): string[];
  /** Takes nothing more; resolves when what was taken is durable. */
  stop(): Promise<void>;
}

export interface DeliveryOptions extends MediatingOptions {
  readonly listen: X2X3Listen;
}

export interface MediatingOptions {
  /** Opened with what is started, and closed with it unless it is closed by whoever gives it. */
  readonly store: (opened: Opened) => Promise<DeliveryStore>;
  /** The file of PDUs that are set aside. */
  readonly setAside: string;
  readonly tls: TlsMaterial;
  readonly hosts: HostMap;
  readonly name: DeliveryName;
  readonly table: TaskTable;
  readonly keys: KeySource;
  readonly issues: DfIssues & HandoverAlarms;
  readonly recorder?: PduRecorder;
  readonly keyTiming?: KeyRequestTiming;
  readonly questionsAtOnce?: number;
  readonly handover?: Partial<HandoverSettings>;
  /** What may wait for tasks that are not known yet, and for how many milliseconds. */
  readonly hold?: HoldLimits & { readonly ms: number };
  /** What is kept of a warrant that has ended; absent: until it is delivered, and no longer than its calls. */
  readonly retention?: RetentionOptions;
  /** Absent: content goes as it was intercepted, and keys go to the LEMFs. */
  readonly decryption?: NetworkDecryption;
  readonly onEvent?: DfListener;
}

/** The way out to where other processes deliver. */
export interface WayBeyond extends WayOut {
  /** What has gone that way of the calls of a partition. */
  passedOn(partition: number): PassedOn;
}

/** Makes it, for what is in an outbox. */
export type OpenWayOut = (options: WayOutOptions & { readonly outbox: Outbox }) => WayBeyond;

/** That content is decrypted here. */
export type NetworkDecryption = Required<Omit<ContentDecryptionSettings, 'opener'>>;

/** A store as the delivery needs it. */
export interface DeliveryStore extends DfStore, Outbox {
  /** Of content in files; absent: none is. */
  readonly spool?: ContentFiles;
}

/** What is running, for those who look at it. */
export interface DeliveryParts {
  readonly outbox: HandoverOutbox;
  /** `null`: content is in the outbox. */
  readonly spool: ContentFiles | null;
  readonly setAside: SetAsideFile;
  readonly handover: WayOut;
  readonly mediation: MediationCounts;
  readonly requests: KeyRequests;
  readonly intake: DfIntake;
}

export interface RunningDelivery extends RunningMediating {
  readonly x2x3: Listen;
}

export interface RunningMediating extends Running {
  readonly parts: DeliveryParts;
  /** Waits at most `ms` milliseconds until no question is open and the outbox is empty; gives whether it came to that. */
  settle(ms: number): Promise<boolean>;
  /** Whether PDUs wait for a destination. */
  waitsFor(did: string): Promise<boolean>;
  /** Resolves when all who deliver can know what destinations there are. @throws if they cannot be told */
  destinationsTold(): Promise<void>;
}

/** PDUs wait so long for more at most: content half of what a packet of speech lasts, signalling less. */
const GATHER_MS = { x2: 5, x3: 10 };
const SETTLE_POLL_MS = 50;
/** Octets that any partition may have wait: some of the largest PDUs. */
const LEAST_OCTETS = 2 << 20;
/** For what waits for a destination that is to be removed and whose LEMF is there. */
const LAST_NEWS_MS = 2_000;

/** All of it in one process: what connections bring goes to the mediation at once. */
export async function startDelivery(
  { listen, ...options }: DeliveryOptions,
  runtime: Runtime,
): Promise<RunningDelivery> {
  let port = 0;
  const running = await startMediating(options, runtime, async (consumer) => {
    const server = x2x3Server(listen, options.tls, consumer, runtime);
    port = await server.start();
    return server;
  });
  return { ...running, x2x3: { address: listen.address, port } };
}

/** What listens to points of interception, and hands on what they send. */
export function x2x3Server(
  listen: X2X3Listen,
  tls: TlsMaterial,
  consumer: X2X3Consumer,
  { clock, logger, observe }: Runtime,
): X2X3Server {
  const admission = admissionOf(listen.peers, tls, ['cscf', 'gateway']);
  return new X2X3Server({ ...listen, tls, admission, consumer, clock, logger, observe });
}

/**
 * Mediation and handover.
 * @param openIntake makes, last of all, what gives the mediation its PDUs
 * @param openWayOut absent: this process delivers
 */
export function startMediating(
  options: MediatingOptions,
  runtime: Runtime,
  openIntake: (consumer: X2X3Consumer) => Promise<DfIntake>,
  openWayOut?: OpenWayOut,
): Promise<RunningMediating> {
  return opening(async (opened) => {
    const store = await options.store(opened);
    store.spool?.watchDamage((damage) => {
      runtime.logger.error({ damage }, 'the spool of content is damaged');
      options.issues.elementIssue(`the spool of content is damaged: ${damage}`);
    });
    return startWith(
      options,
      runtime,
      opened,
      {
        ...{ partitions: 1, outbox: store, spool: store.spool },
        ...(openWayOut === undefined
          ? {}
          : { openWayOut: (wayOut: WayOutOptions) => openWayOut({ ...wayOut, outbox: store }) }),
      },
      async (host) => openIntake(await host.open(0, store)),
    );
  });
}

/** The same for calls of some partitions, which come and go. @param openIntake has them opened and closed as they do */
export function startPartitions(
  options: Omit<MediatingOptions, 'store'>,
  runtime: Runtime,
  kept: KeptForAll,
  openIntake: (host: MediationHost) => Promise<DfIntake>,
): Promise<RunningMediating> {
  return opening((opened) => startWith(options, runtime, opened, kept, openIntake));
}

/** What the mediations of a process have together. */
export interface KeptForAll {
  /** In how many partitions calls are. */
  readonly partitions: number;
  readonly outbox: HandoverOutbox;
  readonly spool?: ContentFiles | undefined;
  /** Absent: no other process changes tasks. */
  readonly sharedTasks?: SharedTaskView;
  /** Whether something waits for a destination in other processes; absent: there are none. */
  readonly waitsElsewhere?: (did: string) => Promise<boolean>;
  /** The way out of the outbox; absent: this process delivers. */
  readonly openWayOut?: (options: WayOutOptions) => WayBeyond;
}

/** Makes mediations. */
export interface MediationHost {
  /** The mediation of the calls that a store has. */
  open(partition: number, store: Outbox & DfStore): Promise<Mediation>;
  /** Resolves when the mediation of a partition does nothing more. */
  close(partition: number): Promise<void>;
}

async function startWith(
  options: Omit<MediatingOptions, 'store'>,
  runtime: Runtime,
  opened: Opened,
  kept: KeptForAll,
  openIntake: (host: MediationHost) => Promise<DfIntake>,
): Promise<Started<RunningMediating>> {
  const { tls, hosts, name, table, issues } = options;
  const { clock, logger } = runtime;
  const { outbox, partitions } = kept;
  const setAside = new SetAsideFile(options.setAside);
  opened.add(() => setAside.close());
  const warrants = new TableWarrants(table);
  const mediations = new Mediations({ partitions, liids: () => warrants.liids(), clock, logger });
  const wayOut: WayOutOptions = {
    destinations: { list: () => handoverAddresses(table) },
    alarms: {
      raised: (did, description) => {
        issues.raised(did, description);
        mediations.alarm(
          warrants.deliveringTo(did),
          'destination',
          `destination ${did}: ${description}`,
          did,
        );
      },
      cleared: (did) => {
        issues.cleared(did);
        mediations.alarm(warrants.deliveringTo(did), 'destination', `destination ${did}: works again`, did);
      },
    },
    issues: {
      elementIssue: (description) => issues.elementIssue(description),
      setAsideOf: (liid, did) =>
        mediations.alarm([liid], 'set-aside', `destination ${did} refused a PDU, which is set aside`, did),
    },
    setAside,
    clock,
    logger,
    ...present({ settings: options.handover }),
  };
  const passing = kept.openWayOut?.(wayOut);
  const transport = new HandoverClient({ tls, hosts });
  const isShared = kept.sharedTasks !== undefined;
  const whileThere: SendingWhileThere | undefined = isShared ? (send) => table.hold(send) : undefined;
  const handover: WayOut = passing ?? new HandoverManager({ ...wayOut, outbox, transport, name, whileThere });
  const requests = new KeyRequests(mediations, options.keys, {
    clock,
    logger,
    ...present({ timing: options.keyTiming, atOnce: options.questionsAtOnce, onEvent: options.onEvent }),
  });
  const openMediation = await mediationOpener(options, runtime, kept, {
    setAside,
    warrants,
    passing,
  });
  let isTold = false;
  const touched = new Set<string>();
  const followTasks = (): void => {
    isTold = false;
    handover.refresh();
    mediations.touch(touched);
    touched.clear();
    mediations.tasksChanged();
  };
  // Tasks that are stored together are looked at together.
  const unsubscribe = table.subscribe((event) => {
    const ended = endedTask(table, event);
    if (ended !== null) mediations.taskEnds(ended);
    for (const liid of warrants.follow(event)) touched.add(liid);
    if (!isTold) queueMicrotask(followTasks);
    isTold = true;
  });
  handover.start();
  const taking: { intake: DfIntake | null } = { intake: null };
  opened.add(async () => {
    unsubscribe();
    await mediations.stopTelling();
    await requests.stop();
    await taking.intake?.stop();
    await mediations.stop();
    await handover.stop();
  });
  const intake = await openIntake({
    open: (partition, store) =>
      mediations.add(partition, () =>
        openMediation(partition, store, (session, question) => requests.start(session, question)),
      ),
    close: (partition) => mediations.remove(partition),
  });
  taking.intake = intake;
  /** Whether it came to that within so many milliseconds. */
  const until = async (condition: () => boolean, ms: number): Promise<boolean> => {
    for (let left = ms; left > 0 && !condition(); left -= SETTLE_POLL_MS) {
      await new Promise<void>((resolve) => clock.after(SETTLE_POLL_MS, resolve));
    }
    return condition();
  };
  const settled = (): boolean => requests.open === 0 && outbox.destinations().length === 0;
  return {
    parts: { outbox, spool: kept.spool ?? null, setAside, handover, mediation: mediations, requests, intake },
    settle: async (ms) => {
      await mediations.told();
      return until(settled, ms);
    },
    waitsFor: async (did) => {
      await mediations.told();
      // What the LEMF is there to take, as the news that a warrant has ended, goes before its destination does.
      const isEmpty = (): boolean => outbox.waiting(did).count === 0;
      const waits = !(await until(() => isEmpty() || !handover.ready(did), LAST_NEWS_MS)) || !isEmpty();
      if (waits || ((await kept.waitsElsewhere?.(did)) ?? false)) return true;
      return (await handover.waitsBeyond?.(did)) ?? false;
    },
    destinationsTold: async () => handover.told?.(),
  };
}

/** Makes the mediation of a store, which hears of its questions. */
async function mediationOpener(
  options: Omit<MediatingOptions, 'store'>,
  { clock, logger }: Runtime,
  { partitions, sharedTasks }: KeptForAll,
  {
    setAside,
    warrants,
    passing,
  }: {
    readonly setAside: SetAsideFile;
    readonly warrants: TableWarrants;
    readonly passing: WayBeyond | undefined;
  },
): Promise<(partition: number, store: Outbox & DfStore, onQuestion: QuestionListener) => Promise<Mediation>> {
  const { table, name, issues, hold } = options;
  const { backlogOctets, backlogPdus } = { ...HANDOVER_DEFAULTS, ...options.handover };
  // What opens content is loaded where that is configured, and nowhere else.
  const Opener =
    options.decryption === undefined ? null : (await import('./decryption/opener.ts')).StreamOpener;
  const share = (all: number | undefined, least: number): number | undefined =>
    all === undefined || partitions === 1 ? all : Math.max(least, Math.floor(all / partitions));
  const decryptionIn = (): ContentDecryptionSettings | undefined =>
    options.decryption === undefined || Opener === null
      ? undefined
      : { ...options.decryption, opener: new Opener() };
  return (partition, store, onQuestion) =>
    Mediation.open(
      {
        store,
        partition: { partition, partitions },
        tasks: dfTasks(table),
        warrants,
        encode: recordEncoder(name),
        issues,
        clock,
        logger,
        backlog: {
          bound: {
            octets: share(backlogOctets, LEAST_OCTETS) ?? backlogOctets,
            count: share(backlogPdus, 1_000) ?? backlogPdus,
          },
          outbox: store,
        },
        setAside,
        gatherMs: GATHER_MS,
        ...present({
          holdMs: hold?.ms,
          holdMost: share(hold?.pdus, 1),
          holdOctets: share(hold?.octets, LEAST_OCTETS),
          retention: options.retention,
          recorder: options.recorder,
          decryption: decryptionIn(),
          onEvent: options.onEvent,
          sharedTasks,
          passedOn: passing?.passedOn(partition),
        }),
      },
      onQuestion,
    );
}

function handoverAddresses(table: TaskTable): HandoverAddress[] {
  return table.destinations().flatMap((destination) => {
    const endpoint = endpointOf(destination);
    if (endpoint === null) return [];
    const by = destination.deliveryType === 'X3Only' ? 'DF3' : 'DF2';
    return [{ did: destination.did, by, ...endpoint }];
  });
}
