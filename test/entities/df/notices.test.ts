import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { ALARM_PACE_MS } from '../../../src/entities/df/notices.ts';
import type { DfTask } from '../../../src/entities/df/ports.ts';
import { beginEpoch } from '../../../src/entities/df/store/epoch.ts';
import { WarrantWatch } from '../../../src/entities/df/warrant-watch.ts';
import { settle } from '../../support/manual-clock.ts';
import { silent } from '../../support/silent.ts';
import { start } from './delivery-function.ts';
import type { Df } from './delivery-function.ts';
import { call, handedOver, LEMF, LEMF_2, START, task, vector, XID, XID_2 } from './support.ts';

const DAY = 86_400_000;

/** What the LEMF was told of warrants, as `LIID kind number`. */
async function told(df: Df, did = LEMF): Promise<string[]> {
  const records = await handedOver(df.store, did);
  return records
    .filter(({ kind }) => kind.startsWith('li-'))
    .map(({ liid, kind, sequenceNumber }) => `${liid} ${kind} ${sequenceNumber}`);
}

/** Puts tasks in the place of those that there were, as X1 would, and tells of it. */
async function become(df: Df, ...tasks: readonly DfTask[]): Promise<void> {
  const liids = new Set([
    ...df.tasks.liids(),
    ...tasks.flatMap(({ mediations }) => mediations.map((m) => m.liid)),
  ]);
  df.tasks.known.clear();
  for (const one of tasks) df.tasks.known.set(one.xid, one);
  await df.mediation.tellWarrants([...liids]);
}

describe('R-94: a DF that was put back from a copy', () => {
  const kindsTo = async (df: Df, did = LEMF): Promise<string[]> =>
    (await handedOver(df.store, did)).map(({ liid, kind }) => `${liid} ${kind}`);
  /** As `claviger restore` does, and a start. */
  async function putBack(df: Df): Promise<number> {
    const base = await beginEpoch(path.join(df.folder, 'df.sqlite'), df.clock.now());
    await df.kill();
    await df.mediation.tellWarrants([...new Set([...df.mediation.toldWarrants(), ...df.tasks.liids()])]);
    return base;
  }

  it('tells each destination by cINReset from which CIN its warrants go on, before anything else and once', async () => {
    const df = await start([task(XID, 'A')]);
    const [invite] = call();
    await df.mediation.tellWarrants(['A']);
    await df.mediation.accept([df.poi.x2(invite!)]);
    await df.store.acknowledge(LEMF, 1_000);
    const base = await putBack(df);
    await putBack(df);
    await df.mediation.accept([df.poi.x2(invite!)]);
    const records = await handedOver(df.store);
    expect(records.map(({ kind }) => kind)).toEqual(['cin-reset', 'sip-message']);
    expect(records.map(({ cin }) => cin)).toEqual([base, base + 1]);
  });

  it('tells of warrants that it had and of those that come within a day, not of later ones', async () => {
    const df = await start([task(XID, 'A')]);
    await df.mediation.tellWarrants(['A']);
    await putBack(df);
    await df.clock.pass(DAY - 1_000);
    await become(df, task(XID, 'A'), task(XID_2, 'B'));
    await df.clock.pass(2_000);
    const late = [...task(XID_2, 'B').mediations, ...task(XID_2, 'C').mediations];
    await become(df, task(XID, 'A'), { ...task(XID_2, 'B'), mediations: late });
    const resets = (await kindsTo(df)).filter((each) => each.endsWith('cin-reset'));
    expect(resets).toEqual(['A cin-reset', 'B cin-reset']);
  });

  it('which was never put back tells nobody', async () => {
    const df = await start([task(XID, 'A')]);
    await df.mediation.tellWarrants(['A']);
    await df.kill();
    await df.mediation.tellWarrants(['A']);
    expect(await kindsTo(df)).toEqual(['A li-activated']);
  });
});

describe('R-91: notifications of HI1', () => {
  it('a warrant that comes, changes and goes is told once each, numbered from 0, with its targets', async () => {
    const df = await start([]);
    await become(df, task(XID, 'A'));
    await become(df, task(XID, 'A'));
    await become(df, task(XID, 'A', { end: START + DAY }));
    await become(df);
    await become(df);
    expect(await told(df)).toEqual(['A li-activated 0', 'A li-modified 1', 'A li-deactivated 2']);
    const records = await handedOver(df.store);
    for (const { time, target } of records) expect([time, target]).toEqual([START, vector().uri.i]);
  });

  it('a restart neither forgets nor repeats: a task that is taken up again is no activation', async () => {
    const df = await start([]);
    await become(df, task(XID, 'A'));
    await df.kill();
    await df.mediation.tellWarrants([...df.mediation.toldWarrants(), ...df.tasks.liids()]);
    expect(await told(df)).toEqual(['A li-activated 0']);
    // Killed after X1 has stored the change, before it was told.
    df.tasks.known.clear();
    await df.kill();
    expect(df.mediation.toldWarrants()).toEqual(['A']);
    await df.mediation.tellWarrants(df.mediation.toldWarrants());
    await df.kill();
    await df.mediation.tellWarrants([...df.mediation.toldWarrants(), 'A']);
    expect(await told(df)).toEqual(['A li-activated 0', 'A li-deactivated 1']);
  });

  it('a task that was deactivated and activated anew within one look has ended and begun', async () => {
    const df = await start([]);
    await become(df, task(XID, 'A'));
    await become(df, { ...task(XID, 'A'), activatedAt: START + 1 });
    expect(await told(df)).toEqual(['A li-activated 0', 'A li-deactivated 1', 'A li-activated 2']);
  });

  it('a second warrant on a task changes nothing of the first', async () => {
    const df = await start([]);
    await become(df, task(XID, 'A'));
    const both = [...task(XID, 'A').mediations, ...task(XID, 'B').mediations];
    await become(df, { ...task(XID, 'A'), mediations: both });
    await become(df, task(XID, 'B'));
    expect(await told(df)).toEqual(['A li-activated 0', 'B li-activated 0', 'A li-deactivated 1']);
  });

  it('a second task of a warrant modifies it, and so does one that goes; the last one ends it', async () => {
    const df = await start([]);
    const second = { ...task(XID_2, 'A'), targets: [{ name: 'telUri', value: 'tel:+491' }] };
    await become(df, task(XID, 'A'));
    await become(df, task(XID, 'A'), second);
    await become(df, second);
    await become(df);
    const kinds = ['li-activated', 'li-modified', 'li-modified', 'li-deactivated'];
    expect(await told(df)).toEqual(kinds.map((kind, number) => `A ${kind} ${number}`));
    const targets = (await handedOver(df.store)).map(({ target }) => target);
    expect(targets).toEqual([vector().uri.i, `${vector().uri.i}, tel:+491`, 'tel:+491', 'tel:+491']);
  });

  it('a warrant is in force from its start to its end, to the millisecond, whatever tasks there are', async () => {
    const df = await start([task(XID, 'A', { start: START + DAY, end: START + 26 * DAY })]);
    const watch = new WarrantWatch(df.mediation, { clock: df.clock, logger: silent });
    watch.touch(df.tasks.liids());
    await df.clock.pass(DAY - 1);
    expect(await told(df)).toEqual([]);
    await df.clock.pass(1);
    expect(await told(df)).toEqual(['A li-activated 0']);
    // Longer than a timer of Node.js can be.
    await df.clock.pass(25 * DAY - 1);
    expect(await told(df)).toEqual(['A li-activated 0']);
    await df.clock.pass(1);
    const records = await handedOver(df.store);
    expect(records.map(({ kind, time }) => [kind, time - START])).toEqual([
      ['li-activated', DAY],
      ['li-deactivated', 26 * DAY],
    ]);
    watch.stop();
  });

  it('what could not be stored is told when it can be', async () => {
    const df = await start([task(XID, 'A')]);
    const watch = new WarrantWatch(df.mediation, { clock: df.clock, logger: silent });
    const commit = df.store.commit.bind(df.store);
    df.store.commit = () => Promise.reject(new Error('disk is full'));
    watch.touch(['A']);
    await watch.told();
    expect(await told(df)).toEqual([]);
    df.store.commit = commit;
    await df.clock.pass(60_000);
    expect(await told(df)).toEqual(['A li-activated 0']);
    watch.stop();
  });

  it('goes to HI2, and to destinations for content alone whose LEMF has no HI2', async () => {
    const on = (did: string, delivers: 'HI2Only' | 'HI3Only', host: string) => ({ did, delivers, host });
    const df = await start([]);
    await become(
      df,
      task(XID, 'A', {
        destinations: [on('1', 'HI2Only', 'a'), on('2', 'HI3Only', 'a'), on('3', 'HI3Only', 'b')],
      }),
      task(XID_2, 'B', { delivers: 'HI3Only', destinations: [on('4', 'HI3Only', 'a')] }),
    );
    const has = async (did: string) => (await told(df, did)).length;
    expect([await has('1'), await has('2'), await has('3'), await has('4')]).toEqual([1, 0, 1, 1]);
  });

  it('a destination that a warrant has no more is told, one that is gone is not', async () => {
    const at = (did: string) => ({ destinations: [{ did, delivers: 'HI2andHI3' as const }] });
    const df = await start([]);
    await become(df, task(XID, 'A', at(LEMF)));
    await become(df, task(XID, 'A', at(LEMF_2)));
    df.tasks.gone.add(LEMF_2);
    await become(df);
    expect(await told(df)).toEqual(['A li-activated 0', 'A li-modified 1']);
    expect(await told(df, LEMF_2)).toEqual(['A li-modified 1']);
  });
});

describe('R-91: alarms', () => {
  it('PDUs that were lost before they came are told to each warrant in force, once a minute, with their number', async () => {
    const mediations = [
      ...task(XID, 'A').mediations,
      ...task(XID, 'B').mediations,
      ...task(XID, 'OVER', { end: START }).mediations,
    ];
    const df = await start([{ ...task(XID, 'A'), mediations }]);
    const lose = async () => {
      df.poi.x3(Uint8Array.of(1));
      await df.mediation.accept([df.poi.x3(Uint8Array.of(2))]);
    };
    await df.mediation.accept([df.poi.x3(Uint8Array.of(0))]);
    for (let n = 0; n < 3; n++) await lose();
    const alarms = async () =>
      (await handedOver(df.store))
        .filter(({ kind }) => kind === 'li-alarm')
        .map(({ liid, information }) => [liid, information]);
    const text = '1 X3 PDUs were lost before they reached the DF';
    expect(await alarms()).toEqual([
      ['A', text],
      ['B', text],
    ]);
    await df.clock.pass(2 * ALARM_PACE_MS);
    expect((await alarms()).slice(2)).toEqual([
      ['A', `${text} (the last of 2)`],
      ['B', `${text} (the last of 2)`],
    ]);
    await df.clock.pass(2 * ALARM_PACE_MS);
    expect(await alarms()).toHaveLength(4);
  });

  it('a PDU that is set aside is told', async () => {
    const df = await start([task(XID, 'A')]);
    const find = df.tasks.find.bind(df.tasks);
    let times = 0;
    df.tasks.find = (xid) => {
      const found = find(xid);
      // Whoever is asked first finds the task broken.
      return found === null || times++ > 0
        ? found
        : {
            ...found,
            get mediations(): never {
              throw new Error('x');
            },
          };
    };
    await df.mediation.accept([df.poi.x3(Uint8Array.of(1))]);
    expect(await told(df)).toEqual(['A li-alarm 0']);
  });

  it('an alarm belongs to the numbers of the warrant, and touches none of its calls’', async () => {
    const df = await start([]);
    await become(df, task(XID, 'A'));
    await df.mediation.accept(call().map((step) => df.poi.x2(step)));
    await df.mediation.alarm(['A'], 'destination', 'destination x: works again', 'x');
    await settle();
    expect(await told(df)).toEqual(['A li-activated 0', 'A li-alarm 1']);
    const sip = (await handedOver(df.store)).filter(({ kind }) => !kind.startsWith('li-'));
    expect(sip.map(({ sequenceNumber }) => sequenceNumber)).toEqual([...sip.keys()]);
  });
});
