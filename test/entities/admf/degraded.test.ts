/** What elements say of their destinations makes active warrants degraded. */
import { describe, expect, it } from 'vitest';
import type { Issue } from '../../../src/entities/admf/issues.ts';
import { IssueBook } from '../../../src/entities/admf/issues.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { activate, deactivate } from './issue.ts';
import { breathe, home, HOUR, NOW, warrant } from './support.ts';

const OTHER_LEMF = {
  hi2: { host: 'lemf.home1.example', port: 9002 },
  hi3: { host: 'lemf.home1.example', port: 9003 },
};

async function open() {
  const clock = new ManualClock(NOW);
  const bench = await home(clock);
  const admf = await bench.open();
  await activate(admf, warrant);
  await activate(admf, { ...warrant, liid: 'LIID2', lemf: OTHER_LEMF });
  await activate(admf, {
    ...warrant,
    liid: 'LIID3',
    delivery: 'IRI',
    startTime: NOW + HOUR,
    endTime: NOW + 2 * HOUR,
  });
  const [lemf] = bench.elements.df.table.tasks().flatMap(({ dids }) => dids);
  const [df] = bench.elements.gateway.table.destinations();
  const report = async (
    element: string,
    id: string,
    severity: string,
    about: Issue['about'] = 'destination',
  ) => {
    bench.issues.note({ element, about, id, severity, code: 1000, description: '', time: NOW });
    await breathe();
  };
  return { ...bench, admf, clock, lemf: lemf!, df: df!.did, report };
}

describe('R-75: a destination that gets nothing', () => {
  it('degrades the active warrants that deliver there, and no other, until it is cleared; each on record once', async () => {
    const { admf, audit, lemf, report } = await open();
    expect(admf.degraded()).toEqual([]);
    await report('df.home1.example', lemf, 'NonTerminatingFault');
    await report('df.home1.example', lemf, 'TerminatingFault');
    expect(admf.degraded()).toEqual(['LIID1']);
    await report('df.home1.example', lemf, 'AllClear');
    expect(admf.degraded()).toEqual([]);
    const events = audit.events.filter(({ kind }) => /degraded|restored/.test(kind));
    expect(events).toMatchObject([
      { kind: 'warrant-degraded', liid: 'LIID1', elements: 'df.home1.example' },
      { kind: 'warrant-restored', liid: 'LIID1' },
    ]);
  });

  it('the DF that a point of interception does not reach degrades all that are active there', async () => {
    const { admf, df, report } = await open();
    await report('gateway.home1.example', df, 'NonTerminatingFault');
    expect(admf.degraded()).toEqual(['LIID1', 'LIID2']);
    await report('cscf.home1.example', df, 'NonTerminatingFault');
    await report('gateway.home1.example', df, 'AllClear');
    expect(admf.degraded()).toEqual(['LIID1', 'LIID2']);
    await report('cscf.home1.example', df, 'AllClear');
    expect(admf.degraded()).toEqual([]);
  });

  it('a warning, an issue of another subject, and one by an element that does not deliver there change nothing', async () => {
    const { admf, lemf, df, report } = await open();
    await report('df.home1.example', lemf, 'Warning');
    await report('df.home1.example', lemf, 'NonTerminatingFault', 'task');
    await report('gateway.home1.example', lemf, 'NonTerminatingFault');
    await report('kms.home1.example', df, 'NonTerminatingFault');
    expect(admf.degraded()).toEqual([]);
  });

  it('is forgotten with the destination: one that comes in its place later is not faulty for that', async () => {
    const { admf, issues, elements, report } = await open();
    const did = elements.df.table.tasks()[1]!.dids[0]!;
    await report('df.home1.example', did, 'NonTerminatingFault');
    expect(admf.degraded()).toEqual(['LIID2']);
    await deactivate(admf, 'LIID2');
    expect(elements.df.table.destination(did)).toBeNull();
    expect(issues.list()).toEqual([]);
    await activate(admf, { ...warrant, liid: 'LIID4', lemf: OTHER_LEMF });
    expect(elements.df.table.destination(did)).not.toBeNull();
    expect(admf.degraded()).toEqual([]);
  });

  it('is still known after a restart of the ADMF: the element is asked', async () => {
    const bench = await open();
    await bench.admf.stop();
    bench.elements.df.faultyDestinations = [bench.lemf];
    const issues = new IssueBook();
    const again = await bench.open({ issues });
    await breathe();
    expect(again.degraded()).toEqual(['LIID1']);
    expect(issues.list()).toMatchObject([
      { element: 'df.home1.example', id: bench.lemf, description: 'down' },
    ]);
    bench.elements.df.faultyDestinations = [];
    await again.reconcile();
    await breathe();
    expect(again.degraded()).toEqual([]);
    expect(issues.list()).toEqual([]);
  });
});

describe('issues at hand', () => {
  const answer = (did: string, delivery: 'activeAndWorking' | 'deliveryFault') => ({
    destination: {
      did,
      deliveryType: 'X2andX3' as const,
      address: { kind: 'uri' as const, value: 'tls://h:1' },
    },
    status: { delivery, faults: [] },
  });
  const issue = {
    element: 'e',
    about: 'destination',
    severity: 'NonTerminatingFault',
    code: 1,
    description: '',
    time: 0,
  } as const;

  it('an answer that is older than a report does not undo it', () => {
    const book = new IssueBook();
    const asked = book.reportsOf('e');
    book.note({ ...issue, id: 'did' });
    book.answered('e', [answer('did', 'activeAndWorking')], { asked, time: 1 });
    expect(book.isFaulty('e', 'did')).toBe(true);
    book.note({ ...issue, id: 'did', severity: 'AllClear' });
    book.answered('e', [answer('did', 'deliveryFault')], { asked: asked + 1, time: 1 });
    expect(book.isFaulty('e', 'did')).toBe(false);
    book.answered('e', [answer('did', 'deliveryFault')], { asked: asked + 2, time: 1 });
    expect(book.isFaulty('e', 'did')).toBe(true);
  });

  it('are a thousand at most: the oldest goes', () => {
    const book = new IssueBook();
    for (let i = 0; i <= 1000; i += 1) book.note({ ...issue, id: `${i}` });
    expect(book.list()).toHaveLength(1000);
    expect(book.isFaulty('e', '0')).toBe(false);
    expect(book.isFaulty('e', '1000')).toBe(true);
    const faulty = Array.from({ length: 1001 }, (_, i) => answer(`${i}`, 'deliveryFault'));
    book.answered('e', faulty, { asked: book.reportsOf('e'), time: 1 });
    expect(book.list()).toHaveLength(1000);
  });

  it('a destination that gets nothing is not forgotten for a flood of other issues', () => {
    const book = new IssueBook();
    book.note({ ...issue, id: 'did' });
    for (let i = 0; i <= 1000; i += 1) book.note({ ...issue, about: 'task', id: `${i}` });
    book.note({ ...issue, id: 'other', severity: 'Warning' });
    expect(book.list()).toHaveLength(1000);
    expect(book.isFaulty('e', 'did')).toBe(true);
    expect(book.list().map(({ id }) => id)).not.toContain('2');
    expect(book.list().at(-1)).toMatchObject({ id: 'other' });
  });
});
