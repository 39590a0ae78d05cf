/**
 * How many times as much two threads of a pool do as one, where two processors are free: a thread that could run and has to
 * wait, since others have the processors, is not to be counted against the pool. Linux says of each thread how long it
 * waited so (`/proc/PID/task/TID/schedstat`):
 *
 *     done by each thread a millisecond = tasks done / Σ over the pool's threads of (wall time − waited)
 *     scaling = 2 × that of two / that of one
 *
 * What keeps a thread without work stays counted: a queue, a message on its way, the thread of the listeners. So does that
 * these wait for a processor themselves, or whoever asks: on a busy machine that is most of it, and the figure says little.
 * There processor time alone tells something, by a model of one server (all other threads of the process, S for a task) and
 * customers that think (the pool's threads, Z for a task), exact where both are exponential (mean value analysis):
 *
 *     one: 1 / (Z₁ + S₁)        two: 2 / (Z₂ + S₂ (1 + S₂ / (Z₂ + S₂)))
 */
import { threadTimes } from './processor.ts';
import type { ThreadTime } from './processor.ts';
import { middle } from './statistics.ts';

/** Share of the time that processes without anything between them wait for a processor where others want it, too. */
const BUSY = 0.05;

/** What a pool did in a round. */
export interface PoolRound {
  readonly done: number;
  readonly wallMs: number;
  /** Of the pool's threads together. */
  readonly ranMs: number;
  readonly waitedMs: number;
  /** Of all other threads of the processes. */
  readonly besideMs: number;
}

export interface PoolFigures {
  /** Tasks a second of wall time. */
  readonly rate: number;
  /** Milliseconds that a thread of the pool ran for a task. */
  readonly taskMs: number;
  /** Milliseconds that other threads of the processes ran for a task. */
  readonly besideMs: number;
  /** Shares of the time in which a thread of the pool ran, waited for a processor, and had nothing to do. */
  readonly ran: number;
  readonly waited: number;
  readonly idle: number;
}

export interface Scaling {
  readonly one: PoolFigures;
  readonly two: PoolFigures;
  /** Twice the rate of each of two by that of one, by wall time: what this machine had to give. */
  readonly wall: number;
  /** The same without the time in which they waited for a processor. */
  readonly free: number;
  /** What the model makes of processor time. */
  readonly modelled: number;
}

/** What threads of a pool do, and what processes of their own did in turns with them (`ceiling.ts`). */
export interface ScalingUnderCeiling extends Scaling {
  readonly ceiling: Scaling;
  /** Of what two processes do more than one, the part that two threads do: 1 is all of it. Both without waiting. */
  readonly ofCeiling: number;
}

/** Does some work by processes that have a pool together. @param pooled which of their threads are the pool's */
export async function poolRound(
  pids: readonly number[],
  pooled: (threads: readonly ThreadTime[]) => readonly ThreadTime[],
  done: number,
  work: () => Promise<void>,
): Promise<PoolRound> {
  const look = (): ThreadTime[] => pids.flatMap(threadTimes);
  const [before, begun] = [look(), performance.now()];
  await work();
  const [after, wallMs] = [look(), performance.now() - begun];
  const spent = after.map((time) => {
    const known = before.find(({ thread }) => thread === time.thread);
    return {
      ...time,
      ranMs: time.ranMs - (known?.ranMs ?? 0),
      waitedMs: time.waitedMs - (known?.waitedMs ?? 0),
    };
  });
  const own = pooled(spent);
  const sum = (threads: readonly ThreadTime[], of: 'ranMs' | 'waitedMs'): number =>
    threads.reduce((all, thread) => all + thread[of], 0);
  const ranMs = sum(own, 'ranMs');
  const waitedMs = sum(own, 'waitedMs');
  return { done, wallMs, ranMs, waitedMs, besideMs: sum(spent, 'ranMs') - ranMs };
}

/** By the medians of rounds that were made in turns. @param one, two rounds of pools of as many threads */
export function scalingOf(one: readonly PoolRound[], two: readonly PoolRound[]): Scaling {
  const ratio = (speed: (round: PoolRound, threads: number) => number): number =>
    middle(two.map((round, n) => speed(round, 2) / speed(one[n] ?? round, 1)));
  const [alone, together] = [figuresOf(one, 1), figuresOf(two, 2)];
  return {
    one: alone,
    two: together,
    modelled: modelled(alone, together),
    wall: ratio(({ done, wallMs }) => done / wallMs),
    free: ratio(({ done, wallMs, waitedMs }, threads) => (threads * done) / (threads * wallMs - waitedMs)),
  };
}

/** @param ceiling of rounds that were made in turns with those of the others */
export function underCeiling(scaling: Scaling, ceiling: Scaling): ScalingUnderCeiling {
  return { ...scaling, ceiling, ofCeiling: scaling.free / ceiling.free };
}

function modelled(one: PoolFigures, two: PoolFigures): number {
  const [z, s] = [two.taskMs, two.besideMs];
  return (2 * (one.taskMs + one.besideMs)) / (z + s * (1 + s / (z + s)));
}

/** Of rounds the ones in the middle. */
export function figuresOf(rounds: readonly PoolRound[], threads: number): PoolFigures {
  const of = (figure: (round: PoolRound) => number): number => middle(rounds.map(figure));
  const [ran, waited] = [
    of(({ ranMs, wallMs }) => ranMs / (threads * wallMs)),
    of(({ waitedMs, wallMs }) => waitedMs / (threads * wallMs)),
  ];
  return {
    rate: of(({ done, wallMs }) => (1000 * done) / wallMs),
    taskMs: of(({ done, ranMs }) => ranMs / done),
    besideMs: of(({ done, besideMs }) => besideMs / done),
    ...{ ran, waited, idle: 1 - ran - waited },
  };
}

/** In words, a line each. @param name of what the threads do @param aim to be reached without waiting */
export function ceilingLines(name: string, scaling: ScalingUnderCeiling, aim: number): string[] {
  const { ceiling, ofCeiling, free } = scaling;
  const isBusy = Math.max(ceiling.one.waited, ceiling.two.waited) > BUSY;
  const verdict = isBusy
    ? 'others wanted the cores, so that none of this says much'
    : free >= aim
      ? 'met'
      : 'missed';
  return [
    ...scalingLines(name, scaling),
    `two processes of the engine alone do ${ceiling.free.toFixed(2)} × what one does (${ceiling.wall.toFixed(2)} × on this ` +
      `machine now; ${ceiling.one.taskMs.toFixed(2)} and ${ceiling.two.taskMs.toFixed(2)} ms each): the threads reach ` +
      `${(100 * ofCeiling).toFixed(0)} % of that; ${aim} ×: ${verdict}`,
  ];
}

/** What times of a task are told in. */
const MILLISECONDS = { perMs: 1, name: 'ms' };

/** In words, a line each. */
export function scalingLines(
  name: string,
  { one, two, wall, free, modelled: model }: Scaling,
  unit = MILLISECONDS,
): string[] {
  const line = (threads: string, { rate, taskMs, besideMs, ran, waited, idle }: PoolFigures): string => {
    const [a, b, c] = [ran, waited, idle].map((share) => `${(100 * share).toFixed(0)} %`);
    const [own, others] = [taskMs, besideMs].map((ms) => `${(unit.perMs * ms).toFixed(2)} ${unit.name}`);
    return (
      `  ${threads}: ${rate.toFixed(1)} a second; ${own} each, ${others} of other ` +
      `threads; ran ${a}, waited for a processor ${b}, had nothing to do ${c}`
    );
  };
  return [
    `${name}: two threads do ${free.toFixed(2)} × what one does without what they waited for a processor, ` +
      `${model.toFixed(2)} × by a model of processor time, ${wall.toFixed(2)} × on this machine now`,
    line('one', one),
    line('two', two),
  ];
}
