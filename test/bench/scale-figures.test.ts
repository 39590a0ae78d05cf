/** Figures of `bench:scale`: what is told of them is what was measured. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { ScaleFigures } from '../../bench/model/reproduced.ts';
import { MODEL_DEFAULTS, termsOf } from '../../bench/model/terms.ts';
import { capacityTable, measuredTables } from '../../bench/scale/markdown.ts';
import { cellsOf, tableOf, withCosts, withTables } from '../../bench/scale/put-figures.ts';
import type { Figures } from '../../bench/scale/tables.ts';
import { unitCostsOf } from '../../bench/scale/unit-costs.ts';
import { estimate } from '../../src/capacity/estimate.ts';
import { parametersOf } from '../../src/capacity/parameters.ts';
import { RUNS, UNIT_COSTS } from '../../src/capacity/unit-costs.ts';
import type { CostName } from '../../src/capacity/unit-costs.ts';

const figures = JSON.parse(readFileSync('bench/model/measured.json', 'utf8')) as Figures &
  ScaleFigures & { readonly loadAfter: number };
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
