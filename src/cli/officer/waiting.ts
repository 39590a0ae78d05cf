/** Waiting for what elements and time make of a warrant, with a line for each change on the way. */
import { setTimeout as passed } from 'node:timers/promises';
import { decodeFile, decodeWarrant, warrantPath } from '../../wire/officers/warrants.ts';
import type { WarrantEvent, WarrantView } from '../../wire/officers/warrants.ts';
import { CliError } from '../failure.ts';
import type { Answered, OfficerApi } from './api.ts';
import { printable, shortTime, stateText, waitingText } from './print.ts';

export type WaitGoal = 'active' | 'suspended' | 'ended';

/** States from which nothing else follows by itself. */
const FINAL: readonly WarrantView['state'][] = ['ended', 'rejected', 'failed'];

/** Milliseconds between two questions: few at first, then calmly, since each of them is on record. */
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 2_000;

/**
 * Resolves when the warrant is in the state, and its elements have taken the last change.
 * @param timeoutMs how long to wait at most
 * @throws CliError `failed`: it cannot come to that any more, or has not in time; elements have refused the change
 */
export async function untilIn(
  goal: WaitGoal,
  first: Answered<WarrantView>,
  api: OfficerApi,
  timeoutMs: number,
): Promise<Answered<WarrantView>> {
  const { liid } = first.value;
  const end = performance.now() + timeoutMs;
  let told = '';
  let pause = FIRST_PAUSE_MS;
  for (let answer = first; ;) {
    const warrant = answer.value;
    const now = progressText(warrant);
    if (now !== told) process.stderr.write(`${liid}: ${now}\n`);
    told = now;
    if (warrant.state === goal && !warrant.changing) {
      if (first.value.changing) await requireTaken(first.value, api);
      return answer;
    }
    if (FINAL.includes(warrant.state))
      throw new CliError(
        'failed',
        `warrant ${liid} is ${warrant.state}, and will not be ${goal}${await whySo(warrant, api)}`,
        whyHint(liid),
      );
    const left = end - performance.now();
    if (left <= 0)
      throw new CliError('failed', `warrant ${liid} is not ${goal} in time: it is ${now}`, whyHint(liid));
    await passed(Math.min(pause, left));
    pause = Math.min(pause * 1.5, LONGEST_PAUSE_MS);
    answer = await api.get(warrantPath(liid, 'state'), decodeWarrant);
  }
}

/** Of a change that elements had not taken yet: not that it was undone since. @throws CliError `failed` */
async function requireTaken({ liid, generation }: WarrantView, api: OfficerApi): Promise<void> {
  const isRefusal = (event: WarrantEvent): boolean =>
    event.act === 'change-refused' && event.generation > generation;
  const refusal = (await historyOf(liid, api)).find(isRefusal);
  if (refusal !== undefined)
    throw new CliError('failed', `warrant ${liid} was not changed${reasonText(refusal)}`, whyHint(liid));
}

/** Why it has come to its state, as its history has it. */
async function whySo({ liid, state }: WarrantView, api: OfficerApi): Promise<string> {
  const isWhy = (event: WarrantEvent): boolean => event.state === state && event.reason !== undefined;
  return reasonText((await historyOf(liid, api)).findLast(isWhy));
}

async function historyOf(liid: string, api: OfficerApi): Promise<readonly WarrantEvent[]> {
  return (await api.get(warrantPath(liid), decodeFile)).value.history;
}

function reasonText(event: WarrantEvent | undefined): string {
  return event?.reason === undefined ? '' : `: ${printable(event.reason)}`;
}

function progressText(warrant: WarrantView): string {
  const waits = waitingText(warrant);
  const begins = warrant.state === 'approved' ? `, begins ${shortTime(warrant.startTime)}` : '';
  return `${stateText(warrant)}${begins}${waits === '' ? '' : `; waits for: ${waits}`}`;
}

function whyHint(liid: string): string {
  return `claviger warrant show ${liid} has its history; claviger warrant approve ${liid} if it waits for that.`;
}
