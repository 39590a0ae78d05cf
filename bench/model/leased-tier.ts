/**
 * Processes of one role that share lanes, partitions or destinations, by a lease for each: a lane's messages are taken in
 * their order by the one process that has it, so many PDUs at a time. What a process had under way when it died is still in
 * its lane, since it leaves it when it is done.
 *
 * A process has places for ⌊lanes / members⌋ lanes, and for one more for as many processes as there is a rest for, those that
 * have most. It gives back what it has beyond, and takes what is free. It knows the members by what they say: one that died
 * is one until its word is as old as a lease that counts as given up, and whoever has come since counts that from when it
 * came. Where names are own, who is there again counts in place of its former run, and takes what that had at once. Who ends
 * in order gives all back and says so (`src/storage/lease-shares.ts`).
 */
import { SHARE_TIMES } from '../../src/storage/lease-shares.ts';
import { LEASE_TIMES } from '../../src/storage/stream-lease.ts';
import type { Uniform } from '../undetectable-statistics.ts';
import { LeaseHolder, LeaseSubject } from './lease.ts';
import type { LeaseTerms, Process } from './lease.ts';
import type { Machine } from './machine.ts';
import type { Simulation } from './simulation.ts';

/** What goes through a lane: some PDUs that came together. */
export interface Message {
  readonly pdus: number;
  /** When they came to the first of the roles. */
  readonly came: number;
  /** Where they go after the partition. */
  readonly destination: number;
}

/** Which part of the time of a lease is between two looks of a process at who has what. */
export const LOOK_SHARE = 1 / SHARE_TIMES.looks;
/** Longer than any lease. */
const FORGOTTEN_SECONDS = 1800;

export interface TierOptions {
  readonly processes: number;
  readonly lanes: number;
  readonly lease: LeaseTerms;
  /** Whether a process is there again under the name that it had. */
  readonly isNameOwn: boolean;
  /** Seconds of processor time for a PDU. */
  readonly pduSeconds: number;
  /** PDUs that are taken at a time, at most, but for one message. */
  readonly together: number;
  /** A machine for each process, or one for all. */
  readonly machine: (process: number) => Machine;
  readonly passedOn: (message: Message, lane: number) => void;
  readonly draw: Uniform;
}

interface Lane {
  readonly subject: LeaseSubject;
  readonly messages: Message[];
  head: number;
  pdus: number;
  most: number;
  /** Since when nobody has it whose process lives; `null`: somebody does. */
  orphanSince: number | null;
  /** Whether it was given back. */
  isGivenBack: boolean;
}

class TierProcess implements Process {
  readonly holders: LeaseHolder[];
  readonly startedAt: number;
  /** The process in whose place it came. */
  readonly former: TierProcess | null;
  /** Lanes that it has. */
  readonly lanes = new Set<number>();
  isDead = false;
  standsStill = false;
  diedAt = Infinity;
  /** It has said that it goes. */
  hasLeft = false;
  pausedAt = Infinity;
  /** The lane whose messages it has under way. */
  busyLane: number | null = null;
  stopWork: () => void = () => undefined;
  nextLane = 0;

  constructor(simulation: Simulation, lanes: readonly Lane[], terms: LeaseTerms, former: TierProcess | null) {
    this.startedAt = simulation.now;
    this.former = former;
    this.holders = lanes.map(
      ({ subject }) => new LeaseHolder(simulation, subject, this, terms, this.startedAt),
    );
  }

  /** When it last said that it is there, before a time. */
  wordBefore(now: number, everySeconds: number): number {
    const until = Math.min(now, this.diedAt, this.pausedAt) - this.startedAt;
    return this.startedAt + Math.floor(until / everySeconds) * everySeconds;
  }

  /** Whether a run before this one is who has a lane. */
  wasHolder(lane: number, holder: LeaseHolder): boolean {
    for (let at = this.former; at !== null; at = at.former) if (at.holders[lane] === holder) return true;
    return false;
  }
}

export class LeasedTier {
  readonly #simulation: Simulation;
  readonly #options: TierOptions;
  readonly #lanes: Lane[];
  #processes: TierProcess[];
  /** Seconds from the death of who had a lane until it was had again. */
  readonly takeovers: number[] = [];
  /** The same where who had it ended in order. */
  readonly handovers: number[] = [];
  #passed = 0;
  /** Processes that died and were started again. */
  #gone: TierProcess[] = [];

  constructor(simulation: Simulation, options: TierOptions) {
    this.#simulation = simulation;
    this.#options = options;
    this.#lanes = Array.from({ length: options.lanes }, () => ({
      ...{ subject: new LeaseSubject(), messages: [], head: 0, pdus: 0, most: 0 },
      ...{ orphanSince: null, isGivenBack: false },
    }));
    this.#processes = Array.from({ length: options.processes }, (_, n) => this.#started(n, null));
  }

  /** PDUs that wait or are under way. */
  get backlog(): number {
    return this.#lanes.reduce((sum, { pdus }) => sum + pdus, 0);
  }

  /** The most that was in one lane at a time. */
  get mostInLane(): number {
    return Math.max(0, ...this.#lanes.map(({ most }) => most));
  }

  /** PDUs that were passed on. */
  get passed(): number {
    return this.#passed;
  }

  /** How many lanes each process has. */
  get shares(): number[] {
    return this.#processes.map(({ lanes }) => lanes.size);
  }

  /** Processes that go by having a lane, now. */
  ownersOf(lane: number): number {
    return this.#processes.filter(({ isDead, holders }) => !isDead && holders[lane]?.holds === true).length;
  }

  lay(lane: number, message: Message): void {
    const at = this.#lanes[lane];
    if (at === undefined) throw new RangeError(`no lane ${lane}`);
    at.messages.push(message);
    at.pdus += message.pdus;
    at.most = Math.max(at.most, at.pdus);
    for (const process of this.#processes) if (process.lanes.has(lane)) this.#work(process);
  }

  /** SIGKILL; gives whether there was one. @param restartSeconds after which it is there again; `null`: never */
  kill(n: number, restartSeconds: number | null): boolean {
    const process = this.#processes[n];
    if (process === undefined || process.isDead) return false;
    const { now } = this.#simulation;
    process.isDead = true;
    process.diedAt = now;
    process.stopWork();
    for (const lane of process.lanes) {
      const at = this.#lanes[lane];
      if (at === undefined || at.orphanSince !== null || process.holders[lane]?.has !== true) continue;
      at.orphanSince = now;
      at.isGivenBack = process.hasLeft;
    }
    if (restartSeconds !== null)
      this.#simulation.after(restartSeconds, () => {
        this.#gone = [...this.#gone, process].filter(({ diedAt }) => now - diedAt < FORGOTTEN_SECONDS);
        this.#processes[n] = this.#started(n, process);
      });
    return true;
  }

  /** SIGTERM: it gives all back, what it had under way with it. Else as `kill`. */
  end(n: number, restartSeconds: number | null): boolean {
    const process = this.#processes[n];
    if (process === undefined || process.isDead || process.standsStill) return false;
    process.hasLeft = true;
    this.kill(n, restartSeconds);
    for (const lane of process.lanes) process.holders[lane]?.giveBack();
    return true;
  }

  /** SIGSTOP, and SIGCONT after so many seconds. */
  pause(n: number, seconds: number): void {
    const process = this.#processes[n];
    if (process === undefined || process.isDead || process.standsStill) return;
    process.standsStill = true;
    process.pausedAt = this.#simulation.now;
    process.stopWork();
    process.busyLane = null;
    this.#simulation.after(seconds, () => {
      process.standsStill = false;
      process.pausedAt = Infinity;
      this.#work(process);
    });
  }

  #started(n: number, former: TierProcess | null): TierProcess {
    const { lease, isNameOwn, draw } = this.#options;
    const process = new TierProcess(this.#simulation, this.#lanes, lease, isNameOwn ? former : null);
    const every = lease.leaseSeconds * LOOK_SHARE;
    const look = (): void => {
      if (process.isDead) return;
      if (!process.standsStill) this.#look(process);
      this.#simulation.after(every, look);
    };
    // Those of the beginning were not started at one moment.
    this.#simulation.after(every * (former === null ? draw() : 1), look);
    process.nextLane = n;
    return process;
  }

  #look(process: TierProcess): void {
    for (const lane of process.lanes) if (process.holders[lane]?.has !== true) process.lanes.delete(lane);
    const share = this.#places(process);
    for (const lane of process.lanes) {
      if (process.lanes.size <= share) break;
      if (process.busyLane === lane) continue;
      process.holders[lane]?.giveBack();
      process.lanes.delete(lane);
    }
    let asked = process.lanes.size;
    for (let n = 0; n < this.#lanes.length; n++) {
      const lane = (process.nextLane + n) % this.#lanes.length;
      if (process.lanes.has(lane)) continue;
      process.holders[lane]?.look(
        () => asked < share && ++asked > 0,
        () => this.#taken(process, lane),
        (holder) => process.wasHolder(lane, holder),
      );
    }
    // One that was late may be renewed.
    this.#work(process);
  }

  /** How many lanes a process may have. */
  #places(process: TierProcess): number {
    const { lease, isNameOwn } = this.#options;
    const { now } = this.#simulation;
    const since = now - lease.leaseSeconds * LEASE_TIMES.patience;
    const every = lease.leaseSeconds / LEASE_TIMES.renewals;
    const known = isNameOwn ? this.#processes : [...this.#processes, ...this.#gone];
    const members = known.filter(
      (each) => !each.hasLeft && Math.max(each.wordBefore(now, every), process.startedAt) > since,
    );
    const most = members.toSorted((a, b) => b.lanes.size - a.lanes.size);
    const rest = this.#lanes.length % members.length;
    return Math.floor(this.#lanes.length / members.length) + (most.indexOf(process) < rest ? 1 : 0);
  }

  #taken(process: TierProcess, lane: number): void {
    process.lanes.add(lane);
    const at = this.#lanes[lane];
    if (at !== undefined && at.orphanSince !== null) {
      const times = at.isGivenBack ? this.handovers : this.takeovers;
      times.push(this.#simulation.now - at.orphanSince);
      at.orphanSince = null;
    }
    this.#work(process);
  }

  /** Its lanes in turn: what has come in the next one that has something. */
  #work(process: TierProcess): void {
    if (process.busyLane !== null || process.isDead || process.standsStill) return;
    const lanes = this.#lanes.length;
    const lane = this.#nextWith(process, lanes);
    if (lane === null) return;
    process.nextLane = (lane + 1) % lanes;
    const at = this.#lanes[lane];
    if (at === undefined) return;
    const { together, pduSeconds, machine, passedOn } = this.#options;
    let [pdus, count] = [0, 0];
    for (let n = at.head; n < at.messages.length && (count === 0 || pdus < together); n++) {
      pdus += at.messages[n]?.pdus ?? 0;
      count++;
    }
    process.busyLane = lane;
    process.stopWork = machine(this.#processes.indexOf(process)).run(pdus * pduSeconds, () => {
      process.busyLane = null;
      process.stopWork = () => undefined;
      // What it does when it has lost the lane is refused where it is stored.
      if (process.holders[lane]?.holds === true) {
        const done = at.messages.slice(at.head, at.head + count);
        at.head += count;
        at.pdus -= pdus;
        if (at.head > 1024 && at.head * 2 > at.messages.length) {
          at.messages.splice(0, at.head);
          at.head = 0;
        }
        this.#passed += pdus;
        for (const message of done) passedOn(message, lane);
      }
      this.#work(process);
    });
  }

  #nextWith(process: TierProcess, lanes: number): number | null {
    let best: number | null = null;
    let least = Infinity;
    for (const lane of process.lanes) {
      const at = this.#lanes[lane];
      if (at === undefined || at.head >= at.messages.length) continue;
      if (process.holders[lane]?.holds !== true) continue;
      const turn = (lane - process.nextLane + lanes) % lanes;
      if (turn < least) [best, least] = [lane, turn];
    }
    return best;
  }
}
