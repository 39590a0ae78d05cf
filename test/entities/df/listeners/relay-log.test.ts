/** What lanes say while streams refuse what waits: it does not fill the log, however many lanes there are and however long. */
import { describe, expect, it } from 'vitest';
import { HandoverRelay } from '../../../../src/entities/df/listeners/handover-relay.ts';
import type { HandoverOutbox, Outbox, OutboxEntry } from '../../../../src/entities/df/ports.ts';
import { StorageError } from '../../../../src/storage/errors.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { silent } from '../../../support/silent.ts';

const DIDS = ['d1', 'd2', 'd3'];
const MINUTES = 5;

describe('A relay whose streams take nothing', () => {
  it('says so once a minute for all destinations, and once that it is over', async () => {
    const clock = new ManualClock();
    const lines: string[] = [];
    const put = (_: object, message: string): void => void lines.push(message);
    const waiting = new Map(DIDS.map((did) => [did, 1]));
    const entry = (did: string): OutboxEntry => ({
      ...{ did, interface: 'hi2', liid: 'L', cin: 1, sequenceNumber: 0, position: 1 },
      octets: new Uint8Array(8),
    });
    const outbox: Pick<Outbox, keyof HandoverOutbox> = {
      pending: (did, _after, _limit, part) =>
        Promise.resolve(part === 'records' && waiting.has(did) ? [entry(did)] : []),
      acknowledge: (did) => Promise.resolve(void waiting.delete(did)),
      waiting: () => ({ count: 0, octets: 0 }),
      destinations: () => [],
      onAppend: () => () => undefined,
    };
    const reading = { take: () => new Promise<never>(() => undefined), close: () => Promise.resolve() };
    let attempts = 0;
    let isFull = true;
    const server = {
      publish: () => {
        attempts += 1;
        if (!isFull) return Promise.resolve(1);
        return Promise.reject(new StorageError('unavailable', 'the stream takes no more'));
      },
      read: () => reading,
    };
    const relay = new HandoverRelay({
      ...{ outbox, clock, server: server as unknown as never },
      streams: { name: 'df', replicas: 1, leaseMs: 2_000, hi2Octets: 1 << 20, hi3Octets: 1 << 20 },
      logger: { ...silent, warn: put, info: put, error: put },
      destinations: { list: () => DIDS.map((did) => ({ did, host: 'lemf', port: 1, by: 'DF2' as const })) },
      alarms: { raised: () => undefined, cleared: () => undefined },
    });
    relay.refresh();
    relay.add({
      ...{ outbox: outbox as Outbox, lease: { state: 'held' } },
      writer: { partition: 1, streamMadeAt: 1, token: 1 },
    });
    await clock.pass(MINUTES * 60_000 - 1);
    const untaken = 'what waits for a LEMF stays in the outbox: its stream does not take it for now';
    expect(attempts).toBeGreaterThan(100 * DIDS.length);
    expect(lines).toEqual(Array.from({ length: MINUTES }, () => untaken));
    isFull = false;
    await clock.pass(10_000);
    expect(waiting.size).toBe(0);
    expect(lines.slice(MINUTES)).toEqual(['what waits for LEMFs goes into streams again']);
  });
});
