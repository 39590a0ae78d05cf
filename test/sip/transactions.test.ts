/** RFC 3261 section 17 and RFC 6026: each timer under a clock that the test moves. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { SipRequest } from '../../src/sip/message.ts';
import { SipResponse } from '../../src/sip/message.ts';
import { makeResponse } from '../../src/sip/response.ts';
import type { ServerTransaction } from '../../src/sip/server-transaction.ts';
import type { TransactionLayer } from '../../src/sip/transactions.ts';
import type { Observed } from '../../src/sip/transactions.ts';
import type { TransportUser } from '../../src/sip/transport.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { FakeFlow, isRequest, layerOn, request } from './support.ts';

let clock: ManualClock;
let layer: TransactionLayer;
let wire: TransportUser;
let observed: Observed[];
let served: ServerTransaction[];
let acks: SipRequest[];
let strays: SipResponse[];

beforeEach(() => {
  clock = new ManualClock();
  [observed, served, acks, strays] = [[], [], [], []];
  ({ layer, wire } = layerOn({ clock, maxTransactions: 3 }));
  layer.attach({
    request: (transaction) => served.push(transaction),
    ack: (ack) => acks.push(ack),
    stray: (response) => strays.push(response),
    closed: () => undefined,
  });
  layer.observe((each) => observed.push(each));
});

function client(method: string, flow: FakeFlow) {
  const seen: (number | string)[] = [];
  const transaction = layer.send(request(method), flow, `z9hG4bK${method}`, {
    response: (response) => seen.push(response.status),
    failed: (error) => seen.push(error.code),
  });
  return { transaction, seen };
}

function answer(flow: FakeFlow, status: number): void {
  const [sent] = flow.sent;
  isRequest(sent);
  const response = makeResponse(sent, status, { toTag: 'b1' });
  wire.arrived(response, response.serialise(), flow);
}

function arrive(message: SipRequest, flow: FakeFlow): void {
  wire.arrived(message, message.serialise(), flow);
}

function incoming(method: string, extra: Readonly<Record<string, string>> = {}): SipRequest {
  return request(method, { Via: 'SIP/2.0/UDP phone.example;branch=z9hG4bKabc', ...extra });
}

describe('INVITE client transaction', () => {
  it('timer A sends the request again over UDP after T1, 2·T1, 4·T1, …; timer B ends it after 64·T1', () => {
    const flow = new FakeFlow('UDP');
    const { seen } = client('INVITE', flow);
    const sentAt = [500, 1500, 3500, 7500, 15500, 31500];
    for (const [i, at] of sentAt.entries()) {
      clock.advance(at - (sentAt[i - 1] ?? 0) - 1);
      expect(flow.sent.length).toBe(i + 1);
      clock.advance(1);
      expect(flow.sent.length).toBe(i + 2);
    }
    clock.advance(499);
    expect(seen).toEqual([]);
    clock.advance(1);
    expect(seen).toEqual(['timeout']);
    expect(layer.load).toBe(0);
  });

  it('timer A does not run over TCP', () => {
    const flow = new FakeFlow('TCP');
    const { seen } = client('INVITE', flow);
    clock.advance(31_999);
    expect(flow.sent.length).toBe(1);
    clock.advance(1);
    expect(seen).toEqual(['timeout']);
  });

  it('a provisional response stops timers A and B', () => {
    const flow = new FakeFlow('UDP');
    const { seen } = client('INVITE', flow);
    answer(flow, 180);
    clock.advance(200_000);
    expect([flow.sent.length, seen]).toEqual([1, [180]]);
  });

  it('timer D keeps the ACK at hand for 32 s over UDP, 0 over TCP', () => {
    const flow = new FakeFlow('UDP');
    const { seen } = client('INVITE', flow);
    answer(flow, 486);
    clock.advance(31_999);
    answer(flow, 486);
    expect(flow.trace).toEqual(['INVITE', 'ACK', 'ACK']);
    clock.advance(1);
    answer(flow, 486);
    expect(flow.trace).toEqual(['INVITE', 'ACK', 'ACK']);
    expect([seen, strays.length]).toEqual([[486], 1]);

    const tcp = new FakeFlow('TCP');
    client('INVITE', tcp);
    answer(tcp, 486);
    expect([tcp.trace, layer.load]).toEqual([['INVITE', 'ACK'], 0]);
  });

  it('the ACK of a refusal has the Via, Route and Request-URI of the INVITE and the To of the response', () => {
    const flow = new FakeFlow('UDP');
    layer.send(request('INVITE', { Route: '<sip:p1;lr>' }), flow, 'z9hG4bKx', {
      response: () => undefined,
      failed: () => undefined,
    });
    answer(flow, 603);
    const [invite, ack] = flow.sent;
    isRequest(ack);
    isRequest(invite);
    expect(ack.all('Via')).toEqual(invite.all('Via'));
    expect([ack.uri, ack.first('Route'), ack.toTag]).toEqual([invite.uri, '<sip:p1;lr>', 'b1']);
    expect(ack.cseq).toEqual({ number: 1, method: 'ACK' });
  });

  it('timer M lets further 2xx pass for 64·T1 (RFC 6026)', () => {
    const flow = new FakeFlow('TCP');
    const { seen } = client('INVITE', flow);
    answer(flow, 200);
    clock.advance(31_999);
    answer(flow, 200);
    expect(seen).toEqual([200, 200]);
    clock.advance(1);
    answer(flow, 200);
    expect([seen.length, strays.length, layer.load]).toEqual([2, 1, 0]);
  });

  it('CANCEL waits for a provisional response, and a transaction without a final one ends 64·T1 after it', () => {
    const flow = new FakeFlow('TCP');
    const { transaction, seen } = client('INVITE', flow);
    transaction.cancel(['SIP;cause=200']);
    expect(flow.trace).toEqual(['INVITE']);
    answer(flow, 180);
    expect(flow.trace).toEqual(['INVITE', 'CANCEL']);
    expect(flow.sent[1]!.topVia).toEqual(flow.sent[0]!.topVia);
    expect(flow.sent[1]!.first('Reason')).toBe('SIP;cause=200');
    clock.advance(32_000);
    expect(seen).toEqual([180, 'timeout']);
  });

  it('a flow that breaks before any answer fails the transaction at once', () => {
    const flow = new FakeFlow('TCP');
    const { seen } = client('INVITE', flow);
    wire.closed(flow);
    expect(seen).toEqual(['unreachable']);
  });

  it('no flow to the destination fails the transaction', async () => {
    const outcome = new Promise((resolve) => {
      layer.send(request('INVITE'), { protocol: 'TCP', host: 'x', port: 1 }, 'z9hG4bKq', {
        response: resolve,
        failed: (error) => resolve(error.code),
      });
    });
    expect(await outcome).toBe('unreachable');
  });
});

describe('non-INVITE client transaction', () => {
  it('timer E doubles up to T2, timer F ends it after 64·T1', () => {
    const flow = new FakeFlow('UDP');
    const { seen } = client('OPTIONS', flow);
    const expected = [500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500];
    let at = 0;
    for (const [i, next] of expected.entries()) {
      clock.advance(next - at - 1);
      expect(flow.sent.length).toBe(i + 1);
      clock.advance(1);
      at = next;
      expect(flow.sent.length).toBe(i + 2);
    }
    clock.advance(500);
    expect(seen).toEqual(['timeout']);
  });

  it('timer E runs at T2 once a provisional response has come', () => {
    const flow = new FakeFlow('UDP');
    client('OPTIONS', flow);
    answer(flow, 100);
    clock.advance(500);
    expect(flow.sent.length).toBe(2);
    clock.advance(3999);
    expect(flow.sent.length).toBe(2);
    clock.advance(1);
    expect(flow.sent.length).toBe(3);
  });

  it('timer K absorbs repeated responses for T4 over UDP, 0 over TCP', () => {
    const flow = new FakeFlow('UDP');
    const { seen } = client('OPTIONS', flow);
    answer(flow, 200);
    answer(flow, 200);
    expect([seen, layer.load]).toEqual([[200], 1]);
    clock.advance(5000);
    expect(layer.load).toBe(0);
    const tcp = new FakeFlow('TCP');
    client('OPTIONS', tcp);
    answer(tcp, 200);
    expect(layer.load).toBe(0);
  });
});

describe('INVITE server transaction', () => {
  it('R-50: a retransmitted INVITE reaches the user once and gets the last response again', () => {
    const flow = new FakeFlow('UDP');
    arrive(incoming('INVITE'), flow);
    served[0]!.respond(makeResponse(served[0]!.request, 180, { toTag: 'b1' }));
    arrive(incoming('INVITE'), flow);
    expect([served.length, flow.trace]).toEqual([1, ['180', '180']]);
    expect(observed.map(({ direction }) => direction)).toEqual(['received', 'sent']);
  });

  it('timer G repeats a refusal after T1, doubling to T2; timer H gives up after 64·T1', () => {
    const flow = new FakeFlow('UDP');
    arrive(incoming('INVITE'), flow);
    let lost = false;
    served[0]!.handler = { unacknowledged: () => void (lost = true) };
    served[0]!.respond(makeResponse(served[0]!.request, 486, { toTag: 'b1' }));
    for (const [wait, count] of [
      [500, 2],
      [1000, 3],
      [2000, 4],
      [4000, 5],
      [4000, 6],
    ] as const) {
      clock.advance(wait - 1);
      expect(flow.sent.length).toBe(count - 1);
      clock.advance(1);
      expect(flow.sent.length).toBe(count);
    }
    clock.advance(32_000 - 11_500 - 1);
    expect(lost).toBe(false);
    clock.advance(1);
    expect([lost, layer.load]).toEqual([true, 0]);
    expect(observed.length).toBe(2);
  });

  it('timer G does not run over TCP', () => {
    const flow = new FakeFlow('TCP');
    arrive(incoming('INVITE'), flow);
    served[0]!.respond(makeResponse(served[0]!.request, 486, { toTag: 'b1' }));
    clock.advance(31_000);
    expect(flow.sent.length).toBe(1);
  });

  it('timer I absorbs repeated ACKs for T4 over UDP, 0 over TCP', () => {
    for (const protocol of ['UDP', 'TCP'] as const) {
      const flow = new FakeFlow(protocol);
      arrive(incoming('INVITE'), flow);
      const transaction = served.at(-1)!;
      let acknowledged = 0;
      transaction.handler = {
        acknowledged: () => {
          acknowledged += 1;
        },
      };
      transaction.respond(makeResponse(transaction.request, 486, { toTag: 'b1' }));
      arrive(incoming('ACK'), flow);
      if (protocol === 'UDP') {
        arrive(incoming('ACK'), flow);
        expect([transaction.state, acknowledged]).toEqual(['confirmed', 1]);
        clock.advance(4999);
        expect(layer.load).toBe(1);
        clock.advance(1);
      }
      expect([layer.load, acknowledged, acks.length]).toEqual([0, 1, 0]);
      expect(flow.sent.length).toBe(1);
    }
  });

  it('timer L: after a 2xx a repeated INVITE is absorbed, the 2xx may be sent again, its ACK goes to the user', () => {
    const flow = new FakeFlow('UDP');
    arrive(incoming('INVITE'), flow);
    const [transaction] = served;
    const ok = makeResponse(transaction!.request, 200, { toTag: 'b1' });
    expect(transaction!.respond(ok)).toBe(true);
    arrive(incoming('INVITE'), flow);
    expect(flow.trace).toEqual(['200']);
    expect(transaction!.respond(ok)).toBe(true);
    expect(transaction!.respond(makeResponse(transaction!.request, 486))).toBe(false);
    arrive(incoming('ACK'), flow);
    expect([flow.trace, acks.length]).toEqual([['200', '200'], 1]);
    clock.advance(31_999);
    expect(layer.load).toBe(1);
    clock.advance(1);
    expect(layer.load).toBe(0);
  });

  it('a CANCEL is answered and told to the user of the INVITE; one for nothing gets 481', () => {
    const flow = new FakeFlow('TCP');
    arrive(incoming('INVITE'), flow);
    let cancelled = 0;
    served[0]!.handler = {
      cancelled: () => {
        cancelled += 1;
      },
    };
    arrive(incoming('CANCEL'), flow);
    expect([flow.trace, cancelled]).toEqual([['200'], 1]);
    arrive(incoming('CANCEL', { Via: 'SIP/2.0/UDP phone.example;branch=z9hG4bKother' }), flow);
    expect(flow.trace).toEqual(['200', '481']);
  });
});

describe('non-INVITE server transaction', () => {
  it('timer J answers repeated requests for 64·T1 over UDP, 0 over TCP', () => {
    const flow = new FakeFlow('UDP');
    arrive(incoming('OPTIONS'), flow);
    arrive(incoming('OPTIONS'), flow);
    expect(flow.sent.length).toBe(0);
    served[0]!.respond(makeResponse(served[0]!.request, 200, { toTag: 'b1' }));
    clock.advance(31_999);
    arrive(incoming('OPTIONS'), flow);
    expect([flow.trace, served.length]).toEqual([['200', '200'], 1]);
    clock.advance(1);
    expect(layer.load).toBe(0);
    const tcp = new FakeFlow('TCP');
    arrive(incoming('OPTIONS'), tcp);
    served[1]!.respond(makeResponse(served[1]!.request, 200, { toTag: 'b1' }));
    expect(layer.load).toBe(0);
  });
});

describe('the layer', () => {
  it('matches requests without the magic cookie as RFC 2543 had it', () => {
    const flow = new FakeFlow('UDP');
    const old = { Via: 'SIP/2.0/UDP old.example' };
    arrive(incoming('INVITE', old), flow);
    arrive(incoming('INVITE', old), flow);
    expect(served.length).toBe(1);
    served[0]!.respond(makeResponse(served[0]!.request, 404, { toTag: 'b1' }));
    arrive(incoming('ACK', { ...old, To: '<sip:bob@home2.example>;tag=b1' }), flow);
    expect(served[0]!.state).toBe('confirmed');
    arrive(incoming('INVITE', { ...old, CSeq: '2 INVITE' }), flow);
    expect(served.length).toBe(2);
  });

  it('answers a malformed request without state, drops a malformed response', () => {
    const flow = new FakeFlow('UDP');
    arrive(incoming('OPTIONS', { CSeq: '1 INVITE' }), flow);
    expect([flow.trace, served.length, layer.load]).toEqual([['400'], 0, 0]);
    const bad = new SipResponse(700, 'What');
    wire.arrived(bad, bad.serialise(), flow);
    expect(strays.length).toBe(0);
  });

  it('refuses with 503 and Retry-After what goes beyond its bound, and takes requests again later', () => {
    const flow = new FakeFlow('UDP');
    for (let i = 0; i < 4; i++)
      arrive(incoming('OPTIONS', { Via: `SIP/2.0/UDP phone.example;branch=z9hG4bK${i}` }), flow);
    expect([flow.trace, served.length]).toEqual([['503'], 3]);
    expect(flow.sent[0]!.first('Retry-After')).toBe('5');
    for (const each of served) each.respond(makeResponse(each.request, 200, { toTag: 'b' }));
    clock.advance(32_000);
    arrive(incoming('OPTIONS', { Via: 'SIP/2.0/UDP phone.example;branch=z9hG4bKlater' }), flow);
    expect(served.length).toBe(4);
  });
});
