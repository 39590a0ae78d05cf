/** What a node does with messages that it has no time or no place for (RFC 3261 section 21.5.4). */
import { beforeEach, describe, expect, it } from 'vitest';
import { makeResponse } from '../../src/sip/response.ts';
import type { ServerTransaction } from '../../src/sip/server-transaction.ts';
import type { Observed, TransactionLayer } from '../../src/sip/transactions.ts';
import type { TransportUser } from '../../src/sip/transport.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { FakeFlow, layerOn, request } from './support.ts';

let layer: TransactionLayer;
let wire: TransportUser;
let served: ServerTransaction[];
let observed: Observed[];
let flow: FakeFlow;
let clock: ManualClock;

beforeEach(() => {
  clock = new ManualClock();
  [served, observed, flow] = [[], [], new FakeFlow('UDP')];
  ({ layer, wire } = layerOn({ clock, maxTransactions: 5 }));
  layer.attach({
    request: (transaction) => served.push(transaction),
    ack: () => undefined,
    stray: () => undefined,
    closed: () => undefined,
  });
  layer.observe((each) => observed.push(each));
});

function incoming(method: string, branch: string, tag = '') {
  const to = `<sip:bob@home2.example>${tag === '' ? '' : `;tag=${tag}`}`;
  return request(method, { Via: `SIP/2.0/UDP phone.example;branch=z9hG4bK${branch}`, To: to });
}

function put(message: ReturnType<typeof incoming>, how: 'arrived' | 'refused'): void {
  wire[how]?.(message, message.serialise(), flow);
}

describe('a message that there is no time for', () => {
  it.each([
    ['INVITE', ''],
    ['REGISTER', ''],
    ['BYE', 'b'],
  ])(
    'R-70: %s is answered 503 with Retry-After, seen by whoever must see all, and counted',
    (method, tag) => {
      put(incoming(method, '1', tag), 'refused');
      expect([flow.trace, flow.sent[0]?.first('Retry-After')]).toEqual([['503'], '5']);
      expect([served.length, layer.load]).toEqual([0, 0]);
      expect(observed.map(({ direction }) => direction)).toEqual(['received', 'sent']);
      expect(layer.overload).toEqual({
        counts: { waiting: 1, dropped: 0, lost: 0, transactions: 0 },
        last: clock.now(),
      });
    },
  );

  it('R-70: an ACK or a response is lost, as in a network, and counted', () => {
    put(incoming('ACK', '1', 'b'), 'refused');
    const answer = makeResponse(incoming('BYE', '2', 'b'), 200);
    wire.refused?.(answer, answer.serialise(), flow);
    expect([flow.trace, observed.length]).toEqual([[], 0]);
    expect(layer.overload.counts).toEqual({ waiting: 0, dropped: 0, lost: 2, transactions: 0 });
  });

  it('R-70: one that is not to be answered is counted', () => {
    wire.dropped?.('192.0.2.1');
    expect([flow.trace, observed.length]).toEqual([[], 0]);
    expect(layer.overload).toEqual({
      counts: { waiting: 0, dropped: 1, lost: 0, transactions: 0 },
      last: clock.now(),
    });
  });

  it('a request that has come before gets the answer that it had, and goes on', () => {
    put(incoming('INVITE', '1'), 'arrived');
    served[0]?.respond(makeResponse(served[0].request, 180, { toTag: 'b' }));
    put(incoming('INVITE', '1'), 'refused');
    expect(flow.trace).toEqual(['180', '180']);
    expect(layer.overload.counts.waiting).toBe(0);
  });
});

it('R-70: of the transactions a fifth is for requests within dialogs: calls that are up can be ended', () => {
  for (let n = 0; n < 5; n++) put(incoming('INVITE', `first${n}`), 'arrived');
  expect([served.length, flow.trace]).toEqual([4, ['503']]);
  put(incoming('BYE', 'bye', 'b'), 'arrived');
  expect(served.at(-1)?.request.method).toBe('BYE');
  put(incoming('BYE', 'late', 'b'), 'arrived');
  expect([served.length, flow.trace]).toEqual([5, ['503', '503']]);
  expect(layer.overload.counts.transactions).toBe(2);
});
