/** Threads that serve a queue, first come first served, on a machine; with what is known of queues of their kind. */
import type { Machine } from './machine.ts';
import type { Simulation } from './simulation.ts';

interface Job {
  readonly seconds: number;
  readonly came: number;
  readonly done: () => void;
}

export interface StationFigures {
  readonly came: number;
  readonly served: number;
  /** How many were there, waiting or served, in the mean over time. */
  readonly meanNumber: number;
  /** Seconds from coming to being done, in the mean of those that were served. */
  readonly meanTime: number;
  /** Seconds before being served, of each. */
  readonly waits: readonly number[];
}

export class Station {
  readonly #simulation: Simulation;
  readonly #machine: Machine;
  #free: number;
  readonly #queue: Job[] = [];
  #head = 0;
  #came = 0;
  #served = 0;
  #time = 0;
  #area = 0;
  #changed = 0;
  readonly #waits: number[] = [];

  constructor(simulation: Simulation, machine: Machine, threads = 1) {
    this.#simulation = simulation;
    this.#machine = machine;
    this.#free = threads;
  }

  /** @param seconds of processor time */
  serve(seconds: number, done: () => void): void {
    this.#count();
    this.#came++;
    this.#queue.push({ seconds, came: this.#simulation.now, done });
    this.#next();
  }

  get figures(): StationFigures {
    this.#count();
    const { now } = this.#simulation;
    return {
      ...{ came: this.#came, served: this.#served, waits: this.#waits },
      ...{ meanNumber: this.#area / now, meanTime: this.#time / this.#served },
    };
  }

  #next(): void {
    const job = this.#queue[this.#head];
    if (this.#free === 0 || job === undefined) return;
    this.#free--;
    this.#head++;
    if (this.#head > 1024 && this.#head * 2 > this.#queue.length) {
      this.#queue.splice(0, this.#head);
      this.#head = 0;
    }
    this.#waits.push(this.#simulation.now - job.came);
    this.#machine.run(job.seconds, () => {
      this.#count();
      this.#free++;
      this.#served++;
      this.#time += this.#simulation.now - job.came;
      this.#next();
      job.done();
    });
  }

  #count(): void {
    const { now } = this.#simulation;
    this.#area += (this.#came - this.#served) * (now - this.#changed);
    this.#changed = now;
  }
}
