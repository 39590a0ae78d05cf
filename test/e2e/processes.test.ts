/**
 * `claviger demo --processes`: twelve processes that end with the demo, and it with any of them. It takes half a minute
 * of two cores, and so runs with `CLAVIGER_SLOW` alone; what it is made of is tested in `test/lab/processes`.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { DemoReport } from '../../src/lab/scenarios/report.ts';
import { claviger } from '../cli/in-process.ts';
import { buildOnce, cli } from '../support/cli.ts';
import { temporaryFolder } from './support.ts';

const isSlowRun = process.env['CLAVIGER_SLOW'] !== undefined;
const folder = temporaryFolder();
beforeAll(() => (isSlowRun ? buildOnce() : undefined), 180_000);
afterAll(() => folder.remove());

interface Demo {
  readonly child: ChildProcess;
  out: string;
  err: string;
}

function demo(out: string, ...args: string[]): Demo {
  const child = spawn(process.execPath, [cli, 'demo', '--processes', '--out', out, ...args]);
  const run: Demo = { child, out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => (run.out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (run.err += chunk.toString()));
  return run;
}

/** Process numbers of the entities that a demo has started, by what they are. */
function entitiesOf({ child }: Demo): Map<string, number> {
  const found = new Map<string, number>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const parent = /^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
      const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      const config = args.find((each) => /(\w+\.home\d)\.json$/.test(each)) ?? '';
      const name = /(\w+\.home\d)\.json$/.exec(config)?.[1];
      if (Number(parent) === child.pid && name !== undefined) found.set(name, Number(pid));
    } catch {
      // It has ended meanwhile.
    }
  }
  return found;
}

if (isSlowRun) {
  it('R-92: the demo of processes makes the checks that the other makes, and leaves the same', async () => {
    const out = folder.at('out');
    const run = demo(out, '--json');
    await once(run.child, 'close');
    const report = JSON.parse(run.out) as DemoReport;
    expect(report.checks.filter(({ passed }) => !passed)).toEqual([]);
    expect([run.child.exitCode, report.passed, report.checks.length > 8]).toEqual([0, true, true]);
    expect(readdirSync(out).sort()).toEqual([
      ...['home1', 'home2', 'recovered-alice.wav', 'recovered-bob.wav'],
      ...['report.html', 'report.json', 'signalling'],
      ...['spoken-alice.wav', 'spoken-bob.wav'],
    ]);
    expect(readdirSync(folder.at('out', 'signalling')).filter((name) => name.includes('unknown'))).toEqual(
      [],
    );
  }, 240_000);

  it('R-92: an entity that is killed ends it, named; a signal ends all of them', async () => {
    const killed = demo(folder.at('killed'));
    await expect.poll(() => killed.out, { timeout: 120_000 }).toContain('is up');
    await expect.poll(() => entitiesOf(killed).has('lemf.home1'), { timeout: 120_000 }).toBe(true);
    await expect.poll(() => killed.out, { timeout: 120_000 }).toContain('warrant LIID-ALICE');
    const all = entitiesOf(killed);
    expect(all.size).toBe(12);
    process.kill(all.get('lemf.home1') ?? 0, 'SIGKILL');
    await once(killed.child, 'close');
    expect([killed.child.exitCode, killed.err]).toEqual([
      1,
      expect.stringContaining('lemf.home1 ended by SIGKILL'),
    ]);
    const ended = demo(folder.at('ended'));
    await expect.poll(() => ended.out, { timeout: 120_000 }).toContain('df.home1.example is up');
    const some = [...entitiesOf(ended).values()];
    expect(some.length).toBeGreaterThan(2);
    ended.child.kill('SIGTERM');
    await once(ended.child, 'close');
    expect(ended.child.exitCode).toBe(143);
    const isGone = (pid: number): boolean => {
      try {
        process.kill(pid, 0);
        return false;
      } catch {
        return true;
      }
    };
    await expect.poll(() => [...all.values(), ...some].every(isGone), { timeout: 30_000 }).toBe(true);
  }, 400_000);
}

it('R-92: a run that is to be the same again is none of processes, and leaves nothing', async () => {
  const out = folder.at('seeded');
  const { status, err } = await claviger('demo', '--processes', '--seed', 'x', '--out', out);
  expect([status, err]).toEqual([2, expect.stringContaining('a seed makes two runs the same')]);
  expect(existsSync(out)).toBe(false);
});
