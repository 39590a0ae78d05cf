/** The built command line, for tests that start real processes. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { oneAtATime } from './one-at-a-time.ts';

const root = path.resolve(import.meta.dirname, '../..');

/** What `npm run build` makes. */
export const cli = path.join(root, 'dist/cli/main.js');

/** Builds (incrementally); test files that want the same wait for each other. */
export function buildOnce(): Promise<void> {
  return oneAtATime('build', () => {
    const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
    const built = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], {
      cwd: root,
      encoding: 'utf8',
    });
    if (built.status !== 0) throw new Error(built.stdout);
  });
}

/** A process of the command line, with standard input. */
export function piped(
  args: readonly string[],
  input: string,
): { status: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], { input, encoding: 'utf8' });
  return { status, out: stdout, err: stderr };
}
