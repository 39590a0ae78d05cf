/**
 * The whole way as a model: points of interception, intakes, partitions, mediators, destinations, deliverers, and KMSs on one
 * database, with processes that are killed.
 *
 *     PDUs, Poisson ──► intake (a queue each) ──► partition ──► mediator that has it ──► destination ──► deliverer that has it
 *     questions, Poisson ──► KMS (a queue each, so many threads) ──► database (one machine)
 *
 * What a mediator has done goes through the database before it goes on. A mediator that is there again has the name that it
 * had (`database.instance`), a deliverer another one. Nothing is asked of NATS servers but the time of a word and its answer.
 */
import { quantile } from '../statistics.ts';
import { seededUniform } from '../undetectable-statistics.ts';
import type { Uniform } from '../undetectable-statistics.ts';
import { LeasedTier } from './leased-tier.ts';
import type { Message } from './leased-tier.ts';
import { Machine } from './machine.ts';
import { Simulation } from './simulation.ts';
import { Station } from './station.ts';

export interface NetworkTerms {
  readonly seed: number;
  /** Seconds that PDUs come. */
  readonly seconds: number;
  readonly intakes: number;
  readonly mediators: number;
  /** 0: mediators deliver. */
  readonly deliverers: number;
  readonly partitions: number;
  readonly destinations: number;
  readonly kms: number;
  /** Threads of each KMS that compute. */
  readonly kmsThreads: number;
  /** Cores of each process's machine, and of the database's. */
  readonly cores: number;
  readonly databaseCores: number;
  readonly pdusPerSecond: number;
  /** PDUs that come together. */
  readonly together: number;
  readonly questionsPerSecond: number;
  /** Of processor time, for a PDU and for a question. */
  readonly microseconds: {
    readonly intake: number;
    readonly mediation: number;
    readonly delivery: number;
    readonly kms: number;
    readonly database: number;
    /** Of the database, for a PDU that is mediated. */
    readonly databasePdu: number;
  };
  /** PDUs that a mediator or deliverer takes at a time, at most. */
  readonly batch: number;
  readonly leaseSeconds: number;
  /** To a server and back. */
  readonly tripSeconds: number;
  /** Seconds between two kills, of mediators and of deliverers, in the mean; Infinity: none. */
  readonly killSeconds: number;
  readonly restartSeconds: number;
  /** Of those that are killed, how many end in order instead, 0 to 1. */
  readonly endShare: number;
}

/** In the middle, of 99 in 100 at most, and at most. */
export interface Spread {
  readonly p50: number;
  readonly p99: number;
  readonly most: number;
}

export interface NetworkFigures {
  readonly came: number;
  readonly delivered: number;
  /** PDUs a second that were delivered while they came. */
  readonly throughput: number;
  /** Milliseconds of a PDU from coming to being delivered. */
  readonly pduMs: Spread;
  /** Milliseconds of a question from being put to being answered. */
  readonly questionMs: Spread | null;
  readonly kills: number;
  readonly ends: number;
  /** Seconds that a lane had nobody: of mediators that were killed, of deliverers, and of those that ended in order. */
  readonly takeoverSeconds: {
    readonly mediation: Spread | null;
    readonly delivery: Spread | null;
    readonly ended: Spread | null;
  };
  /** The most PDUs that one partition had at a time, one destination, and all together. */
  readonly mostInPartition: number;
  readonly mostInDestination: number;
  readonly mostBacklog: number;
  /** Lanes that more than one process went by having, at any look. */
  readonly doubleOwners: number;
  /** Seconds after the last PDU came until all were delivered; `null`: some are not. */
  readonly drainedAfter: number | null;
}

const MICRO = 1e-6;
/** Looks at backlog and owners a second. */
const LOOKS = 20;
/** Of the time that PDUs came, in which what is left has to be delivered. */
const DRAIN = 10;
/** After so many leases every lane has an owner. */
const SETTLED_LEASES = 4;

export function simulateNetwork(terms: NetworkTerms): NetworkFigures {
  return new Network(terms).run();
}

class Network {
  readonly #terms: NetworkTerms;
  readonly #simulation = new Simulation();
  readonly #draw: Uniform;
  readonly #intakes: Station[];
  readonly #mediators: LeasedTier;
  readonly #deliverers: LeasedTier | null;
  readonly #kms: Station[];
  readonly #database: Station;
  readonly #times: number[] = [];
  readonly #questionTimes: number[] = [];
  #came = 0;
  #delivered = 0;
  #lastAt = 0;
  #kills = 0;
  #ends = 0;
  #mostBacklog = 0;
  #doubleOwners = 0;

  constructor(terms: NetworkTerms) {
    this.#terms = terms;
    this.#draw = seededUniform(terms.seed);
    const { intakes, mediators, deliverers, partitions, destinations, kms, kmsThreads, cores } = terms;
    const machine = (of = cores): Machine => new Machine(this.#simulation, of);
    const stations = (count: number, threads: number): Station[] =>
      Array.from({ length: count }, () => new Station(this.#simulation, machine(), threads));
    this.#intakes = stations(intakes, 1);
    this.#kms = stations(kms, kmsThreads);
    const { databaseCores } = terms;
    this.#database = new Station(this.#simulation, machine(databaseCores), databaseCores);
    const tier = (
      processes: number,
      lanes: number,
      pduMicroseconds: number,
      isNameOwn: boolean,
      passedOn: (message: Message) => void,
    ) => {
      const machines = Array.from({ length: processes }, () => machine());
      const { leaseSeconds, tripSeconds, batch: together } = terms;
      return new LeasedTier(this.#simulation, {
        ...{ processes, lanes, together, isNameOwn, passedOn, draw: this.#draw },
        lease: { leaseSeconds, tripSeconds },
        pduSeconds: pduMicroseconds * MICRO,
        machine: (n) => machines[n] ?? machine(),
      });
    };
    const { mediation, delivery, databasePdu } = terms.microseconds;
    const last = (message: Message): void => this.#arrive(message);
    this.#deliverers = deliverers === 0 ? null : tier(deliverers, destinations, delivery, false, last);
    this.#mediators = tier(mediators, partitions, mediation, true, (message) =>
      this.#database.serve(message.pdus * databasePdu * MICRO, () => {
        if (this.#deliverers === null) last(message);
        else this.#deliverers.lay(message.destination, message);
      }),
    );
  }

  run(): NetworkFigures {
    const { seconds, pdusPerSecond, together, questionsPerSecond, leaseSeconds, killSeconds } = this.#terms;
    const begin = SETTLED_LEASES * leaseSeconds;
    const end = begin + seconds;
    const simulation = this.#simulation;
    simulation.after(begin, () => {
      this.#poisson(pdusPerSecond / together, end, () => this.#take(together));
      this.#poisson(questionsPerSecond, end, () => this.#ask());
      this.#poisson(1 / killSeconds, end, () => this.#kill());
      this.#poisson(LOOKS, end, () => this.#look());
    });
    simulation.run(end);
    const inTime = this.#delivered;
    while (this.#delivered < this.#came && simulation.now < end + DRAIN * seconds)
      simulation.run(simulation.now + leaseSeconds);
    const [mediators, deliverers] = [this.#mediators, this.#deliverers];
    const ended = [...mediators.handovers, ...(deliverers?.handovers ?? [])];
    return {
      ...{ came: this.#came, delivered: this.#delivered, throughput: inTime / seconds },
      pduMs: spread(this.#times, 1000),
      questionMs: spreadOf(this.#questionTimes, 1000),
      ...{ kills: this.#kills, ends: this.#ends },
      takeoverSeconds: {
        mediation: spreadOf(mediators.takeovers),
        delivery: spreadOf(deliverers?.takeovers ?? []),
        ended: spreadOf(ended),
      },
      ...{ mostInPartition: mediators.mostInLane, mostInDestination: deliverers?.mostInLane ?? 0 },
      mostBacklog: this.#mostBacklog,
      doubleOwners: this.#doubleOwners,
      drainedAfter: this.#delivered < this.#came ? null : Math.max(0, this.#lastAt - end),
    };
  }

  #poisson(rate: number, until: number, action: () => void): void {
    if (!(rate > 0)) return;
    const next = (): void => {
      const pause = -Math.log(1 - this.#draw()) / rate;
      if (this.#simulation.now + pause > until) return;
      this.#simulation.after(pause, () => {
        action();
        next();
      });
    };
    next();
  }

  #take(pdus: number): void {
    const { partitions, destinations, microseconds } = this.#terms;
    const came = this.#simulation.now;
    const lane = Math.floor(this.#draw() * partitions);
    const destination = Math.floor(this.#draw() * destinations);
    this.#came += pdus;
    this.#anyOf(this.#intakes)?.serve(pdus * microseconds.intake * MICRO, () =>
      this.#mediators.lay(lane, { pdus, came, destination }),
    );
  }

  #arrive({ pdus, came }: Message): void {
    const { now } = this.#simulation;
    this.#delivered += pdus;
    this.#lastAt = now;
    this.#times.push(now - came);
  }

  #ask(): void {
    const came = this.#simulation.now;
    const { kms, database } = this.#terms.microseconds;
    this.#anyOf(this.#kms)?.serve(kms * MICRO, () =>
      this.#database.serve(database * MICRO, () => this.#questionTimes.push(this.#simulation.now - came)),
    );
  }

  #kill(): void {
    const { mediators, deliverers, restartSeconds, endShare } = this.#terms;
    const of = Math.floor(this.#draw() * (mediators + deliverers));
    const [tier, n] = of < mediators ? [this.#mediators, of] : [this.#deliverers, of - mediators];
    const isEnd = this.#draw() < endShare;
    const isGone = isEnd ? tier?.end(n, restartSeconds) : tier?.kill(n, restartSeconds);
    if (isGone !== true) return;
    if (isEnd) this.#ends++;
    else this.#kills++;
  }

  #look(): void {
    const backlog = this.#mediators.backlog + (this.#deliverers?.backlog ?? 0);
    this.#mostBacklog = Math.max(this.#mostBacklog, backlog);
    const { partitions, destinations } = this.#terms;
    for (let lane = 0; lane < partitions; lane++)
      if (this.#mediators.ownersOf(lane) > 1) this.#doubleOwners++;
    for (let lane = 0; lane < destinations && this.#deliverers !== null; lane++)
      if (this.#deliverers.ownersOf(lane) > 1) this.#doubleOwners++;
  }

  #anyOf<T>(all: readonly T[]): T | undefined {
    return all[Math.floor(this.#draw() * all.length)];
  }
}

function spread(values: readonly number[], factor: number): Spread {
  const at = (share: number): number => quantile(values, share) * factor;
  return { p50: at(0.5), p99: at(0.99), most: at(1) };
}

/** `null`: there are none. */
function spreadOf(values: readonly number[], factor = 1): Spread | null {
  return values.length === 0 ? null : spread(values, factor);
}
