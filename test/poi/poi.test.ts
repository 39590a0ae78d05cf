import { describe, expect, it } from 'vitest';
import type { Observation, PoiTask } from '../../src/poi/poi.ts';
import { Poi } from '../../src/poi/poi.ts';
import type { DeliveryQueue, DestinationIssues } from '../../src/poi/queue.ts';
import { ATTRIBUTE } from '../../src/wire/x2x3/attributes.ts';
import type { Pdu } from '../../src/wire/x2x3/pdu.ts';
import {
  decodePdu,
  DIRECTION,
  numberAttribute,
  PAYLOAD_FORMAT,
  textAttribute,
} from '../../src/wire/x2x3/pdu.ts';
import { silent } from '../support/silent.ts';

const DF_1 = '00000000-0000-4000-8000-000000000001';
const DF_2 = '00000000-0000-4000-8000-000000000002';
const TASK: PoiTask = { xid: '11111111-0000-4000-8000-000000000001', deliveryType: 'X2andX3', dids: [DF_1] };
class Issues implements DestinationIssues {
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

  it('the caller may reuse its buffer', () => {
    const { poi: it } = poi();
    const payload = Uint8Array.of(1, 2, 3);
    it.report(observation({ payload }), [{ task: TASK }]);
    payload.fill(0);
    expect(taken(it.open(DF_1))[0]?.payload).toEqual(Uint8Array.of(1, 2, 3));
  });

  it('R-23: an event that cannot be encoded is counted and reported, and the caller sees nothing', () => {
    const { poi: it, issues } = poi();
    it.report(observation({ correlation: new Uint8Array(3) }), [{ task: TASK }]);
    it.report(observation({ source: { address: 'nowhere', port: 1 } }), [{ task: TASK }]);
    expect(it.lost).toBe(2);
    expect(issues.log).toHaveLength(1);
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

  it('wakes the connection when something comes', () => {
    const { poi: it } = poi();
    let woken = 0;
    it.open(DF_1).onAppend(() => woken++);
    it.report(observation(), [{ task: TASK }]);
    expect(woken).toBe(1);
  });
});
