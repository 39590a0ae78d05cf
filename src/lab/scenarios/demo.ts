/**
 * The demo: alice@home1.example calls bob@home2.example, with or without a warrant, and what the LEMF makes of it.
 *
 *     network up ─► phones register ─► warrants over X1 ─► the call ─► deliveries settle
 *                ─► warrants end ─► recovery ─► network down ─► checks
 *
 * Everything that is claimed at the end is measured in the run: the two recordings against what either end heard and
 * against what each LEMF recovered, sample by sample; the numbers of PDUs on X2 and X3 against those on HI2 and HI3.
 */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LogLevel } from '../../host/runtime.ts';
import type { DfEvent } from '../../entities/df/events.ts';
import type { LemfEvent } from '../../entities/lemf/ports.ts';
import type { RecoveryReport } from '../../entities/lemf/recover.ts';
import { encodeWav } from '../../media/wav.ts';
import { placeCall, recording, spoken } from './call.ts';
import type { CallOutcome } from './call.ts';
import { judge } from './checks.ts';
import { LabError } from '../errors.ts';
import { parseFaults } from './faults.ts';
import type { Faults, Outage } from './faults.ts';
import { HOMES } from '../network/home.ts';
import type { HomeName } from '../network/home.ts';
import type { MediaListener } from '../network/media-tap.ts';
import { Network, REPRODUCIBLE_TIME } from '../network/network.ts';
import { iMessage2Time, icidOf } from './observations.ts';
import { prepareOut, writeReport } from './out-folder.ts';
import { callReports } from './report.ts';
import type { DemoReport } from './report.ts';
import { Timeline } from '../timeline.ts';
import type { TimelineEntry } from '../timeline.ts';
import { warrantOn } from './warrants.ts';

export type Target = 'alice' | 'bob' | 'both' | 'none';

export interface DemoOptions {
  /** Folder for everything that the run leaves; made, or emptied if it holds an earlier run. */
  readonly out: string;
  readonly target: Target;
  readonly faults: readonly string[];
  /** The window of outages, milliseconds from dialling; default: from the start of the call to its end. */
  readonly from?: number;
  readonly to?: number;
  readonly revealSecrets: boolean;
  readonly seed?: string;
  readonly portBase?: number;
  readonly log?: LogLevel;
  /** Recordings in place of those of the package. */
  readonly recordings?: { readonly alice: Int16Array; readonly bob: Int16Array };
  readonly watch?: (entry: TimelineEntry) => void;
  /** Told of every datagram that phones and gateways send. */
  readonly onMedia?: MediaListener;
}

/** What the demo saw at the LEMFs and DFs while it ran. */
export interface Observations {
  /** Timeline milliseconds of the first key record at each LEMF. */
  readonly firstKeyRecord: Partial<Record<HomeName, number>>;
  readonly questions: Record<HomeName, number>;
  /** get_keys that were answered with keys. */
  readonly answers: Record<HomeName, number>;
  readonly refusals: Record<HomeName, string[]>;
}

/** What the network has come to when it is stopped. */
interface Course {
  readonly call: CallOutcome;
  readonly recovered: Record<HomeName, RecoveryReport>;
}

const USERS: Readonly<Record<HomeName, readonly string[]>> = { home1: ['alice'], home2: ['bob'] };
const SETTLE_MS = 12_000;

/** The audit logs that each home's entities keep, below their state. */
const AUDIT_LOGS: Readonly<Record<string, string>> = {
  kms: 'kms/audit.jsonl',
  cscf: 'cscf-audit.jsonl',
  gateway: 'gateway-audit.jsonl',
  df: 'df-audit.jsonl',
  admf: 'admf-audit.jsonl',
};

/** Runs the demo. @throws LabError */
export async function runDemo(options: DemoOptions): Promise<DemoReport> {
  const faults = parseFaults(options.faults, Object.values(USERS).flat());
  if (faults.outages.length === 0 && (options.from !== undefined || options.to !== undefined)) {
    throw new LabError('options', 'from and to are for an entity that goes down, and none does');
  }
  prepareOut(options.out);
  const state = mkdtempSync(path.join(tmpdir(), 'claviger-demo-'));
  // The state has private keys: it goes however the process ends, short of SIGKILL.
  const forget = (): void => rmSync(state, { recursive: true, force: true });
  const interrupted = (): void => process.exit(130);
  const terminated = (): void => process.exit(143);
  process.once('exit', forget).once('SIGINT', interrupted).once('SIGTERM', terminated);
  try {
    return await new Demo(options, faults, state).run();
  } catch (error) {
    writeReport(options.out, { state: 'failed', error: error instanceof Error ? error.message : 'unknown' });
    throw error;
  } finally {
    process.off('exit', forget).off('SIGINT', interrupted).off('SIGTERM', terminated);
    forget();
  }
}

class Demo {
  readonly #options: DemoOptions;
  readonly #faults: Faults;
  readonly #state: string;
  readonly #timeline: Timeline;
  readonly #seen: Observations = {
    firstKeyRecord: {},
    questions: { home1: 0, home2: 0 },
    answers: { home1: 0, home2: 0 },
    refusals: { home1: [], home2: [] },
  };

  constructor(options: DemoOptions, faults: Faults, state: string) {
    this.#options = options;
    this.#faults = faults;
    this.#state = state;
    this.#timeline = new Timeline(() => performance.now(), options.watch);
  }

  async run(): Promise<DemoReport> {
    const recordings = this.#options.recordings ?? { alice: recording('alice'), bob: recording('bob') };
    const network = await this.#networkUp();
    const course = async (): Promise<Course> => {
      await network.register();
      await this.#issueWarrants(network);
      const call = await this.#callWithOutages(network, recordings);
      await this.#settle(network);
      await this.#withdrawWarrants(network);
      const recovered = await this.#recover(network);
      if (this.#options.revealSecrets) await this.#reveal(network);
      return { call, recovered };
    };
    const { call, recovered } = await course().finally(() => network.stop());
    this.#keepFiles();
    return this.#conclude(network, call, recordings, recovered);
  }

  #networkUp(): Promise<Network> {
    const { out, revealSecrets, seed, portBase, log, onMedia } = this.#options;
    return Network.start({
      state: this.#state,
      out,
      users: USERS,
      timeline: this.#timeline,
      revealSecrets,
      phoneFaults: this.#faults.phones,
      ...(seed === undefined ? {} : { seed }),
      ...(portBase === undefined ? {} : { portBase }),
      ...(log === undefined ? {} : { log }),
      ...(onMedia === undefined ? {} : { onMedia }),
      onDf: (home, event) => this.#dfEvent(home, event),
      onLemf: (home, event) => this.#lemfEvent(home, event),
    });
  }

  get #targets(): readonly string[] {
    const { target } = this.#options;
    return target === 'both' ? ['alice', 'bob'] : target === 'none' ? [] : [target];
  }

  get #now(): number {
    return this.#options.seed === undefined ? performance.timeOrigin + performance.now() : REPRODUCIBLE_TIME;
  }

  async #issueWarrants(network: Network): Promise<void> {
    for (const user of this.#targets) {
      const home = network.homeOf(user).name;
      const warrant = warrantOn(network, user, this.#now);
      this.#timeline.add(
        'HI1',
        'authority',
        `admf.${home}`,
        `warrant ${warrant.liid} on ${network.identity(user)}`,
      );
      await network.running('admf', home).admf.activateWarrant(warrant);
    }
  }

  async #withdrawWarrants(network: Network): Promise<void> {
    for (const user of this.#targets) {
      const home = network.homeOf(user).name;
      const { liid } = warrantOn(network, user, this.#now);
      this.#timeline.add('HI1', 'authority', `admf.${home}`, `warrant ${liid} ends`);
      await network.running('admf', home).admf.deactivateWarrant(liid);
    }
  }

  /** The call, with entities going down and coming back while it is up. */
  async #callWithOutages(
    network: Network,
    recordings: Readonly<Record<string, Int16Array>>,
  ): Promise<CallOutcome> {
    const { from = 0, to } = this.#options;
    const down: Outage[] = [];
    const stop = async (): Promise<void> => {
      for (const outage of this.#faults.outages) {
        down.push(outage);
        await network.stopEntity(outage.entity, outage.home);
      }
    };
    const start = async (): Promise<void> => {
      for (const outage of down.splice(0)) await network.startEntity(outage.entity, outage.home);
    };
    if (from === 0) await stop();
    const window = outageWindow(from, to, stop, start);
    try {
      const elapsed = (): number => this.#timeline.elapsed();
      return await placeCall(network, { caller: 'alice', callee: 'bob', recordings, elapsed });
    } finally {
      await window.end();
      await start();
    }
  }

  /** Waits until everything that is on its way has arrived, as far as it can. */
  async #settle(network: Network): Promise<void> {
    await Promise.all(
      HOMES.flatMap((home) => [
        network.running('cscf', home).drain(SETTLE_MS),
        network.running('gateway', home).drain(SETTLE_MS),
      ]),
    );
    await Promise.all(HOMES.map((home) => network.running('df', home).settle(SETTLE_MS)));
  }

  async #recover(network: Network): Promise<Record<HomeName, RecoveryReport>> {
    const { out } = this.#options;
    const reports: Partial<Record<HomeName, RecoveryReport>> = {};
    for (const home of HOMES) {
      const folder = this.#recoveredIn(home);
      const report = await network.running('lemf', home).recover(folder);
      reports[home] = report;
      const files = report.calls.flatMap(({ streams }) => streams.flatMap(({ file }) => file ?? []));
      for (const file of files) copyFileSync(path.join(folder, file), path.join(out, file));
      if (report.calls.length > 0) {
        this.#timeline.add(
          'lab',
          `lemf.${home}`,
          '',
          `recovered ${files.length === 0 ? 'nothing' : files.join(', ')}`,
        );
      }
    }
    return reports as Record<HomeName, RecoveryReport>;
  }

  #recoveredIn(home: HomeName): string {
    return path.join(this.#state, `recovered-${home}`);
  }

  /** What the LEMFs have received and the audit logs, to their end. */
  #keepFiles(): void {
    const { out } = this.#options;
    for (const home of HOMES) {
      mkdirSync(path.join(out, home, 'audit'), { recursive: true, mode: 0o700 });
      for (const name of ['hi2.ber', 'hi3.ber']) {
        copyFileSync(path.join(this.#state, home, 'lemf', name), path.join(out, home, name));
      }
      for (const [entity, file] of Object.entries(AUDIT_LOGS)) {
        copyFileSync(path.join(this.#state, home, file), path.join(out, home, 'audit', `${entity}.jsonl`));
      }
    }
  }

  #conclude(
    network: Network,
    call: CallOutcome,
    recordings: { readonly alice: Int16Array; readonly bob: Int16Array },
    recovered: Record<HomeName, RecoveryReport>,
  ): DemoReport {
    const { out, target } = this.#options;
    const voices = { alice: spoken(recordings.alice), bob: spoken(recordings.bob) };
    for (const [speaker, samples] of Object.entries(voices)) {
      writeFileSync(path.join(out, `spoken-${speaker}.wav`), encodeWav(samples));
    }
    const parts = {
      network,
      call,
      voices,
      recovered,
      targets: this.#targets,
      seen: this.#seen,
      faults: this.#faults,
      timeline: this.#timeline.entries,
      out,
      recoveredIn: (home: HomeName) => this.#recoveredIn(home),
    };
    const checks = judge(parts);
    const { messages } = network.signalling;
    const calls = callReports({
      ...parts,
      icid: icidOf(messages),
      iMessage2: iMessage2Time(this.#timeline.entries),
    });
    const report: DemoReport = {
      state: 'done',
      target,
      faults: this.#options.faults,
      passed: checks.every(({ passed }) => passed),
      calls,
      checks,
      timeline: this.#timeline.entries,
    };
    writeReport(out, report);
    return report;
  }

  async #reveal(network: Network): Promise<void> {
    const secrets = {
      home1: await network.running('kms', 'home1').reveal(),
      home2: await network.running('kms', 'home2').reveal(),
    };
    const file = path.join(this.#options.out, 'secrets.json');
    writeFileSync(file, JSON.stringify(secrets, null, 2) + '\n', { mode: 0o600 });
  }

  #dfEvent(home: HomeName, event: DfEvent): void {
    const df = `df.${home}`;
    const kms = `kms.${home}`;
    switch (event.type) {
      case 'received':
        if (event.reference === 'x2') this.#timeline.add('X2', short(event.from), df, event.summary);
        break;
      case 'asked':
        this.#seen.questions[home] += 1;
        this.#timeline.add('Xk', df, kms, `get_keys for ${event.target}`);
        break;
      case 'keys':
        this.#seen.answers[home] += 1;
        this.#timeline.add('Xk', kms, df, `get_keys_response: ${event.cryptoSessions} crypto sessions`);
        break;
      case 'no-keys':
        this.#seen.refusals[home].push(event.reason);
        this.#timeline.add('Xk', kms, df, `no keys: ${event.reason}`);
        break;
      case 'record':
        break;
    }
  }

  #lemfEvent(home: HomeName, event: LemfEvent): void {
    const [df, lemf] = [`df.${home}`, `lemf.${home}`];
    switch (event.type) {
      case 'record':
        if (event.csIds.length > 0) this.#seen.firstKeyRecord[home] ??= this.#timeline.elapsed();
        this.#timeline.add(
          'HI2',
          df,
          lemf,
          `${event.event}${event.csIds.map((id) => `, CS ID ${id}`).join('')}`,
        );
        break;
      case 'content':
        this.#timeline.add(
          'HI3',
          df,
          lemf,
          `first packet of SSRC ${event.ssrc.toString(16).padStart(8, '0')}, encrypted`,
        );
        break;
      case 'gap':
        this.#timeline.add(
          event.kind === 'hi2' ? 'HI2' : 'HI3',
          df,
          lemf,
          `gap: ${event.expected} expected, ${event.received} came`,
        );
        break;
      default:
        break;
    }
  }
}

/** Runs `stop` and `start` at their times; `end` waits for what has begun and forgets the rest. */
function outageWindow(
  from: number,
  to: number | undefined,
  stop: () => Promise<void>,
  start: () => Promise<void>,
): { end(): Promise<void> } {
  const over = new AbortController();
  const at = async (ms: number, action: () => Promise<void>): Promise<void> => {
    try {
      await sleep(ms, undefined, { signal: over.signal });
    } catch {
      return;
    }
    await action();
  };
  const begun = (async () => {
    if (from > 0) await at(from, stop);
    if (to !== undefined && !over.signal.aborted) await at(to - from, start);
  })();
  return {
    end: () => {
      over.abort();
      return begun;
    },
  };
}

function short(name: string): string {
  return name.replace(/\.example$/, '');
}
