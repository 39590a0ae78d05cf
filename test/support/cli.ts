/** The built command line, for tests that start real processes. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmdirSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../..');

/** What `npm run build` makes. */
export const cli = path.join(root, 'dist/cli/main.js');

/** Builds (incrementally); test files that want the same wait for each other. */
export async function buildOnce(): Promise<void> {
  const lock = path.join(root, 'node_modules/.cache-claviger-build');
  for (let tries = 0; !locked(lock); tries++) {
    if (tries > 600) throw new Error(`another build holds ${lock}; remove it if none is running`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  try {
    const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
    const built = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], {
      cwd: root,
      encoding: 'utf8',
    });
    if (built.status !== 0) throw new Error(built.stdout);
  } finally {
    rmdirSync(lock);
  }
}

function locked(lock: string): boolean {
  try {
    mkdirSync(lock);
    return true;
  } catch {
    return false;
  }
}
