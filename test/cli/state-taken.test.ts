/** State has one process: a second `claviger ENTITY run` on it does not start, and says who has it. */
import type { ChildProcess } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ENTITIES } from '../../src/lab/network/home.ts';
import { Network } from '../../src/lab/network/network.ts';
import { Timeline } from '../../src/lab/timeline.ts';
import { buildOnce, cli } from '../support/cli.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-state-'));
let network: Network;

beforeAll(async () => {
  await buildOnce();
  network = await Network.layOut({
    state: folder,
    out: null,
    users: { home1: ['alice'], home2: [] },
    timeline: new Timeline(() => performance.now()),
  });
}, 180_000);

afterAll(async () => {
  await network.stop();
  rmSync(folder, { recursive: true });
});

/** The line by which an entity says that it runs. */
function running({ stdout }: ChildProcess, ended: Promise<unknown>): Promise<string> {
  return new Promise((resolve, reject) => {
    if (stdout === null) throw new Error('no standard output');
    createInterface({ input: stdout }).once('line', resolve);
    void ended.then((status) => reject(new Error(`it ended with ${String(status)}`)));
  });
}

it.each(ENTITIES)(
  'R-78: a second start of the same %s is refused with 1, and told who has its state and what to do',
  { timeout: 60_000 },
  async (entity) => {
    const file = path.join(folder, `${entity}.json`);
    writeFileSync(file, JSON.stringify(network.configOf(entity, 'home1')), { mode: 0o600 });
    const command = [cli, entity, 'run', '--config', file, '--log', 'silent'];
    const first = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = new Promise((resolve) => first.once('exit', (code, signal) => resolve(code ?? signal)));
    try {
      expect(JSON.parse(await running(first, ended))).toMatchObject({ entity });
      const second = spawnSync(process.execPath, command, { encoding: 'utf8', timeout: 30_000 });
      expect([second.status, second.stdout]).toEqual([1, '']);
      const holder = new RegExp(
        `^claviger: (\\S+) is in use by ${entity}, process ${String(first.pid)}, since \\d{4}-[\\d-]+T[\\d:.]+Z\n`,
      );
      expect(second.stderr).toMatch(holder);
      expect(holder.exec(second.stderr)?.[1]).toContain(path.join(folder, 'home1'));
      expect(second.stderr).toContain('hint: Stop that process, or give this one state of its own.\n');
      // The first goes on, and ends as it should.
      first.kill('SIGTERM');
      expect(await ended).toBe(0);
    } finally {
      first.kill('SIGKILL');
    }
  },
);
