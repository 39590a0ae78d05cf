/** What a thread for questions does before its first. */
import { expect, it, vi } from 'vitest';
import { warmUp } from '../../../../src/entities/kms/workers/warm-up.ts';
import { DEFAULT_BOUNDS } from '../../../../src/ibe/bf-engine.ts';
import { defaultEngine } from '../../../../src/ibe/default-engine.ts';
import { smallDistricts } from '../../../ibe/support/groups.ts';

it('opens under the parameters of every serial that an engine keeps, one opening a step, with no master secret', () => {
  const [{ params } = { params: null }] = smallDistricts().slice(-1);
  if (params === null) throw new Error('no district');
  const serials = Array.from({ length: DEFAULT_BOUNDS.districts + 1 }, () => ({ bf: { ...params } }));
  const engine = defaultEngine();
  const open = vi.spyOn(engine, 'decryptWithMaster');
  let before = 0;
  for (const steps = warmUp(engine, serials); steps.next().done !== true; before = open.mock.calls.length)
    expect(open.mock.calls.length - before).toBeLessThan(2);
  const opened = new Set(open.mock.calls.map(([bf]) => bf));
  expect([...opened]).toEqual(serials.slice(0, DEFAULT_BOUNDS.districts).map(({ bf }) => bf));
  expect(open.mock.calls.every(([, masterSecret]) => masterSecret === 1n)).toBe(true);
  expect(open.mock.results.every(({ type, value }) => type === 'return' && value === null)).toBe(true);
});
