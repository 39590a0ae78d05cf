/**
 * DF2 and DF3 without their X1 endpoint: the X2/X3 listener, the mediation with its store, the questions over Xk, and
 * the handover manager, wired to a table of tasks.
 *
 *     POI ──X2/X3──► X2X3Server ─► Mediation ─► DeliveryStore (outbox) ─► HandoverManager ──HI2/HI3──► LEMF
 *                                     └─► KeyRequests ─► XkClient ──Xk──► KMS
 */
import { opening } from '../../bytes/opened.ts';
import type { Opened, Started } from '../../bytes/opened.ts';
import type { Logger } from '../../bytes/ports.ts';
import { present } from '../../bytes/present.ts';
import type { ContentDecryptionSettings } from './decryption/content-decryption.ts';
import type { DfListener } from './events.ts';
import { recordEncoder } from './handover/encoder.ts';
import type { DeliveryName } from './handover/encoder.ts';
import { HandoverManager } from './handover/manager.ts';
import { HANDOVER_DEFAULTS } from './handover/ports.ts';
import type { HandoverAddress, HandoverAlarms, HandoverSettings } from './handover/ports.ts';
import type { HoldLimits } from './held.ts';
import { KeyRequests } from './key-requests.ts';
import type { KeyRequestTiming } from './key-requests.ts';
import type { KeySession, QuestionState } from './session-state.ts';
import { Mediation } from './mediation.ts';
import type { ContentFiles, DfIssues, DfStore, KeySource, Outbox, PduRecorder } from './ports.ts';
import type { RetentionOptions } from './retention.ts';
import { dfTasks, endedTask, TableWarrants } from './tasks.ts';
import { WarrantWatch } from './warrant-watch.ts';
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
  readonly bounds?: ConnectionGuard;
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

/** That content is decrypted here. */
export type NetworkDecryption = Required<Omit<ContentDecryptionSettings, 'opener'>>;

/** A store as the delivery needs it. */
export interface DeliveryStore extends DfStore, Outbox {
  /** Of content in files; absent: none is. */
  readonly spool?: ContentFiles;
}

/** What is running, for those who look at it. */
export interface DeliveryParts {
  readonly store: DeliveryStore;
  readonly setAside: SetAsideFile;
  readonly handover: HandoverManager;
  readonly mediation: Mediation;
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
  /** Whether PDUs wait in the outbox for a destination. */
  waitsFor(did: string): Promise<boolean>;
}

/** Content waits so long for more at most, half of what a packet of speech lasts. */
const GATHER_MS = 10;
const SETTLE_POLL_MS = 50;
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

/** Mediation and handover. @param openIntake makes, last of all, what gives the mediation its PDUs */
export function startMediating(
  options: MediatingOptions,
  runtime: Runtime,
  openIntake: (consumer: X2X3Consumer) => Promise<DfIntake>,
): Promise<RunningMediating> {
  return opening((opened) => startWith(options, runtime, opened, openIntake));
}

async function startWith(
  options: MediatingOptions,
  runtime: Runtime,
  opened: Opened,
  openIntake: (consumer: X2X3Consumer) => Promise<DfIntake>,
): Promise<Started<RunningMediating>> {
  const { tls, hosts, name, table, issues, hold } = options;
  const { clock, logger } = runtime;
  const store = await options.store(opened);
  store.spool?.watchDamage((damage) => {
    logger.error({ damage }, 'the spool of content is damaged');
    issues.elementIssue(`the spool of content is damaged: ${damage}`);
  });
  const setAside = new SetAsideFile(options.setAside);
  opened.add(() => setAside.close());
  const warrants = new TableWarrants(table);
  const alarms = new LaterAlarms(logger);
  const handover = new HandoverManager({
    outbox: store,
    destinations: { list: () => handoverAddresses(table) },
    transport: new HandoverClient({ tls, hosts }),
    name,
    alarms: {
      raised: (did, description) => {
        issues.raised(did, description);
        alarms.tell(warrants.deliveringTo(did), 'destination', `destination ${did}: ${description}`, did);
      },
      cleared: (did) => {
        issues.cleared(did);
        alarms.tell(warrants.deliveringTo(did), 'destination', `destination ${did}: works again`, did);
      },
    },
    issues: {
      elementIssue: (description) => issues.elementIssue(description),
      setAsideOf: (liid, did) =>
        alarms.tell([liid], 'set-aside', `destination ${did} refused a PDU, which is set aside`, did),
    },
    setAside,
    clock,
    logger,
    ...present({ settings: options.handover }),
  });
  const { backlogOctets, backlogPdus } = { ...HANDOVER_DEFAULTS, ...options.handover };
  const { onEvent } = options;
  const announced = new Announcements();
  // What opens content is loaded where that is configured, and nowhere else.
  const decryption =
    options.decryption === undefined
      ? undefined
      : {
          ...options.decryption,
          opener: new (await import('./decryption/opener.ts')).StreamOpener(),
        };
  const mediation = await Mediation.open(
    {
      store,
      tasks: dfTasks(table),
      warrants,
      encode: recordEncoder(name),
      issues,
      clock,
      logger,
      backlog: { bound: { octets: backlogOctets, count: backlogPdus }, outbox: store },
      setAside,
      gatherMs: GATHER_MS,
      ...present({ holdMs: hold?.ms, holdMost: hold?.pdus, holdOctets: hold?.octets }),
      ...present({ retention: options.retention, recorder: options.recorder, decryption, onEvent }),
    },
    (session, question) => announced.tell(session, question),
  );
  const requests = new KeyRequests(mediation, options.keys, {
    clock,
    logger,
    ...present({ timing: options.keyTiming, atOnce: options.questionsAtOnce, onEvent }),
  });
  announced.to((session, question) => requests.start(session, question));
  alarms.to(mediation);
  const watch = new WarrantWatch(mediation, { clock, logger });
  watch.touch([...mediation.toldWarrants(), ...warrants.liids()]);
  let isTold = false;
  const touched = new Set<string>();
  const followTasks = (): void => {
    isTold = false;
    handover.refresh();
    watch.touch(touched);
    touched.clear();
    mediation.tasksChanged().catch((error: unknown) => logger.error({ error }, 'held PDUs could not go on'));
  };
  // Tasks that are stored together are looked at together.
  const unsubscribe = table.subscribe((event) => {
    const ended = endedTask(table, event);
    if (ended !== null)
      mediation.taskEnds(ended).catch((error: unknown) => {
        logger.error({ error }, 'content that waited for its key could not go on');
      });
    for (const liid of warrants.follow(event)) touched.add(liid);
    if (!isTold) queueMicrotask(followTasks);
    isTold = true;
  });
  handover.start();
  const taking: { intake: DfIntake | null } = { intake: null };
  opened.add(async () => {
    unsubscribe();
    await watch.told();
    watch.stop();
    await requests.stop();
    await taking.intake?.stop();
    await mediation.stop();
    handover.stop();
  });
  const intake = await openIntake(mediation);
  taking.intake = intake;
  /** Whether it came to that within so many milliseconds. */
  const until = async (condition: () => boolean, ms: number): Promise<boolean> => {
    for (let left = ms; left > 0 && !condition(); left -= SETTLE_POLL_MS) {
      await new Promise<void>((resolve) => clock.after(SETTLE_POLL_MS, resolve));
    }
    return condition();
  };
  const settled = (): boolean => requests.open === 0 && store.destinations().length === 0;
  return {
    parts: { store, setAside, handover, mediation, requests, intake },
    settle: async (ms) => {
      await watch.told();
      return until(settled, ms);
    },
    waitsFor: async (did) => {
      await watch.told();
      // What the LEMF is there to take, as the news that a warrant has ended, goes before its destination does.
      const isEmpty = (): boolean => store.waiting(did).count === 0;
      return !(await until(() => isEmpty() || !handover.ready(did), LAST_NEWS_MS)) || !isEmpty();
    },
  };
}

/** Questions that are open at the start are announced before anybody can put them. */
class Announcements {
  #early: [KeySession, QuestionState][] = [];
  #listener: ((session: KeySession, question: QuestionState) => void) | null = null;

  tell(session: KeySession, question: QuestionState): void {
    if (this.#listener === null) this.#early.push([session, question]);
    else this.#listener(session, question);
  }

  to(listener: (session: KeySession, question: QuestionState) => void): void {
    this.#listener = listener;
    for (const [session, question] of this.#early.splice(0)) listener(session, question);
  }
}

/** Alarms of warrants, which go nowhere until the mediation is there. */
class LaterAlarms {
  readonly #logger: Logger;
  #mediation: Pick<Mediation, 'alarm'> | null = null;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  tell(...alarm: Parameters<Mediation['alarm']>): void {
    if (alarm[0].length === 0) return;
    this.#mediation?.alarm(...alarm).catch((error: unknown) => {
      this.#logger.warn({ error }, 'LEMFs could not be told of an alarm');
    });
  }

  to(mediation: Pick<Mediation, 'alarm'>): void {
    this.#mediation = mediation;
  }
}

function handoverAddresses(table: TaskTable): HandoverAddress[] {
  return table.destinations().flatMap((destination) => {
    const endpoint = endpointOf(destination);
    if (endpoint === null) return [];
    const by = destination.deliveryType === 'X3Only' ? 'DF3' : 'DF2';
    return [{ did: destination.did, by, ...endpoint }];
  });
}
