/** A disk that is soon full, for tests of what is done then: a file system in memory, which only root can mount. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export interface TinyDisk {
  readonly path: string;
  at(...names: string[]): string;
  /** Takes all the room but for some kilobytes. */
  fill(leave?: number): void;
  remove(): void;
}

/** @param kilobytes that it holds @returns `null` (with a message) where it cannot be mounted */
export function tinyDisk(kilobytes: number): TinyDisk | null {
  const folder = mkdtempSync(path.join(tmpdir(), 'claviger-tiny-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${kilobytes}k`, 'tmpfs', folder]);
  if (mounted.status !== 0) {
    rmSync(folder, { recursive: true });
    console.warn('skipped: no file system can be mounted here');
    return null;
  }
  return {
    path: folder,
    at: (...names) => path.join(folder, ...names),
    fill: (leave = 0) =>
      writeFileSync(path.join(folder, 'filler'), new Uint8Array((kilobytes - leave) * 1024)),
    remove: () => {
      spawnSync('umount', ['-l', folder]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
