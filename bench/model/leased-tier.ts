/**
 * Processes of one role that share lanes, partitions or destinations, by a lease for each: a lane's messages are taken in
 * their order by the one process that has it, so many PDUs at a time. What a process had under way when it died is still in
 * its lane, since it leaves it when it is done.
 *
 * A process has places for ⌊lanes / members⌋ lanes, and for one more for as many processes as there is a rest for, those that
 * have most. It gives back what it has beyond, and takes what is free. It knows the members by what they say: one that died
 * is one until its word is as old as a lease that counts as given up.
 */
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

/** Looks of a process, in the time of a lease, at who has what. */
const SHARE_LOOKS = 5;
/** Longer than any lease. */
const FORGOTTEN_SECONDS = 1800;

export interface TierOptions {
  readonly processes: number;
  readonly lanes: number;
  readonly lease: LeaseTerms;
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
}

class TierProcess implements Process {
  readonly holders: LeaseHolder[];
  /** Lanes that it has. */
  readonly lanes = new Set<number>();
  isDead = false;
  standsStill = false;
  diedAt = Infinity;
  isBusy = false;
  stopWork: () => void = () => undefined;
  nextLane = 0;

  constructor(simulation: Simulation, lanes: readonly Lane[], terms: LeaseTerms) {
    this.holders = lanes.map(({ subject }) => new LeaseHolder(simulation, subject, this, terms));
  }
}

export class LeasedTier {
  readonly #simulation: Simulation;
  readonly #options: TierOptions;
  readonly #lanes: Lane[];
  #processes: TierProcess[];
  /** Seconds from the death of who had a lane until another had it. */
  readonly takeovers: number[] = [];
  #passed = 0;
  /** Processes that died and were started again. */
  #gone: TierProcess[] = [];

  constructor(simulation: Simulation, options: TierOptions) {
    this.#simulation = simulation;
    this.#options = options;
    this.#lanes = Array.from({ length: options.lanes }, () => ({
      ...{ subject: new LeaseSubject(), messages: [], head: 0, pdus: 0, most: 0, orphanSince: null },
    }));
    this.#processes = Array.from({ length: options.processes }, (_, n) => this.#started(n));
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
      if (at !== undefined && process.holders[lane]?.has === true) at.orphanSince ??= now;
    }
    if (restartSeconds !== null)
      this.#simulation.after(restartSeconds, () => {
        this.#gone = [...this.#gone, process].filter(({ diedAt }) => now - diedAt < FORGOTTEN_SECONDS);
        this.#processes[n] = this.#started(n);
      });
    return true;
  }

  /** SIGSTOP, and SIGCONT after so many seconds. */
  pause(n: number, seconds: number): void {
    const process = this.#processes[n];
    if (process === undefined || process.isDead || process.standsStill) return;
    process.standsStill = true;
    process.stopWork();
    process.isBusy = false;
    this.#simulation.after(seconds, () => {
      process.standsStill = false;
      this.#work(process);
    });
  }

  #started(n: number): TierProcess {
    const process = new TierProcess(this.#simulation, this.#lanes, this.#options.lease);
    const every = this.#options.lease.leaseSeconds / SHARE_LOOKS;
    const look = (): void => {
      if (process.isDead) return;
      if (!process.standsStill) this.#look(process);
      this.#simulation.after(every, look);
    };
    // They were not started at one moment.
    this.#simulation.after(every * this.#options.draw(), look);
    process.nextLane = n;
    return process;
  }

  #look(process: TierProcess): void {
    for (const lane of process.lanes) if (process.holders[lane]?.has !== true) process.lanes.delete(lane);
    const share = this.#places(process);
    for (const lane of process.lanes) {
      if (process.lanes.size <= share) break;
      if (process.isBusy) break;
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
      );
    }
    // One that was late may be renewed.
    this.#work(process);
  }

  /** How many lanes a process may have. */
  #places(process: TierProcess): number {
    const { leaseSeconds } = this.#options.lease;
    const since = this.#simulation.now - leaseSeconds * LEASE_TIMES.patience;
    const members = [...this.#processes, ...this.#gone].filter(({ diedAt }) => diedAt > since);
    const most = members.toSorted((a, b) => b.lanes.size - a.lanes.size);
    const rest = this.#lanes.length % members.length;
    return Math.floor(this.#lanes.length / members.length) + (most.indexOf(process) < rest ? 1 : 0);
  }

  #taken(process: TierProcess, lane: number): void {
    process.lanes.add(lane);
    const at = this.#lanes[lane];
    if (at !== undefined && at.orphanSince !== null) {
      this.takeovers.push(this.#simulation.now - at.orphanSince);
      at.orphanSince = null;
    }
    this.#work(process);
  }

  /** Its lanes in turn: what has come in the next one that has something. */
  #work(process: TierProcess): void {
    if (process.isBusy || process.isDead || process.standsStill) return;
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
    process.isBusy = true;
    process.stopWork = machine(this.#processes.indexOf(process)).run(pdus * pduSeconds, () => {
      process.isBusy = false;
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
