/** The exchanges that are kept of each agency: which requests are taken, for how long, how many. */
import { afterEach, describe, expect, it } from 'vitest';
import { HOUR, NOW } from '../support.ts';
import {
  at,
  authorisation,
  create,
  CUSTOMS,
  get,
  judgeAnswers,
  list,
  openHi1,
  POLICE,
  task,
  uuid,
} from './support.ts';

judgeAnswers();

const DAY = 24 * HOUR;
const running: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of running.splice(0)) await each.stop();
});

async function open(bounds: Parameters<typeof openHi1>[1] = {}) {
  const lab = await openHi1({}, bounds);
  running.push(lab.running.followUp);
  return lab;
}

describe('R-91: exchanges of an agency', () => {
  it.each([
    ['8 days old', -8 * DAY, [3007]],
    ['of 7 days and a second ago', -7 * DAY - 1000, [3007]],
    ['of 7 days ago', -7 * DAY, ['done']],
    ['of tomorrow', DAY, ['done']],
    ['of a day and a second from now', DAY + 1000, [3007]],
  ])('R-91: a request %s: what becomes of it', async (_, offset, expected) => {
    const lab = await open();
    const header = { timestamp: NOW + offset };
    expect(await lab.outcomes(create(authorisation(1)), { header })).toEqual(expected);
    expect(await lab.outcomes(get(1))).toEqual(expected[0] === 'done' ? ['done'] : [3014]);
    // What changes nothing may be of any time.
    expect(await lab.outcomes(list(), { header })).toEqual(['done']);
  });

  it('R-91: one that was answered is not done again for as long as it would be taken', async () => {
    const lab = await open();
    const header = { timestamp: NOW + DAY };
    const { octets, answer } = await lab.exchange(create(authorisation(1)), { header });
    const { service, exchanges } = lab.running;
    lab.clock.advance(8 * DAY);
    await exchanges.sweep(lab.clock.now());
    expect(await service.answer(octets, '/', POLICE)).toEqual(answer);
    expect(await service.answer(octets, '/', POLICE)).toEqual(answer);
    expect(exchanges.kept).toBe(1);
    // Now it comes too late, and is not known any more.
    lab.clock.advance(1);
    await lab.running.followUp.begin();
    await lab.settle();
    expect(exchanges.kept).toBe(0);
    expect(await service.answer(octets, '/', POLICE)).not.toEqual(answer);
    expect(service.counts).toMatchObject({ done: 1, repeated: 2, 'out-of-time': 1 });
  });

  it('R-91: as many as can be kept are kept, and what comes then is to come again', async () => {
    const lab = await open({ bounds: { most: 2 } });
    const transaction = uuid(700);
    for (const number of [1, 2]) expect(await lab.outcomes(create(authorisation(number)))).toEqual(['done']);
    expect(await lab.outcomes(create(authorisation(3)), { transaction })).toEqual([3003]);
    expect(await lab.outcomes(get(1, 3))).toEqual(['done', 3014]);
    // Another's are not among them.
    expect(await lab.outcomes(create(authorisation(1)), { agency: CUSTOMS })).toEqual(['done']);
    lab.clock.advance(8 * DAY + 1);
    await lab.running.exchanges.sweep(lab.clock.now());
    const later = authorisation(3, { AuthorisationTimespan: { EndTime: at(NOW + 10 * DAY) } });
    expect(await lab.outcomes(create(later), { transaction })).toEqual(['done']);
    expect(lab.running.service.counts).toMatchObject({ full: 1 });
  });

  it('R-91: so are the octets of their answers', async () => {
    const lab = await open({ bounds: { mostOctets: 1 } });
    expect(await lab.outcomes(create(authorisation(1)))).toEqual(['done']);
    expect(await lab.outcomes(create(authorisation(2)))).toEqual([3003]);
  });

  it('R-91: one whose contents are erased is not done again, either', async () => {
    const lab = await open({ retentionMs: HOUR });
    await lab.running.followUp.begin();
    const { octets, answer } = await lab.exchange(create(authorisation(1), task(2)));
    await lab.settle();
    await lab.desk.reject('LIID2', { by: 'anna', reason: 'no' });
    await lab.settle(3 * HOUR);
    expect(await lab.outcomes(get(1, 2))).toEqual([3014, 3014]);
    const again = await lab.running.service.answer(octets, '/', POLICE);
    expect(again).not.toEqual(answer);
    expect(await lab.outcomes(get(1, 2))).toEqual([3014, 3014]);
  });
});
