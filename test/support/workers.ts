/**
 * Worker threads are run by plain node, which does not read TypeScript: under test a worker is a bundle, made once when
 * the module that starts it is first asked for.
 */
import { pathToFileURL } from 'node:url';
import type { Plugin } from 'vite';
import { bundle } from './process.ts';

interface WorkerModule {
  /** The module that starts it. */
  readonly starter: string;
  /** As it is named there. */
  readonly built: string;
  readonly entry: string;
}

const WORKERS: readonly WorkerModule[] = [
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
];

export function bundledWorkers(): Plugin {
  const scripts = new Map<string, Promise<string>>();
  return {
    name: 'claviger-workers',
    enforce: 'pre',
    async transform(code, id) {
      const worker = WORKERS.find(({ starter }) => id.endsWith(starter));
      if (worker === undefined) return null;
      const { starter, built, entry } = worker;
      if (!code.includes(built)) throw new Error(`${starter} names its worker in another way`);
      const script = scripts.get(entry) ?? bundle(entry);
      scripts.set(entry, script);
      return code.replace(built, `new URL(${JSON.stringify(pathToFileURL(await script).href)})`);
    },
  };
}
