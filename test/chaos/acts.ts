/**
 * What is done to the processes of a system, one thing after the other, as a seed has it: most are killed by SIGKILL; one is
 * held up for longer than its lease, the database is away for a while, and a stream is filled.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { FuzzRandom } from '../fuzz/mutators.ts';
import { LEASE_MS, STREAM_OCTETS } from './system.ts';
import type { ScaledSystem } from './system.ts';
import type { Calls } from './calls.ts';

/** Milliseconds between acts: from, and how many more at most. */
const PAUSE = { least: 500, more: 1_500 };
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
  /** Told of each act. */
  readonly tell: (what: string) => void;
  readonly signal: AbortSignal;
}

/** So many kills, with the rest in between. */
export async function wreak(kills: number, parts: ChaosParts): Promise<void> {
  const { random, signal, tell } = parts;
  const besides = new Map<number, (parts: ChaosParts) => Promise<void>>([
    [Math.floor(kills / 4), (with_) => holdUp(with_, 'mediation')],
    [Math.floor(kills / 2), databaseAway],
    [Math.floor((3 * kills) / 4), fillStream],
    [Math.max(0, kills - 1), (with_) => holdUp(with_, 'delivery')],
  ]);
  for (let done = 0; done < kills && !signal.aborted;) {
    await besides.get(done)?.(parts);
    besides.delete(done);
    const name = random.of(parts.system.names);
    await sleep(PAUSE.least + random.below(PAUSE.more));
    // Who has not come again yet is waited for, so that the seed alone says who is killed.
    await parts.system.untilRuns(name);
    if (!parts.system.kill(name)) continue;
    done += 1;
    tell(`SIGKILL ${name} (${done} of ${kills})`);
  }
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
