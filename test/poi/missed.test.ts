/** Events that were seen, and lost on their way to the point of interception. */
import { expect, it } from 'vitest';
import { Poi } from '../../src/poi/poi.ts';
import type { PoiTask } from '../../src/poi/poi.ts';
import { ATTRIBUTE } from '../../src/wire/x2x3/attributes.ts';
import { decodePdu, DIRECTION, numberAttribute, PAYLOAD_FORMAT } from '../../src/wire/x2x3/pdu.ts';
import { silent } from '../support/silent.ts';

const DID = '00000000-0000-4000-8000-000000000001';
const TASK: PoiTask = { xid: '11111111-0000-4000-8000-000000000001', deliveryType: 'X2andX3', dids: [DID] };
const SIGNALLING: PoiTask = { ...TASK, xid: '11111111-0000-4000-8000-000000000002', deliveryType: 'X2Only' };

it('R-56: events that lack have numbers, are counted as lost, and are reported once', () => {
  const raised: string[] = [];
  const poi = new Poi({
    ...{ nfId: 'gateway.home1.example', ipId: 'rtp', logger: silent },
    issues: {
      raised: (did, description) => void raised.push(`${did} ${description}`),
      cleared: () => undefined,
      lostWithRemoved: () => undefined,
      taskIssue: () => undefined,
    },
  });
  const correlation = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  const matches = [{ task: TASK }, { task: SIGNALLING }];
  const report = (): void =>
    poi.report(
      {
        ...{ interface: 'x3', direction: DIRECTION.toTarget, format: PAYLOAD_FORMAT.rtp, time: 0 },
        ...{ payload: Uint8Array.of(1), correlation },
      },
      matches,
    );
  report();
  poi.missed({ interface: 'x3', correlation }, matches, 3);
  report();
  poi.missed({ interface: 'x3', correlation }, matches, 4);
  const queue = poi.open(DID);
  const numbers: (number | null)[] = [];
  for (let octets = queue.next(); octets !== null; octets = queue.next())
    numbers.push(numberAttribute(decodePdu(octets), ATTRIBUTE.sequenceNumber));
  expect(numbers).toEqual([0, 4]);
  expect(poi.lost).toBe(7);
  expect(raised).toEqual([
    `${DID} interception data are being lost: X3 events came faster than they are taken`,
  ]);
});
