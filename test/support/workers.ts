/**
 * Worker threads are run by plain node, which does not read TypeScript: under test a worker is a bundle, made once when
 * the module that starts it is first asked for.
 */
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Plugin } from 'vite';
import { script } from './script.ts';

interface WorkerModule {
  /** The module that starts it. */
  readonly starter: string;
  /** As it is named there. */
  readonly built: string;
  readonly entry: string;
}

/** That of the stores that commit in a thread. */
export const COMMITTING: WorkerModule = {
  starter: '/src/storage/commit-thread.ts',
  built: "new URL('./commit-worker.js', import.meta.url)",
  entry: 'src/storage/commit-worker.ts',
};

const WORKERS: readonly WorkerModule[] = [
  {
    starter: '/src/entities/gateway/workers/relay-thread.ts',
    built: "new URL('./relay-worker.js', import.meta.url)",
    entry: 'src/entities/gateway/workers/relay-worker.ts',
  },
  {
    starter: '/src/entities/kms/workers/pairing-pool.ts',
    built: "new URL('./pairing-worker.js', import.meta.url)",
    entry: 'src/entities/kms/workers/pairing-worker.ts',
  },
  {
    starter: '/src/entities/kms/workers/question-pool.ts',
    built: "new URL('./question-worker.js', import.meta.url)",
    entry: 'src/entities/kms/workers/question-worker.ts',
  },
  {
    starter: '/src/entities/lemf/workers/numbering-thread.ts',
    built: "new URL('./numbering-worker.js', import.meta.url)",
    entry: 'src/entities/lemf/workers/numbering-worker.ts',
  },
  {
    starter: '/src/entities/lemf/workers/recovery-thread.ts',
    built: "new URL('./recovery-worker.js', import.meta.url)",
    entry: 'src/entities/lemf/workers/recovery-worker.ts',
  },
  {
    starter: '/src/cli/workbench/export-thread.ts',
    built: "new URL('./export-worker.js', import.meta.url)",
    entry: 'src/cli/workbench/export-worker.ts',
  },
  COMMITTING,
];

/** @param within a folder of bundles, by default of its own for each worker */
export function bundledWorkers(workers = WORKERS, within = ''): Plugin {
  const scripts = new Map<string, Promise<string>>();
  return {
    name: 'claviger-workers',
    enforce: 'pre',
    async transform(code, id) {
      const worker = workers.find(({ starter }) => id.endsWith(starter));
      if (worker === undefined) return null;
      const { starter, built, entry } = worker;
      if (!code.includes(built)) throw new Error(`${starter} names its worker in another way`);
      const bundled =
        scripts.get(entry) ?? script(entry, { folder: path.join(within, path.basename(entry, '.ts')) });
      scripts.set(entry, bundled);
      return code.replace(built, `new URL(${JSON.stringify(pathToFileURL(await bundled).href)})`);
    },
  };
}
