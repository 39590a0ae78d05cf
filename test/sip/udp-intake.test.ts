/** R-70: what waits to be served over UDP is bounded, and what belongs to something goes before what begins something. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { Flow } from '../../src/sip/flow.ts';
import { UdpIntake } from '../../src/sip/udp-intake.ts';
import { makeResponse } from '../../src/sip/response.ts';
import { FakeFlow, request } from './support.ts';

/** Served at once before the loop turns. */
const AT_ONCE = 8;

let served: string[];
let refused: string[];
let intake: UdpIntake;

beforeEach(() => {
  [served, refused] = [[], []];
  intake = intakeFor(16);
});

function intakeFor(most: number): UdpIntake {
  return new UdpIntake(most, {
    serve: ({ message }) => void served.push(message.callId),
    refuse: ({ message }) => void refused.push(message.callId),
  });
}

function from(address: string): Flow {
  return Object.assign(new FakeFlow('UDP'), { source: { address, port: 5070 } });
}

function take(name: string, { method = 'INVITE', tag = '', address = '192.0.2.1' } = {}): void {
  const fields = {
    'Call-ID': name,
    Via: `SIP/2.0/UDP phone.example;branch=z9hG4bK${name}`,
    To: `<sip:bob@home2.example>${tag === '' ? '' : `;tag=${tag}`}`,
  };
  const message = request(method, fields);
  intake.take({ message, octets: message.serialise(), flow: from(address) });
}

/** As many as are served at once, and no more wait for them. */
function keepBusy(): void {
  for (let n = 0; n < AT_ONCE; n++) take('before');
  served = [];
}

async function drained(): Promise<void> {
  while (intake.waiting > 0) await new Promise((resolve) => setImmediate(resolve));
}

describe('R-70: messages over UDP that wait', () => {
  it('do not, while few come', () => {
    for (let n = 0; n < AT_ONCE; n++) take(`call ${n}`);
    expect([served.length, intake.waiting]).toEqual([AT_ONCE, 0]);
  });

  it('are served in their order, some in each turn of the loop', async () => {
    intake = intakeFor(64);
    keepBusy();
    for (let n = 0; n < 40; n++) take(`call ${n}`);
    expect([served.length, intake.waiting]).toEqual([0, 40]);
    await new Promise((resolve) => setImmediate(resolve));
    expect([served.length, intake.waiting]).toEqual([AT_ONCE, 40 - AT_ONCE]);
    await drained();
    expect(served).toEqual(Array.from({ length: 40 }, (_, n) => `call ${n}`));
  });

  it.each([
    ['a request within a dialog', { method: 'BYE', tag: 'b' }],
    ['a re-INVITE', { tag: 'b' }],
    ['an ACK', { method: 'ACK' }],
    ['a CANCEL', { method: 'CANCEL' }],
  ])('let %s go before what begins something', async (_, which) => {
    keepBusy();
    for (let n = 0; n < 4; n++) take(`call ${n}`);
    take('known', which);
    await drained();
    expect(served).toEqual(['known', 'call 0', 'call 1', 'call 2', 'call 3']);
  });

  it('let a response go before what begins something', async () => {
    keepBusy();
    take('call');
    const fields = { Via: 'SIP/2.0/UDP a;branch=z9hG4bK1', 'Call-ID': 'answered' };
    const message = makeResponse(request('INVITE', fields), 200, { toTag: 'b' });
    intake.take({ message, octets: message.serialise(), flow: from('192.0.2.2') });
    await drained();
    expect(served).toEqual(['answered', 'call']);
  });

  it('leave one of four turns to what begins something, since anybody can write a tag', async () => {
    keepBusy();
    take('call 0');
    take('call 1');
    for (let n = 0; n < 4; n++) take(`known ${n}`, { method: 'BYE', tag: 'b' });
    await drained();
    expect(served).toEqual(['known 0', 'known 1', 'known 2', 'call 0', 'known 3', 'call 1']);
  });

  it('are refused beyond the bound, and places for what is within dialogs are left', async () => {
    keepBusy();
    for (let n = 0; n < 14; n++) take(`call ${n}`);
    expect(refused).toEqual(['call 12', 'call 13']);
    for (let n = 0; n < 4; n++) take(`known ${n}`, { method: 'BYE', tag: 'b' });
    expect(refused).toEqual(['call 12', 'call 13']);
    await drained();
    expect(served.length).toBe(16);
    take('later');
    expect(served.at(-1)).toBe('later');
  });

  it('make room, where they begin something, for what is within dialogs, but for a quarter of all', async () => {
    keepBusy();
    for (let n = 0; n < 12; n++) take(`call ${n}`);
    for (let n = 0; n < 13; n++) take(`known ${n}`, { method: 'BYE', tag: 'b' });
    const made = Array.from({ length: 8 }, (_, n) => `call ${11 - n}`);
    expect([refused, intake.waiting]).toEqual([[...made, 'known 12'], 16]);
    take('call 12');
    expect(refused.at(-1)).toBe('call 12');
    await drained();
    expect(served.length).toBe(16);
  });

  it('are served once, and a copy of what waits is not refused', async () => {
    keepBusy();
    for (let n = 0; n < 12; n++) take(`call ${n}`);
    take('call 3');
    take('call 3', { address: '192.0.2.2' });
    expect(refused).toEqual(['call 11']);
    await drained();
    expect(served.filter((name) => name === 'call 3').length).toBe(2);
    take('call 3');
    await drained();
    expect(served.filter((name) => name === 'call 3').length).toBe(3);
  });

  it('are the newest of the source with most waiting that go, and each source has its turn', async () => {
    keepBusy();
    for (let n = 0; n < 12; n++) take(`flood ${n}`);
    take('other', { address: '192.0.2.2' });
    expect(refused).toEqual(['flood 11']);
    await drained();
    expect(served.slice(0, 3)).toEqual(['flood 0', 'other', 'flood 1']);
  });

  it('are forgotten when the node stops', async () => {
    keepBusy();
    take('call');
    intake.close();
    expect(intake.waiting).toBe(0);
    await new Promise((resolve) => setImmediate(resolve));
    expect(served).toEqual([]);
  });
});
