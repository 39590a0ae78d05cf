/** `claviger capacity`: what it prints, and how it refuses. */
import { describe, expect, it } from 'vitest';
import { PARAMETER_NAMES, parametersOf } from '../../src/capacity/parameters.ts';
import { COST_NAMES } from '../../src/capacity/unit-costs.ts';
import { estimate } from '../../src/capacity/estimate.ts';
import { claviger } from './in-process.ts';

const NETWORK = ['--subscribers', '10e6', '--targets', '5000', '--calls-per-second', '4000'];

describe('claviger capacity', () => {
  it('prints every parameter with where it is from, machines, storage, bandwidth, engines and costs', async () => {
    const { status, out, err } = await claviger('capacity', ...NETWORK);
    expect([status, err]).toEqual([0, '']);
    for (const name of [...PARAMETER_NAMES, ...COST_NAMES]) expect(out).toMatch(new RegExp(`^${name} `, 'm'));
    expect(out).toMatch(/^subscribers +10,000,000 +as given +/m);
    expect(out).toMatch(/^callSeconds +100 s +by default +/m);
    for (const head of ['Machines', 'Storage', 'Bandwidth, without TLS and TCP', 'Engines, a second', 'Runs'])
      expect(out).toMatch(new RegExp(`^${head}$`, 'm'));
    expect(out).not.toMatch(/NaN|Infinity|undefined/);
  });

  it('R-93: prints the same as JSON: what the model says, with costs and runs', async () => {
    const { status, out } = await claviger('capacity', ...NETWORK, '--json');
    const parameters = parametersOf({ subscribers: 10e6, targets: 5000, callsPerSecond: 4000 });
    expect(status).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ parameters, ...estimate(parameters) });
    expect(Object.keys((JSON.parse(out) as { costs: object }).costs)).toEqual(COST_NAMES);
  });

  it.each([
    ['what is not a number', ['--targets', 'many'], /a number: 5000, 0.25, 10e6/],
    ['nothing', ['--targets', ''], /a number/],
    ['more than a share', ['--target-share', '2'], /targetShare: 2 is not a number from 0 to 1/],
    ['half a core', ['--cores', '0.5'], /cores: 0.5 is not a whole number from 1/],
    ['more targets than subscribers', ['--subscribers', '10', '--targets', '11'], /11 are more than the 10/],
    ['an argument', ['ten'], /too many arguments/],
  ])('refuses %s', async (_, args, words) => {
    const { status, out, err } = await claviger('capacity', ...args);
    expect([status, out]).toEqual([2, '']);
    expect(err).toMatch(words);
  });

  it('says every parameter with its default in its help', async () => {
    const { out } = await claviger('capacity', '--help');
    const words = out.replace(/\s+/g, ' ');
    expect(words).toContain('--calls-per-second <number>');
    expect(words).toContain('(default: one for each subscriber in that hour)');
    expect(words.match(/\(default: /g)).toHaveLength(PARAMETER_NAMES.length);
  });
});
