/**
 * What is done to the processes of a system, one thing after the other, as a seed has it: most are killed by SIGKILL; one is
 * held up for longer than its lease, the database is away for a while, and a stream is filled.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { FuzzRandom } from '../fuzz/mutators.ts';
import { LEASE_MS, STREAM_OCTETS } from './system.ts';
import type { ScaledSystem } from './system.ts';
import type { Calls } from './calls.ts';

/** Of the mean pause between kills: the least, and how much more at most. */
const PAUSE = { least: 0.4, more: 1.2 };
/** Besides kills, the rest is done once in so many. */
const ROUND = 100;
/** Kills after which it is told how long the rest will take. */
const PROGRESS = 25;
/** How long a process is held up so that another may have its place. */
const HELD_MS = 3 * LEASE_MS;
const DATABASE_AWAY_MS = 10_000;
/** How long it may take until a stream is full, and how long it is then. */
const FILLED_MS = 20_000;
const FULL_MS = 2_000;
/** What a process that lost its lease has to come back by itself. */
const BACK_MS = 5_000;
const DATABASE = 'postgresql';
/** Packets of a burst: half as much again as the stream may have, of 1,300 octets each, under two tasks. */
const BURST = Math.ceil((1.5 * STREAM_OCTETS) / (2 * 1_300));

export interface ChaosParts {
  readonly system: ScaledSystem;
  readonly calls: Calls;
  readonly random: FuzzRandom;
  /** Milliseconds between kills, on average. */
  readonly pauseMs: number;
  /** Told of each act. */
  readonly tell: (what: string) => void;
  readonly signal: AbortSignal;
}

/** So many kills, with the rest in between. */
export async function wreak(kills: number, parts: ChaosParts): Promise<void> {
  const { system, random, pauseMs, signal, tell } = parts;
  const besides = planOf(kills);
  const began = performance.now();
  for (let done = 0; done < kills && !signal.aborted;) {
    for (const act of besides.get(done) ?? []) await act(parts);
    besides.delete(done);
    const name = random.of(system.names);
    await sleep(PAUSE.least * pauseMs + random.below(PAUSE.more * pauseMs));
    // Who has not come again yet is waited for, so that the seed alone says who is killed.
    await system.untilRuns(name);
    if (!system.kill(name)) continue;
    done += 1;
    tell(`SIGKILL ${name} (${done} of ${kills})`);
    if (done % PROGRESS === 0 && done < kills) {
      const left = ((performance.now() - began) / done) * (kills - done);
      tell(`about ${Math.ceil(left / 60_000)} min to the last kill`);
    }
  }
}

type Act = (parts: ChaosParts) => Promise<void>;

/** What is done besides, by the number of kills before it. */
function planOf(kills: number): Map<number, readonly Act[]> {
  const plan = new Map<number, readonly Act[]>();
  for (let from = 0; from < kills; from += ROUND) {
    const count = Math.min(ROUND, kills - from);
    const parts: readonly (readonly [number, Act])[] = [
      [Math.floor(count / 4), (with_) => holdUp(with_, 'mediation')],
      [Math.floor(count / 2), databaseAway],
      [Math.floor((3 * count) / 4), fillStream],
      [count - 1, (with_) => holdUp(with_, 'delivery')],
    ];
    for (const [at, act] of parts) plan.set(from + at, [...(plan.get(from + at) ?? []), act]);
  }
  return plan;
}

/** Held for longer than its lease: another has its place then, or it is told that it may have it no more. */
async function holdUp({ system, random, tell }: ChaosParts, role: 'mediation' | 'delivery'): Promise<void> {
  const running = system.having(role).filter((name) => system.runs(name));
  if (running.length === 0) return;
  const name = random.of(running);
  tell(`SIGSTOP ${name} for ${HELD_MS} ms`);
  const go = system.hold(name);
  await sleep(HELD_MS);
  go();
  tell(`SIGCONT ${name}`);
  await sleep(BACK_MS);
  const [reason] = await system.unready([name]);
  // One that has lost its place does not take it again by itself: whoever runs it starts it anew.
  if (reason === undefined || !system.kill(name)) return;
  tell(`${reason}; it is started anew`);
}

async function databaseAway({ system, tell }: ChaosParts): Promise<void> {
  await system.untilReady([DATABASE]);
  tell(`SIGSTOP ${DATABASE} for ${DATABASE_AWAY_MS} ms`);
  const go = system.hold(DATABASE);
  await sleep(DATABASE_AWAY_MS);
  go();
  tell(`SIGCONT ${DATABASE}`);
}

/** Nobody takes anything out of the streams while more is reported than one of them may have. */
async function fillStream({ system, calls, tell, signal }: ChaosParts): Promise<void> {
  await system.untilReady();
  tell(`the stream of content is filled: ${BURST} packets while nobody mediates`);
  const held = system.having('mediation').map((name) => system.hold(name));
  const burst = calls.call({ packets: BURST, everyMs: 0, kind: 'burst' }, signal);
  const full = await system.refusing(FILLED_MS);
  await sleep(FULL_MS);
  for (const go of held) go();
  tell(full ? 'the stream refused what was beyond' : 'the stream was not full');
  if (!full) throw new Error('the stream could not be filled');
  await burst;
  await sleep(BACK_MS);
  for (const name of system.having('mediation')) {
    const [reason] = await system.unready([name]);
    if (reason !== undefined && system.kill(name)) tell(`${reason}; it is started anew`);
  }
}
