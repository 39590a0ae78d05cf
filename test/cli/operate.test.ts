/** `claviger status`, `alarms`, `metrics`, `reload`, `drain`, `log-level` of entities that run. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Network } from '../../src/lab/network/network.ts';
import { Timeline } from '../../src/lab/timeline.ts';
import { operate } from '../host/support/operated.ts';
import type { OperatedEntity } from '../host/support/operated.ts';
import { claviger } from './in-process.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-ask-'));
let network: Network;
let df: OperatedEntity;
let lemf: OperatedEntity;

beforeAll(async () => {
  network = await Network.layOut({
    state: folder,
    out: null,
    users: { home1: ['alice'], home2: [] },
    timeline: new Timeline(() => performance.now()),
  });
  df = await operate('df', network.configOf('df', 'home1'), folder);
  lemf = await operate('lemf', network.configOf('lemf', 'home1'), folder);
}, 60_000);

afterAll(async () => {
  await lemf.stop();
  await df.stop();
  await network.stop();
  rmSync(folder, { recursive: true });
});

describe('claviger status', () => {
  it('R-93: says all of one entity, found by its configuration', async () => {
    const { status, out } = await claviger('status', '--config', df.file);
    expect(out).toMatch(/^entity {6}df df\.home1\.example, version \S+, process \d+\n/);
    expect(out).toMatch(/^ready {7}yes\n/m);
    expect(out).toMatch(/^certificate CN=df\.home1\.example, until \S+ \(\d days\)\n/m);
    expect(status).toBe(0);
  });

  it('R-93: has a line for each of several, found in the folder of their state', async () => {
    const { status, out } = await claviger('status', '--state', folder);
    const [head, ...lines] = out.trimEnd().split('\n');
    expect(head).toMatch(/^ENTITY +NAME +READY/);
    expect(lines.map((line) => line.split(/ +/).slice(0, 3))).toEqual([
      ['df', 'df.home1.example', 'yes'],
      ['lemf', 'lemf.home1.example', 'yes'],
    ]);
    expect(status).toBe(0);
  });

  it('R-93: ends with 1 where one is not ready, and says why', async () => {
    const kept = vi.spyOn(df.operated.operation.audit!, 'problem').mockReturnValue('no space is left');
    await new Promise((resolve) => setTimeout(resolve, 300));
    const { status, out, err } = await claviger('status', '--config', df.file, '--json');
    kept.mockRestore();
    expect([status, JSON.parse(out)]).toMatchObject([1, [{ ready: false, auditWritable: false }]]);
    expect(err).toContain('hint: df.home1.example: the audit log: no space is left\n');
    await new Promise((resolve) => setTimeout(resolve, 300));
  });
});

it.each([
  [['status'], 2, 'which entity?'],
  [['status', '--state', '/nowhere'], 1, 'cannot read the folder /nowhere'],
  [['status', '--config', '/nowhere.json'], 1, 'cannot read /nowhere.json'],
  [['log-level', 'loud', '--state', '.'], 2, "'loud' is invalid"],
  [['drain', '--state', '.', '--ms', '-1'], 2, 'not a whole number'],
  [['drain', '--state', '.', '--ms', '1e3'], 2, 'not a whole number'],
])('R-93: claviger %j is refused with %i, and what is wrong', async (args, code, expected) => {
  const { status, out, err } = await claviger(...args);
  expect(err).toContain(expected);
  expect([status, out]).toEqual([code, '']);
});

it('R-93: a folder without sockets, and a configuration of nobody, are refused', async () => {
  const empty = path.join(folder, 'empty');
  mkdirSync(empty);
  expect((await claviger('alarms', '--state', empty)).err).toContain('has no control socket');
  const file = path.join(empty, 'x.json');
  writeFileSync(file, '{}');
  expect((await claviger('alarms', '--config', file)).err).toContain('does not say where');
  writeFileSync(file, JSON.stringify({ state: empty }));
  expect((await claviger('alarms', '--config', file)).err).toContain('no entity answers at');
});

it('R-93: the other commands do what they say', async () => {
  const metrics = await claviger('metrics', '--config', df.file);
  expect(metrics.out).toContain('claviger_info{entity="df",version=');
  expect((await claviger('metrics', '--state', folder)).err).toContain('one at a time');
  expect((await claviger('log-level', 'debug', '--config', df.file)).out).toMatch(/: debug\n$/);
  expect((await claviger('log-level', '--config', df.file, '--config', lemf.file)).out).toMatch(
    /: debug\n.*: info\n$/,
  );
  expect(await claviger('drain', '--state', folder)).toMatchObject({ status: 0 });
  const certificate = readFileSync(df.file, 'utf8');
  writeFileSync(df.file, '{');
  const refused = await claviger('reload', '--config', lemf.file, '--state', folder);
  expect([refused.status, refused.out]).toEqual([1, expect.stringContaining('not taken: ')]);
  const alarms = await claviger('alarms', '--state', folder);
  expect(alarms.out).toMatch(/^ENTITY +SEVERITY +SINCE +ALARM/);
  expect(alarms.out).toMatch(/^df\.home1\.example +warning +\S+ +reload-refused /m);
  writeFileSync(df.file, certificate);
  expect((await claviger('reload', '--config', df.file)).status).toBe(0);
});
