/** The CSCF, and Debian's Kamailio in its place: processes of their own on loopback, with the same subscribers. */
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { cscfConfig } from '../../src/entities/cscf/config.ts';
import { startCscf } from '../../src/entities/cscf/start.ts';
import type { TlsFiles } from '../../src/net/tls.ts';
import { freePort } from '../../test/support/child.ts';
import { processorMsOfAll } from '../processor.ts';
import { Part, ready } from './parts.ts';
import { passed, runtime } from './runtime.ts';
import { DOMAIN, PASSWORD } from './sip-phones.ts';

const KAMAILIO_CONFIG = path.resolve('bench', 'peers', 'kamailio.cfg');
const READY_MS = 20_000;

/** What calls go through. */
export interface Proxy {
  readonly name: string;
  /** Of UDP and TCP. */
  readonly port: number;
  /** Milliseconds of processor time so far, of all its processes and threads. */
  readonly ms: number;
  stop(): Promise<void>;
}

export async function runCscf(settings: unknown): Promise<void> {
  const cscf = await startCscf(cscfConfig(settings), runtime);
  ready({ sip: cscf.sip.port });
}

/** As it is shipped, without a media gateway, which Kamailio has none of either. @param tls certificate of a CSCF */
export async function startCscfProxy(
  folder: string,
  tls: TlsFiles,
  users: readonly string[],
): Promise<Proxy> {
  const at = (name: string): string => path.join(folder, name);
  const part = await Part.start('cscf', {
    x1: {
      identifier: `cscf.${DOMAIN}`,
      listen: { port: 0 },
      admf: { identifier: `admf.${DOMAIN}`, url: `https://admf.${DOMAIN}:1/X1/ADMF` },
      store: at('tasks.sqlite'),
    },
    ...{ tls, audit: at('audit.log'), hosts: { [`admf.${DOMAIN}`]: '127.0.0.1' } },
    ...{ domain: DOMAIN, host: `cscf.${DOMAIN}`, sip: { port: 0 } },
    // All phones are at one address.
    maxConnectionsPerAddress: 2 * users.length,
    subscribers: users.map((user) => ({
      ...{ identity: `sip:${user}@${DOMAIN}`, aliases: [], username: user, password: PASSWORD },
    })),
  });
  return {
    name: 'CSCF',
    port: part.ports['sip'] ?? 0,
    get ms() {
      return processorMsOfAll(part.pid);
    },
    stop: () => part.stop(),
  };
}

/** Why Kamailio cannot be compared with; `null`: it can. */
export function withoutKamailio(): string | null {
  try {
    execFileSync('kamailio', ['-v'], { stdio: 'ignore' });
    return null;
  } catch {
    return 'kamailio is not installed (Debian: apt-get install kamailio)';
  }
}

export async function startKamailio(folder: string): Promise<Proxy> {
  mkdirSync(folder, { recursive: true });
  const port = await freePort();
  const listening = ['udp', 'tcp'].flatMap((protocol) => ['-l', `${protocol}:127.0.0.1:${port}`]);
  // In the foreground, with its own folder for what it leaves.
  const own = [
    '-DD',
    '-E',
    '-Y',
    folder,
    '-w',
    folder,
    '-P',
    path.join(folder, 'pid'),
    '-m',
    '128',
    '-M',
    '16',
  ];
  const child = spawn('kamailio', [...own, ...listening, '-f', KAMAILIO_CONFIG], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (octets: Buffer) => (said = `${said}${octets.toString()}`.slice(-2000)));
  const late = performance.now() + READY_MS;
  while (!(await accepts(port))) {
    if (child.exitCode !== null || performance.now() > late) {
      await ended(child);
      throw new Error(`kamailio does not listen: ${said}`);
    }
    await passed(50);
  }
  const pid = child.pid ?? 0;
  return {
    name: 'Kamailio',
    port,
    get ms() {
      return processorMsOfAll(pid);
    },
    stop: () => ended(child),
  };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), READY_MS);
  await gone;
  clearTimeout(late);
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const attempt = connect(port, '127.0.0.1');
    attempt.once('connect', () => {
      attempt.destroy();
      resolve(true);
    });
    attempt.once('error', () => resolve(false));
  });
}
