/** What the course of a scenario is made of: steps on a network that is up, each told on the timeline and kept for the report. */
import { HOMES } from '../network/home.ts';
import type { HomeName } from '../network/home.ts';
import { Outages } from '../network/outages.ts';
import type { Network } from '../network/network.ts';
import type { Timeline } from '../timeline.ts';
import { placeCall } from './call.ts';
import type { CallCourse, CallOutcome } from './call.ts';
import type { Faults } from './faults.ts';
import type { Observations } from './observations.ts';
import type { Recordings, Scenario } from './scenario.ts';
import { liidOf, warrantOn } from './warrants.ts';
import type { WarrantPlan } from './warrants.ts';

/** How long a call's end waits for what is still asked: a DF gives a KMS that was away 5 s an attempt, and pauses. */
const SETTLE_MS = 60_000;

export class Stage {
  readonly network: Network;
  readonly timeline: Timeline;
  readonly seen: Observations;
  /** Users that `--target` names. */
  readonly targets: readonly string[];
  /** What each user says: 16-bit linear, 8 kHz. */
  readonly recordings: Recordings;
  readonly faults: Faults;
  /** Calls that came to their end, for the report. */
  readonly calls: CallOutcome[] = [];
  readonly #scenario: Scenario;
  /** Unix milliseconds by the clock that the entities go by. */
  readonly now: () => number;
  /** Warrants that run, in the order of their beginning. */
  readonly #running = new Map<string, string>();

  /** @param now Unix milliseconds by the clock that the entities go by */
  constructor(
    scenario: Scenario,
    network: Network,
    parts: { readonly timeline: Timeline; readonly seen: Observations; readonly now: () => number },
  ) {
    this.network = network;
    this.timeline = parts.timeline;
    this.seen = parts.seen;
    this.targets = scenario.targets;
    this.recordings = scenario.recordings;
    this.faults = scenario.faults;
    this.#scenario = scenario;
    this.now = parts.now;
  }

  /** Milliseconds on the timeline. */
  readonly elapsed = (): number => this.timeline.elapsed();

  /**
   * A call from dialling to hanging up, with whatever goes down meanwhile. Both say what they have to say at once.
   * @param callee who answers, a user or a phone: `bob.desk` @param called who is called, if it is somebody else
   * @param onceUp what happens once the call stands, before anybody speaks
   */
  async call(
    caller: string,
    callee: string,
    called = callee,
    onceUp?: () => Promise<void>,
    course: CallCourse = {},
  ): Promise<CallOutcome> {
    const { faults, window, recordings } = this.#scenario;
    const outages = new Outages(this.network, faults.outages, window);
    try {
      await outages.begin();
      return this.ended(
        await placeCall(this.network, {
          ...course,
          ...{ caller, callee, called, recordings, elapsed: this.elapsed, onceUp },
        }),
      );
    } finally {
      await outages.end();
    }
  }

  /** Keeps for the report what a course's own call has come to. */
  ended(call: CallOutcome): CallOutcome {
    this.calls.push(call);
    return call;
  }

  /** Issues a warrant; resolves when it is active at every element. Ends after the course, or by `withdraw`. */
  async issue(plan: WarrantPlan): Promise<void> {
    const { user, liid = liidOf(user), parts } = plan;
    const home = this.network.homeOf(user).name;
    const warrant = { ...warrantOn(this.network, user, this.now(), liid), ...parts };
    const what = `warrant ${liid} on ${this.network.identity(user)}`;
    this.timeline.add('HI1', 'authority', `admf.${home}`, what);
    await this.network.perform(['admf', home], 'issue', warrant);
    await this.network.settled();
    this.#running.set(liid, user);
    this.seen.warrants.push({ liid, user, home, from: this.#sent(), to: Infinity });
  }

  /** Withdraws a warrant; resolves when nothing is left of it at any element. */
  async withdraw(liid: string): Promise<void> {
    const user = this.#running.get(liid);
    if (user === undefined) throw new Error(`no warrant ${liid} runs`);
    const home = this.network.homeOf(user).name;
    await this.network.settled();
    this.timeline.add('HI1', 'authority', `admf.${home}`, `warrant ${liid} ends`);
    this.seen.warrantEnds(liid, this.#sent());
    this.#running.delete(liid);
    await this.network.perform(['admf', home], 'withdraw', liid);
  }

  async withdrawAll(): Promise<void> {
    for (const liid of [...this.#running.keys()]) await this.withdraw(liid);
  }

  /** Waits until everything that is on its way has arrived, as far as it can. */
  async settle(): Promise<void> {
    await Promise.all(
      HOMES.flatMap((home) => [
        this.network.perform(['cscf', home], 'drain', SETTLE_MS),
        this.network.perform(['gateway', home], 'drain', SETTLE_MS),
      ]),
    );
    await this.handOver();
  }

  /** Waits until the LEMFs have everything, as far as they can. */
  async handOver(): Promise<void> {
    const drain = (home: HomeName): Promise<boolean> =>
      this.network.perform(['df', home], 'drain', SETTLE_MS);
    await Promise.all(HOMES.map(drain));
    await this.network.settled();
  }

  /** How many SIP messages were sent so far. */
  #sent(): number {
    return this.network.signalling.messages.length;
  }
}
