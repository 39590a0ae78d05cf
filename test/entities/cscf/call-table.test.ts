/** The table of calls: who has how many, and how long one lives that no message passes. */
import { beforeEach, describe, expect, it } from 'vitest';
import { cscfConfig, limitsIn } from '../../../src/entities/cscf/config.ts';
import { CallTable } from '../../../src/entities/cscf/call-table.ts';
import { meet, newCall } from '../../../src/entities/cscf/calls.ts';
import type { Call, CallAttempt, DialogParty } from '../../../src/entities/cscf/calls.ts';
import { DEFAULT_CSCF_LIMITS } from '../../../src/entities/cscf/ports.ts';
import { makeResponse } from '../../../src/sip/response.ts';
import { closedFlow } from '../../../src/sip/flow.ts';
import type { Flow } from '../../../src/sip/flow.ts';
import { Secret } from '../../../src/bytes/secret.ts';
import { utf8 } from '../../../src/bytes/octets.ts';
import { FakeFlow, request } from '../../sip/support.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const PEER: DialogParty = { kind: 'peer' };
const VIA = { Via: 'SIP/2.0/TCP phone.home1.example;branch=z9hG4bK1' };

let clock: ManualClock;
let table: CallTable;
let count = 0;

beforeEach(() => {
  clock = new ManualClock();
  table = new CallTable(clock, { ...DEFAULT_CSCF_LIMITS, calls: 8, callsOfOne: 3 });
  count = 0;
});

function subscriberOn(flow: Flow): DialogParty {
  const subscriber = { identity: 'sip:alice@home1.example', aliases: [], username: 'alice' };
  return { kind: 'subscriber', subscriber: { ...subscriber, password: Secret.of(utf8('x')) }, flow };
}

interface Begun {
  readonly call: Call;
  readonly attempt: CallAttempt;
  readonly answer: (status: number, fields?: readonly (readonly [string, string])[], method?: string) => void;
}

function begin(owner: string, caller: DialogParty = PEER, method = 'INVITE'): Begun {
  const first = request(method, { ...VIA, 'Call-ID': `call-${count++}` });
  const call = newCall(first, { icid: 'x', owner, caller }, () => null);
  const nothing = { parties: { a: new Set<string>(), b: new Set<string>() }, branches: new Set<string>() };
  const attempt: CallAttempt = {
    pending: null,
    callees: [PEER],
    dialogs: new Set(),
    session: null,
    ...nothing,
  };
  table.begin(call, attempt);
  return {
    call,
    attempt,
    answer: (status, fields = [], by = method) => {
      const response = makeResponse(request(by, { ...VIA, CSeq: `1 ${by}` }), status, { toTag: 'b', fields });
      meet(call, attempt, 'b', PEER);
      if (by === method) table.answered(call, attempt, response);
      table.refreshed(call, response);
    },
  };
}

describe('R-65: a call that no message passes', () => {
  it.each([
    ['INVITE', [], 24 * 3600],
    ['INVITE', [['Session-Expires', '1800;refresher=uas']], 1832],
    ['INVITE', [['Session-Expires', '1']], 122],
    ['INVITE', [['Session-Expires', '4000000000']], 24 * 3600],
    ['SUBSCRIBE', [['Expires', '600']], 632],
    ['REFER', [], 24 * 3600],
  ] as const)('of %s, answered with %j, ends after %d s', (method, fields, seconds) => {
    begin('alice', PEER, method).answer(200, fields);
    clock.advance(seconds * 1000 - 1);
    expect(table.size).toBe(1);
    clock.advance(1);
    expect(table.size).toBe(0);
  });

  it('lives on with each refresh, and without a timer once that is given up', () => {
    const { answer } = begin('alice');
    answer(200, [['Session-Expires', '90']]);
    clock.advance(100_000);
    answer(200, [['Session-Expires', '90']], 'UPDATE');
    clock.advance(100_000);
    answer(200, [], 'UPDATE');
    clock.advance(1_000_000);
    expect(table.size).toBe(1);
  });

  it.each([86_400_000, -86_400_000])('neither ends nor stays because the time was set by %d ms', (step) => {
    const moved = { now: () => clock.now() + step, steady: () => clock.now() };
    let isMoved = false;
    const set = {
      now: () => (isMoved ? moved : clock).now(),
      steady: moved.steady,
      after: (ms: number, action: () => void) => clock.after(ms, action),
    };
    table = new CallTable(set, { ...DEFAULT_CSCF_LIMITS, callIdleMs: 120_000 });
    const { call } = begin('alice');
    clock.advance(60_000);
    table.alive(call);
    isMoved = true;
    clock.advance(119_999);
    expect(table.size).toBe(1);
    clock.advance(1);
    expect(table.size).toBe(0);
  });

  it('goes with its last dialog and its last first request, not before', () => {
    const { call, attempt, answer } = begin('alice');
    answer(200);
    answer(200);
    table.endDialog(call, 'another');
    expect(table.size).toBe(1);
    table.endDialog(call, 'b');
    expect([table.size, attempt.dialogs.size]).toEqual([0, 0]);
  });
});

describe('R-70: places in the table', () => {
  it('are bounded for each caller, for other homes together, and in all', () => {
    for (let i = 0; i < 3; i++) begin('alice', subscriberOn(new FakeFlow('TCP')));
    expect(table.refusal('alice', 'subscriber')).toBe('caller');
    expect(table.refusal('carol', 'subscriber')).toBeNull();
    for (let i = 0; i < 3; i++) begin(`peer ${i}`);
    expect(table.refusal('peer x', 'peer')).toBeNull();
    for (let i = 3; i < 5; i++) begin(`peer ${i}`);
    expect(table.refusal('carol', 'subscriber')).toBe('full');
    expect(table.refused).toEqual({ full: 1, caller: 1, peers: 0 });
  });

  it('of other homes leave a quarter to subscribers of this one', () => {
    for (let i = 0; i < 6; i++) begin(`peer ${i}`);
    expect(table.refusal('peer x', 'peer')).toBe('peers');
    expect(table.refusal('carol', 'subscriber')).toBeNull();
  });

  it('a caller is never given more than half of them', () => {
    table = new CallTable(clock, { ...DEFAULT_CSCF_LIMITS, calls: 4 });
    for (let i = 0; i < 2; i++) begin('alice');
    expect(table.refusal('alice', 'subscriber')).toBe('caller');
  });

  it('are given up by the caller’s own calls: first those whose connection is gone, then the longest silent', () => {
    const gone = closedFlow({ address: '127.0.0.1', port: 1 }, { address: '127.0.0.1', port: 2 });
    const silent = begin('alice', subscriberOn(new FakeFlow('UDP')));
    expect(table.toMakeRoom('alice')).toBeNull();
    clock.advance(1000);
    const cut = begin('alice', subscriberOn(gone));
    begin('alice', subscriberOn(new FakeFlow('UDP')));
    expect(table.toMakeRoom('carol')).toBeNull();
    expect(table.toMakeRoom('alice')).toBe(cut.call);
    table.end(cut.call);
    begin('alice', subscriberOn(new FakeFlow('UDP')));
    expect(table.toMakeRoom('alice')).toBeNull();
    clock.advance(3_599_000);
    expect(table.toMakeRoom('alice')).toBe(silent.call);
  });
});

describe('R-65: tags that have answered', () => {
  it('are bounded, and the dialog that is up stays known', () => {
    const { call, attempt, answer } = begin('alice');
    answer(200);
    for (let i = 0; i < 1000; i++) meet(call, attempt, `t${i}`, PEER);
    expect(call.met.size).toBeLessThanOrEqual(128);
    expect(call.met.has('b')).toBe(true);
  });
});

describe('R-65: a call that is up without a session timer', () => {
  it('is forgotten after the silence that the settings say, and not before', () => {
    const settings = { domain: 'home1.example', host: 'cscf.home1.example', callIdleMs: 120_000 };
    const files = { certificate: 'c', privateKey: 'k', authorities: 'a' };
    const admf = { identifier: 'admf.home1.example', url: 'https://admf.home1.example/X1/ADMF' };
    const x1 = { identifier: 'cscf.home1.example', admf, store: 's' };
    const config = cscfConfig({ ...settings, tls: files, x1, audit: 'audit' });
    table = new CallTable(clock, { ...DEFAULT_CSCF_LIMITS, ...limitsIn(config) });
    const { call, answer } = begin('sip:alice@home1.example');
    answer(200);
    clock.advance(119_000);
    table.alive(call);
    clock.advance(119_999);
    expect(table.size).toBe(1);
    clock.advance(1);
    expect(table.size).toBe(0);
  });
});
