/** What test files in processes of their own want once: the first does it, and the others wait for it. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const locks = path.resolve(import.meta.dirname, '../../.test-results');

/** Does `work` while no other process of the tests does what has the same name. */
export async function oneAtATime<Result>(
  name: string,
  work: () => Result | Promise<Result>,
): Promise<Result> {
  mkdirSync(locks, { recursive: true });
  const lock = path.join(locks, `${name}.lock`);
  while (!taken(lock)) await new Promise((resolve) => setTimeout(resolve, 200));
  try {
    return await work();
  } finally {
    rmSync(lock, { force: true });
  }
}

function taken(lock: string): boolean {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' });
    return true;
  } catch {
    // A run that was killed leaves its lock.
    if (!isRunning(lock)) rmSync(lock, { force: true });
    return false;
  }
}

function isRunning(lock: string): boolean {
  try {
    const pid = Number(readFileSync(lock, 'utf8'));
    // Nothing is in it yet: it has just been made.
    if (pid === 0) return true;
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
