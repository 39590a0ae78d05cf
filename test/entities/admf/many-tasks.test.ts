/**
 * Elements with more tasks than an answer has room for, at lowered numbers: what they hold is listed by name, asked for in
 * documents of few questions, and brought to what it must be without touching what is well.
 */
import { describe, expect, it } from 'vitest';
import type { Admf } from '../../../src/entities/admf/admf.ts';
import type { ElementKind } from '../../../src/entities/admf/ports.ts';
import type { WarrantRecord } from '../../../src/entities/admf/warrants.ts';
import { X1ExchangeError } from '../../../src/x1/requester.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { activate, deactivate, modify } from './issue.ts';
import { breathe, home, HOUR, NOW, warrant } from './support.ts';
import type { Home } from './support.ts';

const MANY = 60;
const MOST = 16;
const KINDS = ['cscf', 'gateway', 'df', 'kms'] as const;
const FOREIGN = '29f28e1c-f230-486a-a860-f5a784ab9172';

/** A home in which so many warrants are in force, and an ADMF that has forgotten everything but its store. */
async function inForce(many = MANY): Promise<Home & { clock: ManualClock; records: WarrantRecord[] }> {
  const clock = new ManualClock(NOW);
  const made = await home(clock);
  made.mostRequests = MOST;
  const admf = await made.open();
  const records = await Promise.all(
    Array.from({ length: many }, (_, k) => activate(admf, { ...warrant, liid: `L${k}` })),
  );
  await admf.stop();
  made.trace.length = 0;
  made.documents.length = 0;
  return Object.assign(made, { clock, records });
}

/** Documents as they passed, and how many changes each element was asked for. */
function watch(bench: Home) {
  const seen: { readonly kind: ElementKind; readonly types: readonly string[] }[] = [];
  bench.onDocument = (kind, types, when) => {
    if (when === 'before') seen.push({ kind, types });
  };
  return {
    seen,
    changes: (kind: ElementKind) =>
      seen.flatMap((each) =>
        each.kind === kind ? each.types.filter((type) => !/^(Get|List)/.test(type)) : [],
      ),
  };
}

const xidsOf = (bench: Home, kind: ElementKind) =>
  new Set(bench.elements[kind].table.tasks().map(({ xid }) => xid));

async function settled(bench: Home, admf: Admf): Promise<void> {
  await admf.reconcile();
  expect(await admf.verify()).toEqual([]);
  for (const kind of KINDS) expect(xidsOf(bench, kind), kind).toEqual(xidsOf(bench, 'df'));
}

describe('R-69: after a restart', { timeout: 60_000 }, () => {
  it('names are listed and each task is asked for, in documents of no more requests than are set', async () => {
    const bench = await inForce();
    const { seen } = watch(bench);
    await bench.open();
    for (let i = 0; i < 20; i += 1) await breathe();
    expect(bench.trace.filter((line) => !line.includes('Get'))).toEqual([]);
    for (const kind of KINDS) {
      const [first, ...rest] = seen.flatMap((each) => (each.kind === kind ? [each.types] : []));
      expect(first).toEqual(['ListAllDetails']);
      expect(rest.flat().filter((type) => type === 'GetTaskDetails')).toHaveLength(MANY);
      expect(Math.max(...rest.map((types) => types.length))).toBe(MOST);
    }
    expect(seen.some(({ types }) => types.includes('GetAllDetails'))).toBe(false);
  });

  it('what is missing comes, what is otherwise changes, what is foreign goes, and nothing else is touched', async () => {
    const bench = await inForce();
    const { table } = bench.elements.df;
    const [missing, changed] = bench.records.map(({ xid }) => table.task(xid)!);
    await table.deactivate(missing!.xid);
    await table.modify({ ...changed!, targets: [{ name: 'sipUri', value: 'sip:mallory@home1.example' }] });
    await table.activate({ ...changed!, xid: FOREIGN });
    const { changes } = watch(bench);
    const admf = await bench.open();
    await settled(bench, admf);
    expect(changes('df').sort()).toEqual(['ActivateTask', 'DeactivateTask', 'ModifyTask']);
    expect(table.task(changed!.xid)).toEqual(changed);
    expect(changes('kms')).toEqual([]);
  });

  it('a destination that nobody needs goes, and one that is otherwise is put right before anything is sent there', async () => {
    const bench = await inForce(20);
    const { table } = bench.elements.cscf;
    const [at] = table.destinations();
    await table.modifyDestination({ ...at!, address: { kind: 'uri', value: 'tls://elsewhere.example:1' } });
    await table.createDestination({ ...at!, did: FOREIGN });
    await table.deactivate(bench.records[0]!.xid);
    const { changes } = watch(bench);
    await settled(bench, await bench.open());
    expect(changes('cscf')).toEqual(['ModifyDestination', 'ActivateTask', 'RemoveDestination']);
    expect(table.destinations()).toEqual([at]);
  });

  it('what must end at once does not wait for what is asked', async () => {
    const bench = await inForce();
    const first = watch(bench);
    const admf = await bench.open();
    bench.onDocument = null;
    const { changes, seen } = watch(bench);
    const ended = deactivate(admf, 'L59');
    await ended;
    for (let i = 0; i < 20; i += 1) await breathe();
    expect(changes('cscf')).toEqual(['DeactivateTask']);
    const documents = [...first.seen, ...seen]
      .filter(({ kind }) => kind === 'cscf')
      .map(({ types }) => types);
    const at = documents.findIndex((types) => types.includes('DeactivateTask'));
    expect(
      documents
        .slice(at)
        .flat()
        .filter((type) => type === 'GetTaskDetails').length,
    ).toBeGreaterThan(MOST);
    expect(documents[at]![0]).toBe('DeactivateTask');
  });

  it('an ADMF that dies at any document leaves what the next one brings to an end', async () => {
    for (const at of [1, 2, 3, 5, 8]) await dieAt(at);
  });

  async function dieAt(at: number): Promise<void> {
    const bench = await inForce(30);
    for (const kind of KINDS) {
      const { table } = bench.elements[kind];
      // One has lost all that it had, destinations as well.
      const hasNothing = kind === 'cscf';
      for (const { xid } of bench.records.slice(0, hasNothing ? 30 : 20)) await table.deactivate(xid);
      if (hasNothing) for (const { did } of table.destinations()) await table.removeDestination(did);
      else await table.activate({ ...table.task(bench.records[25]!.xid)!, xid: FOREIGN });
    }
    expect(bench.elements.cscf.table.destinations()).toEqual([]);
    let left = at * KINDS.length;
    const dead = new Error('the process is gone');
    bench.onDocument = (_kind, _types, when) => {
      // Half of the documents were carried out although nobody heard of it.
      if (when === (left % 2 === 0 ? 'before' : 'after')) left -= 1;
      if (left < 0) throw dead;
    };
    const died = await bench.open();
    for (let i = 0; i < 10; i += 1) await breathe();
    bench.onDocument = null;
    await died.stop();
    await settled(bench, await bench.open());
    expect(xidsOf(bench, 'cscf')).toEqual(new Set(bench.records.map(({ xid }) => xid)));
  }
});

describe('R-69: a document that gets no answer', { timeout: 60_000 }, () => {
  it('leaves in doubt what it was about, and nothing else is asked for', async () => {
    const bench = await inForce(0);
    bench.mostRequests = MOST;
    const admf = await bench.open({ retry: { attempts: 3, pauseMs: 10 } });
    await activate(admf, warrant);
    const { seen } = watch(bench);
    const activated = Promise.all(
      Array.from({ length: 20 }, (_, k) => activate(admf, { ...warrant, liid: `N${k}` })),
    );
    bench.elements.df.fault = 'lost-answer';
    for (let i = 0; i < 20; i += 1) {
      await breathe();
      bench.clock.advance(10);
    }
    await activated;
    const asked = seen.filter(({ kind }) => kind === 'df').flatMap(({ types }) => types);
    expect(asked).not.toContain('ListAllDetails');
    const questions = asked.filter((type) => type === 'GetTaskDetails');
    expect(questions.length).toBeGreaterThan(0);
    expect(questions.length).toBeLessThanOrEqual(MOST);
    await settled(bench, admf);
  });

  it('an element that takes fewer requests at a time gets fewer', async () => {
    for (const most of [1, 3, 15]) await takingAtMost(most);
  });

  async function takingAtMost(most: number): Promise<void> {
    const bench = await inForce(20);
    for (const { xid } of bench.records.slice(0, 10)) await bench.elements.kms.table.deactivate(xid);
    let refused = 0;
    bench.onDocument = (kind, types) => {
      // One that goes on asking for too much is not refused for ever, so that this comes to an end.
      if (kind !== 'kms' || types.length <= most || refused > MANY) return;
      refused += 1;
      throw new X1ExchangeError('too-large', '413');
    };
    await settled(bench, await bench.open());
    expect(refused).toBeGreaterThan(0);
    expect(refused).toBeLessThan(MOST);
  }

  it('one task whose answer is too large by itself holds up no other', async () => {
    const bench = await inForce(20);
    const [missing] = bench.records;
    await bench.elements.kms.table.deactivate(missing!.xid);
    let isOneTooLarge = false;
    const admf = await bench.open();
    bench.onDocument = (kind, types, when) => {
      if (kind !== 'kms' || when === 'after' || !types.includes('GetTaskDetails')) return;
      if (types.length === 1 && isOneTooLarge) return;
      isOneTooLarge ||= types.length === 1;
      throw new X1ExchangeError('too-large', 'the answer');
    };
    for (let i = 0; i < 40; i += 1) await breathe();
    expect(isOneTooLarge).toBe(true);
    expect(bench.elements.kms.table.task(missing!.xid)).not.toBeNull();
    await admf.stop();
  });

  it('what an element says twice in contradiction is asked for again after a pause, not at once for ever', async () => {
    const bench = await inForce(0);
    const admf = await bench.open();
    let documents = 0;
    bench.onDocument = (_kind, _types, when) => {
      if (when === 'before') documents += 1;
    };
    const { kms } = bench.elements;
    const taken = kms.table.activate.bind(kms.table);
    const { TaskError } = await import('../../../src/x1/tasks.ts');
    kms.table.activate = () => Promise.reject(new TaskError('xid-exists', 'it says'));
    await expect(activate(admf, warrant)).rejects.toThrow('kms.home1.example');
    expect(documents).toBeLessThan(20);
    kms.table.activate = taken;
    await activate(admf, warrant);
    await settled(bench, admf);
  });
});

describe('R-69: what a turn costs', { timeout: 60_000 }, () => {
  it('one warrant that changes among many is one that is looked at', async () => {
    const bench = await inForce();
    const admf = await bench.open();
    for (let i = 0; i < 20; i += 1) await breathe();
    await settled(bench, admf);
    let looked = 0;
    const isFaulty = bench.issues.isFaulty.bind(bench.issues);
    bench.issues.isFaulty = (...args) => {
      looked += 1;
      return isFaulty(...args);
    };
    await modify(admf, 'L7', { endTime: NOW + 2 * HOUR });
    await deactivate(admf, 'L8');
    // Each look asks about the destinations of the one warrant at each element.
    expect(looked).toBeGreaterThan(0);
    expect(looked).toBeLessThan(MANY * 4);
  });
});
