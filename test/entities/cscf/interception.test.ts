/** The point of interception by itself: what it remembers, for how long, and what a flood does to it. */
import { beforeEach, describe, expect, it } from 'vitest';
import { correlationId } from '../../../src/entities/cscf/charging.ts';
import { Interception } from '../../../src/entities/cscf/interception.ts';
import type { Session } from '../../../src/entities/cscf/sessions.ts';
import type { Flow } from '../../../src/sip/flow.ts';
import type { SipRequest, SipResponse } from '../../../src/sip/message.ts';
import { makeResponse } from '../../../src/sip/response.ts';
import type { Observed } from '../../../src/sip/transactions.ts';
import { FakeFlow, request } from '../../sip/support.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { FakeInterception } from './network.ts';
import { silent } from '../../support/silent.ts';

const VIA = { Via: 'SIP/2.0/TCP phone.home1.example;branch=z9hG4bK1' };
const ALICE = { sender: 'alice', caller: ['sip:alice@home1.example'], callee: [] };
const flow = new FakeFlow('TCP');

let clock: ManualClock;
let tasks: FakeInterception;
let interception: Interception;
/** What a request within a call belongs to. */
let within: Session | null;

beforeEach(() => {
  clock = new ManualClock();
  tasks = new FakeInterception();
  within = null;
  interception = new Interception({
    clock,
    logger: silent,
    tasks,
    poi: tasks,
    maxUnadmitted: 400,
    icid: (first) => `${first.callId} ${first.fromTag ?? ''}`,
    trusted: () => false,
    sessionOf: () => within,
  });
});

function pass(
  message: SipRequest | SipResponse,
  direction: Observed['direction'],
  side: Observed['side'],
  of: SipRequest | null = message.kind === 'request' ? message : null,
  on: Flow = flow,
): void {
  interception.observe({ direction, side, message, of, octets: message.serialise(), flow: on });
}

/** An INVITE, with what else it has. */
function invite(fields: Readonly<Record<string, string>>, body = ''): SipRequest {
  return request('INVITE', { ...VIA, ...fields }, body);
}

/** What a request is answered. */
function answer(to: SipRequest, status: number, on: Flow = flow): void {
  pass(makeResponse(to, status, { toTag: 'b1' }), 'sent', 'server', to, on);
}

/** A flow from another address or port. */
function flowFrom(address: string, port = 5070): Flow {
  return Object.assign(new FakeFlow('UDP'), { remote: { address, port } });
}

describe('R-35: names that are neither in From nor in To', () => {
  const IMEI = '<urn:gsma:imei:35693803-564398-0>';
  it.each([
    [
      'History-Info',
      '<sip:carol@home1.example?Reason=SIP%3Bcause%3D302>;index=1, <sip:bob@home2.example>;index=1.1',
    ],
    ['Diversion', 'broken <, <sip:carol@home1.example>;reason=unconditional'],
  ])('a target who diverted a call by %s is met as one who is called', (field, value) => {
    tasks.add('sip:carol@home1.example');
    const first = invite({ [field]: value });
    pass(first, 'received', 'server');
    interception.admit(first, ALICE);
    pass(first, 'sent', 'client');
    expect(tasks.trace()).toEqual(['< INVITE']);
  });

  it('a device is met by the instance in Contact, of the one who calls and of the one who answers', () => {
    tasks.matches = (keys) => keys.has('imei:35693803564398');
    const first = invite({ Contact: `<sip:alice@192.0.2.1>;+sip.instance="${IMEI}"` });
    pass(first, 'received', 'server');
    expect(tasks.trace()).toEqual(['> INVITE']);
    tasks.reports.length = 0;
    const second = invite({ 'Call-ID': 'other' });
    pass(second, 'received', 'server');
    interception.admit(second, ALICE);
    const answered = makeResponse(second, 200, { toTag: 'b1' });
    answered.append('Contact', `<sip:bob@192.0.2.2>;+sip.instance="${IMEI}"`);
    pass(answered, 'received', 'client', second);
    expect(tasks.trace()).toEqual(['> 200 INVITE']);
  });
});

describe('the memory of the point of interception', () => {
  it('R-65: strangers who are challenged and go away are forgotten', () => {
    for (let i = 0; i < 20; i++) {
      const first = invite({ 'Call-ID': `call-${i}` });
      pass(first, 'received', 'server');
      answer(first, 407);
    }
    expect(interception.memory.unadmitted).toBe(20);
    clock.advance(64_000);
    expect(interception.memory).toMatchObject({ unadmitted: 0, octets: 0, crowdedOut: 0 });
  });

  it('of sessions that nobody ever answers, no message is kept for long', () => {
    const first = invite({});
    pass(first, 'received', 'server');
    interception.admit(first, ALICE);
    clock.advance(299_999);
    expect(interception.memory.sessions).toBe(1);
    clock.advance(1);
    expect(interception.memory).toMatchObject({ sessions: 0, octets: 0 });
  });

  it('R-65: a flood of strangers is kept up to a bound, counted, and a call that rings stays known', () => {
    tasks.add('sip:alice@home1.example');
    const call = invite({ 'Call-ID': 'up' });
    pass(call, 'received', 'server');
    interception.admit(call, ALICE);
    const body = 'x'.repeat(60_000);
    for (let i = 0; i < 420; i++) {
      const From = `<sip:nobody${i}@elsewhere.example>;tag=1`;
      pass(invite({ 'Call-ID': `flood-${i}`, From }, body), 'received', 'server');
    }
    expect(interception.memory.octets).toBeLessThanOrEqual(16 << 20);
    expect(interception.memory.unadmitted).toBeLessThanOrEqual(400);
    expect(interception.memory.crowdedOut).toBeGreaterThanOrEqual(120);
    answer(call, 183);
    answer(call, 200);
    expect(tasks.trace()).toEqual(['> INVITE', '< 183 INVITE', '< 200 INVITE']);
    expect(tasks.reports.at(-1)?.observation.correlation).toEqual(correlationId('up a1'));
  });

  it('R-65: who holds most loses first: a caller who hides is reported from the challenged request on, whatever one address sends meanwhile', () => {
    tasks.add('sip:alice@home1.example');
    const From = '<sip:anonymous@anonymous.invalid>;tag=a1';
    const [first, second] = [invite({ From }), invite({ From, CSeq: '2 INVITE' })];
    pass(first, 'received', 'server', first, flowFrom('192.0.2.1'));
    answer(first, 407, flowFrom('192.0.2.1'));
    for (let i = 0; i < 500; i++)
      pass(
        invite({ 'Call-ID': `flood-${i}` }),
        'received',
        'server',
        undefined,
        flowFrom('192.0.2.2', i + 1),
      );
    tasks.reports.length = 0;
    pass(second, 'received', 'server', second, flowFrom('192.0.2.1'));
    interception.admit(second, ALICE);
    expect(tasks.trace()).toEqual(['> INVITE', '< 407 INVITE', '> INVITE']);
  });

  it('R-65: what nobody has authenticated is reported as a claim', () => {
    tasks.add('sip:alice@home1.example');
    const [first, second] = [invite({}), invite({ CSeq: '2 INVITE' })];
    pass(first, 'received', 'server');
    answer(first, 407);
    interception.admit(second, ALICE);
    pass(second, 'received', 'server');
    interception.admit(second, ALICE);
    answer(second, 486);
    expect(tasks.reports.map(({ observation }) => observation.claimed)).toEqual([true, true, true, false]);
  });

  it('the same again, over a challenge without state say, is a retransmission (R-50)', () => {
    tasks.add('sip:alice@home1.example');
    for (const first of [invite({}), invite({})]) {
      pass(first, 'received', 'server');
      answer(first, 407);
    }
    expect(tasks.trace()).toEqual(['> INVITE', '< 407 INVITE']);
  });

  it('a call that is tried again under the Call-ID of one that failed is reported to its end, under one correlation', () => {
    tasks.add('sip:alice@home1.example');
    const first = invite({});
    pass(first, 'received', 'server');
    interception.admit(first, ALICE);
    answer(first, 488);
    const second = invite({ CSeq: '2 INVITE' });
    pass(second, 'received', 'server');
    within = interception.admit(second, ALICE);
    answer(second, 200);
    clock.advance(600_000);
    const bye = request('BYE', {
      ...VIA,
      From: '<sip:bob@home2.example>;tag=b1',
      To: '<sip:alice@home1.example>;tag=a1',
    });
    pass(bye, 'received', 'server');
    const onward = bye.clone();
    interception.follow(onward, within);
    pass(onward, 'sent', 'client');
    expect(tasks.trace()).toEqual(['> INVITE', '< 488 INVITE', '> INVITE', '< 200 INVITE', '< BYE']);
    for (const { observation } of tasks.reports)
      expect(observation.correlation).toEqual(correlationId('call-1 a1'));
  });
});

describe('R-65: names', () => {
  /** A session of alice’s that the CSCF has admitted. */
  function admitted(): { first: SipRequest; session: Session } {
    const first = invite({ From: '<sip:anonymous@anonymous.invalid>;tag=a1' });
    pass(first, 'received', 'server');
    const session = interception.admit(first, { ...ALICE, callee: ['sip:carol@home1.example'] });
    if (session === null) throw new Error('a session is expected');
    within = session;
    return { first, session };
  }

  /** Requests within the call, from the callee’s side, that say other names each. */
  function saying(count: number, names: (i: number) => { From?: string; To?: string }): void {
    for (let i = 0; i < count; i++) {
      const { From = '<sip:carol@home1.example>', To = '<sip:alice@home1.example>' } = names(i);
      const fields = { From: `${From};tag=b1`, To: `${To};tag=a1`, CSeq: `${i + 1} INFO` };
      pass(request('INFO', { ...VIA, ...fields }), 'received', 'server');
    }
  }

  it.each([
    ['her own', (i: number) => ({ From: `<sip:x${i}@x.example>` })],
    ['the caller’s', (i: number) => ({ To: `<sip:x${i}@x.example>` })],
  ])('that the callee says within a call, %s, crowd out no name that the CSCF knows', (_, names) => {
    const { session } = admitted();
    saying(500, names);
    for (const target of ['sip:alice@home1.example', 'sip:carol@home1.example']) tasks.add(target);
    const info = request('INFO', {
      ...VIA,
      From: '<sip:x@x.example>;tag=b1',
      To: '<sip:x@x.example>;tag=a1',
    });
    const onward = info.clone();
    onward.append('Via', 'SIP/2.0/TCP cscf.home1.example;branch=z9hG4bK2');
    interception.follow(onward, session);
    pass(info, 'received', 'server');
    pass(onward, 'sent', 'client');
    expect(tasks.trace('sip:carol@home1.example')).toEqual(['> INFO']);
    expect(tasks.trace('sip:alice@home1.example')).toEqual(['< INFO']);
  });

  it('that one side says do not crowd out what the other says', () => {
    const { session } = admitted();
    session.hear('callee', 'caller', ['sip:victor@home2.example'], tasks);
    saying(500, (i) => ({ From: `<sip:x${i}@x.example>` }));
    tasks.add('sip:victor@home2.example');
    session.rematch(tasks);
    expect([...session.matches.keys()]).toEqual(['sip:victor@home2.example']);
  });

  it('that a task has matched stay, whatever is said after', () => {
    const { session } = admitted();
    tasks.add('sip:victor@home2.example');
    saying(1, () => ({ From: '<sip:victor@home2.example>' }));
    saying(500, (i) => ({ From: `<sip:x${i}@x.example>` }));
    expect([...session.matches.keys()]).toEqual(['sip:victor@home2.example']);
  });

  it('that nobody has authenticated are those of their own request alone', () => {
    tasks.add('sip:bob@home2.example');
    for (let i = 0; i < 3; i++) {
      const decoy = invite({ To: '<sip:bob@home2.example>', From: '<sip:bob@home2.example>;tag=a1' });
      pass(decoy, 'received', 'server');
      answer(decoy, 407);
    }
    tasks.reports.length = 0;
    const first = request('INVITE', { ...VIA, CSeq: '9 INVITE', To: '<sip:carol@home1.example>' });
    first.uri = 'sip:carol@home1.example';
    pass(first, 'received', 'server');
    interception.admit(first, { ...ALICE, callee: ['sip:carol@home1.example'] });
    answer(first, 200);
    expect(tasks.trace()).toEqual([]);
  });
});

describe('a task that comes in the middle', () => {
  it('is not told of what was before it', () => {
    const From = '<sip:anonymous@anonymous.invalid>;tag=a1';
    const [first, second] = [invite({ From }), invite({ From, CSeq: '2 INVITE' })];
    pass(first, 'received', 'server');
    answer(first, 407);
    tasks.add('sip:alice@home1.example');
    pass(second, 'received', 'server');
    interception.admit(second, ALICE);
    expect(tasks.trace()).toEqual(['> INVITE']);
  });
});
