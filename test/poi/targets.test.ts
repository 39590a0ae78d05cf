import { describe, expect, it } from 'vitest';
import { TargetIndex } from '../../src/poi/targets.ts';
import { TaskTable } from '../../src/x1/tasks.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { destination, MemoryStore, OTHER_XID, task, XID } from './support.ts';

async function index(...targets: readonly (readonly [string, string])[]) {
  const table = await TaskTable.open(new ManualClock(), new MemoryStore());
  await table.createDestination(destination);
  await table.activate({ ...task, targets: targets.map(([name, value]) => ({ name, value })) });
  return { table, index: new TargetIndex(table) };
}

const ALICE = 'sip:alice@home1.example';
const NUMBER = 'tel:+12125550101';

describe('targets are matched by their identities (R-55)', () => {
  it.each([
    ['sipUri', ALICE, 'sip:alice@HOME1.example:5060;transport=tcp'],
    ['sipUri', ALICE, 'sips:alice@home1.example'],
    ['sipUri', ALICE, 'sip:%61lice@home1.example'],
    ['impu', ALICE, ALICE],
    ['impu', NUMBER, 'tel:+1-212-555-0101'],
    ['telUri', 'tel:+1(212)555.0101', NUMBER],
    ['telUri', NUMBER, 'sip:+1-212-555-0101@gateway.example;user=phone'],
    ['sipUri', 'sip:+12125550101@home1.example;user=phone', NUMBER],
    ['sipUri', 'sip:+12125550101@home1.example;user=phone', 'sip:+12125550101@home1.example'],
    ['e164Number', '12125550101', NUMBER],
    ['gpsiMsisdn', '12125550101', 'sip:+12125550101@home1.example;user=phone'],
    ['telUri', 'tel:0101;phone-context=home1.example', 'tel:01-01;phone-context=HOME1.example'],
    ['imei', '35693803564398', '<urn:gsma:imei:35693803-564398-0>'],
    ['peiImeisv', '3569380356439801', 'urn:gsma:imei:35693803-564398-0'],
  ])('%s %s meets %s', async (name, value, identity) => {
    const { index: targets } = await index([name, value]);
    expect(targets.match(['sip:bob@home2.example', identity])).toEqual([
      { task: expect.objectContaining({ xid: XID }) as unknown, matched: { name, value } },
    ]);
  });

  it.each([
    ['sipUri', ALICE, 'sip:alice@home2.example'],
    ['sipUri', ALICE, 'sip:Alice@home1.example'],
    ['sipUri', ALICE, 'sip:alice.b@home1.example'],
    ['telUri', NUMBER, 'sip:+12125550101@home1.example'],
    ['telUri', NUMBER, 'tel:+121255501011'],
    ['telUri', 'tel:0101;phone-context=home1.example', 'tel:0101;phone-context=home2.example'],
    ['imei', '35693803564398', 'sip:35693803564398@home1.example'],
    ['imsi', '262011234567890', 'sip:262011234567890@home1.example'],
    ['sipUri', ALICE, 'not a URI at all'],
  ])('%s %s does not meet %s', async (name, value, identity) => {
    const { index: targets } = await index([name, value]);
    expect(targets.match([identity])).toEqual([]);
  });

  it('any name of the target will do, equipment narrows', async () => {
    const { index: names } = await index(['sipUri', ALICE], ['telUri', NUMBER]);
    expect(names.match([NUMBER])).toHaveLength(1);
    expect(names.match([ALICE, NUMBER])).toHaveLength(1);
    const { index: narrow } = await index(['sipUri', ALICE], ['imei', '35693803564398']);
    expect(narrow.match([ALICE])).toEqual([]);
    expect(narrow.match(['urn:gsma:imei:35693803-564398-0'])).toEqual([]);
    expect(narrow.match([ALICE, 'urn:gsma:imei:35693803-564398-0'])).toHaveLength(1);
  });

  it('a private identity is met as such', async () => {
    const { index: targets } = await index(['impi', 'alice@Home1.example']);
    expect(targets.match(['sip:alice@home1.example'])).toEqual([]);
    expect(targets.matchKeys(new Set(['impi:alice@home1.example']))).toHaveLength(1);
  });

  it('two warrants on one target are two matches (R-36)', async () => {
    const { table, index: targets } = await index(['sipUri', ALICE]);
    await table.activate({ ...task, xid: OTHER_XID });
    expect(targets.match([ALICE]).map((match) => match.task.xid)).toEqual([XID, OTHER_XID]);
  });

  it('follows the table', async () => {
    const { table, index: targets } = await index(['sipUri', ALICE]);
    const before = targets.revision;
    await table.modify({ ...task, targets: [{ name: 'sipUri', value: 'sip:carol@home1.example' }] });
    expect(targets.revision).toBeGreaterThan(before);
    expect(targets.match([ALICE])).toEqual([]);
    expect(targets.match(['sip:carol@home1.example'])).toHaveLength(1);
    await table.deactivate(XID);
    expect(targets.match(['sip:carol@home1.example'])).toEqual([]);
  });
});
