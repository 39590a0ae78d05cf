/** Where the programs of engines are on this machine, and who may run them. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { LabError } from '../errors.ts';
import type { ProcessUser } from '../processes/lab-process.ts';

/** Debian has each version of PostgreSQL in a folder of its own, and servers where only the superuser looks. */
const POSTGRESQL = '/usr/lib/postgresql';
const SUPERUSERS = '/usr/sbin';
/** Who runs an engine for the superuser, where Debian's package has made nobody for it. */
const NOBODY: ProcessUser = { uid: 65_534, gid: 65_534 };

const PROGRAMS = {
  postgres: 'postgresql',
  initdb: 'postgresql',
  'nats-server': 'nats-server',
} as const;
export type EngineProgram = keyof typeof PROGRAMS;

/**
 * The path of a program.
 * @param folders where it is looked for, in this order
 * @throws LabError `engine` where it is not installed, with what to install
 */
export function programOf(name: EngineProgram, folders: readonly string[] = foldersWith(name)): string {
  const program = folders.map((folder) => path.join(folder, name)).find(isProgram);
  if (program !== undefined) return program;
  throw new LabError(
    'engine',
    `${name} is not installed, neither in PATH nor where Debian has it: apt-get install ${PROGRAMS[name]}`,
  );
}

/** Refuses in words where one is missing. @throws LabError `engine` */
export function requirePrograms(): void {
  for (const name of Object.keys(PROGRAMS) as EngineProgram[]) programOf(name);
}

/** Who runs an engine: `null`, the user of this process; for the superuser whoever the package has made for it, or nobody. */
export function engineUser(name: 'postgres' | 'nats'): ProcessUser | null {
  if (process.getuid?.() !== 0) return null;
  const idOf = (flag: string): number =>
    Number(spawnSync('id', [flag, name], { encoding: 'utf8' }).stdout.trim() || NaN);
  const [uid, gid] = [idOf('-u'), idOf('-g')];
  return Number.isInteger(uid) && Number.isInteger(gid) ? { uid, gid } : NOBODY;
}

/** Whether another user may pass through all folders above a file. @throws LabError `engine` where not */
export function requireReachable(file: string, user: ProcessUser | null): void {
  if (user === null) return;
  for (let folder = path.dirname(path.resolve(file)); ; folder = path.dirname(folder)) {
    const { mode, uid, gid } = statSync(folder);
    const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
    if ((mode & bit) === 0)
      throw new LabError(
        'engine',
        `${folder} lets nobody pass but its owner, and engines do not run as the superuser: use another folder, or be another user`,
      );
    if (folder === path.dirname(folder)) return;
  }
}

/* ---------------------------------------------------------------- helpers */

function foldersWith(name: EngineProgram): string[] {
  const searched = (process.env['PATH'] ?? '').split(path.delimiter).filter((folder) => folder !== '');
  if (PROGRAMS[name] !== 'postgresql') return [...searched, SUPERUSERS];
  const versions = existsSync(POSTGRESQL) ? readdirSync(POSTGRESQL) : [];
  const newest = versions.sort((a, b) => Number(b) - Number(a));
  return [...newest.map((version) => path.join(POSTGRESQL, version, 'bin')), ...searched];
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
