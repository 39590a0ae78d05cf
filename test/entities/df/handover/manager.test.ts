import { afterEach, describe, expect, it } from 'vitest';
import { utf8 } from '../../../../src/bytes/octets.ts';
import type { HandoverSettings } from '../../../../src/entities/df/handover/ports.ts';
import { DID, Pair, settle } from './pair.ts';

const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, i) => from + i);
const pairs: Pair[] = [];

async function pair(settings: Partial<HandoverSettings> = {}): Promise<Pair> {
  const made = await Pair.make(settings);
  pairs.push(made);
  return made;
}

afterEach(async () => {
  for (const made of pairs.splice(0)) {
    made.manager.stop();
    await made.store.close();
  }
});

describe('handover manager: delivery (TS 102 232-1 clause 7)', () => {
  it('negotiates acknowledgement first, then delivers in order and asks for acknowledgement', async () => {
    const p = await pair();
    await p.append(3);
    p.manager.start();
    expect(p.peer.received).toEqual([]);
    p.peer.open();
    await settle();
    expect(p.peer.received.map(({ payload }) => payload)).toEqual([
      { kind: 'tri', message: { type: 'optionRequest', requested: [0] } },
    ]);
    p.peer.agree();
    await settle();
    expect(p.peer.tri('optionComplete')).toHaveLength(1);
    expect(p.peer.delivered).toEqual([0, 1, 2]);
    expect(p.peer.tri('pduAcknowledgementRequest')).toHaveLength(0);
    p.clock.advance(250);
    expect(p.peer.tri('pduAcknowledgementRequest')).toHaveLength(1);
    expect(p.manager.ready(DID)).toBe(true);
  });

  it('nothing leaves the outbox before its acknowledgement, which covers all that was sent before the request', async () => {
    const p = await pair();
    const peer = await p.connected();
    await p.append(2);
    p.clock.advance(250);
    await p.append(2);
    expect(await p.waiting()).toBe(4);
    peer.acknowledge();
    await settle();
    expect(await p.waiting()).toBe(2);
    p.clock.advance(250);
    peer.acknowledge();
    await settle();
    expect(await p.waiting()).toBe(0);
    expect(peer.delivered).toEqual([0, 1, 2, 3]);
  });

  it('a later acknowledgement covers the earlier requests', async () => {
    const p = await pair({ acknowledgeEvery: 2 });
    const peer = await p.connected();
    await p.append(6);
    expect(peer.tri('pduAcknowledgementRequest')).toHaveLength(3);
    peer.acknowledge(1);
    await settle();
    expect(await p.waiting()).toBe(2);
    peer.acknowledge(2);
    await settle();
    expect(await p.waiting()).toBe(0);
  });

  it('gives what is sent together to the connection in one piece, up to each request', async () => {
    const p = await pair({ acknowledgeEvery: 4 });
    await p.append(10);
    const peer = await p.connected();
    expect(peer.pieces).toEqual([1, 1, 4, 1, 4, 1, 2]);
    expect(peer.delivered).toEqual(numbers(10));
  });

  it('TRI sequence numbers count on over the connections of one instance', async () => {
    const p = await pair({ acknowledgeEvery: 1 });
    await p.connected();
    await p.append(1);
    p.peer.lose();
    p.clock.advance(250);
    await p.connected();
    const all = p.connections.flatMap(({ received }) =>
      received.filter(({ payload }) => payload.kind === 'tri').map(({ header }) => header.sequenceNumber),
    );
    expect(all).toEqual(numbers(all.length));
    expect(all.length).toBeGreaterThanOrEqual(5);
  });

  it('DF2 and DF3 number their TRI PDUs apart', async () => {
    const p = await pair();
    p.destinations = [...p.destinations, { did: 'd2', host: 'lemf.home1.example', port: 2, by: 'DF3' }];
    p.manager.start();
    for (const peer of p.connections) {
      peer.open();
      peer.agree();
    }
    const told = p.connections.map(({ received }) =>
      received.map(({ header }) => [header.liid, header.cin, header.sequenceNumber]),
    );
    const [first, second] = [0, 1].map((number) => ['transport', undefined, number]);
    expect(told).toEqual([
      [first, second],
      [first, second],
    ]);
  });

  it('no more than the window is under way', async () => {
    const p = await pair({ window: 10, acknowledgeEvery: 5 });
    const peer = await p.connected();
    await p.append(25);
    expect(peer.delivered).toEqual(numbers(10));
    peer.acknowledge(0);
    await settle();
    expect(peer.delivered).toEqual(numbers(15));
    for (let i = 1; i < 5; i++) {
      peer.acknowledge(i);
      await settle();
    }
    expect(peer.delivered).toEqual(numbers(25));
    expect(await p.waiting()).toBe(0);
  });

  it('a change of the list of destinations is followed', async () => {
    const p = await pair();
    const peer = await p.connected();
    p.destinations = [{ did: DID, host: 'lemf2.home1.example', port: 1, by: 'DF2' }];
    p.manager.refresh();
    expect(peer.closedByUs).toBe(true);
    expect(p.connections).toHaveLength(2);
    p.destinations = [];
    p.manager.refresh();
    expect(p.peer.closedByUs).toBe(true);
  });
});

describe('handover manager: the LEMF is away', () => {
  it('what was not acknowledged is sent again after a reconnect, oldest first, and nothing else', async () => {
    const p = await pair({ acknowledgeEvery: 2 });
    const first = await p.connected();
    await p.append(5);
    first.acknowledge(0);
    await settle();
    first.lose();
    await p.append(2);
    p.clock.advance(250);
    const second = await p.connected();
    expect(second).not.toBe(first);
    expect(second.delivered).toEqual([2, 3, 4, 5, 6]);
  });

  it('events of a connection that was given up touch nothing', async () => {
    const p = await pair({ acknowledgeEvery: 1 });
    const first = await p.connected();
    await p.append(1);
    first.lose();
    p.clock.advance(250);
    await p.connected();
    first.acknowledge();
    first.lose();
    await settle();
    expect(await p.waiting()).toBe(1);
    expect(p.peer.closedByUs).toBe(false);
  });

  it('the pause doubles up to its bound, and begins anew when the LEMF was there', async () => {
    const p = await pair({ retryFirst: 100, retryMost: 400 });
    p.manager.start();
    for (const pause of [100, 200, 400, 400]) {
      const before = p.connections.length;
      p.peer.lose();
      p.clock.advance(pause - 1);
      expect(p.connections).toHaveLength(before);
      p.clock.advance(1);
      expect(p.connections).toHaveLength(before + 1);
    }
    p.peer.open();
    p.peer.agree();
    p.peer.lose();
    p.clock.advance(100);
    expect(p.connections).toHaveLength(6);
  });

  it('raises an alarm when it is away too long, and clears it', async () => {
    const p = await pair({ alarmAfter: 5000 });
    await p.connected();
    p.clock.advance(60_000);
    expect(p.alarms).toEqual([]);
    p.peer.lose();
    p.clock.advance(4999);
    expect(p.alarms).toEqual([]);
    p.clock.advance(1);
    expect(p.alarms).toEqual([`${DID} raised handover interface is down: connection reset`]);
    await p.connected();
    expect(p.alarms.at(-1)).toBe(`${DID} cleared`);
  });

  it('R-56: the backlog is bounded: near the bound there is an alarm, until it has drained', async () => {
    const p = await pair({ backlogOctets: 1000, acknowledgeEvery: 1 });
    p.manager.start();
    await p.append(20);
    p.clock.advance(2000);
    await settle();
    expect(p.manager.congested).toBe(true);
    expect(p.alarms.at(-1)).toMatch(
      /backlog is near its bound, where content of the warrant that has most of it gives way: 20 PDUs/,
    );
    p.clock.advance(3000);
    expect(p.alarms.at(-1)).toMatch(/is down/);
    const peer = await p.connected();
    expect(p.alarms.some((alarm) => alarm.endsWith('cleared'))).toBe(false);
    peer.acknowledge();
    await settle();
    p.clock.advance(2000);
    await settle();
    expect(p.manager.congested).toBe(false);
    expect(p.alarms.at(-1)).toBe(`${DID} cleared`);
    expect(await p.waiting()).toBe(0);
  });
});

describe('handover manager: a destination that is removed', () => {
  it('with a backlog holds up nobody any more; what waits for it goes out if it comes back', async () => {
    const p = await pair({ backlogOctets: 1000 });
    const before = p.destinations;
    p.manager.start();
    await p.append(20);
    p.clock.advance(2000);
    await settle();
    expect(p.manager.congested).toBe(true);
    p.destinations = [];
    p.manager.refresh();
    p.clock.advance(2000);
    await settle();
    expect(p.manager.congested).toBe(false);
    expect(p.alarms.at(-1)).toBe(`${DID} cleared`);
    p.destinations = before;
    p.manager.refresh();
    expect((await p.connected()).delivered).toEqual(numbers(20));
  });

  it('while it was down is told of again if it comes back and is down', async () => {
    const p = await pair({ alarmAfter: 5000 });
    const before = p.destinations;
    p.manager.start();
    p.clock.advance(5000);
    p.destinations = [];
    p.manager.refresh();
    p.destinations = before;
    p.manager.refresh();
    p.clock.advance(5000);
    expect(p.alarms.map((alarm) => alarm.split(' ')[1])).toEqual(['raised', 'cleared', 'raised']);
  });
});

describe('handover manager: a LEMF that does not keep to the protocol', () => {
  it('one that declines acknowledgement gets nothing', async () => {
    const p = await pair();
    await p.append(1);
    p.manager.start();
    p.peer.open();
    p.peer.answer('optionRequest', { type: 'optionResponse', accepted: [], declined: [0] });
    await settle();
    expect(p.peer.delivered).toEqual([]);
    expect(p.peer.closedByUs).toBe(true);
    expect(await p.waiting()).toBe(1);
  });

  it('one that is silent loses the connection: options, acknowledgement, keep-alive', async () => {
    const p = await pair({ retryFirst: 1_000_000 });
    p.manager.start();
    p.peer.open();
    p.clock.advance(29_999);
    expect(p.peer.closedByUs).toBe(false);
    p.clock.advance(1);
    expect(p.peer.closedByUs).toBe(true);

    const q = await pair({ retryFirst: 1_000_000 });
    const peer = await q.connected();
    await q.append(1);
    q.clock.advance(250 + 29_999);
    expect(peer.closedByUs).toBe(false);
    q.clock.advance(1);
    expect(peer.closedByUs).toBe(true);

    const r = await pair({ retryFirst: 1_000_000 });
    const idle = await r.connected();
    r.clock.advance(120_000);
    expect(idle.tri('keepAlive')).toHaveLength(1);
    r.clock.advance(59_999);
    expect(idle.closedByUs).toBe(false);
    r.clock.advance(1);
    expect(idle.closedByUs).toBe(true);
  });

  it('one that answers keep-alives keeps the connection', async () => {
    const p = await pair();
    const peer = await p.connected();
    for (let i = 1; i <= 5; i++) {
      p.clock.advance(120_000);
      expect(peer.tri('keepAlive')).toHaveLength(i);
      peer.answer('keepAlive', { type: 'keepAliveResponse' });
    }
    expect(peer.closedByUs).toBe(false);
  });

  it('an acknowledgement that was not asked for, or garbage, closes the connection and frees nothing', async () => {
    for (const octets of ['garbage', 'invented']) {
      const p = await pair();
      const peer = await p.connected();
      await p.append(1);
      if (octets === 'garbage') peer.raw(utf8('HTTP/1.1 200 OK\r\n'));
      else peer.answer('optionRequest', { type: 'pduAcknowledgementResponse' });
      await settle();
      expect(peer.closedByUs).toBe(true);
      expect(await p.waiting()).toBe(1);
    }
  });
});
