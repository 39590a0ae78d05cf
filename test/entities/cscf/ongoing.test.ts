/** What the point of interception keeps of sessions that stand, and what a task that comes late gets of it. */
import { beforeEach, describe, expect, it } from 'vitest';
import { fromUtf8 } from '../../../src/bytes/octets.ts';
import { Interception } from '../../../src/entities/cscf/interception.ts';
import { OngoingSessions } from '../../../src/entities/cscf/ongoing.ts';
import type { Session } from '../../../src/entities/cscf/sessions.ts';
import type { SipRequest, SipResponse } from '../../../src/sip/message.ts';
import { makeResponse } from '../../../src/sip/response.ts';
import type { Observed } from '../../../src/sip/transactions.ts';
import { decodeSessionStart } from '../../../src/wire/hi/session-start.ts';
import { DIRECTION, PAYLOAD_FORMAT } from '../../../src/wire/x2x3/pdu.ts';
import { updateMessages } from '../../ibake/support/update-messages.ts';
import { FakeFlow, request } from '../../sip/support.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { silent } from '../../support/silent.ts';
import { FakeInterception } from './network.ts';

const ALICE = 'sip:alice@home1.example';
const BOB = 'sip:bob@home2.example';
const XID = '11111111-2222-4333-8444-555555555555';
const flow = new FakeFlow('TCP');

let clock: ManualClock;
let tasks: FakeInterception;
let interception: Interception;
let session: Session | null;

function begin(ongoing = { items: 10, octets: 1 << 20, lifeMs: 60_000 }): void {
  clock = new ManualClock();
  tasks = new FakeInterception();
  session = null;
  interception = new Interception({
    ...{ clock, logger: silent, tasks, poi: tasks, maxUnadmitted: 400, ongoing },
    icid: (first) => first.callId,
    trusted: () => false,
    sessionOf: () => session,
  });
}

beforeEach(() => begin());

function pass(
  message: SipRequest | SipResponse,
  direction: Observed['direction'],
  side: Observed['side'] = 'server',
  of: SipRequest | null = message.kind === 'request' ? message : null,
): void {
  interception.observe({ direction, side, message, of, octets: message.serialise(), flow });
}

function described(word: string, mikey: string | Uint8Array | null = word): string {
  const key = mikey === null ? '' : `a=key-mgmt:mikey ${Buffer.from(mikey).toString('base64')}\r\n`;
  return `v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=${word}\r\nt=0 0\r\n${key}m=audio 4000 RTP/SAVP 8\r\n`;
}

const via = { Via: 'SIP/2.0/TCP phone.home1.example;branch=z9hG4bK1' };
const within = { ...via, To: `<${BOB}>;tag=b1` };

/** A request of the caller, and the answer that it gets. */
function exchange(asked: SipRequest, status: number, body = '', toTag = 'b1'): void {
  pass(asked, 'received');
  const answer = makeResponse(asked, status, { toTag });
  if (body !== '') answer.setBody('application/sdp', Buffer.from(body));
  pass(answer, 'sent', 'server', asked);
}

/** alice calls bob: the four messages of a key exchange, and 200. */
function call(callId = 'call-1', from = 'a1'): SipRequest {
  const fields = { 'Call-ID': callId, From: `<${ALICE}>;tag=${from}` };
  const invite = request('INVITE', { ...via, ...fields }, described('I1'));
  pass(invite, 'received');
  session = interception.admit(invite, { sender: 'alice', caller: [ALICE], callee: [BOB] });
  for (const [status, body] of [[183, described('R1')]] as const) {
    const progress = makeResponse(invite, status, { toTag: 'b1' });
    progress.setBody('application/sdp', Buffer.from(body));
    pass(progress, 'sent', 'server', invite);
  }
  exchange(
    request('PRACK', { ...within, ...fields, CSeq: '2 PRACK' }, described('I2')),
    200,
    described('R2'),
  );
  pass(makeResponse(invite, 200, { toTag: 'b1' }), 'sent', 'server', invite);
  return invite;
}

const reports = (): { format: number; name: string; time: number; direction: number }[] =>
  tasks.reports.map(({ observation: { format, payload, time, direction } }) => ({
    ...{ format, time, direction },
    name: format === PAYLOAD_FORMAT.sip ? (/s=(\w+)/.exec(fromUtf8(payload))?.[1] ?? 'other') : 'start',
  }));

describe('R-33: a task that comes while a session stands', () => {
  it('gets offer and answer as they were, and further bodies with MIKEY with their own times', () => {
    call();
    const before = clock.now();
    clock.advance(5_000);
    tasks.add(ALICE, XID);
    expect(reports()).toEqual([
      {
        format: PAYLOAD_FORMAT.epsIriContent,
        name: 'start',
        time: before + 5_000,
        direction: DIRECTION.fromTarget,
      },
      { format: PAYLOAD_FORMAT.sip, name: 'I2', time: before, direction: DIRECTION.fromTarget },
      { format: PAYLOAD_FORMAT.sip, name: 'R2', time: before, direction: DIRECTION.toTarget },
    ]);
    const start = decodeSessionStart(tasks.reports[0]!.observation.payload);
    expect(fromUtf8(start.offer.head)).toMatch(/^INVITE .*\r\n\r\n$/s);
    expect(fromUtf8(start.offer.sdp)).toBe(described('I1'));
    expect(fromUtf8(start.answer.head)).toMatch(/^SIP\/2.0 183 /);
    expect(fromUtf8(start.answer.sdp)).toBe(described('R1'));
  });

  it('gets it once, and from then on what passes', () => {
    call();
    tasks.add(ALICE, XID);
    tasks.reports.length = 0;
    exchange(request('UPDATE', { ...within, CSeq: '3 UPDATE' }, described('U1')), 200, described('U2'));
    tasks.add(ALICE, XID);
    expect(reports().map(({ name }) => name)).toEqual(['U1', 'U2']);
  });

  it('gets the updates that were there before it as well', () => {
    call();
    exchange(request('UPDATE', { ...within, CSeq: '3 UPDATE' }, described('U1')), 200, described('U2'));
    tasks.add(ALICE, XID);
    expect(reports().map(({ name }) => name)).toEqual(['start', 'I2', 'R2', 'U1', 'U2']);
  });

  it('is not told of a call that it has had from the beginning', () => {
    tasks.add(ALICE, XID);
    call();
    expect(reports().map(({ name }) => name)).not.toContain('start');
  });

  it('that came while it rang is told when the session stands', () => {
    const invite = request('INVITE', via, described('I1'));
    pass(invite, 'received');
    session = interception.admit(invite, { sender: 'alice', caller: [ALICE], callee: [BOB] });
    tasks.add(ALICE, XID);
    const progress = makeResponse(invite, 183, { toTag: 'b1' });
    progress.setBody('application/sdp', Buffer.from(described('R1')));
    pass(progress, 'sent', 'server', invite);
    expect(reports().map(({ name }) => name)).toEqual(['R1']);
    pass(makeResponse(invite, 200, { toTag: 'b1' }), 'sent', 'server', invite);
    expect(reports().map(({ name }) => name)).toEqual(['R1', 'other', 'start']);
  });

  it('that ended and came again is told again', () => {
    call();
    tasks.add(ALICE, XID);
    tasks.remove(ALICE);
    tasks.reports.length = 0;
    tasks.add(ALICE, XID);
    expect(reports().map(({ name }) => name)).toEqual(['start', 'I2', 'R2']);
  });

  it('of somebody else gets nothing', () => {
    call();
    tasks.add('sip:carol@home1.example', XID);
    expect(tasks.reports).toEqual([]);
  });

  it('R-43: is told of the last two updates of its keys, and not of those before', () => {
    call();
    for (const nth of [1, 2, 3]) {
      const { offer, answer } = updateMessages(nth);
      const update = request(
        'UPDATE',
        { ...within, CSeq: `${10 + nth} UPDATE`, 'Call-ID': 'call-1', From: `<${ALICE}>;tag=a1` },
        described(`offer${nth}`, offer[0]),
      );
      exchange(update, 200, described(`answer${nth}`, answer[0]));
    }
    tasks.add(ALICE, XID);
    expect(reports().map(({ name }) => name)).toEqual([
      'start',
      'I2',
      'R2',
      'offer2',
      'answer2',
      'offer3',
      'answer3',
    ]);
  });
});

describe('R-33: what is kept of sessions that stand', () => {
  it('is wiped at the end of the call', () => {
    call();
    expect(interception.ongoing.sessions).toBe(1);
    interception.over(session);
    expect(interception.ongoing).toMatchObject({ sessions: 0, octets: 0 });
    tasks.add(ALICE, XID);
    expect(tasks.reports).toEqual([]);
  });

  it('is overwritten octet by octet, and what passed is not', () => {
    call();
    const sessions = new OngoingSessions(clock, { items: 1, octets: 1 << 20, lifeMs: 60_000 });
    const payload = Uint8Array.of(1, 2, 3);
    const observation = {
      ...{ interface: 'x2' as const, direction: 1, format: 9, time: 0, payload },
      correlation: new Uint8Array(8),
    };
    const event = { observation, fromTag: 'a1', side: 'server' as const, cseq: 1, revision: 0 };
    sessions.add(session!, { ...event, reported: new Set(), mikey: true, tags: [] });
    const kept = sessions.of(session!)!.events[0]!.sip;
    sessions.end(session!);
    expect([kept, payload]).toEqual([new Uint8Array(3), Uint8Array.of(1, 2, 3)]);
  });

  it('is nothing where media are not protected', () => {
    const invite = request('INVITE', via, described('plain', null).replace('SAVP', 'AVP'));
    pass(invite, 'received');
    interception.admit(invite, { sender: 'alice', caller: [ALICE], callee: [BOB] });
    expect(interception.ongoing.sessions).toBe(0);
  });

  it('is bounded in sessions: of strangers to every task the oldest goes, and is counted', () => {
    begin({ items: 2, octets: 1 << 20, lifeMs: 60_000 });
    tasks.add(ALICE, XID);
    for (const at of [1, 2, 3]) call(`call-${at}`, `a${at}`);
    expect(interception.ongoing).toMatchObject({ sessions: 2, crowdedOut: 1 });
  });

  it('is bounded in time', () => {
    call();
    clock.advance(60_000);
    expect(interception.ongoing.sessions).toBe(0);
  });

  it('is nothing where the setting says so', () => {
    begin({ items: 0, octets: 1 << 20, lifeMs: 60_000 });
    call();
    expect(interception.ongoing).toMatchObject({ sessions: 0, octets: 0 });
  });

  it('is bounded within a session: what has no MIKEY makes room first, and the beginning stays', () => {
    call();
    for (let cseq = 3; cseq < 103; cseq++)
      exchange(request('UPDATE', { ...within, CSeq: `${cseq} UPDATE` }, described('hold', null)), 200);
    for (let cseq = 103; cseq < 133; cseq++)
      exchange(request('UPDATE', { ...within, CSeq: `${cseq} UPDATE` }, described(`U${cseq}`)), 200);
    expect(interception.ongoing.shortened).toBeGreaterThan(0);
    tasks.add(ALICE, XID);
    const names = reports().map(({ name }) => name);
    expect(names.slice(0, 3)).toEqual(['start', 'I2', 'R2']);
    expect(names.filter((name) => name.startsWith('U'))).toHaveLength(30);
  });
});
