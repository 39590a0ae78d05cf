/**
 * The demo: a scenario on the whole network, with or without a warrant, and what the LEMF makes of it.
 *
 *     network up ─► phones register ─► warrants over X1 ─► the course ─► deliveries settle
 *                ─► warrants end ─► recovery ─► network down ─► checks
 *
 * Everything that is claimed at the end is measured in the run: the two recordings against what either end heard and
 * against what each LEMF recovered, sample by sample; the SIP messages on the wire against those on X2, octet for octet;
 * the numbers of PDUs on X2 and X3 against those on HI2 and HI3.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AudioNames } from '../../entities/lemf/names.ts';
import type { RecoveryReport } from '../../entities/lemf/recover.ts';
import { copyWhole } from '../../storage/files.ts';
import { LabError } from '../errors.ts';
import { HOMES } from '../network/home.ts';
import type { HomeName } from '../network/home.ts';
import type { LabPerson } from '../network/lab-people.ts';
import { Network, REPRODUCIBLE_TIME } from '../network/network.ts';
import { isPortTaken } from '../network/ports.ts';
import { ProcessHosting } from '../processes/process-hosting.ts';
import { CaptureFile, checkCapture } from '../capture/capture-file.ts';
import { Timeline } from '../timeline.ts';
import type { TimelineEntry } from '../timeline.ts';
import { spoken } from './call.ts';
import { LabCalls } from './calling.ts';
import type { ScenarioEntry } from './catalogue.ts';
import { scenarioOf } from './chosen.ts';
import type { ChosenScenario } from './chosen.ts';
import { inDemoNames, recoveredIn } from './course.ts';
import type { Course } from './course.ts';
import type { Judge } from './definition.ts';
import { narrateDf, narrateLemf } from './narration.ts';
import { Observations } from './observations.ts';
import {
  keepFiles,
  prepareOut,
  reportAsFailed,
  writeReport,
  writeSecrets,
  writeSpoken,
} from './out-folder.ts';
import { writePage } from '../report/folder.ts';
import { callReports, linkReports, warrantReports } from './report.ts';
import type { DemoReport } from './report.ts';
import type { DemoOptions } from './scenario.ts';
import { Stage } from './stage.ts';

/** A network that stays up after the demo. */
export interface StayingNetwork {
  readonly people: readonly LabPerson[];
  readonly calls: LabCalls;
}

/** The network stays up until this resolves; the report is written before. */
export type Stay = (report: DemoReport, staying: StayingNetwork) => Promise<void>;

/** How long phones and entities may take to end where one has ended by itself. */
const GONE_MS = 2_000;
/** Blocks of ports that are tried where something takes a port of one before all of it is in use. */
const MOST_BLOCKS = 3;

/**
 * Runs the demo.
 * @param entry what happens; default: the scenario of the catalogue that the options name
 * @param stay if given, the network stays up after it
 * @throws LabError, FileError
 */
export async function runDemo(options: DemoOptions, entry?: ScenarioEntry, stay?: Stay): Promise<DemoReport> {
  if (stay !== undefined && (options.processes === true || options.seed !== undefined))
    throw new LabError('options', 'a network that stays up is in one process, and its time goes on');
  const scenario = await scenarioOf(options, entry);
  if (options.pcap !== undefined) checkCapture(options.pcap, options.out);
  for (let left = MOST_BLOCKS; ; left--) {
    prepareOut(options.out);
    const told: Told = { timeline: [] };
    try {
      return await runOnce(scenario, told, stay ?? null);
    } catch (error) {
      reportAsFailed(options.out, error, told.timeline);
      if (left === 1 || options.portBase !== undefined || !isPortTaken(error)) throw error;
    }
  }
}

/** What a run has told so far: of one that is broken off that is what there is. */
interface Told {
  timeline: readonly TimelineEntry[];
}

async function runOnce(scenario: ChosenScenario, told: Told, stay: Stay | null): Promise<DemoReport> {
  const state = mkdtempSync(path.join(tmpdir(), 'claviger-demo-'));
  // The state has private keys: it goes however the process ends, short of SIGKILL.
  const forget = (): void => rmSync(state, { recursive: true, force: true, maxRetries: 5 });
  const interrupted = (): void => process.exit(130);
  const terminated = (): void => process.exit(143);
  process.once('exit', forget).once('SIGINT', interrupted).once('SIGTERM', terminated);
  try {
    // Whoever stays waits for signals, and ends.
    const staying: Stay | null =
      stay === null
        ? null
        : (report, network) => {
            process.off('SIGINT', interrupted).off('SIGTERM', terminated);
            return stay(report, network);
          };
    const demo = new Demo(scenario, state, staying);
    told.timeline = demo.told;
    return await demo.run();
  } finally {
    process.off('exit', forget).off('SIGINT', interrupted).off('SIGTERM', terminated);
    forget();
  }
}

/** What a scenario has come to, and the checks of it that are to be made. */
interface Performance {
  readonly course: Course;
  readonly judge: Judge;
}

class Demo {
  readonly #scenario: ChosenScenario;
  readonly #state: string;
  readonly #stay: Stay | null;
  readonly #timeline: Timeline;
  readonly #capture: CaptureFile | null;
  readonly #seen = new Observations();
  /** `null`: the entities are in this process. */
  readonly #hosting: ProcessHosting | null;

  constructor(scenario: ChosenScenario, state: string, stay: Stay | null) {
    const { processes = false, log, onMedia, watch, verbose, pcap } = scenario.options;
    this.#scenario = scenario;
    this.#state = state;
    this.#stay = stay;
    this.#hosting = processes
      ? new ProcessHosting({
          folder: path.join(state, 'processes'),
          ...(log === undefined ? {} : { log }),
          media: onMedia !== undefined,
          onLine: (_, line) => process.stderr.write(`${line}\n`),
        })
      : null;
    const hosting = this.#hosting;
    this.#timeline = new Timeline(
      hosting === null ? () => performance.now() : () => hosting.sequence.now(),
      watch,
      verbose === true ? watch : undefined,
    );
    const now = (): number => performance.timeOrigin + performance.now();
    this.#capture = pcap === undefined ? null : new CaptureFile(pcap, now);
  }

  /** What was told of so far; it grows. */
  get told(): readonly TimelineEntry[] {
    return this.#timeline.entries;
  }

  async run(): Promise<DemoReport> {
    const broken = this.#hosting?.broken();
    broken?.catch(() => undefined);
    try {
      return await this.#run(broken ?? new Promise<never>(() => undefined));
    } finally {
      this.#hosting?.kill();
    }
  }

  /** @param broken rejects when an entity has ended by itself */
  async #run(broken: Promise<never>): Promise<DemoReport> {
    const network = await Promise.race([this.#networkUp(), broken]);
    const unwritten = network.signalling.broken;
    const stay = this.#stay;
    const performed = this.#performed(network);
    const done = stay === null ? performed : performed.then((made) => this.#stayed(made, network, stay));
    const performance = await Promise.race([done, unwritten, broken]).finally(async () => {
      await Promise.race([network.stop(), broken.catch(() => sleep(GONE_MS))]);
      this.#capture?.write();
    });
    return 'report' in performance ? performance.report : this.#conclude(performance);
  }

  /** Leaves the network up for whoever wants to look at it; what the demo has come to is told before. */
  async #stayed(
    performance: Performance,
    network: Network,
    stay: Stay,
  ): Promise<{ readonly report: DemoReport }> {
    const report = this.#conclude(performance);
    const calls = new LabCalls(network, this.#scenario.recordings, this.#now);
    await stay(report, { people: network.people(), calls });
    await calls.settled();
    return { report };
  }

  async #networkUp(): Promise<Network> {
    const network = await this.#startNetwork();
    for (const home of HOMES) {
      const ports = Object.entries(network.plan.homes[home].ports).map(([of, port]) => `${of} ${port}`);
      this.#timeline.tell(
        'lab',
        home,
        '',
        `ports on ${network.plan.homes[home].address}: ${ports.join(', ')}`,
      );
    }
    return network;
  }

  #startNetwork(): Promise<Network> {
    const { definition, faults, options } = this.#scenario;
    const { users, devices, certified, configure } = definition;
    const { out, revealSecrets, seed, portBase, ipv6, sipTls, log, onMedia, exporter } = options;
    return Network.start({
      state: this.#state,
      out,
      users,
      timeline: this.#timeline,
      revealSecrets,
      phoneFaults: faults.phones,
      ...(devices === undefined ? {} : { devices }),
      ...(certified === undefined ? {} : { certified }),
      ...(configure === undefined ? {} : { configure }),
      ...(seed === undefined ? {} : { seed }),
      ...(portBase === undefined ? {} : { portBase }),
      ...(ipv6 === undefined ? {} : { ipv6 }),
      ...(sipTls === undefined ? {} : { sipTls }),
      ...(log === undefined ? {} : { log }),
      ...(this.#hosting === null ? {} : { hosting: this.#hosting }),
      people: this.#stay !== null,
      ...(exporter === undefined ? {} : { exporter }),
      ...(onMedia === undefined && this.#capture === null
        ? {}
        : {
            onMedia: (datagram) => {
              onMedia?.(datagram);
              this.#capture?.packets.media(datagram);
            },
          }),
      ...this.#capture?.observers,
      onDf: (home, event) => {
        this.#seen.atDf(home, event);
        narrateDf(this.#timeline, home, event);
      },
      onLemf: (home, event) => {
        this.#seen.atLemf(home, event, this.#timeline.elapsed());
        narrateLemf(this.#timeline, home, event);
      },
    });
  }

  async #performed(network: Network): Promise<Performance> {
    const { definition, targets } = this.#scenario;
    const parts = { timeline: this.#timeline, seen: this.#seen, now: this.#now };
    const stage = new Stage(this.#scenario, network, parts);
    await network.register();
    await network.settled();
    for (const warrant of definition.warrants(targets)) await stage.issue(warrant);
    const judge = await definition.course(stage);
    await stage.settle();
    await stage.withdrawAll();
    await stage.handOver();
    const recovered = await this.#recover(network);
    if (this.#scenario.options.revealSecrets) await this.#reveal(network);
    const { timeline, seen, calls } = stage;
    return { course: { network, timeline, seen, calls, recovered }, judge };
  }

  /** In both homes at once: most of the time is the start of a thread in each. */
  async #recover(network: Network): Promise<Record<HomeName, RecoveryReport>> {
    const recoverIn = (home: HomeName): Promise<RecoveryReport> =>
      network.perform(['lemf', home], 'recover', recoveredIn(this.#state, home));
    const [home1, home2] = await Promise.all([recoverIn('home1'), recoverIn('home2')]);
    const names = new AudioNames();
    return {
      home1: this.#keepRecovered('home1', home1, names),
      home2: this.#keepRecovered('home2', home2, names),
    };
  }

  #keepRecovered(home: HomeName, recovered: RecoveryReport, names: AudioNames): RecoveryReport {
    const { out } = this.#scenario.options;
    const folder = recoveredIn(this.#state, home);
    const report = inDemoNames(recovered, folder, names);
    const files = report.calls.flatMap(({ streams }) =>
      streams.flatMap(({ file, rtp }) => [file ?? [], rtp?.file ?? []].flat()),
    );
    for (const file of files) copyWhole(path.join(folder, file), path.join(out, file));
    if (report.calls.length > 0) {
      const what = `recovered ${files.length === 0 ? 'nothing' : files.join(', ')}`;
      this.#timeline.add('lab', `lemf.${home}`, '', what);
    }
    return report;
  }

  async #reveal(network: Network): Promise<void> {
    writeSecrets(this.#scenario.options.out, {
      home1: await network.perform(['kms', 'home1'], 'reveal', null),
      home2: await network.perform(['kms', 'home2'], 'reveal', null),
    });
  }

  #conclude({ course, judge }: Performance): DemoReport {
    const { name, summary, target, recordings, options } = this.#scenario;
    const { out, faults } = options;
    keepFiles(out, this.#state);
    const voices = Object.fromEntries(
      Object.entries(recordings).map(([user, samples]) => [user, spoken(samples)]),
    );
    for (const [speaker, samples] of Object.entries(voices)) writeSpoken(out, speaker, samples);
    const checks = judge({ scenario: this.#scenario, course, voices, state: this.#state });
    const report: DemoReport = {
      state: 'done',
      scenario: name,
      target,
      faults,
      passed: checks.length > 0 && checks.every(({ passed }) => passed),
      calls: callReports(this.#scenario, course),
      checks,
      warrants: warrantReports(course),
      links: linkReports(course),
      timeline: this.#timeline.entries,
    };
    writeReport(out, report);
    writePage(out, report, summary);
    return report;
  }

  /** Unix milliseconds by the clock that the entities go by. */
  readonly #now = (): number =>
    this.#scenario.options.seed === undefined
      ? performance.timeOrigin + performance.now()
      : REPRODUCIBLE_TIME;
}
