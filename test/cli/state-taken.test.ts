/** State has one process: a second `claviger ENTITY run` on it does not start, and says who has it. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ENTITIES } from '../../src/lab/network/home.ts';
import { Network } from '../../src/lab/network/network.ts';
import { Timeline } from '../../src/lab/timeline.ts';
import { buildOnce, cli } from '../support/cli.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-state-'));
let network: Network;

beforeAll(async () => {
  await buildOnce();
  network = await Network.start({
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

it.each(ENTITIES)(
  'R-78: a second start of the same %s is refused with 1, and told who has its state and what to do',
  { timeout: 60_000 },
  (entity) => {
    const file = path.join(folder, `${entity}.json`);
    writeFileSync(file, JSON.stringify(network.configOf(entity, 'home1')), { mode: 0o600 });
    const command = [cli, entity, 'run', '--config', file, '--log', 'silent'];
    const second = spawnSync(process.execPath, command, { encoding: 'utf8', timeout: 30_000 });
    expect([second.status, second.stdout]).toEqual([1, '']);
    const holder = new RegExp(
      `^claviger: (\\S+) is in use by ${entity}, process ${process.pid}, since \\d{4}-[\\d-]+T[\\d:.]+Z\n`,
    );
    expect(second.stderr).toMatch(holder);
    expect(holder.exec(second.stderr)?.[1]).toContain(path.join(folder, 'home1'));
    expect(second.stderr).toContain('hint: Stop that process, or give this one state of its own.\n');
  },
);
