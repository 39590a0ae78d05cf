/** What an ADMF does when a time comes, after a restart, and when it is asked how things are. */
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../support/manual-clock.ts';
import { OTHER_XID } from '../../poi/support.ts';
import { EVERYTHING, holdings, judgeDocuments, NOTHING, openHome as open } from './bench.ts';
import { activate, deactivate } from './issue.ts';
import { breathe, home, HOUR, NOW, warrant } from './support.ts';

judgeDocuments();

describe('time', () => {
  it('elements that intercept have the task from the start to the end of the warrant', async () => {
    const bench = await open();
    const { admf, clock } = bench;
    await activate(admf, { ...warrant, startTime: NOW + HOUR, endTime: NOW + 2 * HOUR });
    expect(holdings(bench)).toBe('cscf 0/0, gateway 0/0, df 1/2, kms 1/0');
    clock.advance(HOUR - 1);
    await breathe();
    expect(holdings(bench)).toBe('cscf 0/0, gateway 0/0, df 1/2, kms 1/0');
    clock.advance(1);
    await breathe();
    expect(holdings(bench)).toBe(EVERYTHING);
    clock.advance(HOUR);
    await breathe();
    expect(holdings(bench)).toBe(NOTHING);
    expect(admf.list()).toMatchObject([{ state: 'ended' }]);
  });

  it('what is under way when interception ends is still delivered', async () => {
    const bench = await open();
    const admf = await bench.open({ drainMs: 5000 });
    await activate(admf, warrant);
    bench.clock.advance(1);
    const done = deactivate(admf, 'LIID1');
    await breathe();
    expect(holdings(bench)).toBe('cscf 0/0, gateway 0/0, df 1/2, kms 1/0');
    bench.clock.advance(5000);
    await done;
    expect(holdings(bench)).toBe(NOTHING);
  });
});

describe('after a restart', () => {
  it('the warrants are as they were, and elements that lost theirs get them again', async () => {
    const bench = await open();
    const { xid } = await activate(bench.admf, warrant);
    await bench.admf.stop();
    await bench.elements.cscf.table.deactivateAll();
    await bench.elements.cscf.table.removeAllDestinations();
    const again = await bench.open();
    await breathe();
    expect(again.list()).toMatchObject([{ xid, state: 'active', warrant }]);
    expect(holdings(bench)).toBe(EVERYTHING);
    expect(await again.verify()).toEqual([]);
  });

  it('a warrant whose time ended meanwhile is withdrawn', async () => {
    const bench = await open();
    await activate(bench.admf, warrant);
    await bench.admf.stop();
    bench.clock.advance(2 * HOUR);
    const again = await bench.open();
    await breathe();
    expect(holdings(bench)).toBe(NOTHING);
    expect(again.list()).toMatchObject([{ state: 'ended' }]);
  });

  it('a warrant that was half activated is carried on', async () => {
    const bench = await open();
    const record = await activate(bench.admf, warrant);
    await bench.admf.stop();
    await bench.elements.cscf.table.deactivateAll();
    await bench.store.saveWarrants([{ ...record, state: 'provisioning' }], []);
    const again = await bench.open();
    await breathe();
    expect(holdings(bench)).toBe(EVERYTHING);
    expect(again.list()).toMatchObject([{ state: 'active' }]);
  });

  it('R-75: one that was draining ends when its time is over, not before', async () => {
    const bench = await open();
    const admf = await bench.open({ drainMs: 5000 });
    await activate(admf, warrant);
    bench.clock.advance(1);
    deactivate(admf, 'LIID1').catch(() => undefined);
    await breathe();
    await admf.stop();
    bench.clock.advance(2000);
    const again = await bench.open();
    await breathe();
    expect(holdings(bench)).toBe('cscf 0/0, gateway 0/0, df 1/2, kms 1/0');
    expect(again.list()).toMatchObject([{ state: 'ending' }]);
    bench.clock.advance(3000);
    await breathe();
    expect(holdings(bench)).toBe(NOTHING);
  });
});

describe('verification', () => {
  it('finds what is missing, what is foreign and who does not answer, and reconciles', async () => {
    const bench = await open();
    const { admf, elements, audit } = bench;
    const { xid } = await activate(admf, warrant);
    const task = elements.cscf.table.task(xid)!;
    await elements.cscf.table.deactivate(xid);
    await elements.cscf.table.activate({ ...task, xid: OTHER_XID });
    elements.kms.fault = 'lost-request';
    const findings = await admf.verify();
    expect(findings).toEqual([
      { element: 'cscf.home1.example', problem: 'missing-task', id: xid },
      { element: 'cscf.home1.example', problem: 'foreign-task', id: OTHER_XID },
      { element: 'kms.home1.example', problem: 'unreachable', id: null },
    ]);
    expect(audit.events.filter(({ kind }) => kind === 'provisioning-difference')).toHaveLength(3);
    expect(await admf.ping()).toEqual(
      new Map([
        ['cscf.home1.example', true],
        ['gateway.home1.example', true],
        ['df.home1.example', true],
        ['kms.home1.example', false],
      ]),
    );
    elements.kms.fault = null;
    await admf.reconcile();
    expect(await admf.verify()).toEqual([]);
    expect(elements.cscf.table.task(OTHER_XID)).toBeNull();
  });

  it('keepalives are sent where they are agreed', async () => {
    const clock = new ManualClock(NOW);
    const bench = await home(clock);
    const asked: string[] = [];
    const admf = await bench.open({
      elements: [
        {
          identifier: 'cscf.home1.example',
          kind: 'cscf',
          mostRequests: 1,
          keepaliveMs: 1000,
          x1: {
            requestAll: () => Promise.reject(new Error('no matter')),
            request: (request: { type: string }) => {
              asked.push(request.type);
              return Promise.reject(new Error('no matter'));
            },
          },
        },
      ],
    });
    for (let i = 0; i < 3; i += 1) {
      clock.advance(1000);
      await breathe();
    }
    await admf.stop();
    clock.advance(5000);
    await breathe();
    expect(asked).toEqual(['Keepalive', 'Keepalive', 'Keepalive']);
  });
});
