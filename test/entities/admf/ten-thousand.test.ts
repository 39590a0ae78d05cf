/** As many warrants in force as a large home has, entered from a list, approved one by one, changed and withdrawn. */
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../support/manual-clock.ts';
import { deskOf } from './issue.ts';
import { breathe, home, HOUR, NOW, warrant } from './support.ts';

const MANY = process.env['CLAVIGER_SLOW'] === undefined ? 40 : 10_000;
const A = { by: 'anna', reason: 'ordered' };
const B = { by: 'bert', reason: 'ordered' };

describe(`R-90: ${MANY} warrants`, { timeout: 3_600_000 }, () => {
  it('are in force together, and each is changed, suspended and withdrawn by itself', async () => {
    const clock = new ManualClock(NOW);
    const bench = await home(clock);
    const admf = await bench.open();
    const desk = deskOf(admf, { approval: 'two' });
    const liids = Array.from({ length: MANY }, (_, k) => `L${k}`);
    const listed = liids.map((liid) => ({ ...warrant, liid }));
    expect((await desk.importAll(listed, A, { submit: true })).entered).toHaveLength(MANY);
    await Promise.all(liids.map(async (liid) => admf.carried(await desk.approve(liid, B))));
    expect(desk.list().filter(({ state }) => state === 'active')).toHaveLength(MANY);
    for (const { table } of Object.values(bench.elements)) expect(table.tasks()).toHaveLength(MANY);
    clock.advance(1000);
    await desk.amend('L1', { endTime: NOW + HOUR / 2 }, A);
    await desk.suspend('L2', A);
    await desk.withdraw('L3', A);
    for (const liid of ['L2', 'L3']) await admf.gone(liid);
    await breathe();
    expect(bench.elements.cscf.table.tasks()).toHaveLength(MANY - 2);
    expect(await admf.verify()).toEqual([]);
    await Promise.all(
      liids.filter((liid) => liid !== 'L3').map((liid) => desk.withdraw(liid, A).then(() => admf.gone(liid))),
    );
    for (const { table } of Object.values(bench.elements)) expect(table.tasks()).toEqual([]);
  });
});
