import { describe, expect, it } from 'vitest';
import type { Observation, PoiIssues, PoiTask } from '../../src/poi/poi.ts';
import { Poi } from '../../src/poi/poi.ts';
import type { DeliveryQueue } from '../../src/poi/queue.ts';
import { ATTRIBUTE } from '../../src/wire/x2x3/attributes.ts';
import type { Pdu } from '../../src/wire/x2x3/pdu.ts';
import {
  decodePdu,
  DIRECTION,
  numberAttribute,
  PAYLOAD_FORMAT,
  textAttribute,
  timestampOf,
} from '../../src/wire/x2x3/pdu.ts';
import { Deframer } from '../../src/wire/x2x3/deframer.ts';
import { X2X3_SENT, X2X3_TAKEN } from '../../src/wire/x2x3/limits.ts';
import { silent } from '../support/silent.ts';

const DF_1 = '00000000-0000-4000-8000-000000000001';
const DF_2 = '00000000-0000-4000-8000-000000000002';
const TASK: PoiTask = { xid: '11111111-0000-4000-8000-000000000001', deliveryType: 'X2andX3', dids: [DF_1] };
class Issues implements PoiIssues {
  readonly log: string[] = [];
  raised(did: string, description: string): void {
    this.log.push(`raised ${did} ${description}`);
  }
  cleared(did: string): void {
    this.log.push(`cleared ${did}`);
  }
  lostWithRemoved(did: string, description: string): void {
    this.log.push(`lost ${did} ${description}`);
  }
  taskIssue(xid: string, description: string): void {
    this.log.push(`task ${xid} ${description}`);
  }
}

function observation(changes: Partial<Observation> = {}): Observation {
  return {
    interface: 'x2',
    direction: DIRECTION.fromTarget,
    format: PAYLOAD_FORMAT.sip,
    payload: Uint8Array.of(1, 2, 3),
    correlation: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
    time: 1_805_440_640_000.5,
    source: { address: '127.0.0.1', port: 5060 },
    destination: { address: '::1', port: 5061 },
    ipProtocol: 6,
    ...changes,
  };
}

function poi(limits = {}): { poi: Poi; issues: Issues } {
  const issues = new Issues();
  return {
    poi: new Poi({ nfId: 'cscf.home1.example', ipId: 'sip', logger: silent, issues, limits }),
    issues,
  };
}

function taken(queue: DeliveryQueue): Pdu[] {
  const pdus: Pdu[] = [];
  for (let octets = queue.next(); octets !== null; octets = queue.next()) pdus.push(decodePdu(octets));
  return pdus;
}

function numbers(queue: DeliveryQueue): (number | null)[] {
  return taken(queue).map((pdu) => numberAttribute(pdu, ATTRIBUTE.sequenceNumber));
}

describe('Point of interception', () => {
  it('R-1: an event of a target becomes an X2 PDU with where, when and who', () => {
    const { poi: it } = poi();
    const matched = { name: 'sipUri', value: 'sip:alice@home1.example' };
    it.report(observation(), [{ task: TASK, matched }]);
    const [pdu] = taken(it.open(DF_1));
    expect(pdu).toMatchObject({ type: 1, payloadFormat: 9, direction: 3, xid: TASK.xid });
    expect(pdu?.payload).toEqual(Uint8Array.of(1, 2, 3));
    expect(textAttribute(pdu!, ATTRIBUTE.sourceIpv4)).toBe('127.0.0.1');
    expect(textAttribute(pdu!, ATTRIBUTE.destinationIpv6)).toBe('::1');
    expect(textAttribute(pdu!, ATTRIBUTE.matchedTarget)).toBe('<sipUri>sip:alice@home1.example</sipUri>');
  });

  it('numbers from 0 for each XID, destination and correlation, X2 and X3 apart', () => {
    const { poi: it } = poi();
    const second: PoiTask = { ...TASK, xid: '22222222-0000-4000-8000-000000000001', dids: [DF_1, DF_2] };
    it.report(observation(), [{ task: TASK }, { task: second }]);
    it.report(observation(), [{ task: TASK }]);
    it.report(observation({ interface: 'x3' }), [{ task: TASK }]);
    it.report(observation({ correlation: new Uint8Array(8) }), [{ task: TASK }]);
    expect(numbers(it.open(DF_1))).toEqual([0, 0, 1, 0, 0]);
    expect(numbers(it.open(DF_2))).toEqual([0]);
  });

  it('R-52: two warrants on one call both get everything', () => {
    const { poi: it } = poi();
    const second: PoiTask = { ...TASK, xid: '22222222-0000-4000-8000-000000000001' };
    for (let i = 0; i < 3; i++) it.report(observation(), [{ task: TASK }, { task: second }]);
    const pdus = taken(it.open(DF_1));
    expect(pdus.filter((pdu) => pdu.xid === TASK.xid)).toHaveLength(3);
    expect(pdus.filter((pdu) => pdu.xid === second.xid)).toHaveLength(3);
  });

  it('delivers by the task: an X2Only task gets no content', () => {
    const { poi: it } = poi();
    it.report(observation({ interface: 'x3' }), [{ task: { ...TASK, deliveryType: 'X2Only' } }]);
    it.report(observation(), [{ task: { ...TASK, deliveryType: 'X3Only' } }]);
    expect(it.open(DF_1).waiting).toBe(0);
  });

  it('a direction is seen from each target', () => {
    const { poi: it } = poi();
    it.report(observation(), [{ task: TASK }, { task: TASK, direction: DIRECTION.toTarget }]);
    expect(taken(it.open(DF_1)).map((pdu) => pdu.direction)).toEqual([3, 2]);
  });

  it('R-53: content whose addresses, direction or description change says so, packet by packet', () => {
    const { poi: it } = poi();
    const match = {
      task: { ...TASK, dids: [DF_1, DF_2] },
      matched: { name: 'sipUri', value: 'sip:a@b.example' },
    };
    const correlation = new Uint8Array(8);
    const event = { interface: 'x3', format: PAYLOAD_FORMAT.rtp, correlation, ipProtocol: 17 } as const;
    const [here, there] = [
      { address: '192.0.2.1', port: 4000 },
      { address: '192.0.2.2', port: 4000 },
    ];
    const events: Partial<Observation>[] = [
      { sdp: 'v=0' },
      {},
      { payload: Uint8Array.of(9) },
      { source: there },
      { destination: { ...there, port: 4001 } },
      { direction: DIRECTION.toTarget },
      { ipProtocol: 6 },
      { sdp: 'v=1' },
      {},
    ];
    const seen = events.map((changes, n) =>
      observation({ ...event, source: here, destination: there, time: 1_000_000 + n, ...changes }),
    );
    for (const each of seen) it.report(each, [match]);
    for (const did of [DF_1, DF_2]) {
      const pdus = taken(it.open(did));
      const told = pdus.map((pdu) => ({
        payload: pdu.payload,
        direction: pdu.direction,
        time: timestampOf(pdu),
        source: {
          address: textAttribute(pdu, ATTRIBUTE.sourceIpv4),
          port: numberAttribute(pdu, ATTRIBUTE.sourcePort),
        },
        destination: {
          address: textAttribute(pdu, ATTRIBUTE.destinationIpv4),
          port: numberAttribute(pdu, ATTRIBUTE.destinationPort),
        },
        ipProtocol: numberAttribute(pdu, ATTRIBUTE.ipProtocol),
        sdp: textAttribute(pdu, ATTRIBUTE.sdp),
      }));
      expect(told).toEqual(
        seen.map(({ payload, direction, time, source, destination, ipProtocol, sdp = null }) => {
          return { payload, direction, time, source, destination, ipProtocol, sdp };
        }),
      );
      expect(pdus.map((pdu) => numberAttribute(pdu, ATTRIBUTE.sequenceNumber))).toEqual(
        seen.map((_, n) => n),
      );
      expect(new Set(pdus.map((pdu) => textAttribute(pdu, ATTRIBUTE.did)))).toEqual(new Set([did]));
    }
  });

  it('R-21: a PDU is made when it is sent, not while the call waits, and made once', () => {
    const { poi: it } = poi();
    let looks = 0;
    const event: Observation = {
      ...observation(),
      // Encoding looks at it, and reporting need not.
      get destination() {
        looks += 1;
        return { address: '127.0.0.1', port: 5060 };
      },
    };
    it.report(event, [{ task: TASK }]);
    expect(looks).toBe(0);
    const queue = it.open(DF_1);
    const [first] = taken(queue);
    expect(looks).toBeGreaterThan(0);
    const before = looks;
    queue.rewind();
    expect(taken(queue)).toEqual([first]);
    expect(looks).toBe(before);
  });

  it.each([
    ['just under 64 KiB', 'a'.repeat(65_500)],
    ['no room left for the rest of the header', 'a'.repeat(X2X3_SENT.header - 200)],
    ['longer than an attribute can be', 'a'.repeat(200_000)],
    ['few characters of many octets', '語'.repeat(21_000)],
  ])(
    'R-68: an SDP that does not fit is left out, counted and reported, and the content goes on: %s',
    (_what, sdp) => {
      const { poi: it, issues } = poi();
      const matched = { name: 'sipUri', value: 'sip:alice@home1.example' };
      for (let n = 0; n < 5; n++) it.report(observation({ interface: 'x3', sdp }), [{ task: TASK, matched }]);
      it.report(observation({ interface: 'x3' }), [{ task: TASK, matched }]);
      const pdus = taken(it.open(DF_1));
      expect(pdus).toHaveLength(6);
      expect(pdus.map((pdu) => textAttribute(pdu, ATTRIBUTE.sdp))).toEqual(Array(6).fill(null));
      expect(textAttribute(pdus[0]!, ATTRIBUTE.matchedTarget)).toContain('alice');
      expect(it.attributesLeftOut).toBe(5);
      expect(it.lost).toBe(0);
      // The first time, the second and the fourth: nobody drowns other reports in it.
      expect(issues.log).toHaveLength(3);
      expect(issues.log[0]).toContain(`task ${TASK.xid} X2/X3: SDP session description left out`);
    },
  );

  it('R-68: the largest SDP that fits is sent, and every PDU is smaller than what a DF takes', () => {
    const { poi: it } = poi();
    for (let length = X2X3_SENT.header - 400; length < X2X3_SENT.header; length += 7) {
      it.report(observation({ interface: 'x3', sdp: 'a'.repeat(length) }), [{ task: TASK }]);
    }
    const queue = it.open(DF_1);
    const headers: number[] = [];
    for (let octets = queue.next(); octets !== null; octets = queue.next()) {
      headers.push(new DataView(octets.buffer, octets.byteOffset).getUint32(4));
      expect(new Deframer().push(octets)).toHaveLength(1);
    }
    expect(Math.max(...headers)).toBeLessThanOrEqual(X2X3_SENT.header);
    expect(Math.max(...headers)).toBeGreaterThan(X2X3_SENT.header - 7);
    expect(X2X3_SENT.header).toBeLessThan(X2X3_TAKEN.header);
    expect(X2X3_SENT.payload).toBeLessThan(X2X3_TAKEN.payload);
  });

  it('R-68: a payload larger than a DF takes is counted and reported instead of sent; one without octets is sent', () => {
    const { poi: it, issues } = poi();
    it.report(observation({ payload: new Uint8Array(X2X3_SENT.payload + 1) }), [{ task: TASK }]);
    it.report(observation({ payload: new Uint8Array(0) }), [{ task: TASK }]);
    it.report(observation({ payload: new Uint8Array(X2X3_SENT.payload) }), [{ task: TASK }]);
    expect(taken(it.open(DF_1)).map((pdu) => pdu.payload.length)).toEqual([0, X2X3_SENT.payload]);
    expect(it.lost).toBe(1);
    expect(issues.log[0]).toContain('payload of');
  });

  it('R-23: an event that cannot be encoded is counted and reported, and the caller sees nothing', () => {
    const { poi: it, issues } = poi();
    it.report(observation({ correlation: new Uint8Array(3) }), [{ task: TASK }]);
    it.report(observation({ source: { address: 'nowhere', port: 1 } }), [{ task: TASK }]);
    it.report(observation(), [{ task: TASK }]);
    const queue = it.open(DF_1);
    expect(numbers(queue)).toEqual([1]);
    expect([queue.underWay, queue.waiting, queue.octets > 0]).toEqual([1, 1, true]);
    expect(it.lost).toBe(2);
    expect(issues.log).toEqual([
      expect.stringContaining('interception data are being lost: event could not be'),
    ]);
    queue.acknowledge(queue.sent);
    expect([queue.waiting, queue.octets]).toEqual([0, 0]);
  });
});

describe('Queue of a destination', () => {
  it('keeps what was sent until it is acknowledged, and sends the rest again, oldest first', () => {
    const { poi: it } = poi();
    const queue = it.open(DF_1);
    for (let i = 0; i < 4; i++) it.report(observation(), [{ task: TASK }]);
    queue.next();
    queue.next();
    const position = queue.sent;
    queue.next();
    queue.acknowledge(position);
    expect(queue.waiting).toBe(2);
    queue.rewind();
    expect(numbers(queue)).toEqual([2, 3]);
    queue.acknowledge(position);
    expect(queue.waiting).toBe(2);
    queue.acknowledge(queue.sent);
    expect(queue.waiting).toBe(0);
  });

  it('never frees what was not sent', () => {
    const { poi: it } = poi();
    const queue = it.open(DF_1);
    it.report(observation(), [{ task: TASK }]);
    queue.acknowledge(10);
    expect(queue.waiting).toBe(1);
  });

  it('R-56: overload is measured loss with one report, seen as a gap in the numbers; media cannot crowd out signalling', () => {
    const { poi: it, issues } = poi({ x2: 1000, x3: 1000 });
    const queue = it.open(DF_1);
    for (let i = 0; i < 20; i++) it.report(observation({ interface: 'x3' }), [{ task: TASK }]);
    const kept = queue.waiting;
    expect(it.lost).toBe(20 - kept);
    expect(issues.log).toEqual([expect.stringContaining(`raised ${DF_1}`)]);
    it.report(observation(), [{ task: TASK }]);
    expect(queue.waiting).toBe(kept + 1);
    expect(numbers(queue).slice(0, kept)).toEqual([...Array(kept).keys()]);
    queue.acknowledge(queue.sent);
    expect(issues.log).toHaveLength(2);
    expect(issues.log[1]).toBe(`cleared ${DF_1}`);
    it.report(observation({ interface: 'x3' }), [{ task: TASK }]);
    expect(numbers(queue)).toEqual([20]);
  });

  it('R-70: a flood of one session, and of one task, takes no place from another task’s messages', () => {
    const { poi: it, issues } = poi({ x2: 100_000 });
    const queue = it.open(DF_1);
    const flooded: PoiTask = { ...TASK, xid: '22222222-0000-4000-8000-000000000001' };
    const correlation = (n: number) => Uint8Array.of(9, 9, 9, 9, 9, 9, n >> 8, n & 255);
    for (let n = 0; n < 200; n++) {
      const payload = new Uint8Array(n % 2 === 0 ? 30_000 : 900);
      it.report(observation({ payload, correlation: correlation(n) }), [{ task: flooded }]);
    }
    for (let n = 0; n < 20; n++) {
      const payload = new Uint8Array(1200);
      it.report(observation({ payload }), [{ task: TASK }]);
    }
    const pdus = taken(queue);
    const mine = pdus.filter((pdu) => pdu.xid === TASK.xid);
    expect(mine.map((pdu) => numberAttribute(pdu, ATTRIBUTE.sequenceNumber))).toEqual([...Array(20).keys()]);
    expect(it.lost).toBe(220 - pdus.length);
    expect(it.displaced).toEqual({ x2: it.lost, x3: 0 });
    expect(issues.log).toEqual([expect.stringContaining('X2 queue is full')]);
    const { lost } = it;
    it.finish(it.close(DF_1)!);
    expect(it.displaced).toEqual({ x2: lost, x3: 0 });
  });

  it('R-70: within a task, the flood of one session takes no place from another session', () => {
    const { poi: it } = poi({ x2: 50_000 });
    for (let n = 0; n < 100; n++) it.report(observation({ payload: new Uint8Array(2000) }), [{ task: TASK }]);
    const correlation = new Uint8Array(8);
    for (let n = 0; n < 8; n++) {
      it.report(observation({ payload: new Uint8Array(1200), correlation }), [{ task: TASK }]);
    }
    const call = taken(it.open(DF_1)).filter((pdu) => pdu.correlation.every((octet) => octet === 0));
    expect(call).toHaveLength(8);
  });

  it('R-70: what nobody vouches for gives way, however small each, and takes nothing from the rest', () => {
    const { poi: it } = poi({ x2: 50_000 });
    const stranger = (n: number) =>
      it.report(
        observation({ claimed: true, correlation: Uint8Array.of(7, 0, 0, 0, 0, 0, n >> 8, n & 255) }),
        [{ task: TASK }],
      );
    for (let n = 0; n < 500; n++) stranger(n);
    for (let n = 0; n < 30; n++) it.report(observation({ payload: new Uint8Array(1200) }), [{ task: TASK }]);
    for (let n = 500; n < 1000; n++) stranger(n);
    const call = taken(it.open(DF_1)).filter((pdu) => pdu.correlation[0] === 1);
    expect(call.map((pdu) => numberAttribute(pdu, ATTRIBUTE.sequenceNumber))).toEqual([...Array(30).keys()]);
  });

  it('R-70: PDUs are bounded by number, too, and a task that gave way has its place again later', () => {
    const { poi: it, issues } = poi({ x2Pdus: 10 });
    const queue = it.open(DF_1);
    const second: PoiTask = { ...TASK, xid: '22222222-0000-4000-8000-000000000001' };
    for (let n = 0; n < 15; n++) it.report(observation(), [{ task: TASK }]);
    for (let n = 0; n < 15; n++) it.report(observation(), [{ task: second }]);
    const pdus = taken(queue);
    expect(pdus).toHaveLength(10);
    expect(pdus.filter((pdu) => pdu.xid === second.xid).length).toBeGreaterThanOrEqual(4);
    expect(queue.underWay).toBe(10);
    expect(queue.acknowledge(queue.sent)).toBe(10);
    expect(issues.log.at(-1)).toBe(`cleared ${DF_1}`);
    it.report(observation(), [{ task: TASK }]);
    expect(numbers(queue)).toEqual([15]);
  });

  it('R-70: PDUs that give way while they are under way leave the order of the rest, and the count, right', () => {
    const { poi: it } = poi({ x2Pdus: 4 });
    const queue = it.open(DF_1);
    const second: PoiTask = { ...TASK, xid: '22222222-0000-4000-8000-000000000001' };
    for (let n = 0; n < 4; n++) it.report(observation(), [{ task: TASK }]);
    expect(numbers(queue)).toEqual([0, 1, 2, 3]);
    const position = queue.sent;
    it.report(observation(), [{ task: second }]);
    expect(queue.underWay).toBe(3);
    expect(queue.acknowledge(position)).toBe(3);
    expect(taken(queue).map((pdu) => pdu.xid)).toEqual([second.xid]);
    expect(queue.waiting).toBe(1);
  });

  it('wakes the connection when something comes', () => {
    const { poi: it } = poi();
    let woken = 0;
    it.open(DF_1).onAppend(() => woken++);
    it.report(observation(), [{ task: TASK }]);
    expect(woken).toBe(1);
  });
});
