/** A NATS server with JetStream for tests, on loopback, with files in a folder: it can be killed, started again, held up. */
import type { ChildProcess } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StreamAccess } from '../../src/storage/jetstream.ts';
import { freePort } from './child.ts';
import { strict } from './shared.ts';
import { standStill } from './standing-still.ts';

const USER = 'claviger';
const PASSWORD = 'of the tests';

/** For `describe.skipIf(...)`: true (with a message) if there is no server and CI is off. */
export function missingNats(): boolean {
  if (strict || program() !== null) return false;
  console.warn('skipped: nats-server is not installed');
  return true;
}

export interface NatsOptions {
  /** Files of a certificate, for connections by TLS alone; with `authorities` by whoever shows one of theirs. */
  readonly tls?: { readonly certificate: string; readonly privateKey: string; readonly authorities?: string };
  /** Octets of a message, at most; default 2 MiB. */
  readonly maxPayload?: number;
  /** Settings of who enters it, as its configuration has them, with `…` for passwords; absent: one user, who may do everything. */
  readonly authorization?: string;
}

export class NatsServer {
  readonly #folder: string;
  readonly port: number;
  readonly passwordFile: string;
  #child: ChildProcess | null = null;

  private constructor(folder: string, port: number) {
    this.#folder = folder;
    this.port = port;
    this.passwordFile = path.join(folder, 'password');
  }

  /** A server of the test's own, which runs. */
  static async own({ tls, maxPayload = 2 << 20, authorization }: NatsOptions = {}): Promise<NatsServer> {
    const folder = mkdtempSync(path.join(tmpdir(), 'claviger-nats-'));
    const server = new NatsServer(folder, await freePort());
    const settings = {
      host: '127.0.0.1',
      port: server.port,
      max_payload: maxPayload,
      jetstream: { store_dir: path.join(folder, 'streams'), max_file_store: 2 ** 31 },
      ...(authorization === undefined ? { authorization: { user: USER, password: PASSWORD } } : {}),
      ...(tls === undefined ? {} : { tls: tlsSettings(tls) }),
    };
    const lines = Object.entries(settings).map(([name, value]) => `${name}: ${JSON.stringify(value)}`);
    lines.push((authorization ?? '').replaceAll('…', JSON.stringify(PASSWORD)));
    writeFileSync(path.join(folder, 'nats.conf'), lines.join('\n'), { mode: 0o600 });
    writeFileSync(server.passwordFile, `${PASSWORD}\n`, { mode: 0o600 });
    await server.start();
    return server;
  }

  /** Of the server that runs; 0: none does. */
  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  async start(): Promise<void> {
    const child = spawn(program() ?? 'nats-server', ['-c', path.join(this.#folder, 'nats.conf')], {
      stdio: 'ignore',
    });
    this.#child = child;
    while (!(await answers(this.port))) {
      if (child.exitCode !== null) throw new Error(`nats-server ended with ${child.exitCode}`);
      await sleep(20);
    }
  }

  /** As a machine that loses the process: SIGKILL. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null) return;
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGKILL');
    child.kill('SIGCONT');
    await gone;
  }

  /** Neither answers nor goes away, until it is resumed. */
  pause(): () => void {
    const child = this.#child;
    if (child?.pid !== undefined) standStill([child.pid]);
    return () => void child?.kill('SIGCONT');
  }

  /** Stops it for good. */
  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get access(): StreamAccess {
    return this.accessBy(USER);
  }

  accessBy(user: string): StreamAccess {
    return {
      servers: [`127.0.0.1:${this.port}`],
      user,
      password: () => PASSWORD,
      tls: null,
      timeoutMs: 2_000,
    };
  }

  /** Settings of an entity that enters it. */
  settings(name: string, user = USER): Record<string, unknown> {
    const { passwordFile, port } = this;
    const each = 64 << 20;
    const sizes = { signallingOctets: each, contentOctets: each, hi2Octets: each, hi3Octets: each };
    return { servers: [`127.0.0.1:${port}`], user, passwordFile, name, timeoutMs: 2_000, ...sizes };
  }
}

/* ---------------------------------------------------------------- helpers */

function tlsSettings({ certificate, privateKey, authorities }: NonNullable<NatsOptions['tls']>) {
  const asked = authorities === undefined ? {} : { ca_file: authorities, verify: true };
  return { cert_file: certificate, key_file: privateKey, ...asked };
}

/** Debian has it where only the superuser looks. */
function program(): string | null {
  if (existsSync('/usr/sbin/nats-server')) return '/usr/sbin/nats-server';
  const which = spawnSync('which', ['nats-server'], { encoding: 'utf8' });
  return which.status === 0 ? which.stdout.trim() : null;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('error', () => resolve(false));
    socket.once('data', () => {
      socket.destroy();
      resolve(true);
    });
  });
}
