/** Entities of the demo's network as processes: what they tell, what they are told, and how they end. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { EntitySighting } from '../../../src/lab/network/entities.ts';
import { ProcessHosting } from '../../../src/lab/processes/process-hosting.ts';
import { EventSequence } from '../../../src/lab/processes/sequence.ts';
import { scenarioOf } from '../../../src/lab/scenarios/chosen.ts';

/** In an entity's place: answers, and tells first of what its configuration has. */
const STAND_IN = `
const [, , entity, , , file] = process.argv;
const { tells = [] } = JSON.parse(require('node:fs').readFileSync(file, 'utf8'));
const now = () => Number(process.hrtime.bigint()) / 1e6;
process.on('SIGTERM', () => process.exit(0));
process.once('disconnect', () => process.exit(1));
process.on('message', ({ kind, id, task, given }) => {
  if (kind === 'sync') process.send({ kind: 'done', id, result: null });
  else if (given === 'hang') return;
  else if (given === 'fail') process.send({ kind: 'failed', id, message: 'no room' });
  else process.send({ kind: 'done', id, result: [task, given] });
});
for (const { name, ago } of tells)
  process.send({ kind: 'seen', at: now() - ago, sighting: { kind: 'x1', from: entity, to: name, octets: new Uint8Array(1) } });
console.error(entity + ' was here');
console.log('{}');
`;

const root = mkdtempSync(path.join(tmpdir(), 'claviger-hosting-'));
const script = path.join(root, 'stand-in.cjs');
beforeAll(() => writeFileSync(script, STAND_IN));
afterAll(() => rmSync(root, { recursive: true }));

let hosting = new ProcessHosting({ folder: root, script });
afterEach(() => hosting.kill());

const names: string[] = [];
const sees = (sighting: EntitySighting): void => {
  if (sighting.kind === 'x1') names.push(sighting.to);
};

describe('entities of the demo as processes', () => {
  it('R-92: tell what they do in the order in which it happened, whoever is heard first', async () => {
    hosting = new ProcessHosting({ folder: root, script });
    names.length = 0;
    const tells = (...list: [string, number][]): { tells: object[] } => ({
      tells: list.map(([name, ago]) => ({ name, ago })),
    });
    await hosting.start('kms', 'home1', tells(['second', 8000], ['fourth', 4000]), sees);
    await hosting.start('df', 'home1', tells(['first', 9000], ['third', 5000]), sees);
    hosting.inOrder(() => names.push('last'));
    await hosting.settled();
    const told = names.filter((name) => !['second', 'fourth'].includes(name));
    expect(told).toEqual(['first', 'third', 'last']);
    expect(names).toHaveLength(5);
  });

  it('R-92: do what they are told, and say why where they cannot', async () => {
    hosting = new ProcessHosting({ folder: root, script });
    const admf = await hosting.start('admf', 'home1', {}, sees);
    expect(await admf.perform('withdraw', 'LIID-1')).toEqual(['withdraw', 'LIID-1']);
    await expect(admf.perform('withdraw', 'fail')).rejects.toMatchObject({
      code: 'process',
      message: 'admf.home1: no room',
    });
    await admf.stop();
    await expect(admf.perform('withdraw', 'LIID-1')).rejects.toThrow('admf.home1 has ended');
  });

  it('R-92: one that is killed ends the run, named, with the last that it said; who waits for it is told', async () => {
    hosting = new ProcessHosting({ folder: root, script });
    const broken = hosting.broken();
    const kms = await hosting.start('kms', 'home2', {}, sees);
    const lemf = await hosting.start('lemf', 'home2', {}, sees);
    const waits = kms.perform('withdraw', 'hang');
    await lemf.stop();
    process.kill(hosting.pids.get('kms.home2') ?? 0, 'SIGKILL');
    await expect(waits).rejects.toThrow('kms.home2 has ended');
    await expect(broken).rejects.toThrow(
      /^kms\.home2 ended by SIGKILL; the last that it said:\n {2}kms was here$/,
    );
  });

  it('R-92: get configurations that are for nobody else', async () => {
    hosting = new ProcessHosting({ folder: root, script });
    await hosting.start('kms', 'home1', { psk: 'a1' }, sees);
    expect(readFileSync(path.join(root, 'kms.home1.json'), 'utf8')).toBe('{"psk":"a1"}');
  });

  it('are not those of a run that is to be the same again', async () => {
    const options = { out: root, target: 'none', faults: [], revealSecrets: false } as const;
    await expect(scenarioOf({ ...options, processes: true, seed: 'x' })).rejects.toThrow(/seed/);
  });
});

describe('what several processes see', () => {
  it('R-92: is told at its own time, not at that of the telling', () => {
    const sequence = new EventSequence();
    const times: number[] = [];
    for (const at of [30, 10, 20]) sequence.add(at, () => times.push(sequence.now()));
    sequence.flush();
    expect(times).toEqual([10, 20, 30]);
    expect(sequence.now()).toBeGreaterThan(30);
  });

  it('is told without being asked for', async () => {
    const sequence = new EventSequence();
    await new Promise<void>((resolve) => sequence.add(sequence.now(), resolve));
  });
});
