/** R-70: what waits to be served over UDP is bounded, and what belongs to something goes before what begins something. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { Flow } from '../../src/sip/flow.ts';
import { UdpIntake } from '../../src/sip/udp-intake.ts';
import type { Arrival } from '../../src/sip/udp-intake.ts';
import { makeResponse } from '../../src/sip/response.ts';
import { FakeFlow, request } from './support.ts';

/**
 * Served at once before the loop turns; in a turn at least; read in one at most; answered with 503 where more is there;
 * milliseconds of a turn, and of a queue that stands.
 */
const AT_ONCE = 8;
const LEAST = 2;
const ANSWERED = 4;
const HANDED_OVER = 32;
const A_TURN = 5;
const STANDING = 250;

let served: string[];
let refused: string[];
/** Addresses. */
let dropped: string[];
/** Milliseconds, and how many serving one takes. */
let now: number;
let cost: number;
/** What runs when the loop turns. */
let next: (() => void) | null;
let intake: UdpIntake;

beforeEach(() => {
  [served, refused, dropped] = [[], [], []];
  [now, cost, next] = [0, 0, null];
  intake = intakeFor(16);
});

function intakeFor(most: number): UdpIntake {
  const serve = ({ message }: Arrival): void => {
    served.push(message.callId);
    now += cost;
  };
  const refuse = ({ message }: Arrival): void => void refused.push(message.callId);
  const drop = ({ address }: { readonly address: string }): void => void dropped.push(address);
  const soon = (run: () => void): (() => void) => {
    next = run;
    return () => (next = null);
  };
  return new UdpIntake(most, { serve, refuse, drop }, { now: () => now, soon });
}

function from(address: string): Flow {
  return Object.assign(new FakeFlow('UDP'), { source: { address, port: 5070 } });
}

function take(
  name: string,
  { method = 'INVITE', tag = '', address = '192.0.2.1', credentials = '' } = {},
): void {
  const fields = {
    'Call-ID': name,
    Via: `SIP/2.0/UDP phone.example;branch=z9hG4bK${name}`,
    To: `<sip:bob@home2.example>${tag === '' ? '' : `;tag=${tag}`}`,
    ...(credentials === '' ? {} : { [credentials]: 'Digest username="alice"' }),
  };
  const message = request(method, fields);
  intake.take({ message, octets: message.serialise(), flow: from(address) });
}

/** As many as are served at once, and no more wait for them. */
function keepBusy(): void {
  for (let n = 0; n < AT_ONCE; n++) take('before');
  served = [];
}

function turned(): void {
  const run = next;
  next = null;
  run?.();
}

function drained(): void {
  while (intake.waiting > 0) turned();
}

describe('R-70: messages over UDP that wait', () => {
  it('do not, while few come', () => {
    for (let n = 0; n < AT_ONCE; n++) take(`call ${n}`);
    expect([served.length, intake.waiting]).toEqual([AT_ONCE, 0]);
  });

  it('are served in their order, for some time in each turn of the loop', () => {
    intake = intakeFor(64);
    keepBusy();
    for (let n = 0; n < 20; n++) take(`call ${n}`);
    expect([served.length, intake.waiting]).toEqual([0, 20]);
    cost = A_TURN / 10;
    turned();
    expect(served.length).toBe(10);
    cost = A_TURN;
    turned();
    expect(served.length).toBe(10 + LEAST);
    drained();
    expect(served).toEqual(Array.from({ length: 20 }, (_, n) => `call ${n}`));
  });

  it('are read first where more are there: a turn serves no longer than reading has taken', () => {
    intake = intakeFor(64);
    keepBusy();
    for (let n = AT_ONCE; n < HANDED_OVER; n++) take(`call ${n}`);
    [now, cost] = [3, 0.25];
    turned();
    expect(served.length).toBe(3 / 0.25);
    turned();
    expect(served.length).toBe(HANDED_OVER - AT_ONCE);
  });

  it.each([
    ['a request within a dialog', { method: 'BYE', tag: 'b' }],
    ['a re-INVITE', { tag: 'b' }],
    ['an ACK', { method: 'ACK' }],
    ['a CANCEL', { method: 'CANCEL' }],
  ])('let %s go before what begins something', (_, which) => {
    keepBusy();
    for (let n = 0; n < 4; n++) take(`call ${n}`);
    take('known', which);
    drained();
    expect(served).toEqual(['known', 'call 0', 'call 1', 'call 2', 'call 3']);
  });

  it('let a response go before what begins something', () => {
    keepBusy();
    take('call');
    const fields = { Via: 'SIP/2.0/UDP a;branch=z9hG4bK1', 'Call-ID': 'answered' };
    const message = makeResponse(request('INVITE', fields), 200, { toTag: 'b' });
    intake.take({ message, octets: message.serialise(), flow: from('192.0.2.2') });
    drained();
    expect(served).toEqual(['answered', 'call']);
  });

  it('leave one of eight turns to what begins something, since anybody can write a tag', () => {
    keepBusy();
    take('call 0');
    take('call 1');
    for (let n = 0; n < 9; n++) take(`known ${n}`, { method: 'BYE', tag: 'b' });
    drained();
    const ahead = Array.from({ length: 7 }, (_, n) => `known ${n}`);
    expect(served).toEqual([...ahead, 'call 0', 'known 7', 'known 8', 'call 1']);
  });

  it('are refused beyond the bound, and places for what is within dialogs are left', () => {
    keepBusy();
    for (let n = 0; n < 14; n++) take(`call ${n}`);
    expect(refused).toEqual(['call 12', 'call 13']);
    for (let n = 0; n < 4; n++) take(`known ${n}`, { method: 'BYE', tag: 'b' });
    expect(refused).toEqual(['call 12', 'call 13']);
    drained();
    expect(served.length).toBe(16);
    take('later');
    expect(served.at(-1)).toBe('later');
  });

  it('make room, where they begin something, for what is within dialogs, but for a quarter of all', () => {
    keepBusy();
    for (let n = 0; n < 12; n++) take(`call ${n}`);
    for (let n = 0; n < 13; n++) take(`known ${n}`, { method: 'BYE', tag: 'b' });
    const made = Array.from({ length: 8 }, (_, n) => `call ${11 - n}`);
    expect([refused, dropped.length, intake.waiting]).toEqual([made, 1, 16]);
    drained();
    expect(served.length).toBe(16);
  });

  it.each(['Authorization', 'Proxy-Authorization'])(
    'let what answers a challenge (%s) go before what begins something, but for each fourth',
    (credentials) => {
      keepBusy();
      for (let n = 0; n < 4; n++) take(`call ${n}`);
      for (let n = 0; n < 4; n++) take(`challenged ${n}`, { credentials });
      drained();
      const ahead = ['challenged 0', 'challenged 1', 'challenged 2'];
      expect(served).toEqual([...ahead, 'call 0', 'challenged 3', 'call 1', 'call 2', 'call 3']);
    },
  );

  it('make room, where they begin something, for what answers a challenge, but for an eighth of all', () => {
    keepBusy();
    for (let n = 0; n < 12; n++) take(`call ${n}`);
    for (let n = 0; n < 11; n++) take(`challenged ${n}`, { credentials: 'Authorization' });
    expect([refused.length, refused.at(-1), dropped.length, intake.waiting]).toEqual([
      11,
      'challenged 10',
      0,
      12,
    ]);
    drained();
    expect(served.filter((name) => name.startsWith('call'))).toEqual(['call 0', 'call 1']);
    expect(served.length).toBe(12);
  });

  it.each([
    ['BYE', 'b'],
    ['CANCEL', ''],
  ])('are dropped, if a %s has no place, so that it comes again', (method, tag) => {
    keepBusy();
    for (let n = 0; n < 12; n++) take(`known ${n}`, { method: 'BYE', tag: 'b' });
    take('late', { method, tag });
    expect([refused, dropped]).toEqual([[], ['192.0.2.1']]);
    take('late', { method: 'ACK', tag: 'b' });
    expect([refused, dropped.length]).toEqual([['late'], 1]);
  });

  it('have REGISTER and others that begin something take turns, and REGISTER has the place of one', () => {
    keepBusy();
    for (let n = 0; n < 12; n++) take(`call ${n}`);
    for (let n = 0; n < 3; n++) take(`register ${n}`, { method: 'REGISTER' });
    expect(refused).toEqual(['call 11', 'call 10', 'call 9']);
    drained();
    const turns = ['register 0', 'call 0', 'register 1', 'call 1', 'register 2', 'call 2'];
    expect(served.slice(0, 6)).toEqual(turns);
  });

  it('are refused, if they begin something, where those before them have waited for half of T1', () => {
    intake = intakeFor(64);
    keepBusy();
    take('call 0');
    take('call 1');
    now = STANDING - 1;
    take('call 2');
    expect(refused).toEqual([]);
    now = STANDING;
    take('call 3');
    take('known', { method: 'BYE', tag: 'b' });
    take('challenged', { credentials: 'Authorization' });
    expect([refused, dropped]).toEqual([['call 3'], []]);
    take('of another', { address: '192.0.2.2' });
    expect(refused).toEqual(['call 3', 'call 2']);
    drained();
    take('call 4');
    expect(served.at(-1)).toBe('call 4');
  });

  it('are answered, where more is there, some in each turn, and else dropped, so that they come again', () => {
    keepBusy();
    for (let n = AT_ONCE; n < HANDED_OVER; n++) take(`call ${n}`);
    expect([refused.length, dropped.length]).toEqual([HANDED_OVER - AT_ONCE - 12, 0]);
    turned();
    refused = [];
    for (let n = 0; n < 20; n++) take(`later ${n}`);
    expect([refused.length, dropped.length]).toEqual([ANSWERED, 20 - LEAST - ANSWERED]);
  });

  it('let the ACK of what was refused go last, and it is lost where nothing else leaves it a place', () => {
    keepBusy();
    for (let n = 0; n < 13; n++) take(`call ${n}`);
    take('call 12', { method: 'ACK', tag: 'c' });
    take('known', { method: 'BYE', tag: 'b' });
    expect([refused, intake.waiting]).toEqual([['call 12'], 14]);
    for (let n = 0; n < 3; n++) take(`known ${n}`, { method: 'BYE', tag: 'b' });
    expect([refused, intake.waiting]).toEqual([['call 12', 'call 12'], 16]);
    drained();
    expect(served.filter((name) => name === 'call 12')).toEqual([]);
    for (let n = 0; n < AT_ONCE; n++) take('again');
    for (let n = 0; n < 13; n++) take(`more ${n}`);
    take('more 12', { method: 'ACK', tag: 'c' });
    drained();
    expect(served.at(-1)).toBe('more 12');
  });

  it('are served once, and a copy of what waits is not refused', () => {
    keepBusy();
    for (let n = 0; n < 12; n++) take(`call ${n}`);
    take('call 3');
    take('call 3', { address: '192.0.2.2' });
    expect(refused).toEqual(['call 11']);
    drained();
    expect(served.filter((name) => name === 'call 3').length).toBe(2);
    take('call 3');
    drained();
    expect(served.filter((name) => name === 'call 3').length).toBe(3);
  });

  it('are the newest of the source with most waiting that go, and each source has its turn', () => {
    keepBusy();
    for (let n = 0; n < 12; n++) take(`flood ${n}`);
    take('other', { address: '192.0.2.2' });
    expect(refused).toEqual(['flood 11']);
    drained();
    expect(served.slice(0, 3)).toEqual(['flood 0', 'other', 'flood 1']);
  });

  it('are forgotten when the node stops', () => {
    keepBusy();
    take('call');
    intake.close();
    expect(intake.waiting).toBe(0);
    turned();
    expect(served).toEqual([]);
  });
});
