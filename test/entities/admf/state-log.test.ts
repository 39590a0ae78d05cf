/** What the log of an ADMF says of warrants. */
import { expect, it } from 'vitest';
import type { Logger } from '../../../src/bytes/ports.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { silent } from '../../support/silent.ts';
import { ALONE, deactivate, deskOf } from './issue.ts';
import { breathe, home, HOUR, NOW, warrant } from './support.ts';

it('R-92: the log says when a warrant is active, and when it has ended, and names no target', async () => {
  const clock = new ManualClock(NOW);
  const bench = await home(clock);
  const lines: { fields: object; message: string }[] = [];
  const logger: Logger = { ...silent, info: (fields, message) => void lines.push({ fields, message }) };
  const admf = await bench.open({ logger });
  const desk = deskOf(admf);
  const { xid } = await admf.carried(await desk.enter(warrant, ALONE, { submit: true }));
  expect(lines).toEqual([{ fields: { xid, state: 'active' }, message: 'warrant active' }]);
  // Another change of one that stays active is none.
  await admf.carried(await desk.amend('LIID1', { endTime: NOW + HOUR / 2 }, ALONE));
  expect(lines).toHaveLength(1);
  lines.length = 0;
  await deactivate(admf, 'LIID1');
  await breathe();
  expect(lines).toEqual([{ fields: { xid, state: 'ended' }, message: 'warrant ended' }]);
  expect(JSON.stringify(lines)).not.toContain('alice');
});
