/**
 * A PostgreSQL server of a laboratory: its data is in a folder that is made when it is first started, and it listens on
 * loopback alone.
 *
 *     ENGINES/postgresql/          of the user who runs it, 0700
 *     ENGINES/postgresql-password  of whoever enters it, 0600
 */
import { spawn } from 'node:child_process';
import { existsSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { readWhole } from '../../storage/files.ts';
import { LabError } from '../errors.ts';
import type { Launch, ProcessUser } from '../processes/lab-process.ts';
import { openEngineFolder, untilAnswered, writeEngineFile } from './folder.ts';
import type { Greeting } from './folder.ts';
import { engineUser, programOf } from './programs.ts';

/** The only one who enters it. */
export const DATABASE_USER = 'claviger';
/** A database that every server has. */
export const DATABASE_NAME = 'postgres';
/** Connections of all processes of a laboratory at once. */
const CONNECTIONS = 300;
const READY_MS = 60_000;
/** StartupMessage of version 3.0: who takes connections asks for a password (`R`), who does not yet says so (`E`). */
export const DATABASE_GREETING: Greeting = { say: startupMessage(), hear: 'R' };

export interface DatabaseServer {
  /** Folder of the laboratory's engines. */
  readonly folder: string;
  readonly port: number;
}

export function databasePassword(folder: string): string {
  return path.join(folder, 'postgresql-password');
}

export function databaseData(folder: string): string {
  return path.join(folder, 'postgresql');
}

/** Makes its data where there is none yet. @throws LabError `engine` */
export async function launchOfDatabase({ folder, port }: DatabaseServer): Promise<Launch> {
  const user = engineUser('postgres');
  const data = databaseData(folder);
  if (!existsSync(data)) await initialize(folder, data, user);
  openEngineFolder(folder, data, user);
  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: CONNECTIONS,
    shared_buffers: '32MB',
    log_destination: 'stderr',
    logging_collector: 'off',
  };
  return {
    name: 'postgresql',
    program: programOf('postgres'),
    args: [
      ...['-D', data, '-p', String(port)],
      ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    // It need not be able to read the folder of whoever starts it.
    ...{ cwd: '/', user, readyMs: READY_MS },
    // Fast: it does not wait for those who have it open.
    endSignal: 'SIGINT',
    ready: (runs) => untilAnswered(port, DATABASE_GREETING, runs),
  };
}

/** `initdb`, whole or not at all. */
async function initialize(folder: string, data: string, user: ProcessUser | null): Promise<void> {
  const [next, initial] = [`${data}.new`, path.join(folder, 'initial')];
  rmSync(next, { recursive: true, force: true });
  openEngineFolder(folder, next, user);
  writeEngineFile(initial, readWhole(databasePassword(folder)), user);
  const args = ['-D', next, '-U', DATABASE_USER, `--pwfile=${initial}`];
  args.push('-A', 'scram-sha-256', '-E', 'UTF8', '--locale=C');
  try {
    await completed(programOf('initdb'), args, user);
    renameSync(next, data);
  } finally {
    rmSync(initial, { force: true });
  }
}

function startupMessage(): Uint8Array {
  const parameters = Buffer.from(`user\0${DATABASE_USER}\0\0`);
  const head = Buffer.alloc(8);
  head.writeUInt32BE(head.length + parameters.length, 0);
  head.writeUInt32BE(3 << 16, 4);
  return Buffer.concat([head, parameters]);
}

/** Runs a program to its end. @throws LabError `engine` with what it said */
function completed(program: string, args: readonly string[], user: ProcessUser | null): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { ...user, cwd: '/', stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    const fail = (why: string): void => reject(new LabError('engine', `${program} ${why}`));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    child.once('error', ({ message }) => fail(message));
    child.once('close', (code) => {
      if (code === 0) resolve();
      else fail(`ended with ${String(code)}: ${said.trim()}`);
    });
  });
}
