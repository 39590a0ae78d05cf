/** An entity that may open few files, and strangers who connect: who provisions it still can. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildOnce, cli } from '../support/cli.ts';
import { ElementHome } from '../support/elements.ts';

/** Node.js itself opens some hundred while it loads. */
const FILES = 400;
const folder = mkdtempSync(path.join(tmpdir(), 'claviger-descriptors-'));

beforeAll(buildOnce, 180_000);
afterAll(() => rmSync(folder, { recursive: true }));

/** Strangers, each at an address of its own. */
function strangers(port: number, count: number, network: number): Socket[] {
  return Array.from({ length: count }, (_, at) =>
    connect({ host: '127.0.0.1', port, localAddress: `127.${network}.${at >> 7}.${(at & 127) + 1}` }).on(
      'error',
      () => undefined,
    ),
  );
}

it('R-72: strangers leave X1 its files, of 400 that a CSCF may open', { timeout: 60_000 }, async () => {
  const home = await ElementHome.create(folder);
  const settings = await home.settings('cscf', {});
  const config = {
    ...{ ...settings, x1: { ...settings.x1, listen: { port: 0 } } },
    ...{ domain: 'home1.example', host: 'cscf.home1.example', sip: { port: 0 } },
  };
  const file = path.join(folder, 'cscf.json');
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
  const command = `ulimit -n ${FILES} && exec "$0" "$@"`;
  const child = spawn('/bin/sh', ['-c', command, process.execPath, cli, 'cscf', 'run', '--config', file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const sockets: Socket[] = [];
  try {
    const line = await new Promise<string>((resolve, reject) => {
      createInterface({ input: child.stdout }).once('line', resolve);
      child.once('exit', () => reject(new Error('the CSCF has ended')));
    });
    const { sip, x1 } = JSON.parse(line) as Record<'sip' | 'x1', { port: number }>;
    sockets.push(...strangers(sip.port, 2 * FILES, 1), ...strangers(x1.port, FILES / 2, 2));
    await expect
      .poll(() => sockets.filter(({ connecting }) => connecting).length, { timeout: 30_000 })
      .toBe(0);
    const admf = await home.admf('cscf', x1.port);
    expect(await admf.request({ type: 'ListAllDetails' })).toMatchObject({ xids: [] });
    const open = (port: number): number =>
      sockets.filter(({ remotePort, destroyed }) => remotePort === port && !destroyed).length;
    await expect.poll(() => open(sip.port), { timeout: 30_000 }).toBeLessThanOrEqual(FILES / 2);
  } finally {
    for (const socket of sockets) socket.destroy();
    child.kill('SIGKILL');
    await home.close();
  }
});
