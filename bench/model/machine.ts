/**
 * Machines and the threads that run on them. With k threads that want a processor and c cores each gets min(1, c / k) of
 * one: all work at one pace, so that one number, the work that a thread would have done that had run all the time, says
 * when each is done.
 */
import type { Simulation } from './simulation.ts';

interface Running {
  /** What `#done` is when it has had its processor time. */
  readonly until: number;
  readonly order: number;
  readonly ended: () => void;
  isStopped: boolean;
}

export class Machine {
  readonly #simulation: Simulation;
  readonly #cores: number;
  #running: Running[] = [];
  /** Seconds of processor time that a thread has had that ran all the time. */
  #done = 0;
  #at = 0;
  #order = 0;
  #alarm = 0;
  #busy = 0;

  constructor(simulation: Simulation, cores: number) {
    this.#simulation = simulation;
    this.#cores = cores;
  }

  /** Seconds of processor time so far, of all threads. */
  get busySeconds(): number {
    this.#advance();
    return this.#busy;
  }

  /** Has a thread run for so many seconds of processor time. Gives what stops it before. */
  run(seconds: number, ended: () => void): () => void {
    this.#advance();
    const running: Running = { until: this.#done + seconds, order: this.#order++, ended, isStopped: false };
    this.#running.push(running);
    this.#schedule();
    return () => {
      if (running.isStopped) return;
      running.isStopped = true;
      this.#advance();
      this.#running = this.#running.filter((each) => each !== running);
      this.#schedule();
    };
  }

  get #pace(): number {
    return Math.min(1, this.#cores / Math.max(1, this.#running.length));
  }

  #advance(): void {
    const { now } = this.#simulation;
    const work = (now - this.#at) * this.#pace;
    this.#done += work;
    this.#busy += work * this.#running.length;
    this.#at = now;
  }

  #schedule(): void {
    const alarm = ++this.#alarm;
    const [first, ...others] = this.#running;
    if (first === undefined) return;
    let next = first;
    for (const each of others)
      if (each.until < next.until || (each.until === next.until && each.order < next.order)) next = each;
    this.#simulation.after((next.until - this.#done) / this.#pace, () => {
      if (alarm !== this.#alarm) return;
      this.#advance();
      next.isStopped = true;
      this.#running = this.#running.filter((each) => each !== next);
      this.#schedule();
      next.ended();
    });
  }
}
