/**
 * Worker threads are run by plain node, which does not read TypeScript: under test the pool's worker is a bundle, made once
 * when the pool's module is first asked for.
 */
import { pathToFileURL } from 'node:url';
import type { Plugin } from 'vite';
import { bundle } from './process.ts';

const BUILT = "new URL('./pairing-worker.js', import.meta.url)";

export function pairingWorker(): Plugin {
  let script: Promise<string> | null = null;
  return {
    name: 'claviger-pairing-worker',
    enforce: 'pre',
    async transform(code, id) {
      if (!id.endsWith('/src/entities/kms/workers/pairing-pool.ts')) return null;
      if (!code.includes(BUILT)) throw new Error('the pool names its worker in another way');
      script ??= bundle('src/entities/kms/workers/pairing-worker.ts');
      return code.replace(BUILT, `new URL(${JSON.stringify(pathToFileURL(await script).href)})`);
    },
  };
}
