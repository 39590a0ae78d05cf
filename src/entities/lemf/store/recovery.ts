/**
 * Recovery from two files into a folder: `recover.json` and one WAV a stream. They are somebody's conversation: 0600. What
 * is needed meanwhile is in a folder of its own within it, `.recovering-…`, which goes with the recovery; what a process
 * that was killed has left there goes with the next.
 */
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { fileError, makeFolder, requireReadable } from '../../../storage/files.ts';
import { isRunning } from '../../../storage/lock.ts';
import { CaseViews, keyOfId } from '../case-views.ts';
import type { HandoverKind } from '../ports.ts';
import { liidText } from '../notices.ts';
import type { NoticeReport } from '../notices.ts';
import { liidOfKey } from '../numbering.ts';
import { Recovery } from '../recover.ts';
import type {
  CallReport,
  RecoverOptions,
  RecoveryReport,
  RecoveryResult,
  SessionReport,
} from '../recover.ts';
import type { WarrantName } from '../retention.ts';
import { sourcesPath } from '../sources.ts';
import { AudioFolder, unwritten } from './audio.ts';
import { KEY_ANSWERS_FILE, SqliteKeyAnswers } from './key-answers.ts';
import { HandoverReader, boundedLinesOf, sourceMarks } from './handed-over.ts';
import { RecoveryWorkspace } from './workspace.ts';

export const RECOVERY_REPORT = 'recover.json';

/** What recovery calls its audio. */
const AUDIO = /^recovered-[A-Za-z0-9_-]+\.(?:wav|rtpdump)$/;

const WORK = /^\.recovering-(\d+)-\w+$/;

/** The files of HI2 and HI3. */
export type HandoverPaths = Readonly<Record<HandoverKind, string>>;

export interface FolderRecoverySettings extends RecoverOptions {
  /** Samples of one WAV file at most; by default what one can hold. */
  readonly mostSamples?: number;
  /** Whether audio is written, and packets that are not decoded (default true). */
  readonly audio?: boolean;
  /** This communication alone, by its name (`case-views.ts`); of the others nothing is recovered. */
  readonly only?: string;
}

/** One recovery, which may go on as the files grow. */
export class FolderRecovery {
  readonly #out: string;
  readonly #paths: HandoverPaths;
  readonly #files: Readonly<Record<HandoverKind, HandoverReader>>;
  readonly #work: string;
  readonly #workspace: RecoveryWorkspace;
  readonly #recovery: Recovery;
  readonly #opened: { close(): void }[] = [];
  /** Audio of an earlier run. */
  #earlier: string[];
  readonly #gone: string[] = [];

  /** @throws FileError */
  constructor(
    paths: HandoverPaths,
    out: string,
    { mostSamples, only: _, audio: isWritten = true, ...options }: FolderRecoverySettings = {},
  ) {
    this.#out = out;
    this.#paths = paths;
    requireReadable(paths.hi2);
    requireReadable(paths.hi3);
    makeFolder(out);
    removeLeft(out);
    this.#work = mkdtempSync(path.join(out, `.recovering-${process.pid}-`));
    try {
      this.#files = { hi2: this.#openFile('hi2'), hi3: this.#openFile('hi3') };
      const workspace = this.#toClose(RecoveryWorkspace.in(this.#work, this.#files));
      const audio = this.#toClose(new AudioFolder(this.#work, out, mostSamples));
      this.#workspace = workspace;
      const answers = SqliteKeyAnswers.look(path.join(path.dirname(paths.hi2), KEY_ANSWERS_FILE));
      if (answers !== null) this.#toClose(answers);
      const newWriters = (way: string | null) => (isWritten ? audio.newWriters(way) : unwritten());
      this.#recovery = new Recovery({ workspace, newWriters, options, answers });
      this.#earlier = earlierAudio(path.join(out, RECOVERY_REPORT));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** What the files hold, as far as they were read. */
  get files(): RecoveryReport['files'] {
    return this.#recovery.files;
  }

  /** Calls with content so far, and how many of them were recovered. */
  get totals(): { readonly calls: number; readonly recoveredCalls: number } {
    return this.#workspace.totals();
  }

  /** Removes the report of an earlier run and the audio that it lists, lest they pass for those of this one. */
  clear(): void {
    for (const name of this.#earlier) rmSync(path.join(this.#out, name), { force: true });
    this.#earlier = [];
    rmSync(path.join(this.#out, RECOVERY_REPORT), { force: true });
  }

  /** Reads what is new. Gives the communications that have something new, by id. @param to octets of each file to read */
  read(to?: Readonly<Record<HandoverKind, number>>): Set<number> {
    const source = (kind: HandoverKind) => ({
      file: this.#files[kind],
      sources: sourceMarks(sourcesPath(this.#paths[kind])),
      ...(to === undefined ? {} : { to: to[kind] }),
    });
    return this.#recovery.read({ hi2: source('hi2'), hi3: source('hi3') });
  }

  /** The communication of a name; none: there is none of that name. */
  idsOf(name: string): number[] {
    const key = keyOfId(name);
    const id = key === null ? null : this.#workspace.sessionId(key);
    return id === null ? [] : [id];
  }

  /** What analysts see. @param isChanged whether something has come since a communication was recovered */
  views(isChanged: (session: number) => boolean): CaseViews {
    const materials = (key: string) => this.#recovery.materials(key);
    return new CaseViews({ workspace: this.#workspace, materials, isChanged });
  }

  /** PDUs of a communication. */
  sizeOf(id: number): number {
    const key = this.#workspace.sessionKey(id);
    return key === null ? 0 : this.#recovery.sizeOf(key);
  }

  /** Recovers these communications; all of them, in their order, where none are named. */
  *recover(ids?: readonly number[]): Generator<RecoveryResult> {
    for (const { id, key } of ids === undefined ? this.#workspace.sessions() : this.#keysOf(ids)) {
      const before = this.#workspace.freeNames(id);
      const results = this.#recovery.recover(key);
      const now = new Set(
        results.flatMap((result) => (result.kind === 'call' ? filesOf(result.report) : [])),
      );
      for (const name of before) {
        if (!now.has(name)) rmSync(path.join(this.#out, name), { force: true });
      }
      yield* results;
    }
  }

  /** Forgets what it has of warrants, and removes their audio. Gives its names. */
  forget(warrants: readonly WarrantName[]): string[] {
    const gone: string[] = [];
    for (const { liid, source } of warrants) {
      this.#workspace.forgetNotices(liidText(liid), source);
      for (const { id, key } of this.#sessionsOf(liid)) {
        if (!this.#recovery.forget(key, source)) continue;
        this.#workspace.forget(id, source);
        if (this.sizeOf(id) > 0) {
          gone.push(...this.#workspace.namesOf(id));
          for (const _ of this.recover([id]));
        } else {
          const names = this.#workspace.freeNames(id);
          for (const name of names) rmSync(path.join(this.#out, name), { force: true });
          this.#workspace.forgetSession(id);
          gone.push(...names);
        }
      }
    }
    return gone.filter((name) => !existsSync(path.join(this.#out, name)));
  }

  #sessionsOf(liid: string): { readonly id: number; readonly key: string }[] {
    const found = [];
    for (const session of this.#workspace.sessions())
      if (liidOfKey(session.key) === liid) found.push(session);
    return found;
  }

  /** Audio of an earlier run that the report has removed. */
  get gone(): readonly string[] {
    return this.#gone;
  }

  /** What was told of warrants themselves, in the order in which it came. */
  notifications(): Iterable<NoticeReport> {
    return this.#workspace.notices();
  }

  /** Writes `recover.json`. Audio of an earlier run that is not of this one goes. */
  report(): void {
    const file = path.join(this.#out, RECOVERY_REPORT);
    const next = `${file}.new`;
    try {
      const descriptor = openSync(next, 'w', 0o600);
      try {
        for (const text of this.#reportText()) writeAll(descriptor, text);
      } finally {
        closeSync(descriptor);
      }
      renameSync(next, file);
    } catch (cause) {
      rmSync(next, { force: true });
      throw fileError(`cannot write ${file}`, cause);
    }
    for (const name of this.#earlier) {
      if (!this.#workspace.takeName(NOBODY, name)) continue;
      rmSync(path.join(this.#out, name), { force: true });
      this.#gone.push(name);
    }
    this.#workspace.freeNames(NOBODY);
    this.#earlier = [];
  }

  close(): void {
    for (const each of this.#opened.toReversed()) each.close();
    rmSync(this.#work, { recursive: true, force: true });
  }

  *#keysOf(ids: readonly number[]): Generator<{ readonly id: number; readonly key: string }> {
    for (const id of ids) {
      const key = this.#workspace.sessionKey(id);
      if (key !== null) yield { id, key };
    }
  }

  /** As JSON.stringify makes it, call by call. */
  *#reportText(): Generator<string> {
    const files = JSON.stringify(this.files, null, 2);
    yield `{\n  "files": ${indented(files, 2)},\n  "calls": [`;
    yield* this.#listText('calls');
    yield `],\n  "otherSessions": [`;
    yield* this.#listText('otherSessions');
    yield `],\n  "notifications": [`;
    let isFirst = true;
    for (const notice of this.#workspace.notices()) {
      yield `${isFirst ? '' : ','}\n    ${indented(JSON.stringify(notice, null, 2), 4)}`;
      isFirst = false;
    }
    yield isFirst ? `]\n}\n` : `\n  ]\n}\n`;
  }

  *#listText(part: 'calls' | 'otherSessions'): Generator<string> {
    let isFirst = true;
    for (const { [part]: text } of this.#workspace.results()) {
      if (text === '') continue;
      yield `${isFirst ? '' : ','}\n    ${indented(text, 4)}`;
      isFirst = false;
    }
    if (!isFirst) yield '\n  ';
  }

  #openFile(kind: HandoverKind): HandoverReader {
    return this.#toClose(new HandoverReader(this.#seekable(kind)));
  }

  #toClose<T extends { close(): void }>(opened: T): T {
    this.#opened.push(opened);
    return opened;
  }

  /** A pipe is read once, to its end: it is copied. */
  #seekable(kind: HandoverKind): string {
    const file = this.#paths[kind];
    if (statSync(file).isFile()) return file;
    const copy = path.join(this.#work, kind);
    const [from, to] = [openSync(file, 'r'), openSync(copy, 'wx', 0o600)];
    try {
      const chunk = new Uint8Array(1 << 20);
      for (;;) {
        const length = readSync(from, chunk, 0, chunk.length, null);
        if (length === 0) return copy;
        writeFileSync(to, chunk.subarray(0, length));
      }
    } finally {
      closeSync(from);
      closeSync(to);
    }
  }
}

/** What is done with what a communication yields, one after the other; first, with what was told of warrants. */
export type ResultListener = (
  result: RecoveryResult | { readonly kind: 'notice'; readonly report: NoticeReport },
) => void;

/**
 * Recovers all that is in two files into a folder, in memory that does not grow with them.
 * @returns what the files hold
 * @throws FileError
 */
export function recoverEach(
  paths: HandoverPaths,
  folder: string,
  settings: FolderRecoverySettings,
  onResult: ResultListener,
): RecoveryReport['files'] {
  let recovery: FolderRecovery | null = null;
  try {
    recovery = new FolderRecovery(paths, folder, settings);
    recovery.clear();
    recovery.read();
    for (const report of recovery.notifications()) onResult({ kind: 'notice', report });
    const { only } = settings;
    for (const result of recovery.recover(only === undefined ? undefined : recovery.idsOf(only)))
      onResult(result);
    recovery.report();
    return recovery.files;
  } catch (error) {
    throw isOfTables(error) ? fileError(`cannot write ${folder}`, error) : error;
  } finally {
    recovery?.close();
  }
}

/** Whether the tables of a recovery, which lie in its folder, could not be written. */
function isOfTables(error: unknown): boolean {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('SQLITE_');
}

/** As `recoverEach`, with a report in memory: for some calls. */
export function recoverFolder(
  paths: HandoverPaths,
  folder: string,
  settings: FolderRecoverySettings = {},
): RecoveryReport {
  const calls: CallReport[] = [];
  const otherSessions: SessionReport[] = [];
  const notifications: NoticeReport[] = [];
  const files = recoverEach(paths, folder, settings, (result) => {
    if (result.kind === 'call') calls.push(result.report);
    else if (result.kind === 'other') otherSessions.push(result.report);
    else notifications.push(result.report);
  });
  return { files, calls, otherSessions, notifications };
}

/** The files of a call: audio, and packets that are not decoded. */
export function filesOf({ streams }: CallReport): string[] {
  return streams.flatMap(({ file, furtherFiles, rtp }) => [
    ...(file === null ? [] : [file]),
    ...(rtp === null ? [] : [rtp.file]),
    ...furtherFiles.map((further) => further.file),
  ]);
}

/** Owner of names while they are looked at. */
const NOBODY = -1;

function indented(text: string, by: number): string {
  return text.replaceAll('\n', `\n${' '.repeat(by)}`);
}

function writeAll(descriptor: number, text: string): void {
  const octets = Buffer.from(text);
  for (let at = 0; at < octets.length;) at += writeSync(descriptor, octets, at);
}

/** Names of audio files in an earlier report; none if there is no report, or none that can be read. */
function earlierAudio(report: string): string[] {
  if (!existsSync(report)) return [];
  return [...boundedLinesOf(report)].flatMap((line) => {
    const [, name = ''] = /"file": "([^"\\]+)"/.exec(line) ?? [];
    return AUDIO.test(name) ? [name] : [];
  });
}

/** What recoveries left whose process is gone. */
function removeLeft(out: string): void {
  for (const name of readdirSync(out)) {
    const [, pid] = WORK.exec(name) ?? [];
    if (pid !== undefined && !isRunning(Number(pid)))
      rmSync(path.join(out, name), { recursive: true, force: true });
  }
}
