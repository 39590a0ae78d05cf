/** A process that has a lease and says so, for tests that hold it up: `node main.mjs PLACE`, JSON with its settings. */
import { systemClock } from '../../src/host/runtime.ts';
import { StreamServer } from '../../src/storage/jetstream.ts';
import { StreamLease } from '../../src/storage/stream-lease.ts';
import { silent } from '../support/silent.ts';

interface Settings {
  readonly servers: readonly string[];
  readonly user: string;
  readonly password: string;
  readonly stream: string;
  readonly subject: string;
  readonly ttlMs: number;
}

const ports = { clock: systemClock(), logger: silent };
const { password, ttlMs, stream, subject, ...access } = JSON.parse(process.argv[2] ?? '') as Settings;
const server = await StreamServer.connect(
  { ...access, password: () => password, tls: null, timeoutMs: 1_000 },
  ports,
);
const lease = await StreamLease.take({ server, stream, subject }, 'the one that is held up', ttlMs, ports);
setInterval(() => process.stdout.write(`${lease.state} ${lease.token}\n`), 10);
