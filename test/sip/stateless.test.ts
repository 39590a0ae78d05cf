/** what is answered without state (RFC 3261 sections 8.2.7 and 26.3.2.4) leaves nothing behind, and is sent once. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { SipRequest } from '../../src/sip/message.ts';
import { makeResponse } from '../../src/sip/response.ts';
import type { ServerTransaction } from '../../src/sip/server-transaction.ts';
import type { TransactionLayer } from '../../src/sip/transactions.ts';
import type { TransportUser } from '../../src/sip/transport.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { FakeFlow, layerOn, request } from './support.ts';

let clock: ManualClock;
let layer: TransactionLayer;
let wire: TransportUser;
let acks: SipRequest[];
let serve: (transaction: ServerTransaction) => void;

beforeEach(() => {
  clock = new ManualClock();
  acks = [];
  serve = challenge;
  ({ layer, wire } = layerOn({ clock, maxOctets: 100_000 }));
  layer.attach({
    request: (transaction) => serve(transaction),
    ack: (ack) => acks.push(ack),
    stray: () => undefined,
    closed: () => undefined,
  });
});

function challenge(transaction: ServerTransaction, more = ''): void {
  const toTag = layer.tagFor(transaction.request);
  const fields = [['Proxy-Authenticate', `Digest realm="r", nonce="n"${more}`]] as const;
  transaction.answerOnce(makeResponse(transaction.request, 407, { toTag, fields }));
}

function arrive(
  method: string,
  flow: FakeFlow,
  fields: Readonly<Record<string, string>> = {},
  body = '',
): void {
  const message = request(method, { Via: 'SIP/2.0/UDP phone.example;branch=z9hG4bKabc', ...fields }, body);
  wire.arrived(message, message.serialise(), flow);
}

describe('R-70: an answer without state', () => {
  it.each(['INVITE', 'OPTIONS', 'REGISTER', 'MESSAGE'])(
    'to %s is sent once, and nothing is kept',
    (method) => {
      const flow = new FakeFlow('UDP');
      arrive(method, flow, {}, 'x'.repeat(60_000));
      expect([layer.load, layer.memory.octets]).toEqual([0, 0]);
      clock.advance(64_000);
      expect(flow.trace).toEqual(['407']);
      arrive(method, flow, {}, 'x'.repeat(60_000));
      expect(flow.trace).toEqual(['407', '407']);
      expect(flow.sent[0]!.toTag).toBe(flow.sent[1]!.toTag);
    },
  );

  it('has its ACK absorbed; one for a 2xx, whose tag is another, goes on', () => {
    const flow = new FakeFlow('UDP');
    arrive('INVITE', flow);
    arrive('ACK', flow, { To: flow.sent[0]!.first('To') ?? '', CSeq: '1 ACK' });
    expect(acks).toEqual([]);
    arrive('ACK', flow, { To: '<sip:bob@home2.example>;tag=b1', CSeq: '1 ACK' });
    expect(acks.length).toBe(1);
  });

  it('over UDP is at most three times as large as what it answers, else there is none, which is counted', () => {
    const [udp, tcp] = [new FakeFlow('UDP'), new FakeFlow('TCP')];
    serve = (transaction) => challenge(transaction, `, opaque="${'x'.repeat(800)}"`);
    arrive('OPTIONS', udp);
    arrive('OPTIONS', tcp);
    expect([udp.trace, tcp.trace, layer.memory.unanswered]).toEqual([[], ['407'], 1]);
  });

  it('is given to a request of bad form, and to a CANCEL of nothing', () => {
    const flow = new FakeFlow('UDP');
    arrive('OPTIONS', flow, { CSeq: '1 INVITE' });
    arrive('CANCEL', flow);
    clock.advance(64_000);
    expect([flow.trace, layer.load]).toEqual([['400', '481'], 0]);
  });
});

describe('R-70: what transactions keep is bounded in octets', () => {
  const admitted: string[] = [];

  /** A request of 10 kB in the name of `owner`. */
  function arriveFrom(owner: string | null, branch: string): void {
    serve = (transaction) => {
      if (transaction.admit(owner)) admitted.push(branch);
      else transaction.answerOnce(makeResponse(transaction.request, 503, { toTag: 't' }));
    };
    const via = `SIP/2.0/UDP phone.example;branch=z9hG4bK${branch}`;
    arrive('OPTIONS', new FakeFlow('UDP'), { Via: via }, 'x'.repeat(10_000));
  }

  beforeEach(() => void admitted.splice(0));

  it('a party has a quarter of it, other homes half, and what one fills is no other’s loss', () => {
    for (let i = 0; i < 20; i++) arriveFrom('mallory', `m${i}`);
    expect(admitted.length).toBe(2);
    arriveFrom('alice', 'a');
    for (let i = 0; i < 20; i++) arriveFrom(null, `p${i}`);
    expect(admitted).toEqual(['m0', 'm1', 'a', 'p0', 'p1', 'p2', 'p3']);
    expect(layer.memory.octets).toBeLessThanOrEqual(100_000);
    expect(layer.memory.refused).toBe(18 + 16);
  });

  it('answers and requests that are sent on count, and all is given back at the end', () => {
    const flow = new FakeFlow('UDP');
    let transaction: ServerTransaction | undefined;
    serve = (each) => {
      each.admit('alice');
      transaction = each;
    };
    arrive('OPTIONS', flow);
    const { octets } = layer.memory;
    const out = layer.send(
      request('OPTIONS', {}, 'x'.repeat(10_000)),
      new FakeFlow('UDP'),
      'z9hG4bKo',
      {
        response: () => undefined,
        failed: () => undefined,
      },
      'alice',
    );
    expect(layer.memory.octets).toBeGreaterThan(octets + 10_000);
    out.abandon();
    expect(layer.memory.octets).toBe(octets);
    const body = { type: 'text/plain', octets: new Uint8Array(20_000) };
    transaction?.respond(makeResponse(transaction.request, 200, { toTag: 't', body }));
    // The answer is kept in place of the request.
    expect(layer.memory.octets).toBeGreaterThan(20_000);
    clock.advance(64_000);
    expect(layer.memory.octets).toBe(0);
  });
});
