/**
 * A PostgreSQL server of a laboratory: its data is in a folder that is made when it is first started, and it listens on
 * loopback alone.
 *
 *     ENGINES/postgresql/          of the user who runs it, 0700
 *
 * Each entity of a home has a user and a database of its own there (`users.ts`), which nobody else enters. They are made
 * with the data, before it listens, by what would be in the server's own tables: no password is in a statement.
 */
import { spawn } from 'node:child_process';
import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import { existsSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { readWhole } from '../../storage/files.ts';
import { LabError } from '../errors.ts';
import type { Launch, ProcessUser } from '../processes/lab-process.ts';
import { openEngineFolder, untilAnswered, writeEngineFile } from './folder.ts';
import type { Greeting } from './folder.ts';
import { engineUser, programOf } from './programs.ts';
import { passwordOf, usersOf } from './users.ts';

/** As whom no entity enters. */
const SUPERUSER = 'claviger';
/** A database that every server has. */
const FIRST_DATABASE = 'postgres';
/** SCRAM-SHA-256 as PostgreSQL has it by default. */
const ITERATIONS = 4_096;
const SALT_OCTETS = 16;
/** Connections of all processes of a laboratory at once. */
const CONNECTIONS = 300;
const READY_MS = 60_000;
/** StartupMessage of version 3.0: who takes connections asks for a password (`R`), who does not yet says so (`E`). */
export const DATABASE_GREETING: Greeting = { say: startupMessage(), hear: 'R' };

export interface DatabaseServer {
  /** Folder of the laboratory's engines. */
  readonly folder: string;
  readonly port: number;
  /** Names of homes whose entities enter it. */
  readonly homes: readonly string[];
}

/** That of the superuser. */
export function databasePassword(folder: string): string {
  return path.join(folder, 'postgresql-password');
}

export function databaseData(folder: string): string {
  return path.join(folder, 'postgresql');
}

/** Makes its data where there is none yet. @throws LabError `engine` */
export async function launchOfDatabase({ folder, port, homes }: DatabaseServer): Promise<Launch> {
  const user = engineUser('postgres');
  const data = databaseData(folder);
  if (!existsSync(data)) await initialize(folder, data, usersOf(homes).postgresql, user);
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

/** `initdb` and users, whole or not at all. */
async function initialize(
  folder: string,
  data: string,
  names: readonly string[],
  user: ProcessUser | null,
): Promise<void> {
  const [next, initial] = [`${data}.new`, path.join(folder, 'initial')];
  rmSync(next, { recursive: true, force: true });
  openEngineFolder(folder, next, user);
  writeEngineFile(initial, readWhole(databasePassword(folder)), user);
  const args = ['-D', next, '-U', SUPERUSER, `--pwfile=${initial}`];
  args.push('-A', 'scram-sha-256', '-E', 'UTF8', '--locale=C');
  try {
    await completed(programOf('initdb'), args, user);
    // One statement a line.
    const lines = [
      ...names.flatMap((name) => userStatements(name, passwordOf(folder, 'postgresql', name))),
      `REVOKE ALL ON DATABASE ${FIRST_DATABASE}, template1 FROM PUBLIC`,
    ];
    const single = ['--single', '-D', next, '-c', 'exit_on_error=true', FIRST_DATABASE];
    await completed(programOf('postgres'), single, user, lines.map((line) => `${line}\n`).join(''));
    renameSync(next, data);
  } finally {
    rmSync(initial, { force: true });
  }
}

/** A user and its database. */
function userStatements(name: string, password: string): string[] {
  return [
    `CREATE ROLE ${name} LOGIN PASSWORD '${scramVerifier(password)}'`,
    `CREATE DATABASE ${name} OWNER ${name}`,
    `REVOKE ALL ON DATABASE ${name} FROM PUBLIC`,
  ];
}

/** What a server keeps of a password (RFC 5802 section 3, in the form of RFC 5803). @param password of ASCII */
function scramVerifier(password: string): string {
  const salt = randomBytes(SALT_OCTETS);
  const salted = pbkdf2Sync(password, salt, ITERATIONS, 32, 'sha256');
  const keyOf = (name: string): Buffer => createHmac('sha256', salted).update(name).digest();
  const stored = createHash('sha256').update(keyOf('Client Key')).digest('base64');
  const server = keyOf('Server Key').toString('base64');
  return `SCRAM-SHA-256$${ITERATIONS}:${salt.toString('base64')}$${stored}:${server}`;
}

function startupMessage(): Uint8Array {
  const parameters = Buffer.from(`user\0${SUPERUSER}\0\0`);
  const head = Buffer.alloc(8);
  head.writeUInt32BE(head.length + parameters.length, 0);
  head.writeUInt32BE(3 << 16, 4);
  return Buffer.concat([head, parameters]);
}

/** Runs a program to its end. @param input what it is told @throws LabError `engine` with what it said */
function completed(
  program: string,
  args: readonly string[],
  user: ProcessUser | null,
  input = '',
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { ...user, cwd: '/', stdio: ['pipe', 'ignore', 'pipe'] });
    // One that has ended says why by itself.
    child.stdin.on('error', () => undefined).end(input);
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
