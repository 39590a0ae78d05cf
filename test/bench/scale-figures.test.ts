/** Figures of `bench:scale`: what is told of them is what was measured. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { MODEL_DEFAULTS, termsOf } from '../../bench/model/terms.ts';
import { wasHeldToShare } from '../../bench/scale/core-share.ts';
import { capacityTable, measuredTables } from '../../bench/scale/markdown.ts';
import { faultsOf, WHOLE_RUN } from '../../bench/scale/plausible.ts';
import { cellsOf, tableOf, withCosts, withTables } from '../../bench/scale/put-figures.ts';
import { unitCostsOf } from '../../bench/scale/unit-costs.ts';
import { estimate } from '../../src/capacity/estimate.ts';
import { parametersOf } from '../../src/capacity/parameters.ts';
import { RUNS, UNIT_COSTS } from '../../src/capacity/unit-costs.ts';
import type { CostName } from '../../src/capacity/unit-costs.ts';
import { PLAUSIBLE } from './plausible-run.ts';
import type { Run } from './plausible-run.ts';

const figures = JSON.parse(readFileSync('bench/model/measured.json', 'utf8')) as Run;
const page = readFileSync('docs/scale.md', 'utf8');

describe('Figures of bench:scale', () => {
  it('are the costs that capacity is reckoned by, all of that run', () => {
    const costs = unitCostsOf(figures);
    const scale = Object.entries(UNIT_COSTS).filter(([, { run }]) => run === 'scale');
    expect(Object.keys(costs).sort()).toEqual(scale.map(([name]) => name).sort());
    for (const [name, { value }] of scale) expect([name, costs[name as CostName]]).toEqual([name, value]);
    expect(RUNS.scale.date).toBe(figures.machine.date);
  });

  it('are in the tables of docs/scale.md', () => {
    const network = parametersOf({ subscribers: 10e6, targets: 5000, callsPerSecond: 4000 });
    const tables = { ...measuredTables(figures), capacity: capacityTable(estimate(network)) };
    for (const [name, table] of Object.entries(tables))
      expect([name, tableOf(page, name)]).toEqual([name, cellsOf(table)]);
  });

  it('are what the model is run with: all roles have about the load of mediators', () => {
    const terms = termsOf(100, 'sip', MODEL_DEFAULTS, unitCostsOf(figures));
    const { microseconds, pdusPerSecond, mediators, deliverers, intakes, databaseCores } = terms;
    const load = (cost: number, processes: number): number => (pdusPerSecond * cost) / 1e6 / processes;
    expect(load(microseconds.mediation, mediators)).toBeCloseTo(MODEL_DEFAULTS.load, 9);
    for (const [cost, processes] of [
      [microseconds.delivery, deliverers],
      [microseconds.intake, intakes],
      [microseconds.databasePdu, databaseCores],
    ] as const)
      expect(load(cost, processes)).toBeLessThanOrEqual(MODEL_DEFAULTS.load + 1e-9);
  });

  it('that a run does not have are not run with', () => {
    expect(() => termsOf(1, 'sip', MODEL_DEFAULTS, {})).toThrow('the run of bench:scale has no');
  });
});

describe('Faults of a run of bench:scale', () => {
  it('are none of the run that is told', () => {
    expect(faultsOf(figures, WHOLE_RUN)).toEqual([]);
  });

  it('are none of a run that is whole and can be', () => {
    expect(faultsOf(PLAUSIBLE, WHOLE_RUN)).toEqual([]);
  });

  const [one, two] = [1, 2].map((processes) => PLAUSIBLE.growth.find((each) => each.processes === processes));
  const growthWith = (changed: object): Run => ({
    ...PLAUSIBLE,
    growth: PLAUSIBLE.growth.map((each) => (each === two ? { ...each, ...changed } : each)),
  });
  const kmsWith = (octets: number): Run => ({
    ...PLAUSIBLE,
    kms: PLAUSIBLE.kms.map((each) => ({
      ...each,
      getKeys: { ...each.getKeys, database: { ...each.getKeys.database, octets } },
    })),
  });
  const drainedWith = (changed: object): Run => ({
    ...PLAUSIBLE,
    df: PLAUSIBLE.df.map((each, n) =>
      n === 0 ? { ...each, draining: { ...each.draining, ...changed } } : each,
    ),
  });

  it.each<readonly [string, Run, string]>([
    ['a layout', { ...PLAUSIBLE, df: PLAUSIBLE.df.slice(1) }, 'sip, 1 / 1 in files / –: missing'],
    ['a role', { ...PLAUSIBLE, growth: [] }, 'growth of delivery, 2: missing'],
    ['KMSs', { ...PLAUSIBLE, kms: PLAUSIBLE.kms.slice(0, 1) }, 'KMSs, 2: missing'],
    ['leases', { ...PLAUSIBLE, takeover: null }, 'leases: missing'],
    ['a way to go', { ...PLAUSIBLE, failover: PLAUSIBLE.failover.slice(1) }, 'killed: missing'],
    ['PDUs that came', drainedWith({ pdus: 0 }), 'sip, 1 / 1 in files / –, delivered: no PDUs'],
  ])('are what is missing: %s', (_, run, fault) => {
    expect(faultsOf(run, WHOLE_RUN)).toContain(fault);
  });

  it.each<readonly [string, Run, RegExp]>([
    [
      'a role that was not the limit',
      growthWith({ isLimit: false }),
      /^growth of intake, 2: not the limit: had /,
    ],
    ['a process that had more than its share', growthWith({ had: 0.9 }), /^growth of intake, 2: had 0.9/],
    ['a moment', growthWith({ seconds: 0.5, pdus: 1 }), /^growth of intake, 2: measured for 0.500 s/],
    [
      'two that do thrice as much',
      growthWith({ pdus: (3 * (one?.pdus ?? 0) * (two?.seconds ?? 0)) / (one?.seconds ?? 0) }),
      /^growth of intake: 3.00 times/,
    ],
    ['rows of nothing', kmsWith(0), /^getKeys, 1 KMS: database, octets: 0/],
    ['rows of less', kmsWith(-143_675.88), /^getKeys, 1 KMS: database, octets: -143675.88/],
    ['more than all cores', drainedWith({ busyCores: 3 }), /delivered: 3.00 busy cores/],
    [
      'one of two whose code was not compiled',
      drainedWith({ each: { intake: [], mediation: [1.5, 2.5], delivery: [0.1, 0.12] } }),
      /delivered: of two for mediation one had 2.50 s, another 1.50 s/,
    ],
    ['what cannot be counted', drainedWith({ seconds: 0 }), /delivered: a second: Infinity/],
  ])('are what cannot be: %s', (_, run, fault) => {
    expect(faultsOf(run, WHOLE_RUN)).toContainEqual(expect.stringMatching(fault));
  });

  it('are costs that are missing, of whatever run it is that has all that they are from', () => {
    const run = { ...PLAUSIBLE, df: PLAUSIBLE.df.map((each) => ({ ...each, streamOctets: NaN })) };
    expect(faultsOf(run, WHOLE_RUN)).toContain('streamOctets: missing');
    expect(faultsOf(run, { ...WHOLE_RUN, only: ['kms'] })).toEqual([]);
  });

  it('are not those of a process that had its share, and was held up in most of the rest', () => {
    expect(wasHeldToShare({ had: 0.15, heldUp: 0.84 }, 0.15)).toBe(true);
    expect(wasHeldToShare({ had: 0.13, heldUp: 0.84 }, 0.15)).toBe(false);
    expect(wasHeldToShare({ had: 0.15, heldUp: 0.3 }, 0.15)).toBe(false);
  });

  it('stand in the table of growth in place of figures', () => {
    const [, ...rows] = cellsOf(measuredTables(growthWith({ isLimit: false }))['growth'] ?? '');
    expect(rows[0]?.slice(1, 5)).toEqual(['intake (not the limit)', String(two?.share), '–', '–']);
  });
});

describe('What puts figures into files', () => {
  const RUN = { cores: 2, processor: 'X', load: 0.1, date: '2027-01-02' };
  const COSTS = `run: { command: 'npm run bench:scale',
    machine: 'old', date: '2026-01-01' },
  near: { date: '2026-01-01' }
  intakeSip: scale(127, 'a'),
  intakeSipMore: scale(
    1,
    'b',
  ),`;

  it('replaces costs by their whole names, and the machine of their run alone', () => {
    const found = withCosts(COSTS, { intakeSip: 5.5, intakeSipMore: 7 }, RUN);
    expect(found).toContain("intakeSip: scale(5.5, 'a')");
    expect(found).toMatch(/intakeSipMore: scale\(\s*7,/);
    expect(found).toContain("machine: '2 cores of X, virtual, load 0.1 when it began', date: '2027-01-02'");
    expect(found).toContain("near: { date: '2026-01-01' }");
  });

  it('replaces whatever stands there, and refuses a cost of nothing or less', () => {
    const found = withCosts(
      "\n  a: scale(-194970, 'x'),\n  b: scale(\n    1e-7,\n    'y',\n  ),",
      { a: 478, b: 2 },
      RUN,
    );
    expect(found).toContain("a: scale(478, 'x')");
    expect(found).toMatch(/b: scale\(\s*2,/);
    for (const cost of [0, -1, NaN, Infinity])
      expect(() => withCosts(COSTS, { intakeSip: cost }, RUN)).toThrow(`intakeSip cannot be ${cost}`);
  });

  it('refuses a cost, and a table, for which there is no place', () => {
    expect(() => withCosts(COSTS, { other: 1 }, RUN)).toThrow('no cost other');
    expect(() => withTables('', { other: '| a |' })).toThrow('no place for other');
  });

  it('replaces a table between its marks, and reads it again', () => {
    const empty = 'a\n<!-- figures: t -->\n\n| old |\n\n<!-- figures: end of t -->\nb';
    const found = withTables(empty, { t: '| x | y |\n| --- | ---: |\n| 1 | 2 |' });
    expect(found).toMatch(/^a\n[^]*\nb$/);
    expect(found).not.toContain('old');
    expect(tableOf(found, 't')).toEqual([
      ['', 'x', 'y', ''],
      ['', '1', '2', ''],
    ]);
    expect(tableOf(found, 'u')).toBeNull();
  });
});
