/**
 * KMSs of one district that are asked so much at a time, each with a thread that listens and one that computes, on one
 * database:
 *
 *     asker ─► listener ◄─► database … commit ─► thread that computes ─► listener ─► record on disk ─► asker
 *
 * Statements come one after the other, each with its part of what the listener has to do; a commit, and a record of the audit
 * log, wait for the disk without a processor. Of questions about exchanges (get_keys) so many have a turn at a time, and one
 * is at the thread that computes, with what it needs of the records (`start-questions.ts`).
 */
import { UNDER_WAY } from '../../src/entities/kms/workers/start-questions.ts';
import { Machine } from './machine.ts';
import { Simulation } from './simulation.ts';
import { Station } from './station.ts';

export interface AskedKmsTerms {
  readonly processes: number;
  /** Cores for all, and of these what each KMS may have; `null`: what is left. */
  readonly cores: number;
  readonly share: number | null;
  readonly atOnce: number;
  /** Whether questions have turns, as those of get_keys. */
  readonly hasTurns: boolean;
  /** Part of the time that threads answer which have turns, above 0 to 1: they rest for what is left. */
  readonly answering: number;
  readonly statements: number;
  /** For an answer, of processor time; `beside`: of other threads of the KMS. */
  readonly seconds: Readonly<Record<'asker' | 'listener' | 'computing' | 'beside' | 'database', number>>;
  /** Until something that is written is on the disk. */
  readonly syncSeconds: number;
}

/** A seed and a root, which a question that is answered needs (`asked-question.ts#likelyRecords`). */
const LIKELY_STATEMENTS = 2;
/** Answers that a simulation of a rate goes through, of each KMS. */
const ANSWERS = 1_000;
/** Connections are more than questions. */
const BACKENDS = 64;

type Then = (next: () => void) => void;

/** Answers a second of all of them. */
export function rateOfAnswers(terms: AskedKmsTerms, answers = ANSWERS): number {
  const { processes, cores, share, atOnce } = terms;
  const simulation = new Simulation();
  const machine = new Machine(simulation, cores);
  const common = {
    asker: new Station(simulation, machine),
    database: new Station(simulation, machine, BACKENDS),
  };
  const total = answers * processes;
  let last = 0;
  for (let n = 0; n < processes; n++) {
    const own = share === null ? machine : new Machine(simulation, share);
    const kms = new AskedKms(simulation, own, common, terms);
    let begun = 0;
    const next = (): void => {
      if (begun++ >= answers) return;
      kms.ask(() => {
        last = simulation.now;
        next();
      });
    };
    for (let each = 0; each < atOnce; each++) next();
  }
  simulation.run(Infinity);
  return total / last;
}

class AskedKms {
  readonly #simulation: Simulation;
  readonly #terms: AskedKmsTerms;
  readonly #common: Readonly<Record<'asker' | 'database', Station>>;
  readonly #listener: Station;
  readonly #computing: Station;
  readonly #beside: Station;
  readonly #turns = new Turnstile(UNDER_WAY);
  readonly #threads = new Turnstile(1);

  constructor(
    simulation: Simulation,
    machine: Machine,
    common: Readonly<Record<'asker' | 'database', Station>>,
    terms: AskedKmsTerms,
  ) {
    [this.#simulation, this.#common, this.#terms] = [simulation, common, terms];
    this.#listener = new Station(simulation, machine);
    this.#computing = new Station(simulation, machine);
    this.#beside = new Station(simulation, machine);
  }

  ask(done: () => void): void {
    const { seconds, hasTurns } = this.#terms;
    const half = this.#on(this.#common.asker, seconds.asker / 2);
    const recorded = [this.#listens, this.#synced, half];
    const answered = hasTurns ? this.#inTurn() : this.#atOnce();
    inOrder([half, ...answered, ...recorded], done);
  }

  /** REQUEST_KEY: who asks is read and what it asks for claimed; then keys are computed, and put on record. */
  #atOnce(): Then[] {
    const { statements } = this.#terms;
    const before = Math.floor(statements / 2);
    return [...this.#stated(before), this.#synced, this.#computes, ...this.#stated(statements - before)];
  }

  /** get_keys. */
  #inTurn(): Then[] {
    const { statements, answering } = this.#terms;
    const answer = (next: () => void): void =>
      this.#threads.enter((leave) => {
        const begun = this.#simulation.now;
        inOrder([...this.#stated(LIKELY_STATEMENTS), this.#computes], () => {
          const rest = ((this.#simulation.now - begun) * (1 - answering)) / answering;
          this.#simulation.after(rest, leave);
          next();
        });
      });
    const work = [...this.#stated(statements - LIKELY_STATEMENTS), this.#synced, answer];
    return [
      (next) =>
        this.#turns.enter((leave) =>
          inOrder(work, () => {
            leave();
            next();
          }),
        ),
    ];
  }

  /** So many statements, with what the listener does of each. */
  #stated(statements: number): Then[] {
    const { seconds, statements: all } = this.#terms;
    const one = this.#on(this.#common.database, seconds.database / all);
    return Array.from({ length: Math.max(0, Math.round(statements)) }, () => [this.#listens, one]).flat();
  }

  readonly #listens: Then = (next) => {
    const { seconds, statements } = this.#terms;
    this.#listener.serve(seconds.listener / (Math.round(statements) + 1), next);
  };

  /** Threads beside work meanwhile. */
  readonly #computes: Then = (next) => {
    const { computing, beside } = this.#terms.seconds;
    this.#beside.serve(beside, () => undefined);
    this.#computing.serve(computing, next);
  };

  readonly #synced: Then = (next) => this.#simulation.after(this.#terms.syncSeconds, next);

  #on(station: Station, seconds: number): Then {
    return (next) => station.serve(seconds, next);
  }
}

/** So many are in at a time; the others wait in their order. */
class Turnstile {
  #free: number;
  readonly #waiting: ((leave: () => void) => void)[] = [];

  constructor(places: number) {
    this.#free = places;
  }

  enter(work: (leave: () => void) => void): void {
    this.#waiting.push(work);
    this.#next();
  }

  #next(): void {
    if (this.#free === 0) return;
    const work = this.#waiting.shift();
    if (work === undefined) return;
    this.#free--;
    work(() => {
      this.#free++;
      this.#next();
    });
  }
}

function inOrder(steps: readonly Then[], done: () => void): void {
  const [first, ...others] = steps;
  if (first === undefined) done();
  else first(() => inOrder(others, done));
}
