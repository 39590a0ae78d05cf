/** The folder that a run of the demo leaves: made or emptied at the beginning, with a report from the beginning on. */
import { messageOf } from '../../bytes/errors.ts';
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { encodeWav } from '../../media/wav.ts';
import {
  FileError,
  copyWhole,
  makeFolder,
  removeEmpty,
  replaceFile,
  writeWhole,
} from '../../storage/files.ts';
import { isRunning } from '../../storage/lock.ts';
import { LabError } from '../errors.ts';
import { HOMES } from '../network/home.ts';
import { writeBrokenPage } from '../report/folder.ts';
import type { TimelineEntry } from '../timeline.ts';
import type { DemoReport } from './report.ts';

/** Names of what a run leaves. */
const LEFT =
  /^(?:(?:report|secrets)\.json(?:\.new)?|report\.html(?:\.new)?|capture\.pcap(?:\.new)?|signalling|home[12]|(?:spoken|recovered)-[\w-]+\.(?:wav|rtpdump))$/;

/** The audit logs that each home's entities keep, below their state. */
const AUDIT_LOGS: Readonly<Record<string, string>> = {
  kms: 'kms/audit.jsonl',
  cscf: 'cscf-audit.jsonl',
  gateway: 'gateway-audit.jsonl',
  df: 'df-audit.jsonl',
  admf: 'admf-audit.jsonl',
};

/** Makes the folder, or empties it if it holds an earlier run and nothing else. @throws LabError `options`, FileError */
export function prepareOut(out: string): void {
  if (existsSync(out)) {
    if (!statSync(out).isDirectory())
      throw new LabError('options', `${out} is not a folder: choose another --out`);
    const names = readdirSync(out);
    const others = names.filter((name) => !LEFT.test(name));
    if (others.length > 0 || (names.length > 0 && !names.includes('report.json'))) {
      const what = others[0] ?? names[0] ?? '';
      throw new LabError(
        'options',
        `${out} holds more than an earlier run (${what}): choose another --out; nothing was touched`,
      );
    }
    const writer = names.length === 0 ? null : writerOf(path.join(out, 'report.json'));
    if (writer !== null) {
      throw new LabError(
        'options',
        `process ${writer} is writing a run to ${out}: choose another --out; nothing was touched`,
      );
    }
    for (const name of names) rmSync(path.join(out, name), { recursive: true });
  }
  const made = makeFolder(out);
  try {
    writeReport(out, { state: 'running', pid: process.pid });
  } catch (error) {
    removeEmpty(made);
    throw error;
  }
}

/** The process whose run is not over; `null` if there is none, or it has gone. */
function writerOf(report: string): number | null {
  const text = readFileSync(report, 'utf8');
  const pid = Number(/"state": "running",\s*"pid": (\d+)/.exec(text)?.[1] ?? 0);
  return pid !== 0 && isRunning(pid) ? pid : null;
}

interface Unfinished {
  readonly state: 'running' | 'failed';
  readonly pid?: number;
  readonly error?: string;
}

/** From the beginning of a run to its end there is a report, which says how far it is. */
export function writeReport(out: string, report: DemoReport | Unfinished): void {
  replaceFile(path.join(out, 'report.json'), JSON.stringify(report, null, 2) + '\n');
}

/**
 * What went wrong with the run is what counts: where that was the disk, the report cannot be written either.
 * @param timeline what was told of until then
 */
export function reportAsFailed(out: string, cause: unknown, timeline: readonly TimelineEntry[]): void {
  const error = messageOf(cause);
  try {
    writeReport(out, { state: 'failed', error });
    writeBrokenPage(out, { error, timeline });
  } catch (failed) {
    if (!(failed instanceof FileError)) throw failed;
  }
}

/** Keeps of the entities' state what the LEMFs have received, and the audit logs to their end. */
export function keepFiles(out: string, state: string): void {
  for (const home of HOMES) {
    makeFolder(path.join(out, home, 'audit'), 0o700);
    for (const name of ['hi2.ber', 'hi3.ber']) {
      copyWhole(path.join(state, home, 'lemf', name), path.join(out, home, name));
    }
    for (const [entity, file] of Object.entries(AUDIT_LOGS)) {
      copyWhole(path.join(state, home, file), path.join(out, home, 'audit', `${entity}.jsonl`));
    }
  }
}

export function writeSpoken(out: string, speaker: string, samples: Int16Array): void {
  writeWhole(path.join(out, `spoken-${speaker}.wav`), encodeWav(samples));
}

/** @param secrets the KMSs' own, in the clear */
export function writeSecrets(out: string, secrets: object): void {
  writeWhole(path.join(out, 'secrets.json'), JSON.stringify(secrets, null, 2) + '\n', { mode: 0o600 });
}
