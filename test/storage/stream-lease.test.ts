/** Leases at a NATS server: one holder at a time, whatever becomes of it. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../src/host/runtime.ts';
import { StreamServer } from '../../src/storage/jetstream.ts';
import { LEASE_PATIENCE, StreamLease } from '../../src/storage/stream-lease.ts';
import type { LeasePlace } from '../../src/storage/stream-lease.ts';
import { missingNats, NatsServer } from '../support/nats-server.ts';
import { bundle } from '../support/process.ts';
import { silent } from '../support/silent.ts';

const TTL_MS = 400;
const ports = { clock: systemClock(), logger: silent };

describe.skipIf(missingNats())('Leases at a NATS server', () => {
  let nats: NatsServer;
  let server: StreamServer;
  let count = 0;
  const held: StreamLease[] = [];

  beforeAll(async () => {
    nats = await NatsServer.own();
    server = await StreamServer.connect(nats.access, ports);
    await server.keep({ name: 'leases', subjects: ['lease.*'], octets: 1 << 20, perSubject: 1, replicas: 1 });
  });
  afterEach(async () => {
    for (const lease of held.splice(0)) await lease.release();
  });
  afterAll(async () => {
    await server.close();
    await nats.remove();
  });

  const place = (): LeasePlace => ({ server, stream: 'leases', subject: `lease.${++count}` });
  async function take(at: LeasePlace, name = 'one', ttlMs = TTL_MS): Promise<StreamLease> {
    const lease = await StreamLease.take(at, name, ttlMs, ports);
    held.push(lease);
    return lease;
  }

  it('has one holder, who keeps it; others are told who that is', async () => {
    const at = place();
    const lease = await take(at, 'df-1');
    const told: object[] = [];
    const logger = { ...ports.logger, info: (fields: object) => void told.push(fields) };
    await expect(StreamLease.take(at, 'df-2', TTL_MS, { ...ports, logger })).rejects.toMatchObject({
      code: 'locked',
      message: `${at.subject} is held by df-1`,
    });
    // That it waits, once.
    expect(told).toEqual([{ lease: at.subject, holder: 'df-1', ms: TTL_MS * LEASE_PATIENCE }]);
    expect(lease.state).toBe('held');
    expect(lease.problem).toBeNull();
  });

  it('of many who want it one has it', async () => {
    const at = place();
    const outcomes = await Promise.allSettled(['a', 'b', 'c', 'd'].map((name) => take(at, name)));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('is taken at once by who knows the last message, and by nobody who knows an older one', async () => {
    const at = place();
    const attempt = (after: number) => StreamLease.takeAfter(at, 'one', TTL_MS, after, ports);
    const [first, second] = await Promise.all([attempt(0), attempt(0)]);
    expect([first, second].filter((lease) => lease !== null)).toHaveLength(1);
    const lease = (first ?? second)!;
    held.push(lease);
    expect(await attempt(0)).toBeNull();
    const next = await attempt(lease.token);
    held.push(next!);
    expect(next!.token).toBeGreaterThan(lease.token);
    await expect.poll(() => lease.state).toBe('lost');
  });

  it('goes at once to the next when it is given back, with a higher token', async () => {
    const at = place();
    const first = await take(at, 'a', 60_000);
    await first.release();
    expect(first.state).toBe('lost');
    const next = await take(at, 'b', 60_000);
    expect(next.token).toBeGreaterThan(first.token);
  });

  it('is late while the server cannot be asked, and held again by the same when nobody else had it', async () => {
    const own = await NatsServer.own();
    onTestFinished(() => own.remove());
    const other = await StreamServer.connect({ ...own.access, timeoutMs: 300 }, ports);
    onTestFinished(() => other.close());
    await other.keep({ name: 'leases', subjects: ['lease.*'], octets: 1 << 20, perSubject: 1, replicas: 1 });
    const lease = await take({ server: other, stream: 'leases', subject: 'lease.a' });
    const { token } = lease;
    await own.kill();
    await expect.poll(() => lease.state, { timeout: 5_000 }).toBe('late');
    await expect.poll(() => lease.problem?.text).toBe('it could not be renewed in time');
    await own.start();
    await expect.poll(() => lease.state, { timeout: 5_000 }).toBe('held');
    expect(lease.token).toBe(token);
  }, 15_000);

  it('R-23: fences a process that stood still and comes back: not for a moment does it think that it has it', async () => {
    const at = place();
    const { servers, user, password } = nats.access;
    const settings = {
      servers,
      user,
      password: password(),
      stream: at.stream,
      subject: at.subject,
      ttlMs: TTL_MS,
    };
    const script = await bundle('test/storage/lease-process.ts');
    const child = spawn(process.execPath, [script, JSON.stringify(settings)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    const said: string[] = [];
    createInterface({ input: child.stdout }).on('line', (line) => said.push(line));
    await expect.poll(() => said.at(-1), { timeout: 10_000 }).toMatch(/^held \d+$/);
    const token = Number(said.at(-1)?.split(' ')[1]);
    child.kill('SIGSTOP');
    const next = await take(at, 'the next');
    expect(next.token).toBeGreaterThan(token);
    await sleep(50);
    said.length = 0;
    child.kill('SIGCONT');
    await expect.poll(() => said.at(-1), { timeout: 5_000 }).toBe(`lost ${token}`);
    expect(said.filter((line) => line.startsWith('held'))).toEqual([]);
    expect(next.state).toBe('held');
  }, 20_000);
});
