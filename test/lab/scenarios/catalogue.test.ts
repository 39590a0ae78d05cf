/** The scenarios of the demo by name, as its help and its options have them. */
import { describe, expect, it } from 'vitest';
import { HOMES } from '../../../src/lab/network/home.ts';
import { SCENARIOS, scenarioNamed, targetsOf } from '../../../src/lab/scenarios/catalogue.ts';
import { claviger } from '../../cli/in-process.ts';

/** Loaded while the tests are collected: what a scenario needs is most of the program. */
const loaded = await Promise.all(
  SCENARIOS.map(async (entry) => [entry.name, entry, await entry.load()] as const),
);

describe('R-42: the scenarios of the demo', () => {
  it.each(loaded)('%s is there, with phones of whoever can be its target', (_, entry, { users }) => {
    const all = HOMES.flatMap((home) => users[home]);
    for (const target of entry.targets) {
      expect(all).toEqual(expect.arrayContaining([...targetsOf(entry, target)]));
    }
  });

  it('have names of their own', () => {
    expect(new Set(SCENARIOS.map(({ name }) => name)).size).toBe(SCENARIOS.length);
  });

  it('are refused by any other name, with the one that was meant and with all there are', () => {
    expect(() => scenarioNamed('plian')).toThrow(/did you mean plain\? There are plain/);
    expect(() => scenarioNamed('')).toThrow(/^there is no scenario \. There are plain/);
  });

  it('are in the help of the demo, each in a line with its targets, and a name that is none is a fault of usage', async () => {
    const help = await claviger('demo', '--help');
    const lines = help.out.split('\n');
    for (const { name, summary, targets } of SCENARIOS) {
      const at = lines.findIndex((line) => line.trim().startsWith(`${name} `) && line.endsWith(summary));
      expect(at, name).toBeGreaterThan(0);
      expect(lines[at + 1]?.trim()).toBe(`--target ${targets.join(', ')}`);
    }
    const refused = await claviger('demo', '--scenario', 'froked');
    expect(refused).toMatchObject({ status: 2, out: '' });
    expect(refused.err).toMatch(/there is no scenario froked; did you mean forked\?/);
    const target = await claviger('demo', '--scenario', 'forked', '--target', 'carol');
    expect(target).toMatchObject({ status: 2, out: '' });
    expect(target.err).toMatch(/choose bob, alice, both/);
  });

  it('take no target that they do not have', () => {
    expect(() => targetsOf(scenarioNamed('plain'), 'carol')).toThrow(/choose alice, bob, both, none/);
    expect(targetsOf(scenarioNamed('plain'))).toEqual(['alice']);
    expect(targetsOf(scenarioNamed('plain'), 'both')).toEqual(['alice', 'bob']);
    expect(targetsOf(scenarioNamed('plain'), 'none')).toEqual([]);
  });
});
