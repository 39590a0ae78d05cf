/** What the page makes of status and metrics: who is up, how often things happen. */
import { describe, expect, it } from 'vitest';
import { AskRefusal } from '../../src/console/page/ask-refusal.ts';
import { exposedMetrics } from '../../src/console/page/exposition.ts';
import { countersOf, gaugesOf, NetworkWatch, ratesOf } from '../../src/console/page/network-watch.ts';
import { meter, meterBy } from '../../src/host/meters.ts';
import { registryOf } from '../../src/host/metrics.ts';
import type { Status } from '../../src/host/status.ts';

const STATUS: Status = {
  ...{ entity: 'kms', name: 'kms.home1.example', version: '0', pid: 1, started: '2027-03-19T12:00:00Z' },
  ...{ uptimeSeconds: 5, restarts: 0, ready: true, reasons: [], tasks: 1, destinations: 0, queues: [] },
  certificate: { subject: 'CN=kms', notAfter: '2028-01-01T00:00:00Z', daysLeft: 200 },
  ...{ peers: [], alarms: [], audit: null, auditWritable: true },
};
const NAMES = ['kms.home1.example', 'df.home1.example'].map((name) => ({ name, kind: 'kms' }));

describe('metrics as the page reads them', () => {
  it('are those that the entities write, labels added up', async () => {
    const by = (): Record<string, number> => ({ 'a{b} 1': 2, '"\\': 3.5 });
    const meters = [
      meterBy('reason', 'refused_total', 'What was\nrefused.', by),
      meter('open', 'What is open.', () => 7),
    ];
    const text = await registryOf(meters, () => Promise.resolve(STATUS)).exposition();
    const found = exposedMetrics(text);
    expect(found.get('claviger_refused_total')).toEqual({
      help: 'What was refused.',
      type: 'counter',
      value: 5.5,
    });
    expect(found.get('claviger_open')).toMatchObject({ type: 'gauge', value: 7 });
    expect(found.get('claviger_ready')).toMatchObject({ type: 'gauge', value: 1 });
  });

  it('leave out what is not a sample', () => {
    expect(exposedMetrics('a NaN\nb\n# c\nd 1 2\n= 3')).toEqual(
      new Map([['d', { help: '', type: 'untyped', value: 1 }]]),
    );
  });
});

describe('R-93: the network as the page watches it', () => {
  /** Counts of both entities, reading by reading; `null`: it does not answer. */
  async function watched(counts: readonly (readonly (number | null)[])[]): Promise<NetworkWatch> {
    let now: readonly (number | null)[] = [];
    const answer = <T>(name: string, of: (count: number) => T): Promise<T> => {
      const count = now[NAMES.findIndex((each) => each.name === name)] ?? null;
      if (count === null)
        return Promise.reject(new AskRefusal('unreachable', 502, `${name} does not answer`));
      return Promise.resolve(of(count));
    };
    const watch = new NetworkWatch(NAMES, {
      status: (name) => answer(name, () => STATUS),
      metrics: (name) => answer(name, (count) => `# TYPE c_total counter\nc_total ${count}\ng ${count}\n`),
    });
    for (const [at, each] of counts.entries()) {
      now = each;
      await watch.update(at * 5_000);
    }
    return watch;
  }

  it('says who is down, and why', async () => {
    const { entities } = await watched([[1, null]]);
    expect(entities).toMatchObject([
      { status: { ready: true }, why: '' },
      { status: null, why: 'df.home1.example does not answer' },
    ]);
  });

  it('has rates from one reading to the next, none where an entity was away or counts anew', async () => {
    const { entities } = await watched([
      [0, 10],
      [10, 15],
      [2, null],
      [4, 20],
    ]);
    expect([...countersOf(entities).keys()]).toEqual(['c_total']);
    expect(ratesOf(entities, 'c_total')).toEqual({
      times: [0, 5, 10, 15],
      lines: [
        { name: 'kms.home1.example', values: [null, 2, null, 0.4] },
        { name: 'df.home1.example', values: [null, 1, null, 0.5] },
      ],
    });
    expect(gaugesOf(entities, 'g').lines[0]?.values).toEqual([0, 10, 2, 4]);
  });

  it('forgets readings of before the last minutes', async () => {
    const { entities } = await watched(Array.from({ length: 130 }, (_, at) => [at, at]));
    expect(entities[0]?.readings).toHaveLength(120);
    expect(entities[0]?.readings[0]?.at).toBe(50_000);
  });
});
