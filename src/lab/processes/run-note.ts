/**
 * What is known of a laboratory that runs: who holds it (a lock, which the system drops with the process), and the
 * processes of its entities (`run.json`).
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import Type from 'typebox';
import type { StaticDecode } from 'typebox';
import { Form, strict } from '../../bytes/schema.ts';
import { StorageError } from '../../storage/errors.ts';
import { replaceFile } from '../../storage/files.ts';
import { isRunning, lockState } from '../../storage/lock.ts';
import type { StateLock } from '../../storage/lock.ts';
import { LabError } from '../errors.ts';
import { RUN } from '../folder/lab-folder.ts';
import type { LabFolder } from '../folder/lab-folder.ts';

const form = new Form(
  strict({
    pid: Type.Integer({ minimum: 1 }),
    /** RFC 3339. */
    since: Type.String(),
    state: Type.Enum(['starting', 'ready', 'stopping']),
    entities: Type.Array(
      strict({
        ...{ name: Type.String(), pid: Type.Integer({ minimum: 1 }), file: Type.String() },
        /** How often it was started again. */
        restarts: Type.Integer({ minimum: 0, default: 0 }),
      }),
    ),
  }),
);

export type RunNote = StaticDecode<typeof form.schema>;
export type RunState = RunNote['state'];

/** Takes a laboratory for this process. @throws LabError `running` if another has it */
export function holdLab(lab: LabFolder, now: number): StateLock {
  try {
    return lockState({ entity: 'up', files: [lab.at('run')] }, now);
  } catch (cause) {
    if (!(cause instanceof StorageError) || cause.code !== 'locked') throw cause;
    throw new LabError('running', `the laboratory ${lab.folder} runs already`, { cause });
  }
}

/** Whether a process holds the laboratory now. @param now Unix milliseconds */
export function isHeld(lab: LabFolder, now: number): boolean {
  try {
    holdLab(lab, now).release();
    return false;
  } catch (error) {
    if (error instanceof LabError && error.code === 'running') return true;
    throw error;
  }
}

export function writeNote(lab: LabFolder, note: RunNote): void {
  replaceFile(lab.at(RUN), JSON.stringify(note, null, 2) + '\n', 0o600);
}

export function removeNote(lab: LabFolder): void {
  rmSync(lab.at(RUN), { force: true });
}

/** `null`: there is none that can be read. */
export function readNote(lab: LabFolder): RunNote | null {
  try {
    const reading = form.read(JSON.parse(readFileSync(lab.at(RUN), 'utf8')));
    return 'value' in reading ? reading.value : null;
  } catch {
    return null;
  }
}

/** Entities that go on although whoever started them was killed: by their numbers, and what these processes run. */
export function orphans(lab: LabFolder): number[] {
  return (readNote(lab)?.entities ?? [])
    .filter(({ pid, file }) => isRunning(pid) && commandOf(pid).includes(file))
    .map(({ pid }) => pid);
}

function commandOf(pid: number): string {
  return spawnSync('ps', ['-ww', '-o', 'args=', '-p', String(pid)], { encoding: 'utf8' }).stdout;
}
