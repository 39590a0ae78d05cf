/** An entity that cannot go on, as when another has taken its database: its process ends, so that it is started again. */
import { writeFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { runCommand } from '../../src/cli/commands/run.ts';
import type { Starter } from '../../src/cli/commands/run.ts';
import type { RunningOperated } from '../../src/host/operate.ts';
import { StorageError } from '../../src/storage/errors.ts';

// Of a process that does not end in time the rest is cut off: the one that runs tests is not to be.
beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

it('R-78: a process that has lost its database stops what runs, and fails', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'claviger-over-'));
  const config = path.join(folder, 'df.json');
  writeFileSync(config, '{}');
  const steps: string[] = [];
  let lose: (error: Error) => void = () => undefined;
  const over = new Promise<Error>((resolve) => (lose = resolve));
  const start: Starter = () => {
    const operated = {
      ...{ running: { over, stop: () => Promise.resolve() }, control: null, admin: null },
      stop: () => {
        steps.push('stopped');
        return Promise.resolve();
      },
    };
    setTimeout(() => lose(new StorageError('locked', 'another has it')), 10);
    return Promise.resolve(operated as unknown as RunningOperated);
  };
  const listeners = ['SIGINT', 'SIGTERM', 'SIGHUP'].map(
    (signal) => [signal, process.listeners(signal as 'SIGINT')] as const,
  );
  try {
    const running = runCommand('df', start).parseAsync(['--config', config, '--log', 'silent'], {
      from: 'user',
    });
    const failed = expect(running).rejects.toMatchObject({ code: 'locked' });
    await vi.advanceTimersByTimeAsync(100);
    await failed;
    expect(steps).toEqual(['stopped']);
  } finally {
    for (const [signal, before] of listeners)
      for (const listener of process.listeners(signal as 'SIGINT'))
        if (!before.includes(listener)) process.off(signal, listener);
    rmSync(folder, { recursive: true });
  }
});
