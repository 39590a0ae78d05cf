/** The model by what is known of such systems: laws of queues, work that is conserved, one owner of a lane. */
import { describe, expect, it } from 'vitest';
import { rateOfAnswers } from '../../bench/model/asked-kms.ts';
import type { AskedKmsTerms } from '../../bench/model/asked-kms.ts';
import { failoverTimes } from '../../bench/model/failovers.ts';
import { LeasedTier } from '../../bench/model/leased-tier.ts';
import { Machine } from '../../bench/model/machine.ts';
import { simulateNetwork } from '../../bench/model/network.ts';
import type { NetworkTerms } from '../../bench/model/network.ts';
import { offBy, takeoverTimes } from '../../bench/model/reproduced.ts';
import { Simulation } from '../../bench/model/simulation.ts';
import { rateOfFlood, rateOfLoop, stagesOfProcesses } from '../../bench/model/stages.ts';
import type { Stage } from '../../bench/model/stages.ts';
import { Station } from '../../bench/model/station.ts';
import type { Failover } from '../../bench/scale/failovers.ts';
import { seededUniform } from '../../bench/undetectable-statistics.ts';
import { SHARE_TIMES } from '../../src/storage/lease-shares.ts';
import { LEASE_TIMES } from '../../src/storage/stream-lease.ts';

describe('A simulation', () => {
  it('has events in the order of their times, of one time in that in which they were asked for', () => {
    const simulation = new Simulation();
    const draw = seededUniform(7);
    const seen: [number, number][] = [];
    for (let n = 0; n < 500; n++) {
      const at = Math.floor(draw() * 20);
      simulation.after(at, () => seen.push([simulation.now, n]));
    }
    simulation.run(Infinity);
    expect(seen).toHaveLength(500);
    expect(seen).toEqual(seen.toSorted(([a, n], [b, m]) => a - b || n - m));
  });

  it('stops at its time, and goes on from there', () => {
    const simulation = new Simulation();
    let count = 0;
    const tick = (): void => {
      count++;
      simulation.after(1, tick);
    };
    simulation.after(1, tick);
    simulation.run(3.5);
    expect([simulation.now, count]).toEqual([3.5, 3]);
    simulation.run(10);
    expect(count).toBe(10);
  });
});

describe('Threads on a machine', () => {
  it('share its cores: each has all of one where there are enough, else an even part', () => {
    const ends = (cores: number, ...seconds: number[]): number[] => {
      const simulation = new Simulation();
      const machine = new Machine(simulation, cores);
      const at = seconds.map(() => NaN);
      seconds.forEach((each, n) => machine.run(each, () => (at[n] = simulation.now)));
      simulation.run(Infinity);
      expect(machine.busySeconds).toBeCloseTo(
        seconds.reduce((sum, each) => sum + each, 0),
        9,
      );
      return at;
    };
    expect(ends(2, 1, 1)).toEqual([1, 1]);
    expect(ends(1, 1, 1)).toEqual([2, 2]);
    expect(ends(1, 1, 2)).toEqual([2, 3]);
    expect(ends(2, 1, 1, 1)).toEqual([1.5, 1.5, 1.5]);
  });

  it('that are stopped have had what they have had, and the others go on', () => {
    const simulation = new Simulation();
    const machine = new Machine(simulation, 1);
    const ended: string[] = [];
    const stop = machine.run(10, () => ended.push('stopped'));
    machine.run(1, () => ended.push(`other at ${simulation.now}`));
    simulation.after(1, stop);
    simulation.run(Infinity);
    expect(ended).toEqual(['other at 1.5']);
    expect(machine.busySeconds).toBeCloseTo(1.5, 9);
  });
});

/** One thread, Poisson arrivals, mean service 1 s. @param service draws a time of service from a uniform number */
function queue(load: number, customers: number, service: (uniform: number) => number) {
  const simulation = new Simulation();
  const draw = seededUniform(3);
  const station = new Station(simulation, new Machine(simulation, 1));
  let [left, work] = [customers, 0];
  const next = (): void => {
    if (left-- === 0) return;
    simulation.after(-Math.log(1 - draw()) / load, () => {
      const seconds = service(draw());
      work += seconds;
      station.serve(seconds, () => undefined);
      next();
    });
  };
  next();
  simulation.run(Infinity);
  const { figures } = station;
  const meanWait = figures.waits.reduce((sum, each) => sum + each, 0) / figures.waits.length;
  return { ...figures, meanWait, work, end: simulation.now };
}

const exponential = (uniform: number): number => -Math.log(1 - uniform);
const fixed = (): number => 1;

describe('A queue', () => {
  it.each([0.3, 0.6, 0.8])('M/M/1 at load %s: waits ρ / (1 − ρ) in the mean', (load) => {
    expect(queue(load, 150_000, exponential).meanWait / (load / (1 - load))).toBeCloseTo(1, 1);
  });

  it.each([0.3, 0.6, 0.8])('M/D/1 at load %s: waits half of that', (load) => {
    expect(queue(load, 100_000, fixed).meanWait / (load / (2 * (1 - load)))).toBeCloseTo(1, 1);
  });

  it.each([exponential, fixed])('keeps Little’s law to the last digit, and loses nobody', (service) => {
    const { came, served, meanNumber, meanTime, end } = queue(0.7, 20_000, service);
    expect([came, served]).toEqual([20_000, 20_000]);
    expect(meanNumber).toBeCloseTo((served / end) * meanTime, 6);
  });
});

describe('A way of stages', () => {
  it('goes at the pace of its slowest stage where there are cores enough', () => {
    const stages = [1, 4, 2].map((seconds) => ({ threads: 1, seconds }));
    expect(rateOfFlood(stages, 8)).toBeCloseTo(1 / 4, 2);
    expect(rateOfFlood([stages[0]!, { threads: 2, seconds: 4 }, stages[2]!], 8)).toBeCloseTo(1 / 2, 2);
  });

  it('has what is done together go on together: others have nothing to do meanwhile', () => {
    const stages = (together: number): Stage[] => [
      { threads: 1, seconds: 1, together },
      { threads: 1, seconds: 1 },
    ];
    expect(rateOfFlood(stages(1), 8, 100)).toBeCloseTo(100 / 101, 9);
    expect(rateOfFlood(stages(20), 8, 100)).toBeCloseTo(100 / 120, 9);
    // What is left in the end is not waited for.
    expect(rateOfFlood(stages(60), 8, 100)).toBeCloseTo(100 / 160, 9);
    expect(rateOfFlood(stages(1000), 8, 100)).toBeCloseTo(100 / 200, 9);
  });

  it('goes at the pace of the cores where these are too few', () => {
    const stages = [1, 4, 2].map((seconds) => ({ threads: 4, seconds }));
    expect(rateOfFlood(stages, 1)).toBeCloseTo(1 / 7, 2);
    expect(rateOfLoop(stages, 1, 8)).toBeCloseTo(1 / 7, 2);
    expect(rateOfLoop(stages, 4, 2)).toBeCloseTo(2 / 7, 2);
  });
});

describe('Processes on a way', () => {
  const rate = (processes: number, main: number, share?: number): number => {
    const limits = share === undefined ? {} : { limit: { processes, share } };
    return rateOfFlood(stagesOfProcesses(processes, { seconds: 5, main }, limits), 8, 500);
  };

  it('do one thing after the other in their main threads, and what is left of it beside them', () => {
    expect(rate(1, 5)).toBeCloseTo(1 / 5, 2);
    expect(rate(1, 4)).toBeCloseTo(1 / 4, 2);
    expect(rate(1, 2)).toBeCloseTo(1 / 3, 2);
    expect(rate(2, 4)).toBeCloseTo(2 / 4, 2);
  });

  it('have all their threads in the share that they may have', () => {
    expect(rate(1, 3, 0.5)).toBeCloseTo(0.5 / 5, 3);
    expect(rate(2, 3, 0.5)).toBeCloseTo(1 / 5, 2);
  });
});

describe('KMSs that are asked', () => {
  const TERMS_OF_KMS: AskedKmsTerms = {
    ...{ processes: 1, cores: 16, share: null, atOnce: 4, hasTurns: false, answering: 1, statements: 9 },
    seconds: { asker: 0.001, listener: 0.002, computing: 0.01, beside: 0, database: 0.002 },
    syncSeconds: 0.003,
  };
  const rate = (terms: Partial<AskedKmsTerms>): number => rateOfAnswers({ ...TERMS_OF_KMS, ...terms }, 500);

  it('answer one at a time in as long as all of it takes: two commits, and each thread its part', () => {
    for (const hasTurns of [false, true])
      expect(rate({ atOnce: 1, hasTurns })).toBeCloseTo(1 / (0.015 + 2 * 0.003), 1);
  });

  it('answer as fast as the thread computes, where enough is under way', () => {
    expect(rate({}) / 100).toBeCloseTo(1, 1);
    expect(rate({ processes: 2 }) / 200).toBeCloseTo(1, 1);
    // What a question needs of the records is read while nothing else is computed.
    expect(rate({ hasTurns: true })).toBeLessThan(1 / 0.0105);
    expect(rate({ hasTurns: true })).toBeGreaterThan(1 / 0.0115);
  });

  it('answer half as much of what has turns where they rest as long as they work', () => {
    const [all, half] = [1, 0.5].map((answering) => rate({ hasTurns: true, answering }));
    expect(half! / all!).toBeCloseTo(0.5, 1);
    expect(rate({ answering: 0.5 })).toBe(rate({}));
  });

  it('have what they may have of a core, or what is there', () => {
    expect(rate({ share: 0.3 })).toBeCloseTo(0.3 / 0.012, 0);
    expect(rate({ share: 0.3, processes: 2 })).toBeCloseTo(0.6 / 0.012, 0);
    expect(rate({ cores: 0.5 })).toBeCloseTo(0.5 / 0.015, 0);
  });
});

describe('Takeover of a lease', () => {
  it('takes what the times of a lease say: as long as it counts as held, less what has passed of it', () => {
    const times = takeoverTimes(1, 2_000, 5);
    const { patience, renewals, looks } = LEASE_TIMES;
    const [least, most] = [Math.min(...times), Math.max(...times)];
    // It is seen a look after it was written, and found late a look after it is.
    expect(least).toBeGreaterThan(patience - 1 / renewals - 0.01);
    expect(most).toBeLessThan(patience + 2 / looks + 0.01);
    expect(most - least).toBeGreaterThan(1 / renewals);
  });
});

/** Processes that share lanes, with nothing to do but what is laid. */
function tier(processes: number, lanes: number, seed = 1, isNameOwn = false) {
  const simulation = new Simulation();
  const machine = new Machine(simulation, 64);
  const passed: number[][] = Array.from({ length: lanes }, () => []);
  const found = new LeasedTier(simulation, {
    ...{ processes, lanes, isNameOwn, lease: { leaseSeconds: 1, tripSeconds: 0.004 } },
    ...{ pduSeconds: 0.002, together: 8, machine: () => machine, draw: seededUniform(seed) },
    passedOn: ({ destination }, lane) => passed[lane]?.push(destination),
  });
  return { simulation, tier: found, passed };
}

describe('Lanes with leases', () => {
  it('are shared evenly, again after a process died, and again when it is back', () => {
    const { simulation, tier: of } = tier(3, 8);
    const sorted = (): number[] => of.shares.toSorted((a, b) => a - b);
    simulation.run(5);
    expect(sorted()).toEqual([2, 3, 3]);
    of.kill(0, 8);
    simulation.run(12);
    expect(of.shares.slice(1)).toEqual([4, 4]);
    expect(of.takeovers.length).toBeGreaterThan(1);
    simulation.run(30);
    expect(sorted()).toEqual([2, 3, 3]);
  });

  it.each(Array.from({ length: 12 }, (_, seed) => seed))(
    'have one owner at any time, and each message once and in order, whatever is killed, ends or stands still (seed %s)',
    (seed) => {
      const { simulation, tier: of, passed } = tier(3, 5, seed, seed % 2 === 1);
      const draw = seededUniform(1000 + seed);
      const laid = passed.map(() => 0);
      let [double, orphaned] = [0, 0];
      const every = (seconds: number, action: () => void): void => {
        simulation.after(seconds, () => {
          if (simulation.now > 60) return;
          action();
          every(seconds, action);
        });
      };
      simulation.after(3, () =>
        every(0.01, () => {
          const lane = Math.floor(draw() * laid.length);
          of.lay(lane, { pdus: 1, came: simulation.now, destination: laid[lane]!++ });
        }),
      );
      every(1.7, () => {
        const n = Math.floor(draw() * 3);
        const what = draw();
        if (what < 0.35) of.kill(n, 0.2 + draw());
        else if (what < 0.6) of.end(n, 0.2 + draw());
        else of.pause(n, 3 * draw());
      });
      every(0.003, () => {
        for (let lane = 0; lane < laid.length; lane++) {
          const owners = of.ownersOf(lane);
          if (owners > 1) double++;
          if (owners === 0) orphaned++;
        }
      });
      simulation.run(90);
      expect(double).toBe(0);
      // There was something to take over.
      expect(orphaned).toBeGreaterThan(0);
      expect(of.backlog).toBe(0);
      expect(passed).toEqual(laid.map((count) => [...Array(count).keys()]));
    },
  );
});

describe('What a process had that goes', () => {
  const { patience, renewals } = LEASE_TIMES;
  const LOOK = 1 / SHARE_TIMES.looks;
  const of = (kind: Failover, restarts: number[] = []): readonly [number, number] => {
    const times = failoverTimes(kind, { leaseSeconds: 1, restarts }, 3, 100);
    // Two or three things of eight, each time.
    expect(times.length).toBeGreaterThan(2 * 100 - 1);
    return [Math.min(...times), Math.max(...times)];
  };

  it('has nobody for as long as a lease counts as held, less what has passed of it, and at most two looks', () => {
    const [least, most] = of('killed');
    expect(least).toBeGreaterThan(patience - 1 / renewals - 0.01);
    // A member that is gone may be known a renewal later than its things.
    expect(most).toBeLessThan(patience + 2 * LOOK + 0.01);
  });

  it('has somebody at the next look where it was given back', () => {
    expect(of('ended')[1]).toBeLessThan(2 * LOOK + 0.01);
  });

  it('has the same again a look after that is back under its name', () => {
    const [least, most] = of('again', [0.5]);
    expect(least).toBeGreaterThan(0.5);
    expect(most).toBeLessThan(0.5 + 2 * LOOK + 0.01);
  });

  it('has nobody for longer where one is back at once under another name', () => {
    const [, most] = of('anew', [0.5]);
    expect(most).toBeGreaterThan(0.5 + patience);
    expect(most).toBeLessThan(0.5 + patience + 2 * LOOK + 0.01);
  });
});

const TERMS: NetworkTerms = {
  ...{ seed: 1, seconds: 20, intakes: 2, mediators: 3, deliverers: 2, partitions: 8, destinations: 4 },
  ...{
    kms: 2,
    kmsThreads: 2,
    cores: 2,
    databaseCores: 2,
    pdusPerSecond: 1500,
    together: 3,
    questionsPerSecond: 20,
  },
  microseconds: { intake: 100, mediation: 800, delivery: 300, kms: 10_000, database: 1000, databasePdu: 100 },
  ...{ batch: 64, leaseSeconds: 1, tripSeconds: 0.002, killSeconds: 4, restartSeconds: 2, endShare: 0 },
};

describe('The whole way', () => {
  it.each([1, 2, 3])('delivers all that came, once, with kills (seed %s)', (seed) => {
    const found = simulateNetwork({ ...TERMS, seed });
    expect(found.kills).toBeGreaterThan(0);
    expect(found.delivered).toBe(found.came);
    expect(found.doubleOwners).toBe(0);
    expect(found.drainedAfter).not.toBeNull();
    const { mediation, delivery, ended } = found.takeoverSeconds;
    for (const { most } of [mediation, delivery].flatMap((each) => each ?? []))
      expect(most).toBeGreaterThan(LEASE_TIMES.patience - 1 / LEASE_TIMES.renewals);
    expect(ended).toBeNull();
  });

  it('has everything again soon where processes end in order', () => {
    const found = simulateNetwork({ ...TERMS, endShare: 1 });
    expect([found.kills, found.delivered]).toEqual([0, found.came]);
    expect(found.ends).toBeGreaterThan(0);
    expect(found.takeoverSeconds.ended!.most).toBeLessThan(0.5);
  });

  it('can be run again from its seed', () => {
    expect(simulateNetwork(TERMS)).toEqual(simulateNetwork(TERMS));
    expect(simulateNetwork({ ...TERMS, seed: 2 })).not.toEqual(simulateNetwork(TERMS));
  });

  it('has what it is offered go through where nothing fails, and does not where it is too much', () => {
    const calm = { ...TERMS, killSeconds: Infinity };
    expect(simulateNetwork(calm).throughput / TERMS.pdusPerSecond).toBeCloseTo(1, 1);
    // Three mediators do 3 / 0.8 ms.
    const most = simulateNetwork({ ...calm, deliverers: 0, pdusPerSecond: 6000 }).throughput;
    expect(most).toBeLessThan(3750);
    expect(most).toBeGreaterThan(3300);
  });
});

it('A point is off by a share of what was measured', () => {
  const point = { what: '', unit: '', by: 'own', measured: 200, simulated: 150 } as const;
  expect(offBy(point)).toBe(0.25);
  expect(offBy({ ...point, atLeast: 400 })).toBe(0.125);
});
