/**
 * A PostgreSQL server for tests, on loopback, as a user who is not root. It is made in a folder, in which it can be stopped,
 * started again and held up.
 */
import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { DatabaseConfig } from '../../src/host/database-config.ts';
import { freePort } from './child.ts';
import { signal, standStill } from './standing-still.ts';

/** Where the server of a run is: a folder, named in the environment of whoever runs the tests. */
export const RUN_FOLDER = 'CLAVIGER_TEST_POSTGRESQL';
/** The process that runs them. */
export const RUN_PROCESS = 'CLAVIGER_TEST_PROCESS';

const USER = 'claviger';
const PASSWORD = 'of the tests';

/** Files of a certificate; with `authorities` who enters shows one of theirs. */
export interface ServerCertificate {
  readonly certificate: string;
  readonly privateKey: string;
  readonly authorities?: string;
}

export class PostgresqlServer {
  readonly #folder: string;
  readonly port: number;
  readonly passwordFile: string;

  private constructor(folder: string, port: number) {
    this.#folder = folder;
    this.port = port;
    this.passwordFile = path.join(folder, 'password');
  }

  /** Makes a server in a folder that is there. */
  static async make(folder: string, tls?: ServerCertificate): Promise<PostgresqlServer> {
    make(folder);
    if (tls !== undefined) enterByTls(dataOf(folder), tls);
    const port = await freePort();
    writeFileSync(path.join(folder, 'port'), String(port));
    const server = new PostgresqlServer(folder, port);
    await server.start();
    endWithRun(folder);
    return server;
  }

  /** The one that runs in a folder. */
  static takeUp(folder: string): PostgresqlServer {
    return new PostgresqlServer(folder, Number(readFileSync(path.join(folder, 'port'), 'utf8')));
  }

  /** A server of the test's own. @param tls for connections by TLS alone */
  static own(tls?: ServerCertificate): Promise<PostgresqlServer> {
    return PostgresqlServer.make(mkdtempSync(path.join(tmpdir(), 'claviger-pg-own-')), tls);
  }

  get password(): string {
    return PASSWORD;
  }

  /** Of the server's main process, which has started all others. */
  get pid(): number {
    const [main = ''] = readFileSync(path.join(dataOf(this.#folder), 'postmaster.pid'), 'utf8').split('\n');
    return Number(main);
  }

  /** @param settings in place of those that make tests short: `{ fsync: 'on' }` */
  async start(settings: Readonly<Record<string, string>> = {}): Promise<void> {
    const all = {
      ...{ listen_addresses: '127.0.0.1', unix_socket_directories: '' },
      ...{ fsync: 'off', max_connections: '200', shared_buffers: '16MB', ...settings },
    };
    const said = Object.entries(all).map(([name, value]) => `-c ${name}=${value}`);
    const options = `-p ${this.port} ${said.join(' ')}`;
    const log = path.join(this.#folder, 'data', 'server.log');
    await run('pg_ctl', ['-D', dataOf(this.#folder), '-w', '-s', '-l', log, '-o', options, 'start']);
  }

  /** As a machine that loses power, or in order. */
  async stop(how: 'immediate' | 'fast' = 'immediate'): Promise<void> {
    await run('pg_ctl', ['-D', dataOf(this.#folder), '-w', '-s', '-m', how, 'stop']);
  }

  /** Stops it for good. */
  remove(): void {
    endServerIn(this.#folder);
  }

  /** Neither answers nor goes away, until it is resumed. */
  pause(): () => void {
    const { pid: main } = this;
    const pids = [main, ...childrenOf(main)];
    standStill(pids);
    return () => {
      for (const pid of pids) signal(pid, 'SIGCONT');
    };
  }

  database(schema: string, instance = 'one'): DatabaseConfig {
    return {
      engine: 'postgresql',
      host: '127.0.0.1',
      port: this.port,
      name: 'postgres',
      user: USER,
      passwordFile: this.passwordFile,
      schema,
      instance,
      connections: 8,
      timeoutMs: 5_000,
    };
  }
}

/** Ends the server in a folder, if there is one, and removes the folder. */
export function endServerIn(folder: string): void {
  if (existsSync(path.join(dataOf(folder), 'postmaster.pid')))
    spawnSync(programOf('pg_ctl'), ['-D', dataOf(folder), '-m', 'immediate', '-s', 'stop'], {
      ...asUser(),
      cwd: '/',
    });
  rmSync(folder, { recursive: true, force: true });
}

/* ---------------------------------------------------------------- helpers */

function make(folder: string): void {
  const { uid, gid } = asUser();
  chmodSync(folder, 0o755);
  const data = dataOf(folder);
  mkdirSync(data, { mode: 0o700 });
  const initial = path.join(data, '..', 'initial');
  writeFileSync(initial, `${PASSWORD}\n`, { mode: 0o600 });
  if (uid !== undefined && gid !== undefined) for (const file of [data, initial]) chownSync(file, uid, gid);
  const made = spawnSync(
    programOf('initdb'),
    ['-D', data, '-U', USER, `--pwfile=${initial}`, '-A', 'scram-sha-256', '-E', 'UTF8', '--locale=C', '-N'],
    { ...asUser(), cwd: '/', encoding: 'utf8' },
  );
  if (made.status !== 0) throw new Error(`initdb: ${made.stderr}`);
  writeFileSync(path.join(folder, 'password'), `${PASSWORD}\n`, { mode: 0o600 });
}

/** Of a run that is killed nothing else would end its servers. */
function endWithRun(folder: string): void {
  const script = `while kill -0 "$1" 2>/dev/null && [ -d "$2" ]; do sleep 1; done
    [ ! -d "$2" ] || { kill -QUIT "$(head -n 1 "$2/data/postmaster.pid")"; sleep 1; rm -rf "$2"; }`;
  const run = process.env[RUN_PROCESS] ?? String(process.pid);
  spawn('sh', ['-c', script, 'sh', run, folder], { detached: true, stdio: 'ignore' }).unref();
}

function enterByTls(data: string, { certificate, privateKey, authorities }: ServerCertificate): void {
  const { uid, gid } = asUser();
  const files = { 'server.crt': certificate, 'server.key': privateKey, 'ca.crt': authorities };
  for (const [name, file] of Object.entries(files)) {
    if (file === undefined) continue;
    const copy = path.join(data, name);
    writeFileSync(copy, readFileSync(file), { mode: 0o600 });
    if (uid !== undefined && gid !== undefined) chownSync(copy, uid, gid);
  }
  const isAsked = authorities !== undefined;
  const settings = `ssl = on\n${isAsked ? "ssl_ca_file = 'ca.crt'\n" : ''}`;
  writeFileSync(path.join(data, 'postgresql.auto.conf'), settings);
  const shown = isAsked ? ' clientcert=verify-ca' : '';
  writeFileSync(path.join(data, 'pg_hba.conf'), `hostssl all all 127.0.0.1/32 scram-sha-256${shown}\n`);
}

function dataOf(folder: string): string {
  return path.join(folder, 'data');
}

/** Folder of PostgreSQL's programs: the newest of Debian's, or those on the path; `null`: there are none. */
export function programs(): string | null {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const found = versions
    .map((version) => path.join(debian, version, 'bin'))
    .find((folder) => existsSync(path.join(folder, 'initdb')));
  if (found !== undefined) return found;
  const which = spawnSync('which', ['initdb'], { encoding: 'utf8' });
  return which.status === 0 ? path.dirname(which.stdout.trim()) : null;
}

function programOf(name: string): string {
  const folder = programs();
  if (folder === null) throw new Error('PostgreSQL is not installed: apt-get install postgresql');
  return path.join(folder, name);
}

/** The superuser may not run it: whoever the package has made for it does. */
function asUser(): { readonly uid?: number; readonly gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const idOf = (flag: string): number =>
    Number(spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout.trim() || 65_534);
  return { uid: idOf('-u'), gid: idOf('-g') };
}

function run(program: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    // Not a pipe: the server would have its end for as long as it runs.
    const child = spawn(programOf(program), args, { ...asUser(), cwd: '/', stdio: 'ignore' });
    child.once('error', reject);
    child.once('exit', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${program} ${args.at(-1) ?? ''} ended with ${String(code)}`));
    });
  });
}

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}
