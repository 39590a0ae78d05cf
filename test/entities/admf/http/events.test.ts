/** What is told live at the ADMF's door for officers: to whom, how much of it, and when it ends. */
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:http2';
import type { IncomingMessage } from 'node:http';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Timer } from '../../../../src/bytes/ports.ts';
import { OFFICER_EVENT_LIMITS, OfficerEvents } from '../../../../src/entities/admf/http/event-streams.ts';
import type { OfficerEventLimits } from '../../../../src/entities/admf/http/event-streams.ts';
import type { WarrantListener } from '../../../../src/entities/admf/warrant-book.ts';
import { loadTls, secureContext } from '../../../../src/net/tls.ts';
import { silent } from '../../../support/silent.ts';
import { agentOf } from './asking.ts';
import { OfficersDoor, warrantOf } from './knocking.ts';

interface Told {
  readonly event: string;
  readonly data: Record<string, unknown>;
}

/** The events in octets of a stream, by the rules of HTML's "Server-sent events". */
function eventsIn(text: string): Told[] {
  return text
    .split('\n\n')
    .slice(0, -1)
    .flatMap((block) => {
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1];
      const [event, data] = [field('event'), field('data')];
      return event === undefined || data === undefined
        ? []
        : [{ event, data: JSON.parse(data) as Told['data'] }];
    });
}

describe('at the door', { timeout: 60_000 }, () => {
  let door: OfficersDoor;

  class Watching {
    text = '';
    isOver = false;
    readonly answer: IncomingMessage;

    constructor(answer: IncomingMessage) {
      this.answer = answer;
      answer.on('data', (chunk: Buffer) => (this.text += chunk.toString()));
      answer.once('close', () => (this.isOver = true));
      answer.once('error', () => (this.isOver = true));
    }

    get events(): Told[] {
      return eventsIn(this.text);
    }

    liids(): unknown[] {
      return this.events.flatMap(({ event, data }) => (event === 'warrant' ? [data['liid']] : []));
    }

    system(): Told['data'] | undefined {
      return this.events.filter(({ event }) => event === 'system').at(-1)?.data;
    }

    leave(): void {
      this.answer.destroy();
    }
  }

  async function watch(who: string): Promise<Watching> {
    const { tls } = await door.home.officer(who);
    return new Promise((resolve, reject) => {
      const asked = httpsRequest({
        ...{ host: '127.0.0.1', port: door.home.admf.officers!.port, servername: 'admf.home1.example' },
        ...{ method: 'GET', path: '/v1/events', agent: agentOf(tls) },
      });
      asked.once('error', reject);
      asked.once('response', (answer) => resolve(new Watching(answer)));
      asked.end();
    });
  }

  beforeAll(async () => {
    door = await OfficersDoor.open();
  }, 60_000);

  afterAll(() => door.close());

  it('R-93: whoever may read warrants is told which has changed, and never what it says', async () => {
    const watching = await watch('ben');
    expect(watching.answer.statusCode).toBe(200);
    expect(watching.answer.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
    });
    await expect.poll(() => watching.system()).toMatchObject({ pending: 0, away: [] });
    expect(watching.events[0]).toMatchObject({
      event: 'time',
      data: { time: expect.stringMatching(/Z$/) as string },
    });
    await door.enter('TOLD');
    await expect.poll(() => watching.liids()).toContain('TOLD');
    await expect.poll(() => watching.system()).toMatchObject({ pending: 1, warrants: { submitted: 1 } });
    expect(watching.text).not.toContain('alice');
    watching.leave();
  });

  it('R-93: an operator is told how the system is, and not which warrant has changed', async () => {
    const [dora, cleo] = [await watch('dora'), await watch('cleo')];
    await expect.poll(() => dora.system()).toBeDefined();
    const pending = dora.system()!['pending'] as number;
    await door.enter('UNTOLD');
    await expect.poll(() => cleo.liids()).toContain('UNTOLD');
    await expect.poll(() => dora.system()).toMatchObject({ pending: pending + 1 });
    expect(dora.text).not.toContain('UNTOLD');
    dora.leave();
    cleo.leave();
  });

  it('R-27: each stream is on record before anything is told; those who are not admitted get none', async () => {
    const before = door.home.audit().length;
    const watching = await watch('ben');
    expect(door.home.audit().slice(before)).toMatchObject([
      { kind: 'officer-answer', by: 'ben', path: '/v1/events', status: 200 },
    ]);
    watching.leave();
    for (const who of ['eve', 'nobody', 'df'])
      expect(await door.ask(who, 'GET /v1/events')).toMatchObject({ status: 403 });
    expect(await door.ask('ben', 'GET /v1/events?all=1')).toMatchObject({ status: 400 });
  });

  it('R-72: a person has so many streams and no more, which others do not lack; one that is left is free again', async () => {
    const own: Watching[] = [];
    for (let at = 0; at < OFFICER_EVENT_LIMITS.each; at++) own.push(await watch('anna'));
    expect(await door.ask('anna', 'GET /v1/events')).toMatchObject({
      status: 429,
      json: { code: 'too-many-streams' },
    });
    const other = await watch('both');
    expect(other.answer.statusCode).toBe(200);
    other.leave();
    const readings = door.home.admf.operation.meters.flatMap((meter) =>
      meter.name.startsWith('event_streams') ? [[meter.name, meter.read()]] : [],
    );
    expect(JSON.stringify(readings)).toContain('event_streams_refused_total');
    own.pop()!.leave();
    await expect
      .poll(async () => {
        const again = await watch('anna');
        own.push(again);
        return again.answer.statusCode;
      })
      .toBe(200);
    for (const each of own) each.leave();
  });

  it('goes over HTTP/2 as well', async () => {
    const { tls } = await door.home.officer('cleo');
    const session = connect(`https://127.0.0.1:${String(door.home.admf.officers!.port)}`, {
      ...secureContext(loadTls(tls, Date.now()), 'TLSv1.2'),
      ...{ servername: 'admf.home1.example', ALPNProtocols: ['h2'] },
    });
    const stream = session.request({ ':path': '/v1/events' });
    let text = '';
    stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
    await expect.poll(() => eventsIn(text).map(({ event }) => event)).toEqual(['time', 'system']);
    stream.close();
    session.destroy();
  });

  it('ends when the ADMF does, which waits for nobody who listens', async () => {
    const watching = await watch('ben');
    await door.home.restart();
    await expect.poll(() => watching.isOver).toBe(true);
    expect((await watch('ben')).answer.statusCode).toBe(200);
  });
});

/** Streams on a clock that is moved by hand. */
function bench(limits: Partial<OfficerEventLimits> = {}) {
  let tell: WarrantListener = () => undefined;
  const timers = new Set<{ at: number; action: () => void }>();
  let now = 0;
  const degraded: string[] = [];
  const streams = new OfficerEvents({
    clock: {
      now: () => now,
      after: (ms, action): Timer => {
        const timer = { at: now + ms, action };
        timers.add(timer);
        return { cancel: () => void timers.delete(timer) };
      },
    },
    admf: {
      subscribe: (listener) => {
        tell = listener;
        return () => undefined;
      },
      list: () => [],
      degraded: () => [...degraded],
      elements: () => [],
    },
    issues: { list: () => [] },
    logger: silent,
    limits,
  });
  return {
    streams,
    degraded,
    timers,
    change: (liid: string) => tell({ warrant: warrantOf(liid) } as never, null, []),
    pass: (ms: number) => {
      const end = now + ms;
      for (;;) {
        const [next] = [...timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
        if (next === undefined) break;
        timers.delete(next);
        now = next.at;
        next.action();
      }
      now = end;
    },
  };
}

const ANNA = { name: 'anna', roles: ['officer'] } as const;

describe('R-72: bounds of what is told', () => {
  it('a reader who takes nothing has the newest of each, and is told to look at all when it is too much', async () => {
    const { streams, change } = bench({ waiting: 50 });
    const stream = streams.begin(ANNA)!;
    // Until what the stream itself holds is full.
    for (let at = 0; at < 1_000; at++) change(`L${String(at)}`);
    const chunks: string[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk.toString()));
    await vi.waitFor(() => expect(eventsIn(chunks.join('')).at(-1)?.event).toBe('resync'));
    const told = eventsIn(chunks.join('')).filter(({ event }) => event === 'warrant');
    expect(told.length).toBeLessThan(1_000);
    change('AFTER');
    await vi.waitFor(() => expect(chunks.join('')).toContain('AFTER'));
    stream.destroy();
  });

  it('one that does not take a heartbeat until the next is cut, and counted', async () => {
    const { streams, change, pass } = bench({ heartbeatMs: 1_000 });
    const stream = streams.begin(ANNA)!;
    pass(10_000);
    expect([streams.open, streams.ends]).toEqual([1, {}]);
    for (let at = 0; at < 1_000; at++) change(`L${String(at)}`);
    pass(3_000);
    await vi.waitFor(() => expect(stream.destroyed).toBe(true));
    expect([streams.open, streams.ends]).toEqual([0, { 'not-taken': 1 }]);
  });

  it('one lasts so long, and then ends; nothing is left of those that have ended', async () => {
    const { streams, pass, timers } = bench({ longestMs: 60_000 });
    const stream = streams.begin(ANNA)!;
    stream.resume();
    const ended = new Promise((resolve) => stream.once('close', resolve));
    pass(59_000);
    expect(streams.open).toBe(1);
    pass(2_000);
    await ended;
    expect([streams.open, streams.ends, timers.size]).toEqual([0, { longest: 1 }, 0]);
  });

  it('there are so many in all', () => {
    const { streams } = bench({ all: 3 });
    const begun = ['a', 'b', 'c', 'd'].map((name) => streams.begin({ name, roles: ['auditor'] }));
    expect(begun.map((stream) => stream !== null)).toEqual([true, true, true, false]);
    expect(streams.refused).toBe(1);
    streams.close();
    expect(streams.begin(ANNA)).toBeNull();
  });

  it('a warrant that becomes degraded, or is whole again, is told of', async () => {
    const { streams, degraded, pass } = bench();
    const stream = streams.begin(ANNA)!;
    const chunks: string[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk.toString()));
    const told = () =>
      eventsIn(chunks.join('')).flatMap(({ event, data }) =>
        event === 'time' ? [] : [data['liid'] ?? data['degraded']],
      );
    degraded.push('ILL');
    pass(1_000);
    await vi.waitFor(() => expect(told()).toEqual([0, 'ILL', 1]));
    degraded.pop();
    pass(1_000);
    await vi.waitFor(() => expect(told()).toEqual([0, 'ILL', 1, 'ILL', 0]));
    stream.destroy();
  });
});
